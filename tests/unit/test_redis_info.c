// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INFO of real servers in every role, of Valkey as it prints it, and of those who mean no good.
 */
#include "redis_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "server_run.h"

static int parse(const char *text, struct redis_info *info)
{
    return redis_info_parse(text, strlen(text), info);
}

/* --- real servers --- */

static struct redis_info info_of(const char *socket)
{
    struct redis_endpoint endpoint = {.unix_path = socket};
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL, *text = NULL;
    struct redis_info info;

    assert_int_equal(redis_client_open(&endpoint, patience(), &client, &problem), 0);
    assert_int_equal(redis_ask_words(client, patience(), &text, "INFO", NULL), 0);
    assert_int_equal(parse(text, &info), 0);
    return info;
}

static void order(const char *socket, const char *const *argv)
{
    struct redis_endpoint endpoint = {.unix_path = socket};
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;
    size_t argc = 0;

    while (argv[argc])
        argc++;
    assert_int_equal(redis_client_open(&endpoint, patience(), &client, &problem), 0);
    assert_int_equal(redis_ask(client, patience(), NULL, argc, argv), 0);
}

static void primary_tells_who_it_is(void **state)
{
    cleanup_free char *socket = scratch_path("redis.sock");
    const char *const set[] = {"SET", "key", "value", NULL};
    pid_t pid = redis_spawn(socket, "--replica-priority", "7", NULL);
    struct redis_info info;

    (void)state;
    order(socket, set);
    info = info_of(socket);
    assert_int_equal(info.role, REDIS_ROLE_PRIMARY);
    assert_int_equal(info.process_id, pid);
    assert_non_null(strstr(info.executable, "/redis-server"));
    assert_true(info.version[0] >= '5' && strchr(info.version, '.'));
    assert_false(info.is_sentinel);
    assert_false(info.loading);
    assert_false(info.aof_enabled);
    assert_int_equal(info.tcp_port, 0);
    assert_int_equal(strlen(info.run_id), 40);
    assert_int_equal(strlen(info.replid), 40);
    assert_int_equal(strlen(info.replid2), 40);
    assert_true(info.offset >= 0);
    assert_true(info.replica_offset == -1);
    assert_int_equal(info.connected_replicas, 0);
    assert_int_equal(info.replica_count, 0);
    assert_string_equal(info.primary_host, "");
    assert_true(info.keys == 1);
    server_kill(pid);
}

static void replica_and_primary_tell_of_each_other(void **state)
{
    cleanup_free char *first = scratch_path("a.sock"), *second = scratch_path("b.sock");
    cleanup_free char *port = xasprintf("%d", port_free()), *own = xasprintf("%d", port_free());
    const char *const away[] = {"REPLICAOF", "127.0.0.1", "1", NULL};
    const char *const set[] = {"SET", "key", "value", NULL};
    pid_t primary = redis_spawn(first, "--port", port, "--appendonly", "yes", NULL);
    pid_t replica = redis_spawn(second, "--port", own, "--replicaof", "127.0.0.1", port,
                                "--replica-priority", "7", NULL);
    struct redis_info info;

    (void)state;
    wait_for(info_of(second).link_up);
    order(first, set);
    wait_for(info_of(second).replica_offset == info_of(first).offset);
    info = info_of(second);
    assert_int_equal(info.role, REDIS_ROLE_REPLICA);
    assert_string_equal(info.primary_host, "127.0.0.1");
    assert_int_equal(info.primary_port, strtol(port, NULL, 10));
    assert_int_equal(info.tcp_port, strtol(own, NULL, 10));
    assert_int_equal(info.priority, 7);
    assert_false(info.sync_in_progress);
    assert_true(info.last_io_s >= 0);
    assert_true(info.link_down_s == -1);
    assert_string_equal(info.replid, info_of(first).replid);
    wait_for(info_of(first).replica_count == 1 && info_of(first).replicas[0].online);
    info = info_of(first);
    assert_true(info.aof_enabled && !info.aof_rewriting && !info.aof_rewrite_due);
    assert_string_equal(info.aof_rewrite_status, "ok");
    assert_string_equal(info.aof_write_status, "ok");
    assert_int_equal(info.connected_replicas, 1);
    assert_string_equal(info.replicas[0].host, "127.0.0.1");
    assert_int_equal(info.replicas[0].port, strtol(own, NULL, 10));
    assert_true(info.replicas[0].offset >= 0);
    assert_true(info.replicas[0].lag_s >= 0);
    order(second, away);
    wait_for(!info_of(second).link_up);
    assert_true(info_of(second).link_down_s >= 0);
    server_kill(replica);
    server_kill(primary);
}

