// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A change of primary, on one machine by hand: claims and where they must be written, what was
 * heard before one's own file, what a demotion waits for.
 */
#include "protocol_machine.h"

/* The promote's order, and the claim in our own file. */
static void claim_here(uint64_t now)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    event.request = PROTOCOL_REQUEST_PROMOTE;
    event.deadline_ms = now + 5000;
    give(now, event);
    echo(now + 1);
    write_file(now + 2);
    write_file(now + 2); /* the one that has the claim, if another was under way */
}

/* The pause, seen to stand. */
static void pause_for_the_claim(uint64_t now)
{
    confirm_pause(now);
    give_digest(now + 1);
    echo(now + 2);
}

/* The claim is in the files of both others. */
static void acknowledge_the_claim(uint64_t now)
{
    for (uint32_t i = 2; i <= 3; i++) {
        peer[i].promised = (struct redis_claim){2, SELF};
        give_told(now, i, &peer[i]);
    }
}

static void accept_in_cib(uint64_t now)
{
    give(now, (struct protocol_event){.kind = PROTOCOL_EVENT_CIB_ACCEPTED, .number = 2});
}

/* The promote's order until the server is told to take the role. */
static void claim(uint64_t now, bool others_ack)
{
    claim_here(now);
    pause_for_the_claim(now + 3);
    if (others_ack)
        acknowledge_the_claim(now + 6);
}

/* We are the next, and nothing of the claim's rules is taken out, or one of them. */
static void be_the_next(bool without, enum protocol_rule rule)
{
    follow();
    machine.config.without = without ? 1ULL << rule : 0;
    lose_the_primary();
    seal_node_3(1023);
    seen = 0;
}

/* A server that takes the role open for writes has taken some before it can be told to wait. */
static void writes_are_paused_before_the_role_is_taken(void **unused)
{
    (void)unused;
    for (int without = 0; without < 2; without++) {
        be_the_next(without, PROTOCOL_RULE_PAUSE_FIRST);
        claim_here(1030);
        acknowledge_the_claim(1033);
        give_digest(1034);
        echo(1035);
        assert_int_equal(was_seen(PROTOCOL_EFFECT_TAKE_ROLE), without);
        pause_for_the_claim(1036);
        assert_true(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
    }
}

/* Without, two of us that start anew could take the same epoch for two data sets. */
static void a_quorum_has_written_the_claim_before_the_role_is_taken(void **unused)
{
    (void)unused;
    for (int without = 0; without < 2; without++) {
        be_the_next(without, PROTOCOL_RULE_CLAIM_ACKS);
        claim(1030, false);
        accept_in_cib(1036);
        assert_int_equal(was_seen(PROTOCOL_EFFECT_TAKE_ROLE), without);
        acknowledge_the_claim(1037);
        assert_true(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
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
    accept_in_cib(2110);
    assert_true(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
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

/* The file is read while the others tell already: what they know is not forgotten for it. */
static void what_was_heard_before_the_file_counts(void **unused)
{
    (void)unused;
    lead();
    struct protocol_event record = restart_watch();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_are_paused_before_the_role_is_taken),
        cmocka_unit_test(a_quorum_has_written_the_claim_before_the_role_is_taken),
        cmocka_unit_test(files_of_a_quorum_spare_the_cib),
        cmocka_unit_test(fewer_watches_than_a_quorum_need_the_cib),
        cmocka_unit_test(taking_the_role_is_not_its_end),
        cmocka_unit_test(a_claim_that_was_given_up_hides_no_lower_one),
        cmocka_unit_test(what_was_heard_before_the_file_counts),
        cmocka_unit_test(a_demotion_waits_for_a_replica_that_is_being_copied_to),
        cmocka_unit_test(a_deposed_primary_is_demoted_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
