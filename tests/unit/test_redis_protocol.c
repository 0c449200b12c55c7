// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One machine of the protocol, driven by hand: the lease at its edges, the process that does not
 * pause, seals that answer an earlier trouble, messages as bytes. Whole stories are tests/sim's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../../agents/redis_protocol.h"

#define SELF 1

static struct protocol machine;
static struct protocol_effects effects;
static struct redis_told peer[4];
static struct protocol_digest digest;

static bool has(enum protocol_effect_kind kind)
{
    for (size_t i = 0; i < effects.count; i++)
        if (effects.effect[i].kind == kind)
            return true;
    return false;
}

static const struct protocol_effect *find(enum protocol_effect_kind kind)
{
    for (size_t i = 0; i < effects.count; i++)
        if (effects.effect[i].kind == kind)
            return &effects.effect[i];
    return NULL;
}

static uint64_t seen; /* kinds of all effects since somebody cleared it */

static void give(uint64_t now, struct protocol_event event)
{
    event.now_ms = now;
    protocol_event(&machine, &event, &effects);
    for (size_t i = 0; i < effects.count; i++)
        seen |= 1ULL << effects.effect[i].kind;
}

static bool was_seen(enum protocol_effect_kind kind)
{
    return seen >> kind & 1;
}

static void give_members(uint64_t now, enum protocol_event_kind kind, uint64_t ring, size_t count)
{
    struct protocol_event event = {.kind = kind};

    event.members.ring = ring;
    event.members.quorum = 2;
    for (event.members.count = 0; event.members.count < count; event.members.count++)
        event.members.id[event.members.count] = (uint32_t)event.members.count + 1;
    give(now, event);
}

static void give_ring(uint64_t now, uint64_t ring, size_t count, bool quorate)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_QUORUM};

    give_members(now, PROTOCOL_EVENT_RING, ring, count);
    give_members(now, PROTOCOL_EVENT_GROUP, ring, count);
    event.ring = ring;
    event.yes = quorate;
    give(now, event);
}

static void give_tick(uint64_t now, uint64_t sent)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_MESSAGE};

    event.node = SELF;
    event.message.kind = REDIS_MESSAGE_TICK;
    event.message.tick_ms = sent;
    give(now, event);
}

static void give_told(uint64_t now, uint32_t node, const struct redis_told *told)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_MESSAGE};

    event.node = node;
    event.message.kind = REDIS_MESSAGE_TELL;
    event.message.told = *told;
    give(now, event);
}

/* What this machine tells comes back to it. */
static void echo(uint64_t now)
{
    give_told(now, SELF, &machine.told);
}

static void give_digest(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_DIGEST};

    digest.order = machine.order;
    event.digest = digest;
    give(now, event);
}

static void write_file(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_FILE_WRITTEN};

    if (machine.file_asked) {
        event.number = machine.file_asked;
        give(now, event);
    }
}

/* A ring of three in which node 1 leads epoch 1 and has the lease, at 1000 ms. */
static void lead(void)
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

static uint64_t newest_epoch(void)
{
    size_t count = machine.record.timeline_count;

    return count ? machine.record.timelines[count - 1].epoch : 0;
}

static void confirm_pause(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_CONFIRMED, .number = machine.pause_order};
    give(now, event);
}

static void a_primary_with_a_lease_is_open(void **unused)
{
    (void)unused;
    lead();
    assert_true(protocol_is_open(&machine));
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
}

