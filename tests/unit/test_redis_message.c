// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages as bytes: none is lost on the bus, and bytes of anybody are only read.
 */
#include "protocol_machine.h"

#include <errno.h>

static void messages_survive_the_bus(void **unused)
{
    struct redis_message message = {.kind = REDIS_MESSAGE_TELL}, read;
    uint8_t bytes[REDIS_MESSAGE_SIZE + 1];

    (void)unused;
    lead();
    message.told = machine.told;
    message.told.held_count = REDIS_MEMBERS_MAX;
    int length = redis_message_encode(&message, bytes, sizeof(bytes));
    assert_in_range(length, 50, REDIS_MESSAGE_SIZE);
    assert_int_equal(redis_message_decode(bytes, (size_t)length, &read), 0);
    assert_int_equal(read.told.offset, message.told.offset);
    assert_int_equal(read.told.newest.epoch, 1);
    assert_int_equal(redis_message_encode(&message, bytes, (size_t)length - 1), -ENOSPC);
    length = redis_message_encode(&message, bytes, sizeof(bytes));
    for (int i = 0; i < length; i++)
        assert_true(redis_message_decode(bytes, (size_t)i, &read) < 0);
    assert_int_equal(redis_message_decode(bytes, (size_t)length + 1, &read), 0);
    bytes[2]++;
    assert_int_equal(redis_message_decode(bytes, (size_t)length, &read), -EPROTONOSUPPORT);
}

static void short_messages_survive_too(void **unused)
{
    static const struct redis_message sent[] = {
        {.kind = REDIS_MESSAGE_TICK, .tick_ms = 1ULL << 40},
        {.kind = REDIS_MESSAGE_HELLO, .hello = {7, 1ULL << 33}},
    };
    uint8_t bytes[REDIS_MESSAGE_SIZE];
    struct redis_message read;

    (void)unused;
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        int length = redis_message_encode(&sent[i], bytes, sizeof(bytes));
        assert_int_equal(redis_message_decode(bytes, (size_t)length, &read), 0);
        assert_int_equal(read.kind, sent[i].kind);
        assert_int_equal(read.hello.epoch, sent[i].hello.epoch);
        assert_int_equal(read.hello.number, sent[i].hello.number);
        assert_int_equal(redis_message_decode(bytes, (size_t)length - 1, &read), -EBADMSG);
    }
}

static void bytes_of_anybody_are_only_read(void **unused)
{
    uint8_t bytes[600];
    struct redis_message read;
    uint32_t state = 1;

    (void)unused;
    for (int i = 0; i < 200000; i++) {
        size_t length = (state >> 8) % sizeof(bytes);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24) & 3;
        if (length > 4)
            memcpy(bytes, (uint8_t[]){'R', 'H', REDIS_MESSAGE_VERSION, (uint8_t)(i % 5)}, 4);
        int result = redis_message_decode(bytes, length, &read);
        assert_true(result == 0 || result == -EBADMSG || result == -EPROTONOSUPPORT);
        state++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_survive_the_bus),
        cmocka_unit_test(short_messages_survive_too),
        cmocka_unit_test(bytes_of_anybody_are_only_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
