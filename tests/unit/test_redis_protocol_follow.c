// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentinel's authority on one machine by hand: the score goes where Sentinels point, nobody undoes
 * them, and one authority gives way to the other only when it can promote no more.
 */
#include "protocol_machine.h"

static const enum member_authority by_pacemaker = MEMBER_AUTHORITY_PACEMAKER,
                                   by_sentinel = MEMBER_AUTHORITY_SENTINEL;

/* Whom the Sentinel of this node names, by which epoch of its own. */
static void sentinel_names(uint64_t now, uint32_t node, uint64_t number, bool busy)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_SENTINEL};

    event.feed = (struct protocol_sentinel){
        .named = {node, number}, .harmless = MEMBER_ANSWER_NO, .busy = busy, .down_after_ms = 1000};
    give(now, event);
    echo(now);
}

static void peers_tell(uint64_t now)
{
    for (uint32_t i = 2; i <= 3; i++)
        give_told(now, i, &peer[i]);
}

/* The watches begin anew with that authority; nodes 2 and 3 want and obey the same. */
static void begin(enum member_authority authority)
{
    struct protocol_event record;

    machine.config.obeys = machine.config.wants = authority;
    record = restart_watch();
    give(1100, record);
    give_digest(1100);
    give_ring(1100, 1, 3, true);
    for (uint32_t i = 2; i <= 3; i++) {
        peer[i].wants = peer[i].obeys = authority;
        peer[i].harmless = MEMBER_ANSWER_NO;
    }
    peers_tell(1101);
    echo(1101);
    write_file(1102);
}

/* Ours leads, and Sentinel says so. */
static void lead_by_sentinel(void)
{
    lead();
    begin(by_sentinel);
    sentinel_names(1110, SELF, 4, false);
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
    seen = 0;
}

/* Node 2 leads, and Sentinel says so. */
static void follow_by_sentinel(void)
{
    follow();
    begin(by_sentinel);
    sentinel_names(1110, 2, 4, false);
    seen = 0;
}

static void node_2_leads(uint64_t now)
{
    peer[2].role = MEMBER_ROLE_PRIMARY;
    peer[2].link = MEMBER_LINK_UNKNOWN;
    peer[2].open = true;
    give_told(now, 2, &peer[2]);
}

static void gone(uint64_t now)
{
    give(now, (struct protocol_event){.kind = PROTOCOL_EVENT_SERVER_GONE});
    echo(now);
}

static void ask(uint64_t now, enum protocol_request request)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    event.request = request;
    event.deadline_ms = now + 5000;
    give(now, event);
}

