// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking the role: claim an epoch, have it written down by a quorum, wait out what may be left of
 * the old primary, pause, take the role, tell the timeline. Only then does the lease open it for
 * writes. Every step before the role is taken can be left without a trace that binds anybody.
 */
#include "redis_protocol_rooms.h"

#include <errno.h>
#include <string.h>

static void answer(struct protocol *p, int result, enum protocol_reason reason, uint32_t node)
{
    struct protocol_effect *effect = protocol_add(p, PROTOCOL_EFFECT_REPLY);

    effect->result = result;
    effect->reason = reason;
    effect->node = node;
    effect->to_promote = true;
}

static void reply(struct protocol *p, int result, enum protocol_reason reason, uint32_t node)
{
    if (p->claim_by_agent && !p->claim_replied)
        answer(p, result, reason, node);
    p->claim_replied = true;
}

void protocol_claim_drop(struct protocol *p, enum protocol_reason reason, uint32_t node)
{
    reply(p, -ECANCELED, reason, node);
    p->claim = PROTOCOL_CLAIM_NONE;
    p->claim_epoch = 0;
}

void protocol_claim_ask(struct protocol *p, uint64_t deadline_ms)
{
    if (p->claim != PROTOCOL_CLAIM_NONE && !p->claim_by_agent) {
        p->claim_by_agent = true; /* we were about to renew: the agent may wait for the same */
        p->claim_replied = false;
        p->claim_deadline_ms = deadline_ms;
        return;
    }
    if (p->claim != PROTOCOL_CLAIM_NONE) {
        answer(p, -EBUSY, PROTOCOL_REASON_BUSY, 0);
        return;
    }
    p->claim = PROTOCOL_CLAIM_ASKED;
    p->claim_by_agent = true;
    p->claim_replied = false;
    p->claim_ms = p->now_ms;
    p->claim_deadline_ms = deadline_ms;
}

static uint64_t next_epoch(const struct protocol *p)
{
    uint64_t epoch = protocol_newest(p)->epoch;

    if (p->record.promised.epoch > epoch)
        epoch = p->record.promised.epoch;
    for (size_t i = 0; i < p->member_count; i++)
        if (p->member[i].heard && p->member[i].last.claim > epoch)
            epoch = p->member[i].last.claim;
    return epoch + 1;
}

/* What was ranked is what came back over the bus: is it still what the server holds? */
static bool is_as_told(const struct protocol *p)
{
    const struct redis_told *told = &p->member[p->self].last;

    return told->epoch == p->own.epoch && told->offset == p->own.offset &&
           redis_replid_equal(&told->replid, &p->digest.replid);
}

static bool may_lead(const struct protocol *p)
{
    return !protocol_has_rule(p, PROTOCOL_RULE_CLAIM_CHECK) ||
           (protocol_own_rank(p) > RANK_SCORE_NEVER && is_as_told(p));
}

static void begin(struct protocol *p)
{
    p->claim = PROTOCOL_CLAIM_TOLD;
    p->claim_run = p->digest.run;
    p->claim_epoch = next_epoch(p);
    p->claim_ms = p->now_ms;
}

/* Somebody lives who must not be overtaken. A moment is granted: its demotion may be under way. */
static void check_living(struct protocol *p)
{
    const struct protocol_member *primary = protocol_good_primary(p);

    if (primary && protocol_has_rule(p, PROTOCOL_RULE_CLAIM_CHECK) &&
        primary != &p->member[p->self] && p->now_ms >= p->claim_ms + PROTOCOL_WAIT_MS)
        protocol_claim_drop(p, PROTOCOL_REASON_PRIMARY_LIVES, primary->id);
}

static void check_asked(struct protocol *p)
{
    if (protocol_leads(p) && protocol_good_primary(p) == &p->member[p->self]) {
        p->claim = PROTOCOL_CLAIM_NONE; /* it leads already */
        reply(p, 0, PROTOCOL_REASON_NONE, 0);
        return;
    }
    check_living(p);
    if (p->claim != PROTOCOL_CLAIM_ASKED)
        return;
    bool ready = p->contest && protocol_lease_holds(p) && p->server == MEMBER_SERVER_ANSWERS;
    if (!protocol_has_rule(p, PROTOCOL_RULE_CLAIM_CHECK))
        ready = protocol_quorate(p) && p->server == MEMBER_SERVER_ANSWERS;
    if (ready && may_lead(p))
        begin(p);
    else if (ready && p->rank.verdict == RANK_DECIDED &&
             p->now_ms >= p->claim_ms + PROTOCOL_WAIT_MS)
        protocol_claim_drop(p, PROTOCOL_REASON_NOT_CHOSEN, p->member[p->rank.winner].id);
}

/* Our claim came back: it stands if no other came before it on the bus. */
static void check_told(struct protocol *p)
{
    const struct protocol_member *self = &p->member[p->self];
    const struct redis_claim *promised = &p->record.promised;

    if (promised->epoch >= p->claim_epoch &&
        (promised->epoch > p->claim_epoch || promised->node != p->config.self))
        protocol_claim_drop(p, PROTOCOL_REASON_CLAIMED, promised->node);
    else if (self->fresh && self->last.claim == p->claim_epoch)
        p->claim = PROTOCOL_CLAIM_STANDS;
}

