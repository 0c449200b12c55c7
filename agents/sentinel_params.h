// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The values of ocf:redis-ha:sentinel's parameters. The table that fills them is in
 * sentinel_params.c.
 */
#ifndef RHA_SENTINEL_PARAMS_H
#define RHA_SENTINEL_PARAMS_H

#include "param.h"
#include <stdint.h>

struct sentinel_params {
    const char *binary; /* NULL: the first of redis-sentinel, valkey-sentinel that is installed */
    const char *config; /* NULL: nothing to take over */
    const char *user;   /* NULL: redis, else valkey */
    const char *redis;  /* id of the redis resource */
    int64_t port;
    const char *address; /* NULL: this node's */
    const char *master_name;
    int64_t quorum;
    int64_t down_after_ms;
    int64_t failover_timeout_ms;
    int64_t parallel_syncs;
    const char *auth_file;
};

extern const struct param sentinel_param_table[];

#endif
