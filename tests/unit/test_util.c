// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers that are parsed or refused, files that are whole or not there.
 */
#include "scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

static void int64_takes_whole_numbers_only(void **state)
{
    static const char *const bad[] = {"",   " 1",   "1 ",  "+1", "-", "--1",
                                      "1a", "0x10", "1.0", "a",  NULL};
    int64_t value = 77;

    (void)state;
    for (size_t i = 0; bad[i]; i++)
        assert_int_equal(parse_int64(bad[i], INT64_MIN, INT64_MAX, &value), -EINVAL);
    assert_int_equal(parse_int64(NULL, 0, 1, &value), -EINVAL);
    assert_int_equal(value, 77); /* untouched */
    assert_int_equal(parse_int64("-12", -12, 0, &value), 0);
    assert_int_equal(value, -12);
    assert_int_equal(parse_int64("007", 0, 9, &value), 0);
    assert_int_equal(value, 7);
}

static void int64_knows_its_range(void **state)
{
    int64_t value;

    (void)state;
    assert_int_equal(parse_int64("9223372036854775807", INT64_MIN, INT64_MAX, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(parse_int64("-9223372036854775808", INT64_MIN, INT64_MAX, &value), 0);
    assert_int_equal(parse_int64("9223372036854775808", INT64_MIN, INT64_MAX, &value), -ERANGE);
    assert_int_equal(parse_int64("0", 1, 65535, &value), -ERANGE);
    assert_int_equal(parse_int64("65536", 1, 65535, &value), -ERANGE);
    assert_int_equal(parse_int64("65535", 1, 65535, &value), 0);
}

static void bool_takes_pacemakers_words(void **state)
{
    static const char *const yes[] = {"true", "TRUE", "yes", "Yes", "on", "y", "1", NULL};
    static const char *const no[] = {"false", "False", "no", "off", "OFF", "n", "0", NULL};
    static const char *const bad[] = {"", "2", "t", "yes ", "ja", "enabled", NULL};
    bool value;

    (void)state;
    for (size_t i = 0; yes[i]; i++) {
        value = false;
        assert_int_equal(parse_bool(yes[i], &value), 0);
        assert_true(value);
    }
    for (size_t i = 0; no[i]; i++) {
        value = true;
        assert_int_equal(parse_bool(no[i], &value), 0);
        assert_false(value);
    }
    for (size_t i = 0; bad[i]; i++)
        assert_int_equal(parse_bool(bad[i], &value), -EINVAL);
    assert_int_equal(parse_bool(NULL, &value), -EINVAL);
}

static void texts_may_be_null(void **state)
{
    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_false(str_eq("", NULL));
    assert_true(str_eq("a", "a"));
    assert_true(str_is_empty(NULL));
    assert_true(str_is_empty(""));
    assert_false(str_is_empty(" "));
    assert_true(str_starts("redis:0", "redis"));
    assert_false(str_starts("red", "redis"));
    assert_false(str_starts(NULL, "redis"));
    assert_false(str_starts("redis", NULL));
}

static void pointer_is_stolen_once(void **state)
{
    char *owner = xstrdup("text");
    char *thief = steal_pointer(&owner);

    (void)state;
    assert_null(owner);
    assert_string_equal(thief, "text");
    free(thief);
}

static void read_gives_the_whole_file(void **state)
{
    cleanup_free char *path = scratch_path("big");
    cleanup_free char *big = xcalloc(1, 50001);
    cleanup_free char *text = NULL;

    (void)state;
    memset(big, 'x', 50000);
    assert_int_equal(file_write_atomic(path, big, 0600), 0);
    assert_int_equal(file_read(path, 50000, &text), 0);
    assert_string_equal(text, big);
}

static void read_refuses_more_than_its_limit(void **state)
{
    cleanup_free char *path = scratch_path("five");
    char *text = NULL;

    (void)state;
    assert_int_equal(file_write_atomic(path, "12345", 0600), 0);
    assert_int_equal(file_read(path, 4, &text), -EFBIG);
    assert_null(text);
    assert_int_equal(file_read(path, 0, &text), -EFBIG);
    assert_int_equal(file_read(path, 5, &text), 0);
    free(text);
}

static void read_takes_proc_and_empty_files(void **state)
{
    cleanup_free char *path = scratch_path("empty");
    cleanup_free char *stat = NULL, *nothing = NULL;

    (void)state;
    assert_int_equal(file_read("/proc/self/stat", 65536, &stat), 0);
    assert_true(atoi(stat) > 0);
    assert_int_equal(file_write_atomic(path, "", 0600), 0);
    assert_int_equal(file_read(path, 0, &nothing), 0);
    assert_string_equal(nothing, "");
}

static void read_refuses_what_is_no_file(void **state)
{
    cleanup_free char *fifo = scratch_path("fifo");
    char *text = NULL;

    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    alarm(60); /* ends the test should it wait for a writer */
    assert_int_equal(file_read(fifo, 10, &text), -EINVAL);
    alarm(0);
    assert_int_equal(file_read(scratch_dir, 10, &text), -EISDIR);
    assert_int_equal(file_read("/nowhere/at/all", 10, &text), -ENOENT);
    assert_null(text);
}

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    return type == FTW_F ? 1 : 0; /* ends the walk at the first file */
}

static bool scratch_has_files(void)
{
    return nftw(scratch_dir, count_one, 16, FTW_PHYS) == 1;
}

static void write_replaces_and_sets_the_mode(void **state)
{
    cleanup_free char *path = scratch_path("file");
    cleanup_free char *text = NULL;
    mode_t before = umask(0077);
    struct stat first, second;

    (void)state;
    assert_int_equal(file_write_atomic(path, "old\n", 0600), 0);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(file_write_atomic(path, "new\n", 0644), 0);
    umask(before);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(second.st_mode & 07777, 0644);
    assert_int_not_equal(first.st_ino, second.st_ino); /* never a half-written old one */
    assert_int_equal(file_read(path, 100, &text), 0);
    assert_string_equal(text, "new\n");
}

static void write_leaves_nothing_when_it_fails(void **state)
{
    cleanup_free char *folder = scratch_path("folder");
    cleanup_free char *below = scratch_path("missing/file");

    (void)state;
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(file_write_atomic(folder, "text", 0600), -EISDIR);
    assert_int_equal(file_write_atomic(below, "text", 0600), -ENOENT);
    assert_false(scratch_has_files());
}

static void write_gives_signals_back(void **state)
{
    cleanup_free char *path = scratch_path("signals");
    sigset_t now;

    (void)state;
    assert_int_equal(file_write_atomic(path, "text", 0600), 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &now), 0);
    assert_false(sigismember(&now, SIGTERM));
}