static size_t watches(const struct protocol *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->member_count; i++)
        count += p->member[i].in_group;
    return count;
}

static size_t acks(const struct protocol *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        count += m->in_group && m->fresh && m->last.promised.epoch == p->claim_epoch &&
                 m->last.promised.node == p->config.self;
    }
    return count;
}

/*
 * Members write the claim to their files and say so. So any later quorate ring has somebody who
 * knows that this epoch may exist, even after everything was off.
 */
static bool has_acks(const struct protocol *p)
{
    if (p->saved.promised.epoch < p->claim_epoch)
        return false;
    if (!protocol_has_rule(p, PROTOCOL_RULE_CLAIM_ACKS))
        return true;
    return acks(p) == watches(p) ||
           (acks(p) >= p->quorum && p->now_ms >= p->claim_ms + PROTOCOL_ACKS_MS);
}

/*
 * Where fewer watches run than a quorum has nodes (the others were stopped), the CIB must remember
 * the claim for them. Else their files do, and a write of the configuration, which makes Pacemaker
 * reckon anew in the middle of the promotion, is spared.
 */
static bool needs_cib(const struct protocol *p)
{
    return watches(p) < p->quorum || !protocol_has_rule(p, PROTOCOL_RULE_CLAIM_ACKS);
}

static bool is_in_cib(struct protocol *p)
{
    if (!needs_cib(p) || p->cib_epoch >= p->claim_epoch)
        return true;
    if (p->cib_asked != p->claim_epoch) {
        p->cib_asked = p->claim_epoch;
        protocol_add(p, PROTOCOL_EFFECT_WRITE_CIB)->number = p->claim_epoch;
    }
    return false;
}

static bool lease_is_over(struct protocol *p, uint32_t node)
{
    const struct protocol_member *m = protocol_member(p, node);

    if (!m || m->in_ring || m->fenced || m->id == p->config.self)
        return true;
    /* Never seen in a ring since we started: it may have left just before. */
    uint64_t left_ms = m->left_ms ? m->left_ms : p->ring_ms;
    protocol_wake(p, left_ms + PROTOCOL_LEASE_MS);
    return p->now_ms >= left_ms + PROTOCOL_LEASE_MS;
}

/*
 * A primary that left the ring without being demoted or fenced writes until its lease ends; so may
 * one that claimed and left.
 */
static bool old_leases_are_over(struct protocol *p)
{
    if (!protocol_has_rule(p, PROTOCOL_RULE_LEASE_WAIT))
        return true;
    bool over = true;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        bool led = m->heard && (m->last.role == MEMBER_ROLE_PRIMARY || m->last.claim);
        if (led || m->id == protocol_newest(p)->primary)
            over = lease_is_over(p, m->id) && over;
    }
    return over;
}

static bool may_take(struct protocol *p)
{
    bool paused = protocol_pause_stands(p) || !protocol_has_rule(p, PROTOCOL_RULE_PAUSE_FIRST);
    bool ranked = p->contest && may_lead(p);

    if (!protocol_has_rule(p, PROTOCOL_RULE_CLAIM_CHECK))
        ranked = true;
    return is_in_cib(p) && ranked && has_acks(p) && old_leases_are_over(p) &&
           protocol_lease_holds(p) && paused;
}

static void note_uncovered(struct protocol *p)
{
    const struct protocol_member *self = &p->member[p->self];

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (m->heard && !m->in_ring && m->last.epoch == self->last.epoch &&
            m->last.offset > self->last.offset)
            protocol_note(p, PROTOCOL_NOTE_UNCOVERED, m->id, m->last.offset);
    }
}

static void check_stands(struct protocol *p)
{
    if (p->record.promised.epoch > p->claim_epoch) {
        protocol_claim_drop(p, PROTOCOL_REASON_CLAIMED, p->record.promised.node);
        return;
    }
    if (p->contest && p->rank.verdict != RANK_WAIT && !may_lead(p)) {
        protocol_claim_drop(p, PROTOCOL_REASON_NOT_CHOSEN, p->rank.about);
        return;
    }
    if (!may_take(p) || !protocol_has_just_answered(p))
        return;
    note_uncovered(p);
    p->claim_in_files = acks(p) >= p->quorum;
    if (protocol_leads(p)) {
        p->claim = PROTOCOL_CLAIM_TAKEN; /* a renewal: the role is ours, the epoch is new */
        return;
    }
    p->claim = PROTOCOL_CLAIM_TAKING;
    p->sealing = false;
    if (protocol_has_rule(p, PROTOCOL_RULE_BACKSTOP))
        protocol_order_backstop(p, 1);
    p->role_effect = PROTOCOL_EFFECT_TAKE_ROLE;
    p->role_order_ms = p->now_ms;
    p->role_order = protocol_order(p, PROTOCOL_EFFECT_TAKE_ROLE, 0);
}

