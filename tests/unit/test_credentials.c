// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * auth_file: what is read of it, and which files are refused. Root's rights are wanted for the
 * owner to be right; without them those tests are skipped.
 */
#include "credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "scratch.h"

static char *file_of(const char *text, mode_t mode)
{
    char *path = scratch_path("auth");

    assert_int_equal(file_write_atomic(path, text, mode), 0);
    return path;
}

static int read_text(const char *text, struct credentials *credentials, char **problem)
{
    cleanup_free char *path = file_of(text, 0600);

    return credentials_read(path, credentials, problem);
}

static int needs_root(void)
{
    if (geteuid() != 0)
        skip();
    return 0;
}

static void assert_empty(const struct credentials *credentials)
{
    assert_null(credentials->username);
    assert_null(credentials->password);
    assert_null(credentials->replication_username);
    assert_null(credentials->replication_password);
    assert_null(credentials->sentinel_username);
    assert_null(credentials->sentinel_password);
}

static void every_key_is_read(void **state)
{
    struct credentials credentials;
    cleanup_free char *problem = NULL;

    (void)state;
    needs_root();
    assert_int_equal(read_text("username a\npassword b\nreplication_username c\n"
                               "replication_password d\nsentinel_username e\nsentinel_password f",
                               &credentials, &problem),
                     0);
    assert_null(problem);
    assert_string_equal(credentials.username, "a");
    assert_string_equal(credentials.password, "b");
    assert_string_equal(credentials.replication_username, "c");
    assert_string_equal(credentials.replication_password, "d");
    assert_string_equal(credentials.sentinel_username, "e");
    assert_string_equal(credentials.sentinel_password, "f");
    credentials_clear(&credentials);
    assert_empty(&credentials);
}

static void value_goes_to_the_end_of_its_line(void **state)
{
    struct credentials credentials;
    cleanup_free char *problem = NULL;

    (void)state;
    needs_root();
    assert_int_equal(
        read_text("# ours\r\n\n \t\n  # indented\npassword \t a b #c \r\n\tusername x\n",
                  &credentials, &problem),
        0);
    assert_string_equal(credentials.password, "a b #c ");
    assert_string_equal(credentials.username, "x");
    assert_null(credentials.replication_username);
    credentials_clear(&credentials);
}

static void last_line_of_a_key_counts(void **state)
{
    struct credentials credentials;
    cleanup_free char *problem = NULL;

    (void)state;
    needs_root();
    assert_int_equal(read_text("password a\npassword b\n", &credentials, &problem), 0);
    assert_string_equal(credentials.password, "b");
    credentials_clear(&credentials);
}

static void empty_file_says_nothing(void **state)
{
    struct credentials credentials;
    cleanup_free char *problem = NULL;

    (void)state;
    needs_root();
    assert_int_equal(read_text("", &credentials, &problem), 0);
    assert_empty(&credentials);
}

static void line_that_is_not_understood_is_named_without_its_text(void **state)
{
    static const char *const lines[] = {"pasword hunter2", "passwordhunter2",  "password",
                                        "password ",       "PASSWORD hunter2", "hunter2",
                                        "password=hunter2"};

    (void)state;
    needs_root();
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        cleanup_free char *text = xasprintf("username hunter2\n\n%s\n", lines[i]);
        cleanup_free char *problem = NULL;
        struct credentials credentials;

        assert_int_equal(read_text(text, &credentials, &problem), -EINVAL);
        assert_non_null(strstr(problem, "auth line 3 "));
        assert_null(strstr(problem, "hunter2"));
        assert_empty(&credentials);
    }
}

static void file_that_others_may_use_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};

    (void)state;
    needs_root();
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        cleanup_free char *path = file_of("password hunter2\n", modes[i]);
        cleanup_free char *mode = xasprintf("%04o", (unsigned)modes[i]);
        cleanup_free char *problem = NULL;
        struct credentials credentials;

        assert_int_equal(credentials_read(path, &credentials, &problem), -EPERM);
        assert_non_null(strstr(problem, path));
        assert_non_null(strstr(problem, mode));
        assert_non_null(strstr(problem, "0600"));
        assert_empty(&credentials);
    }
}

static void file_of_somebody_else_is_refused(void **state)
{
    cleanup_free char *path = file_of("password hunter2\n", 0600);
    cleanup_free char *problem = NULL;
    struct credentials credentials;

    (void)state;
    needs_root();
    assert_int_equal(chown(path, 1, 1), 0);
    assert_int_equal(credentials_read(path, &credentials, &problem), -EPERM);
    assert_non_null(strstr(problem, "uid 1 "));
    assert_empty(&credentials);
}

static void less_than_0600_will_do(void **state)
{
    cleanup_free char *path = file_of("password hunter2\n", 0400);
    cleanup_free char *problem = NULL;
    struct credentials credentials;

    (void)state;
    needs_root();
    assert_int_equal(credentials_read(path, &credentials, &problem), 0);
    credentials_clear(&credentials);
}

static void file_that_is_not_there(void **state)
{
    cleanup_free char *path = scratch_path("none");
    cleanup_free char *problem = NULL;
    struct credentials credentials;

    (void)state;
    assert_int_equal(credentials_read(path, &credentials, &problem), -ENOENT);
    assert_non_null(strstr(problem, path));
    assert_empty(&credentials);
}

/* A pipe that nobody writes to must not hold up an action. */
static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    cleanup_free char *pipe = scratch_path("pipe");
    const char *const paths[] = {pipe, scratch_dir, "/dev/zero"};

    (void)state;
    assert_int_equal(mkfifo(pipe, 0600), 0);
    alarm(20);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        cleanup_free char *problem = NULL;
        struct credentials credentials;

        assert_int_equal(credentials_read(paths[i], &credentials, &problem), -EINVAL);
        assert_non_null(strstr(problem, "not a regular file"));
        assert_empty(&credentials);
    }
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_key_is_read, scratch_empty),
        cmocka_unit_test_teardown(value_goes_to_the_end_of_its_line, scratch_empty),
        cmocka_unit_test_teardown(last_line_of_a_key_counts, scratch_empty),
        cmocka_unit_test_teardown(empty_file_says_nothing, scratch_empty),
        cmocka_unit_test_teardown(line_that_is_not_understood_is_named_without_its_text,
                                  scratch_empty),
        cmocka_unit_test_teardown(file_that_others_may_use_is_refused, scratch_empty),
        cmocka_unit_test_teardown(file_of_somebody_else_is_refused, scratch_empty),
        cmocka_unit_test_teardown(less_than_0600_will_do, scratch_empty),
        cmocka_unit_test_teardown(file_that_is_not_there, scratch_empty),
        cmocka_unit_test_teardown(what_is_no_regular_file_is_refused_at_once, scratch_empty),
    };

    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
