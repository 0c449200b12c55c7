// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ranks over random cluster states: whatever the state, at most one positive score, never an older
 * server over a newer one that is there, and the same answer whatever the order of the list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../agents/redis_rank.h"

#define STATES 200000

static uint64_t state = 1;
static char names[REDIS_MEMBERS_MAX][8];

static unsigned below(unsigned limit)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(state >> 33) % limit;
}

static void draw(struct rank_candidate *c, unsigned i)
{
    snprintf(names[i], sizeof(names[i]), "n%u", i);
    *c = (struct rank_candidate){
        .node = i + 1,
        .name = names[i],
        .in_ring = below(8) > 0,
        .told = below(10) > 0,
        .written_off = below(10) == 0,
        .awaited = below(2),
        .server = below(10) ? 5 : below(6),
        .role = MEMBER_ROLE_REPLICA,
        .link = below(20) ? MEMBER_LINK_DOWN : MEMBER_LINK_SYNCING,
        .epoch = below(3),
        .offset = below(4),
        .priority = below(4) ? 100 : below(2) * 10,
        .final = below(20) > 0,
        .live = below(2),
        .exact = below(10) > 0,
        .empty = below(4) == 0,
        .fit = below(12) > 0,
        .yields = below(8) == 0,
    };
    c->replid.byte[0] = (uint8_t)(c->epoch ? c->epoch : 10 + below(2));
}

static void draw_question(struct rank_question *question)
{
    memset(question, 0, sizeof(*question));
    question->count = 1 + below(5);
    question->max_lag = below(4) ? 0 : 1;
    question->primary_offset = below(5);
    question->waited = below(2);
    for (unsigned i = 0; i < question->count; i++)
        draw(&question->candidate[i], i);
    question->candidate[below((unsigned)question->count)].last_primary = below(2);
}

static bool is_here(const struct rank_candidate *c)
{
    return c->in_ring && c->told && c->server == MEMBER_SERVER_ANSWERS &&
           c->link != MEMBER_LINK_SYNCING;
}

static void one_positive_score(void **unused)
{
    (void)unused;
    for (int i = 0; i < STATES; i++) {
        struct rank_question question;
        struct rank_answer answer;
        int positive = 0;
        draw_question(&question);
        rank_candidates(&question, &answer);
        for (size_t j = 0; j < question.count; j++)
            positive += answer.score[j] > 0;
        assert_int_equal(positive, answer.verdict == RANK_DECIDED);
        if (answer.verdict == RANK_DECIDED)
            assert_true(answer.score[answer.winner] > 0);
        else
            assert_int_not_equal(answer.reason, RANK_REASON_NONE);
    }
}

static void never_older_over_newer(void **unused)
{
    (void)unused;
    for (int i = 0; i < STATES; i++) {
        struct rank_question question;
        struct rank_answer answer;
        draw_question(&question);
        rank_candidates(&question, &answer);
        if (answer.verdict != RANK_DECIDED)
            continue;
        const struct rank_candidate *winner = &question.candidate[answer.winner];
        assert_true(is_here(winner) && winner->fit && winner->priority);
        for (size_t j = 0; j < question.count; j++) {
            const struct rank_candidate *c = &question.candidate[j];
            if (!is_here(c))
                continue;
            assert_true(c->epoch <= winner->epoch);
            bool rival = c->epoch == winner->epoch && c->fit && c->priority && c->exact &&
                         winner->exact && (c->epoch || !c->empty || winner->empty);
            if (rival)
                assert_true(c->offset <= winner->offset);
            if (answer.score[j] == RANK_SCORE_EQUAL)
                assert_int_equal(c->offset, winner->offset);
        }
    }
}

/* All watches must agree, in whatever order each has met the members. */
static void order_does_not_matter(void **unused)
{
    (void)unused;
    for (int i = 0; i < STATES; i++) {
        struct rank_question question, turned;
        struct rank_answer answer, other;
        draw_question(&question);
        turned = question;
        for (size_t j = 0; j < question.count; j++)
            turned.candidate[j] = question.candidate[question.count - 1 - j];
        rank_candidates(&question, &answer);
        rank_candidates(&turned, &other);
        assert_int_equal(answer.verdict, other.verdict);
        assert_int_equal(answer.reason, other.reason);
        if (answer.verdict == RANK_DECIDED && question.candidate[answer.winner].exact)
            assert_int_equal(question.candidate[answer.winner].node,
                             turned.candidate[other.winner].node);
    }
}

/* Two sound replicas; the first has the better priority, the second more data. */
static struct rank_question two_replicas(void)
{
    struct rank_question question = {.count = 2};

    for (unsigned i = 0; i < 2; i++) {
        draw(&question.candidate[i], i);
        question.candidate[i] = (struct rank_candidate){.node = i + 1,
                                                        .name = names[i],
                                                        .in_ring = true,
                                                        .told = true,
                                                        .server = MEMBER_SERVER_ANSWERS,
                                                        .role = MEMBER_ROLE_REPLICA,
                                                        .epoch = 1,
                                                        .offset = 100 + i,
                                                        .priority = i ? 100 : 1,
                                                        .final = true,
                                                        .live = true,
                                                        .exact = true,
                                                        .fit = true};
    }
    return question;
}

static void the_furthest_leads_whatever_its_priority(void **unused)
{
    struct rank_question question = two_replicas();
    struct rank_answer answer;

    (void)unused;
    rank_candidates(&question, &answer);
    assert_int_equal(answer.winner, 1);
    question.candidate[1].offset = 100;
    rank_candidates(&question, &answer);
    assert_int_equal(answer.winner, 0);
    question.candidate[0].yields = true; /* it has just handed the role over */
    rank_candidates(&question, &answer);
    assert_int_equal(answer.winner, 1);
    assert_int_equal(answer.score[0], RANK_SCORE_EQUAL);
}

static void a_primary_from_before_the_cluster_stays_whatever_its_priority(void **unused)
{
    struct rank_question question = two_replicas();
    struct rank_answer answer;

    (void)unused;
    question.candidate[1].role = MEMBER_ROLE_PRIMARY;
    for (unsigned i = 0; i < 2; i++) {
        question.candidate[i].epoch = 0;
        question.candidate[i].offset = 100;
    }
    rank_candidates(&question, &answer);
    assert_int_equal(answer.winner, 1);
    question.candidate[0].offset = 101; /* data first */
    rank_candidates(&question, &answer);
    assert_int_equal(answer.winner, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_positive_score),
        cmocka_unit_test(never_older_over_newer),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(the_furthest_leads_whatever_its_priority),
        cmocka_unit_test(a_primary_from_before_the_cluster_stays_whatever_its_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
