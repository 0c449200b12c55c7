// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * redis.conf read as the server reads it; where it is not plain what that is, a real one is asked.
 */
#include "conf_file.h"

static void last_line_counts_in_any_case(void **state)
{
    cleanup_redis_conf struct redis_conf *conf = conf_of("port 1\n"
                                                         "  PORT\t6380  \r\n"
                                                         "# port 5\n"
                                                         "   # port 6\n"
                                                         "\r\n"
                                                         "unixsocket /run/redis.sock\n"
                                                         "appendonly");

    (void)state;
    assert_string_equal(redis_conf_value(conf, "port"), "6380");
    assert_string_equal(redis_conf_value(conf, "Port"), "6380");
    assert_int_equal(redis_conf_count(conf, "port"), 2);
    assert_string_equal(redis_conf_word(conf, "port", 0, 0), "1");
    assert_null(redis_conf_word(conf, "port", 0, 1));
    assert_null(redis_conf_word(conf, "port", 2, 0));
    assert_string_equal(redis_conf_value(conf, "unixsocket"), "/run/redis.sock");
    assert_null(redis_conf_value(conf, "tls-port"));
    assert_int_equal(redis_conf_count(conf, "tls-port"), 0);
    assert_null(redis_conf_value(conf, "appendonly")); /* a key without a value */
    assert_int_equal(redis_conf_count(conf, "appendonly"), 1);
}