static void check_taking(struct protocol *p)
{
    if (p->digest.order < p->role_order) {
        /* It hangs with the order in its socket, and would lead when it wakes, unasked by then. */
        bool late = p->now_ms >= p->role_order_ms + PROTOCOL_LOST_MS;
        if (late || protocol_good_primary(p) || p->record.promised.epoch > p->claim_epoch) {
            protocol_add(p, PROTOCOL_EFFECT_KILL);
            protocol_claim_drop(p, PROTOCOL_REASON_SERVER, p->config.self);
        }
        return;
    }
    if (protocol_leads(p))
        p->claim = PROTOCOL_CLAIM_TAKEN;
    else
        protocol_claim_drop(p, PROTOCOL_REASON_SERVER, p->config.self);
}

/* The timeline is in our file before anybody hears of it, and told before writes open. */
static void check_taken(struct protocol *p)
{
    struct redis_timeline timeline = {.epoch = p->claim_epoch,
                                      .replid = p->digest.replid,
                                      .begin = p->digest.offset,
                                      .primary = p->config.self,
                                      .in_files = p->claim_in_files};

    protocol_timeline_add(p, &timeline);
    if (p->saved.timeline_count &&
        p->saved.timelines[p->saved.timeline_count - 1].epoch >= p->claim_epoch) {
        protocol_note(p, PROTOCOL_NOTE_PROMOTED, p->config.self, p->claim_epoch);
        p->claim = PROTOCOL_CLAIM_NONE;
        p->claim_epoch = 0;
    }
}

static void reply_when_known(struct protocol *p)
{
    if (p->claim_by_agent && !p->claim_replied && protocol_leads(p) &&
        protocol_good_primary(p) == &p->member[p->self])
        reply(p, 0, PROTOCOL_REASON_NONE, 0);
    else if (p->claim_by_agent && !p->claim_replied && !protocol_leads(p))
        reply(p, -ECANCELED, PROTOCOL_REASON_SERVER, p->config.self);
}

/* In this ring: it goes first, and we shall follow it. */
static bool somebody_claims(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (i != p->self && p->member[i].in_group && p->member[i].fresh &&
            p->member[i].last.claim > protocol_newest(p)->epoch)
            return true;
    return false;
}

/* The primary stays, though somebody out of sight claimed a higher epoch: it needs one above. */
static void consider_renewal(struct protocol *p)
{
    const struct protocol_member *self = &p->member[p->self];

    if (protocol_leads(p) && self->fresh && self->last.role == MEMBER_ROLE_PRIMARY && p->contest &&
        p->move == PROTOCOL_MOVE_NONE && protocol_own_rank(p) == RANK_SCORE_CHOSEN &&
        protocol_lease_holds(p) && p->server == MEMBER_SERVER_ANSWERS && !somebody_claims(p)) {
        if (p->claim_replied)
            p->claim_by_agent = false;
        begin(p);
    }
}

static void check_deadline(struct protocol *p)
{
    if (p->claim == PROTOCOL_CLAIM_NONE || p->claim >= PROTOCOL_CLAIM_TAKING)
        return;
    uint64_t deadline_ms = p->claim_by_agent ? p->claim_deadline_ms : p->claim_ms + 5000;
    if (!p->answered || p->server == MEMBER_SERVER_HUNG)
        protocol_claim_drop(p, PROTOCOL_REASON_SERVER, p->config.self);
    else if (p->now_ms >= deadline_ms && !protocol_quorate(p))
        protocol_claim_drop(p, PROTOCOL_REASON_NO_QUORUM, 0);
    else if (p->now_ms >= deadline_ms && p->file_failed_ms)
        protocol_claim_drop(p, PROTOCOL_REASON_FILE, p->config.self);
    else if (p->now_ms >= deadline_ms)
        protocol_claim_drop(p, PROTOCOL_REASON_DEADLINE, p->rank.about);
}

void protocol_settle_claim(struct protocol *p)
{
    enum protocol_claim_step before;

    /* A claim is for the process that was ranked; another under its name may hold nothing. */
    if (p->claim >= PROTOCOL_CLAIM_TOLD && (!p->answered || p->digest.run != p->claim_run))
        protocol_claim_drop(p, PROTOCOL_REASON_SERVER, p->config.self);
    check_deadline(p);
    do {
        before = p->claim;
        switch (p->claim) {
        case PROTOCOL_CLAIM_NONE:
            consider_renewal(p);
            break;
        case PROTOCOL_CLAIM_ASKED:
            check_asked(p);
            break;
        case PROTOCOL_CLAIM_TOLD:
            check_told(p);
            break;
        case PROTOCOL_CLAIM_STANDS:
            check_stands(p);
            break;
        case PROTOCOL_CLAIM_TAKING:
            check_taking(p);
            break;
        case PROTOCOL_CLAIM_TAKEN:
            check_taken(p);
            break;
        }
    } while (p->claim > before);
    if (p->claim == PROTOCOL_CLAIM_NONE)
        reply_when_known(p);
    else
        protocol_wake(p, p->now_ms + 50);
}
