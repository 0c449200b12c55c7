// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever leads is told by this node's redis-watch. The feed beside the leader chooses the number:
 * above all that its Sentinel knows of. One that does not take it (it has seen higher ones, or has
 * no peer in whose name it could be told) is the agent's next monitor's to correct. Once Sentinel
 * names another one, the clients of the primary that was are sent away to ask again, as Sentinel
 * itself does after a failover of its own.
 */
#include "sentinel_switch.h"

#include "clock.h"
#include "log.h"
#include "sentinel_failover.h"
#include "sentinel_news.h"
#include "sentinel_primary.h"
#include "sentinel_tell.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ANSWER_MS 1000
#define AGAIN_MS  1000 /* from one hello to the next of the same number */
#define DROPS     2    /* at once, and when the other Sentinels have been told as well */

struct sentinel_switch {
    const struct sentinel_server *server;
    void (*look)(void *data);
    void *data;
    struct sentinel_news *news;
    struct sentinel_failover *failover;
    struct sentinel_leader leader;
    struct sentinel_view view;
    struct redis_async *asks;
    bool asking;           /* the list of peers */
    uint64_t highest;      /* number that was ever told here */
    uint64_t chosen_epoch; /* for which we chose, and when */
    int64_t chosen_ms;
    int64_t told_ms; /* when a hello was sent for `leader`; 0: not yet */
    bool led;        /* whoever was last told to lead did so here */
    int drops;       /* of the clients here that are still to come */
    struct loop_timer *drop;
};

static bool is_named(const struct sentinel_switch *change)
{
    const struct sentinel_view *view = &change->view;

    return view->watches && str_eq(view->host, change->leader.host) &&
           view->port == change->leader.port;
}

static void choose(struct sentinel_switch *change, const struct redis_list *peers)
{
    const struct sentinel_leader *leader = &change->leader;
    uint64_t number = (uint64_t)sentinel_next_epoch(change->server, &change->view, peers);
    int rc;

    if (number <= change->highest)
        number = change->highest + 1;
    rc = sentinel_news_choose(change->news, leader->epoch, number);
    change->chosen_epoch = leader->epoch;
    change->chosen_ms = clock_ms();
    if (rc)
        log_warning("Sentinels cannot be told of epoch %" PRIu64 " yet: %s", leader->epoch,
                    strerror(-rc));
}

static void told(void *data, const struct redis_answer *answer)
{
    (void)data;
    if (answer->rc)
        log_warning("Sentinel could not be told of the primary: %s",
                    answer->text ? answer->text : strerror(-answer->rc));
}

static void hello(struct sentinel_switch *change, const struct redis_list *peers)
{
    const struct sentinel_leader *leader = &change->leader;
    struct peer primary = {.port = leader->port};
    cleanup_free char *text = NULL;

    snprintf(primary.host, sizeof(primary.host), "%s", leader->host);
    text = sentinel_hello_text(change->server->params->master_name, peers, &primary,
                               (int64_t)leader->number);
    change->told_ms = clock_ms();
    if (!text || redis_async_ask_words(change->asks, ANSWER_MS, told, NULL, "PUBLISH",
                                       SENTINEL_HELLO_CHANNEL, text, NULL) < 0)
        return;
    log_notice("Sentinel is told of the primary %s:%d, epoch %" PRIu64, leader->host, leader->port,
               leader->number);
    change->look(change->data);
}

static void peers_came(void *data, const struct redis_answer *answer)
{
    struct sentinel_switch *change = data;

    change->asking = false;
    if (answer->rc)
        return;
    if (!change->leader.number)
        choose(change, answer->list);
    else
        hello(change, answer->list);
}

static bool is_wanted(const struct sentinel_switch *change)
{
    const struct sentinel_leader *leader = &change->leader;

    if (!leader->host[0] || change->asking || !sentinel_obeys_pacemaker(change->server))
        return false;
    if (!leader->number)
        return leader->here && (change->chosen_epoch != leader->epoch ||
                                clock_ms() >= change->chosen_ms + AGAIN_MS);
    return change->view.watches && !is_named(change) &&
           change->view.config_epoch < (int64_t)leader->number &&
           (!change->told_ms || clock_ms() >= change->told_ms + AGAIN_MS);
}

/* Those that came to the server here since it was demoted, on the word of a Sentinel that knew no
 * better, may stay for ever on a replica that refuses their writes. */
static void drop_clients(void *data)
{
    struct sentinel_switch *change = data;
    int rc = change->drops ? sentinel_news_drop(change->news) : 0;

    if (!change->drops)
        return;
    if (rc)
        log_warning("clients of the server here cannot be dropped: %s", strerror(-rc));
    if (--change->drops)
        (void)loop_timer_start(change->drop, AGAIN_MS);
}

void sentinel_switch_seen(struct sentinel_switch *change, struct redis_async *asks,
                          const struct sentinel_view *view, const char *harm)
{
    change->view = *view;
    change->asks = asks;
    sentinel_news_quorum(change->news, view);
    if (change->drops == DROPS && is_named(change) && !loop_timer_runs(change->drop))
        (void)loop_timer_start(change->drop, 0);
    sentinel_news_sees(change->news, view, harm);
    sentinel_failover_seen(change->failover, asks);
    if (is_wanted(change))
        change->asking =
            redis_async_ask_words(asks, ANSWER_MS, peers_came, change, "SENTINEL", "SENTINELS",
                                  change->server->params->master_name, NULL) == 0;
}

static void leader_came(void *data, const struct sentinel_leader *leader)
{
    struct sentinel_switch *change = data;

    if (leader->host[0])
        log_info("%s:%d leads epoch %" PRIu64 ", Sentinel's %" PRIu64, leader->host, leader->port,
                 leader->epoch, leader->number);
    if (leader->host[0]) {
        if (leader->here)
            change->drops = 0;
        else if (change->led && sentinel_obeys_pacemaker(change->server))
            change->drops = DROPS;
        change->led = leader->here;
    }
    change->leader = *leader;
    if (leader->number > change->highest)
        change->highest = leader->number;
    change->told_ms = 0;
    change->look(change->data);
}

static void order_came(void *data, const char *line)
{
    struct sentinel_switch *change = data;

    if (sentinel_failover_wish(change->failover, line))
        change->look(change->data);
}

int sentinel_switch_open(struct loop *loop, const struct sentinel_server *server,
                         void (*look)(void *data), void *data, struct sentinel_switch **made)
{
    struct sentinel_switch *change = xcalloc(1, sizeof(*change));

    *change = (struct sentinel_switch){.server = server, .look = look, .data = data};
    change->failover = sentinel_failover_new(server, look, data);
    *made = change;
    change->drop = loop_timer_new(loop, LOOP_NORMAL, drop_clients, change);
    if (!change->drop)
        return -ENOMEM;
    return sentinel_news_open(loop, server->params->redis, leader_came, order_came, change,
                              &change->news);
}

void sentinel_switch_close(struct sentinel_switch *change)
{
    if (!change)
        return;
    sentinel_news_close(change->news);
    loop_timer_free(change->drop);
    sentinel_failover_free(change->failover);
    free(change);
}
