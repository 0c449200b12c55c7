// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The local Sentinel as the protocol sees it, told by sentinel-feed: whom it names, and whether it
 * could promote a server. And the one thing that it is asked for: SENTINEL FAILOVER.
 */
#include "redis_watch.h"

#include "log.h"
#include "redis_watch_digest.h"
#include <inttypes.h>
#include <string.h>

static void tell(struct watch *watch, const struct protocol_sentinel *feed)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_SENTINEL, .feed = *feed};

    const struct protocol_sentinel *known = &watch->protocol.feed;

    if (feed->named.node != known->named.node || feed->named.number != known->named.number ||
        feed->harmless != known->harmless || feed->busy != known->busy ||
        feed->down_after_ms != known->down_after_ms)
        watch_event(watch, &event);
}

/* `sees HOST PORT NUMBER DOWN_AFTER WORDS`, where WORDS are `harmless` or `harmful`, and `busy`,
 * with commas. Other lines are not for us. */
void watch_sentinel_heard(struct watch *watch, const char *line)
{
    struct protocol_sentinel feed = {.busy = false};
    char host[REDIS_HOST_SIZE], words[64];
    int port;

    if (sscanf(line, "sees %255s %d %" SCNu64 " %" SCNu32 " %63s", host, &port, &feed.named.number,
               &feed.down_after_ms, words) != 5)
        return;
    feed.named.node = watch_node_at(watch, host, port);
    if (strstr(words, "harmless"))
        feed.harmless = MEMBER_ANSWER_YES;
    else if (strstr(words, "harmful"))
        feed.harmless = MEMBER_ANSWER_NO;
    feed.busy = strstr(words, "busy") != NULL;
    tell(watch, &feed);
}

/* Whom it named stands until another word is heard: a feed that is started anew says the same. */
void watch_sentinel_gone(struct watch *watch)
{
    struct protocol_sentinel feed = {.busy = false};

    feed.named = watch->protocol.feed.named;
    feed.down_after_ms = watch->protocol.feed.down_after_ms;
    tell(watch, &feed);
}

void watch_sentinel_failover(struct watch *watch, uint32_t node)
{
    cleanup_free char *line =
        node ? xasprintf("failover %s %d", watch->server.address, watch->server.port)
             : xstrdup("failover any 0");

    log_notice("Sentinel is asked for a failover%s", node ? " to this server" : "");
    watch_agent_say_news(watch, line);
}

static char *refused_path(const struct watch *watch)
{
    return xasprintf("%s/refused", watch->context.run_dir);
}

void watch_sentinel_refused(const struct watch *watch)
{
    cleanup_free char *path = refused_path(watch);
    cleanup_free char *text = xasprintf("%" PRIu64 "\n", watch->protocol.refused_ms);
    int rc = file_write_atomic(path, text, 0600);

    if (rc)
        log_warning("%s could not be written: %s", path, strerror(-rc));
}

uint64_t watch_sentinel_refused_ms(const struct watch *watch)
{
    cleanup_free char *path = refused_path(watch);
    cleanup_free char *text = NULL;
    int64_t until_ms = 0;

    if (file_read(path, 32, &text) < 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return parse_int64(text, 0, INT64_MAX, &until_ms) == 0 ? (uint64_t)until_ms : 0;
}