static void test_a_crash_moves_nothing_before_sentinel_has_chosen(void **state)
{
    (void)state;
    lead_by_sentinel();
    gone(1200);
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
    sentinel_names(1300, SELF, 5, true); /* its failover has begun */
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
    node_2_leads(1400);
    sentinel_names(1401, 2, 5, false);
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void test_a_sentinel_that_does_not_choose_has_its_time(void **state)
{
    (void)state;
    lead_by_sentinel();
    gone(1200);
    give(1200 + 1000 + PROTOCOL_CHOICE_MS - 1,
         (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
    give(1200 + 1000 + PROTOCOL_CHOICE_MS, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE});
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void test_whom_sentinel_promotes_is_not_turned_round_before_it_is_named(void **state)
{
    (void)state;
    follow_by_sentinel();
    digest.role = MEMBER_ROLE_PRIMARY;
    digest.following = 0;
    give_digest(1200);
    echo(1200);
    assert_false(was_seen(PROTOCOL_EFFECT_FOLLOW));
    sentinel_names(1300, SELF, 5, true);
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
    assert_false(was_seen(PROTOCOL_EFFECT_PAUSE)); /* the failover under way is the one for us */
}

static void test_a_primary_that_sentinel_replaced_steps_down_at_once(void **state)
{
    (void)state;
    lead_by_sentinel();
    node_2_leads(1200);
    sentinel_names(1201, 2, 5, false);
    assert_true(was_seen(PROTOCOL_EFFECT_FOLLOW) && was_seen(PROTOCOL_EFFECT_DROP_CLIENTS));
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void test_an_older_word_of_another_sentinel_does_not_count(void **state)
{
    (void)state;
    lead_by_sentinel();
    peer[3].named = (struct redis_named){2, 3};
    node_2_leads(1200);
    give_told(1201, 3, &peer[3]);
    assert_int_equal(machine.named.node, SELF);
    assert_false(was_seen(PROTOCOL_EFFECT_FOLLOW));
}

static void test_writes_are_paused_for_a_while_when_sentinel_begins_to_replace_a_living_primary(
    void **state)
{
    bool paused = false;

    (void)state;
    lead_by_sentinel();
    give(1200, (struct protocol_event){.kind = PROTOCOL_EVENT_SENTINEL,
                                       .feed = {.named = {SELF, 4}, .busy = true}});
    echo(1200);
    for (size_t i = 0; i < effects.count; i++)
        paused |= effects.effect[i].kind == PROTOCOL_EFFECT_PAUSE && effects.effect[i].number > 0;
    assert_true(paused);
    sentinel_names(1300, SELF, 4, false); /* it gave up */
    assert_true(was_seen(PROTOCOL_EFFECT_RESUME));
}

static void test_a_replica_leads_only_by_an_operators_infinity_and_through_sentinel(void **state)
{
    (void)state;
    follow_by_sentinel();
    give_digest(1150);
    assert_in_range(machine.score + 1000000, 1, 999999 - RANK_SCORE_CHOSEN);
    ask(1200, PROTOCOL_REQUEST_PROMOTE);
    assert_true(has(PROTOCOL_EFFECT_FAILOVER));
    assert_true(machine.told.asks);
    assert_false(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
    give(6200, (struct protocol_event){.kind = PROTOCOL_EVENT_WAKE}); /* Sentinel did not choose */
    assert_true(has(PROTOCOL_EFFECT_REPLY));
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
}

static void test_who_does_not_ask_stands_back(void **state)
{
    (void)state;
    follow_by_sentinel();
    assert_int_equal(machine.priority, 1);
    peer[3].asks = true;
    give_told(1200, 3, &peer[3]);
    assert_int_equal(machine.priority, 0);
    peer[3].asks = false;
    give_told(1300, 3, &peer[3]);
    assert_int_equal(machine.priority, 1);
}

/* Everything was off: nobody leads, and Sentinels name our server. */
static void come_back(bool empty)
{
    lead();
    digest.role = MEMBER_ROLE_REPLICA;
    digest.link = MEMBER_LINK_DOWN;
    digest.empty = empty;
    begin(by_sentinel);
    sentinel_names(1110, SELF, 4, false);
    seen = 0;
    ask(1200, PROTOCOL_REQUEST_PROMOTE);
}

static void test_the_server_that_sentinels_name_leads_again(void **state)
{
    (void)state;
    come_back(false);
    assert_int_equal(machine.score, RANK_SCORE_CHOSEN);
    assert_true(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
}

static void test_not_an_empty_one_while_others_have_data(void **state)
{
    (void)state;
    come_back(true);
    assert_int_equal(machine.score, RANK_SCORE_NEVER);
    assert_false(was_seen(PROTOCOL_EFFECT_TAKE_ROLE));
}

static void test_sentinel_begins_when_all_want_it_and_all_name_the_primary(void **state)
{
    (void)state;
    lead();
    machine.config.wants = by_sentinel;
    peer[2].wants = peer[3].wants = by_sentinel;
    peer[3].wants = by_pacemaker;
    peers_tell(1010);
    sentinel_names(1020, SELF, 4, false);
    assert_false(was_seen(PROTOCOL_EFFECT_AUTHORITY));
    peer[3].wants = by_sentinel;
    peer[3].named = (struct redis_named){2, 3};
    peers_tell(1030);
    assert_false(was_seen(PROTOCOL_EFFECT_AUTHORITY));
    peer[3].named = (struct redis_named){SELF, 4};
    peers_tell(1040);
    assert_true(was_seen(PROTOCOL_EFFECT_AUTHORITY));
}

static void test_pacemaker_begins_when_no_sentinel_can_promote(void **state)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_SENTINEL};

    (void)state;
    lead_by_sentinel();
    machine.config.wants = by_pacemaker;
    peer[2].wants = peer[3].wants = by_pacemaker;
    peers_tell(1200);
    echo(1200);
    assert_int_equal(machine.priority, 0);
    event.feed = (struct protocol_sentinel){.named = {SELF, 4}, .harmless = MEMBER_ANSWER_YES};
    give(1210, event);
    echo(1210);
    peer[2].harmless = MEMBER_ANSWER_YES;
    peers_tell(1220);
    assert_false(was_seen(PROTOCOL_EFFECT_AUTHORITY)); /* that of node 3 still lists a priority */
    peer[3].harmless = MEMBER_ANSWER_YES;
    peers_tell(1230);
    assert_true(was_seen(PROTOCOL_EFFECT_AUTHORITY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_moves_nothing_before_sentinel_has_chosen),
        cmocka_unit_test(test_a_sentinel_that_does_not_choose_has_its_time),
        cmocka_unit_test(test_whom_sentinel_promotes_is_not_turned_round_before_it_is_named),
        cmocka_unit_test(test_a_primary_that_sentinel_replaced_steps_down_at_once),
        cmocka_unit_test(test_an_older_word_of_another_sentinel_does_not_count),
        cmocka_unit_test(
            test_writes_are_paused_for_a_while_when_sentinel_begins_to_replace_a_living_primary),
        cmocka_unit_test(test_a_replica_leads_only_by_an_operators_infinity_and_through_sentinel),
        cmocka_unit_test(test_who_does_not_ask_stands_back),
        cmocka_unit_test(test_the_server_that_sentinels_name_leads_again),
        cmocka_unit_test(test_not_an_empty_one_while_others_have_data),
        cmocka_unit_test(test_sentinel_begins_when_all_want_it_and_all_name_the_primary),
        cmocka_unit_test(test_pacemaker_begins_when_no_sentinel_can_promote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
