// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The primary's right to take writes: the lease, the reasons to pause, what happens to a server
 * that does not confirm its pause, and the backstop that it holds itself.
 */
#include "redis_protocol_rooms.h"

#include <string.h>

static void extend(struct protocol *p, uint64_t until_ms)
{
    if (until_ms > p->lease_ms)
        p->lease_ms = until_ms;
}

/*
 * A tick proves that the ring turned when it was sent. It counts only in the ring of the last
 * quorum callback: a cut-off node gets its queued ticks back in its ring of one, before the loss of
 * quorum is told.
 */
void protocol_tick_back(struct protocol *p, uint64_t sent_ms)
{
    bool ring = protocol_quorate(p) || !protocol_has_rule(p, PROTOCOL_RULE_TICK_RING);
    bool age = p->now_ms < sent_ms + PROTOCOL_LEASE_MS;

    if (!protocol_has_rule(p, PROTOCOL_RULE_TICK_AGE))
        age = true;
    if (!ring || !age || sent_ms > p->now_ms)
        return;
    p->tick_ms = p->now_ms;
    extend(p, (protocol_has_rule(p, PROTOCOL_RULE_TICK_AGE) ? sent_ms : p->now_ms) +
                  PROTOCOL_LEASE_MS);
}

/*
 * Ticks stall on everybody for seconds while some other node is being declared dead. Links that
 * show a quorum of this ring (not just anybody: two nodes cut off together see each other) say that
 * nobody can form a ring without us meanwhile. They keep a lease, they never give one.
 */
void protocol_links(struct protocol *p, const struct protocol_members *members, uint64_t at_ms)
{
    size_t seen = 0, needed = p->quorum > 1 ? p->quorum - 1 : 1;

    for (size_t i = 0; i < members->count; i++) {
        const struct protocol_member *m = protocol_member(p, members->id[i]);
        seen += m && m->in_ring && m->id != p->config.self;
    }
    if (!protocol_has_rule(p, PROTOCOL_RULE_LINK_QUORUM))
        needed = members->count ? seen : 1;
    if (!protocol_has_rule(p, PROTOCOL_RULE_LINK_LEASE))
        return;
    if (p->on_bus && p->quorate && seen >= needed && at_ms < p->lease_ms && at_ms <= p->now_ms)
        extend(p, at_ms + PROTOCOL_LEASE_MS);
}

/* The end of the lease is when writes *are* paused, so pausing begins earlier. */
bool protocol_lease_holds(const struct protocol *p)
{
    return p->on_bus && p->quorate && p->now_ms + PROTOCOL_CONFIRM_MS < p->lease_ms;
}

/* A lease is for one who leads, or may come to: a replica beside a sound primary needs no ticks. */
static void settle_tick(struct protocol *p)
{
    bool needed = protocol_leads(p) || p->claim != PROTOCOL_CLAIM_NONE || p->contest;

    if (!p->on_bus || !needed)
        return;
    if (p->now_ms >= p->tick_sent_ms + PROTOCOL_TICK_MS) {
        p->tick_sent_ms = p->now_ms;
        protocol_add(p, PROTOCOL_EFFECT_TICK);
    }
    protocol_wake(p, p->tick_sent_ms + PROTOCOL_TICK_MS);
}

/*
 * While the lease was lost, others may have gone on without us. In the very ring in which it was
 * lost nothing can have happened; in another one everybody is heard first.
 */
void protocol_settle_lease(struct protocol *p)
{
    bool holds = protocol_lease_holds(p);

    if (!holds && !p->unheard) {
        p->unheard = true;
        p->unheard_ring = p->ring;
    }
    if (holds && p->unheard &&
        ((p->unheard_ring && p->unheard_ring == p->ring) || protocol_everybody_heard(p)))
        p->unheard = false;
    settle_tick(p);
    if (!holds || !(protocol_leads(p) || p->claim >= PROTOCOL_CLAIM_TOLD))
        return;
    protocol_wake(p, p->lease_ms - PROTOCOL_CONFIRM_MS);
    if (p->now_ms < p->tick_ms + PROTOCOL_STALL_MS)
        protocol_wake(p, p->tick_ms + PROTOCOL_STALL_MS);
    else if (p->now_ms >= p->links_asked_ms + PROTOCOL_LINKS_MS) {
        p->links_asked_ms = p->now_ms;
        protocol_add(p, PROTOCOL_EFFECT_ASK_LINKS);
    }
}

static bool other_is_open(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (i != p->self && m->in_group && m->heard && m->last.role == MEMBER_ROLE_PRIMARY &&
            m->last.open)
            return true;
    }
    return false;
}