static void names_of_old_and_of_valkey_are_one_key(void **state)
{
    static const char *const same[][2] = {
        {"replicaof", "slaveof"},
        {"masterauth", "primaryauth"},
        {"masteruser", "primaryuser"},
        {"replica-priority", "slave-priority"},
        {"min-replicas-to-write", "min-slaves-to-write"},
        {"min-replicas-max-lag", "min-slaves-max-lag"},
        {"repl-ping-replica-period", "repl-ping-slave-period"},
        {"replica-read-only", "slave-read-only"},
        {"replica-announce-ip", "SLAVE-announce-ip"},
        {"replica-announce-port", "slave-announce-port"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        for (size_t first = 0; first < 2; first++) {
            const char *one = same[i][first], *other = same[i][!first];
            cleanup_free char *text = xasprintf("%s one two\n%s three four\n", one, other);
            cleanup_redis_conf struct redis_conf *conf = conf_of(text);

            for (size_t asked = 0; asked < 2; asked++) {
                assert_int_equal(redis_conf_count(conf, same[i][asked]), 2);
                assert_string_equal(redis_conf_value(conf, same[i][asked]), "three");
                assert_string_equal(redis_conf_word(conf, same[i][asked], 0, 1), "two");
                assert_string_equal(redis_conf_word(conf, same[i][asked], 1, 1), "four");
            }
        }
}

static void settings_of_many_words_are_given_word_by_word(void **state)
{
    cleanup_redis_conf struct redis_conf *conf =
        conf_of("port 0\nreplicaof no one\nrename-command CONFIG \"\"\n"
                "rename-command SHUTDOWN stop-9\nsave 900 1 300 10\n"
                "sentinel monitor mymaster 10.0.0.1 6379 2\n"
                "sentinel auth-pass mymaster \"a b\"\n");

    (void)state;
    assert_string_equal(redis_conf_value(conf, "port"), "0");
    assert_string_equal(redis_conf_word(conf, "replicaof", 0, 0), "no");
    assert_string_equal(redis_conf_word(conf, "replicaof", 0, 1), "one");
    assert_int_equal(redis_conf_count(conf, "rename-command"), 2);
    assert_string_equal(redis_conf_word(conf, "rename-command", 0, 1), "");
    assert_string_equal(redis_conf_word(conf, "rename-command", 1, 1), "stop-9");
    assert_string_equal(redis_conf_word(conf, "save", 0, 3), "10");
    assert_string_equal(redis_conf_word(conf, "sentinel", 0, 2), "10.0.0.1");
    assert_string_equal(redis_conf_word(conf, "sentinel", 1, 2), "a b");
}

/* What the server that reads the file has. Caller frees. */
static char *server_value(const struct redis_endpoint *endpoint, const char *key)
{
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL, *text = NULL;
    char *line;

    assert_int_equal(redis_client_open(endpoint, patience(), &client, &problem), 0);
    assert_int_equal(redis_ask_words(client, patience(), &text, "CONFIG", "GET", key, NULL), 0);
    line = strchr(text, '\n');
    assert_non_null(line);
    return xstrdup(line + 1);
}

/* Both of a server and of us that read the same text. */
static void server_agrees(const char *key, const char *line)
{
    cleanup_free char *path = conf_file("redis.conf", line), *socket = scratch_path("redis.sock");
    cleanup_redis_conf struct redis_conf *conf = conf_of(line);
    const char *const argv[] = {"redis-server", path, "--port", "0", "--unixsocket", socket, NULL};
    struct redis_endpoint endpoint = {.unix_path = socket};
    cleanup_free char *theirs = NULL;
    pid_t pid = server_spawn(argv);

    wait_for(redis_answers(&endpoint));
    theirs = server_value(&endpoint, key);
    assert_string_equal(redis_conf_value(conf, key), theirs);
    server_kill(pid);
}

/* The server's own list of two names for one thing. */
static void server_takes_the_names_of_old_for_one_key(void **state)
{
    (void)state;
    server_agrees("replica-priority", "replica-priority 8\nslave-priority 7\n");
    server_agrees("replica-announce-ip", "replica-announce-ip 10.0.0.1\nslave-announce-ip n2\n");
    server_agrees("replica-announce-port", "slave-announce-port 1\nreplica-announce-port 2\n");
    server_agrees("repl-ping-replica-period", "repl-ping-slave-period 3\n");
    server_agrees("min-replicas-to-write", "min-slaves-to-write 2\n");
}

static void quotes_and_escapes_are_the_servers(void **state)
{
    (void)state;
    server_agrees("masterauth", "masterauth \"a b\\\"c\\x41\\t\\n'\"\n");
    server_agrees("masterauth", "masterauth 'a b\\'c\\x41\"'   \n");
    server_agrees("masterauth", "masterauth a#b\n");
    server_agrees("masterauth", "MasterAuth \"first\"\r\nslave-priority 7\nmasterauth \"\"\n");
    server_agrees("replica-priority", "slave-priority 7\nreplica-priority 8\n");
}

static void unbalanced_quotes_are_named_by_line_and_not_told(void **state)
{
    cleanup_free char *path = conf_file("redis.conf", "port 1\n\n# x\nrequirepass \"secret\n");

    (void)state;
    refused(path, -EINVAL, "@:4: unbalanced quotes");
    assert_int_equal(file_write_atomic(path, "requirepass \"secret\"x\n", 0600), 0);
    refused(path, -EINVAL, "@:1: unbalanced quotes");
}

static void file_that_cannot_be_read_is_named(void **state)
{
    cleanup_free char *absent = scratch_path("absent");
    cleanup_free char *fifo = scratch_path("fifo");
    cleanup_free char *locked = conf_file("locked", "port 1\n");
    pid_t pid;
    int status;

    (void)state;
    refused(absent, -ENOENT, "@: No such file or directory");
    refused(scratch_dir, -EISDIR, "@: is a folder; expected a file");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    refused(fifo, -EINVAL, "@: is not a regular file");
    assert_int_equal(chmod(scratch_dir, 0755), 0);
    assert_int_equal(chmod(locked, 0), 0);
    pid = fork();
    if (pid == 0) {
        cleanup_free char *problem = NULL;
        struct redis_conf *conf;

        scratch_forget();
        if (geteuid() == 0 && setresuid(65534, 65534, 65534))
            _exit(1);
        _exit(redis_conf_read(locked, &conf, &problem) == -EACCES && strstr(problem, locked) ? 0
                                                                                             : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void includes_are_read_on_the_spot(void **state)
{
    cleanup_free char *inner = conf_file("inner.conf", "port 2\nmaxclients 5\n");
    cleanup_free char *text = xasprintf("port 1\ninclude %s\nmaxclients 6\n", inner);
    cleanup_redis_conf struct redis_conf *conf = conf_of(text);

    (void)state;
    assert_string_equal(redis_conf_value(conf, "port"), "2");
    assert_string_equal(redis_conf_value(conf, "maxclients"), "6");
    assert_int_equal(redis_conf_count(conf, "include"), 0);
}

static void include_takes_a_pattern(void **state)
{
    cleanup_free char *folder = scratch_path("conf[1].d");
    cleanup_free char *text = xasprintf("dir %s\ninclude *.conf\ninclude none*.conf\n", folder);
    cleanup_redis_conf struct redis_conf *conf = NULL;

    (void)state;
    assert_int_equal(dir_make(folder, 0700), 0);
    conf_write("conf[1].d/a.conf", "port 1\nmaxclients 7");
    conf_write("conf[1].d/b.conf", "port 2\n");
    conf_write("conf[1].d/c.other", "port 3\n");
    conf = conf_of(text);
    assert_string_equal(redis_conf_value(conf, "port"), "2");
    assert_string_equal(redis_conf_value(conf, "maxclients"), "7");
}

static void relative_names_follow_dir(void **state)
{
    cleanup_free char *folder = scratch_path("data");
    cleanup_free char *text = xasprintf("dir %s\ndir data\ninclude more.conf\n", scratch_dir);
    cleanup_redis_conf struct redis_conf *conf = NULL;

    (void)state;
    assert_int_equal(dir_make(folder, 0700), 0);
    conf_write("data/more.conf", "aclfile users.acl\n");
    conf_write("data/users.acl", "user ada on >pw ~* +@all\n");
    conf = conf_of(text);
    assert_string_equal(redis_conf_acl_password(conf, "ada"), "pw");
}

static void include_that_fails_is_named_by_its_line(void **state)
{
    cleanup_free char *text = xasprintf("\ninclude %s/absent.conf\n", scratch_dir);
    cleanup_free char *path = conf_file("redis.conf", text);
    cleanup_free char *expected =
        xasprintf("@:2: %s/absent.conf: No such file or directory", scratch_dir);

    (void)state;
    refused(path, -ENOENT, expected);
}

static void circle_of_includes_ends(void **state)
{
    cleanup_free char *text = xasprintf("include %s/b.conf\n", scratch_dir);
    cleanup_free char *back = xasprintf("port 1\ninclude %s/redis.conf\n", scratch_dir);
    cleanup_free char *path = conf_file("redis.conf", text);
    cleanup_free char *problem = NULL;
    struct redis_conf *conf;

    (void)state;
    conf_write("b.conf", back);
    assert_int_equal(redis_conf_read(path, &conf, &problem), -ELOOP);
    assert_non_null(strstr(problem, "b.conf:2: includes a file that is being read"));
}

static void depth_of_includes_is_bounded(void **state)
{
    cleanup_free char *path = NULL, *problem = NULL;
    struct redis_conf *conf;

    (void)state;
    for (int i = 0; i <= 17; i++) {
        cleanup_free char *name = xasprintf("%d.conf", i);
        cleanup_free char *text = xasprintf("include %s/%d.conf\n", scratch_dir, i + 1);

        conf_write(name, i < 17 ? text : "port 1\n");
    }
    path = scratch_path("0.conf");
    assert_int_equal(redis_conf_read(path, &conf, &problem), -ELOOP);
    free(steal_pointer(&path));
    free(steal_pointer(&problem));
    path = scratch_path("1.conf");
    assert_int_equal(redis_conf_read(path, &conf, &problem), 0);
    assert_string_equal(redis_conf_value(conf, "port"), "1");
    redis_conf_free(conf);
}

static void distributions_file_is_read(void **state)
{
    cleanup_redis_conf struct redis_conf *conf = NULL;
    cleanup_free char *problem = NULL;

    (void)state;
    if (access("/etc/redis/redis.conf", R_OK))
        skip();
    assert_int_equal(redis_conf_read("/etc/redis/redis.conf", &conf, &problem), 0);
    assert_string_equal(redis_conf_value(conf, "port"), "6379");
    assert_non_null(redis_conf_value(conf, "dir"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(last_line_counts_in_any_case, scratch_empty),
        cmocka_unit_test_setup(names_of_old_and_of_valkey_are_one_key, scratch_empty),
        cmocka_unit_test_setup(server_takes_the_names_of_old_for_one_key, scratch_empty),
        cmocka_unit_test_setup(settings_of_many_words_are_given_word_by_word, scratch_empty),
        cmocka_unit_test_setup(quotes_and_escapes_are_the_servers, scratch_empty),
        cmocka_unit_test_setup(unbalanced_quotes_are_named_by_line_and_not_told, scratch_empty),
        cmocka_unit_test_setup(file_that_cannot_be_read_is_named, scratch_empty),
        cmocka_unit_test_setup(includes_are_read_on_the_spot, scratch_empty),
        cmocka_unit_test_setup(include_takes_a_pattern, scratch_empty),
        cmocka_unit_test_setup(relative_names_follow_dir, scratch_empty),
        cmocka_unit_test_setup(include_that_fails_is_named_by_its_line, scratch_empty),
        cmocka_unit_test_setup(circle_of_includes_ends, scratch_empty),
        cmocka_unit_test_setup(depth_of_includes_is_bounded, scratch_empty),
        cmocka_unit_test(distributions_file_is_read),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("redis_conf", tests, scratch_make, scratch_remove);
}
