// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which nodes knet, corosync's transport, reaches at this moment: known 0.2 to 0.6 s after a cut,
 * long before the ring changes. Read anew at each question, on a thread with a deadline, since it
 * hangs with the local corosync.
 */
#ifndef RHA_LINKS_H
#define RHA_LINKS_H

#include "clock.h"
#include "loop.h"

#define LINKS_NODES_MAX 64

enum link_state {
    LINK_UNKNOWN, /* could not find out: neither up nor down */
    LINK_DOWN,    /* on no link */
    LINK_UP,      /* on one link at least */
};

struct links_reading {
    int64_t asked_ms; /* clock_ms() before the question: not older than that */
    int rc;           /* 0; -ETIMEDOUT, -ENOTCONN, -errno: nothing is known, count is 0 */
    size_t count;     /* knet's nodes; this node may be among them, always up */
    struct {
        uint32_t node;
        enum link_state state;
    } node[LINKS_NODES_MAX];
};

/* LINK_UNKNOWN for a node that the reading does not have. */
enum link_state links_state(const struct links_reading *reading, uint32_t node);

struct links;

/* On the loop, exactly once a question. May ask again, may close. */
typedef void (*links_fn)(void *data, const struct links_reading *reading);

/* 0 or -errno. */
int links_open(struct loop *loop, links_fn fn, void *data, struct links **links);
/*
 * 0: the reading is told within `deadline_ms`, with -ETIMEDOUT if it does not come; -EBUSY: a
 * question has no answer yet, be it one that was told as timed out: corosync hangs; -errno.
 */
int links_ask(struct links *links, int64_t deadline_ms);
/* Returns at once; an open question is not answered. NULL-safe. */
void links_close(struct links *links);

#endif
