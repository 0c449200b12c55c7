// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From hiredis's tree of replies to text, flat lists and classes of errors. Its reader bounds how
 * deep a tree is.
 */
#include "redis_reply.h"

#include "util.h"
#include <string.h>

static char *scalar_text(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER)
        return xasprintf("%lld", reply->integer);
    return reply->str ? xstrdup(reply->str) : NULL;
}

static size_t reply_count(const redisReply *reply)
{
    size_t count = 0;

    if (reply->type != REDIS_REPLY_ARRAY)
        return 1;
    for (size_t i = 0; i < reply->elements; i++)
        count += reply_count(reply->element[i]);
    return count;
}

static void reply_flatten(const redisReply *reply, struct redis_list *list)
{
    if (reply->type != REDIS_REPLY_ARRAY) {
        list->items[list->count++] = scalar_text(reply);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++)
        reply_flatten(reply->element[i], list);
}

void redis_reply_list(const redisReply *reply, struct redis_list *list)
{
    *list = (struct redis_list){0};
    if (reply->type == REDIS_REPLY_NIL)
        return;
    list->items = xcalloc(reply_count(reply) + 1, sizeof(*list->items));
    reply_flatten(reply, list);
}

char *redis_reply_text(const redisReply *reply)
{
    struct redis_list list;
    char *text = NULL;
    size_t size = 0;
    FILE *out;

    if (reply->type != REDIS_REPLY_ARRAY)
        return scalar_text(reply);
    redis_reply_list(reply, &list);
    out = open_memstream(&text, &size);
    if (!out)
        abort();
    for (size_t i = 0; i < list.count; i++)
        fprintf(out, "%s%s", i > 0 ? "\n" : "", list.items[i] ? list.items[i] : "");
    if (fclose(out))
        abort();
    redis_list_free(&list);
    return text;
}

enum redis_error redis_reply_error(const redisReply *reply)
{
    static const struct {
        const char *prefix;
        enum redis_error error;
    } classes[] = {
        {"LOADING ", REDIS_ERROR_LOADING},
        {"BUSY ", REDIS_ERROR_BUSY},
        {"NOAUTH ", REDIS_ERROR_NOAUTH},
        {"WRONGPASS ", REDIS_ERROR_NOAUTH},
        {"NOPERM ", REDIS_ERROR_NOAUTH},
        {"DENIED ", REDIS_ERROR_NOAUTH},
        {"ERR invalid password", REDIS_ERROR_NOAUTH}, /* before 6.0 */
        {"ERR operation not permitted", REDIS_ERROR_NOAUTH},
    };

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (str_starts(reply->str, classes[i].prefix))
            return classes[i].error;
    return REDIS_ERROR_OTHER;
}

char *redis_reply_error_text(const redisReply *reply)
{
    const char *words = strstr(reply->str, ", with args beginning with");

    return words ? xasprintf("%.*s", (int)(words - reply->str), reply->str) : xstrdup(reply->str);
}

void redis_list_free(struct redis_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct redis_list){0};
}

const char *redis_list_field(const struct redis_list *list, const char *field)
{
    for (size_t i = 0; i + 1 < list->count; i += 2)
        if (str_eq(list->items[i], field))
            return list->items[i + 1];
    return NULL;
}
