// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who comes next, on one machine by hand: seals that answer an earlier trouble, whom a verdict
 * waits for, scores that stand until it is there, data that may be short.
 */
#include "protocol_machine.h"

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

/* Node 2 was in use before there was a cluster, and its watch is launched last. */
static void a_replica_stays_linked_until_its_primary_is_adopted(void **unused)
{
    (void)unused;
    for (int linked = 0; linked < 2; linked++) {
        follow();
        restart_watch();
        seen = 0;
        digest.link = linked ? MEMBER_LINK_UP : MEMBER_LINK_DOWN;
        peer[2].epoch = 0;
        memset(&peer[2].newest, 0, sizeof(peer[2].newest));
        give(1100, (struct protocol_event){.kind = PROTOCOL_EVENT_RECORD});
        give_ring(1101, 2, 3, true);
        give_digest(1102);
        echo(1103);
        assert_true(machine.contest);
        assert_int_equal(was_seen(PROTOCOL_EFFECT_SEAL), !linked);
        peer[2].ring = machine.ring;
        give_told(1104, 2, &peer[2]);
        assert_true(was_seen(PROTOCOL_EFFECT_SEAL));
    }
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

/* A watch that was started again beside a sound primary takes no score away before it knows. */
static void a_new_watch_says_no_score_before_it_knows(void **unused)
{
    (void)unused;
    lead();
    struct protocol_event record = restart_watch();
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
        follow();
        struct protocol_event event = restart_watch();
        event.record.stored_epoch = 1;
        event.record.stored_offset = 90;
        event.record.stored_exact = true;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seal_of_an_earlier_trouble_does_not_count),
        cmocka_unit_test(a_replica_stays_linked_until_its_primary_is_adopted),
        cmocka_unit_test(a_score_that_promotes_nobody_stands_until_the_verdict),
        cmocka_unit_test(a_verdict_stands_while_a_server_comes_back),
        cmocka_unit_test(a_crashed_primary_keeps_its_score_until_the_others_are_ranked),
        cmocka_unit_test(a_crashed_primary_does_not_keep_its_score_for_long),
        cmocka_unit_test(a_new_ring_takes_no_score_before_its_quorum_is_known),
        cmocka_unit_test(a_replica_without_its_watch_is_waited_for),
        cmocka_unit_test(a_new_watch_says_no_score_before_it_knows),
        cmocka_unit_test(of_two_timelines_that_of_a_quorum_wins),
        cmocka_unit_test(a_disk_that_may_be_short_is_not_the_newest),
        cmocka_unit_test(a_stored_position_counts_whatever_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
