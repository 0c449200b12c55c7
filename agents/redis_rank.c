// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rank of sealed servers: same timeline, offset, replica-priority, name. Before that: is every
 * position final, and is the newest data here at all. In doubt nobody leads, and the reason says
 * for whom everybody waits.
 */
#include "redis_rank.h"

#include "redis_protocol.h"
#include <string.h>

static bool rule(const struct rank_question *question, enum protocol_rule rule)
{
    return !(question->without >> rule & 1);
}

/* Holds data that can be counted: it answers, in this ring, and is not half-way through a resync.
 */
static bool is_here(const struct rank_candidate *c)
{
    return c->in_ring && c->told && c->server == MEMBER_SERVER_ANSWERS &&
           c->link != MEMBER_LINK_SYNCING;
}

/* Somebody whose data we cannot look at now, though its disk or process may have it. */
static bool is_out_of_sight(const struct rank_candidate *c)
{
    return !is_here(c) && c->awaited && !c->written_off;
}

static uint64_t top_epoch(const struct rank_question *question)
{
    uint64_t top = 0;

    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if ((is_here(c) || is_out_of_sight(c)) && c->epoch > top)
            top = c->epoch;
    }
    return top;
}

static bool in_pool(const struct rank_question *question, const struct rank_candidate *c,
                    uint64_t top)
{
    if (!is_here(c) || !c->fit)
        return false;
    if (rule(question, PROTOCOL_RULE_PRIORITY_ZERO) && c->priority == 0)
        return false;
    return c->epoch == top || !rule(question, PROTOCOL_RULE_RANK_EPOCH);
}

/* A primary from before there was an epoch: clients write to it, and nobody asked for a move. */
static bool is_in_use(const struct rank_candidate *c)
{
    return c->epoch == 0 && c->role == MEMBER_ROLE_PRIMARY;
}

/* Does a lead over b? Never by anything but data first. */
static bool leads(const struct rank_question *question, const struct rank_candidate *a,
                  const struct rank_candidate *b)
{
    if (rule(question, PROTOCOL_RULE_RANK_OFFSET) && a->offset != b->offset)
        return a->offset > b->offset;
    if (is_in_use(a) != is_in_use(b))
        return is_in_use(a);
    if (a->yields != b->yields)
        return b->yields;
    if (a->priority != b->priority)
        return a->priority < b->priority;
    int order = strcmp(a->name, b->name);
    return order ? order < 0 : a->node < b->node;
}

static void hold(struct rank_answer *answer, enum rank_verdict verdict, enum rank_reason reason,
                 uint32_t about)
{
    answer->verdict = verdict;
    answer->reason = reason;
    answer->about = about;
}

/*
 * Every server that could still acknowledge a write to the old primary must be detached before any
 * is ranked; else the one that is ranked second confirms a write that the first does not have.
 * 0, or the node to wait for.
 */
static uint32_t not_final(const struct rank_question *question)
{
    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (!c->in_ring)
            continue;
        if (!c->told && c->awaited && (!question->waited || c->unwatched))
            return c->node;
        if (!c->told)
            continue;
        /* Neither gone nor hung by two witnesses: what is not known yet is waited for. */
        bool unknown = c->server == MEMBER_SERVER_UNKNOWN;
        bool hung = c->server == MEMBER_SERVER_HUNG && c->role == MEMBER_ROLE_REPLICA;
        if (unknown || (c->server == MEMBER_SERVER_ANSWERS && !c->final) ||
            (hung && !question->waited))
            return c->node;
    }
    return 0;
}

/*
 * Without any promotion on record no server's data belongs to the cluster more than another's. Data
 * beats no data; two kinds of data need the operator. 0, or the node that disagrees.
 */
static uint32_t strangers(const struct rank_question *question)
{
    const struct rank_candidate *first = NULL;

    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (!is_here(c) || c->empty)
            continue;
        if (first && !redis_replid_equal(&first->replid, &c->replid))
            return c->node;
        first = c;
    }
    return 0;
}

static size_t best_of_pool(const struct rank_question *question, uint64_t top)
{
    size_t best = question->count;
    bool data = false;

    for (size_t i = 0; i < question->count; i++)
        data = data || (is_here(&question->candidate[i]) && !question->candidate[i].empty);
    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (!in_pool(question, c, top))
            continue;
        if (top == 0 && c->empty && data) /* epoch 0 and no keys: an empty newcomer */
            continue;
        if (!c->exact && top)
            continue;
        if (best == question->count || leads(question, c, &question->candidate[best]))
            best = i;
    }
    return best;
}

static bool pool_is_live(const struct rank_question *question, uint64_t top)
{
    for (size_t i = 0; i < question->count; i++)
        if (in_pool(question, &question->candidate[i], top) && question->candidate[i].live)
            return true;
    return false;
}

/* A holder of the newest epoch that cannot be looked at now. 0: all are here or written off. */
static uint32_t absent_holder(const struct rank_question *question, uint64_t top)
{
    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (is_out_of_sight(c) && c->epoch == top && c->priority)
            return c->node;
    }
    return 0;
}

/* Somebody whose position is known has more than the last primary surely had. */
static bool is_passed(const struct rank_question *question, uint64_t top,
                      const struct rank_candidate *last)
{
    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (in_pool(question, c, top) && c->exact && c->offset > last->offset)
            return true;
    }
    return false;
}

