// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is asked on the loop's connection: answers in order, deadlines of a server that is stopped,
 * published messages.
 */
#include "async_run.h"

/* --- commands --- */

static void answers_come_in_order(void **state)
{
    (void)state;
    open_and_wait();
    assert_int_equal(ask(".", LONG_MS, "SET", "k", "v w"), 0);
    assert_int_equal(ask(".", LONG_MS, "GET", "k", NULL), 0);
    assert_int_equal(ask(".", LONG_MS, "GET", "none", NULL), 0);
    assert_int_equal(ask(".", LONG_MS, "RPUSH", "l", "x"), 0);
    assert_int_equal(ask(".", LONG_MS, "NONSENSE", "a", NULL), 0);
    assert_int_equal(redis_async_ask_words(connection, LONG_MS, NULL, NULL, "PING", NULL), 0);
    assert_int_equal(ask("!", LONG_MS, "CONFIG", "GET", "save"), 0);
    assert_int_equal(redis_async_pending(connection), 7);
    loop_run(loop);
    assert_string_equal(seen.text, "OK v w 0 1 -121ERR unkn [2 save] ");
    assert_int_equal(redis_async_pending(connection), 0);
    assert_int_equal(redis_async_ask(connection, 1, NULL, NULL, 0, NULL), -EINVAL);
}

static void what_is_pending_is_bounded(void **state)
{
    int count = 0;

    (void)state;
    open_and_wait();
    while (ask(".", LONG_MS, "PING", NULL, NULL) == 0)
        count++;
    assert_int_equal(count, REDIS_ASYNC_PENDING_MAX);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), -EBUSY);
}

/* A stopped server: deadlines pass one by one; once it runs, late answers go to nobody, and what is
 * asked then gets its own answer, not one of theirs. */
static void a_hang_is_told_by_deadlines(void **state)
{
    (void)state;
    open_and_wait();
    kill(server, SIGSTOP);
    assert_int_equal(ask("!", 60, "ECHO", "second", NULL), 0);
    assert_int_equal(ask(".", 20, "ECHO", "first", NULL), 0);
    loop_run(loop);
    assert_string_equal(seen.text, "-110 -110 ");
    assert_int_equal(redis_async_pending(connection), 2);
    seen.text[0] = '\0';
    kill(server, SIGCONT);
    assert_int_equal(ask("!", LONG_MS, "ECHO", "third", NULL), 0);
    loop_run(loop);
    assert_string_equal(seen.text, "third ");
}

/* --- published messages --- */

static void published(void *data, const char *channel, const char *text)
{
    struct redis_client *other = data;
    char line[96];

    snprintf(line, sizeof(line), "%s=%s ", channel ? channel : "-", text ? text : "-");
    note(line);
    if (!channel) { /* from here on nothing is missed */
        struct deadline deadline = deadline_in(GUARD_MS);

        assert_int_equal(redis_ask_words(other, deadline, NULL, "PUBLISH", "+odown", "m 1", NULL),
                         0);
        assert_int_equal(redis_ask_words(other, deadline, NULL, "PUBLISH", "x", "no", NULL), 0);
        assert_int_equal(redis_ask_words(other, deadline, NULL, "PUBLISH", "+end", "", NULL), 0);
    }
    if (channel && strcmp(channel, "+end") == 0) {
        redis_async_free(steal_pointer(&connection));
        loop_stop(loop);
    }
}

static void published_messages_come(void **state)
{
    const struct redis_endpoint endpoint = {.unix_path = socket_path, .password = PASSWORD};
    struct redis_client *other = NULL;
    cleanup_free char *problem = NULL;

    (void)state;
    assert_int_equal(redis_client_open(&endpoint, deadline_in(GUARD_MS), &other, &problem), 0);
    open_and_wait();
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), 0);
    assert_int_equal(redis_async_subscribe(connection, "+*", published, other), -EBUSY);
    redis_async_free(steal_pointer(&connection));
    open_and_wait();
    assert_int_equal(redis_async_subscribe(connection, "+*", published, other), 0);
    assert_int_equal(redis_async_subscribe(connection, "+*", published, other), -ENOTSUP);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), -ENOTSUP);
    loop_run(loop);
    assert_string_equal(seen.text, "-=- +odown=m 1 +end= ");
    redis_client_close(other);
}

static void a_subscription_ends_with_the_server(void **state)
{
    const struct redis_endpoint endpoint = {.unix_path = socket_path, .password = PASSWORD};
    struct redis_client *other = NULL;
    cleanup_free char *problem = NULL;

    (void)state;
    assert_int_equal(redis_client_open(&endpoint, deadline_in(GUARD_MS), &other, &problem), 0);
    open_and_wait();
    assert_int_equal(redis_async_subscribe(connection, "nothing*", published, other), 0);
    redis_client_close(other);
    kill(server, SIGKILL);
    seen.stop_on_down = seen.free_on_down = true;
    loop_run(loop);
    assert_non_null(strstr(seen.text, "down "));
    server_restart();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASYNC_TEST(answers_come_in_order),
        ASYNC_TEST(what_is_pending_is_bounded),
        ASYNC_TEST(a_hang_is_told_by_deadlines),
        ASYNC_TEST(published_messages_come),
        ASYNC_TEST(a_subscription_ends_with_the_server),
    };

    return cmocka_run_group_tests_name("redis_async_ask", tests, all_begin, all_end);
}
