// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sentinel-feed INSTANCE NODE: the resident companion of ocf:redis-ha:sentinel. It hears what the
 * local Sentinel says and makes node attributes of it. An event is a hint that something changed,
 * and may get lost; what counts is the answer to a question, asked at each event and now and then.
 */
#include "sentinel_feed.h"

#include "callers.h"
#include "companion_attributes.h"
#include "companion_run.h"
#include "log.h"
#include "redis_async.h"
#include "sentinel_members.h"
#include "sentinel_params.h"
#include "sentinel_switch.h"
#include "sentinel_view.h"
#include <errno.h>
#include <string.h>

#define ANSWER_MS 1000 /* one that is silent for longer is told as unreachable */
#define ASK_MS    1000 /* between two questions while nothing happens */
#define AGAIN_MS  200  /* between two tries to connect */
#define SOON_MS   2    /* from an event to the question: what comes at once is one change */

struct feed {
    struct ocf_context context;
    struct sentinel_params params;
    struct sentinel_server server;
    struct loop *loop;
    struct loop_timer *ask;
    struct callers *callers;
    struct attr_manager *manager;
    struct sentinel_switch *change;
    struct sentinel_members *members;
    struct redis_async *asks, *events; /* NULL: not connected */
    bool asks_up;
    size_t awaited; /* answers of the round of questions that is under way */
    bool again;     /* something happened meanwhile */
    bool told_unreachable;
    int failed; /* of that round: the last -errno, 0 */
    struct sentinel_view view;
};

/* ---- what the cluster is told ---- */

static void publish(void *data, const char *suffix, const char *value)
{
    struct feed *feed = data;
    cleanup_free char *name = xasprintf("%s-%s", feed->context.instance, suffix);

    companion_attribute_set(feed->manager, name, value, 0);
}

static void publish_unreachable(struct feed *feed, const char *why)
{
    if (!feed->told_unreachable)
        log_info("Sentinel gives no answer: %s", why);
    feed->told_unreachable = true;
    publish(feed, "status", "unreachable");
}

/* ---- a round of questions ---- */

static void round_ended(struct feed *feed)
{
    bool again = feed->again;

    feed->again = false;
    if (feed->failed) {
        publish_unreachable(feed, strerror(-feed->failed));
    } else {
        feed->told_unreachable = false;
        sentinel_view_attributes(&feed->view, publish, feed);
        sentinel_switch_seen(feed->change, feed->asks, &feed->view,
                             sentinel_members_word(feed->members));
        sentinel_members_seen(feed->members, feed->asks, &feed->view);
    }
    (void)loop_timer_start(feed->ask, again ? 0 : ASK_MS);
}

/* -EREMOTEIO is an answer, where it says that it does not know that name. */
static void answered(struct feed *feed, int rc)
{
    if (rc && rc != -EREMOTEIO)
        feed->failed = rc;
    if (--feed->awaited == 0)
        round_ended(feed);
}

static void master_came(void *data, const struct redis_answer *answer)
{
    struct feed *feed = data;

    if (answer->rc == 0)
        sentinel_view_read_master(answer->list, &feed->view);
    answered(feed, answer->rc);
}

static void quorum_came(void *data, const struct redis_answer *answer)
{
    struct feed *feed = data;

    if (answer->text && (answer->rc == 0 || feed->view.watches))
        sentinel_view_read_quorum(answer->text, &feed->view);
    answered(feed, answer->rc);
}

static void info_came(void *data, const struct redis_answer *answer)
{
    struct feed *feed = data;

    if (answer->rc == 0 && answer->text)
        sentinel_view_read_info(answer->text, &feed->view);
    answered(feed, answer->rc);
}

static void ask_one(struct feed *feed, redis_answer_fn fn, const char *const words[3])
{
    size_t count = words[2] ? 3 : 2;

    feed->awaited++;
    if (redis_async_ask(feed->asks, ANSWER_MS, fn, feed, count, words) < 0) {
        feed->awaited--;
        feed->failed = -EBUSY;
    }
}

static void ask_round(struct feed *feed)
{
    const char *name = feed->params.master_name;

    memset(&feed->view, 0, sizeof(feed->view));
    feed->failed = 0;
    ask_one(feed, master_came, (const char *const[]){"SENTINEL", "MASTER", name});
    ask_one(feed, quorum_came, (const char *const[]){"SENTINEL", "CKQUORUM", name});
    ask_one(feed, info_came, (const char *const[]){"INFO", "sentinel", NULL});
    if (feed->awaited == 0)
        round_ended(feed);
}

/* ---- the two connections: questions, and events ---- */

static void connect_both(struct feed *feed);

static void ask(void *data)
{
    struct feed *feed = data;

    connect_both(feed);
    if (feed->awaited)
        feed->again = true;
    else if (feed->asks_up)
        ask_round(feed);
}

static void asks_up(void *data)
{
    struct feed *feed = data;

    feed->asks_up = true;
    (void)loop_timer_start(feed->ask, 0);
}

