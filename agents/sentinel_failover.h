// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SENTINEL FAILOVER, as this node's redis-watch asks for it (authority=sentinel). Sentinel takes no
 * name: it chooses by replica-priority first, so the other servers stand back with priority 0, and
 * the wish is carried out when Sentinel lists them so (it asks each server every 10 s).
 */
#ifndef RHA_SENTINEL_FAILOVER_H
#define RHA_SENTINEL_FAILOVER_H

#include "redis_async.h"
#include "sentinel_server.h"
#include "sentinel_view.h"

struct sentinel_failover;

/* `look`: Sentinel is to be asked at once what it does. */
struct sentinel_failover *sentinel_failover_new(const struct sentinel_server *server,
                                                void (*look)(void *data), void *data);
void sentinel_failover_free(struct sentinel_failover *failover); /* NULL-safe */

/* `failover HOST PORT`, to that server, or `failover any 0`. It lapses unless it is said again
 * within three seconds. false: it is no such line. */
bool sentinel_failover_wish(struct sentinel_failover *failover, const char *line);
/* Sentinel has answered, over that connection: what is wished and can be done is. */
void sentinel_failover_seen(struct sentinel_failover *failover, struct redis_async *asks);

/*
 * Pure: by what Sentinel lists, whether that server would be chosen. NULL: it would; else why not,
 * to be freed by the caller.
 */
char *sentinel_failover_obstacle(const struct sentinel_entry *replicas, size_t count,
                                 const char *host, int port);

#endif
