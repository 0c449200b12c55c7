// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What HAProxy's own numbers mean. Pure.
 */
#ifndef RHA_HAPROXY_JUDGE_H
#define RHA_HAPROXY_JUDGE_H

#include "haproxy_stats.h"

enum haproxy_verdict {
    HAPROXY_SERVES,
    HAPROXY_UNSURE,      /* the checks of no server have told for sure: see servers_unsure */
    HAPROXY_NO_SERVER,   /* no usable server: clients get errors */
    HAPROXY_NO_BACKEND,  /* the backend that counts is not in the running configuration */
    HAPROXY_PART_CLOSED, /* some listeners take no connection: paused by an operator, or a reload */
    HAPROXY_CLOSED,      /* none does */
    HAPROXY_STOPPING,    /* it was told to stop and lets its sessions end */
};

/* The worst that applies. A configuration without any server has none to miss. */
enum haproxy_verdict haproxy_judge(const struct haproxy_info *info,
                                   const struct haproxy_health *health, const char *backend);
/*
 * The value of `<haproxy>-status`; `last` is the one before, NULL where there was none. A worker
 * begins with every server up, so after a start or reload HAPROXY_UNSURE changes nothing: else each
 * reload of a node without a usable server would call it up until its checks have failed again.
 */
const char *haproxy_verdict_status(enum haproxy_verdict verdict, const char *last);

#endif
