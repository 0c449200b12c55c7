// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which Redis is the primary, asked of the servers themselves. The redis agent leaves in its run
 * folder where they are, so that no monitor has to ask corosync.
 */
#ifndef RHA_SENTINEL_PRIMARY_H
#define RHA_SENTINEL_PRIMARY_H

#include "node_address.h"
#include "sentinel_server.h"

enum primary_answer {
    PRIMARY_NONE,    /* no server answers as primary */
    PRIMARY_ONE,     /* exactly one does */
    PRIMARY_SEVERAL, /* which one is right cannot be told by asking */
};

/* Asks every server, each for a short while. *primary is valid with PRIMARY_ONE. */
enum primary_answer sentinel_ask_all(const struct sentinel_server *server, struct peer *primary);

/* What this node's Redis says: itself, or the one that it follows. One question. false: no answer.
 */
bool sentinel_ask_local(const struct sentinel_server *server, struct peer *primary);

/* Where this node's own Redis is; without a note, at this node's address and Redis's usual port. */
void sentinel_local_redis(const struct sentinel_server *server, struct peer *local);

/* The redis agent on this node said authority=pacemaker. */
bool sentinel_must_obey_pacemaker(const struct sentinel_server *server);
/* The same, or it said nothing: Sentinel may be told. */
bool sentinel_obeys_pacemaker(const struct sentinel_server *server);

#endif
