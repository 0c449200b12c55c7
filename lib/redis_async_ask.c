// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands, their answers and deadlines, and published messages. A command whose deadline passed
 * keeps its place, since answers have no other name than their order.
 */
#include "redis_async_state.h"

#include "clock.h"
#include "redis_reply.h"
#include "util.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define WORDS_MAX 64 /* of redis_async_ask_words */

/* --- answers --- */

static void ask_unlink(struct ask *ask)
{
    struct redis_async *connection = ask->connection;
    struct ask **link = &connection->first;

    while (*link != ask)
        link = &(*link)->next;
    *link = ask->next;
    if (connection->last == &ask->next)
        connection->last = link;
    connection->pending--;
}

static void ask_tell(struct ask *ask, const struct redis_answer *answer)
{
    redis_answer_fn fn = ask->fn;

    ask->fn = NULL;
    fn(ask->data, answer);
}

static void ask_tell_reply(struct ask *ask, const redisReply *reply)
{
    struct redis_list list = {0};
    struct redis_answer answer = {.list = &list};
    cleanup_free char *error_text = NULL;

    switch (reply->type) {
    case REDIS_REPLY_ERROR:
        error_text = redis_reply_error_text(reply);
        answer.rc = -EREMOTEIO;
        answer.error = redis_reply_error(reply);
        answer.text = error_text;
        answer.length = strlen(error_text);
        break;
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_STRING:
        answer.text = reply->str;
        answer.length = (size_t)reply->len;
        break;
    case REDIS_REPLY_INTEGER:
        answer.integer = reply->integer;
        break;
    case REDIS_REPLY_ARRAY:
        redis_reply_list(reply, &list);
        break;
    default: /* nil; nothing else comes in RESP2 */
        break;
    }
    ask_tell(ask, &answer);
    redis_list_free(&list);
}

/* reply NULL: the connection ends. */
static void ask_answered(redisAsyncContext *context, void *reply, void *data)
{
    static const struct redis_list empty;
    static const struct redis_answer lost = {.rc = -ECONNRESET, .list = &empty};
    struct ask *ask = data;

    (void)context;
    ask_unlink(ask);
    if (!ask->fn || ask->connection->deleted)
        ;
    else if (reply)
        ask_tell_reply(ask, reply);
    else
        ask_tell(ask, &lost);
    free(ask);
}

/* --- deadlines --- */

static void deadlines_arm(struct redis_async *connection)
{
    int64_t until_ms = INT64_MAX;

    for (const struct ask *ask = connection->first; ask; ask = ask->next)
        if (ask->fn && ask->until_ms < until_ms)
            until_ms = ask->until_ms;
    if (until_ms == INT64_MAX)
        loop_timer_stop(connection->deadlines);
    else
        loop_timer_start(connection->deadlines, until_ms - clock_ms());
}

static struct ask *ask_overdue(const struct redis_async *connection)
{
    struct ask *ask = connection->first;

    while (ask && !(ask->fn && clock_ms() >= ask->until_ms))
        ask = ask->next;
    return ask;
}

/* Their places in the order stay, for the answers that may still come. */
void redis_async_overdue(void *data)
{
    static const struct redis_list empty;
    static const struct redis_answer late = {.rc = -ETIMEDOUT, .list = &empty};
    struct redis_async *connection = data;
    struct ask *ask;

    redis_async_enter(connection);
    while (!connection->deleted && (ask = ask_overdue(connection)))
        ask_tell(ask, &late);
    if (!connection->deleted && connection->context)
        deadlines_arm(connection);
    redis_async_leave(connection);
}

int redis_async_send(struct redis_async *connection, int64_t deadline_ms, redis_answer_fn fn,
                     void *data, size_t argc, const char *const *argv)
{
    size_t *lengths = xcalloc(argc, sizeof(*lengths));
    struct ask *ask = xcalloc(1, sizeof(*ask));
    int rc;

    for (size_t i = 0; i < argc; i++)
        lengths[i] = strlen(argv[i]);
    *ask = (struct ask){.connection = connection, .fn = fn, .data = data};
    ask->until_ms = clock_ms() + deadline_ms;
    rc = redisAsyncCommandArgv(connection->context, ask_answered, ask, (int)argc,
                               (const char **)argv, lengths);
    free(lengths);
    if (rc != REDIS_OK) { /* it is closing */
        free(ask);
        return -ENOTCONN;
    }
    *connection->last = ask;
    connection->last = &ask->next;
    connection->pending++;
    deadlines_arm(connection);
    return 0;
}

/* --- asking --- */

int redis_async_ask(struct redis_async *connection, int64_t deadline_ms, redis_answer_fn fn,
                    void *data, size_t argc, const char *const *argv)
{
    if (argc == 0)
        return -EINVAL;
    if (!connection->context || !connection->is_up || connection->deleted)
        return -ENOTCONN;
    if (connection->is_subscribed)
        return -ENOTSUP;
    if (connection->pending >= REDIS_ASYNC_PENDING_MAX)
        return -EBUSY;
    return redis_async_send(connection, deadline_ms, fn, data, argc, argv);
}

int redis_async_ask_words(struct redis_async *connection, int64_t deadline_ms, redis_answer_fn fn,
                          void *data, ...)
{
    const char *argv[WORDS_MAX] = {NULL};
    const char *word;
    size_t argc = 0;
    va_list words;

    va_start(words, data);
    while ((word = va_arg(words, const char *)) && argc < WORDS_MAX)
        argv[argc++] = word;
    va_end(words);
    return word ? -E2BIG : redis_async_ask(connection, deadline_ms, fn, data, argc, argv);
}

size_t redis_async_pending(const struct redis_async *connection)
{
    return connection->pending;
}

/* --- published messages --- */

/* ["psubscribe", pattern, 1], then ["pmessage", pattern, channel, text]. */
static void push_came(redisAsyncContext *context, void *data, void *owner)
{
    struct redis_async *connection = owner;
    const redisReply *reply = data;

    (void)context;
    if (!reply || connection->deleted || reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        return;
    if (str_eq(reply->element[0]->str, "psubscribe"))
        connection->push(connection->push_data, NULL, NULL);
    else if (str_eq(reply->element[0]->str, "pmessage") && reply->elements == 4 &&
             reply->element[2]->str && reply->element[3]->str)
        connection->push(connection->push_data, reply->element[2]->str, reply->element[3]->str);
}

int redis_async_subscribe(struct redis_async *connection, const char *pattern, redis_push_fn fn,
                          void *data)
{
    if (!connection->context || !connection->is_up || connection->deleted)
        return -ENOTCONN;
    if (connection->is_subscribed)
        return -ENOTSUP;
    if (connection->pending > 0)
        return -EBUSY;
    connection->push = fn;
    connection->push_data = data;
    if (redisAsyncCommand(connection->context, push_came, connection, "PSUBSCRIBE %s", pattern) !=
        REDIS_OK)
        return -ENOTCONN;
    connection->is_subscribed = true;
    connection->pattern = xstrdup(pattern);
    return 0;
}
