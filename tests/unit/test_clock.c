// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deadlines: what they say of the past, the future and both ends of time. Nothing here asserts how
 * long something took, only that a wait did not end before its time.
 */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static void past_deadline_has_passed(void **state)
{
    (void)state;
    assert_true(deadline_passed(deadline_in(0)));
    assert_true(deadline_passed(deadline_in(-5)));
    assert_int_equal(deadline_left_ms(deadline_in(-5)), 0);
}

static void future_deadline_has_time_left(void **state)
{
    struct deadline hour = deadline_in(3600000);

    (void)state;
    assert_false(deadline_passed(hour));
    assert_true(deadline_left_ms(hour) > 0);
    assert_true(deadline_left_ms(hour) <= 3600000);
}

static void ends_of_time_do_not_wrap(void **state)
{
    (void)state;
    assert_false(deadline_passed(deadline_in(INT64_MAX)));
    assert_true(deadline_left_ms(deadline_in(INT64_MAX)) > 0);
    assert_true(deadline_passed(deadline_in(INT64_MIN)));
}

static void min_is_the_earlier(void **state)
{
    struct deadline early = {.at_ms = 1}, late = {.at_ms = 2};

    (void)state;
    assert_int_equal(deadline_min(early, late).at_ms, 1);
    assert_int_equal(deadline_min(late, early).at_ms, 1);
}

static void pause_ends_with_the_deadline(void **state)
{
    struct deadline soon = deadline_in(20);

    (void)state;
    assert_false(deadline_pause(soon, INT64_MAX)); /* would never end without the deadline */
    assert_true(deadline_passed(soon));
    assert_false(deadline_pause(soon, INT64_MAX));
}

static void pause_ends_before_the_deadline(void **state)
{
    int64_t before = clock_ms();

    (void)state;
    assert_true(deadline_pause(deadline_in(INT64_MAX), 20));
    assert_true(clock_ms() - before >= 20);
    assert_true(deadline_pause(deadline_in(INT64_MAX), -1));
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void pause_goes_on_after_a_signal(void **state)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval each_ms = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
    struct itimerval never = {.it_interval.tv_usec = 0};
    int64_t before = clock_ms();

    (void)state;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each_ms, NULL);
    assert_true(deadline_pause(deadline_in(INT64_MAX), 30));
    setitimer(ITIMER_REAL, &never, NULL);
    assert_true(clock_ms() - before >= 30);
}

/* A pause that misses its end is ended by this, and the test has failed. */
static int limit_time(void **state)
{
    (void)state;
    signal(SIGALRM, SIG_DFL);
    alarm(60);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_deadline_has_passed),
        cmocka_unit_test(future_deadline_has_time_left),
        cmocka_unit_test(ends_of_time_do_not_wrap),
        cmocka_unit_test(min_is_the_earlier),
        cmocka_unit_test_setup(pause_ends_with_the_deadline, limit_time),
        cmocka_unit_test_setup(pause_ends_before_the_deadline, limit_time),
        cmocka_unit_test(pause_goes_on_after_a_signal),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
