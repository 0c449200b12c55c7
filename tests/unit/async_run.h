// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection on a loop, for a test, and the real server on a Unix socket that it goes to. What
 * happens is noted in one line, in order; a guard ends a loop that nobody stopped.
 */
#ifndef RHA_TEST_ASYNC_RUN_H
#define RHA_TEST_ASYNC_RUN_H

#include "redis_async.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "server_run.h"

#define GUARD_MS 20000
#define LONG_MS  15000 /* a deadline that is not to pass */
#define PASSWORD "secret-of-the-test"

static struct loop *loop;
static struct loop_timer *guard;
static struct redis_async *connection;
static pid_t server;
static char *socket_path;

static struct {
    char text[256]; /* what happened, in order */
    int down_rc;
    char down_text[128];
    bool stop_on_up, stop_on_down, free_on_up, free_on_down;
} seen;

static inline void note(const char *what)
{
    strncat(seen.text, what, sizeof(seen.text) - strlen(seen.text) - 1);
}

static inline void guard_passed(void *data)
{
    (void)data;
    fail_msg("the loop was not stopped; so far: %s", seen.text);
}

static inline void came_up(void *data)
{
    (void)data;
    note("up ");
    if (seen.free_on_up)
        redis_async_free(steal_pointer(&connection));
    if (seen.stop_on_up)
        loop_stop(loop);
}

static inline void went_down(void *data, int rc, const char *text)
{
    (void)data;
    note("down ");
    seen.down_rc = rc;
    snprintf(seen.down_text, sizeof(seen.down_text), "%s", text);
    if (seen.free_on_down)
        redis_async_free(steal_pointer(&connection));
    if (seen.stop_on_down)
        loop_stop(loop);
}

static const struct redis_async_events events = {came_up, went_down};

/* --- server --- */

static inline void server_begin(void)
{
    server = redis_spawn(socket_path, "--requirepass", PASSWORD, NULL);
}

static inline void server_end(void)
{
    if (server > 0)
        server_kill(server);
    server = 0;
}

static inline void server_restart(void)
{
    server_end();
    server_begin();
}

static inline int all_begin(void **state)
{
    if (scratch_make(state))
        return -1;
    signal(SIGPIPE, SIG_IGN); /* as ocf_main does: hiredis writes to sockets that are gone */
    socket_path = scratch_path("socket");
    server_begin();
    return 0;
}

static inline int all_end(void **state)
{
    server_end();
    free(socket_path);
    return scratch_remove(state);
}

static inline int test_begin(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof(seen));
    loop = loop_new();
    if (!loop)
        return -1;
    guard = loop_timer_new(loop, LOOP_HIGH, guard_passed, NULL);
    return loop_timer_start(guard, GUARD_MS);
}

static inline int test_end(void **state)
{
    (void)state;
    if (server > 0)
        kill(server, SIGCONT);
    redis_async_free(steal_pointer(&connection));
    loop_timer_free(guard);
    loop_free(loop);
    return 0;
}

#define ASYNC_TEST(f) cmocka_unit_test_setup_teardown(f, test_begin, test_end)

/* --- connection --- */

static inline void open_with(const char *password, int64_t deadline_ms)
{
    const struct redis_endpoint endpoint = {.unix_path = socket_path, .password = password};

    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &endpoint, deadline_ms, &events, NULL, &connection), 0);
}

static inline void open_and_wait(void)
{
    seen.stop_on_up = true;
    open_with(PASSWORD, LONG_MS);
    loop_run(loop);
    assert_string_equal(seen.text, "up ");
    seen.text[0] = '\0';
}

/* --- commands --- */

/* Notes what the answer was, then does what `data` says: "." goes on, "!" stops, "x" frees too. */
static inline void answered(void *data, const struct redis_answer *answer)
{
    char line[64];
    const char *what = data;

    if (answer->rc)
        snprintf(line, sizeof(line), "%d%.8s ", answer->rc, answer->text ? answer->text : "");
    else if (answer->text)
        snprintf(line, sizeof(line), "%.40s ", answer->text);
    else if (answer->list->count)
        snprintf(line, sizeof(line), "[%zu %s] ", answer->list->count, answer->list->items[0]);
    else
        snprintf(line, sizeof(line), "%lld ", (long long)answer->integer);
    note(line);
    if (*what == 'x')
        redis_async_free(steal_pointer(&connection));
    if (*what != '.')
        loop_stop(loop);
}

static inline int ask(const char *what, int64_t deadline_ms, const char *a, const char *b,
                      const char *c)
{
    return redis_async_ask_words(connection, deadline_ms, answered, (void *)what, a, b, c, NULL);
}

#endif
