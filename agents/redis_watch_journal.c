// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watch's log of what the protocol decided and why: a line when a contest begins or ends, when
 * its verdict changes, when a claim goes a step further, when writes are paused for another reason.
 */
#include "redis_watch.h"

#include "log.h"
#include "redis_protocol_rooms.h"
#include <inttypes.h>
#include <string.h>

struct watch_journal {
    uint32_t leader;
    bool contest;
    enum rank_verdict verdict;
    enum rank_reason reason;
    uint32_t about;
    size_t winner;
    enum protocol_claim_step claim;
    enum protocol_move_step move;
    unsigned pause;
    enum member_server server;
    struct redis_named named;
    enum protocol_obstacle obstacle;
    uint32_t obstacle_node;
};

static const char *claim_text(enum protocol_claim_step step)
{
    switch (step) {
    case PROTOCOL_CLAIM_NONE:
        return "over";
    case PROTOCOL_CLAIM_ASKED:
        return "asked for";
    case PROTOCOL_CLAIM_TOLD:
        return "told";
    case PROTOCOL_CLAIM_STANDS:
        return "stands";
    case PROTOCOL_CLAIM_TAKING:
        return "takes the role";
    case PROTOCOL_CLAIM_TAKEN:
        return "has the role";
    }
    return "";
}

static const char *move_text(enum protocol_move_step step)
{
    switch (step) {
    case PROTOCOL_MOVE_NONE:
        return "over";
    case PROTOCOL_MOVE_PAUSING:
        return "pauses writes";
    case PROTOCOL_MOVE_CATCHING_UP:
        return "waits for the replicas";
    case PROTOCOL_MOVE_READY:
        return "is ready";
    case PROTOCOL_MOVE_DETACHING:
        return "detaches the server";
    }
    return "";
}

static const char *server_text(enum member_server server)
{
    switch (server) {
    case MEMBER_SERVER_UNKNOWN:
        return "not known yet";
    case MEMBER_SERVER_GONE:
        return "gone";
    case MEMBER_SERVER_STOPPED:
        return "stopped";
    case MEMBER_SERVER_HUNG:
        return "hung";
    case MEMBER_SERVER_LOADING:
        return "loading";
    case MEMBER_SERVER_ANSWERS:
        return "answering";
    }
    return "";
}

/* Why there is no sound primary: what is known of everybody. */
static void log_members(const struct watch *watch)
{
    const struct protocol *p = &watch->protocol;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];

        log_info("  %s: %s%s%s server %s, %s%s%s, epoch %" PRIu64 " offset %" PRIu64
                 ", sealed for %" PRIu64 ", claim %" PRIu64 " promised %" PRIu64,
                 m->name, m->in_ring ? "" : "not in the ring, ", m->in_group ? "" : "no watch, ",
                 m->fresh ? "" : "not heard in this ring,", server_text(m->last.server),
                 m->last.role == MEMBER_ROLE_PRIMARY ? "primary" : "replica",
                 m->last.final ? ", final" : "", m->last.open ? ", open" : "", m->last.epoch,
                 m->last.offset, m->last.sealed_for, m->last.claim, m->last.promised.epoch);
    }
}

static void log_contest(const struct watch *watch, const struct watch_journal *now)
{
    const struct protocol *p = &watch->protocol;
    uint64_t newest =
        p->record.timeline_count ? p->record.timelines[p->record.timeline_count - 1].epoch : 0;

    if (now->contest)
        log_notice("no sound primary of epoch %" PRIu64 ": servers are sealed and ranked", newest);
    else if (now->leader)
        log_notice("%s leads epoch %" PRIu64, watch_node_name(watch, now->leader), newest);
    else
        log_notice("nobody is ranked: %s", p->quorate ? "the primary may be sound, its watch is "
                                                        "silent"
                                                      : "no quorum");
    log_members(watch);
}

