// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is asked of a redis.conf that was read: where the server listens, and the password of a
 * user.
 */
#include "conf_file.h"

static enum redis_bind bind_of(const char *line, const char *address)
{
    cleanup_redis_conf struct redis_conf *conf = conf_of(line);

    return redis_conf_bind(conf, address);
}

static void bind_tells_where_the_server_listens(void **state)
{
    (void)state;
    assert_int_equal(bind_of("port 1\n", "10.0.0.1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind 127.0.0.1 -::1\n", "10.0.0.1"), REDIS_BIND_MISSING);
    assert_int_equal(bind_of("bind 127.0.0.1 -10.0.0.1\n", "10.0.0.1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind 10.0.0.11\n", "10.0.0.1"), REDIS_BIND_MISSING);
    assert_int_equal(bind_of("bind * -::*\n", "10.0.0.1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind 0.0.0.0\n", "10.0.0.1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind ::\n", "10.0.0.1"), REDIS_BIND_MISSING); /* IPv6 only */
    assert_int_equal(bind_of("bind ::\n", "fd00::1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind *\n", "fd00::1"), REDIS_BIND_MISSING);
    assert_int_equal(bind_of("bind fd00:0:0::1\n", "fd00::1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind *\nbind 127.0.0.1\n", "10.0.0.1"), REDIS_BIND_MISSING);
    assert_int_equal(bind_of("bind \"127.0.0.1 10.0.0.1\"\n", "10.0.0.1"), REDIS_BIND_COVERED);
    assert_int_equal(bind_of("bind \"\"\n", "10.0.0.1"), REDIS_BIND_MISSING); /* no TCP at all */
    assert_int_equal(bind_of("bind localhost\n", "127.0.0.1"), REDIS_BIND_COVERED);
}

static void bind_is_told_in_one_line(void **state)
{
    cleanup_redis_conf struct redis_conf *conf = conf_of("bind *\nbind 127.0.0.1 -::1\n");
    cleanup_redis_conf struct redis_conf *none = conf_of("port 1\n");
    cleanup_free char *text = redis_conf_bind_text(conf), *empty = redis_conf_bind_text(none);

    (void)state;
    assert_string_equal(text, "127.0.0.1 -::1");
    assert_string_equal(empty, "");
}

static void users_password_is_the_one_in_force(void **state)
{
    cleanup_redis_conf struct redis_conf *conf =
        conf_of("user a on >one >two ~* +@all\n"
                "user b on >one <one >two\n"
                "user c on >one resetpass\n"
                "user d on #5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8\n"
                "user e on >one NOPASS\n"
                "user f on nopass >one\n"
                "user g on \">a b\"\n"
                "user default off\n"
                "requirepass x\n");

    (void)state;
    assert_string_equal(redis_conf_acl_password(conf, "a"), "one");
    assert_string_equal(redis_conf_acl_password(conf, "b"), "two");
    assert_null(redis_conf_acl_password(conf, "c"));
    assert_null(redis_conf_acl_password(conf, "d"));
    assert_null(redis_conf_acl_password(conf, "e"));
    assert_string_equal(redis_conf_acl_password(conf, "f"), "one");
    assert_string_equal(redis_conf_acl_password(conf, "g"), "a b");
    assert_null(redis_conf_acl_password(conf, "default"));
    assert_null(redis_conf_acl_password(conf, "A"));
    assert_null(redis_conf_acl_password(conf, "nobody"));
}

static void acl_file_knows_no_quotes(void **state)
{
    cleanup_free char *users = conf_file("users.acl", "user  a on >p\r\n\nuser b on >\"x ~*\n");
    cleanup_free char *text = xasprintf("aclfile %s\n", users);
    cleanup_redis_conf struct redis_conf *conf = conf_of(text);

    (void)state;
    assert_string_equal(redis_conf_acl_password(conf, "b"), "\"x");
    assert_null(redis_conf_acl_password(conf, "a")); /* two blanks: its name is empty */
}

static void acl_file_is_refused_like_the_server_does(void **state)
{
    cleanup_free char *users = scratch_path("users.acl");
    cleanup_free char *text = xasprintf("port 1\naclfile %s\n", users);
    cleanup_free char *path = conf_file("redis.conf", text);
    cleanup_free char *absent = xasprintf("@: %s: No such file or directory", users);
    cleanup_free char *problem = NULL;
    struct redis_conf *conf;

    (void)state;
    refused(path, -ENOENT, absent);
    assert_int_equal(file_write_atomic(users, "user a on\nusr b >secret\n", 0600), 0);
    assert_int_equal(redis_conf_read(path, &conf, &problem), -EINVAL);
    assert_non_null(strstr(problem, "users.acl:2: expected \"user NAME ...\""));
    assert_null(strstr(problem, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bind_tells_where_the_server_listens, scratch_empty),
        cmocka_unit_test_setup(bind_is_told_in_one_line, scratch_empty),
        cmocka_unit_test_setup(users_password_is_the_one_in_force, scratch_empty),
        cmocka_unit_test_setup(acl_file_knows_no_quotes, scratch_empty),
        cmocka_unit_test_setup(acl_file_is_refused_like_the_server_does, scratch_empty),
    };

    return cmocka_run_group_tests_name("redis_conf_ask", tests, scratch_make, scratch_remove);
}
