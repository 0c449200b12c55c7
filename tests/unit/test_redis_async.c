// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The connection on the loop, from its opening to its end: deadlines, passwords, nobody there, a
 * server's death, and an owner who frees the connection wherever it may.
 */
#include "async_run.h"

/* --- opening --- */

static void a_connection_has_a_deadline(void **state)
{
    (void)state;
    seen.stop_on_down = true;
    kill(server, SIGSTOP); /* the kernel accepts; the greeting has no answer */
    open_with(PASSWORD, 50);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), -ENOTCONN);
    loop_run(loop);
    assert_string_equal(seen.text, "down ");
    assert_int_equal(seen.down_rc, -ETIMEDOUT);
}

static void a_wrong_password_is_refused_and_not_told(void **state)
{
    (void)state;
    seen.stop_on_down = true;
    open_with("wrong-" PASSWORD, LONG_MS);
    loop_run(loop);
    assert_int_equal(seen.down_rc, -EACCES);
    assert_null(strstr(seen.down_text, PASSWORD));
    redis_async_free(steal_pointer(&connection));
    open_with(NULL, LONG_MS);
    loop_run(loop);
    assert_string_equal(seen.text, "down down ");
    assert_int_equal(seen.down_rc, -EACCES);
}

/* At once, and with the reason, unless it had closed the connection before our first word. */
static void no_connection_left_is_told(void **state)
{
    const struct redis_endpoint endpoint = {.unix_path = socket_path, .password = PASSWORD};
    struct deadline deadline = deadline_in(GUARD_MS);
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;

    (void)state;
    assert_int_equal(redis_client_open(&endpoint, deadline, &client, &problem), 0);
    assert_int_equal(
        redis_ask_words(client, deadline, NULL, "CONFIG", "SET", "maxclients", "1", NULL), 0);
    seen.stop_on_down = true;
    do {
        redis_async_free(steal_pointer(&connection));
        open_with(PASSWORD, LONG_MS);
        loop_run(loop);
    } while (seen.down_rc == -ECONNRESET);
    assert_int_equal(seen.down_rc, -EUSERS);
    assert_int_equal(
        redis_ask_words(client, deadline, NULL, "CONFIG", "SET", "maxclients", "100", NULL), 0);
}

static void nobody_there_is_told_from_the_loop(void **state)
{
    const struct redis_endpoint none = {.unix_path = "/nonexistent/socket"};
    const struct redis_endpoint refused = {.host = "127.0.0.1", .port = 1};
    const struct redis_endpoint name = {.host = "localhost", .port = 1};

    (void)state;
    seen.stop_on_down = seen.free_on_down = true;
    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &none, LONG_MS, &events, NULL, &connection), 0);
    assert_string_equal(seen.text, "");
    loop_run(loop);
    assert_int_equal(seen.down_rc, -ENOENT);
    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &refused, LONG_MS, &events, NULL, &connection), 0);
    loop_run(loop);
    assert_int_equal(seen.down_rc, -ECONNREFUSED);
    assert_string_equal(seen.text, "down down ");
    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &name, LONG_MS, &events, NULL, &connection), -EINVAL);
    assert_null(connection);
}

/* --- ends --- */

static void an_end_is_told_after_what_was_asked(void **state)
{
    (void)state;
    open_and_wait();
    seen.stop_on_down = true;
    assert_int_equal(ask(".", LONG_MS, "CLIENT", "KILL", "TYPE"), 0); /* an error, and on */
    kill(server, SIGSTOP);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), 0);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), 0);
    kill(server, SIGKILL);
    loop_run(loop);
    assert_non_null(strstr(seen.text, "-104 -104 down "));
    assert_int_equal(seen.down_rc, -ECONNRESET);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), -ENOTCONN);
    server_restart();
}

static void what_is_no_redis_is_told(void **state)
{
    cleanup_free char *path = scratch_path("web");
    const struct redis_endpoint endpoint = {.unix_path = path};
    cleanup_close int listener = unix_listen(path);
    cleanup_close int peer = -1;
    static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

    (void)state;
    seen.stop_on_down = true;
    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &endpoint, LONG_MS, &events, NULL, &connection), 0);
    peer = accept(listener, NULL, NULL);
    assert_int_equal(write(peer, words, sizeof(words) - 1), sizeof(words) - 1);
    loop_run(loop);
    assert_int_equal(seen.down_rc, -EPROTO);
}

static void the_owner_frees_wherever_it_may(void **state)
{
    (void)state;
    open_and_wait();
    assert_int_equal(ask("x", LONG_MS, "PING", NULL, NULL), 0); /* in an answer, one behind it */
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), 0);
    loop_run(loop);
    assert_string_equal(seen.text, "PONG ");

    seen.text[0] = '\0';
    open_and_wait();
    kill(server, SIGSTOP);
    assert_int_equal(ask("x", 10, "PING", NULL, NULL), 0); /* at a deadline, one behind it */
    assert_int_equal(ask(".", 10, "PING", NULL, NULL), 0);
    loop_run(loop);
    assert_string_equal(seen.text, "-110 ");
    kill(server, SIGCONT);

    seen.text[0] = '\0';
    seen.free_on_up = true;
    open_with(PASSWORD, LONG_MS); /* as soon as it is up */
    loop_run(loop);
    assert_string_equal(seen.text, "up ");
    assert_null(connection);

    open_with(PASSWORD, LONG_MS); /* before anything happened */
    redis_async_free(steal_pointer(&connection));
}

static void the_owner_frees_while_the_server_ends(void **state)
{
    (void)state;
    open_and_wait();
    kill(server, SIGSTOP);
    assert_int_equal(ask("x", LONG_MS, "PING", NULL, NULL), 0);
    assert_int_equal(ask(".", LONG_MS, "PING", NULL, NULL), 0);
    kill(server, SIGKILL);
    loop_run(loop);
    assert_string_equal(seen.text, "-104 ");
    server_restart();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASYNC_TEST(a_connection_has_a_deadline),
        ASYNC_TEST(a_wrong_password_is_refused_and_not_told),
        ASYNC_TEST(no_connection_left_is_told),
        ASYNC_TEST(nobody_there_is_told_from_the_loop),
        ASYNC_TEST(an_end_is_told_after_what_was_asked),
        ASYNC_TEST(what_is_no_redis_is_told),
        ASYNC_TEST(the_owner_frees_wherever_it_may),
        ASYNC_TEST(the_owner_frees_while_the_server_ends),
    };

    return cmocka_run_group_tests_name("redis_async", tests, all_begin, all_end);
}
