// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * authority=sentinel: Sentinel chooses, and this room follows. The score goes to the server that
 * Sentinels name, a server that nobody told whom to follow is told, a primary that Sentinel has
 * replaced steps down. Nobody is made a primary here but the one that Sentinels name already, where
 * no server leads (everything was off).
 */
#include "redis_protocol_rooms.h"

#include <errno.h>

/*
 * Below what any rule for the promoted role can make up for, an INFINITY apart: that is an
 * operator's `move`, which is carried out through SENTINEL FAILOVER.
 */
#define SCORE_ON_DEMAND (-999999)

#define ASK_AGAIN_MS   2000 /* from one SENTINEL FAILOVER to the next */
#define BRAKE_MS       3000 /* how long writes are paused for a failover, unless it goes on */
#define BRAKE_AGAIN_MS 2000
#define BRAKE_MOST_MS  6000
#define HEAR_MS        500 /* for the others to tell that they stop as well */

/* ---- whom Sentinels name ---- */

/* An epoch of Sentinel's is one failover's; where they differ, the highest is the last. */
static void find_named(struct protocol *p)
{
    struct redis_named best = {0};

    for (size_t i = 0; i < p->member_count; i++) {
        const struct redis_named *said = &p->member[i].last.named;

        if (p->member[i].in_group && p->member[i].told && said->node &&
            (!best.node || said->number > best.number))
            best = *said;
    }
    if (best.node && (best.number >= p->named.number || protocol_everybody_heard(p)))
        p->named = best;
}

static const struct protocol_member *chosen(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (p->member[i].id == p->named.node && p->named.node)
            return &p->member[i];
    return NULL;
}

static bool is_own(const struct protocol *p)
{
    return p->named.node == p->config.self;
}

static bool leads_told(const struct protocol_member *m)
{
    return m->in_group && m->told && m->last.server == MEMBER_SERVER_ANSWERS &&
           m->last.role == MEMBER_ROLE_PRIMARY;
}

/* Whom Sentinels name and who does lead; NULL: nobody does. */
static const struct protocol_member *leader(const struct protocol *p)
{
    const struct protocol_member *m = chosen(p);

    return m && leads_told(m) ? m : NULL;
}

/* The own server may be gone before that came back over the bus. */
static bool has_leader(const struct protocol *p)
{
    if (is_own(p) && !(p->answered && p->server == MEMBER_SERVER_ANSWERS && protocol_leads(p)))
        return false;
    return leader(p);
}

/* Since when the chosen one does not lead: Sentinel needs a while to choose another. */
static void note_lost(struct protocol *p)
{
    if (has_leader(p) || !p->named.node)
        p->lost_ms = 0;
    else if (!p->lost_ms)
        p->lost_ms = p->now_ms;
}

bool protocol_choice_is_due(const struct protocol *p)
{
    return p->lost_ms && p->now_ms < p->lost_ms + p->feed.down_after_ms + PROTOCOL_CHOICE_MS;
}

/* ---- the score ---- */

static bool somebody_leads(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (leads_told(&p->member[i]))
            return true;
    return false;
}

/* It came back empty. Sentinel takes no notice of that, but every replica would be emptied too. */
static bool would_empty_others(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];

        if (p->digest.empty && i != p->self && m->in_group && m->told &&
            m->last.server == MEMBER_SERVER_ANSWERS && !m->last.empty)
            return true;
    }
    return false;
}

/* Everything was off: Sentinels name this server since before, and nobody leads. */
static bool may_lead_again(const struct protocol *p)
{
    return is_own(p) && p->answered && p->server == MEMBER_SERVER_ANSWERS && !p->stopping &&
           protocol_quorate(p) && protocol_everybody_heard(p) && !somebody_leads(p) &&
           !would_empty_others(p) && p->digest.following == 0 &&
           !(p->busy_ms && p->now_ms < p->busy_ms + PROTOCOL_CHOICE_MS);
}

static bool may_be_asked_for(const struct protocol *p)
{
    const struct protocol_member *m = leader(p);

    return m && p->answered && p->server == MEMBER_SERVER_ANSWERS && !p->stopping &&
           p->digest.role == MEMBER_ROLE_REPLICA && p->digest.link == MEMBER_LINK_UP &&
           p->digest.following == m->id && p->digest.priority && p->digest.fit &&
           p->now_ms >= p->refused_ms;
}