static void remove_takes_absence_for_success(void **state)
{
    cleanup_free char *path = scratch_path("gone");

    (void)state;
    assert_int_equal(file_write_atomic(path, "text", 0600), 0);
    assert_int_equal(file_remove(path), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(file_remove(path), 0);
    assert_int_equal(file_remove(scratch_dir), -EISDIR);
}

static void dir_is_made_with_its_parents(void **state)
{
    cleanup_free char *deep = scratch_path("a/b//c/");
    cleanup_free char *parent = scratch_path("a/b");
    mode_t before = umask(0177);
    struct stat st;

    (void)state;
    assert_int_equal(dir_make(deep, 0710), 0);
    umask(before);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0710);
    assert_int_equal(stat(parent, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0710);
    assert_int_equal(dir_make(deep, 0700), 0); /* left as it is */
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0710);
}

static void dir_is_refused_over_a_file(void **state)
{
    cleanup_free char *file = scratch_path("file");
    cleanup_free char *below = scratch_path("file/dir");

    (void)state;
    assert_int_equal(file_write_atomic(file, "", 0600), 0);
    assert_int_equal(dir_make(file, 0700), -ENOTDIR);
    assert_int_equal(dir_make(below, 0700), -ENOTDIR);
    assert_int_equal(dir_make("", 0700), -ENOENT);
}

static void program_is_a_file_that_may_run(void **state)
{
    cleanup_free char *path = scratch_path("program");

    (void)state;
    assert_true(file_is_program("/proc/self/exe"));
    assert_false(file_is_program(scratch_dir)); /* a folder, though its x bits are set */
    assert_false(file_is_program(NULL));
    assert_int_equal(file_write_atomic(path, "", 0644), 0);
    assert_false(file_is_program(path));
    assert_int_equal(chmod(path, 0755), 0);
    assert_true(file_is_program(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(int64_takes_whole_numbers_only),
        cmocka_unit_test(int64_knows_its_range),
        cmocka_unit_test(bool_takes_pacemakers_words),
        cmocka_unit_test(texts_may_be_null),
        cmocka_unit_test(pointer_is_stolen_once),
        cmocka_unit_test_setup(read_gives_the_whole_file, scratch_empty),
        cmocka_unit_test_setup(read_refuses_more_than_its_limit, scratch_empty),
        cmocka_unit_test_setup(read_takes_proc_and_empty_files, scratch_empty),
        cmocka_unit_test_setup(read_refuses_what_is_no_file, scratch_empty),
        cmocka_unit_test_setup(write_replaces_and_sets_the_mode, scratch_empty),
        cmocka_unit_test_setup(write_leaves_nothing_when_it_fails, scratch_empty),
        cmocka_unit_test_setup(write_gives_signals_back, scratch_empty),
        cmocka_unit_test_setup(remove_takes_absence_for_success, scratch_empty),
        cmocka_unit_test_setup(dir_is_made_with_its_parents, scratch_empty),
        cmocka_unit_test_setup(dir_is_refused_over_a_file, scratch_empty),
        cmocka_unit_test_setup(program_is_a_file_that_may_run, scratch_empty),
    };

    return cmocka_run_group_tests_name("util", tests, scratch_make, scratch_remove);
}
