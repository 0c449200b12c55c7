// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a sentinel-feed is told, and what it says to Sentinel of it.
 */
#include "../../agents/sentinel_leader.h"
#include "../../agents/sentinel_tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants setjmp, stdarg, stddef and stdint before it
#include <cmocka.h>

static void a_line_names_the_leader(void **unused)
{
    struct sentinel_leader leader;

    (void)unused;
    assert_true(sentinel_leader_parse("leads 192.0.2.11 6379 7 12 here", &leader));
    assert_string_equal(leader.host, "192.0.2.11");
    assert_int_equal(leader.port, 6379);
    assert_int_equal(leader.epoch, 7);
    assert_int_equal(leader.number, 12);
    assert_true(leader.here);
    assert_true(sentinel_leader_parse("leads 2001:db8::1 1 7 0 there", &leader));
    assert_false(leader.here);
}

static void other_lines_are_left_out(void **unused)
{
    static const char *const lines[] = {
        "",
        "leads",
        "leads 192.0.2.11",
        "leads 192.0.2.11 6379 7 12",
        "leads 192.0.2.11 0 7 12 here",
        "leads 192.0.2.11 65536 7 12 here",
        "leads 192.0.2.11 x 7 12 here",
        "refused this watch does not know that request",
    };
    struct sentinel_leader leader;

    (void)unused;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_false(sentinel_leader_parse(lines[i], &leader));
}

static void a_hello_speaks_in_the_name_of_a_peer(void **unused)
{
    char *items[] = {"name", "x", "ip", "192.0.2.12", "port", "26379", "runid", "abc"};
    struct redis_list peers = {.items = items, .count = 8}, nobody = {0};
    struct peer primary = {.host = "192.0.2.11", .port = 6379};
    char *text = sentinel_hello_text("mymaster", &peers, &primary, 12);

    (void)unused;
    assert_string_equal(text, "192.0.2.12,26379,abc,12,mymaster,192.0.2.11,6379,12");
    free(text);
    assert_null(sentinel_hello_text("mymaster", &nobody, &primary, 12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_the_leader),
        cmocka_unit_test(other_lines_are_left_out),
        cmocka_unit_test(a_hello_speaks_in_the_name_of_a_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