static void server_that_loads_says_so(void **state)
{
    cleanup_free char *socket = scratch_path("redis.sock");
    const char *const fill[] = {"DEBUG", "POPULATE", "5000", NULL};
    const char *const save[] = {"SAVE", NULL};
    pid_t pid = redis_spawn(socket, "--enable-debug-command", "yes", NULL);

    (void)state;
    order(socket, fill);
    order(socket, save);
    server_kill(pid);
    /* 10 ms a key: it is not done before it is asked. */
    pid = redis_spawn(socket, "--key-load-delay", "10000",
                      "--loading-process-events-interval-bytes", "1024", NULL);
    assert_true(info_of(socket).loading);
    assert_int_equal(info_of(socket).role, REDIS_ROLE_PRIMARY);
    server_kill(pid);
}

static void sentinel_is_known(void **state)
{
    cleanup_free char *config = scratch_path("sentinel.conf"), *socket = scratch_path("s.sock");
    cleanup_free char *text = xasprintf("port 0\nunixsocket %s\ndir %s\n", socket, scratch_dir);
    const char *const argv[] = {"redis-sentinel", config, NULL};
    struct redis_endpoint endpoint = {.unix_path = socket};
    pid_t pid;

    (void)state;
    assert_int_equal(file_write_atomic(config, text, 0600), 0);
    pid = server_spawn(argv);
    wait_for(redis_answers(&endpoint));
    assert_true(info_of(socket).is_sentinel);
    assert_int_equal(info_of(socket).role, REDIS_ROLE_UNKNOWN);
    assert_int_equal(info_of(socket).process_id, pid);
    server_kill(pid);
}

/* --- texts --- */

static void valkey_has_a_version_of_its_own(void **state)
{
    static const char *const orders[] = {
        "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n"
        "valkey_release_stage:ga\r\nserver_mode:sentinel\r\n",
        "valkey_version:8.1.1\r\nredis_version:7.2.4\r\nserver_mode:sentinel\r\n"};
    struct redis_info info;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        assert_int_equal(parse(orders[i], &info), 0);
        assert_string_equal(info.version, "8.1.1");
        assert_true(info.is_valkey);
        assert_true(info.is_sentinel);
    }
    assert_int_equal(parse("redis_version:7.0.15\nredis_mode:standalone\n", &info), 0);
    assert_string_equal(info.version, "7.0.15");
    assert_false(info.is_valkey);
    assert_false(info.is_sentinel);
}

static void what_is_not_told_keeps_its_default(void **state)
{
    struct redis_info info;

    (void)state;
    assert_int_equal(parse("role:master\n", &info), 0);
    assert_true(info.offset == -1 && info.replica_offset == -1 && info.second_offset == -1);
    assert_true(info.link_down_s == -1 && info.last_io_s == -1);
    assert_int_equal(info.priority, -1);
    assert_int_equal(info.process_id, 0);
    assert_string_equal(info.version, "");
    assert_int_equal(parse("role:sleeping\nloading:0\n", &info), 0);
    assert_int_equal(info.role, REDIS_ROLE_UNKNOWN);
}

static void what_is_no_info_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "\r\n\r\n",
                                      "# Server\r\n",
                                      "PONG\r\n",
                                      "HTTP/1.1 400 Bad Request\r\nserver: x\r\n",
                                      ":\n::\nrole\nrole:\n",
                                      "role:master" /* no line end */};
    struct redis_info info;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (parse(bad[i], &info) != -EINVAL)
            fail_msg("taken for INFO: \"%s\"", bad[i]);
}

static void numbers_cut_off_are_not_told(void **state)
{
    static const char text[] = "role:master\r\nmaster_repl_offset:123456\r\n";
    struct redis_info info;

    (void)state;
    for (size_t length = 0; length < sizeof(text); length++) {
        cleanup_free char *copy = xcalloc(1, length + 1); /* its end is the sanitizer's to guard */
        int rc;

        memcpy(copy, text, length);
        rc = redis_info_parse(copy, length, &info);
        assert_int_equal(rc, length < sizeof("role:master\r") ? -EINVAL : 0);
        if (rc == 0)
            assert_true(info.offset == (length < sizeof(text) - 1 ? -1 : 123456));
    }
}

