// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The connection on the loop against a real server on a Unix socket: answers in order, deadlines of
 * a server that is stopped, its death, passwords, published messages, and an owner who frees the
 * connection wherever it may.
 */
#include "redis_async.h"

#include "scratch.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

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

static void note(const char *what)
{
    strncat(seen.text, what, sizeof(seen.text) - strlen(seen.text) - 1);
}

static void guard_passed(void *data)
{
    (void)data;
    fail_msg("the loop was not stopped; so far: %s", seen.text);
}

static void came_up(void *data)
{
    (void)data;
    note("up ");
    if (seen.free_on_up)
        redis_async_free(steal_pointer(&connection));
    if (seen.stop_on_up)
        loop_stop(loop);
}

static void went_down(void *data, int rc, const char *text)
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

static void server_kill(void)
{
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

/* Waits until it answers. */
static bool server_answers(void)
{
    const struct redis_endpoint endpoint = {.unix_path = socket_path, .password = PASSWORD};
    struct deadline deadline = deadline_in(GUARD_MS);

    do {
        struct redis_client *client = NULL;
        cleanup_free char *problem = NULL;

        if (redis_client_open(&endpoint, deadline, &client, &problem) == 0) {
            redis_client_close(client);
            return true;
        }
    } while (deadline_pause(deadline, 10));
    return false;
}

static bool server_start(void)
{
    server = fork();
    if (server < 0)
        return false;
    if (server == 0) {
        cleanup_free char *log = scratch_path("log");

        scratch_forget();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--save",
               "", "--dir", scratch_dir, "--logfile", log, "--requirepass", PASSWORD, NULL);
        _exit(127);
    }
    return server_answers();
}

static int all_begin(void **state)
{
    if (scratch_make(state))
        return -1;
    socket_path = scratch_path("socket");
    return server_start() ? 0 : -1;
}

static int all_end(void **state)
{
    server_kill();
    free(socket_path);
    return scratch_remove(state);
}

static int test_begin(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof(seen));
    loop = loop_new();
    if (!loop)
        return -1;
    guard = loop_timer_new(loop, LOOP_HIGH, guard_passed, NULL);
    return loop_timer_start(guard, GUARD_MS);
}

static int test_end(void **state)
{
    (void)state;
    if (server > 0)
        kill(server, SIGCONT);
    redis_async_free(steal_pointer(&connection));
    loop_timer_free(guard);
    loop_free(loop);
    return 0;
}

static void open_with(const char *password, int64_t deadline_ms)
{
    const struct redis_endpoint endpoint = {.unix_path = socket_path, .password = password};

    assert_int_equal(
        redis_async_open(loop, LOOP_NORMAL, &endpoint, deadline_ms, &events, NULL, &connection), 0);
}

static void open_and_wait(void)
{
    seen.stop_on_up = true;
    open_with(PASSWORD, LONG_MS);
    loop_run(loop);
    assert_string_equal(seen.text, "up ");
    seen.text[0] = '\0';
}

/* --- commands --- */

/* Notes what the answer was, then does what `data` says: "." goes on, "!" stops, "x" frees too. */
static void answered(void *data, const struct redis_answer *answer)
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

static int ask(const char *what, int64_t deadline_ms, const char *a, const char *b, const char *c)
{
    return redis_async_ask_words(connection, deadline_ms, answered, (void *)what, a, b, c, NULL);
}

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
    server_kill();
    assert_true(server_start());
}

static void what_is_no_redis_is_told(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cleanup_free char *path = scratch_path("web");
    const struct redis_endpoint endpoint = {.unix_path = path};
    cleanup_close int peer = -1;
    static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

    (void)state;
    seen.stop_on_down = true;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
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
    server_kill();
    assert_true(server_start());
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
    server_kill();
    assert_true(server_start());
}

#define ASYNC_TEST(f) cmocka_unit_test_setup_teardown(f, test_begin, test_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASYNC_TEST(answers_come_in_order),
        ASYNC_TEST(what_is_pending_is_bounded),
        ASYNC_TEST(a_hang_is_told_by_deadlines),
        ASYNC_TEST(a_connection_has_a_deadline),
        ASYNC_TEST(a_wrong_password_is_refused_and_not_told),
        ASYNC_TEST(no_connection_left_is_told),
        ASYNC_TEST(nobody_there_is_told_from_the_loop),
        ASYNC_TEST(an_end_is_told_after_what_was_asked),
        ASYNC_TEST(what_is_no_redis_is_told),
        ASYNC_TEST(the_owner_frees_wherever_it_may),
        ASYNC_TEST(the_owner_frees_while_the_server_ends),
        ASYNC_TEST(published_messages_come),
        ASYNC_TEST(a_subscription_ends_with_the_server),
    };

    signal(SIGPIPE, SIG_IGN); /* as ocf_main does: hiredis writes to sockets that are gone */
    return cmocka_run_group_tests_name("redis_async", tests, all_begin, all_end);
}
