// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether one server's data is older than another's, and the promotion score that follows. Pure:
 * positions in, numbers out. This is what agents can do by themselves, each for its own server.
 */
#ifndef RHA_REDIS_SCORE_H
#define RHA_REDIS_SCORE_H

#include "redis_info.h"
#include <stdbool.h>
#include <stddef.h>

struct redis_position {
    const struct redis_info *info;
    const char *name; /* of the node, for messages */
};

enum redis_order {
    REDIS_ORDER_BEHIND,    /* a's data is older than b's */
    REDIS_ORDER_LEVEL,     /* the same */
    REDIS_ORDER_AHEAD,     /* a's data is newer than b's */
    REDIS_ORDER_UNRELATED, /* not one history: offsets say nothing */
};

/* The offset up to which a server holds data. */
int64_t redis_position_offset(const struct redis_info *info);
/*
 * a against b. Offsets compare only within one replication id; a server whose former id is the
 * other's went on from there, so it is the newer one.
 */
enum redis_order redis_position_compare(const struct redis_info *a, const struct redis_info *b);

/*
 * The peers whose data is newer than ours: their number; *first is the index of one, if any.
 * Unrelated ones count when they are many more than those who share our history, or when ours is
 * empty and theirs is not, or when all else is equal and they hold more.
 */
size_t redis_position_ahead(const struct redis_info *own, const struct redis_position *peers,
                            size_t count, size_t *first);

#define REDIS_SCORE_NEVER (-1) /* told as -INFINITY */
/*
 * Positive, higher is better: a primary before all replicas, then fewer servers ahead, then the
 * lower replica-priority (1 to 9999 tell apart). Never for priority 0.
 */
int redis_score(bool is_primary, size_t ahead, int priority);

#endif
