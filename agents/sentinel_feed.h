// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sentinel-feed, the resident companion of a Sentinel in a cluster: it keeps the node attributes
 * that the agent would write at each monitor only.
 */
#ifndef RHA_SENTINEL_FEED_H
#define RHA_SENTINEL_FEED_H

#include "companion.h"
#include "sentinel_server.h"

struct companion sentinel_feed_of(const struct ocf_context *context);

/* Whether one runs and answers: then the attributes are its own to write. Sets server->fed. */
bool sentinel_feed_look(struct sentinel_server *server);
/* The same, and one that does not is launched. A failure is logged: the agent goes on without. */
void sentinel_feed_keep(struct sentinel_server *server);
/* Ends it, whereupon the agent writes. */
void sentinel_feed_end(struct sentinel_server *server);

#endif
