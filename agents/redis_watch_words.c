// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the protocol decided, in words: for the watch's log, and for a monitor's exit reason.
 */
#include "redis_watch.h"

#include "redis_protocol_rooms.h"
#include <inttypes.h>

#define STANDS_MS 5000 /* what passes sooner belongs to any change of primary */

static const char *reason_text(enum rank_reason reason)
{
    switch (reason) {
    case RANK_REASON_NONE:
        return "nobody was ranked yet";
    case RANK_REASON_NOT_FINAL:
        return "waiting until the position is final of";
    case RANK_REASON_HOLDER_ABSENT:
        return "nobody leads: the newest data is also on an absent node; start it, or write it "
               "off:";
    case RANK_REASON_AHEAD:
        return "nobody leads: known to be ahead, and gives no answer:";
    case RANK_REASON_LAG:
        return "nobody leads: the best is further behind than max_lag";
    case RANK_REASON_STRANGERS:
        return "nobody leads: data of no known promotion on more than one node; choose one. "
               "Differs:";
    case RANK_REASON_NO_POSITION:
        return "nobody leads: AOF keeps no position, and the last primary is not here";
    case RANK_REASON_NOBODY:
        return "nobody leads: no server is fit";
    }
    return "";
}

const char *watch_verdict_text(const struct watch *watch, char *text, size_t size)
{
    const struct rank_answer *rank = &watch->protocol.rank;

    snprintf(text, size, "%s%s%s", reason_text(rank->reason), rank->about ? " " : "",
             rank->about ? watch_node_name(watch, rank->about) : "");
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

enum companion_state watch_state(const struct watch *watch, char *why, size_t size)
{
    const struct protocol *p = &watch->protocol;
    bool decided = p->contest && p->rank.verdict == RANK_DECIDED;

    why[0] = '\0';
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
    if (!watch->leaderless_ms || decided)
        return COMPANION_STATE_FINE;
    tell_leaderless(watch, why, size);
    return stands(watch, watch->leaderless_ms) ? COMPANION_STATE_HELD : COMPANION_STATE_FINE;
}
