// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which authority is in force. The parameter says which is wanted; one follows the other only when
 * every watch of the ring wants it, and only at a moment when the one that goes can do nothing any
 * more: else both might promote. Until then the old one holds.
 */
#include "redis_protocol_rooms.h"

#define NO_FEED_MS 15000 /* that a feed may need to tell for the first time */

static bool hinders(struct protocol *p, enum protocol_obstacle obstacle, uint32_t node)
{
    p->obstacle = obstacle;
    p->obstacle_node = node;
    return obstacle != PROTOCOL_OBSTACLE_NONE;
}

/* Somebody here wants another, or has not told yet. */
static bool is_unwanted(struct protocol *p, enum member_authority wants)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];

        if (m->in_group && !(m->told && m->last.wants == wants))
            return hinders(p, PROTOCOL_OBSTACLE_WANTED, m->id);
    }
    return false;
}

/* It was in force there before us, so what had to be waited for has been. */
static bool somebody_obeys(const struct protocol *p, enum member_authority obeys)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (i != p->self && p->member[i].in_group && p->member[i].told &&
            p->member[i].last.obeys == obeys)
            return true;
    return false;
}

/* Sentinels have to name the primary that leads, so that they begin with what is. */
static bool is_misnamed(struct protocol *p, const struct protocol_member *leader)
{
    size_t naming = 0;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];

        if (!m->in_group || !m->told || !m->last.named.node)
            continue;
        if (m->last.named.node != leader->id)
            return hinders(p, PROTOCOL_OBSTACLE_NAMED, m->id);
        naming++;
    }
    return hinders(p, naming ? PROTOCOL_OBSTACLE_NONE : PROTOCOL_OBSTACLE_NAMED, 0);
}

static bool may_sentinel_begin(struct protocol *p)
{
    const struct protocol_member *leader = protocol_good_primary(p);

    if (!leader || !leader->last.open || p->contest || p->claim != PROTOCOL_CLAIM_NONE ||
        p->move != PROTOCOL_MOVE_NONE)
        return !hinders(p, PROTOCOL_OBSTACLE_PRIMARY, 0);
    return !is_misnamed(p, leader);
}

/*
 * No Sentinel that can be asked could promote a server now, or is about to. A node without a feed
 * has none, once there was time to hear of it.
 */
static bool may_pacemaker_begin(struct protocol *p)
{
    uint64_t until_ms = p->began_ms + NO_FEED_MS;
    uint32_t unknown = 0;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];

        if (!m->in_group)
            continue;
        if (!m->told || m->last.harmless == MEMBER_ANSWER_NO)
            return !hinders(p, PROTOCOL_OBSTACLE_HARM, m->id);
        if (m->last.harmless == MEMBER_ANSWER_UNKNOWN)
            unknown = m->id;
    }
    if (unknown)
        protocol_wake(p, until_ms);
    if (unknown && p->now_ms < until_ms)
        return !hinders(p, PROTOCOL_OBSTACLE_HARM, unknown);
    return !hinders(
        p, p->feed.busy || p->follow_asked ? PROTOCOL_OBSTACLE_BUSY : PROTOCOL_OBSTACLE_NONE,
        p->config.self);
}

static void begin_anew(struct protocol *p, enum member_authority authority)
{
    p->changing = true;
    protocol_add(p, PROTOCOL_EFFECT_AUTHORITY)->authority = authority;
}

static enum member_authority other(enum member_authority authority)
{
    return authority == MEMBER_AUTHORITY_PACEMAKER ? MEMBER_AUTHORITY_SENTINEL
                                                   : MEMBER_AUTHORITY_PACEMAKER;
}

void protocol_settle_authority(struct protocol *p)
{
    enum member_authority next = other(p->config.obeys);
    bool may;

    (void)hinders(p, PROTOCOL_OBSTACLE_NONE, 0);
    if (p->changing || p->config.wants != next)
        return;
    if (!protocol_quorate(p) || !protocol_everybody_heard(p)) {
        (void)hinders(p, PROTOCOL_OBSTACLE_QUORUM, 0);
        return;
    }
    if (is_unwanted(p, next))
        return;
    may = next == MEMBER_AUTHORITY_SENTINEL ? may_sentinel_begin(p) : may_pacemaker_begin(p);
    if (may || somebody_obeys(p, next))
        begin_anew(p, next);
}

/* Another asks Sentinel for the role, which only choice by priority can give it. */
static bool gives_way(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (i != p->self && p->member[i].in_group && p->member[i].told && p->member[i].last.asks)
            return true;
    return false;
}

static bool somebody_wants_pacemaker(const struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (p->member[i].in_group && p->member[i].told &&
            p->member[i].last.wants == MEMBER_AUTHORITY_PACEMAKER)
            return true;
    return false;
}

/*
 * Sentinel promotes no server of priority 0: that, and no timer of ours, keeps it from promoting
 * while Pacemaker decides.
 */
static int priority_wanted(const struct protocol *p)
{
    bool sentinel = p->config.obeys == MEMBER_AUTHORITY_SENTINEL &&
                    p->config.wants == MEMBER_AUTHORITY_SENTINEL;

    return sentinel && !somebody_wants_pacemaker(p) && !gives_way(p);
}

void protocol_settle_priority(struct protocol *p)
{
    int wanted = priority_wanted(p);
    bool given = p->priority_order && p->priority == wanted && p->priority_run == p->digest.run;
    bool done = given && (p->priority_confirmed || p->now_ms < p->priority_ms + PROTOCOL_LOST_MS);

    if (!p->answered || p->stopping || p->server != MEMBER_SERVER_ANSWERS || done)
        return;
    p->priority = wanted;
    p->priority_run = p->digest.run;
    p->priority_ms = p->now_ms;
    p->priority_confirmed = false;
    p->priority_order = protocol_order(p, PROTOCOL_EFFECT_PRIORITY, 0);
    p->effects->effect[p->effects->count - 1].number = (uint64_t)wanted;
}

/*
 * Where Sentinel promotes, data belong to no epoch of ours, and none that is on record says
 * anything of them. What was promised stays, so that later epochs are higher.
 */
void protocol_retire_record(struct protocol *p)
{
    struct protocol_record *record = &p->record;

    if (!record->timeline_count && !record->held_count && !record->stored_epoch)
        return;
    if (record->promised.epoch < protocol_newest(p)->epoch)
        record->promised = (struct redis_claim){.epoch = protocol_newest(p)->epoch,
                                                .node = protocol_newest(p)->primary};
    record->timeline_count = record->held_count = 0;
    record->stored_epoch = record->stored_offset = 0;
    record->stored_exact = false;
    record->generation++;
    protocol_find_own(p);
}