/* It may lack what somebody of an earlier epoch surely has; or have what that one never had. */
static bool is_doubtful(const struct rank_question *question, uint64_t top,
                        const struct rank_candidate *last)
{
    for (size_t i = 0; last->may_be_short && i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (is_here(c) && c->epoch && c->epoch < top && (c->live || c->exact))
            return true;
    }
    return false;
}

/* AOF gives no offset: among those the last primary is preferred, else nobody unasked. */
static bool pick_without_position(const struct rank_question *question, uint64_t top,
                                  struct rank_answer *answer)
{
    size_t last = question->count;
    bool blind = false;

    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (!in_pool(question, c, top))
            continue;
        blind = blind || !c->exact;
        if (c->last_primary)
            last = i;
    }
    /* Of a last primary whose position is known, everybody else's is at most that or told too. */
    if (!blind || (last < question->count && question->candidate[last].exact))
        return false;
    if (last == question->count || is_passed(question, top, &question->candidate[last]) ||
        is_doubtful(question, top, &question->candidate[last]))
        hold(answer, RANK_HELD, RANK_REASON_NO_POSITION, 0);
    else
        answer->winner = last;
    return true;
}

/* A server that has told, or last told, a position above the winner's and is not dead. */
static uint32_t known_ahead(const struct rank_question *question, const struct rank_candidate *best)
{
    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        if (c == best || !c->exact || c->priority == 0 || c->written_off || c->epoch != best->epoch)
            continue;
        bool stopped = c->server == MEMBER_SERVER_STOPPED;
        bool silent = c->in_ring && (!c->told || c->server == MEMBER_SERVER_ANSWERS) && c->awaited;
        /* It loads what it stopped with, or its watch has not reached it yet. */
        bool loads = c->in_ring && c->told &&
                     (c->server == MEMBER_SERVER_LOADING || c->server == MEMBER_SERVER_UNKNOWN);
        if ((stopped || silent || loads) && c->offset > best->offset)
            return c->node;
    }
    return 0;
}

static void set_scores(const struct rank_question *question, uint64_t top,
                       struct rank_answer *answer)
{
    const struct rank_candidate *best = &question->candidate[answer->winner];

    for (size_t i = 0; i < question->count; i++) {
        const struct rank_candidate *c = &question->candidate[i];
        bool equal = in_pool(question, c, top) && c->exact && c->epoch == best->epoch &&
                     c->offset == best->offset && best->exact;
        answer->score[i] = equal ? RANK_SCORE_EQUAL : RANK_SCORE_NEVER;
    }
    answer->score[answer->winner] = RANK_SCORE_CHOSEN;
}

/* May the pool be trusted to hold the newest data? Fills the answer and says no, if not. */
static bool data_is_here(const struct rank_question *question, uint64_t top,
                         struct rank_answer *answer)
{
    uint32_t node = top ? 0 : strangers(question);

    if (node) {
        hold(answer, RANK_HELD, RANK_REASON_STRANGERS, node);
        return false;
    }
    node = absent_holder(question, top);
    if (top && rule(question, PROTOCOL_RULE_HOLDERS) && !pool_is_live(question, top) && node) {
        hold(answer, RANK_HELD, RANK_REASON_HOLDER_ABSENT, node);
        return false;
    }
    return true;
}

/* The operator's word, given to one node that is here. */
static bool pick_forced(const struct rank_question *question, struct rank_answer *answer)
{
    for (size_t i = 0; i < question->count; i++)
        if (is_here(&question->candidate[i]) && question->candidate[i].forced) {
            answer->winner = i;
            answer->verdict = RANK_DECIDED;
            answer->score[i] = RANK_SCORE_CHOSEN;
            return true;
        }
    return false;
}

void rank_candidates(const struct rank_question *question, struct rank_answer *answer)
{
    uint64_t top = top_epoch(question);
    uint32_t node = not_final(question);

    memset(answer, 0, sizeof(*answer));
    for (size_t i = 0; i < question->count; i++)
        answer->score[i] = RANK_SCORE_NEVER;
    if (node && rule(question, PROTOCOL_RULE_ALL_SEALED)) {
        hold(answer, RANK_WAIT, RANK_REASON_NOT_FINAL, node);
        return;
    }
    if (pick_forced(question, answer) || !data_is_here(question, top, answer))
        return;
    answer->winner = best_of_pool(question, top);
    if ((!top || pool_is_live(question, top) || !pick_without_position(question, top, answer)) &&
        answer->winner == question->count)
        hold(answer, RANK_HELD, RANK_REASON_NOBODY, absent_holder(question, top));
    if (answer->reason != RANK_REASON_NONE)
        return;
    const struct rank_candidate *best = &question->candidate[answer->winner];
    node = known_ahead(question, best);
    if (node && rule(question, PROTOCOL_RULE_KNOWN_AHEAD)) {
        hold(answer, RANK_HELD, RANK_REASON_AHEAD, node);
        return;
    }
    if (question->max_lag && best->offset + question->max_lag < question->primary_offset) {
        hold(answer, RANK_HELD, RANK_REASON_LAG, 0);
        return;
    }
    answer->verdict = RANK_DECIDED;
    set_scores(question, top, answer);
}
