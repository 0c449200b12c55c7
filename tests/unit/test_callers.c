// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who asks a companion once, and who stays and talks on.
 */
#include "callers.h"

#include "fd.h"
#include "scratch.h"
#include "util.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#define GUARD_MS 20000 /* a loop that nobody stops */
#define FOLLOWS  7

static struct loop *loop;
static struct loop_timer *guard;
static struct callers *callers;
static char *path, heard[256];

static void guard_passed(void *data)
{
    (void)data;
    fail_msg("the loop was not stopped; so far: %s", heard);
}

static void note(const char *word, const char *line)
{
    snprintf(heard + strlen(heard), sizeof(heard) - strlen(heard), "%s(%s) ", word, line);
}

static void gone(void *data, const struct caller *caller)
{
    (void)data;
    assert_null(callers_find(callers, FOLLOWS)); /* and nothing is said to it */
    callers_say(callers, FOLLOWS, "news");
    note("gone", caller ? "it" : "");
    loop_stop(loop);
}

static void further(void *data, struct caller *caller, const char *line)
{
    (void)data;
    note("further", line);
    if (str_eq(line, "answer me"))
        caller_answer(caller, "done");
    if (str_eq(line, "last") || str_eq(line, "answer me"))
        loop_stop(loop);
}

static void first(void *data, struct caller *caller, const char *line)
{
    (void)data;
    note("first", line);
    caller_mark(caller, FOLLOWS);
    if (str_eq(line, "follow"))
        caller_stay(caller, further, gone);
}

static int begin(void **state)
{
    (void)state;
    heard[0] = '\0';
    loop = loop_new();
    guard = loop_timer_new(loop, LOOP_HIGH, guard_passed, NULL);
    path = xasprintf("%s/sock", scratch_dir);
    return callers_open(loop, path, first, NULL, &callers) || loop_timer_start(guard, GUARD_MS);
}

static int end(void **state)
{
    (void)state;
    callers_close(callers);
    loop_timer_free(guard);
    loop_free(loop);
    free(path);
    return 0;
}

static int call(const char *text)
{
    int fd = fd_unix_connect(path);

    assert_true(fd >= 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return fd;
}

static void one_that_stays_is_heard_line_by_line_until_it_goes(void **state)
{
    int fd = call("follow\none\ntwo\nla");

    (void)state;
    assert_int_equal(send(fd, "st\n", 3, MSG_NOSIGNAL), 3);
    loop_run(loop);
    assert_string_equal(heard, "first(follow) further(one) further(two) further(last) ");
    close(fd);
    loop_run(loop);
    assert_string_equal(heard, "first(follow) further(one) further(two) further(last) gone(it) ");
}

static void what_comes_after_its_answer_is_not_heard(void **state)
{
    int fd = call("follow\nanswer me\nmore\n");
    char answer[8] = "";

    (void)state;
    loop_run(loop);
    assert_string_equal(heard, "first(follow) further(answer me) ");
    assert_int_equal(recv(fd, answer, sizeof(answer) - 1, 0), 5);
    assert_string_equal(answer, "done\n");
    close(fd);
}

static void one_that_does_not_stay_is_left_when_it_talks_on(void **state)
{
    int fd = call("ask\nmore\n"), other;

    (void)state;
    other = call("follow\nlast\n");
    loop_run(loop);
    assert_string_equal(heard, "first(ask) first(follow) further(last) ");
    close(fd);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_stays_is_heard_line_by_line_until_it_goes, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_comes_after_its_answer_is_not_heard, begin, end),
        cmocka_unit_test_setup_teardown(one_that_does_not_stay_is_left_when_it_talks_on, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
