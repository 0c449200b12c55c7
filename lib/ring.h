// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ring: one membership of corosync's nodes, from one change to the next. The bus and the quorum
 * service name it alike, so that what both say can be put together.
 */
#ifndef RHA_RING_H
#define RHA_RING_H

#include <stdbool.h>
#include <stdint.h>

/* Two halves of a cut can have the same sequence number, never the same representative too. */
struct ring {
    uint32_t node; /* its representative, the member of the lowest id; 0: no ring known */
    uint64_t seq;  /* grows with every change */
};

static inline bool ring_eq(struct ring a, struct ring b)
{
    return a.node == b.node && a.seq == b.seq;
}

/*
 * One number for a ring, 0 for none. Exact while seq is below 2^32: corosync adds 4 a change, so
 * for longer than hardware lasts.
 */
static inline uint64_t ring_key(struct ring ring)
{
    return ring.seq << 32 | ring.node;
}

#endif
