// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of agents/redis_score.c: which data is older, and the score that follows from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_score.h"

#include "util.h"
#include <string.h>

#define HISTORY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HISTORY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HISTORY_C "cccccccccccccccccccccccccccccccccccccccc"

static struct redis_info replica(const char *replid, int64_t offset, int64_t keys)
{
    struct redis_info info = {.role = REDIS_ROLE_REPLICA,
                              .offset = offset,
                              .replica_offset = offset,
                              .second_offset = -1,
                              .keys = keys};

    strcpy(info.replid, replid);
    return info;
}

/* Promoted out of `former` at `second`, now at `offset` of a history of its own. */
static struct redis_info promoted(const char *replid, int64_t offset, const char *former,
                                  int64_t second)
{
    struct redis_info info = replica(replid, offset, 1);

    info.role = REDIS_ROLE_PRIMARY;
    strcpy(info.replid2, former);
    info.second_offset = second;
    return info;
}

static size_t ahead_of(struct redis_info *own, struct redis_info *peers, size_t count,
                       size_t *first)
{
    struct redis_position positions[4];

    for (size_t i = 0; i < count; i++)
        positions[i] = (struct redis_position){&peers[i], "peer"};
    return redis_position_ahead(own, positions, count, first);
}

static void offsets_compare_within_one_history(void **state)
{
    struct redis_info a = replica(HISTORY_A, 100, 1), b = replica(HISTORY_A, 101, 1);

    (void)state;
    assert_int_equal(redis_position_compare(&a, &b), REDIS_ORDER_BEHIND);
    assert_int_equal(redis_position_compare(&b, &a), REDIS_ORDER_AHEAD);
    assert_int_equal(redis_position_compare(&a, &a), REDIS_ORDER_LEVEL);
}

static void offsets_of_two_histories_do_not_compare(void **state)
{
    struct redis_info a = replica(HISTORY_A, 100, 1), b = replica(HISTORY_B, 999, 1);

    (void)state;
    assert_int_equal(redis_position_compare(&a, &b), REDIS_ORDER_UNRELATED);
}

static void who_went_on_from_a_history_is_newer(void **state)
{
    struct redis_info old = replica(HISTORY_A, 500, 1);
    struct redis_info new = promoted(HISTORY_B, 450, HISTORY_A, 400);

    (void)state;
    assert_int_equal(redis_position_compare(&old, &new), REDIS_ORDER_BEHIND);
    assert_int_equal(redis_position_compare(&new, &old), REDIS_ORDER_AHEAD);
}

static void no_id_is_nobodys_history(void **state)
{
    struct redis_info a = replica("", 1, 1), b = replica("", 2, 1);

    (void)state;
    assert_int_equal(redis_position_compare(&a, &b), REDIS_ORDER_UNRELATED);
}

static void a_primary_tells_its_own_offset(void **state)
{
    struct redis_info info = promoted(HISTORY_B, 450, HISTORY_A, 400);

    (void)state;
    info.replica_offset = 7;
    assert_int_equal(redis_position_offset(&info), 450);
}

static void every_fresher_peer_counts(void **state)
{
    struct redis_info own = replica(HISTORY_A, 100, 1);
    struct redis_info peers[] = {replica(HISTORY_A, 99, 1), replica(HISTORY_A, 101, 1),
                                 replica(HISTORY_A, 100, 1), replica(HISTORY_A, 300, 1)};
    size_t first = 99;

    (void)state;
    assert_int_equal(ahead_of(&own, peers, 4, &first), 2);
    assert_int_equal(first, 1);
}

static void an_empty_server_yields_to_a_full_one(void **state)
{
    struct redis_info empty = replica(HISTORY_B, 900, 0), full = replica(HISTORY_A, 5, 10);
    size_t first;

    (void)state;
    assert_int_equal(ahead_of(&empty, &full, 1, &first), 1);
    assert_int_equal(ahead_of(&full, &empty, 1, &first), 0);
}

/* A crashed primary that came back from an AOF has a random history and an offset near 0. */
static void one_server_yields_to_two_that_agree(void **state)
{
    struct redis_info alone = replica(HISTORY_C, 5000, 10);
    struct redis_info pair[] = {replica(HISTORY_A, 10, 1), replica(HISTORY_A, 12, 1)};
    struct redis_info others[] = {alone, pair[1]};
    size_t first;

    (void)state;
    assert_int_equal(ahead_of(&alone, pair, 2, &first), 2);
    assert_int_equal(ahead_of(&pair[0], others, 2, &first), 1);
    assert_int_equal(first, 1);
}

static void strangers_of_equal_support_compare_by_what_they_hold(void **state)
{
    struct redis_info a = replica(HISTORY_A, 1, 10), b = replica(HISTORY_B, 4000, 10);
    size_t first;

    (void)state;
    assert_int_equal(ahead_of(&a, &b, 1, &first), 1);
    assert_int_equal(ahead_of(&b, &a, 1, &first), 0);
}

static void new_empty_servers_are_level(void **state)
{
    struct redis_info a = replica(HISTORY_A, 0, 0), b = replica(HISTORY_B, 0, 0);
    size_t first;

    (void)state;
    assert_int_equal(ahead_of(&a, &b, 1, &first), 0);
    assert_int_equal(ahead_of(&b, &a, 1, &first), 0);
}

static void data_outweighs_priority(void **state)
{
    (void)state;
    assert_true(redis_score(false, 0, 9999) > redis_score(false, 1, 1));
    assert_true(redis_score(false, 0, INT32_MAX) > redis_score(false, 1, 1));
    assert_true(redis_score(false, 30, 1) > redis_score(false, 31, 1));
}

static void priority_breaks_ties_and_zero_never_leads(void **state)
{
    (void)state;
    assert_true(redis_score(false, 0, 100) > redis_score(false, 0, 150));
    assert_int_equal(redis_score(false, 0, 0), REDIS_SCORE_NEVER);
    assert_int_equal(redis_score(true, 0, 0), REDIS_SCORE_NEVER);
}

static void a_primary_stays_before_all_replicas(void **state)
{
    (void)state;
    assert_true(redis_score(true, 0, 9999) > redis_score(false, 0, 1));
}

static void scores_are_positive_and_below_infinity(void **state)
{
    (void)state;
    assert_true(redis_score(false, 1000, INT32_MAX) > 0);
    assert_true(redis_score(true, 0, 1) < 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_compare_within_one_history),
        cmocka_unit_test(offsets_of_two_histories_do_not_compare),
        cmocka_unit_test(who_went_on_from_a_history_is_newer),
        cmocka_unit_test(no_id_is_nobodys_history),
        cmocka_unit_test(a_primary_tells_its_own_offset),
        cmocka_unit_test(every_fresher_peer_counts),
        cmocka_unit_test(an_empty_server_yields_to_a_full_one),
        cmocka_unit_test(one_server_yields_to_two_that_agree),
        cmocka_unit_test(strangers_of_equal_support_compare_by_what_they_hold),
        cmocka_unit_test(new_empty_servers_are_level),
        cmocka_unit_test(data_outweighs_priority),
        cmocka_unit_test(priority_breaks_ties_and_zero_never_leads),
        cmocka_unit_test(a_primary_stays_before_all_replicas),
        cmocka_unit_test(scores_are_positive_and_below_infinity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