static void values_that_cannot_be_are_left_out(void **state)
{
    static const char text[] = "role:slave\n"
                               "master_repl_offset:99999999999999999999999\n"
                               "slave_repl_offset: 5\n"
                               "second_repl_offset:-1\n"
                               "process_id:4294967297\n"
                               "loading:2\n"
                               "aof_enabled:yes\n"
                               "tcp_port:63x9\n"
                               "slave_priority:\n"
                               "master_replid:"
                               "000000000000000000000000000000000000000000000000000000000000\n"
                               "master_replid2:00000000000000000000000000000000000000000\n"
                               "run_id:0000000000000000000000000000000000000000\n"
                               "db0:keys=9223372036854775807,expires=0\n"
                               "db1:keys=1,expires=0\n"
                               "db2:expires=3,keys=3\n"
                               "dbx:keys=3\n"
                               "db:keys=3\n";
    struct redis_info info;

    (void)state;
    assert_int_equal(parse(text, &info), 0);
    assert_true(info.offset == -1 && info.replica_offset == -1 && info.second_offset == -1);
    assert_int_equal(info.process_id, 0);
    assert_false(info.loading || info.aof_enabled);
    assert_int_equal(info.tcp_port, 0);
    assert_int_equal(info.priority, -1);
    assert_string_equal(info.replid, "");
    assert_string_equal(info.replid2, ""); /* one too long */
    assert_int_equal(strlen(info.run_id), 40);
    assert_true(info.keys == INT64_MAX);
}

static void nul_bytes_end_nothing_early(void **state)
{
    static const char text[] = "run_id:abc\0def\r\nrole:master\r\nmaster_host:h\0\r\n";
    struct redis_info info;

    (void)state;
    assert_int_equal(redis_info_parse(text, sizeof(text) - 1, &info), 0);
    assert_string_equal(info.run_id, "");
    assert_string_equal(info.primary_host, "");
    assert_int_equal(info.role, REDIS_ROLE_PRIMARY);
}

static void replicas_are_listed_as_far_as_there_is_room(void **state)
{
    cleanup_free char *text = xcalloc(1, 1 << 16);
    struct redis_info info;

    (void)state;
    strcpy(text, "connected_slaves:40\r\n");
    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "slave%d:ip=fd00::%d,port=%d,state=%s,offset=%d,lag=1\r\n", i,
                i, 6000 + i, i % 2 ? "online" : "wait_bgsave", i);
    strcat(text, "slave_read_only:1\r\nslaves:ip=9\r\n");
    assert_int_equal(parse(text, &info), 0);
    assert_int_equal(info.connected_replicas, 40);
    assert_int_equal(info.replica_count, REDIS_MAX_REPLICAS);
    assert_string_equal(info.replicas[31].host, "fd00::31");
    assert_int_equal(info.replicas[31].port, 6031);
    assert_true(info.replicas[31].online);
    assert_false(info.replicas[30].online);
    assert_true(info.replicas[31].offset == 31);
    assert_int_equal(parse("slave0:ip=10.0.0.1,,=,port=x,state\n", &info), 0);
    assert_int_equal(info.replica_count, 1);
    assert_string_equal(info.replicas[0].host, "10.0.0.1");
    assert_true(info.replicas[0].offset == -1 && info.replicas[0].lag_s == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(primary_tells_who_it_is, scratch_empty),
        cmocka_unit_test_setup(replica_and_primary_tell_of_each_other, scratch_empty),
        cmocka_unit_test_setup(server_that_loads_says_so, scratch_empty),
        cmocka_unit_test_setup(sentinel_is_known, scratch_empty),
        cmocka_unit_test(valkey_has_a_version_of_its_own),
        cmocka_unit_test(what_is_not_told_keeps_its_default),
        cmocka_unit_test(what_is_no_info_is_refused),
        cmocka_unit_test(numbers_cut_off_are_not_told),
        cmocka_unit_test(values_that_cannot_be_are_left_out),
        cmocka_unit_test(nul_bytes_end_nothing_early),
        cmocka_unit_test(replicas_are_listed_as_far_as_there_is_room),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("redis_info", tests, scratch_make, scratch_remove);
}
