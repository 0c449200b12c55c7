// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the other nodes' servers say when they are asked directly, by INFO. For actions that change
 * something, and for a monitor that finds no link: never on the quiet path.
 */
#ifndef RHA_REDIS_PEERS_H
#define RHA_REDIS_PEERS_H

#include "node_address.h"
#include "redis_info.h"
#include "redis_server.h"

enum peer_answer {
    PEER_ABSENT,    /* nobody is there: the connection was refused */
    PEER_NO_ANSWER, /* not in time: nothing is known of it */
    PEER_REFUSED,   /* it answers, but does not let us in; `problem` says why */
    PEER_TOLD,      /* info is valid */
};

struct peer_view {
    struct peer peer;
    enum peer_answer answer;
    struct redis_info info;
    char problem[256];
};

struct peers_view {
    size_t count;
    struct peer_view peer[NODES_MAX];
};

/* Asks every peer that `start` noted, each at most PEER_WAIT_MS and all until the deadline. */
void redis_peers_ask(const struct redis_server *server, struct deadline deadline,
                     struct peers_view *peers);
/* The one peer that is a primary; NULL for none and, with *several, for more than one. */
const struct peer *redis_peers_primary(const struct peers_view *peers, bool *several);
/* The peer on the node of that name; NULL. */
const struct peer *redis_peers_find(const struct peers_view *peers, const char *node);

/* How many peers did not tell their position, though there may be a server. */
size_t redis_peers_unknown(const struct peers_view *peers);

/* How many peers hold newer data than `own`; *who is one of them, else NULL. */
size_t redis_peers_ahead(const struct peers_view *peers, const struct redis_info *own,
                         const struct peer_view **who);

#endif
