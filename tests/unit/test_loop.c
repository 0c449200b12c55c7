// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Timers, watches, signals and the worker's thread, each freed in its own callback too; the run
 * under valgrind and the sanitizers says what the assertions cannot.
 */
#include "loop.h"
#include "worker.h"

#include "util.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#define GUARD_MS 20000 /* a loop that nobody stops */

static struct loop *loop;
static struct loop_timer *guard;
static char order[64];

static void guard_passed(void *data)
{
    (void)data;
    fail_msg("the loop was not stopped; so far: %s", order);
}

static int loop_begin(void **state)
{
    (void)state;
    loop = loop_new();
    if (!loop)
        return -1;
    guard = loop_timer_new(loop, LOOP_HIGH, guard_passed, NULL);
    order[0] = '\0';
    return loop_timer_start(guard, GUARD_MS);
}

static int loop_end(void **state)
{
    (void)state;
    loop_timer_free(guard);
    loop_free(loop);
    return 0;
}

static void note(const char *what)
{
    strncat(order, what, sizeof(order) - strlen(order) - 1);
}

/* --- loop --- */

static struct loop_timer *timers[3];

static void timer_a(void *data)
{
    (void)data;
    note("a");
    loop_timer_free(timers[0]);
}

static void timer_b(void *data)
{
    (void)data;
    note("b");
    assert_false(loop_timer_runs(timers[1]));
    loop_stop(loop);
}

static void timer_c(void *data)
{
    (void)data;
    note("c");
}

static void timers_come_in_order_once(void **state)
{
    (void)state;
    timers[0] = loop_timer_new(loop, LOOP_NORMAL, timer_a, NULL);
    timers[1] = loop_timer_new(loop, LOOP_NORMAL, timer_b, NULL);
    timers[2] = loop_timer_new(loop, LOOP_NORMAL, timer_c, NULL);
    loop_timer_start(timers[1], 30);
    loop_timer_start(timers[0], 20);
    loop_timer_start(timers[2], 1);
    loop_timer_start(timers[2], GUARD_MS); /* moved away */
    loop_run(loop);
    assert_string_equal(order, "ab");
    assert_true(loop_timer_runs(timers[2]));
    loop_timer_free(timers[1]);
    loop_timer_free(timers[2]);
}

static struct loop_watch *watches[2];
static int events_fd[2];

/* Both are ready in the same round: the first takes the second away, which must not be called. */
static void watch_takes_the_other_away(void *data, short events)
{
    assert_true(events & POLLIN);
    note(data);
    for (size_t i = 0; i < ARRAY_SIZE(watches); i++) {
        loop_watch_free(watches[i]);
        close(events_fd[i]);
    }
    loop_stop(loop);
}

static void a_watch_that_was_freed_is_not_called(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(watches); i++) {
        events_fd[i] = eventfd(1, EFD_CLOEXEC);
        assert_int_equal(loop_watch_new(loop, LOOP_NORMAL, events_fd[i], POLLIN,
                                        watch_takes_the_other_away, "w", &watches[i]),
                         0);
    }
    loop_run(loop);
    assert_string_equal(order, "w");
}

static void a_descriptor_is_watched_once(void **state)
{
    struct loop_watch *first, *second;
    cleanup_close int fd = eventfd(0, EFD_CLOEXEC);

    (void)state;
    assert_int_equal(loop_watch_new(loop, LOOP_LOW, fd, POLLIN, NULL, NULL, &first), 0);
    assert_int_equal(loop_watch_new(loop, LOOP_LOW, fd, POLLIN, NULL, NULL, &second), -EEXIST);
    assert_null(second);
    loop_watch_free(first);
}

static struct loop_signals *signals;

static void signal_came(void *data, int number)
{
    (void)data;
    assert_int_equal(number, SIGUSR1);
    note("s");
    loop_signals_free(signals);
    loop_stop(loop);
}

