// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes from a Sentinel, as replies to each question that a feed asks and as its events, and as
 * lines of the watch: what is made of them ends within its field, and only what is known is said.
 */
#include "replay.h"

#include "../../agents/sentinel_leader.h"
#include "../../agents/sentinel_tell.h"
#include "../../lib/redis_reply.h"
#include "util.h"
#include <string.h>

static void check_text(const char *text, size_t size)
{
    if (!memchr(text, '\0', size))
        abort();
}

/* Whatever was read: a status is one of these words. */
static void check_attribute(void *data, const char *suffix, const char *value)
{
    static const char *const words[] = {"ok", "sdown", "odown", "no-quorum", "tilt"};
    bool is_known = !str_eq(suffix, "status");

    (void)data;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        is_known = is_known || str_eq(value, words[i]);
    if (!is_known)
        abort();
}

static void check_view(struct sentinel_view *view, const struct redis_list *list, const char *text)
{
    if (text) {
        sentinel_view_read_quorum(text, view);
        sentinel_view_read_info(text, view);
    }
    sentinel_view_read_master(list, view);
    check_text(view->host, sizeof(view->host));
    check_text(view->quorum_words, sizeof(view->quorum_words));
    sentinel_view_attributes(view, check_attribute, NULL);
}

static void check_entries(const struct redis_list *list)
{
    static struct sentinel_entry entries[SENTINEL_ENTRIES_MAX];
    size_t count = sentinel_entries_read(list, entries, SENTINEL_ENTRIES_MAX);
    const struct sentinel_entry *found = sentinel_promotable(entries, count);
    const struct peer primary = {.host = "192.0.2.11", .port = 6379};

    if (count > SENTINEL_ENTRIES_MAX || (found && (found->priority <= 0 || found->is_down)))
        abort();
    for (size_t i = 0; i < count; i++) {
        check_text(entries[i].host, sizeof(entries[i].host));
        check_text(entries[i].id, sizeof(entries[i].id));
    }
    free(sentinel_hello_text("mymaster", list, &primary, 7));
}

static void check_reply(const redisReply *reply)
{
    struct sentinel_view view = {.watches = false};
    struct redis_list list = {0};

    redis_reply_list(reply, &list);
    check_view(&view, &list, reply->type == REDIS_REPLY_ARRAY ? NULL : reply->str);
    check_entries(&list);
    redis_list_free(&list);
}

static void check_line(const uint8_t *data, size_t size)
{
    struct sentinel_leader leader;
    char *line = strndup((const char *)data, size);

    if (sentinel_leader_parse(line, &leader))
        check_text(leader.host, sizeof(leader.host));
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    check_line(data, size);
    redisReaderFeed(reader, (const char *)data, size);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        check_reply(reply);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return 0;
}
