// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs run to their end or to their deadline, with what they said.
 */
#include "proc.h"
#include "run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "server_run.h"

static int run_sh(const char *script, struct run_result *result)
{
    const char *const argv[] = {"sh", "-c", script, NULL};

    return run_program(argv, patience(), result);
}

static void output_of_both_and_the_exit_code_are_given(void **state)
{
    struct run_result result;

    (void)state;
    assert_int_equal(run_sh("echo out; echo err >&2; exit 3", &result), 0);
    assert_int_equal(result.exit_code, 3);
    assert_string_equal(result.output, "out\nerr\n");
    run_clear(&result);
    assert_null(result.output);
}

static void end_by_a_signal_is_told(void **state)
{
    struct run_result result;

    (void)state;
    assert_int_equal(run_sh("kill -KILL $$", &result), 0);
    assert_int_equal(result.exit_code, 128 + SIGKILL);
    assert_string_equal(result.output, "");
    run_clear(&result);
}

static void words_are_passed_as_they_are(void **state)
{
    const char *const argv[] = {"printf", "%s|", "a b", "$HOME", "'\"", "", "-INFINITY", NULL};
    struct run_result result;

    (void)state;
    assert_int_equal(run_program(argv, patience(), &result), 0);
    assert_string_equal(result.output, "a b|$HOME|'\"||-INFINITY|");
    run_clear(&result);
}

static void what_cannot_be_run_is_an_error(void **state)
{
    const char *const absent[] = {"redis-ha-no-such-program", NULL};
    const char *const folder[] = {"/tmp", NULL};
    struct run_result result;

    (void)state;
    assert_int_equal(run_program(absent, patience(), &result), -ENOENT);
    run_clear(&result);
    assert_int_equal(run_program(folder, patience(), &result), -EACCES);
    run_clear(&result);
}

static void long_output_is_cut_and_the_program_not_held_up(void **state)
{
    struct run_result result;

    (void)state;
    assert_int_equal(run_sh("seq 1 200000; exit 5", &result), 0);
    assert_int_equal(result.exit_code, 5);
    assert_int_equal(strlen(result.output), 64 * 1024);
    assert_memory_equal(result.output, "1\n2\n3\n", 6);
    run_clear(&result);
    /* In bites that do not add up to it. */
    assert_int_equal(
        run_sh("i=0; while [ $i -lt 12000 ]; do echo 123456; i=$((i+1)); done", &result), 0);
    assert_int_equal(strlen(result.output), 64 * 1024);
    run_clear(&result);
}

static void input_is_empty_and_nothing_of_ours_is_passed_on(void **state)
{
    struct run_result result;
    int fd = dup2(STDERR_FILENO, 77); /* stays open on exec, unless it is closed for it */

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(fd, 77);
    assert_int_equal(
        run_sh("cat; test -e /proc/self/fd/77 && echo leaked; kill -PIPE $$; exit 0", &result), 0);
    assert_string_equal(result.output, "");
    assert_int_equal(result.exit_code, 128 + SIGPIPE); /* not ignored */
    run_clear(&result);
    close(fd);
}

/* The process whose number a script said; it is `sleep` by now: as a shell it would be another. */
static struct proc_id sleep_said(const char *output)
{
    pid_t pid = (pid_t)strtol(output, NULL, 10);
    struct proc_id id;

    wait_for(proc_identify(pid, &id) == 0 && proc_runs(&id, "/bin/sleep"));
    return id;
}

static void end_of_the_program_is_enough(void **state)
{
    struct run_result result;
    struct proc_id left;

    (void)state;
    /* It leaves a process that has its output open. */
    assert_int_equal(run_sh("sleep 1000 & echo $!", &result), 0);
    left = sleep_said(result.output);
    assert_int_equal(proc_end(&left, SIGKILL, 0, patience()), 0);
    run_clear(&result);
}

static void deadline_ends_the_whole_group(void **state)
{
    cleanup_free char *path = scratch_path("pids");
    const char *const argv[] = {
        "sh", "-c",
        "sleep 1000 & echo said; echo \"$! $$\" > \"$0.new\"; mv \"$0.new\" \"$0\"; wait", path,
        NULL};
    cleanup_free char *pids = NULL;
    struct run_result result = {0};
    char *rest;

    (void)state;
    /* More time each time, until the shell came so far before its deadline. */
    for (int64_t ms = 100; access(path, F_OK); ms *= 2) {
        run_clear(&result);
        assert_true(ms < PATIENCE_MS);
        assert_int_equal(run_program(argv, deadline_in(ms), &result), -ETIMEDOUT);
    }
    assert_string_equal(result.output, "said\n");
    run_clear(&result);
    pids = scratch_text("pids");
    rest = pids;
    for (char *pid; (pid = strsep(&rest, " \n")) && *pid;) {
        struct proc_id id;

        wait_for(proc_identify((pid_t)strtol(pid, NULL, 10), &id) == -ESRCH);
    }
}

static void deadline_that_has_passed_starts_nothing_for_long(void **state)
{
    const char *const argv[] = {"sleep", "1000", NULL};
    struct run_result result;

    (void)state;
    assert_int_equal(run_program(argv, deadline_in(-1), &result), -ETIMEDOUT);
    run_clear(&result);
}

static void program_ends_with_us(void **state)
{
    cleanup_free char *path = scratch_path("pid");
    cleanup_free char *text = NULL;
    struct proc_id id;
    pid_t agent = fork();

    (void)state;
    if (agent == 0) {
        const char *const argv[] = {
            "sh", "-c", "echo $$ > \"$0.new\"; mv \"$0.new\" \"$0\"; exec sleep 1000", path, NULL};
        struct run_result result;

        scratch_forget();
        run_program(argv, patience(), &result);
        _exit(0);
    }
    wait_for(file_read(path, 64, &text) == 0);
    id = sleep_said(text);
    server_kill(agent);
    assert_int_equal(proc_wait_gone(&id, patience()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_of_both_and_the_exit_code_are_given),
        cmocka_unit_test(end_by_a_signal_is_told),
        cmocka_unit_test(words_are_passed_as_they_are),
        cmocka_unit_test(what_cannot_be_run_is_an_error),
        cmocka_unit_test(long_output_is_cut_and_the_program_not_held_up),
        cmocka_unit_test(input_is_empty_and_nothing_of_ours_is_passed_on),
        cmocka_unit_test(end_of_the_program_is_enough),
        cmocka_unit_test_setup(deadline_ends_the_whole_group, scratch_empty),
        cmocka_unit_test(deadline_that_has_passed_starts_nothing_for_long),
        cmocka_unit_test_setup(program_ends_with_us, scratch_empty),
    };

    return cmocka_run_group_tests_name("run", tests, scratch_make, scratch_remove);
}
