// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The values of ocf:redis-ha:redis's parameters. The table that fills them is in redis_params.c.
 */
#ifndef RHA_REDIS_PARAMS_H
#define RHA_REDIS_PARAMS_H

#include "param.h"
#include <stdbool.h>
#include <stdint.h>

enum redis_authority {
    AUTHORITY_PACEMAKER,
    AUTHORITY_SENTINEL,
};

struct redis_params {
    const char *binary; /* NULL: the first of redis-server, valkey-server that is installed */
    const char *config; /* NULL: the distribution's redis.conf */
    const char *user;
    int64_t port;        /* 0: as config says */
    const char *address; /* NULL: this node's */
    const char *auth_file;
    int authority; /* enum redis_authority */
    int64_t down_after_ms;
    int64_t max_lag_bytes; /* 0: no limit */
    bool tls;
    const char *tls_ca_file, *tls_cert_file, *tls_key_file;
};

extern const struct param redis_param_table[];

#endif
