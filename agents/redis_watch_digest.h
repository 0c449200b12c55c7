// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INFO in the protocol's words, and where the other nodes' servers are.
 */
#ifndef RHA_REDIS_WATCH_DIGEST_H
#define RHA_REDIS_WATCH_DIGEST_H

#include "redis_info.h"
#include "redis_watch.h"

#define WATCH_STRANGER UINT32_MAX /* follows a server that is none of ours */

/* All but `order`, which is the connection's. */
struct protocol_digest watch_digest(struct watch *watch, const struct redis_info *info);
/* As `start` noted it. 0, -ENOENT, -errno. */
int watch_peer_address(struct watch *watch, uint32_t node, char *host, size_t size, int *port);

/* The node whose server is there, this one's too; WATCH_STRANGER: none of ours. */
uint32_t watch_node_at(struct watch *watch, const char *host, int port);

#endif
