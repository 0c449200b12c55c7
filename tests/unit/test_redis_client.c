// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client against real servers: what they answer, and the classes of their errors.
 */
#include "client_call.h"

/* --- answers --- */

static void replies_are_text(void **state)
{
    pid_t pid = redis_spawn(redis_sock, NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();

    (void)state;
    says(client, "PONG", "PING", NULL, NULL);
    says(client, "OK", "SET", "a b", "x\r\ny");
    says(client, "x\r\ny", "GET", "a b", NULL);
    says(client, NULL, "GET", "absent", NULL);
    says(client, "1", "RPUSH", "list", "one");
    says(client, "2", "RPUSH", "list", "");
    says(client, "maxclients\n10000", "CONFIG", "GET", "maxclients");
    says(client, "", "CONFIG", "GET", "nothing-like-it");
    assert_int_equal(redis_ask_words(client, patience(), NULL, "PING", NULL), 0);
    server_kill(pid);
}

static void lists_are_flat(void **state)
{
    static const char *const script[] = {"EVAL", "return {1, {'two', {3}}, {}, false, 'four'}",
                                         "0"};
    static const char *const config[] = {"CONFIG", "GET", "m*"};
    static const char *const none[] = {"GET", "absent"};
    pid_t pid = redis_spawn(redis_sock, "--maxclients", "4711", NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();
    struct redis_list list;

    (void)state;
    assert_int_equal(redis_ask_list(client, patience(), &list, 3, script), 0);
    assert_int_equal(list.count, 5);
    assert_string_equal(list.items[0], "1");
    assert_string_equal(list.items[1], "two");
    assert_string_equal(list.items[2], "3");
    assert_null(list.items[3]);
    assert_string_equal(list.items[4], "four");
    redis_list_free(&list);
    assert_int_equal(redis_ask_list(client, patience(), &list, 3, config), 0);
    assert_string_equal(redis_list_field(&list, "maxclients"), "4711");
    assert_null(redis_list_field(&list, "4711")); /* a value is no field */
    assert_null(redis_list_field(&list, "absent"));
    redis_list_free(&list);
    assert_int_equal(list.count, 0);
    assert_int_equal(redis_ask_list(client, patience(), &list, 2, none), 0);
    assert_int_equal(list.count, 0);
    redis_list_free(&list);
    server_kill(pid);
}

static void large_words_go_and_come_whole(void **state)
{
    enum {
        SIZE = 16 * 1024 * 1024
    };
    pid_t pid = redis_spawn(redis_sock, NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();
    cleanup_free char *value = xcalloc(1, SIZE + 1), *text = NULL;

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        value[i] = (char)('a' + i % 23);
    says(client, "OK", "SET", "key", value);
    assert_int_equal(redis_ask_words(client, patience(), &text, "GET", "key", NULL), 0);
    assert_int_equal(strlen(text), SIZE);
    assert_int_equal(memcmp(text, value, SIZE), 0);
    server_kill(pid);
}

static void too_many_words_are_refused(void **state)
{
    pid_t pid = redis_spawn(redis_sock, NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();

    (void)state;
#define TEN "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"
    assert_int_equal(redis_ask_words(client, patience(), NULL, "DEL", TEN, TEN, TEN, TEN, TEN, TEN,
                                     "61", "62", "63", NULL),
                     0);
    assert_int_equal(redis_ask_words(client, patience(), NULL, "DEL", TEN, TEN, TEN, TEN, TEN, TEN,
                                     "61", "62", "63", "64", NULL),
                     -E2BIG);
    assert_int_equal(redis_ask_words(client, patience(), NULL, NULL), -EINVAL);
    says(client, "PONG", "PING", NULL, NULL);
    server_kill(pid);
}

static void sentinel_is_asked_alike(void **state)
{
    static const char *const master[] = {"SENTINEL", "MASTER", "mymaster"};
    cleanup_free char *config = scratch_path("sentinel.conf");
    cleanup_free char *text = xasprintf("port 0\nunixsocket %s\ndir %s\n"
                                        "sentinel monitor mymaster 127.0.0.1 1 2\n",
                                        redis_sock, scratch_dir);
    const char *const argv[] = {"redis-sentinel", config, NULL};
    struct redis_endpoint endpoint = {.unix_path = redis_sock};
    struct redis_client *client;
    struct redis_list list;
    pid_t pid;

    (void)state;
    assert_int_equal(file_write_atomic(config, text, 0600), 0);
    pid = server_spawn(argv);
    wait_for(redis_answers(&endpoint));
    client = opened(&endpoint);
    assert_int_equal(redis_ask_list(client, patience(), &list, 3, master), 0);
    assert_string_equal(redis_list_field(&list, "name"), "mymaster");
    assert_string_equal(redis_list_field(&list, "quorum"), "2");
    redis_list_free(&list);
    says(client, "127.0.0.1\n1", "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster");
    redis_client_close(client);
    server_kill(pid);
}

/* --- error replies --- */

static void errors_have_classes(void **state)
{
    pid_t pid = redis_spawn(redis_sock, NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();

    (void)state;
    fails(client, REDIS_ERROR_OTHER, "ERR unknown command", "NOSUCH", NULL);
    says(client, "PONG", "PING", NULL, NULL); /* the connection lives on, the error is gone */
    says(client, "OK", "SET", "key", "value");
    fails(client, REDIS_ERROR_OTHER, "WRONGTYPE ", "LLEN", "key");
    server_kill(pid);
}

static void words_that_were_sent_are_not_repeated(void **state)
{
    pid_t pid = redis_spawn(redis_sock, "--rename-command", "AUTH", "", "--rename-command",
                            "CONFIG", "", NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();
    struct redis_endpoint endpoint = {.unix_path = redis_sock, .password = SECRET};
    cleanup_free char *problem = NULL;

    (void)state;
    problem = refused(&endpoint, patience(), -EACCES);
    assert_int_equal(
        redis_ask_words(client, patience(), NULL, "CONFIG", "SET", "masterauth", SECRET, NULL),
        -EREMOTEIO);
    assert_null(strstr(redis_client_error_text(client), SECRET));
    assert_non_null(strstr(redis_client_error_text(client), "unknown command"));
    server_kill(pid);
}

static void busy_server_is_alive(void **state)
{
    pid_t pid = redis_spawn(redis_sock, "--lua-time-limit", "1", NULL), script;
    struct redis_client *client;

    (void)state;
    script = fork();
    if (script == 0) {
        struct redis_client *other = opened_plain();

        scratch_forget();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        redis_ask_words(other, patience(), NULL, "EVAL", "while true do end", "0", NULL);
        redis_client_close(other);
        _exit(0);
    }
    client = opened_plain();
    wait_for(redis_ask_words(client, patience(), NULL, "PING", NULL) == -EREMOTEIO);
    fails(client, REDIS_ERROR_BUSY, "BUSY ", "GET", "key");
    redis_client_close(client);
    client = opened_plain(); /* is opened all the same */
    says(client, "OK", "SCRIPT", "KILL", NULL);
    redis_client_close(client);
    assert_int_equal(waitpid(script, NULL, 0), script);
    server_kill(pid);
}

static void loading_server_is_alive(void **state)
{
    pid_t pid = redis_spawn(redis_sock, "--enable-debug-command", "yes", NULL);
    struct redis_endpoint endpoint = {
        .unix_path = redis_sock, .username = "default", .password = SECRET};
    struct redis_client *client = opened_plain();

    (void)state;
    says(client, "OK", "DEBUG", "POPULATE", "5000");
    says(client, "OK", "SAVE", NULL, NULL);
    redis_client_close(client);
    server_kill(pid);
    /* 10 ms a key: it is not done before it is asked. */
    pid = redis_spawn(redis_sock, "--key-load-delay", "10000",
                      "--loading-process-events-interval-bytes", "1024", "--requirepass", SECRET,
                      NULL);
    client = opened(&endpoint);
    fails(client, REDIS_ERROR_LOADING, "LOADING ", "GET", "key:0");
    redis_client_close(client);
    server_kill(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(replies_are_text, socket_name),
        cmocka_unit_test_setup(lists_are_flat, socket_name),
        cmocka_unit_test_setup(large_words_go_and_come_whole, socket_name),
        cmocka_unit_test_setup(too_many_words_are_refused, socket_name),
        cmocka_unit_test_setup(sentinel_is_asked_alike, socket_name),
        cmocka_unit_test_setup(errors_have_classes, socket_name),
        cmocka_unit_test_setup(words_that_were_sent_are_not_repeated, socket_name),
        cmocka_unit_test_setup(busy_server_is_alive, socket_name),
        cmocka_unit_test_setup(loading_server_is_alive, socket_name),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("redis_client", tests, scratch_make, socket_forget);
}
