// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hiredis asserts, so ends the program, where a peer answers what was not asked, or sends to a
 * subscriber what is no message; calls the callback of another answer again; and takes memory for
 * as many elements as a list claims to have. So each object is looked at as it is made: one that is
 * refused ends the connection.
 */
#include "redis_async_state.h"

#include "util.h"
#include <errno.h>
#include <string.h>

#define ELEMENTS_MAX  65536 /* of a list; Sentinel's longest has some 40 for each of its peers */
#define MESSAGE_WORDS 3     /* at least: kind, pattern, and what there is to say */

#if HIREDIS_MAJOR < 1
typedef int element_count;
#else
typedef size_t element_count;
#endif

static bool refuse(struct redis_async *connection, const char *text)
{
    redis_async_fail(connection, -EPROTO, text);
    return false;
}

/* An error is what hiredis ends the connection for by itself. A list may be none ("*-1"). */
static bool is_awaited(struct redis_async *connection, const redisReadTask *task, bool is_list)
{
    return task->parent || task->type == REDIS_REPLY_ERROR ||
           (connection->is_subscribed ? is_list : connection->first != NULL) ||
           refuse(connection, "it answers what was not asked");
}

static bool is_text(const char *text, size_t length, const char *wanted)
{
    return text && length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

/* The first two words of a message; hiredis calls for one that it does not know whom it called
 * last. `text` NULL: it is no text. */
static bool is_message_word(struct redis_async *connection, const redisReadTask *task,
                            const char *text, size_t length)
{
    if (!connection->is_subscribed || !task->parent || task->parent->parent || task->idx > 1)
        return true;
    if (task->idx == 1 ? is_text(text, length, connection->pattern)
                       : is_text(text, length, "psubscribe") || is_text(text, length, "pmessage"))
        return true;
    return refuse(connection, "what it publishes is no message");
}

static void *create_string(const redisReadTask *task, char *text, size_t length)
{
    struct redis_async *connection = task->privdata;
    const char *word = task->type == REDIS_REPLY_STRING ? text : NULL;

    return is_awaited(connection, task, false) && is_message_word(connection, task, word, length)
               ? connection->create.createString(task, text, length)
               : NULL;
}

static bool is_list_taken(struct redis_async *connection, const redisReadTask *task, size_t count)
{
    if (count > ELEMENTS_MAX)
        return refuse(connection, "a list in its answer is too long");
    if (connection->is_subscribed && !task->parent && count < MESSAGE_WORDS)
        return refuse(connection, "what it publishes is no message");
    return is_awaited(connection, task, true) && is_message_word(connection, task, NULL, 0);
}

static void *create_array(const redisReadTask *task, element_count count)
{
    struct redis_async *connection = task->privdata;

    return is_list_taken(connection, task, (size_t)count)
               ? connection->create.createArray(task, count)
               : NULL;
}

static bool is_scalar_taken(const redisReadTask *task)
{
    struct redis_async *connection = task->privdata;

    return is_awaited(connection, task, false) && is_message_word(connection, task, NULL, 0);
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct redis_async *connection = task->privdata;

    return is_scalar_taken(task) ? connection->create.createInteger(task, value) : NULL;
}

static void *create_nil(const redisReadTask *task)
{
    struct redis_async *connection = task->privdata;

    return is_scalar_taken(task) ? connection->create.createNil(task) : NULL;
}

#if HIREDIS_MAJOR >= 1
static void *create_double(const redisReadTask *task, double value, char *text, size_t length)
{
    struct redis_async *connection = task->privdata;

    return is_scalar_taken(task) ? connection->create.createDouble(task, value, text, length)
                                 : NULL;
}

static void *create_bool(const redisReadTask *task, int value)
{
    struct redis_async *connection = task->privdata;

    return is_scalar_taken(task) ? connection->create.createBool(task, value) : NULL;
}
#endif

void redis_async_guard(struct redis_async *connection)
{
    redisReader *reader = connection->context->c.reader;

    connection->create = *reader->fn;
    connection->guarded = connection->create;
    connection->guarded.createString = create_string;
    connection->guarded.createArray = create_array;
    connection->guarded.createInteger = create_integer;
    connection->guarded.createNil = create_nil;
#if HIREDIS_MAJOR >= 1
    connection->guarded.createDouble = create_double;
    connection->guarded.createBool = create_bool;
#endif
    reader->fn = &connection->guarded;
    reader->privdata = connection;
}