static void log_verdict(const struct watch *watch, const struct watch_journal *now)
{
    const struct protocol *p = &watch->protocol;
    char text[WATCH_TEXT];

    if (!now->contest)
        return;
    if (now->verdict == RANK_DECIDED)
        log_notice("%s shall lead", p->member[now->winner].name);
    else
        log_info("%s", watch_verdict_text(watch, text, sizeof(text)));
    if (now->verdict == RANK_HELD)
        log_members(watch);
}

/* An operator who changed the parameter looks for this. */
static void log_obstacle(const struct watch *watch)
{
    const struct protocol *p = &watch->protocol;
    const char *wanted = p->config.wants == MEMBER_AUTHORITY_SENTINEL ? "sentinel" : "pacemaker";
    const char *node = p->obstacle_node ? watch_node_name(watch, p->obstacle_node) : "no node";

    switch (p->obstacle) {
    case PROTOCOL_OBSTACLE_NONE:
        return;
    case PROTOCOL_OBSTACLE_QUORUM:
        log_notice("authority=%s is not in force yet: not all watches of a quorum are heard",
                   wanted);
        return;
    case PROTOCOL_OBSTACLE_WANTED:
        log_notice("authority=%s is not in force yet: %s does not have that parameter", wanted,
                   node);
        return;
    case PROTOCOL_OBSTACLE_PRIMARY:
        log_notice("authority=%s is not in force yet: no sound primary leads", wanted);
        return;
    case PROTOCOL_OBSTACLE_NAMED:
        log_notice("authority=%s is not in force yet: %s; does the sentinel resource run, with "
                   "redis=%s?",
                   wanted,
                   p->obstacle_node ? "a Sentinel names another server"
                                    : "no Sentinel names the primary",
                   watch->context.instance);
        return;
    case PROTOCOL_OBSTACLE_HARM:
        log_notice("authority=%s is not in force yet: the Sentinel of %s could still promote a "
                   "server, until its next INFO (10 s)",
                   wanted, node);
        return;
    case PROTOCOL_OBSTACLE_BUSY:
        log_notice("authority=%s is not in force yet: a failover is under way", wanted);
        return;
    }
}

void watch_journal(struct watch *watch)
{
    static struct watch_journal before;
    char text[WATCH_TEXT];
    const struct protocol *p = &watch->protocol;
    const struct protocol_member *leader = protocol_good_primary(p);
    struct watch_journal now = {.contest = p->contest,
                                .leader = leader ? leader->id : 0,
                                .verdict = p->rank.verdict,
                                .reason = p->rank.reason,
                                .about = p->rank.about,
                                .winner = p->rank.winner,
                                .claim = p->claim,
                                .move = p->move,
                                .pause = p->pause,
                                .server = p->server,
                                .named = p->named,
                                .obstacle = p->obstacle,
                                .obstacle_node = p->obstacle_node};

    if (!now.pause != !before.pause)
        watch->paused_ms = now.pause ? p->now_ms : 0;
    if (!leader == !watch->leaderless_ms) /* one of both is not up to date */
        watch->leaderless_ms = leader ? 0 : p->now_ms;
    if (now.contest != before.contest || now.leader != before.leader)
        log_contest(watch, &now);
    if (now.verdict != before.verdict || now.reason != before.reason || now.about != before.about ||
        now.winner != before.winner)
        log_verdict(watch, &now);
    if (now.claim != before.claim)
        log_info("the claim of epoch %" PRIu64 ": %s", p->claim_epoch, claim_text(now.claim));
    if (now.move != before.move)
        log_info("the planned change: %s", move_text(now.move));
    if (now.pause != before.pause)
        log_info("reasons to pause writes: %s", watch_pause_text(now.pause, text, sizeof(text)));
    if (now.server != before.server)
        log_info("the server is %s", server_text(now.server));
    if (now.named.node != before.named.node || now.named.number != before.named.number)
        log_notice("Sentinels name %s, by their epoch %" PRIu64,
                   watch_node_name(watch, now.named.node), now.named.number);
    if (now.obstacle != before.obstacle || now.obstacle_node != before.obstacle_node)
        log_obstacle(watch);
    before = now;
}
