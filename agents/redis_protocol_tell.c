// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes out: the message to the others, the score and the status for Pacemaker. Nothing is said
 * twice while nothing changes.
 */
#include "redis_protocol_rooms.h"

#include <string.h>

static enum protocol_status own_status(const struct protocol *p)
{
    if (!p->answered)
        return PROTOCOL_STATUS_DOWN;
    if (p->server == MEMBER_SERVER_LOADING)
        return PROTOCOL_STATUS_LOADING;
    if (protocol_leads(p))
        return p->pause || p->pause_wanted ? PROTOCOL_STATUS_PAUSED : PROTOCOL_STATUS_PRIMARY;
    if (p->digest.following == 0)
        return PROTOCOL_STATUS_SEALED;
    if (p->digest.link == MEMBER_LINK_SYNCING)
        return PROTOCOL_STATUS_SYNCING;
    return p->digest.link == MEMBER_LINK_UP ? PROTOCOL_STATUS_REPLICA
                                            : PROTOCOL_STATUS_DISCONNECTED;
}

/* A linked replica beside a sound primary: not by itself, but an operator's rule may ask for it. */
static int standby_score(const struct protocol *p, const struct protocol_member *primary)
{
    bool fit = p->digest.link == MEMBER_LINK_UP && p->digest.priority && p->digest.fit &&
               p->digest.following == primary->id && p->own.epoch == primary->last.epoch;

    if (!fit)
        return RANK_SCORE_NEVER;
    return primary->last.move_to == p->config.self ? RANK_SCORE_CHOSEN : RANK_SCORE_EQUAL;
}

/*
 * While a position is waited for, the verdict that this contest had reached stands, and so does a
 * score that promotes nobody: each change makes Pacemaker reckon anew. A claim asks the ranks.
 */
static int contest_score(const struct protocol *p)
{
    bool stands = p->rank.verdict == RANK_WAIT && p->score_said &&
                  (p->ranked || p->score < RANK_SCORE_CHOSEN);

    return stands ? p->score : protocol_own_rank(p);
}

/*
 * A primary that crashed keeps its score for the few milliseconds until the others are ranked: the
 * loss of its score and the gain of the best then reach Pacemaker together, and it reckons once.
 */
static bool waits_for_heir(struct protocol *p)
{
    uint64_t until_ms = p->crashed_ms + PROTOCOL_HEIR_MS;
    bool waits = p->server == MEMBER_SERVER_GONE && p->score == RANK_SCORE_CHOSEN &&
                 !(p->contest && p->rank.verdict != RANK_WAIT) && p->now_ms < until_ms;

    if (waits)
        protocol_wake(p, until_ms);
    return waits;
}

/* In a new ring that is large enough the quorum's callback follows within milliseconds. */
static bool awaits_quorum(struct protocol *p)
{
    size_t members = 0;
    uint64_t until_ms = p->ring_ms + PROTOCOL_LEASE_MS;

    for (size_t i = 0; i < p->member_count; i++)
        members += p->member[i].in_ring;
    if (!p->on_bus || !p->quorate || p->quorum_ring == p->ring || members < p->quorum ||
        p->now_ms >= until_ms)
        return false;
    protocol_wake(p, until_ms);
    return true;
}

/*
 * A primary without a lease has no score, but not for a stall that passes: Pacemaker would move the
 * role, or leave nobody in it, while its writes are paused in any case.
 */
static bool is_blocked(struct protocol *p)
{
    unsigned passing = PROTOCOL_PAUSE_LEASE | PROTOCOL_PAUSE_UNHEARD;

    if (!(p->pause & (passing | PROTOCOL_PAUSE_HIGHER))) {
        p->blocked_ms = 0;
        return false;
    }
    if (!p->blocked_ms)
        p->blocked_ms = p->now_ms;
    protocol_wake(p, p->blocked_ms + PROTOCOL_WAIT_MS);
    return (p->pause & PROTOCOL_PAUSE_HIGHER) || p->now_ms >= p->blocked_ms + PROTOCOL_WAIT_MS;
}

static int score_by_ranks(struct protocol *p)
{
    const struct protocol_member *self = &p->member[p->self];
    const struct protocol_member *primary = protocol_good_primary(p);

    if (waits_for_heir(p))
        return p->score;
    if (!p->answered || p->stopping || p->server != MEMBER_SERVER_ANSWERS)
        return RANK_SCORE_NEVER;
    if (p->claim >= PROTOCOL_CLAIM_TAKING)
        return RANK_SCORE_CHOSEN;
    if (p->score_said && awaits_quorum(p))
        return p->score;
    if (!protocol_quorate(p))
        return RANK_SCORE_NEVER;
    if (protocol_leads(p) && primary == self) {
        if (p->move == PROTOCOL_MOVE_READY)
            return RANK_SCORE_EQUAL;
        return is_blocked(p) ? RANK_SCORE_NEVER : RANK_SCORE_CHOSEN;
    }
    if (p->contest)
        return contest_score(p);
    return primary && !protocol_leads(p) ? standby_score(p, primary) : RANK_SCORE_NEVER;
}

