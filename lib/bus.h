// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A seat in a group of corosync (CPG): messages to all members, oneself included, which all of them
 * get in the same order, with the changes of membership in that same stream.
 */
#ifndef RHA_BUS_H
#define RHA_BUS_H

#include "loop.h"
#include "ring.h"

#define BUS_MEMBERS_MAX 128
#define BUS_MESSAGE_MAX 8192
#define BUS_WINDOW      64  /* own messages under way before bus_send says -EAGAIN */
#define BUS_NAME_MAX    127 /* bytes of a group's name */

struct bus;

struct bus_member { /* a process that joined the group */
    uint32_t node;  /* corosync's node id */
    uint32_t pid;
};

struct bus_members {
    size_t count;
    struct bus_member member[BUS_MEMBERS_MAX];
};

/* On the loop, in the order of the bus. Pointers live as long as the call. Each may close the bus;
 * each may be NULL. */
struct bus_events {
    /* Connected; what comes now is of a new stream. `self`: as we are known in it. */
    void (*up)(void *data, struct bus_member self);
    /*
     * No bus: corosync is gone (-ENOTCONN), does not let us in (-EACCES), does not answer
     * (-ETIMEDOUT). What was sent and has not come back may or may not have reached the others.
     * It goes on trying, then tells `up`.
     */
    void (*down)(void *data, int rc);
    /* The ring, at first (after `members`, as corosync has it) and at each change, with all nodes
     * in it, in the group or not. It says nothing of quorum. */
    void (*ring)(void *data, struct ring ring, const uint32_t *nodes, size_t count);
    /* Who is in the group now. We are in it from the first call after `up` that names us. Of who
     * left, the node may be gone or the process only: `ring` tells. */
    void (*members)(void *data, const struct bus_members *members);
    void (*message)(void *data, struct bus_member from, const void *bytes, size_t length);
};

/*
 * Takes a seat in the group `name`, and takes it again whenever corosync was gone. 0; -EINVAL: no
 * name, or one over BUS_NAME_MAX; -errno. Nothing is called before this returns.
 */
int bus_open(struct loop *loop, const char *name, const struct bus_events *events, void *data,
             struct bus **bus);
/*
 * Never blocks. 0: it will come back by `message`, unless `down` comes first. -ENOTCONN: no bus.
 * -EMSGSIZE. -EAGAIN: not taken: BUS_WINDOW messages of ours have not come back, or corosync is
 * busy with a change of the ring; try again later, in an order of your own.
 *
 * Taken is not sent: while the ring changes, or with a corosync that is stopped, messages wait, and
 * go out late; what must not be believed late carries the time at which it was sent.
 */
int bus_send(struct bus *bus, const void *bytes, size_t length);
/* Own messages that were taken and have not come back. */
size_t bus_under_way(const struct bus *bus);
/* Returns at once; the others see us leave. NULL-safe. */
void bus_close(struct bus *bus);

#endif
