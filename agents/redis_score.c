// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares replication histories and turns the outcome into a promotion score.
 */
#include "redis_score.h"

#include <string.h>

#define STEP          10000 /* one server ahead weighs more than any priority */
#define PRIORITY_MAX  (STEP - 1)
#define AHEAD_MAX     32
#define PRIMARY_BONUS (STEP * (AHEAD_MAX + 1))

int64_t redis_position_offset(const struct redis_info *info)
{
    return info->role == REDIS_ROLE_REPLICA && info->replica_offset >= 0 ? info->replica_offset
                                                                         : info->offset;
}

static bool same_id(const char *a, const char *b)
{
    return a[0] != '\0' && strcmp(a, b) == 0;
}

/* `newer` was promoted out of the history of `older`, at its second_offset. */
static bool went_on_from(const struct redis_info *newer, const struct redis_info *older)
{
    return newer->second_offset >= 0 && same_id(newer->replid2, older->replid);
}

enum redis_order redis_position_compare(const struct redis_info *a, const struct redis_info *b)
{
    int64_t ours = redis_position_offset(a), theirs = redis_position_offset(b);

    if (same_id(a->replid, b->replid)) {
        if (ours == theirs)
            return REDIS_ORDER_LEVEL;
        return ours < theirs ? REDIS_ORDER_BEHIND : REDIS_ORDER_AHEAD;
    }
    if (went_on_from(a, b))
        return REDIS_ORDER_AHEAD;
    if (went_on_from(b, a))
        return REDIS_ORDER_BEHIND;
    return REDIS_ORDER_UNRELATED;
}

static bool is_empty(const struct redis_info *info)
{
    return info->keys == 0;
}

/* How many of the peers share the history of `info`, itself not counted. */
static size_t supporters(const struct redis_info *info, const struct redis_position *peers,
                         size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (peers[i].info != info &&
            redis_position_compare(info, peers[i].info) != REDIS_ORDER_UNRELATED)
            found++;
    }
    return found;
}

static bool unrelated_is_ahead(const struct redis_info *own, const struct redis_info *peer,
                               const struct redis_position *peers, size_t count)
{
    size_t ours = supporters(own, peers, count), theirs = supporters(peer, peers, count);

    if (is_empty(own) != is_empty(peer))
        return is_empty(own);
    if (ours != theirs)
        return ours < theirs;
    return !is_empty(own) && redis_position_offset(own) < redis_position_offset(peer);
}

size_t redis_position_ahead(const struct redis_info *own, const struct redis_position *peers,
                            size_t count, size_t *first)
{
    size_t ahead = 0;

    for (size_t i = count; i-- > 0;) {
        bool counts = false;

        switch (redis_position_compare(own, peers[i].info)) {
        case REDIS_ORDER_BEHIND:
            counts = true;
            break;
        case REDIS_ORDER_UNRELATED:
            counts = unrelated_is_ahead(own, peers[i].info, peers, count);
            break;
        case REDIS_ORDER_LEVEL:
        case REDIS_ORDER_AHEAD:
            break;
        }
        if (counts) {
            ahead++;
            *first = i;
        }
    }
    return ahead;
}

int redis_score(bool is_primary, size_t ahead, int priority)
{
    int rank = ahead < AHEAD_MAX ? (int)ahead : AHEAD_MAX - 1;

    if (priority <= 0)
        return REDIS_SCORE_NEVER;
    return (is_primary ? PRIMARY_BONUS : 0) + STEP * (AHEAD_MAX - rank) -
           (priority < PRIORITY_MAX ? priority : PRIORITY_MAX);
}
