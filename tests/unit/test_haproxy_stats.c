// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A real HAProxy asked on its stats socket, and answers of other releases and no answers at all.
 */
#include "haproxy_stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "server_run.h"

/* --- answers --- */

static void info_is_read_line_by_line(void **state)
{
    struct haproxy_info info;

    (void)state;
    assert_int_equal(haproxy_info_parse("Name: HAProxy\nVersion: 3.0.11-1+deb13u1\r\nPid: 4711\n"
                                        "Uptime_sec: 12\nCurrConns: 3\nStopping: 1\nNode: a: b\n",
                                        &info),
                     0);
    assert_string_equal(info.version, "3.0.11-1+deb13u1");
    assert_int_equal(info.pid, 4711);
    assert_true(info.uptime_s == 12);
    assert_true(info.current_connections == 3);
    assert_true(info.stopping);
}

static void info_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "Unknown command.\n",
                                      "Version: 2.6\n",
                                      "Pid: 12\n",
                                      "Version: 2.6\nPid: x\n",
                                      "Version: 2.6\nPid: 99999999999\n",
                                      "Pid:12\nVersion:2\n"};
    struct haproxy_info info;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(haproxy_info_parse(bad[i], &info), -EINVAL);
}

/* Columns in an order of their own: they are found by name. */
#define HEADER "# type,new,svname,status,last_chk,check_status,pxname,\n"

static void health_is_summed(void **state)
{
    static const char csv[] = HEADER "0,,FRONTEND,OPEN,,,front,\n"
                                     "0,,FRONTEND,STOP,,,old,\n"
                                     "2,,a,UP,\"L7OK, \"\"fine\"\"\",L7OK,redis,\n"
                                     "2,,b,UP 1/3,,L7RSP,redis,\n"
                                     "2,,c,no check,,,redis,\n"
                                     "2,,d,DOWN,,L4CON,redis,\n"
                                     "2,,e,DOWN 1/2,,L7OK,redis,\n"
                                     "2,,f,MAINT,,INI,redis,\n"
                                     "2,,g,MAINT (via redis/f),,,redis,\n"
                                     "2,,h,DRAIN,,L7OK,redis,\n"
                                     "2,,i,NOLB,,L7OK,redis,\n"
                                     "2,,UP,UPSIDE,,UNK,redis,\n"
                                     "2,,j,UP,,INI,redis,\n"
                                     "2,,k,UP,,* INI,redis,\n"
                                     "2,,l,UP,,* L7OK,redis,\n"
                                     "1,,BACKEND,UP,,,redis,\n"
                                     "2,,a,UP,,UNK,other,\n"
                                     "1,,BACKEND,UP,,,other,\n"
                                     "2,,\"a\"\"b\",UP,,,\"q\"\",\"\"\",\n"
                                     "3,,sock,OPEN,,,front,\n\n";
    struct haproxy_health health;

    (void)state;
    assert_int_equal(haproxy_health_parse(csv, "redis", &health), 0);
    assert_int_equal(health.frontends, 2);
    assert_int_equal(health.frontends_open, 1);
    assert_int_equal(health.servers, 13);
    assert_int_equal(health.servers_usable, 3);
    assert_int_equal(health.servers_unsure, 3);
    assert_true(health.backend_found);
    assert_int_equal(haproxy_health_parse(csv, NULL, &health), 0);
    assert_int_equal(health.servers, 15);
    assert_int_equal(health.servers_usable, 4);
    assert_int_equal(health.servers_unsure, 4);
    assert_int_equal(haproxy_health_parse(csv, "q\",\"", &health), 0);
    assert_int_equal(health.servers, 1);
    assert_int_equal(haproxy_health_parse(csv, "absent", &health), 0);
    assert_false(health.backend_found);
    assert_int_equal(health.servers, 0);
    assert_int_equal(health.frontends, 2);
}

static void health_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "Unknown command.\n",
                                      "type,svname,status,check_status,pxname\n",
                                      "# svname,status,check_status,pxname,\n2,a,UP\n",
                                      HEADER "2,,a,UP\n",
                                      HEADER "0,,FRONTEND,OPEN,,,front,\n2,,a",
                                      HEADER "2,,a,\"UP,,,redis,\n"};
    struct haproxy_health health;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (haproxy_health_parse(bad[i], NULL, &health) != -EINVAL || health.frontends != 0)
            fail_msg("taken for statistics: \"%s\"", bad[i]);
}

/* --- a real one --- */

static const char config[] =
    "global\n"
    "    stats socket unix@%1$s/stats.sock mode 600 level admin\n"
    "defaults\n"
    "    mode tcp\n"
    "    timeout connect 1s\n"
    "    timeout client 1s\n"
    "    timeout server 1s\n"
    "frontend front\n"
    "    bind unix@%1$s/front.sock\n"
    "    default_backend redis\n"
    "backend redis\n"
    "    server up unix@%1$s/front.sock check inter 20ms rise 1 fall 1\n"
    "    server down unix@%1$s/absent.sock check inter 20ms rise 1 fall 1\n"
    "    server unchecked unix@%1$s/absent.sock\n"
    "    server off unix@%1$s/absent.sock disabled\n"
    "backend other\n"
    "    server one unix@%1$s/absent.sock\n";

static pid_t haproxy_spawn(void)
{
    cleanup_free char *text = xasprintf(config, scratch_dir);
    cleanup_free char *path = scratch_path("haproxy.cfg"), *socket = scratch_path("stats.sock");
    const char *const argv[] = {"haproxy", "-db", "-f", path, NULL};
    pid_t pid;

    assert_int_equal(file_write_atomic(path, text, 0600), 0);
    pid = server_spawn(argv);
    wait_for(({
        cleanup_free char *answer = NULL;

        haproxy_ask(socket, "show info", patience(), &answer) == 0;
    }));
    return pid;
}

