// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client and servers that do not let it in or do not answer: passwords, nobody there,
 * deadlines, what is no Redis, TLS.
 */
#include "client_call.h"

#include "config.h"

/* --- passwords --- */

static void password_is_checked(void **state)
{
    struct redis_endpoint none = {.unix_path = redis_sock};
    struct redis_endpoint wrong = {.unix_path = redis_sock, .password = SECRET};
    struct redis_endpoint right = {.unix_path = redis_sock, .password = "right"};
    struct redis_endpoint named = {.unix_path = redis_sock, .username = "ada", .password = "hers"};
    struct redis_endpoint stranger = {
        .unix_path = redis_sock, .username = "eve", .password = SECRET};
    cleanup_free char *wanted = NULL, *refusal = NULL, *unknown = NULL;
    struct redis_client *client;
    pid_t pid = redis_spawn(redis_sock, "--requirepass", "right", "--user", "ada", "on", ">hers",
                            "~*", "+get", NULL);

    (void)state;
    wanted = refused(&none, patience(), -EACCES);
    assert_non_null(strstr(wanted, redis_sock));
    assert_non_null(strstr(wanted, "NOAUTH"));
    refusal = refused(&wrong, patience(), -EACCES);
    assert_non_null(strstr(refusal, "WRONGPASS"));
    unknown = refused(&stranger, patience(), -EACCES);
    client = opened(&right);
    says(client, "PONG", "PING", NULL, NULL);
    redis_client_close(client);
    client = opened(&named);
    says(client, NULL, "GET", "key", NULL);
    fails(client, REDIS_ERROR_NOAUTH, "NOPERM ", "INFO", NULL);
    redis_client_close(client);
    server_kill(pid);
}

static void password_that_is_not_needed_does_no_harm(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock, .password = SECRET};
    struct redis_client *client;
    pid_t pid = redis_spawn(redis_sock, NULL);

    (void)state;
    client = opened(&endpoint);
    says(client, "PONG", "PING", NULL, NULL);
    redis_client_close(client);
    server_kill(pid);
}

static void user_who_may_not_ping_is_let_in(void **state)
{
    struct redis_client *client;
    pid_t pid =
        redis_spawn(redis_sock, "--user", "default", "on", "nopass", "~*", "+get", "-ping", NULL);

    (void)state;
    client = opened_plain();
    says(client, NULL, "GET", "key", NULL);
    redis_client_close(client);
    server_kill(pid);
}

/* --- nobody, and no answer --- */

static void tcp_is_like_the_socket(void **state)
{
    int port = port_free();
    cleanup_free char *text = xasprintf("%d", port), *where = xasprintf("127.0.0.1:%d", port);
    struct redis_endpoint endpoint = {.host = "127.0.0.1", .port = port};
    struct redis_endpoint named = {.host = "localhost", .port = port};
    cleanup_free char *problem = refused(&endpoint, patience(), -ECONNREFUSED), *late = NULL;
    struct redis_client *client;
    pid_t pid = redis_spawn(redis_sock, "--port", text, NULL);

    (void)state;
    assert_non_null(strstr(problem, where));
    client = opened(&endpoint);
    says(client, "PONG", "PING", NULL, NULL);
    redis_client_close(client);
    client = opened(&named);
    redis_client_close(client);
    server_freeze(pid);
    late = refused(&endpoint, deadline_in(50), -ETIMEDOUT); /* the kernel takes the connection */
    assert_non_null(strstr(late, "no answer in time"));
    server_kill(pid);
}

static void nobody_there_is_told_from_no_answer(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock};
    struct redis_endpoint nowhere = {.port = 6379}, no_port = {.host = "127.0.0.1"};
    struct redis_endpoint unknown = {.host = "no-such-host.invalid", .port = 6379};
    cleanup_free char *dead = NULL;
    pid_t pid;

    (void)state;
    free(refused(&endpoint, patience(), -ENOENT));
    free(refused(&nowhere, patience(), -EINVAL));
    free(refused(&no_port, patience(), -EINVAL));
    free(refused(&unknown, patience(), -EHOSTUNREACH));
    pid = redis_spawn(redis_sock, NULL);
    server_kill(pid);
    dead = refused(&endpoint, patience(), -ECONNREFUSED);
    assert_non_null(strstr(dead, redis_sock));
}

