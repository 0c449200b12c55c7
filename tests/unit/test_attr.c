// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes where there is no cluster, by Pacemaker's own tools; and what the tools of other
 * releases print, by scripts that stand for them. With a cluster: tests/cluster.
 */
#include "attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include <sched.h>

#include "server_run.h"

/* A tool of this name that answers so; each argument goes into the file `said`, one a line. */
static void tool(const char *name, const char *output, int code)
{
    cleanup_free char *path = scratch_path(name), *answer = xasprintf("%s.out", path);
    cleanup_free char *text =
        xasprintf("#!/bin/sh\nprintf '%%s\\n' \"$@\" >> %s/said\n/bin/cat %s\nexit %d\n",
                  scratch_dir, answer, code);

    assert_int_equal(file_write_atomic(path, text, 0755), 0);
    assert_int_equal(file_write_atomic(answer, output, 0644), 0);
}

static void said(const char *expected)
{
    cleanup_free char *text = scratch_text("said");

    assert_string_equal(text, expected);
}

static void get_is(int expected, const char *value)
{
    cleanup_free char *got = NULL;

    assert_int_equal(attr_get("n1", "x", patience(), &got), expected);
    if (value)
        assert_string_equal(got, value);
    else
        assert_null(got);
}

static int own_tools(void **state)
{
    setenv("PATH", scratch_dir, 1);
    return scratch_empty(state);
}

static int system_tools(void **state)
{
    (void)state;
    return setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

static void without_a_cluster_that_is_told(void **state)
{
    (void)state;
    /* Its sockets are not to be seen from a network of our own. */
    if (geteuid() != 0 || unshare(CLONE_NEWNET) || access("/usr/sbin/attrd_updater", X_OK))
        skip();
    assert_int_equal(attr_set("rha-test", "1", patience()), -ENOTCONN);
    assert_int_equal(attr_clear("rha-test", patience()), -ENOTCONN);
    get_is(-ENOTCONN, NULL);
}

static void without_its_tools_there_is_no_cluster(void **state)
{
    (void)state;
    assert_int_equal(attr_set("x", "1", patience()), -ENOTCONN);
    assert_int_equal(attr_clear("x", patience()), -ENOTCONN);
    get_is(-ENOTCONN, NULL);
}

static void value_is_one_word_whatever_it_is(void **state)
{
    (void)state;
    tool("attrd_updater", "", 0);
    assert_int_equal(attr_set("master-redis", ATTR_MINUS_INFINITY, patience()), 0);
    said("--name=master-redis\n--update=-INFINITY\n--delay=0\n");
    assert_int_equal(attr_clear("master-redis", patience()), 0);
    said("--name=master-redis\n--update=-INFINITY\n--delay=0\n"
         "--name=master-redis\n--delete\n--delay=0\n");
}

static void what_attrd_would_work_out_is_refused(void **state)
{
    cleanup_free char *value = NULL;

    (void)state;
    tool("attrd_updater", "", 0);
    assert_int_equal(attr_set("x", "value++", patience()), -EINVAL);
    assert_int_equal(attr_set("x", "value+=2", patience()), -EINVAL);
    assert_int_equal(attr_set("x", NULL, patience()), -EINVAL);
    assert_int_equal(attr_set("", "1", patience()), -EINVAL);
    assert_int_equal(attr_clear(NULL, patience()), -EINVAL);
    assert_int_equal(attr_get("", "x", patience(), &value), -EINVAL);
    said("");
}

static void permanent_value_comes_first(void **state)
{
    cleanup_free char *record = scratch_path("said");

    (void)state;
    tool("crm_attribute", "warning: something\n10.0.0.1\n", 0);
    tool("attrd_updater", "name=\"x\" host=\"n1\" value=\"10.0.0.2\"\n", 0);
    get_is(0, "10.0.0.1");
    tool("crm_attribute", "crm_attribute: Error performing operation: No such object\n", 105);
    get_is(0, "10.0.0.2");
    tool("crm_attribute", "\n", 0); /* set to nothing */
    get_is(0, "10.0.0.2");
    tool("crm_attribute", "", 105);
    assert_int_equal(file_remove(record), 0);
    get_is(0, "10.0.0.2");
    said("--node=n1\n--name=x\n--lifetime=forever\n--query\n--quiet\n"
         "--name=x\n--node=n1\n--query\n");
}

static void value_that_is_not_set_is_told_in_many_ways(void **state)
{
    static const int codes[] = {68, 78, 105};

    (void)state;
    tool("attrd_updater", "name=\"x\" host=\"n1\" value=\"\"\n", 0); /* after a deletion */
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        tool("crm_attribute", "", codes[i]);
        get_is(0, NULL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        tool("attrd_updater", "Could not query value of x\n", codes[i]);
        get_is(0, NULL);
        assert_int_equal(attr_clear("x", patience()), 0);
    }
}

static void signs_in_a_value_are_read_in_both_spellings(void **state)
{
    (void)state;
    tool("crm_attribute", "", 105);
    tool("attrd_updater", "name=\"x\" host=\"n1\" value=\"a \"b\" <&> c\"\n", 0); /* 2.1 */
    get_is(0, "a \"b\" <&> c");
    tool("attrd_updater",
         "name=\"x\" host=\"n1\" value=\"a &quot;b&quot; &lt;&amp;&gt; &amp;lt; c\"\n",
         0); /* 3.0 */
    get_is(0, "a \"b\" <&> &lt; c");
}

static void failure_is_no_absence(void **state)
{
    (void)state;
    tool("crm_attribute", "", 4);
    tool("attrd_updater", "", 1);
    get_is(-EREMOTEIO, NULL);
    assert_int_equal(attr_set("x", "1", patience()), -EREMOTEIO);
    assert_int_equal(attr_clear("x", patience()), -EREMOTEIO);
    tool("crm_attribute", "", 124);
    get_is(-ETIMEDOUT, NULL);
    tool("crm_attribute", "", 105);
    tool("attrd_updater", "something else\n", 0);
    get_is(-EPROTO, NULL);
    tool("attrd_updater", "", 0);
    get_is(-EPROTO, NULL);
}

int main(void)
{
#define WITH_OWN_TOOLS(test) cmocka_unit_test_setup_teardown(test, own_tools, system_tools)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_cluster_that_is_told, system_tools),
        WITH_OWN_TOOLS(without_its_tools_there_is_no_cluster),
        WITH_OWN_TOOLS(value_is_one_word_whatever_it_is),
        WITH_OWN_TOOLS(what_attrd_would_work_out_is_refused),
        WITH_OWN_TOOLS(permanent_value_comes_first),
        WITH_OWN_TOOLS(value_that_is_not_set_is_told_in_many_ways),
        WITH_OWN_TOOLS(signs_in_a_value_are_read_in_both_spellings),
        WITH_OWN_TOOLS(failure_is_no_absence),
    };

    return cmocka_run_group_tests_name("attr", tests, scratch_make, scratch_remove);
}
