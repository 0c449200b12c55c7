// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What HAProxy's own numbers mean. Pure.
 */
#ifndef RHA_HAPROXY_JUDGE_H
#define RHA_HAPROXY_JUDGE_H

#include "haproxy_stats.h"

enum haproxy_verdict {
    HAPROXY_SERVES,
    HAPROXY_NO_SERVER,   /* no usable server: clients get errors */
    HAPROXY_NO_BACKEND,  /* the backend that counts is not in the running configuration */
    HAPROXY_PART_CLOSED, /* some listeners take no connection: paused by an operator, or a reload */
    HAPROXY_CLOSED,      /* none does */
    HAPROXY_STOPPING,    /* it was told to stop and lets its sessions end */
};

/* The worst that applies. A configuration without any server has none to miss. */
enum haproxy_verdict haproxy_judge(const struct haproxy_info *info,
                                   const struct haproxy_health *health, const char *backend);
/* The value of `<haproxy>-status`. */
const char *haproxy_verdict_status(enum haproxy_verdict verdict);

#endif