static void frozen_server_holds_nobody_beyond_the_deadline(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock, .password = SECRET};
    pid_t pid = redis_spawn(redis_sock, NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();
    cleanup_free char *problem = NULL, *text = NULL;
    int rc = 0;

    (void)state;
    server_freeze(pid);
    problem = refused(&endpoint, deadline_in(50), -ETIMEDOUT);
    assert_int_equal(redis_ask_words(client, deadline_in(50), &text, "PING", NULL), -ETIMEDOUT);
    assert_null(text);
    /* Its late answer must not be taken for that of another question. */
    kill(pid, SIGCONT);
    assert_int_equal(redis_ask_words(client, patience(), &text, "GET", "key", NULL), -ECONNRESET);
    /* Until its backlog is full, when connecting itself would wait. */
    server_freeze(pid);
    for (int i = 0; i < 1000 && rc == 0; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        memcpy(address.sun_path, redis_sock, strlen(redis_sock) + 1);
        rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
    }
    assert_int_equal(rc, -1);
    assert_int_equal(errno, EAGAIN);
    free(steal_pointer(&problem));
    problem = refused(&endpoint, deadline_in(20), -ETIMEDOUT);
    server_kill(pid);
}

static void deadline_holds_though_bytes_come(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock};
    pid_t flood = unix_flood(redis_sock, "+"), client = fork();
    int status;

    (void)state;
    if (client == 0) {
        cleanup_free char *problem = NULL;
        struct redis_client *none;

        scratch_forget();
        _exit(redis_client_open(&endpoint, deadline_in(FLOOD_DEADLINE_MS), &none, &problem) ==
                      -ETIMEDOUT
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(client, &status, 0), client);
    assert_int_equal(status, 0);
    server_kill(flood);
}

static void what_is_no_redis_is_told(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock};
    pid_t pid = unix_say(redis_sock, "HTTP/1.1 400 Bad Request\r\n\r\n", true);
    cleanup_free char *problem = refused(&endpoint, patience(), -EPROTO);

    (void)state;
    assert_non_null(strstr(problem, "not a Redis"));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void end_of_the_server_is_told(void **state)
{
    pid_t pid = redis_spawn(redis_sock, NULL);
    cleanup_redis_client struct redis_client *client = opened_plain();
    cleanup_free char *text = NULL;

    (void)state;
    server_kill(pid);
    assert_int_equal(redis_ask_words(client, patience(), &text, "PING", NULL), -ECONNRESET);
    assert_int_equal(redis_ask_words(client, patience(), &text, "PING", NULL), -ECONNRESET);
    assert_int_equal(redis_client_error(client), REDIS_ERROR_NONE);
    assert_int_equal(redis_client_error(NULL), REDIS_ERROR_NONE);
    assert_string_equal(redis_client_error_text(NULL), "");
    assert_int_equal(redis_ask_words(NULL, patience(), &text, "PING", NULL), -ENOTCONN);
    assert_null(text);
}

static void server_with_too_many_clients_is_alive(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock};
    pid_t pid = redis_spawn(redis_sock, "--maxclients", "1", NULL);
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;

    (void)state;
    wait_for(({
        cleanup_free char *refusal = NULL;

        redis_client_open(&endpoint, patience(), &client, &refusal) == 0;
    }));
    for (int i = 0; i < 100; i++) { /* whether the refusal comes before or after our question */
        problem = refused(&endpoint, patience(), -EUSERS);
        assert_non_null(strstr(problem, "max number of clients"));
        free(steal_pointer(&problem));
    }
    server_kill(pid);
}