/* We lead, but not as the one that everybody knows as the leader of the newest timeline. */
static bool is_overtaken(const struct protocol *p)
{
    const struct protocol_member *self = &p->member[p->self];
    uint64_t epoch = p->own.epoch;

    if (!p->answered)
        return protocol_newest(p)->primary != p->config.self || protocol_open_claim(p).epoch;
    if (p->claim != PROTOCOL_CLAIM_NONE && p->claim != PROTOCOL_CLAIM_ASKED)
        return true;
    return epoch == 0 || epoch < protocol_newest(p)->epoch ||
           protocol_open_claim(p).epoch > epoch || !self->heard ||
           self->last.role != MEMBER_ROLE_PRIMARY || self->last.epoch != epoch;
}

/*
 * A server that ran before this watch did, and nothing was heard of it since. By the file this node
 * led last: it may be a primary that hangs, and would carry out on waking what waits in its
 * sockets.
 */
static bool may_lead_unseen(const struct protocol *p)
{
    return !p->answered && p->loaded && p->server != MEMBER_SERVER_GONE &&
           p->server != MEMBER_SERVER_STOPPED && p->led_last;
}

static unsigned pause_reasons(const struct protocol *p)
{
    bool taking = p->claim >= PROTOCOL_CLAIM_TOLD;
    unsigned reasons = 0;

    if (!protocol_leads(p) && !taking && !may_lead_unseen(p))
        return 0;
    if (!protocol_lease_holds(p))
        reasons |= PROTOCOL_PAUSE_LEASE;
    if (p->unheard && protocol_has_rule(p, PROTOCOL_RULE_RESUME_TOLD))
        reasons |= PROTOCOL_PAUSE_UNHEARD;
    if ((protocol_leads(p) || may_lead_unseen(p)) && is_overtaken(p) &&
        protocol_has_rule(p, PROTOCOL_RULE_HIGHER_EPOCH))
        reasons |= PROTOCOL_PAUSE_HIGHER;
    if (other_is_open(p) && protocol_has_rule(p, PROTOCOL_RULE_HIGHER_EPOCH))
        reasons |= PROTOCOL_PAUSE_OTHER;
    if (taking && protocol_has_rule(p, PROTOCOL_RULE_PAUSE_FIRST))
        reasons |= PROTOCOL_PAUSE_PROMOTE;
    if (p->move != PROTOCOL_MOVE_NONE)
        reasons |= PROTOCOL_PAUSE_MOVE;
    if (p->server == MEMBER_SERVER_HUNG)
        reasons |= PROTOCOL_PAUSE_HUNG;
    if (!protocol_has_rule(p, PROTOCOL_RULE_LEASE))
        reasons &= ~(unsigned)(PROTOCOL_PAUSE_LEASE | PROTOCOL_PAUSE_UNHEARD);
    return reasons;
}

bool protocol_pause_stands(const struct protocol *p)
{
    return p->pause_wanted && p->pause_confirmed && p->digest.order >= p->pause_order;
}

void protocol_pause_forget(struct protocol *p)
{
    p->pause_wanted = p->pause_confirmed = p->stopped = p->killed = false;
    p->resume_order = p->backstop_order = 0;
}

/* A script refuses what else cannot fail (-BUSY), so each of these is repeated until confirmed. */
void protocol_confirmed(struct protocol *p, uint64_t order)
{
    if (p->pause_wanted && order == p->pause_order)
        p->pause_confirmed = true;
    if (order == p->resume_order)
        p->resume_order = 0;
    if (order == p->backstop_order)
        p->backstop_order = 0;
    if (order == p->priority_order)
        p->priority_confirmed = true;
}

static void order_pause(struct protocol *p)
{
    if (!p->pause_wanted)
        p->unconfirmed_ms = p->now_ms;
    p->pause_wanted = true;
    p->resume_order = 0;
    p->pause_ms = p->now_ms;
    p->pause_order = protocol_order(p, PROTOCOL_EFFECT_PAUSE, 0);
}

/* Others may have gone on, or soon can: no write may come to pass on a pause that is not confirmed.
 */
#define APART (PROTOCOL_PAUSE_LEASE | PROTOCOL_PAUSE_HIGHER)
#define GRAVE (APART | PROTOCOL_PAUSE_UNHEARD)

/*
 * A long script or a hang keeps the server from pausing while its lease runs out: stop the process.
 * What clients have sent waits in its sockets and would be carried out on waking, so once others
 * can have a ring without us, or have gone on, it must not wake at all.
 */
