// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What sentinel-feeds are told: the leader, as Sentinel is to name it, and the epoch of Sentinel's
 * own by which all of them are told. The feed of the leader's node chooses that one, since two
 * numbers for one promotion would let an older word undo a newer one; it goes to the others over
 * the bus.
 */
#include "redis_watch.h"

#include "callers.h"
#include "log.h"
#include "redis_protocol_rooms.h"
#include "redis_watch_digest.h"
#include <inttypes.h>

static bool leads_here(const struct watch *watch)
{
    return watch->news.leader == watch->protocol.config.self;
}

/* `leads HOST PORT EPOCH NUMBER here|there`; NUMBER 0: not chosen yet. NULL: nothing to tell.
 * Caller frees. */
static char *news_line(struct watch *watch)
{
    const struct watch_news *news = &watch->news;
    uint64_t number = news->hello.epoch == news->epoch ? news->hello.number : 0;
    char host[REDIS_HOST_SIZE];
    int port = watch->server.port;

    if (!news->leader)
        return NULL;
    snprintf(host, sizeof(host), "%s", watch->server.address);
    if (!leads_here(watch) &&
        watch_peer_address(watch, news->leader, host, sizeof(host), &port) < 0)
        return NULL;
    return xasprintf("leads %s %d %" PRIu64 " %" PRIu64 " %s", host, port, news->epoch, number,
                     leads_here(watch) ? "here" : "there");
}

static void say(struct watch *watch)
{
    cleanup_free char *line = news_line(watch);

    if (line)
        watch_agent_say_news(watch, line);
}

/* A new primary is told of when its timeline is known. */
void watch_news_update(struct watch *watch)
{
    const struct protocol_member *leader = protocol_good_primary(&watch->protocol);
    const struct redis_timeline *newest = protocol_newest(&watch->protocol);
    struct watch_news *news = &watch->news;

    if (!leader || newest->primary != leader->id ||
        (news->leader == leader->id && news->epoch == newest->epoch))
        return;
    news->leader = leader->id;
    news->epoch = newest->epoch;
    say(watch);
}

void watch_news_follow(struct watch *watch, struct caller *caller)
{
    cleanup_free char *line = news_line(watch);

    if (line)
        (void)caller_say(caller, line);
}

bool watch_news_choose(struct watch *watch, const struct redis_hello *hello)
{
    if (!leads_here(watch) || hello->epoch != watch->news.epoch)
        return false;
    if (watch->news.hello.epoch != hello->epoch) /* two feeds on one node: the first */
        watch_ring_hello(watch, hello);
    return true;
}

/* In the order of the bus, so that all take the same. */
void watch_news_heard(struct watch *watch, const struct redis_hello *hello)
{
    struct redis_hello *known = &watch->news.hello;

    if (hello->epoch <= known->epoch)
        return;
    *known = *hello;
    log_info("Sentinels are told of epoch %" PRIu64 " by theirs of %" PRIu64, hello->epoch,
             hello->number);
    if (hello->epoch == watch->news.epoch)
        say(watch);
}

bool watch_news_drop(struct watch *watch)
{
    if (!watch->news.leader || leads_here(watch))
        return false;
    watch_redis_order(watch, &(struct protocol_effect){.kind = PROTOCOL_EFFECT_DROP_CLIENTS});
    return true;
}

void watch_news_repeat(struct watch *watch)
{
    if (watch->news.leader && watch->news.hello.epoch == watch->news.epoch)
        watch_ring_hello(watch, &watch->news.hello);
}