static void refusal_before_the_question_is_read(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock};
    pid_t pid = unix_say(redis_sock, "-DENIED Redis is running in protected mode\r\n", false);
    cleanup_free char *problem = refused(&endpoint, patience(), -EACCES);

    (void)state;
    assert_non_null(strstr(problem, "DENIED"));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#ifdef HAVE_HIREDIS_SSL

/* A certificate that vouches for itself. */
static void certificate(const char *cert, const char *key)
{
    const char *const argv[] = {
        "openssl", "req",   "-x509",    "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-subj", "/CN=test", "-keyout", key,  "-out",     cert,
        NULL};
    int status;

    assert_true(waitpid(server_spawn(argv), &status, 0) > 0);
    assert_int_equal(status, 0);
}

static void tls_is_spoken(void **state)
{
    int port = port_free();
    cleanup_free char *number = xasprintf("%d", port), *problem = NULL, *silent = NULL;
    cleanup_free char *cert = scratch_path("cert"), *key = scratch_path("key");
    struct redis_endpoint endpoint = {
        .host = "127.0.0.1", .port = port, .tls = true, .tls_ca_file = cert, .password = SECRET};
    struct redis_endpoint plain = {.host = "127.0.0.1", .port = port, .password = SECRET};
    struct redis_endpoint no_file = {
        .host = "127.0.0.1", .port = port, .tls = true, .tls_ca_file = redis_sock};
    struct redis_client *client;
    cleanup_free char *text = NULL, *value = xcalloc(1, 4 * 1024 * 1024 + 1);
    pid_t pid;

    (void)state;
    certificate(cert, key);
    pid = redis_spawn(redis_sock, "--tls-port", number, "--tls-cert-file", cert, "--tls-key-file",
                      key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no", "--requirepass",
                      SECRET, NULL);
    client = opened(&endpoint);
    memset(value, 'x', 4 * 1024 * 1024);
    says(client, "OK", "SET", "key", value);
    assert_int_equal(redis_ask_words(client, patience(), &text, "GET", "key", NULL), 0);
    assert_string_equal(text, value);
    redis_client_close(client);
    endpoint.password = "wrong";
    free(refused(&endpoint, patience(), -EACCES));
    problem = refused(&no_file, patience(), -EINVAL);
    assert_non_null(strstr(problem, "TLS"));
    assert_int_not_equal(redis_client_open(&plain, patience(), &client, &silent), 0);
    server_freeze(pid);
    free(refused(&endpoint, deadline_in(50), -ETIMEDOUT));
    server_kill(pid);
}

#else

static void tls_is_refused_where_the_build_has_none(void **state)
{
    struct redis_endpoint endpoint = {.unix_path = redis_sock, .tls = true};
    cleanup_free char *problem = refused(&endpoint, patience(), -ENOTSUP);

    (void)state;
    assert_non_null(strstr(problem, "no TLS"));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(password_is_checked, socket_name),
        cmocka_unit_test_setup(password_that_is_not_needed_does_no_harm, socket_name),
        cmocka_unit_test_setup(user_who_may_not_ping_is_let_in, socket_name),
        cmocka_unit_test_setup(tcp_is_like_the_socket, socket_name),
        cmocka_unit_test_setup(nobody_there_is_told_from_no_answer, socket_name),
        cmocka_unit_test_setup(frozen_server_holds_nobody_beyond_the_deadline, socket_name),
        cmocka_unit_test_setup(deadline_holds_though_bytes_come, socket_name),
        cmocka_unit_test_setup(what_is_no_redis_is_told, socket_name),
        cmocka_unit_test_setup(end_of_the_server_is_told, socket_name),
        cmocka_unit_test_setup(server_with_too_many_clients_is_alive, socket_name),
        cmocka_unit_test_setup(refusal_before_the_question_is_read, socket_name),
#ifdef HAVE_HIREDIS_SSL
        cmocka_unit_test_setup(tls_is_spoken, socket_name),
#else
        cmocka_unit_test_setup(tls_is_refused_where_the_build_has_none, socket_name),
#endif
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("redis_client_open", tests, scratch_make, socket_forget);
}
