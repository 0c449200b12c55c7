// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INFO, line by line, by a table of the fields that matter. A line counts only with its line end: a
 * number whose last digits are missing would be a wrong one.
 */
#include "redis_info.h"

#include "util.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#define NUMBER_SIZE 24 /* the longest int64_t with its sign, and the NUL */

/* Bytes within the text; not terminated. */
struct span {
    const char *at;
    size_t length;
};

enum field_type {
    FIELD_TEXT, /* a value that does not fit is left out: half a path is a wrong one */
    FIELD_INT,
    FIELD_INT64,
    FIELD_BOOL, /* 0 or 1 */
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size;
};

/* A member's place. */
#define IN(record, member) offsetof(struct record, member), sizeof(((struct record *)0)->member)

static const struct field info_fields[] = {
    {"redis_version", FIELD_TEXT, IN(redis_info, version)},
    {"run_id", FIELD_TEXT, IN(redis_info, run_id)},
    {"process_id", FIELD_INT, IN(redis_info, process_id)},
    {"tcp_port", FIELD_INT, IN(redis_info, tcp_port)},
    {"executable", FIELD_TEXT, IN(redis_info, executable)},
    {"config_file", FIELD_TEXT, IN(redis_info, config_file)},
    {"loading", FIELD_BOOL, IN(redis_info, loading)},
    {"aof_enabled", FIELD_BOOL, IN(redis_info, aof_enabled)},
    {"aof_rewrite_in_progress", FIELD_BOOL, IN(redis_info, aof_rewriting)},
    {"aof_rewrite_scheduled", FIELD_BOOL, IN(redis_info, aof_rewrite_due)},
    {"aof_last_bgrewrite_status", FIELD_TEXT, IN(redis_info, aof_rewrite_status)},
    {"aof_last_write_status", FIELD_TEXT, IN(redis_info, aof_write_status)},
    {"master_replid", FIELD_TEXT, IN(redis_info, replid)},
    {"master_replid2", FIELD_TEXT, IN(redis_info, replid2)},
    {"master_repl_offset", FIELD_INT64, IN(redis_info, offset)},
    {"slave_repl_offset", FIELD_INT64, IN(redis_info, replica_offset)},
    {"second_repl_offset", FIELD_INT64, IN(redis_info, second_offset)},
    {"repl_backlog_active", FIELD_BOOL, IN(redis_info, has_backlog)},
    {"master_host", FIELD_TEXT, IN(redis_info, primary_host)},
    {"master_port", FIELD_INT, IN(redis_info, primary_port)},
    {"master_sync_in_progress", FIELD_BOOL, IN(redis_info, sync_in_progress)},
    {"master_link_down_since_seconds", FIELD_INT64, IN(redis_info, link_down_s)},
    {"master_last_io_seconds_ago", FIELD_INT64, IN(redis_info, last_io_s)},
    {"slave_priority", FIELD_INT, IN(redis_info, priority)},
    {"connected_slaves", FIELD_INT, IN(redis_info, connected_replicas)},
};

static const struct field replica_fields[] = {
    {"ip", FIELD_TEXT, IN(redis_replica_info, host)},
    {"port", FIELD_INT, IN(redis_replica_info, port)},
    {"offset", FIELD_INT64, IN(redis_replica_info, offset)},
    {"lag", FIELD_INT64, IN(redis_replica_info, lag_s)},
};

/* Cuts the text at the first `separator`: false where there is none. */
static bool span_cut(struct span text, char separator, struct span *before, struct span *after)
{
    const char *at = text.length ? memchr(text.at, separator, text.length) : NULL;

    if (!at)
        return false;
    *before = (struct span){text.at, (size_t)(at - text.at)};
    *after = (struct span){at + 1, text.length - before->length - 1};
    return true;
}

