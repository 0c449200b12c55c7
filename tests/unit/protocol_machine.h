// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One machine of the protocol, driven by hand: what it is given, what it wanted at that, and the
 * positions that tests begin with. Whole stories are tests/sim's.
 */
#ifndef RHA_TEST_PROTOCOL_MACHINE_H
#define RHA_TEST_PROTOCOL_MACHINE_H

#include "../../agents/redis_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka wants setjmp, stdarg, stddef and stdint before it
#include <cmocka.h>

#define SELF 1

static struct protocol machine;
static struct protocol_effects effects;
static struct redis_told peer[4];
static struct protocol_digest digest;

static inline bool has(enum protocol_effect_kind kind)
{
    for (size_t i = 0; i < effects.count; i++)
        if (effects.effect[i].kind == kind)
            return true;
    return false;
}

static uint64_t seen; /* kinds of all effects since somebody cleared it */

static inline void give(uint64_t now, struct protocol_event event)
{
    event.now_ms = now;
    protocol_event(&machine, &event, &effects);
    for (size_t i = 0; i < effects.count; i++)
        seen |= 1ULL << effects.effect[i].kind;
}

static inline bool was_seen(enum protocol_effect_kind kind)
{
    return seen >> kind & 1;
}

static inline void give_members(uint64_t now, enum protocol_event_kind kind, uint64_t ring,
                                size_t count)
{
    struct protocol_event event = {.kind = kind};

    event.members.ring = ring;
    event.members.quorum = 2;
    for (event.members.count = 0; event.members.count < count; event.members.count++)
        event.members.id[event.members.count] = (uint32_t)event.members.count + 1;
    give(now, event);
}

static inline void give_ring(uint64_t now, uint64_t ring, size_t count, bool quorate)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_QUORUM};

    give_members(now, PROTOCOL_EVENT_RING, ring, count);
    give_members(now, PROTOCOL_EVENT_GROUP, ring, count);
    event.ring = ring;
    event.yes = quorate;
    give(now, event);
}

static inline void give_tick(uint64_t now, uint64_t sent)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_MESSAGE};

    event.node = SELF;
    event.message.kind = REDIS_MESSAGE_TICK;
    event.message.tick_ms = sent;
    give(now, event);
}

static inline void give_told(uint64_t now, uint32_t node, const struct redis_told *told)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_MESSAGE};

    event.node = node;
    event.message.kind = REDIS_MESSAGE_TELL;
    event.message.told = *told;
    give(now, event);
}

/* What this machine tells comes back to it. */
static inline void echo(uint64_t now)
{
    give_told(now, SELF, &machine.told);
}

static inline void give_digest(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_DIGEST};

    digest.order = machine.order;
    event.digest = digest;
    give(now, event);
}

static inline void write_file(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_FILE_WRITTEN};

    if (machine.file_asked) {
        event.number = machine.file_asked;
        give(now, event);
    }
}

/* A ring of three in which node 1 leads epoch 1 and has the lease, at 1000 ms. */
static inline void lead(void)
{
    struct protocol_config config = {.self = SELF,
                                     .incarnation = 1,
                                     .down_after_ms = 1000,
                                     .ring_change_ms = 3000,
                                     .node_count = 3,
                                     .nodes = {{1, "n1"}, {2, "n2"}, {3, "n3"}}};
    struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD};

    event.record.timeline_count = 1;
    event.record.timelines[0] =
        (struct redis_timeline){.epoch = 1, .replid = {{7}}, .primary = SELF, .written = true};
    event.record.promised = (struct redis_claim){1, SELF};
    memset(&digest, 0, sizeof(digest));
    digest = (struct protocol_digest){.run = 1,
                                      .fit = true,
                                      .role = MEMBER_ROLE_PRIMARY,
                                      .replid = {{7}},
                                      .offset = 100,
                                      .priority = 100};
    protocol_init(&machine, &config);
    give(900, event);
    give_digest(900);
    give_ring(950, 1, 3, true);
    for (uint32_t i = 2; i <= 3; i++) {
        peer[i] = (struct redis_told){.ring = 1,
                                      .server = MEMBER_SERVER_ANSWERS,
                                      .role = MEMBER_ROLE_REPLICA,
                                      .link = MEMBER_LINK_UP,
                                      .live = true,
                                      .exact = true,
                                      .fit = true,
                                      .epoch = 1,
                                      .replid = {{7}},
                                      .offset = 100,
                                      .priority = 100,
                                      .promised = {1, SELF},
                                      .newest = event.record.timelines[0]};
        give_told(960, i, &peer[i]);
    }
    echo(970);
    give_tick(1000, 1000);
    write_file(1000);
    give_digest(1000);
    echo(1000);
    give_tick(1000, 1000);
}

static inline uint64_t newest_epoch(void)
{
    size_t count = machine.record.timeline_count;

    return count ? machine.record.timelines[count - 1].epoch : 0;
}

static inline void confirm_pause(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_CONFIRMED, .number = machine.pause_order};
    give(now, event);
}

/* The watch of this node ends and another one starts, as configured; returns what its file tells
 * it. */
static inline struct protocol_event restart_watch(void)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD, .record = machine.saved};
    struct protocol_config config = machine.config;

    config.incarnation++;
    protocol_init(&machine, &config);
    seen = 0;
    return event;
}

/* Node 2 leads epoch 1; we and node 3 follow it. */
static inline void follow(void)
{
    lead();
    machine.record.timelines[0].primary = machine.saved.timelines[0].primary = 2;
    digest.role = MEMBER_ROLE_REPLICA;
    digest.link = MEMBER_LINK_UP;
    digest.following = 2;
    peer[2].role = MEMBER_ROLE_PRIMARY;
    peer[2].open = true;
    give_digest(1010);
    give_told(1011, 2, &peer[2]);
    echo(1012);
    give_tick(1013, 1012);
}

/* Its process ends; what is left is sealed, node 3 last and no further than we are. */
static inline void lose_the_primary(void)
{
    peer[2].server = MEMBER_SERVER_GONE;
    peer[2].role = MEMBER_ROLE_UNKNOWN;
    peer[2].open = false;
    give_told(1020, 2, &peer[2]);
    digest.link = MEMBER_LINK_DOWN;
    digest.following = 0;
    give_digest(1021);
    echo(1022);
}

static inline void seal_node_3(uint64_t now)
{
    peer[3].final = true;
    peer[3].link = MEMBER_LINK_DOWN;
    peer[3].sealed_for = 2;
    peer[3].offset = 90;
    give_told(now, 3, &peer[3]);
}

#endif
