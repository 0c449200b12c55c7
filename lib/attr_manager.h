// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transient node attributes of this node for companions: over an open connection to Pacemaker's
 * attribute manager, in a fraction of what a program costs. It holds what is wanted, writes what
 * changed, and after a restart of the attribute manager writes all of it again.
 *
 * Works for root and group haclient only, and not on a Pacemaker Remote node's own.
 */
#ifndef RHA_ATTR_MANAGER_H
#define RHA_ATTR_MANAGER_H

#include "loop.h"

struct attr_manager;

/* On the loop. Each may set attributes or close; each may be NULL. */
struct attr_manager_events {
    /* Connected; what is wanted and not accepted is written now. */
    void (*up)(void *data);
    /*
     * Told once until `up`. -ENOTCONN, -EACCES, -errno: no attribute manager; -ETIMEDOUT: it does
     * not answer. It goes on trying, then tells `up` and writes everything again.
     */
    void (*down)(void *data, int rc);
    /*
     * 0: the attribute manager took this value (NULL: its removal) in. The others see it a moment
     * later, the scheduler after that. -EIO: it refused it, and is not asked again for this value.
     * Not told of a value that was replaced before.
     */
    void (*written)(void *data, const char *name, const char *value, int rc);
};

/* Begins to connect. 0 or -errno. Nothing is called before this returns. */
int attr_manager_open(struct loop *loop, const struct attr_manager_events *events, void *data,
                      struct attr_manager **manager);
/*
 * From now on the attribute has this value; NULL: it does not exist. Written as soon as there is a
 * connection, and only if it differs from what was wanted before. Never blocks. 0; -EINVAL: an
 * empty name, or a value with "++" or "+=", which the attribute manager would take for a sum.
 */
int attr_manager_set(struct attr_manager *manager, const char *name, const char *value);
/*
 * The same, and from now on the attribute manager waits this long after a change of the attribute
 * on whatever node before it writes them into the CIB, all at once ("dampening"): what several
 * nodes set for one reason then makes Pacemaker reckon once, not once for each.
 */
int attr_manager_set_gathered(struct attr_manager *manager, const char *name, const char *value,
                              unsigned gather_ms);
/*
 * Writes everything that is wanted once more, and has the attribute manager write all that it knows
 * into the CIB. To be called some time after a node came (back) into the ring: seen with Pacemaker
 * 2.1.5, the controller of a node that was cut off has the CIB delete the attributes of all the
 * others, by a request that it made while alone and that is carried out everywhere after the heal;
 * the attribute manager takes them for written, and the same value set again changes nothing.
 */
void attr_manager_repeat(struct attr_manager *manager);
/* Everything wanted was accepted, a repetition included. */
bool attr_manager_is_settled(const struct attr_manager *manager);
/* Returns at once; attributes stay as they are, what was not written is not. NULL-safe. */
void attr_manager_close(struct attr_manager *manager);

#endif
