// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the protocol decided, in words: for the watch's log, and for a monitor's exit reason.
 */
#include "redis_watch.h"

#include "redis_protocol_rooms.h"
#include <inttypes.h>

#define STANDS_MS 5000 /* what passes sooner belongs to any change of primary */

/* The node comes early: Pacemaker shows 128 bytes of a reason. */
const char *watch_verdict_text(const struct watch *watch, char *text, size_t size)
{
    const struct rank_answer *rank = &watch->protocol.rank;
    const char *node = rank->about ? watch_node_name(watch, rank->about) : "another node";

    switch (rank->reason) {
    case RANK_REASON_NONE:
        snprintf(text, size, "nobody was ranked yet");
        break;
    case RANK_REASON_NOT_FINAL:
        snprintf(text, size, "waiting until the position of %s is final", node);
        break;
    case RANK_REASON_HOLDER_ABSENT:
        snprintf(text, size, "nobody leads before %s is back, which may hold newer data: start it",
                 node);
        break;
    case RANK_REASON_AHEAD:
        snprintf(text, size, "nobody leads: %s is known to be ahead and gives no answer", node);
        break;
    case RANK_REASON_LAG:
        snprintf(text, size, "nobody leads: the best is further behind than max_lag");
        break;
    case RANK_REASON_STRANGERS:
        snprintf(text, size,
                 "nobody leads: %s and others hold data of different origins; empty those "
                 "that may go",
                 node);
        break;
    case RANK_REASON_NO_POSITION:
        snprintf(text, size, "nobody leads: AOF keeps no position, and the last primary is away");
        break;
    case RANK_REASON_NOBODY:
        snprintf(text, size, "nobody leads: no server is fit");
        break;
    }
    return text;
}

const char *watch_pause_text(unsigned pause, char *text, size_t size)
{
    static const char *const reasons[] = {
        "no lease",  "not everybody was heard", "a higher epoch", "another may be open",
        "promotion", "planned change",          "it hung"};
    size_t length = (size_t)snprintf(text, size, "%s", pause ? "" : "none");

    for (size_t i = 0; i < ARRAY_SIZE(reasons) && length < size; i++) {
        if (pause >> i & 1)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "",
                                       reasons[i]);
    }
    return text;
}

/* Why there is no primary that everybody knows. */
static void tell_leaderless(const struct watch *watch, char *why, size_t size)
{
    const struct protocol *p = &watch->protocol;

    if (!protocol_quorate(p))
        snprintf(why, size, "this partition has no quorum");
    else if (!p->contest)
        snprintf(why, size, "the primary on %s may be sound, but its redis-watch tells nothing",
                 watch_node_name(watch, protocol_newest(p)->primary));
    else if (protocol_heard_count(p) < p->quorum)
        snprintf(why, size, "redis-watch is heard of %zu nodes only; %" PRIu32 " are needed",
                 protocol_heard_count(p), p->quorum);
    else
        (void)watch_verdict_text(watch, why, size);
}

static bool stands(const struct watch *watch, uint64_t since_ms)
{
    return since_ms && watch->protocol.now_ms >= since_ms + STANDS_MS;
}

/* The named server is dead or silent, and Sentinel had its time. */
static bool is_given_up(const struct protocol *p)
{
    return p->named.node == p->config.self && p->lost_ms && !protocol_choice_is_due(p);
}

static bool is_apart(const struct protocol *p)
{
    return p->role_apart_ms && p->now_ms >= p->role_apart_ms + PROTOCOL_APART_MS;
}

/* authority=sentinel. */
static enum companion_state followers_state(const struct watch *watch, char *why, size_t size)
{
    const struct protocol *p = &watch->protocol;

    if (p->silent && protocol_is_replaced(p) && !is_apart(p))
        return COMPANION_STATE_REPLACED;
    if (is_given_up(p))
        return COMPANION_STATE_FINE;
    if (p->server == MEMBER_SERVER_HUNG && p->named.node != p->config.self)
        return COMPANION_STATE_HUNG;
    if (!is_apart(p))
        return COMPANION_STATE_FOLLOWS;
    if (!p->named.node)
        snprintf(why, size,
                 "no Sentinel says which server is the primary: does the "
                 "ocf:redis-ha:sentinel resource run, with redis=%s?",
                 watch->context.instance);
    else
        snprintf(why, size, "Sentinel names %s as the primary",
                 watch_node_name(watch, p->named.node));
    return COMPANION_STATE_APART;
}

enum companion_state watch_state(const struct watch *watch, char *why, size_t size)
{
    const struct protocol *p = &watch->protocol;
    bool decided = p->contest && p->rank.verdict == RANK_DECIDED;

    why[0] = '\0';
    if (p->config.obeys == MEMBER_AUTHORITY_SENTINEL)
        return followers_state(watch, why, size);
    if (p->server == MEMBER_SERVER_HUNG)
        return COMPANION_STATE_HUNG;
    if (protocol_is_deposed(p)) {
        snprintf(why, size, "epoch %" PRIu64 " is led by %s", protocol_newest(p)->epoch,
                 watch_node_name(watch, protocol_newest(p)->primary));
        return COMPANION_STATE_DEPOSED;
    }
    if (protocol_leads(p) && stands(watch, watch->paused_ms)) {
        (void)watch_pause_text(p->pause, why, size);
        return COMPANION_STATE_PAUSED;
    }
    if (!watch->leaderless_ms)
        return COMPANION_STATE_FINE;
    if (!decided)
        tell_leaderless(watch, why, size);
    if (!stands(watch, watch->leaderless_ms)) /* held: nobody is on his way */
        return p->contest && p->rank.verdict == RANK_HELD ? COMPANION_STATE_FINE
                                                          : COMPANION_STATE_MOVING;
    return decided ? COMPANION_STATE_FINE : COMPANION_STATE_HELD;
}