int protocol_follow_score(struct protocol *p)
{
    bool ready = p->answered && p->server == MEMBER_SERVER_ANSWERS && !p->stopping;

    if (p->named.node && !is_own(p))
        return may_be_asked_for(p) ? SCORE_ON_DEMAND : RANK_SCORE_NEVER;
    if (ready && protocol_leads(p))
        return RANK_SCORE_CHOSEN;
    if (may_lead_again(p))
        return RANK_SCORE_CHOSEN;
    /* It died or hangs: its role stays until Sentinel has chosen another, or does not. */
    if (is_own(p) && p->score_said && protocol_choice_is_due(p) && !p->stopping) {
        protocol_wake(p, p->lost_ms + p->feed.down_after_ms + PROTOCOL_CHOICE_MS);
        return p->score;
    }
    return RANK_SCORE_NEVER;
}

/* ---- the server ---- */

/*
 * A server that Sentinel promotes leads before it is named, and must not be turned round: one was
 * replaced if it led by an earlier word.
 */
static void note_reign(struct protocol *p)
{
    if (!protocol_leads(p))
        p->reign_ms = 0;
    else if (is_own(p) && !p->reign_ms)
        p->reign_ms = p->now_ms;
}

bool protocol_is_replaced(const struct protocol *p)
{
    return p->reign_ms && p->named.node && !is_own(p);
}

/* A failover that comes to nothing is given up by Sentinel only after its failover-timeout, a
 * minute. */
static bool somebody_is_busy(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (p->member[i].in_group && p->member[i].told && p->member[i].last.busy)
            return true;
    return false;
}

static void note_busy(struct protocol *p)
{
    if (!somebody_is_busy(p))
        p->busy_ms = 0;
    else if (!p->busy_ms)
        p->busy_ms = p->now_ms;
}

static void release(struct protocol *p)
{
    if (p->brake_ms)
        (void)protocol_order(p, PROTOCOL_EFFECT_RESUME, 0);
    p->brake_ms = 0;
}

/*
 * Sentinel has begun to replace a primary that lives (somebody asked it to, or its own view is
 * ill), and would let it take writes for ten seconds more, all of them lost. The pause ends by
 * itself should Sentinel give up, or this watch.
 */
static void settle_brake(struct protocol *p)
{
    bool reigned = p->reign_ms && p->reign_ms < p->busy_ms; /* else it is who was chosen */
    bool replacing =
        protocol_leads(p) && is_own(p) && reigned && p->now_ms < p->busy_ms + BRAKE_MOST_MS;

    if (!p->answered || p->server != MEMBER_SERVER_ANSWERS || p->stopping)
        return;
    if (!replacing) {
        if (protocol_leads(p) && is_own(p))
            release(p);
        return;
    }
    if (!p->brake_ms || p->now_ms >= p->brake_ms + BRAKE_AGAIN_MS) {
        p->brake_ms = p->now_ms;
        (void)protocol_order(p, PROTOCOL_EFFECT_PAUSE, 0);
        p->effects->effect[p->effects->count - 1].number = BRAKE_MS;
    }
    protocol_wake(p, p->brake_ms + BRAKE_AGAIN_MS);
}

/* Only one that was told to follow nobody (by us, at its start) or was replaced: whom a replica of
 * somebody's follows is Sentinel's concern. */
static void settle_role(struct protocol *p)
{
    const struct protocol_member *m = leader(p);
    bool replaced = protocol_is_replaced(p);

    if (!m || is_own(p) || !p->answered || p->stopping || p->server != MEMBER_SERVER_ANSWERS)
        return;
    if (!replaced && (protocol_leads(p) || p->digest.following != 0))
        return;
    if (!protocol_order_follow(p, m) || !replaced)
        return;
    (void)protocol_order(p, PROTOCOL_EFFECT_DROP_CLIENTS, 0);
    release(p);
}

/* ---- what agents ask ---- */

static void reply(struct protocol *p, int result, enum protocol_reason reason, uint32_t node)
{
    struct protocol_effect *effect = protocol_add(p, PROTOCOL_EFFECT_REPLY);

    effect->result = result;
    effect->reason = reason;
    effect->node = node;
    effect->to_promote = p->follow_request == PROTOCOL_REQUEST_PROMOTE;
    p->follow_asked = false;
}

void protocol_follow_ask(struct protocol *p, enum protocol_request request, uint64_t deadline_ms)
{
    p->follow_request = request;
    p->follow_asked = true;
    p->follow_began_ms = p->now_ms;
    p->follow_deadline_ms = deadline_ms;
    p->follow_order = 0;
    p->failover_ms = 0;
}

static void ask_for_failover(struct protocol *p, uint32_t node)
{
    if (p->failover_ms && p->now_ms < p->failover_ms + ASK_AGAIN_MS)
        return;
    p->failover_ms = p->now_ms;
    protocol_add(p, PROTOCOL_EFFECT_FAILOVER)->node = node;
    protocol_wake(p, p->now_ms + ASK_AGAIN_MS);
}

