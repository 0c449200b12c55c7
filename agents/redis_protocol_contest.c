// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A quorate ring without a sound primary: every server is sealed, then all are ranked. And its end:
 * servers follow the primary that everybody knows.
 */
#include "redis_protocol_rooms.h"

#include <string.h>

/*
 * Which trouble a seal answers. A primary that hangs, wakes and hangs again unseals its replicas in
 * between; a seal told of before that must not count after.
 */
uint64_t protocol_cause(const struct protocol *p)
{
    uint32_t primary = protocol_newest(p)->primary;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (m->id == primary && m->in_ring && m->told)
            return m->last.trouble;
    }
    return 0;
}

static uint64_t seal_number(const struct protocol *p)
{
    return protocol_newest(p)->epoch + 1;
}

/* Detached, and the position was read after that. */
bool protocol_sealed(const struct protocol *p)
{
    return p->sealing && p->answered && p->digest.order >= p->role_order &&
           p->digest.role == MEMBER_ROLE_REPLICA && p->digest.following == 0 && !p->digest.loading;
}

static bool seal_counts(const struct protocol *p, const struct protocol_member *m, uint64_t cause)
{
    if (!protocol_has_rule(p, PROTOCOL_RULE_SEAL))
        return true;
    if (!m->last.final)
        return false;
    if (m->last.role == MEMBER_ROLE_PRIMARY || !protocol_has_rule(p, PROTOCOL_RULE_SEAL_CAUSE))
        return true;
    return m->last.sealed_for >= seal_number(p) && m->last.cause == cause;
}

/* What the record says of a node that cannot be asked now. */
static void candidate_from_record(const struct protocol *p, struct rank_candidate *c)
{
    const struct redis_claim *promised = &p->record.promised;

    for (size_t i = 0; i < p->record.held_count; i++) {
        const struct redis_held *held = &p->record.held[i];
        if (held->node != c->node)
            continue;
        c->written_off = held->written_off;
        c->epoch = protocol_written_epoch(p, held->epoch);
        c->awaited = held->epoch > 0;
    }
    /* It claimed, and nobody knows what came of it. */
    if (promised->node == c->node && protocol_open_claim(p).epoch == promised->epoch &&
        promised->epoch > c->epoch && !c->in_ring)
        c->awaited = c->awaited || promised->epoch > 1;
}

/* What it alone lost was confirmed by one of these, and what it alone has by nobody. */
static bool others_live(const struct protocol *p, const struct protocol_member *m)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *other = &p->member[i];
        if (other != m && other->in_ring && !(other->in_group && other->fresh && other->last.live))
            return false;
    }
    return true;
}

/*
 * What a disk gave back at a position that nobody knows: of which epoch is it surely? A primary
 * that loses its power just after its promotion may come back with less than it began with.
 */
static void judge_disk(const struct protocol *p, const struct protocol_member *m,
                       struct rank_candidate *c)
{
    uint64_t offset = m->last.offset;

    c->epoch = protocol_written_epoch(p, m->last.epoch);
    while (offset < protocol_begin_of(p, c->epoch) && others_live(p, m))
        c->epoch = protocol_written_epoch(p, protocol_epoch_before(p, c->epoch));
    c->may_be_short = offset < protocol_begin_of(p, c->epoch);
}

static void make_candidate(const struct protocol *p, const struct protocol_member *m,
                           uint64_t cause, struct rank_candidate *c)
{
    const struct redis_told *last = &m->last;

    memset(c, 0, sizeof(*c));
    c->node = m->id;
    c->name = m->name;
    c->in_ring = m->in_ring;
    c->told = m->fresh && m->in_group;
    c->priority = m->heard ? last->priority : 1;
    if (!c->told || last->server != MEMBER_SERVER_ANSWERS)
        candidate_from_record(p, c);
    if (!m->heard)
        return;
    /* Its server goes on and confirms writes; its monitor starts the watch again. */
    c->unwatched = m->in_ring && !m->in_group && !m->left &&
                   last->server == MEMBER_SERVER_ANSWERS &&
                   p->now_ms < p->contest_ms + PROTOCOL_UNWATCHED_MS;
    c->server = last->server;
    c->role = last->role;
    c->link = last->link;
    if (c->told && last->server == MEMBER_SERVER_ANSWERS)
        c->epoch = last->epoch;
    if (c->told && last->server == MEMBER_SERVER_ANSWERS && !last->exact && !last->live)
        judge_disk(p, m, c);
    c->offset = last->offset;
    c->replid = last->replid;
    c->final = seal_counts(p, m, cause);
    c->live = last->live;
    c->exact = last->exact;
    c->empty = last->empty;
    c->fit = last->fit;
    c->yields = last->yields;
    c->last_primary = last->last_primary;
    c->forced = last->forced;
}

static void rank_all(struct protocol *p)
{
    struct rank_question question; /* large, and asked often: no more of it is written than asked */
    const struct redis_timeline *newest = protocol_newest(p);
    uint64_t cause = protocol_cause(p);

    question.count = p->member_count;
    question.max_lag = p->config.max_lag;
    question.without = p->config.without;
    question.primary_offset = 0;
    question.waited =
        p->now_ms >= p->contest_ms + PROTOCOL_WAIT_MS && p->now_ms >= p->ring_ms + PROTOCOL_WAIT_MS;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        make_candidate(p, m, cause, &question.candidate[i]);
        if (m->id == newest->primary && m->heard && m->last.epoch == newest->epoch)
            question.primary_offset = m->last.offset;
    }
    p->rank_count = question.count;
    rank_candidates(&question, &p->rank);
}