static int own_score(struct protocol *p)
{
    return p->config.obeys == MEMBER_AUTHORITY_SENTINEL ? protocol_follow_score(p)
                                                        : score_by_ranks(p);
}

/* Of authority=sentinel: whom Sentinels name is known. */
static bool knows_choice(const struct protocol *p)
{
    return p->config.obeys == MEMBER_AUTHORITY_SENTINEL && p->answered && protocol_quorate(p) &&
           protocol_everybody_heard(p) && p->named.node;
}

/* All that a verdict follows from. */
static bool knows_ranks(const struct protocol *p)
{
    return p->config.obeys == MEMBER_AUTHORITY_PACEMAKER && p->answered && protocol_quorate(p) &&
           protocol_everybody_heard(p) && !protocol_primary_unknown(p) &&
           !(p->contest && p->rank.verdict == RANK_WAIT) &&
           (!protocol_leads(p) || protocol_lease_holds(p));
}

/*
 * A watch that has just begun knows nothing yet, and that is no reason to take a score away which
 * an earlier watch, or the probe that found a primary, had given: Pacemaker would move the role.
 */
static bool knows_enough(struct protocol *p)
{
    uint64_t until_ms = p->began_ms + PROTOCOL_UNKNOWN_MS;

    if (p->score_said || p->server == MEMBER_SERVER_GONE || p->now_ms >= until_ms)
        return true;
    if (knows_choice(p) || knows_ranks(p))
        return true;
    protocol_wake(p, until_ms);
    return false;
}

static void settle_status(struct protocol *p)
{
    enum protocol_status status = own_status(p);
    bool unknown = !p->status_said && p->server == MEMBER_SERVER_UNKNOWN &&
                   p->now_ms < p->began_ms + PROTOCOL_UNKNOWN_MS;

    if (unknown || (p->status_said && status == p->status))
        return;
    protocol_add(p, PROTOCOL_EFFECT_STATUS)->status = status;
    p->status = status;
    p->status_said = true;
}

void protocol_settle_score(struct protocol *p)
{
    int score = own_score(p);

    settle_status(p);
    if (!knows_enough(p))
        return;
    if (!p->score_said || score != p->score)
        protocol_add(p, PROTOCOL_EFFECT_SCORE)->score = score;
    p->score = score;
    p->score_said = true;
}

static void tell_server(const struct protocol *p, struct redis_told *told)
{
    const struct protocol_digest *digest = &p->digest;
    const struct redis_timeline *newest = protocol_newest(p);

    told->server = p->stopping ? MEMBER_SERVER_STOPPED : p->server;
    told->ended = p->ended;
    told->fit = p->answered && digest->fit && !p->stopping;
    told->priority = digest->priority;
    told->replid = digest->replid;
    told->offset = p->own.offset;
    told->epoch = p->own.epoch;
    told->exact = p->own.exact;
    told->empty = digest->empty;
    told->live = p->answered && p->live_run == digest->run;
    told->last_primary =
        p->own.epoch && newest->primary == p->config.self && newest->epoch == p->own.epoch;
    told->yields = p->yields;
    told->forced = p->forced;
}

static void tell_role(const struct protocol *p, struct redis_told *told)
{
    told->role = p->answered ? p->digest.role : MEMBER_ROLE_UNKNOWN;
    told->link = p->answered ? p->digest.link : MEMBER_LINK_UNKNOWN;
    told->final = told->open = false;
    if (!p->answered)
        return;
    /* While the role is being taken its timeline is not known to anybody: still a sealed server. */
    if (p->claim >= PROTOCOL_CLAIM_TAKING)
        told->role = MEMBER_ROLE_REPLICA;
    if (told->role == MEMBER_ROLE_PRIMARY) {
        told->final = protocol_pause_stands(p);
        told->open = !(p->pause_wanted && p->pause_confirmed);
    } else {
        told->final = protocol_sealed(p) || p->claim >= PROTOCOL_CLAIM_TAKING ||
                      !protocol_has_rule(p, PROTOCOL_RULE_SEAL);
    }
}

