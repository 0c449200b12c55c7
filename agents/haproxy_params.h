// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The values of ocf:redis-ha:haproxy's parameters. The table that fills them is in
 * haproxy_params.c.
 */
#ifndef RHA_HAPROXY_PARAMS_H
#define RHA_HAPROXY_PARAMS_H

#include "param.h"
#include <stdint.h>

struct haproxy_params {
    const char *binary;       /* NULL: the haproxy that is installed */
    const char *config;       /* a file, or a folder of *.cfg */
    const char *user;         /* NULL: as we are; HAProxy gives up root by its own `user` line */
    const char *stats_socket; /* NULL: the config's `stats socket` */
    const char *backend;      /* NULL: all */
    int64_t drain_timeout_s;
    int64_t max_old_workers;
    const char *reload_token; /* NULL: none */
};

extern const struct param haproxy_param_table[];

#endif
