// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HAProxy's runtime API on its stats socket: one command, one answer, under a deadline; and the
 * pure readers of those answers.
 */
#ifndef RHA_HAPROXY_STATS_H
#define RHA_HAPROXY_STATS_H

#include "clock.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0 with *answer (caller frees); -ENOENT, -ECONNREFUSED: nobody there; -ETIMEDOUT; -EFBIG: more
 * than 16 MiB; -errno. */
int haproxy_ask(const char *socket_path, const char *command, struct deadline deadline,
                char **answer);

struct haproxy_info { /* show info */
    char version[32];
    pid_t pid;
    int64_t uptime_s;
    int64_t current_connections;
    bool stopping;
};
/* 0, or -EINVAL where it has no version or pid. */
int haproxy_info_parse(const char *text, struct haproxy_info *info);

struct haproxy_health { /* show stat, summed */
    size_t frontends, frontends_open;
    size_t servers; /* of `backend`, or of all */
    size_t servers_usable;
    /* HAProxy uses them, but no check has passed yet since it began, or the last ones failed. */
    size_t servers_unsure;
    bool backend_found;
};
/* CSV of `show stat`. `backend` NULL or "": all. 0, or -EINVAL where it is none or is cut off. */
int haproxy_health_parse(const char *csv, const char *backend, struct haproxy_health *health);

#endif
