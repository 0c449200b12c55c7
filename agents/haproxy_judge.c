// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Judges one look at HAProxy.
 */
#include "haproxy_judge.h"

#include "util.h"

enum haproxy_verdict haproxy_judge(const struct haproxy_info *info,
                                   const struct haproxy_health *health, const char *backend)
{
    if (info->stopping)
        return HAPROXY_STOPPING;
    if (health->frontends && !health->frontends_open)
        return HAPROXY_CLOSED;
    if (health->frontends_open < health->frontends)
        return HAPROXY_PART_CLOSED;
    if (!str_is_empty(backend) && !health->backend_found)
        return HAPROXY_NO_BACKEND;
    if (!health->servers_usable && health->servers_unsure)
        return HAPROXY_UNSURE;
    if (health->servers ? !health->servers_usable : !str_is_empty(backend))
        return HAPROXY_NO_SERVER;
    return HAPROXY_SERVES;
}

const char *haproxy_verdict_status(enum haproxy_verdict verdict, const char *last)
{
    switch (verdict) {
    case HAPROXY_SERVES:
        return "up";
    case HAPROXY_UNSURE:
        return str_eq(last, "degraded") ? "degraded" : "up";
    case HAPROXY_NO_SERVER:
    case HAPROXY_NO_BACKEND:
    case HAPROXY_PART_CLOSED:
        return "degraded";
    case HAPROXY_STOPPING:
        return "draining";
    case HAPROXY_CLOSED:
        break;
    }
    return "down";
}
