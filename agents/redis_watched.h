// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the redis agent does differently where redis-watch stands by (redis_server_is_watched): the
 * score is the watch's, its word counts in a monitor, and a demotion brings a dead server back.
 */
#ifndef RHA_REDIS_WATCHED_H
#define RHA_REDIS_WATCHED_H

#include "redis_companion.h"
#include "redis_look.h"
#include "redis_server.h"

/* A recurring monitor, or a probe, of a watched server: the watch is kept running, and asked. */
enum ocf_exit redis_watched_monitor(const struct redis_server *server, struct redis_view *view);

/*
 * A crashed primary comes back as a replica of nobody: the state that demote promises, and
 * Pacemaker goes on with the promotion instead of recovering this server first. One that cannot, or
 * crashes again and again, stays down: success where a watch stands by (`word`), so that all the
 * same another is promoted first, and the next monitor tells; else OCF_NOT_RUNNING.
 */
enum ocf_exit redis_bring_back(const struct redis_server *server, const struct companion_word *word,
                               struct redis_view *view);
/* Likewise of one that hangs: what waits in its sockets must not be carried out when it wakes. */
enum ocf_exit redis_replace_hung(const struct redis_server *server,
                                 const struct companion_word *word, struct redis_view *view);

#endif
