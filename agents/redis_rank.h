// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who shall lead: a pure function from final positions to promotion scores. Every watch computes it
 * from the same messages in the same order, so all come to the same answer.
 */
#ifndef RHA_REDIS_RANK_H
#define RHA_REDIS_RANK_H

#include "redis_message.h"

/* Scores as Pacemaker counts them. */
#define RANK_SCORE_CHOSEN 1000
#define RANK_SCORE_EQUAL  (-1) /* never by itself, but a rule of INFINITY may ask for it */
#define RANK_SCORE_NEVER  (-1000000)

struct rank_candidate {
    uint32_t node;    /* corosync's node id */
    const char *name; /* of the node; the last tie-break */
    bool in_ring;
    bool told; /* in this ring, by its watch; else the fields below are what was last known */
    bool written_off; /* by the operator: its absence counts for nothing */
    bool unwatched;   /* in the ring, last heard to be at work, and its watch does not run */
    bool awaited;     /* not told, and known to hold data: it counts as a holder */
    enum member_server server;
    enum member_role role;
    enum member_link link;
    uint64_t epoch, offset;
    struct redis_replid replid;
    uint32_t priority;
    bool final, live, exact, empty, fit, yields, last_primary, forced;
    bool may_be_short; /* of its epoch, but its disk may lack the beginning of that */
};

struct rank_question {
    size_t count;
    struct rank_candidate candidate[REDIS_MEMBERS_MAX];
    uint64_t max_lag;        /* bytes; 0: no limit */
    uint64_t primary_offset; /* what the last primary of the top epoch told of itself; 0: nothing */
    bool waited;             /* members of the ring that do not answer had their brief time */
    uint64_t without;        /* rules that the simulation takes out; 0 in the product */
};

enum rank_verdict {
    RANK_WAIT, /* somebody's position is not final or not told yet */
    RANK_HELD, /* nobody may lead; `reason` and `about` say why */
    RANK_DECIDED,
};

enum rank_reason {
    RANK_REASON_NONE,
    RANK_REASON_NOT_FINAL,     /* `about` is not sealed yet, or has not told */
    RANK_REASON_HOLDER_ABSENT, /* `about` holds newer data: start it, or write it off */
    RANK_REASON_AHEAD,         /* `about` is known to be ahead and does not answer */
    RANK_REASON_LAG,           /* the best is further behind than max_lag */
    RANK_REASON_STRANGERS,   /* data of no known promotion on two nodes: the operator must choose */
    RANK_REASON_NO_POSITION, /* AOF without position, and the last primary is not here */
    RANK_REASON_NOBODY,      /* no fit server */
};

struct rank_answer {
    enum rank_verdict verdict;
    enum rank_reason reason;
    uint32_t about; /* node id; 0: nobody in particular */
    size_t winner;  /* index, if decided */
    int score[REDIS_MEMBERS_MAX];
};

/* Exactly one score is positive if decided, none otherwise. */
void rank_candidates(const struct rank_question *question, struct rank_answer *answer);

#endif