static void the_lease_ends_paused_not_pausing(void **unused)
{
    (void)unused;
    lead();
    give(1299, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_false(has(PROTOCOL_EFFECT_PAUSE));
    assert_true(effects.wake_ms <= 1300);
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(has(PROTOCOL_EFFECT_PAUSE));
    give(1499, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_false(has(PROTOCOL_EFFECT_STOP));
    give(1500, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(has(PROTOCOL_EFFECT_STOP));
    give(4300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(has(PROTOCOL_EFFECT_KILL));
}

static void a_stall_ends_in_the_same_ring(void **unused)
{
    (void)unused;
    lead();
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    confirm_pause(1310);
    give_tick(1400, 1399);
    assert_true(has(PROTOCOL_EFFECT_RESUME));
}

static void old_ticks_and_ticks_of_another_ring_give_nothing(void **unused)
{
    (void)unused;
    lead();
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    confirm_pause(1310);
    give_tick(2000, 1400);
    assert_false(has(PROTOCOL_EFFECT_RESUME));
    give_members(2100, PROTOCOL_EVENT_RING, 2, 1);
    give_tick(2101, 2099);
    assert_false(has(PROTOCOL_EFFECT_RESUME));
    assert_false(protocol_is_open(&machine));
}

static void another_ring_resumes_after_everybody_was_heard(void **unused)
{
    (void)unused;
    lead();
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    confirm_pause(1310);
    give_ring(5000, 3, 3, true);
    give_tick(5010, 5009);
    assert_false(has(PROTOCOL_EFFECT_RESUME));
    peer[2].ring = peer[3].ring = 3;
    give_told(5011, 2, &peer[2]);
    echo(5012);
    give_tick(5013, 5012);
    assert_false(has(PROTOCOL_EFFECT_RESUME));
    give_told(5014, 3, &peer[3]);
    assert_true(has(PROTOCOL_EFFECT_RESUME));
}

static void a_higher_epoch_keeps_it_paused(void **unused)
{
    (void)unused;
    lead();
    peer[2].newest = (struct redis_timeline){.epoch = 2, .replid = {{8}}, .primary = 2};
    give_told(1050, 2, &peer[2]);
    assert_true(has(PROTOCOL_EFFECT_PAUSE));
    assert_true(protocol_is_deposed(&machine));
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void links_keep_a_lease_but_give_none(void **unused)
{
    struct protocol_event links = {.kind = PROTOCOL_EVENT_LINKS};

    (void)unused;
    lead();
    give(1150, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(has(PROTOCOL_EFFECT_ASK_LINKS));
    links.members.count = 1;
    links.members.id[0] = 2;
    links.at_ms = 1200;
    give(1201, links);
    give(1400, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_false(has(PROTOCOL_EFFECT_PAUSE));
    links.members.count = 0;
    links.at_ms = 1400;
    give(1401, links);
    give(1500, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(has(PROTOCOL_EFFECT_PAUSE));
    confirm_pause(1501);
    links.members.count = 1;
    links.at_ms = 2000;
    give(2001, links);
    assert_false(has(PROTOCOL_EFFECT_RESUME));
}

/* Node 2 led, was in trouble, woke and is in trouble again; node 3's seal is of the first time. */
static void a_seal_of_an_earlier_trouble_does_not_count(void **unused)
{
    (void)unused;
    for (int without = 0; without < 2; without++) {
        lead();
        machine.record.timelines[0].primary = machine.saved.timelines[0].primary = 2;
        machine.config.without = without ? 1ULL << PROTOCOL_RULE_SEAL_CAUSE : 0;
        digest.role = MEMBER_ROLE_REPLICA;
        peer[2].role = MEMBER_ROLE_PRIMARY;
        peer[2].server = MEMBER_SERVER_HUNG;
        peer[2].trouble = 3;
        give_digest(1010);
        echo(1010);
        give_told(1011, 2, &peer[2]);
        assert_true(has(PROTOCOL_EFFECT_SEAL));
        give_digest(1012);
        echo(1013);
        give_tick(1013, 1012);
        peer[3].final = true;
        peer[3].link = MEMBER_LINK_DOWN;
        peer[3].sealed_for = 2;
        peer[3].cause = 1;
        give_told(1014, 3, &peer[3]);
        assert_int_equal(machine.score > 0, without);
        peer[3].cause = 3;
        give_told(1015, 3, &peer[3]);
        assert_true(machine.score > 0);
    }
}

/* Node 2 leads epoch 1; we and node 3 follow it. */
static void follow(void)
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
static void lose_the_primary(void)
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

static void seal_node_3(uint64_t now)
{
    peer[3].final = true;
    peer[3].link = MEMBER_LINK_DOWN;
    peer[3].sealed_for = 2;
    peer[3].offset = 90;
    give_told(now, 3, &peer[3]);
}

static void a_score_that_promotes_nobody_stands_until_the_verdict(void **unused)
{
    (void)unused;
    follow();
    assert_int_equal(machine.score, RANK_SCORE_EQUAL);
    seen = 0;
    lose_the_primary();
    assert_true(was_seen(PROTOCOL_EFFECT_SEAL));
    assert_false(was_seen(PROTOCOL_EFFECT_SCORE));
    seal_node_3(1023);
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
}

static void a_verdict_stands_while_a_server_comes_back(void **unused)
{
    (void)unused;
    follow();
    lose_the_primary();
    seal_node_3(1023);
    seen = 0;
    peer[2].server = MEMBER_SERVER_ANSWERS;
    peer[2].role = MEMBER_ROLE_REPLICA;
    give_told(1030, 2, &peer[2]);
    assert_int_equal(machine.rank.verdict, RANK_WAIT);
    assert_false(was_seen(PROTOCOL_EFFECT_SCORE));
    /* It turns out to be ahead: then the score goes. */
    peer[2].final = true;
    peer[2].sealed_for = 2;
    peer[2].cause = peer[2].trouble;
    peer[2].offset = 200;
    give_told(1031, 2, &peer[2]);
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

/* The promote's order until the server is told to take the role. */
static void claim(uint64_t now, bool node_3_acks)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    event.request = PROTOCOL_REQUEST_PROMOTE;
    event.deadline_ms = now + 5000;
    give(now, event);
    echo(now + 1);
    write_file(now + 2);
    write_file(now + 2); /* the one that has the claim, if another was under way */
    confirm_pause(now + 3);
    give_digest(now + 4);
    echo(now + 5);
    if (node_3_acks) {
        peer[3].promised = (struct redis_claim){2, SELF};
        give_told(now + 6, 3, &peer[3]);
        peer[2].promised = (struct redis_claim){2, SELF};
        give_told(now + 7, 2, &peer[2]);
    }
}

static void files_of_a_quorum_spare_the_cib(void **unused)
{
    (void)unused;
    follow();
    lose_the_primary();
    seal_node_3(1023);
    seen = 0;
    claim(1030, true);
    assert_true(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
    assert_false(was_seen(PROTOCOL_EFFECT_WRITE_CIB));
}

static void fewer_watches_than_a_quorum_need_the_cib(void **unused)
{
    struct protocol_event accepted = {.kind = PROTOCOL_EVENT_CIB_ACCEPTED, .number = 2};

    (void)unused;
    follow();
    lose_the_primary();
    seal_node_3(1023);
    for (uint32_t i = 2; i <= 3; i++) {
        peer[i].server = MEMBER_SERVER_STOPPED;
        give_told(1024, i, &peer[i]);
    }
    give_members(1025, PROTOCOL_EVENT_GROUP, 1, 1);
    give_tick(2098, 2097); /* they had their brief time */
    echo(2099);
    seen = 0;
    claim(2100, false);
    assert_true(was_seen(PROTOCOL_EFFECT_WRITE_CIB));
    assert_false(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
    give(2110, accepted);
    assert_true(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
}

/* Others went on without it: nobody will ever hold what it has, so nothing is to be waited for. */
static void a_deposed_primary_is_demoted_at_once(void **unused)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    (void)unused;
    lead();
    peer[2].newest = (struct redis_timeline){.epoch = 2, .replid = {{8}}, .primary = 2};
    peer[2].epoch = 2;
    peer[2].role = MEMBER_ROLE_PRIMARY;
    give_told(1050, 2, &peer[2]);
    peer[3].epoch = 2;
    give_told(1051, 3, &peer[3]);
    confirm_pause(1052);
    give_digest(1053);
    seen = 0;
    event.request = PROTOCOL_REQUEST_DEMOTE;
    event.deadline_ms = 60000;
    give(1060, event);
    assert_true(was_seen(PROTOCOL_EFFECT_SEAL));
}

static void a_crashed_primary_keeps_its_score_until_the_others_are_ranked(void **unused)
{
    (void)unused;
    lead();
    seen = 0;
    give(1010, (struct protocol_event){.kind = PROTOCOL_EVENT_SERVER_GONE});
    echo(1011);
    assert_true(machine.contest);
    assert_false(was_seen(PROTOCOL_EFFECT_SCORE));
    for (uint32_t i = 2; i <= 3; i++) {
        peer[i].final = true;
        peer[i].link = MEMBER_LINK_DOWN;
        peer[i].sealed_for = 2;
        peer[i].cause = machine.trouble;
        give_told(1012, i, &peer[i]);
    }
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void a_crashed_primary_does_not_keep_its_score_for_long(void **unused)
{
    (void)unused;
    lead();
    give(1010, (struct protocol_event){.kind = PROTOCOL_EVENT_SERVER_GONE});
    echo(1011);
    assert_true(effects.wake_ms <= 1011 + PROTOCOL_HEIR_MS);
    give(1011 + PROTOCOL_HEIR_MS, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

/* Until its timeline is told the new primary tells of itself as a replica. */
static void taking_the_role_is_not_its_end(void **unused)
{
    (void)unused;
    follow();
    lose_the_primary();
    seal_node_3(1023);
    claim(1030, true);
    digest.role = MEMBER_ROLE_PRIMARY;
    digest.replid = (struct redis_replid){{8}};
    give_digest(1040);
    echo(1041);
    write_file(1042);
    echo(1043);
    assert_int_equal(newest_epoch(), 2);
    assert_true(machine.ended < 2);
}

/* Node 3 claimed 3 and gave up; node 2 is on its way with claim 2, and nobody is sound until then.
 */
static void a_claim_that_was_given_up_hides_no_lower_one(void **unused)
{
    (void)unused;
    lead();
    peer[3].claim = 3;
    give_told(1050, 3, &peer[3]);
    peer[2].claim = 2;
    give_told(1051, 2, &peer[2]);
    peer[3].claim = 0;
    peer[3].promised = (struct redis_claim){3, 3};
    give_told(1052, 3, &peer[3]);
    assert_false(protocol_is_open(&machine));
    peer[2].claim = 0;
    give_told(1053, 2, &peer[2]);
    echo(1054);
    give_tick(1055, 1054);
    assert_true(protocol_is_open(&machine));
}

static void a_new_ring_takes_no_score_before_its_quorum_is_known(void **unused)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_QUORUM, .ring = 2, .yes = true};

    (void)unused;
    lead();
    seen = 0;
    give_members(1050, PROTOCOL_EVENT_RING, 2, 3);
    give(1055, event);
    give_members(1056, PROTOCOL_EVENT_GROUP, 2, 3);
    for (uint32_t i = 2; i <= 3; i++) {
        peer[i].ring = 2;
        give_told(1057, i, &peer[i]);
    }
    echo(1058);
    give_tick(1059, 1058);
    assert_false(was_seen(PROTOCOL_EFFECT_SCORE));
    /* Too small a ring needs no callback. */
    give_members(1060, PROTOCOL_EVENT_RING, 3, 1);
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void a_stall_that_passes_takes_no_score(void **unused)
{
    (void)unused;
    lead();
    seen = 0;
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    confirm_pause(1310);
    assert_false(protocol_is_open(&machine));
    assert_false(was_seen(PROTOCOL_EFFECT_SCORE));
    give(2300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

/* Node 3's watch was killed: its server confirms writes all the same, so it is waited for. */
static void a_replica_without_its_watch_is_waited_for(void **unused)
{
    (void)unused;
    follow();
    give_members(1015, PROTOCOL_EVENT_GROUP, 1, 2);
    give_told(1016, 2, &peer[2]);
    echo(1017);
    lose_the_primary();
    give_tick(3000, 2999);
    echo(3001);
    assert_true(machine.contest);
    assert_int_equal(machine.rank.verdict, RANK_WAIT);
    give_tick(1023 + PROTOCOL_UNWATCHED_MS, 1022 + PROTOCOL_UNWATCHED_MS);
    echo(1024 + PROTOCOL_UNWATCHED_MS);
    assert_int_equal(machine.rank.verdict, RANK_DECIDED);
}

/* The file is read while the others tell already: what they know is not forgotten for it. */
static void what_was_heard_before_the_file_counts(void **unused)
{
    struct protocol_config config = {.self = SELF, .incarnation = 2, .node_count = 3};
    struct protocol_event record = {.kind = PROTOCOL_EVENT_RECORD};

    (void)unused;
    lead();
    record.record = machine.saved;
    for (uint32_t i = 0; i < 3; i++)
        config.nodes[i].id = i + 1;
    protocol_init(&machine, &config);
    give_ring(1000, 1, 3, true);
    peer[2].newest = (struct redis_timeline){.epoch = 2, .replid = {{8}}, .primary = 2};
    give_told(1001, 2, &peer[2]);
    give_told(1002, 3, &peer[3]);
    give_digest(1003);
    give(1004, record);
    give_tick(1005, 1004);
    echo(1006);
    give_tick(1007, 1006);
    assert_int_equal(newest_epoch(), 2);
    assert_true(protocol_is_deposed(&machine));
    assert_false(protocol_is_open(&machine));
}

static void a_demotion_waits_for_a_replica_that_is_being_copied_to(void **unused)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    (void)unused;
    lead();
    peer[2].link = MEMBER_LINK_SYNCING;
    give_told(1010, 2, &peer[2]);
    peer[3].server = MEMBER_SERVER_GONE;
    give_told(1011, 3, &peer[3]);
    event.request = PROTOCOL_REQUEST_DEMOTE;
    event.deadline_ms = 60000;
    give(1020, event);
    confirm_pause(1021);
    give_digest(1022);
    seen = 0;
    give(9000, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_false(was_seen(PROTOCOL_EFFECT_SEAL));
    peer[2].link = MEMBER_LINK_DOWN;
    give_told(9001, 2, &peer[2]);
    assert_true(was_seen(PROTOCOL_EFFECT_SEAL));
}

/* A watch that was started again beside a sound primary takes no score away before it knows. */
static void a_new_watch_says_no_score_before_it_knows(void **unused)
{
    struct protocol_config config = {.self = SELF, .incarnation = 2, .node_count = 3};
    struct protocol_event record = {.kind = PROTOCOL_EVENT_RECORD};

    (void)unused;
    lead();
    record.record = machine.saved;
    for (uint32_t i = 0; i < 3; i++)
        config.nodes[i].id = i + 1;
    protocol_init(&machine, &config);
    seen = 0;
    give(1000, record);
    give_digest(1001);
    give_ring(1002, 1, 3, true);
    echo(1003);
    give_told(1004, 2, &peer[2]);
    assert_false(was_seen(PROTOCOL_EFFECT_SCORE));
    give(1000 + PROTOCOL_UNKNOWN_MS, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(was_seen(PROTOCOL_EFFECT_SCORE));
}

/* Nodes 1 and 2 knew of epoch 1 alone when both came to lead an epoch 2. */
static void of_two_timelines_that_of_a_quorum_wins(void **unused)
{
    struct redis_timeline lone = {.epoch = 2, .replid = {{8}}, .begin = 150, .primary = 3};
    struct redis_timeline sound = {
        .epoch = 2, .replid = {{9}}, .begin = 120, .primary = 2, .in_files = true};

    (void)unused;
    for (int sound_first = 0; sound_first < 2; sound_first++) {
        lead();
        peer[2].newest = sound;
        peer[3].newest = lone;
        for (uint32_t i = 0; i < 2; i++) {
            uint32_t node = (i == 0) == sound_first ? 2 : 3;
            give_told(1050 + i, node, &peer[node]);
        }
        assert_int_equal(newest_epoch(), 2);
        assert_int_equal(machine.record.timelines[1].primary, 2);
    }
}

/* Node 2 led epoch 2 from offset 150 on, lost its power, and has what its AOF gave back. */
static void a_disk_that_may_be_short_is_not_the_newest(void **unused)
{
    const struct redis_timeline newest = {
        .epoch = 2, .replid = {{8}}, .begin = 150, .primary = 2, .written = true};

    (void)unused;
    for (int surely = 0; surely < 2; surely++) {
        follow();
        lose_the_primary();
        peer[2] = (struct redis_told){.ring = 1,
                                      .server = MEMBER_SERVER_ANSWERS,
                                      .role = MEMBER_ROLE_REPLICA,
                                      .final = true,
                                      .fit = true,
                                      .epoch = 2,
                                      .offset = surely ? 160 : 0,
                                      .last_primary = true,
                                      .priority = 100,
                                      .sealed_for = 3,
                                      .newest = newest};
        seal_node_3(1023);
        give_told(1024, 2, &peer[2]);
        peer[3].sealed_for = 3;
        give_told(1025, 3, &peer[3]);
        give_digest(1026);
        echo(1027);
        assert_int_equal(machine.rank.verdict, RANK_DECIDED);
        assert_int_equal(machine.member[machine.rank.winner].id, surely ? 2 : SELF);
        /* Where its follower fell too, that one's disk may have what nobody live has. */
        peer[3] = peer[2];
        peer[3].last_primary = false;
        give_told(1028, 3, &peer[3]);
        assert_int_equal(machine.rank.verdict, surely ? RANK_DECIDED : RANK_HELD);
    }
}

/* With AOF; the file is read after the first look, or before, and the first look may find it
 * loading. */
static void a_stored_position_counts_whatever_comes_first(void **unused)
{
    (void)unused;
    for (int file_first = 0; file_first < 2; file_first++) {
        struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD};
        follow();
        event.record = machine.record;
        event.record.stored_epoch = 1;
        event.record.stored_offset = 90;
        event.record.stored_exact = true;
        struct protocol_config config = machine.config;
        protocol_init(&machine, &config);
        if (file_first)
            give(2000, event);
        digest.link = MEMBER_LINK_DOWN;
        digest.following = 0;
        digest.aof = digest.loading = digest.empty = true;
        digest.replid = (struct redis_replid){{99}};
        digest.offset = 1;
        give_digest(2001);
        digest.loading = digest.empty = false;
        give_digest(2002);
        if (!file_first)
            give(2003, event);
        assert_int_equal(machine.own.epoch, 1);
        assert_int_equal(machine.own.offset, 90);
        assert_true(machine.own.exact);
    }
}

/* The watch is started again beside a server that it hears nothing of, while nobody is in reach. */
static void a_server_that_may_lead_unseen_is_stopped(void **unused)
{
    (void)unused;
    for (int before = 0; before < 2; before++) {
        struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD};
        lead();
        event.record = machine.record;
        machine.config.led_before = before;
        struct protocol_config config = machine.config;
        protocol_init(&machine, &config);
        seen = 0;
        give(2000, event);
        give(2000 + PROTOCOL_CONFIRM_MS, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
        assert_int_equal(was_seen(PROTOCOL_EFFECT_STOP), before);
        assert_false(was_seen(PROTOCOL_EFFECT_KILL));
        give(2000 + 3000, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
        assert_int_equal(was_seen(PROTOCOL_EFFECT_KILL), before);
    }
}

/* The lease is back, and of the others no watch runs: nothing speaks against this primary. */
static void a_silent_primary_with_a_lease_is_stopped_at_most(void **unused)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD};

    (void)unused;
    lead();
    event.record = machine.record;
    machine.config.led_before = true;
    struct protocol_config config = machine.config;
    protocol_init(&machine, &config);
    give(2000, event);
    give_ring(2010, 1, 3, true);
    seen = 0;
    for (uint64_t now = 2020; now < 9000; now += 100)
        give_tick(now, now);
    assert_true(was_seen(PROTOCOL_EFFECT_STOP));
    assert_false(was_seen(PROTOCOL_EFFECT_KILL));
}

static void a_hang_stands_as_long_as_another_witness_sees_it(void **unused)
{
    struct protocol_event silent = {.kind = PROTOCOL_EVENT_SERVER_SILENT, .silent_ms = 1500};

    (void)unused;
    lead();
    give(1010, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_ANSWERS);
    peer[2].suspect = SELF;
    peer[2].suspect_answers = MEMBER_ANSWER_NO;
    give_told(1020, 2, &peer[2]);
    give(1030, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_HUNG);
    peer[2].suspect_answers = MEMBER_ANSWER_UNKNOWN;
    give_told(1040, 2, &peer[2]);
    give(1050, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_HUNG);
    peer[2].suspect_answers = MEMBER_ANSWER_YES;
    give_told(1060, 2, &peer[2]);
    give(1070, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_ANSWERS);
    digest.loading = true; /* it was restarted meanwhile */
    give_digest(1080);
    peer[2].suspect_answers = MEMBER_ANSWER_NO;
    give_told(1090, 2, &peer[2]);
    give(1100, silent);
    peer[2].suspect_answers = MEMBER_ANSWER_YES;
    give_told(1110, 2, &peer[2]);
    give(1120, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_LOADING);
}

static void orders_grow(void **unused)
{
    (void)unused;
    lead();
    uint64_t before = machine.order;
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(find(PROTOCOL_EFFECT_PAUSE)->order > before);
}

static void messages_survive_the_bus(void **unused)
{
    struct redis_message message = {.kind = REDIS_MESSAGE_TELL}, read;
    uint8_t bytes[REDIS_MESSAGE_SIZE + 1];

    (void)unused;
    lead();
    message.told = machine.told;
    message.told.held_count = REDIS_MEMBERS_MAX;
    int length = redis_message_encode(&message, bytes, sizeof(bytes));
    assert_in_range(length, 50, REDIS_MESSAGE_SIZE);
    assert_int_equal(redis_message_decode(bytes, (size_t)length, &read), 0);
    assert_int_equal(read.told.offset, message.told.offset);
    assert_int_equal(read.told.newest.epoch, 1);
    assert_int_equal(redis_message_encode(&message, bytes, (size_t)length - 1), -ENOSPC);
    length = redis_message_encode(&message, bytes, sizeof(bytes));
    for (int i = 0; i < length; i++)
        assert_true(redis_message_decode(bytes, (size_t)i, &read) < 0);
    assert_int_equal(redis_message_decode(bytes, (size_t)length + 1, &read), 0);
    bytes[2]++;
    assert_int_equal(redis_message_decode(bytes, (size_t)length, &read), -EPROTONOSUPPORT);
}

static void bytes_of_anybody_are_only_read(void **unused)
{
    uint8_t bytes[600];
    struct redis_message read;
    uint32_t state = 1;

    (void)unused;
    for (int i = 0; i < 200000; i++) {
        size_t length = (state >> 8) % sizeof(bytes);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24) & 3;
        if (length > 4)
            memcpy(bytes, (uint8_t[]){'R', 'H', 1, (uint8_t)(1 + i % 2)}, 4);
        int result = redis_message_decode(bytes, length, &read);
        assert_true(result == 0 || result == -EBADMSG || result == -EPROTONOSUPPORT);
        state++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary_with_a_lease_is_open),
        cmocka_unit_test(the_lease_ends_paused_not_pausing),
        cmocka_unit_test(a_stall_ends_in_the_same_ring),
        cmocka_unit_test(old_ticks_and_ticks_of_another_ring_give_nothing),
        cmocka_unit_test(another_ring_resumes_after_everybody_was_heard),
        cmocka_unit_test(a_higher_epoch_keeps_it_paused),
        cmocka_unit_test(links_keep_a_lease_but_give_none),
        cmocka_unit_test(a_seal_of_an_earlier_trouble_does_not_count),
        cmocka_unit_test(a_score_that_promotes_nobody_stands_until_the_verdict),
        cmocka_unit_test(a_verdict_stands_while_a_server_comes_back),
        cmocka_unit_test(files_of_a_quorum_spare_the_cib),
        cmocka_unit_test(fewer_watches_than_a_quorum_need_the_cib),
        cmocka_unit_test(a_crashed_primary_keeps_its_score_until_the_others_are_ranked),
        cmocka_unit_test(a_crashed_primary_does_not_keep_its_score_for_long),
        cmocka_unit_test(taking_the_role_is_not_its_end),
        cmocka_unit_test(a_claim_that_was_given_up_hides_no_lower_one),
        cmocka_unit_test(a_new_ring_takes_no_score_before_its_quorum_is_known),
        cmocka_unit_test(a_stall_that_passes_takes_no_score),
        cmocka_unit_test(a_replica_without_its_watch_is_waited_for),
        cmocka_unit_test(what_was_heard_before_the_file_counts),
        cmocka_unit_test(a_demotion_waits_for_a_replica_that_is_being_copied_to),
        cmocka_unit_test(a_deposed_primary_is_demoted_at_once),
        cmocka_unit_test(a_new_watch_says_no_score_before_it_knows),
        cmocka_unit_test(of_two_timelines_that_of_a_quorum_wins),
        cmocka_unit_test(a_disk_that_may_be_short_is_not_the_newest),
        cmocka_unit_test(a_server_that_may_lead_unseen_is_stopped),
        cmocka_unit_test(a_hang_stands_as_long_as_another_witness_sees_it),
        cmocka_unit_test(a_stored_position_counts_whatever_comes_first),
        cmocka_unit_test(a_silent_primary_with_a_lease_is_stopped_at_most),
        cmocka_unit_test(orders_grow),
        cmocka_unit_test(messages_survive_the_bus),
        cmocka_unit_test(bytes_of_anybody_are_only_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
