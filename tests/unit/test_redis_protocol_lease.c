// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lease at its edges, on one machine by hand: when a primary is paused and opened again, a
 * process that does not pause, a server that hangs or that nothing is heard of.
 */
#include "protocol_machine.h"

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

/* The watch is started again beside a server that it hears nothing of, while nobody is in reach. */
static void a_server_that_may_lead_unseen_is_stopped(void **unused)
{
    (void)unused;
    for (int before = 0; before < 2; before++) {
        lead();
        machine.config.led_before = before;
        give(2000, restart_watch());
        give(2000 + PROTOCOL_CONFIRM_MS, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
        assert_int_equal(was_seen(PROTOCOL_EFFECT_STOP), before);
        assert_false(was_seen(PROTOCOL_EFFECT_KILL));
        give(2000 + 3000, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
        assert_int_equal(was_seen(PROTOCOL_EFFECT_KILL), before);
    }
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

static void sentinels_quorum_is_a_second_witness(void **unused)
{
    struct protocol_event silent = {.kind = PROTOCOL_EVENT_SERVER_SILENT, .silent_ms = 1500};
    struct protocol_event sentinel = {.kind = PROTOCOL_EVENT_WITNESS};

    (void)unused;
    lead();
    sentinel.answer = MEMBER_ANSWER_NO;
    give(1010, sentinel);
    assert_int_equal(machine.server, MEMBER_SERVER_ANSWERS); /* a script is no silence */
    silent.silent_ms = 900;
    give(1020, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_ANSWERS);
    silent.silent_ms = 1000;
    give(1030, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_HUNG);
    sentinel.answer = MEMBER_ANSWER_UNKNOWN; /* its feed ended */
    give(1040, sentinel);
    give(1050, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_HUNG);
    sentinel.answer = MEMBER_ANSWER_YES;
    give(1060, sentinel);
    give(1070, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_ANSWERS);
}

static void either_second_witness_is_enough(void **unused)
{
    struct protocol_event silent = {.kind = PROTOCOL_EVENT_SERVER_SILENT, .silent_ms = 1500};
    struct protocol_event sentinel = {.kind = PROTOCOL_EVENT_WITNESS, .answer = MEMBER_ANSWER_YES};

    (void)unused;
    lead();
    peer[2].suspect = SELF;
    peer[2].suspect_answers = MEMBER_ANSWER_NO;
    give_told(1010, 2, &peer[2]);
    give(1020, sentinel);
    give(1030, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_HUNG);
    peer[2].suspect_answers = MEMBER_ANSWER_YES;
    give_told(1040, 2, &peer[2]);
    sentinel.answer = MEMBER_ANSWER_NO;
    give(1050, sentinel);
    give(1060, silent);
    assert_int_equal(machine.server, MEMBER_SERVER_HUNG);
}

/* The lease is back, and of the others no watch runs: nothing speaks against this primary. */
static void a_silent_primary_with_a_lease_is_stopped_at_most(void **unused)
{
    (void)unused;
    lead();
    machine.config.led_before = true;
    give(2000, restart_watch());
    give_ring(2010, 1, 3, true);
    for (uint64_t now = 2020; now < 9000; now += 100)
        give_tick(now, now);
    assert_true(was_seen(PROTOCOL_EFFECT_STOP));
    assert_false(was_seen(PROTOCOL_EFFECT_KILL));
}

static const struct protocol_effect *find(enum protocol_effect_kind kind)
{
    for (size_t i = 0; i < effects.count; i++)
        if (effects.effect[i].kind == kind)
            return &effects.effect[i];
    return NULL;
}

static void orders_grow(void **unused)
{
    (void)unused;
    lead();
    uint64_t before = machine.order;
    give(1300, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_true(find(PROTOCOL_EFFECT_PAUSE)->order > before);
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
        cmocka_unit_test(a_stall_that_passes_takes_no_score),
        cmocka_unit_test(a_server_that_may_lead_unseen_is_stopped),
        cmocka_unit_test(a_hang_stands_as_long_as_another_witness_sees_it),
        cmocka_unit_test(sentinels_quorum_is_a_second_witness),
        cmocka_unit_test(either_second_witness_is_enough),
        cmocka_unit_test(a_silent_primary_with_a_lease_is_stopped_at_most),
        cmocka_unit_test(orders_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
