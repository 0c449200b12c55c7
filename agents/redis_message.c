// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bytes of a bus message: magic, version, kind, then every field in a fixed order, little
 * endian. Reader and writer walk the same list, in one function each way.
 */
#include "redis_message.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static const uint8_t magic[2] = {'R', 'H'};

struct cursor {
    uint8_t *out;      /* writing, or NULL */
    const uint8_t *in; /* reading, or NULL */
    size_t size, at;
    bool failed;
};

/* For `width` more bytes. A cursor that failed stays failed. */
static bool has_room(struct cursor *cursor, size_t width)
{
    cursor->failed = cursor->failed || cursor->size - cursor->at < width;
    return !cursor->failed;
}

/* One number of `width` bytes, written or read. */
static void walk_number(struct cursor *cursor, uint64_t *value, size_t width)
{
    uint64_t number = 0; /* little endian in memory */

    if (!has_room(cursor, width))
        return;
    if (cursor->out) {
        number = htole64(*value);
        memcpy(cursor->out + cursor->at, &number, width);
    } else {
        memcpy(&number, cursor->in + cursor->at, width);
        *value = le64toh(number);
    }
    cursor->at += width;
}

static void walk_u64(struct cursor *cursor, uint64_t *value)
{
    walk_number(cursor, value, 8);
}

static void walk_u32(struct cursor *cursor, uint32_t *value)
{
    uint64_t number = *value;
    walk_number(cursor, &number, 4);
    *value = (uint32_t)number;
}

static void walk_bool(struct cursor *cursor, bool *value)
{
    uint64_t number = *value;
    walk_number(cursor, &number, 1);
    if (number > 1)
        cursor->failed = true;
    *value = number == 1;
}

/* An enumerator of 0..last; anything else is no message of this version. */
static unsigned walk_enum(struct cursor *cursor, unsigned value, unsigned last)
{
    uint64_t number = value;
    walk_number(cursor, &number, 1);
    if (number > last) {
        cursor->failed = true;
        return 0;
    }
    return (unsigned)number;
}

static void walk_replid(struct cursor *cursor, struct redis_replid *replid)
{
    if (!has_room(cursor, sizeof(replid->byte)))
        return;
    if (cursor->out)
        memcpy(cursor->out + cursor->at, replid->byte, sizeof(replid->byte));
    else
        memcpy(replid->byte, cursor->in + cursor->at, sizeof(replid->byte));
    cursor->at += sizeof(replid->byte);
}

static void walk_timeline(struct cursor *cursor, struct redis_timeline *timeline)
{
    walk_u64(cursor, &timeline->epoch);
    walk_replid(cursor, &timeline->replid);
    walk_u64(cursor, &timeline->begin);
    walk_u32(cursor, &timeline->primary);
    walk_bool(cursor, &timeline->written);
    walk_bool(cursor, &timeline->in_files);
}

static void walk_held(struct cursor *cursor, struct redis_told *told)
{
    uint64_t count = told->held_count;

    walk_number(cursor, &count, 1);
    if (count > REDIS_MEMBERS_MAX) {
        cursor->failed = true;
        return;
    }
    told->held_count = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        walk_u32(cursor, &told->held[i].node);
        walk_u64(cursor, &told->held[i].epoch);
        walk_bool(cursor, &told->held[i].written_off);
    }
}

static void walk_flags(struct cursor *cursor, struct redis_told *told)
{
    walk_bool(cursor, &told->final);
    walk_bool(cursor, &told->open);
    walk_bool(cursor, &told->live);
    walk_bool(cursor, &told->exact);
    walk_bool(cursor, &told->empty);
    walk_bool(cursor, &told->fit);
    walk_bool(cursor, &told->yields);
    walk_bool(cursor, &told->forced);
    walk_bool(cursor, &told->last_primary);
    walk_bool(cursor, &told->moving);
}