static void lead_again(struct protocol *p)
{
    if (p->follow_order)
        return;
    p->role_effect = PROTOCOL_EFFECT_TAKE_ROLE;
    p->role_order_ms = p->now_ms;
    p->follow_order = p->role_order = protocol_order(p, PROTOCOL_EFFECT_TAKE_ROLE, 0);
}

static void settle_promote(struct protocol *p)
{
    if (protocol_leads(p) && is_own(p))
        reply(p, 0, PROTOCOL_REASON_NONE, 0);
    else if (!p->answered || p->server == MEMBER_SERVER_HUNG)
        reply(p, -ESRCH, PROTOCOL_REASON_SERVER, p->config.self);
    else if (p->now_ms >= p->follow_deadline_ms) {
        p->refused_ms = p->now_ms + PROTOCOL_REFUSED_MS;
        reply(p, -ETIMEDOUT, PROTOCOL_REASON_SENTINEL, p->named.node);
    } else if (may_lead_again(p))
        lead_again(p);
    else if (may_be_asked_for(p))
        ask_for_failover(p, p->config.self);
}

/* A demotion leaves a primary that Sentinels name as it is: whom else should clients be sent to. */
static void settle_demote(struct protocol *p)
{
    if (!p->answered || p->server == MEMBER_SERVER_HUNG)
        reply(p, -ESRCH, PROTOCOL_REASON_SERVER, p->config.self);
    else if (!protocol_is_replaced(p))
        reply(p, 0, PROTOCOL_REASON_NONE, 0);
    else if (p->now_ms >= p->follow_deadline_ms)
        reply(p, -ETIMEDOUT, PROTOCOL_REASON_DEADLINE, p->config.self);
}

static bool somebody_could_lead(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];

        if (i != p->self && m->in_group && m->told && m->last.server == MEMBER_SERVER_ANSWERS &&
            m->last.role == MEMBER_ROLE_REPLICA && m->last.link == MEMBER_LINK_UP &&
            m->last.priority)
            return true;
    }
    return false;
}

/* The server is about to be ended: Sentinel hands the role over first, if it can in time. */
static void settle_stop(struct protocol *p)
{
    bool over = !p->answered || p->server != MEMBER_SERVER_ANSWERS || !protocol_leads(p) ||
                !is_own(p) || !somebody_could_lead(p) || p->now_ms >= p->follow_deadline_ms;

    if (!over && p->now_ms < p->follow_began_ms + HEAR_MS) {
        protocol_wake(p, p->follow_began_ms + HEAR_MS);
        return;
    }
    if (!over) {
        ask_for_failover(p, 0);
        return;
    }
    reply(p, 0, PROTOCOL_REASON_NONE, 0);
    p->stopping = true;
}

static void settle_request(struct protocol *p)
{
    if (!p->follow_asked)
        return;
    switch (p->follow_request) {
    case PROTOCOL_REQUEST_PROMOTE:
        settle_promote(p);
        break;
    case PROTOCOL_REQUEST_DEMOTE:
        settle_demote(p);
        break;
    case PROTOCOL_REQUEST_STOP:
        settle_stop(p);
        break;
    case PROTOCOL_REQUEST_SWITCHOVER:
    case PROTOCOL_REQUEST_FORCE: /* Sentinel's commands are for that */
        reply(p, -ENOTSUP, PROTOCOL_REASON_SENTINEL, p->named.node);
        break;
    }
    if (p->follow_asked)
        protocol_wake(p, p->follow_deadline_ms);
}

/* Told to all, so that the others stand back in Sentinel's choice. */
bool protocol_asks_to_lead(const struct protocol *p)
{
    return p->follow_asked && p->follow_request == PROTOCOL_REQUEST_PROMOTE && !protocol_leads(p) &&
           may_be_asked_for(p);
}

/* Pacemaker's role is another than Sentinel's choice, and not just for a moment. */
static void note_apart(struct protocol *p)
{
    bool apart = (p->named.node && protocol_leads(p) != is_own(p)) || !p->named.node;

    if (!apart)
        p->role_apart_ms = 0;
    else if (!p->role_apart_ms)
        p->role_apart_ms = p->now_ms;
}

void protocol_settle_follow(struct protocol *p)
{
    find_named(p);
    note_reign(p);
    note_lost(p);
    note_busy(p);
    note_apart(p);
    settle_brake(p);
    settle_role(p);
    settle_request(p);
}
