// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether the ring that this node is in is quorate, as corosync tells by callback.
 */
#ifndef RHA_QUORUM_H
#define RHA_QUORUM_H

#include "loop.h"
#include "ring.h"

struct quorum;

/*
 * What was told last, of `ring` and of no other. It comes after the change: a node that is cut off
 * learns of it when token and consensus have run out, and a node whose corosync was stopped for a
 * while may never be told that the others had a quorate ring without it. So "quorate" is a
 * necessary condition for anything, never a sufficient one.
 */
struct quorum_view {
    bool quorate;
    struct ring ring;
    size_t count;
    uint32_t node[128]; /* members of the ring */
};

/* On the loop. Each may close the quorum; each may be NULL. */
struct quorum_events {
    /* At first, and at each change of the ring or of being quorate. `view` lives as long as the
     * call. */
    void (*change)(void *data, const struct quorum_view *view);
    /*
     * Could not find out: corosync is gone (-ENOTCONN) or does not answer (-ETIMEDOUT); -ENOTSUP:
     * it has no quorum provider, so nothing is ever quorate. What was told before does not hold any
     * more. It goes on trying, then tells `change`.
     */
    void (*unknown)(void *data, int rc);
};

/* 0 or -errno. Nothing is called before this returns. */
int quorum_open(struct loop *loop, const struct quorum_events *events, void *data,
                struct quorum **quorum);
/* Returns at once. NULL-safe. */
void quorum_close(struct quorum *quorum);

#endif