static void walk_sentinel(struct cursor *cursor, struct redis_told *told)
{
    told->wants = walk_enum(cursor, told->wants, MEMBER_AUTHORITY_SENTINEL);
    told->obeys = walk_enum(cursor, told->obeys, MEMBER_AUTHORITY_SENTINEL);
    walk_u32(cursor, &told->named.node);
    walk_u64(cursor, &told->named.number);
    told->harmless = walk_enum(cursor, told->harmless, MEMBER_ANSWER_NO);
    walk_bool(cursor, &told->asks);
    walk_bool(cursor, &told->busy);
}

static void walk_told(struct cursor *cursor, struct redis_told *told)
{
    walk_u64(cursor, &told->ring);
    walk_u64(cursor, &told->incarnation);
    told->server = walk_enum(cursor, told->server, MEMBER_SERVER_ANSWERS);
    told->role = walk_enum(cursor, told->role, MEMBER_ROLE_PRIMARY);
    told->link = walk_enum(cursor, told->link, MEMBER_LINK_UP);
    told->suspect_answers = walk_enum(cursor, told->suspect_answers, MEMBER_ANSWER_NO);
    walk_flags(cursor, told);
    walk_u64(cursor, &told->epoch);
    walk_replid(cursor, &told->replid);
    walk_u64(cursor, &told->offset);
    walk_u32(cursor, &told->priority);
    walk_u64(cursor, &told->sealed_for);
    walk_u64(cursor, &told->cause);
    walk_u64(cursor, &told->trouble);
    walk_u64(cursor, &told->claim);
    walk_u64(cursor, &told->ended);
    walk_u64(cursor, &told->promised.epoch);
    walk_u32(cursor, &told->promised.node);
    walk_timeline(cursor, &told->newest);
    walk_u32(cursor, &told->suspect);
    walk_u32(cursor, &told->move_to);
    walk_sentinel(cursor, told);
    walk_held(cursor, told);
}

static void walk_message(struct cursor *cursor, struct redis_message *message)
{
    switch (message->kind) {
    case REDIS_MESSAGE_TELL:
        walk_told(cursor, &message->told);
        break;
    case REDIS_MESSAGE_TICK:
        walk_u64(cursor, &message->tick_ms);
        break;
    case REDIS_MESSAGE_HELLO:
        walk_u64(cursor, &message->hello.epoch);
        walk_u64(cursor, &message->hello.number);
        break;
    }
}

int redis_message_encode(const struct redis_message *message, uint8_t *bytes, size_t size)
{
    struct redis_message copy = *message;
    struct cursor cursor = {.out = bytes, .size = size};

    if (size < 4)
        return -ENOSPC;
    memcpy(bytes, magic, sizeof(magic));
    bytes[2] = REDIS_MESSAGE_VERSION;
    bytes[3] = (uint8_t)message->kind;
    cursor.at = 4;
    walk_message(&cursor, &copy);
    return cursor.failed ? -ENOSPC : (int)cursor.at;
}

int redis_message_decode(const uint8_t *bytes, size_t length, struct redis_message *message)
{
    struct cursor cursor = {.in = bytes, .size = length, .at = 4};

    memset(message, 0, sizeof(*message));
    if (length < 4 || memcmp(bytes, magic, sizeof(magic)) != 0)
        return -EBADMSG;
    if (bytes[2] != REDIS_MESSAGE_VERSION || bytes[3] < REDIS_MESSAGE_TELL ||
        bytes[3] > REDIS_MESSAGE_HELLO)
        return -EPROTONOSUPPORT;
    message->kind = (enum redis_message_kind)bytes[3];
    walk_message(&cursor, message);
    return cursor.failed ? -EBADMSG : 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int redis_replid_parse(const char *text, struct redis_replid *replid)
{
    struct redis_replid parsed;

    for (size_t i = 0; i < sizeof(parsed.byte); i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return -EINVAL;
        parsed.byte[i] = (uint8_t)(high << 4 | low);
    }
    if (text[2 * sizeof(parsed.byte)])
        return -EINVAL;
    *replid = parsed;
    return 0;
}