static void stop_server(struct protocol *p)
{
    bool leads = protocol_leads(p) || may_lead_unseen(p);
    bool must = (p->pause & GRAVE) && leads && !p->pause_confirmed &&
                protocol_has_rule(p, PROTOCOL_RULE_STOP_SERVER) && p->server != MEMBER_SERVER_GONE;

    if (!must) {
        /* The watch before us may have stopped it, and ended before it could let it go on. */
        bool inherited = may_lead_unseen(p) && !p->continued;
        if ((p->stopped && !p->killed) || inherited) {
            p->stopped = false;
            p->continued = true;
            protocol_add(p, PROTOCOL_EFFECT_CONTINUE);
        }
        return;
    }
    if (!p->stopped) {
        protocol_wake(p, p->unconfirmed_ms + PROTOCOL_CONFIRM_MS);
        if (p->now_ms < p->unconfirmed_ms + PROTOCOL_CONFIRM_MS)
            return;
        p->stopped = true;
        protocol_add(p, PROTOCOL_EFFECT_STOP);
        protocol_note(p, PROTOCOL_NOTE_STOPPED, p->config.self, 0);
    }
    uint64_t epoch = p->answered ? p->own.epoch : p->led_last;
    /* With the lease back, in a ring of which not everybody was heard yet, stopped is enough. */
    bool over = epoch < protocol_newest(p)->epoch ||
                ((p->pause & APART) && p->now_ms >= p->apart_ms + p->config.ring_change_ms);
    if (over && !p->killed) {
        p->killed = true;
        protocol_add(p, PROTOCOL_EFFECT_KILL);
    }
}

void protocol_settle_pause(struct protocol *p)
{
    unsigned before = p->pause;

    p->pause = pause_reasons(p);
    if ((p->pause & GRAVE) && !(before & GRAVE))
        p->unconfirmed_ms = p->now_ms;
    if ((p->pause & APART) && !(before & APART))
        p->apart_ms = p->now_ms;
    if (!p->answered) {
        stop_server(p);
        return;
    }
    if (p->pause &&
        (!p->pause_wanted || (!p->pause_confirmed && p->now_ms >= p->pause_ms + PROTOCOL_RETRY_MS)))
        order_pause(p);
    bool unheard = p->resume_order && p->now_ms >= p->resume_ms + PROTOCOL_RETRY_MS;
    if (!p->pause && (p->pause_wanted || unheard)) {
        p->pause_wanted = p->pause_confirmed = false;
        p->resume_ms = p->now_ms;
        p->resume_order = protocol_order(p, PROTOCOL_EFFECT_RESUME, 0);
    }
    if (p->pause_wanted && !p->pause_confirmed)
        protocol_wake(p, p->pause_ms + PROTOCOL_RETRY_MS);
    stop_server(p);
}

/* A replica in the ring that is linked to us, or may come to be. */
static bool has_company(const struct protocol *p, bool linked)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (i == p->self || !m->in_group || !m->told || m->last.server != MEMBER_SERVER_ANSWERS ||
            m->last.role != MEMBER_ROLE_REPLICA)
            continue;
        if (!linked || (m->last.link == MEMBER_LINK_UP && m->last.epoch == p->own.epoch))
            return true;
    }
    return false;
}

/*
 * May a primary write with no replica at all? Only while its watch stands by with a lease, and only
 * after everybody in the ring knows (in their files) that this timeline may hold writes of its own.
 */
static bool may_write_alone(struct protocol *p)
{
    const struct redis_timeline *newest = protocol_newest(p);
    struct redis_timeline written = *newest;

    if (p->claim != PROTOCOL_CLAIM_NONE || !protocol_lease_holds(p) || p->unheard ||
        newest->epoch != p->own.epoch || p->digest.replicas || has_company(p, true))
        return false;
    if (has_company(p, false) && p->now_ms < p->alone_ms + PROTOCOL_BACKSTOP_MS)
        return false;
    written.written = true;
    protocol_timeline_add(p, &written);
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (m->in_group && (m->last.newest.epoch != newest->epoch || !m->last.newest.written))
            return false;
    }
    return true;
}

void protocol_order_backstop(struct protocol *p, int replicas)
{
    p->backstop = replicas;
    p->backstop_run = p->digest.run;
    p->backstop_ms = p->now_ms;
    p->backstop_order = protocol_order(p, PROTOCOL_EFFECT_BACKSTOP, 0);
    p->effects->effect[p->effects->count - 1].number = (uint64_t)replicas;
}

/*
 * min-replicas-to-write 1: should this watch die or freeze, a primary that was cut off or deposed
 * stops taking writes by itself as soon as no replica has acknowledged for 2 seconds.
 */
void protocol_settle_backstop(struct protocol *p)
{
    bool leads = protocol_leads(p) || p->claim == PROTOCOL_CLAIM_TAKING;

    if (!leads || !protocol_has_rule(p, PROTOCOL_RULE_BACKSTOP)) {
        p->alone_ms = p->now_ms;
        p->backstop = -1;
        return;
    }
    if (p->backstop_run != p->digest.run) {
        p->backstop_run = p->digest.run;
        p->backstop = -1;
    }
    if (p->digest.replicas || has_company(p, true))
        p->alone_ms = p->now_ms;
    int wanted = may_write_alone(p) ? 0 : 1;
    bool unheard = p->backstop_order && p->now_ms >= p->backstop_ms + PROTOCOL_RETRY_MS;
    if (wanted != p->backstop || unheard)
        protocol_order_backstop(p, wanted);
}
