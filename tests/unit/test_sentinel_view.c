// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentinel's lists of replicas and of other Sentinels.
 */
#include "../../agents/sentinel_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka wants setjmp, stdarg, stddef and stdint before it
#include <cmocka.h>

#define REPLICA(host, flags, master, priority)                                                     \
    "name", host ":6379", "ip", host, "port", "6379", "runid", "abc", "flags", flags,              \
        "master-host", master, "slave-priority", priority
#define LIST(...)                                                                                  \
    (struct redis_list)                                                                            \
    {                                                                                              \
        .items = (char *[]){__VA_ARGS__},                                                          \
        .count = sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)                                  \
    }

static const struct sentinel_entry *promotable_of(const struct redis_list *list)
{
    static struct sentinel_entry entries[4];

    return sentinel_promotable(entries, sentinel_entries_read(list, entries, 4));
}

static void one_of_priority_zero_is_never_promoted(void **unused)
{
    struct redis_list list = LIST(REPLICA("192.0.2.11", "slave", "192.0.2.13", "0"),
                                  REPLICA("192.0.2.12", "slave", "192.0.2.13", "100"));
    const struct sentinel_entry *found = promotable_of(&list);

    (void)unused;
    assert_non_null(found);
    assert_string_equal(found->host, "192.0.2.12");
    assert_int_equal(found->port, 6379);
    assert_int_equal(found->priority, 100);
}

static void nor_one_that_is_down_or_was_never_asked(void **unused)
{
    struct redis_list list = LIST(REPLICA("192.0.2.11", "s_down,slave", "192.0.2.13", "100"),
                                  REPLICA("192.0.2.12", "slave", "?", "100"));

    (void)unused;
    assert_null(promotable_of(&list));
}

static void entries_beyond_the_room_are_left_out(void **unused)
{
    struct redis_list list = LIST(REPLICA("192.0.2.11", "slave", "192.0.2.13", "0"),
                                  REPLICA("192.0.2.12", "slave,s_down", "192.0.2.13", "0"));
    struct sentinel_entry entries[2];

    (void)unused;
    assert_int_equal(sentinel_entries_read(&list, entries, 1), 1);
    assert_string_equal(entries[0].host, "192.0.2.11");
    assert_int_equal(sentinel_entries_read(&list, entries, 2), 2);
    assert_false(entries[0].is_down);
    assert_true(entries[1].is_down);
    assert_string_equal(entries[1].id, "abc");
}

static void what_is_no_such_list_has_no_entries(void **unused)
{
    struct redis_list lists[] = {{0},
                                 LIST("name"),
                                 LIST("ip", "192.0.2.11"),
                                 LIST("name", NULL),
                                 LIST("name", "x", NULL, "y", "slave-priority", "-7")};
    static const size_t counts[] = {0, 0, 0, 1, 1};
    struct sentinel_entry entries[2];

    (void)unused;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        assert_int_equal(sentinel_entries_read(&lists[i], entries, 2), counts[i]);
        assert_null(promotable_of(&lists[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_priority_zero_is_never_promoted),
        cmocka_unit_test(nor_one_that_is_down_or_was_never_asked),
        cmocka_unit_test(entries_beyond_the_room_are_left_out),
        cmocka_unit_test(what_is_no_such_list_has_no_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