/* Field by field: what lies between them stays as it is in `told`, so that it is never news. */
static void tell_records(const struct protocol *p, struct redis_told *told)
{
    const struct protocol_record *saved = &p->saved;
    static const struct redis_timeline none;
    const struct redis_timeline *newest =
        saved->timeline_count ? &saved->timelines[saved->timeline_count - 1] : &none;

    told->promised.epoch = saved->promised.epoch;
    told->promised.node = saved->promised.node;
    told->newest.epoch = newest->epoch;
    told->newest.replid = newest->replid;
    told->newest.begin = newest->begin;
    told->newest.primary = newest->primary;
    told->newest.written = newest->written;
    told->newest.in_files = newest->in_files;
    told->held_count = (uint8_t)saved->held_count;
    for (size_t i = 0; i < saved->held_count; i++) {
        told->held[i].node = saved->held[i].node;
        told->held[i].epoch = saved->held[i].epoch;
        told->held[i].written_off = saved->held[i].written_off;
    }
}

static void tell_authority(const struct protocol *p, struct redis_told *told)
{
    told->wants = p->config.wants;
    told->obeys = p->config.obeys;
    told->named = p->feed.named;
    told->harmless = p->feed.harmless;
    told->asks = protocol_asks_to_lead(p);
    told->busy = p->feed.busy;
}

/* Every field at every time. */
static void compose(struct protocol *p)
{
    struct redis_told *told = &p->told;

    told->ring = p->ring;
    told->incarnation = p->config.incarnation;
    tell_server(p, told);
    tell_role(p, told);
    tell_records(p, told);
    tell_authority(p, told);
    told->sealed_for = p->sealed_for;
    told->cause = p->cause;
    told->trouble = p->trouble;
    told->claim = p->claim >= PROTOCOL_CLAIM_TOLD ? p->claim_epoch : 0;
    told->moving = p->move == PROTOCOL_MOVE_PAUSING || p->move == PROTOCOL_MOVE_CATCHING_UP;
    told->move_to = p->move == PROTOCOL_MOVE_READY ? p->move_to : 0;
    told->suspect = p->silent ? p->config.self : p->witness.node;
    told->suspect_answers = p->silent ? MEMBER_ANSWER_UNKNOWN : p->witness.answer;
}

/* Byte for byte, the offset aside. What follows the nodes held means nothing. */
static bool is_same_but_for_offset(const struct redis_told *a, const struct redis_told *b)
{
    size_t at = offsetof(struct redis_told, offset), after = at + sizeof(a->offset);
    size_t end = offsetof(struct redis_told, held) + sizeof(a->held[0]) * a->held_count;
    const uint8_t *left = (const uint8_t *)a, *right = (const uint8_t *)b;

    return memcmp(left + after, right + after, end - after) == 0 && memcmp(left, right, at) == 0;
}

/* As the bus would carry them: what lies between the fields of a struct is no news. */
static bool differs_but_for_offset(const struct redis_told *a, const struct redis_told *b)
{
    struct redis_message one, other;
    uint8_t left[REDIS_MESSAGE_SIZE], right[REDIS_MESSAGE_SIZE];
    int length;

    if (is_same_but_for_offset(a, b)) /* nearly always: spares the encoding */
        return false;
    one = (struct redis_message){.kind = REDIS_MESSAGE_TELL, .told = *a};
    other = (struct redis_message){.kind = REDIS_MESSAGE_TELL, .told = *b};
    other.told.offset = a->offset;
    length = redis_message_encode(&one, left, sizeof(left));
    if (length < 0 || length != redis_message_encode(&other, right, sizeof(right)))
        return true;
    return memcmp(left, right, (size_t)length) != 0;
}

static bool somebody_waits_for_position(const struct protocol *p)
{
    const struct protocol_member *primary = protocol_primary(p);
    return p->told.final || p->told.moving || (primary && primary->last.moving);
}

void protocol_settle_tell(struct protocol *p)
{
    compose(p);
    if (!p->on_bus)
        return;
    bool news = !p->sent_any || differs_but_for_offset(&p->told, &p->sent);
    if (!news && p->told.offset != p->sent.offset)
        news = somebody_waits_for_position(p) || p->now_ms >= p->sent_ms + PROTOCOL_TELL_MS;
    /* Nothing is lost on the bus; should something be, it must not stay lost. */
    if (p->now_ms >= p->sent_ms + PROTOCOL_RETELL_MS)
        news = true;
    if (!news)
        return;
    protocol_add(p, PROTOCOL_EFFECT_TELL);
    p->sent = p->told;
    p->sent_ms = p->now_ms;
    p->sent_any = true;
}