/* Every answer that was awaited has been told as missing before. */
static void asks_down(void *data, int rc, const char *text)
{
    struct feed *feed = data;

    redis_async_free(feed->asks);
    feed->asks = NULL;
    feed->asks_up = false;
    publish_unreachable(feed, *text ? text : strerror(-rc));
    if (rc == -EACCES) {
        log_error("Sentinel lets the feed in no more: it ends, and is launched anew with what "
                  "auth_file says then");
        loop_stop(feed->loop);
        return;
    }
    (void)loop_timer_start(feed->ask, AGAIN_MS);
}

static void event_came(void *data, const char *channel, const char *text)
{
    struct feed *feed = data;

    if (channel)
        log_debug("%s %s", channel, text);
    sentinel_members_changed(feed->members);
    (void)loop_timer_start(feed->ask, SOON_MS);
}

static void look(void *data)
{
    struct feed *feed = data;

    (void)loop_timer_start(feed->ask, 0);
}

static void events_up(void *data)
{
    struct feed *feed = data;
    int rc = redis_async_subscribe(feed->events, "*", event_came, feed);

    if (rc)
        log_warning("Sentinel's events cannot be heard (%s): it is asked each second",
                    strerror(-rc));
}

static void events_down(void *data, int rc, const char *text)
{
    struct feed *feed = data;

    log_debug("no events from Sentinel: %s", *text ? text : strerror(-rc));
    redis_async_free(feed->events);
    feed->events = NULL;
    (void)loop_timer_start(feed->ask, AGAIN_MS);
}

static void connect_one(struct feed *feed, const struct redis_async_events *events,
                        struct redis_async **connection)
{
    const struct redis_endpoint endpoint = sentinel_endpoint(&feed->server);
    int rc = *connection ? 0
                         : redis_async_open(feed->loop, LOOP_NORMAL, &endpoint, ANSWER_MS, events,
                                            feed, connection);

    if (rc)
        log_warning("Sentinel cannot be connected to: %s", strerror(-rc));
    if (rc == -EINVAL) { /* a host name in its file: the agent, which may look it up, does all */
        log_error("Sentinel is known by the name %s only: put an address into bind", endpoint.host);
        loop_stop(feed->loop);
    }
}

static void connect_both(struct feed *feed)
{
    static const struct redis_async_events asks = {.up = asks_up, .down = asks_down};
    static const struct redis_async_events events = {.up = events_up, .down = events_down};

    connect_one(feed, &asks, &feed->asks);
    connect_one(feed, &events, &feed->events);
    (void)loop_timer_start(feed->ask, feed->asks_up ? ASK_MS : AGAIN_MS);
}

/* ---- the program ---- */

static void called(void *data, struct caller *caller, const char *line)
{
    (void)data;
    caller_answer(caller, str_eq(line, "ping") ? "done" : "refused that request is not known");
}

static int feed_open(void *data)
{
    struct feed *feed = data;
    const struct companion self = sentinel_feed_of(&feed->context);
    cleanup_free char *path = companion_path(&self, "sock");
    int rc = callers_open(feed->loop, path, called, feed, &feed->callers);

    if (!rc)
        rc = companion_attributes_open(feed->loop, "what Sentinel says", &feed->manager);
    if (!rc)
        rc = sentinel_switch_open(feed->loop, &feed->server, look, feed, &feed->change);
    if (!rc)
        rc = sentinel_members_open(feed->loop, &feed->server, &feed->members);
    feed->ask = loop_timer_new(feed->loop, LOOP_NORMAL, ask, feed);
    if (!rc)
        rc = feed->ask ? loop_timer_start(feed->ask, 0) : -ENOMEM;
    if (rc)
        log_error("sentinel-feed cannot run: %s", strerror(-rc));
    return rc;
}

static void feed_close(void *data)
{
    struct feed *feed = data;

    redis_async_free(feed->asks);
    redis_async_free(feed->events);
    sentinel_members_close(feed->members);
    sentinel_switch_close(feed->change);
    loop_timer_free(feed->ask);
    attr_manager_close(feed->manager);
    callers_close(feed->callers);
}

int main(int argc, char **argv)
{
    static struct feed feed;
    struct companion self;
    int rc;

    if (argc != 3) {
        fprintf(stderr, "usage: sentinel-feed INSTANCE NODE\n"
                        "The companion of ocf:redis-ha:sentinel; the agent launches it.\n");
        return 2;
    }
    log_open_resident("sentinel-feed");
    feed.context = companion_context("sentinel", argv[1], argv[2]);
    self = sentinel_feed_of(&feed.context);
    if (companion_params_read(&self, sentinel_param_table, &feed.params) < 0)
        return 1;
    sentinel_server_open(&feed.server, &feed.context, &feed.params);
    feed.loop = loop_new();
    rc = feed.loop ? companion_run(feed.loop, feed_open, feed_close, &feed) : -ENOMEM;
    loop_free(feed.loop);
    sentinel_server_close(&feed.server);
    return rc ? 1 : 0;
}