static struct haproxy_health health_of(const char *backend)
{
    cleanup_free char *socket = scratch_path("stats.sock"), *answer = NULL;
    struct haproxy_health health;

    assert_int_equal(haproxy_ask(socket, "show stat", patience(), &answer), 0);
    assert_int_equal(haproxy_health_parse(answer, backend, &health), 0);
    return health;
}

static void order(const char *command)
{
    cleanup_free char *socket = scratch_path("stats.sock"), *answer = NULL;

    assert_int_equal(haproxy_ask(socket, command, patience(), &answer), 0);
    assert_string_equal(answer, "\n"); /* no complaint */
}

static void haproxy_tells_of_itself(void **state)
{
    cleanup_free char *socket = scratch_path("stats.sock"), *answer = NULL;
    struct haproxy_info info;
    pid_t pid = haproxy_spawn();

    (void)state;
    assert_int_equal(haproxy_ask(socket, "show info", patience(), &answer), 0);
    assert_int_equal(haproxy_info_parse(answer, &info), 0);
    assert_int_equal(info.pid, pid);
    assert_string_not_equal(info.version, "");
    assert_false(info.stopping);
    server_kill(pid);
}

static void servers_that_take_connections_are_counted(void **state)
{
    struct haproxy_health health;
    pid_t pid = haproxy_spawn();

    (void)state;
    wait_for(health_of("redis").servers_usable == 2); /* up and unchecked: down was checked */
    health = health_of("redis");
    assert_int_equal(health.servers, 4);
    assert_int_equal(health.frontends, 1);
    assert_int_equal(health.frontends_open, 1);
    assert_true(health.backend_found);
    assert_false(health_of("absent").backend_found);
    assert_int_equal(health_of("").servers, 5);
    assert_int_equal(health_of(NULL).servers_usable, 3);
    order("set server redis/up state drain");
    order("set server redis/unchecked state maint");
    assert_int_equal(health_of("redis").servers_usable, 0);
    order("disable frontend front");
    assert_int_equal(health_of("redis").frontends_open, 0);
    server_kill(pid);
}

static void nobody_there_is_told_from_no_answer(void **state)
{
    cleanup_free char *socket = scratch_path("stats.sock"), *answer = NULL;
    char far[200];
    pid_t pid;

    (void)state;
    memset(far, 'x', sizeof(far) - 1);
    far[sizeof(far) - 1] = '\0';
    assert_int_equal(haproxy_ask(socket, "show info", patience(), &answer), -ENOENT);
    assert_int_equal(haproxy_ask(far, "show info", patience(), &answer), -ENAMETOOLONG);
    pid = haproxy_spawn();
    assert_int_equal(haproxy_ask(socket, "", patience(), &answer), -EINVAL);
    assert_int_equal(haproxy_ask(socket, "show info\nshow stat", patience(), &answer), -EINVAL);
    server_freeze(pid);
    assert_int_equal(haproxy_ask(socket, "show info", deadline_in(50), &answer), -ETIMEDOUT);
    assert_int_equal(haproxy_ask(socket, "show info", deadline_in(-1), &answer), -ETIMEDOUT);
    assert_null(answer);
    server_kill(pid);
    assert_int_equal(haproxy_ask(socket, "show info", patience(), &answer), -ECONNREFUSED);
}

static void deadline_holds_though_bytes_come(void **state)
{
    cleanup_free char *socket = scratch_path("stats.sock");
    pid_t flood = unix_flood(socket, "Name: "), client = fork();
    int status;

    (void)state;
    if (client == 0) {
        char *answer;

        scratch_forget();
        _exit(haproxy_ask(socket, "show info", deadline_in(FLOOD_DEADLINE_MS), &answer) ==
                      -ETIMEDOUT
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(client, &status, 0), client);
    assert_int_equal(status, 0);
    server_kill(flood);
}

static void full_backlog_is_waited_for(void **state)
{
    cleanup_free char *path = scratch_path("stats.sock"), *answer = NULL;
    cleanup_close int listening = unix_listen(path);
    int waiting[64];
    size_t count = 0;

    (void)state;
    assert_int_equal(listen(listening, 0), 0);
    for (; count < ARRAY_SIZE(waiting); count++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        memcpy(address.sun_path, path, strlen(path) + 1);
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(waiting[count], (struct sockaddr *)&address, sizeof(address)))
            break;
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(haproxy_ask(path, "show info", deadline_in(30), &answer), -ETIMEDOUT);
    for (size_t i = 0; i <= count; i++)
        close(waiting[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_is_read_line_by_line),
        cmocka_unit_test(info_that_is_none_is_refused),
        cmocka_unit_test(health_is_summed),
        cmocka_unit_test(health_that_is_none_is_refused),
        cmocka_unit_test_setup(haproxy_tells_of_itself, scratch_empty),
        cmocka_unit_test_setup(servers_that_take_connections_are_counted, scratch_empty),
        cmocka_unit_test_setup(nobody_there_is_told_from_no_answer, scratch_empty),
        cmocka_unit_test_setup(deadline_holds_though_bytes_come, scratch_empty),
        cmocka_unit_test_setup(full_backlog_is_waited_for, scratch_empty),
    };

    return cmocka_run_group_tests_name("haproxy_stats", tests, scratch_make, scratch_remove);
}