static bool span_is(struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

static bool span_copy(struct span span, char *to, size_t size)
{
    if (span.length >= size || memchr(span.at, '\0', span.length))
        return false;
    memcpy(to, span.at, span.length);
    to[span.length] = '\0';
    return true;
}

static bool span_number(struct span span, int64_t min, int64_t max, int64_t *value)
{
    char text[NUMBER_SIZE];

    return span_copy(span, text, sizeof(text)) && parse_int64(text, min, max, value) == 0;
}

/* "slave0", "db12": the prefix and digits only. */
static bool span_is_numbered(struct span span, const char *prefix)
{
    size_t length = strlen(prefix);
    int64_t number;

    return span.length > length && memcmp(span.at, prefix, length) == 0 &&
           span_number((struct span){span.at + length, span.length - length}, 0, INT_MAX, &number);
}

static bool field_set(const struct field *field, void *record, struct span value)
{
    void *to = (char *)record + field->offset;
    int64_t number;

    switch (field->type) {
    case FIELD_TEXT:
        return span_copy(value, to, field->size);
    case FIELD_INT:
        if (!span_number(value, INT_MIN, INT_MAX, &number))
            return false;
        *(int *)to = (int)number;
        return true;
    case FIELD_INT64:
        if (!span_number(value, INT64_MIN, INT64_MAX, &number))
            return false;
        *(int64_t *)to = number;
        return true;
    case FIELD_BOOL:
        if (!span_number(value, 0, 1, &number))
            return false;
        *(bool *)to = number == 1;
        return true;
    }
    return false;
}

static bool table_set(const struct field *table, size_t count, void *record, struct span key,
                      struct span value)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(key, table[i].name))
            return field_set(&table[i], record, value);
    return false;
}

/* slave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=0 */
static bool replica_add(struct redis_info *info, struct span line)
{
    struct redis_replica_info replica = {.offset = -1, .lag_s = -1};
    struct span part, key, value;

    while (line.length > 0) {
        if (!span_cut(line, ',', &part, &line)) {
            part = line;
            line.length = 0;
        }
        if (!span_cut(part, '=', &key, &value))
            continue;
        if (span_is(key, "state"))
            replica.online = span_is(value, "online");
        else
            table_set(replica_fields, ARRAY_SIZE(replica_fields), &replica, key, value);
    }
    if (info->replica_count < REDIS_MAX_REPLICAS)
        info->replicas[info->replica_count++] = replica;
    return true;
}

/* db0:keys=3,expires=0,avg_ttl=0 */
static bool keys_add(struct redis_info *info, struct span line)
{
    struct span part, rest, key, value;
    int64_t keys, sum;

    if (!span_cut(line, ',', &part, &rest))
        part = line;
    if (!span_cut(part, '=', &key, &value) || !span_is(key, "keys") ||
        !span_number(value, 0, INT64_MAX, &keys) || __builtin_add_overflow(info->keys, keys, &sum))
        return false;
    info->keys = sum;
    return true;
}

static bool role_set(struct redis_info *info, struct span value)
{
    if (span_is(value, "master"))
        info->role = REDIS_ROLE_PRIMARY;
    else if (span_is(value, "slave"))
        info->role = REDIS_ROLE_REPLICA;
    else
        return false;
    return true;
}

/* Valkey says redis_version 7.2.4 for ever, and its own version after it. */
static bool valkey_set(struct redis_info *info, struct span value)
{
    info->is_valkey = true;
    span_copy(value, info->version, sizeof(info->version));
    return true;
}

static bool line_take(struct redis_info *info, struct span key, struct span value)
{
    if (span_is(key, "role"))
        return role_set(info, value);
    if (span_is(key, "valkey_version"))
        return valkey_set(info, value);
    if (span_is(key, "redis_version") && info->is_valkey)
        return true;
    if (span_is(key, "redis_mode") || span_is(key, "server_mode")) { /* the latter: Valkey 8 */
        info->is_sentinel = span_is(value, "sentinel");
        return true;
    }
    if (span_is(key, "master_link_status")) {
        info->link_up = span_is(value, "up");
        return true;
    }
    if (span_is_numbered(key, "slave"))
        return replica_add(info, value);
    if (span_is_numbered(key, "db"))
        return keys_add(info, value);
    return table_set(info_fields, ARRAY_SIZE(info_fields), info, key, value);
}

int redis_info_parse(const char *text, size_t length, struct redis_info *info)
{
    struct span rest = {text, length}, line, key, value;
    size_t taken = 0;

    *info = (struct redis_info){
        .offset = -1,
        .replica_offset = -1,
        .second_offset = -1,
        .link_down_s = -1,
        .last_io_s = -1,
        .priority = -1,
    };
    while (span_cut(rest, '\n', &line, &rest)) {
        if (line.length > 0 && line.at[line.length - 1] == '\r')
            line.length--;
        if (span_cut(line, ':', &key, &value) && line_take(info, key, value))
            taken++;
    }
    return taken > 0 ? 0 : -EINVAL;
}

int64_t redis_info_offset(const struct redis_info *info)
{
    return info->role == REDIS_ROLE_REPLICA && info->replica_offset >= 0 ? info->replica_offset
                                                                         : info->offset;
}
