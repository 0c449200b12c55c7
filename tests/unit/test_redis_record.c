// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of agents/redis_record.c: a record survives its text, and a text that is cut or damaged is
 * never taken for a record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_record.h"

#include "util.h"
#include <errno.h>
#include <string.h>

static struct protocol_record full(void)
{
    struct protocol_record record = {.generation = 12, .promised = {7, 3}};

    record.timeline_count = PROTOCOL_TIMELINES;
    for (size_t i = 0; i < PROTOCOL_TIMELINES; i++) {
        record.timelines[i] = (struct redis_timeline){
            .epoch = i + 1,
            .begin = UINT64_MAX - i,
            .primary = (uint32_t)i + 1,
            .written = i & 1,
            .in_files = i & 2,
        };
        memset(record.timelines[i].replid.byte, (int)(0xa0 + i), sizeof(struct redis_replid));
    }
    record.held_count = REDIS_MEMBERS_MAX;
    for (size_t i = 0; i < REDIS_MEMBERS_MAX; i++)
        record.held[i] =
            (struct redis_held){.node = UINT32_MAX - (uint32_t)i, .epoch = i, .written_off = i & 1};
    record.stored_epoch = 6;
    record.stored_offset = 123456789012345;
    record.stored_exact = true;
    return record;
}

static void a_record_survives_its_text(void **state)
{
    struct protocol_record before = full(), after;
    cleanup_free char *text = redis_record_format(&before);
    cleanup_free char *again = NULL;
    unsigned line;

    (void)state;
    assert_int_equal(redis_record_parse(text, &after, &line), 0);
    again = redis_record_format(&after);
    assert_string_equal(text, again);
    assert_int_equal(after.stored_offset, before.stored_offset);
    assert_int_equal(after.promised.node, 3);
    assert_true(after.timelines[1].written && !after.timelines[1].in_files);
    assert_true(!after.timelines[2].written && after.timelines[2].in_files);
    assert_memory_equal(&after.timelines[3].replid, &before.timelines[3].replid,
                        sizeof(struct redis_replid));
    assert_true(strlen(text) < REDIS_RECORD_MAX);
}

static void an_empty_record_survives_too(void **state)
{
    struct protocol_record before = {0}, after;
    cleanup_free char *text = redis_record_format(&before);
    unsigned line;

    (void)state;
    assert_int_equal(redis_record_parse(text, &after, &line), 0);
    assert_int_equal(after.timeline_count, 0);
    assert_int_equal(after.held_count, 0);
}

static void no_part_of_a_record_is_one(void **state)
{
    struct protocol_record before = full(), after;
    cleanup_free char *text = redis_record_format(&before);
    unsigned line;

    (void)state;
    for (size_t length = strlen(text) - 2; length > 0; length--) {
        text[length] = '\0';
        assert_int_equal(redis_record_parse(text, &after, &line), -EBADMSG);
        assert_int_equal(after.generation, 0);
    }
}

static void a_bad_line_is_named(void **state)
{
    struct protocol_record record;
    unsigned line = 0;

    (void)state;
    assert_int_equal(
        redis_record_parse("redis-ha-epochs 1\ngeneration 1\nheld x\nend\n", &record, &line),
        -EBADMSG);
    assert_int_equal(line, 3);
    assert_int_equal(redis_record_parse("", &record, &line), -EBADMSG);
}

static void a_newer_format_is_not_guessed(void **state)
{
    struct protocol_record record;
    unsigned line;

    (void)state;
    assert_int_equal(redis_record_parse("redis-ha-epochs 2\nend\n", &record, &line),
                     -EPROTONOSUPPORT);
}

static void more_than_fits_is_refused(void **state)
{
    cleanup_free char *text = xstrdup("redis-ha-epochs 1\n");
    struct protocol_record record;
    unsigned line;

    (void)state;
    for (size_t i = 0; i < REDIS_MEMBERS_MAX + 1; i++) {
        char *longer = xasprintf("%sheld %zu 1 0\n", text, i + 1);
        free(text);
        text = longer;
    }
    assert_int_equal(redis_record_parse(text, &record, &line), -EBADMSG);
    assert_int_equal(line, REDIS_MEMBERS_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_survives_its_text),
        cmocka_unit_test(an_empty_record_survives_too),
        cmocka_unit_test(no_part_of_a_record_is_one),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(a_newer_format_is_not_guessed),
        cmocka_unit_test(more_than_fits_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
