// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Planned changes: pause, hand the last write over, detach. Nothing is lost, and a demotion never
 * fails for want of catching up: the server then keeps its place in the ranks, with the newest
 * data, and the role comes back to it.
 */
#include "redis_protocol_rooms.h"

#include <errno.h>
#include <string.h>

#define GRACE_MS  100  /* for the other replicas, once one has everything: priority may choose */
#define NOBODY_MS 3000 /* for a replica to link up, where none that could take over is linked */

static void reply(struct protocol *p, int result, enum protocol_reason reason)
{
    if (!p->move_replied) {
        struct protocol_effect *effect = protocol_add(p, PROTOCOL_EFFECT_REPLY);
        effect->result = result;
        effect->reason = reason;
    }
    p->move_replied = true;
}

static void end_move(struct protocol *p)
{
    p->move = PROTOCOL_MOVE_NONE;
    p->move_to = 0;
    p->move_order = 0;
}

static void refuse(struct protocol *p, int result, enum protocol_reason reason)
{
    reply(p, result, reason);
    end_move(p);
}

static void detach(struct protocol *p)
{
    p->move = PROTOCOL_MOVE_DETACHING;
    p->move_order = 0;
}

static void begin_leading(struct protocol *p)
{
    bool ready = p->move == PROTOCOL_MOVE_READY && p->move_request != PROTOCOL_REQUEST_SWITCHOVER;

    p->move_reached = ready; /* a prepared switchover: all is over there already */
    if (ready)
        detach(p);
    else
        p->move = PROTOCOL_MOVE_PAUSING;
}

void protocol_move_ask(struct protocol *p, enum protocol_request request, uint32_t to,
                       uint64_t deadline_ms)
{
    bool busy = p->move != PROTOCOL_MOVE_NONE && p->move != PROTOCOL_MOVE_READY;

    if (busy && request == PROTOCOL_REQUEST_SWITCHOVER) {
        protocol_add(p, PROTOCOL_EFFECT_REPLY)->result = -EBUSY;
        p->effects->effect[p->effects->count - 1].reason = PROTOCOL_REASON_BUSY;
        return;
    }
    p->move_request = request;
    p->move_run = p->digest.run;
    p->move_replied = false;
    p->move_began_ms = p->now_ms;
    p->move_deadline_ms = deadline_ms;
    if (p->claim != PROTOCOL_CLAIM_NONE && p->claim < PROTOCOL_CLAIM_TAKING)
        protocol_claim_drop(p, PROTOCOL_REASON_BUSY, p->config.self);
    if (!p->answered || p->server == MEMBER_SERVER_HUNG)
        refuse(p, -ESRCH, PROTOCOL_REASON_SERVER);
    else if (busy)
        return; /* asked again: the same work answers both */
    else if (p->claim >= PROTOCOL_CLAIM_TAKING) {
        protocol_claim_drop(p, PROTOCOL_REASON_BUSY, p->config.self);
        p->move_reached = false;
        detach(p); /* its order comes after the one that takes the role */
    } else if (protocol_leads(p)) {
        p->move_to = to;
        begin_leading(p);
    } else if (request == PROTOCOL_REQUEST_STOP) {
        p->move_reached = false;
        detach(p);
    } else {
        refuse(p, request == PROTOCOL_REQUEST_DEMOTE ? 0 : -EINVAL, PROTOCOL_REASON_NOT_PRIMARY);
    }
}

static bool can_take_over(const struct protocol *p, const struct protocol_member *m)
{
    return m != &p->member[p->self] && m->in_group && m->told &&
           (!p->move_to || p->move_to == m->id) && m->last.server == MEMBER_SERVER_ANSWERS &&
           m->last.role == MEMBER_ROLE_REPLICA && m->last.link == MEMBER_LINK_UP &&
           m->last.priority && m->last.fit && m->last.epoch == p->own.epoch;
}

/* How many can take over, and how many of them hold everything. `best`: who of these would lead. */
static size_t count_ready(const struct protocol *p, size_t *able, uint32_t *best)
{
    const struct protocol_member *first = NULL;
    size_t ready = 0;

    *able = 0;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (!can_take_over(p, m))
            continue;
        ++*able;
        if (m->last.offset < p->move_final)
            continue;
        ready++;
        if (!first || m->last.priority < first->last.priority ||
            (m->last.priority == first->last.priority && strcmp(m->name, first->name) < 0))
            first = m;
    }
    *best = first ? first->id : 0;
    return ready;
}

/* Whether anybody could still come to hold what we have: others went on without us, or none is
 * here. */
static bool is_hopeless(const struct protocol *p)
{
    if (protocol_is_deposed(p) || !protocol_quorate(p))
        return true;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        bool comes =
            m->last.server == MEMBER_SERVER_LOADING ||
            (m->last.server == MEMBER_SERVER_ANSWERS && m->last.link == MEMBER_LINK_SYNCING);
        bool serves = comes || m->last.server == MEMBER_SERVER_ANSWERS ||
                      m->last.server == MEMBER_SERVER_UNKNOWN;
        if (i == p->self || !m->in_group || !serves || (m->told && !m->last.priority))
            continue;
        if (comes || p->now_ms < p->move_began_ms + NOBODY_MS)
            return false; /* the deadline of the demotion is the end of the wait */
    }
    return true;
}