static void signals_are_events(void **state)
{
    const int numbers[] = {SIGUSR1, SIGUSR2};

    (void)state;
    assert_int_equal(loop_signals_new(loop, numbers, 2, signal_came, NULL, &signals), 0);
    raise(SIGUSR1);
    loop_run(loop);
    assert_string_equal(order, "s");
}

/* --- worker --- */

struct job {
    sem_t go;
    sem_t *discarded;
    pthread_t thread;
    int rc;
};

static struct worker *worker;

static int job_run(void *data)
{
    struct job *job = data;

    job->thread = pthread_self();
    while (sem_wait(&job->go) && errno == EINTR)
        ;
    return job->rc;
}

static void job_done(void *data, void *done, int rc)
{
    struct job *job = done;

    assert_string_equal(data, "owner");
    assert_int_equal(rc, job->rc);
    assert_false(pthread_equal(job->thread, pthread_self()));
    assert_false(worker_busy(worker));
    note("d");
    loop_stop(loop);
}

/* The call hangs: said, and nothing else may be asked; then it comes back after all. */
static struct job *hanging;

static void job_late(void *data)
{
    (void)data;
    note("l");
    assert_true(worker_busy(worker));
    sem_post(&hanging->go);
}

static void job_discard(void *data)
{
    struct job *job = data;

    sem_post(job->discarded);
}

static const struct worker_task task = {job_run, job_done, job_late, job_discard};

static void a_result_comes_on_the_loop(void **state)
{
    struct job job = {.rc = -ENXIO};

    (void)state;
    sem_init(&job.go, 0, 0);
    assert_int_equal(worker_new(loop, "owner", &worker), 0);
    for (int round = 0; round < 3; round++) {
        sem_post(&job.go);
        assert_int_equal(worker_start(worker, &task, &job, GUARD_MS), 0);
        loop_run(loop);
    }
    assert_string_equal(order, "ddd");
    worker_free(worker, NULL, NULL);
}

static void a_call_that_hangs_is_told_late_and_done(void **state)
{
    struct job job = {0};

    (void)state;
    sem_init(&job.go, 0, 0);
    hanging = &job;
    assert_int_equal(worker_new(loop, "owner", &worker), 0);
    assert_int_equal(worker_start(worker, &task, &job, 10), 0);
    assert_int_equal(worker_start(worker, &task, &job, 10), -EBUSY);
    loop_run(loop);
    assert_string_equal(order, "ld");
    worker_free(worker, NULL, NULL);
}

static void last_words(void *data)
{
    sem_post(data);
}

static void a_freed_worker_discards_what_comes_back(void **state)
{
    struct job job = {0};
    sem_t discarded, last;

    (void)state;
    sem_init(&job.go, 0, 0);
    sem_init(&discarded, 0, 0);
    sem_init(&last, 0, 0);
    job.discarded = &discarded;
    assert_int_equal(worker_new(loop, "owner", &worker), 0);
    assert_int_equal(worker_start(worker, &task, &job, GUARD_MS), 0);
    worker_free(worker, last_words, &last);
    assert_int_equal(sem_trywait(&discarded), -1);
    sem_post(&job.go);
    sem_wait(&discarded);
    sem_wait(&last);
    assert_string_equal(order, "");
}

static void a_worker_without_a_job_says_its_last_words(void **state)
{
    sem_t last;

    (void)state;
    sem_init(&last, 0, 0);
    assert_int_equal(worker_new(loop, "owner", &worker), 0);
    worker_free(worker, last_words, &last);
    sem_wait(&last);
    worker_free(NULL, last_words, &last);
    assert_int_equal(sem_trywait(&last), 0);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(timers_come_in_order_once),
        LOOP_TEST(a_watch_that_was_freed_is_not_called),
        LOOP_TEST(a_descriptor_is_watched_once),
        LOOP_TEST(signals_are_events),
        LOOP_TEST(a_result_comes_on_the_loop),
        LOOP_TEST(a_call_that_hangs_is_told_late_and_done),
        LOOP_TEST(a_freed_worker_discards_what_comes_back),
        LOOP_TEST(a_worker_without_a_job_says_its_last_words),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
