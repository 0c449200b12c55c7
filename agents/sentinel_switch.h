// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Has the local Sentinel name the primary that Pacemaker promoted, by a hello with an epoch that
 * is the same for all Sentinels.
 */
#ifndef RHA_SENTINEL_SWITCH_H
#define RHA_SENTINEL_SWITCH_H

#include "loop.h"
#include "redis_async.h"
#include "sentinel_server.h"
#include "sentinel_view.h"

struct sentinel_switch;

/* `look`: Sentinel is to be asked what it names, and that given to sentinel_switch_seen. 0 or
 * -errno. */
int sentinel_switch_open(struct loop *loop, const struct sentinel_server *server,
                         void (*look)(void *data), void *data, struct sentinel_switch **made);
/* What Sentinel said when it was asked last. `asks`: a connection to it, for questions of ours. */
/* `harm`: sentinel_members_word. */
void sentinel_switch_seen(struct sentinel_switch *change, struct redis_async *asks,
                          const struct sentinel_view *view, const char *harm);
void sentinel_switch_close(struct sentinel_switch *change); /* NULL-safe */

#endif