/*
 * Without the watches of a quorum a claim could be forgotten by the next ring, so ranks wait for
 * them; agents start dead ones again.
 */
void protocol_settle_contest(struct protocol *p)
{
    bool before = p->contest;

    p->contest = protocol_quorate(p) && !protocol_good_primary(p) && !protocol_primary_unknown(p);
    if (!p->contest) {
        memset(&p->rank, 0, sizeof(p->rank));
        return;
    }
    if (!before) {
        p->contest_ms = p->now_ms;
        p->ranked = false;
    }
    if (protocol_heard_count(p) < p->quorum) {
        memset(&p->rank, 0, sizeof(p->rank));
        return;
    }
    rank_all(p);
    p->ranked = p->ranked || p->rank.verdict == RANK_DECIDED;
    if (p->rank.verdict == RANK_WAIT)
        protocol_wake(p, p->contest_ms + PROTOCOL_WAIT_MS);
}

int protocol_own_rank(const struct protocol *p)
{
    if (!p->contest || p->rank.verdict != RANK_DECIDED || p->self >= p->rank_count)
        return RANK_SCORE_NEVER;
    return p->rank.score[p->self];
}

static void order_role(struct protocol *p, enum protocol_effect_kind kind, uint32_t node)
{
    p->role_effect = kind;
    p->role_node = node;
    p->role_order_ms = p->now_ms;
    p->role_order = protocol_order(p, kind, node);
}

/* Carried out without effect, or never carried out though the server answers. */
static bool is_due_again(const struct protocol *p)
{
    bool seen = p->digest.order >= p->role_order;
    return p->now_ms >= p->role_order_ms + (seen ? PROTOCOL_RETRY_MS : PROTOCOL_LOST_MS);
}

static void seal(struct protocol *p)
{
    uint64_t number = seal_number(p), cause = protocol_cause(p);
    bool again = is_due_again(p) && !protocol_sealed(p);

    if (p->sealing && p->sealed_for == number && p->cause == cause && p->role_order && !again)
        return;
    p->sealing = true;
    p->sealed_for = number;
    p->cause = cause;
    order_role(p, PROTOCOL_EFFECT_SEAL, 0);
}

bool protocol_order_follow(struct protocol *p, const struct protocol_member *primary)
{
    bool ordered =
        p->role_order && p->role_effect == PROTOCOL_EFFECT_FOLLOW && p->role_node == primary->id;
    if (ordered && !is_due_again(p))
        return false;
    if (ordered && p->digest.order >= p->role_order && p->digest.following == primary->id)
        return false;
    if (!ordered && !p->role_order && p->digest.following == primary->id)
        return false; /* our watch was restarted; the server follows already */
    p->sealing = false;
    p->sealed_for = 0;
    order_role(p, PROTOCOL_EFFECT_FOLLOW, primary->id);
    return true;
}

/* Would following it throw newer data away? */
static bool may_follow(const struct protocol *p, const struct protocol_member *primary)
{
    /* The timeline is in our file first: data under it must never be unknown to a quorum. */
    return p->own.epoch <= primary->last.epoch && primary->fresh &&
           protocol_newest(p)->epoch == primary->last.epoch && p->saved.timeline_count > 0 &&
           p->saved.timelines[p->saved.timeline_count - 1].epoch >= primary->last.epoch;
}

/*
 * Before there is an epoch: a server that was in use before the cluster, and lives, since we are
 * linked to it. Its watch is launched by a probe that may come after ours; to detach meanwhile
 * would take its replicas away from it, and might choose another.
 */
static bool awaits_adoption(const struct protocol *p)
{
    if (protocol_newest(p)->epoch > 0 || p->digest.link != MEMBER_LINK_UP)
        return false;
    for (size_t i = 0; i < p->member_count; i++) {
        if (p->member[i].id == p->digest.following)
            return !p->member[i].told;
    }
    return false;
}

/*
 * A replica of a node that lost its quorum detaches too: what it acknowledged there, the ring that
 * goes on could not know.
 */
void protocol_settle_orders(struct protocol *p)
{
    bool lost = (p->quorum_said && !p->quorate) || !p->on_bus;

    if (!p->answered || p->digest.role != MEMBER_ROLE_REPLICA || p->stopping ||
        p->server != MEMBER_SERVER_ANSWERS || p->claim >= PROTOCOL_CLAIM_TAKING ||
        p->move != PROTOCOL_MOVE_NONE)
        return;
    if (awaits_adoption(p))
        return;
    if (p->contest || lost) {
        if (protocol_has_rule(p, PROTOCOL_RULE_SEAL) || p->digest.following == 0)
            seal(p);
        return;
    }
    const struct protocol_member *primary = protocol_good_primary(p);
    if (primary && primary != &p->member[p->self] && protocol_quorate(p) &&
        p->claim == PROTOCOL_CLAIM_NONE && may_follow(p, primary))
        (void)protocol_order_follow(p, primary);
}
