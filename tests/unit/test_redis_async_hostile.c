// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers that no Redis gives, from a peer that says them all at once: hiredis asserts that they do
 * not come, so the connection has to end before it looks at them.
 */
#include "async_run.h"

#define GREETED "+PONG\r\n"

static bool subscribes;

static void push_came(void *data, const char *channel, const char *text)
{
    (void)data;
    note(channel ? channel : "subscribed");
    note(text ? text : "");
    note(" ");
}

static void up(void *data)
{
    (void)data;
    note("up ");
    if (subscribes)
        assert_int_equal(redis_async_subscribe(connection, "*", push_came, NULL), 0);
}

static void listen_to(const char *words)
{
    static const struct redis_async_events ends = {up, went_down};
    cleanup_free char *path = scratch_path("hostile");
    const struct redis_endpoint endpoint = {.unix_path = path};
    cleanup_close int listener = unix_listen(path);
    cleanup_close int peer = -1;

    seen.stop_on_down = true;
    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &endpoint, LONG_MS, &ends, NULL, &connection), 0);
    peer = accept(listener, NULL, NULL);
    assert_int_equal(write(peer, words, strlen(words)), strlen(words));
    shutdown(peer, SHUT_WR);
    loop_run(loop);
    redis_async_free(steal_pointer(&connection));
    unlink(path);
}

static void an_answer_to_nothing_ends_the_connection(void **state)
{
    static const char *const answers[] = {"+OK\r\n", ":1\r\n",  "$-1\r\n",     "$1\r\na\r\n",
                                          "*0\r\n",  "*-1\r\n", "*1\r\n:1\r\n"};

    (void)state;
    subscribes = false;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        cleanup_free char *words = xasprintf(GREETED "%s", answers[i]);

        memset(&seen, 0, sizeof(seen));
        listen_to(words);
        assert_string_equal(seen.text, "up down ");
        assert_int_equal(seen.down_rc, -EPROTO);
    }
}

static void what_is_no_message_ends_a_subscription(void **state)
{
    static const char *const messages[] = {
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "$1\r\na\r\n",
        "*3\r\n$10\r\npsubscribe\r\n$1\r\na\r\n:1\r\n",
        "*4\r\n$8\r\npmessage\r\n$1\r\na\r\n$5\r\n+tilt\r\n$1\r\na\r\n",
        "*0\r\n",
        "*1\r\n$1\r\na\r\n",
        "*3\r\n:1\r\n$1\r\na\r\n$1\r\nb\r\n",
        "*3\r\n$-1\r\n$1\r\na\r\n$1\r\nb\r\n",
        "*3\r\n$10\r\npsubscribe\r\n:1\r\n:1\r\n",
        "*3\r\n$10\r\npsubscribe\r\n*1\r\n:1\r\n:1\r\n",
        "*3\r\n$12\r\npunsubscribe\r\n$1\r\n*\r\n$1\r\nb\r\n",
        "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n",
    };

    (void)state;
    subscribes = true;
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        cleanup_free char *words = xasprintf(GREETED "%s", messages[i]);

        memset(&seen, 0, sizeof(seen));
        listen_to(words);
        assert_string_equal(seen.text, "up down ");
        assert_int_equal(seen.down_rc, -EPROTO);
    }
}

/* Its end is that of the peer, and a refused subscription is none. */
static void messages_come_through(void **state)
{
    (void)state;
    subscribes = true;
    listen_to(GREETED "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"
                      "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$5\r\n+tilt\r\n$1\r\na\r\n");
    assert_string_equal(seen.text, "up subscribed +tilta down ");
    assert_int_equal(seen.down_rc, -ECONNRESET);

    memset(&seen, 0, sizeof(seen));
    listen_to(GREETED "-NOPERM no\r\n");
    assert_string_equal(seen.text, "up down ");
    assert_int_equal(seen.down_rc, -ECONNRESET);
}

/* hiredis would take memory for all of them at once. */
static void a_list_that_is_too_long_ends_the_connection(void **state)
{
    (void)state;
    subscribes = false;
    listen_to("*2147483647\r\n");
    assert_string_equal(seen.text, "down ");
    assert_int_equal(seen.down_rc, -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASYNC_TEST(an_answer_to_nothing_ends_the_connection),
        ASYNC_TEST(what_is_no_message_ends_a_subscription),
        ASYNC_TEST(messages_come_through),
        ASYNC_TEST(a_list_that_is_too_long_ends_the_connection),
    };

    return cmocka_run_group_tests_name("redis_async, hostile", tests, all_begin, all_end);
}
