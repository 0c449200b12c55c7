// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as what Sentinel answers to each question of sentinel-feed, as what it publishes, and
 * as what redis-watch tells it: nothing but what an attribute may hold comes out of it, and
 * hiredis is shown nothing that it would end the program for.
 */
#include "replay.h"

#include "../../agents/sentinel_news.c"
#include "../../lib/redis_async_ask.c"
#include "../../lib/redis_async_guard.c"
#include "sentinel_tell.h"

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* What was understood of all that was tried. */
static struct {
    unsigned long answers, messages, lines;
} seen;

__attribute__((destructor)) static void tell(void)
{
    printf("%lu answers, %lu messages and %lu lines came through\n", seen.answers, seen.messages,
           seen.lines);
}

/* ---- what comes out ---- */

static void check_attribute(void *data, const char *suffix, const char *value)
{
    static const char *const states[] = {"tilt", "no-quorum", "odown", "sdown", "ok"};
    const char *port = value ? strrchr(value, ':') : NULL;
    int64_t number;
    bool known = false;

    (void)data;
    if (!value)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        known = known || str_eq(value, states[i]);
    if (str_eq(suffix, "status"))
        must(known);
    else if (str_eq(suffix, "sentinels"))
        must(parse_int64(value, 1, INT32_MAX, &number) == 0);
    else
        must(port && port > value && parse_int64(port + 1, 1, 65535, &number) == 0 &&
             strspn(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-_%") ==
                 strlen(value));
}

static void check_peers(const struct sentinel_view *view, const struct redis_list *peers)
{
    const struct sentinel_server server = {.conf_path = (char *)"/nonexistent/sentinel.conf"};
    const struct peer primary = {.host = "10.0.0.1", .port = 6379};
    int64_t epoch = sentinel_next_epoch(&server, view, peers);

    must(epoch > 0 && epoch > view->config_epoch);
    free(sentinel_hello_text("mymaster", peers, &primary, epoch));
}

static void check_entries(const struct redis_list *list)
{
    struct sentinel_entry entries[4];
    size_t count = sentinel_entries_read(list, entries, ARRAY_SIZE(entries));

    must(count <= ARRAY_SIZE(entries));
    for (size_t i = 0; i < count; i++)
        must(memchr(entries[i].host, '\0', sizeof(entries[i].host)) &&
             memchr(entries[i].id, '\0', sizeof(entries[i].id)));
}

/* Each answer as that to every question. */
static void answered(void *data, const struct redis_answer *answer)
{
    struct sentinel_view view = {0};

    (void)data;
    seen.answers++;
    if (answer->rc == 0)
        sentinel_view_read_master(answer->list, &view);
    if (answer->text) {
        sentinel_view_read_quorum(answer->text, &view);
        sentinel_view_read_info(answer->text, &view);
    }
    sentinel_view_attributes(&view, check_attribute, NULL);
    check_peers(&view, answer->list);
    check_entries(answer->list);
}

static void published(void *data, const char *channel, const char *text)
{
    (void)data;
    seen.messages++;
    must(!channel == !text);
}

static void led(void *data, const struct sentinel_leader *leader)
{
    (void)data;
    seen.lines++;
    must(leader->port > 0 && leader->port <= 65535 && leader->host[0] &&
         !strpbrk(leader->host, " \t\r\n"));
}

/* What the watch asks for is a whole line. */
static void asked(void *data, const char *line)
{
    (void)data;
    must(!strchr(line, '\n'));
}

/* ---- what goes in ---- */

/* What hiredis must not see: it asserts that, or calls the callback of another answer. */
static void check_message(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return;
    must(reply->type == REDIS_REPLY_ARRAY && reply->elements >= MESSAGE_WORDS &&
         reply->element[0]->type == REDIS_REPLY_STRING &&
         reply->element[1]->type == REDIS_REPLY_STRING);
    must(!strcasestr(reply->element[0]->str, "unsubscribe"));
    must(str_eq(reply->element[1]->str, "*"));
}

static void read_replies(struct redis_async *connection, struct ask *ask)
{
    redisReader *reader = connection->context->c.reader;
    void *reply = NULL;

    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        if (connection->is_subscribed) {
            check_message(reply);
            push_came(NULL, reply, connection);
        } else {
            ask->fn = answered;
            ask_tell_reply(ask, reply);
        }
        reader->fn->freeObject(reply);
    }
}

static void as_replies(const uint8_t *data, size_t size, bool is_subscribed)
{
    redisAsyncContext context = {.c.reader = redisReaderCreate()};
    struct ask ask = {.fn = answered};
    struct redis_async connection = {
        .context = &context, .push = published, .pattern = (char *)"*"};

    connection.is_subscribed = is_subscribed;
    connection.first = is_subscribed ? NULL : &ask;

    redis_async_guard(&connection);
    redisReaderFeed(context.c.reader, (const char *)data, size);
    read_replies(&connection, &ask);
    redisReaderFree(context.c.reader);
    free(connection.down_text);
}

static void as_lines(const uint8_t *data, size_t size)
{
    struct sentinel_news news = {.fn = led, .order = asked};

    while (size > 0 && news.length < sizeof(news.text)) {
        size_t space = sizeof(news.text) - news.length, taken = size < space ? size : space;

        memcpy(news.text + news.length, data, taken);
        news.length += taken;
        data += taken;
        size -= taken;
        take_lines(&news);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_replies(data, size, false);
    as_replies(data, size, true);
    as_lines(data, size);
    return 0;
}