static void check_pausing(struct protocol *p)
{
    if (!protocol_pause_stands(p))
        return;
    p->move_final = p->digest.offset;
    p->move_ready_ms = 0;
    p->move = PROTOCOL_MOVE_CATCHING_UP;
}

static void check_catching_up(struct protocol *p)
{
    uint32_t best;
    size_t able, ready = count_ready(p, &able, &best);
    bool catch_up = protocol_has_rule(p, PROTOCOL_RULE_MOVE_CATCH_UP);

    if (ready && !p->move_ready_ms)
        p->move_ready_ms = p->now_ms;
    if (!catch_up || (ready && (ready == able || p->now_ms >= p->move_ready_ms + GRACE_MS))) {
        p->move_reached = true;
        if (p->move_request != PROTOCOL_REQUEST_SWITCHOVER) {
            detach(p);
            return;
        }
        p->move_to = best;
        p->move = PROTOCOL_MOVE_READY;
        p->move_ready_ms = p->now_ms;
        reply(p, 0, PROTOCOL_REASON_NONE);
    } else if (!able && p->move_request != PROTOCOL_REQUEST_SWITCHOVER && is_hopeless(p)) {
        detach(p);
    }
}

static void check_detaching(struct protocol *p)
{
    bool lost = p->now_ms >= p->role_order_ms + PROTOCOL_LOST_MS;
    if (!p->move_order || (lost && p->digest.order < p->move_order) ||
        (p->digest.order >= p->move_order && protocol_leads(p))) {
        if (protocol_leads(p))
            protocol_add(p, PROTOCOL_EFFECT_DROP_CLIENTS);
        p->sealing = true;
        p->sealed_for = protocol_newest(p)->epoch + 1;
        p->cause = protocol_cause(p);
        p->role_effect = PROTOCOL_EFFECT_SEAL;
        p->role_order_ms = p->now_ms;
        p->role_order = p->move_order = protocol_order(p, PROTOCOL_EFFECT_SEAL, 0);
        return;
    }
    if (p->digest.order < p->move_order)
        return;
    p->yields = p->move_reached; /* else ranks bring the role back to the data */
    if (p->move_request == PROTOCOL_REQUEST_STOP) {
        p->stopping = true;
        protocol_find_own(p);
        protocol_store_position(p, p->own.exact);
        if (p->saved.generation != p->record.generation && p->now_ms < p->move_deadline_ms)
            return;
    }
    reply(p, 0, PROTOCOL_REASON_NONE);
    end_move(p);
}

/* Half a second is kept for the detaching itself. */
static void check_deadline(struct protocol *p)
{
    bool late = p->now_ms + 500 >= p->move_deadline_ms;

    if (p->move == PROTOCOL_MOVE_READY) {
        if (p->now_ms >= p->move_ready_ms + PROTOCOL_MOVE_IDLE_MS)
            end_move(p);
    } else if (late && p->move_request == PROTOCOL_REQUEST_SWITCHOVER) {
        refuse(p, -ETIMEDOUT, PROTOCOL_REASON_NOT_REACHED);
    } else if (late && p->move != PROTOCOL_MOVE_DETACHING) {
        p->move_reached = false;
        detach(p);
    } else if (p->now_ms >= p->move_deadline_ms + 1000) {
        refuse(p, -ETIMEDOUT, PROTOCOL_REASON_SERVER);
    }
}

/* A replica whose primary waits for it says at once how far it is. */
static void look_for_mover(struct protocol *p)
{
    const struct protocol_member *primary = protocol_primary(p);

    if (!primary || !primary->last.moving || p->digest.role != MEMBER_ROLE_REPLICA)
        return;
    if (p->now_ms >= p->asked_ms + 20) {
        p->asked_ms = p->now_ms;
        protocol_add(p, PROTOCOL_EFFECT_ASK_SERVER);
    }
    protocol_wake(p, p->asked_ms + 20);
}

void protocol_settle_move(struct protocol *p)
{
    enum protocol_move_step before;

    look_for_mover(p);
    if (p->move == PROTOCOL_MOVE_NONE)
        return;
    if (!p->answered || p->digest.run != p->move_run) {
        refuse(p, -ESRCH, PROTOCOL_REASON_SERVER);
        return;
    }
    check_deadline(p);
    do {
        before = p->move;
        switch (p->move) {
        case PROTOCOL_MOVE_NONE:
        case PROTOCOL_MOVE_READY:
            break;
        case PROTOCOL_MOVE_PAUSING:
            check_pausing(p);
            break;
        case PROTOCOL_MOVE_CATCHING_UP:
            check_catching_up(p);
            break;
        case PROTOCOL_MOVE_DETACHING:
            check_detaching(p);
            break;
        }
    } while (p->move > before);
    if (p->move != PROTOCOL_MOVE_NONE)
        protocol_wake(p, p->now_ms + 20);
}
