// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One wish at a time, tried at each of the feed's rounds.
 */
#include "sentinel_failover.h"

#include "clock.h"
#include "log.h"
#include <errno.h>
#include <string.h>

#define ANSWER_MS 1000
#define LAPSES_MS 3000 /* the watch says it again every two seconds */

struct sentinel_failover {
    const struct sentinel_server *server;
    void (*look)(void *data);
    void *data;
    struct redis_async *asks;
    char host[256];
    int port; /* 0: to any server */
    int64_t until_ms;
    bool asking;
    char *obstacle; /* as it was logged last */
};

struct sentinel_failover *sentinel_failover_new(const struct sentinel_server *server,
                                                void (*look)(void *data), void *data)
{
    struct sentinel_failover *failover = xcalloc(1, sizeof(*failover));

    *failover = (struct sentinel_failover){.server = server, .look = look, .data = data};
    return failover;
}

void sentinel_failover_free(struct sentinel_failover *failover)
{
    if (!failover)
        return;
    free(failover->obstacle);
    free(failover);
}

bool sentinel_failover_wish(struct sentinel_failover *failover, const char *line)
{
    char host[sizeof(failover->host)];
    int port;

    if (sscanf(line, "failover %255s %d", host, &port) != 2)
        return false;
    memcpy(failover->host, host, sizeof(host));
    failover->port = port;
    failover->until_ms = clock_ms() + LAPSES_MS;
    return true;
}

/* ---- whom Sentinel would choose ---- */

char *sentinel_failover_obstacle(const struct sentinel_entry *replicas, size_t count,
                                 const char *host, int port)
{
    const struct sentinel_entry *wanted = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct sentinel_entry *entry = &replicas[i];

        if (str_eq(entry->host, host) && entry->port == port)
            wanted = entry;
        else if (sentinel_promotable(entry, 1))
            return xasprintf("it may choose %s:%d, of priority %d", entry->host, entry->port,
                             entry->priority);
    }
    if (!wanted)
        return xasprintf("it does not list %s:%d", host, port);
    if (!sentinel_promotable(wanted, 1))
        return xasprintf("it lists %s:%d with priority %d, %s", host, port, wanted->priority,
                         wanted->is_down ? "down" : "up");
    return NULL;
}

/* ---- what is asked of it ---- */

static void answered(void *data, const struct redis_answer *answer)
{
    struct sentinel_failover *failover = data;

    failover->asking = false;
    if (answer->rc)
        log_warning("SENTINEL FAILOVER was answered with: %s",
                    answer->text ? answer->text : strerror(-answer->rc));
    else
        log_notice("Sentinel begins a failover%s%s", failover->port ? " to " : "",
                   failover->port ? failover->host : "");
    failover->look(failover->data); /* it is busy now, which the primary is to know at once */
}

static void fail_over(struct sentinel_failover *failover)
{
    failover->until_ms = 0;
    failover->asking =
        redis_async_ask_words(failover->asks, ANSWER_MS, answered, failover, "SENTINEL", "FAILOVER",
                              failover->server->params->master_name, NULL) == 0;
}

static void replicas_came(void *data, const struct redis_answer *answer)
{
    struct sentinel_failover *failover = data;
    struct sentinel_entry replicas[SENTINEL_ENTRIES_MAX];
    char *obstacle;

    failover->asking = false;
    if (answer->rc)
        return;
    obstacle = sentinel_failover_obstacle(
        replicas, sentinel_entries_read(answer->list, replicas, SENTINEL_ENTRIES_MAX),
        failover->host, failover->port);
    if (obstacle && !(failover->obstacle && str_eq(obstacle, failover->obstacle)))
        log_info("no failover to %s:%d yet: %s", failover->host, failover->port, obstacle);
    free(failover->obstacle);
    failover->obstacle = obstacle;
    if (!obstacle)
        fail_over(failover);
}

void sentinel_failover_seen(struct sentinel_failover *failover, struct redis_async *asks)
{
    failover->asks = asks;
    if (failover->asking || clock_ms() >= failover->until_ms)
        return;
    if (!failover->port) {
        fail_over(failover);
        return;
    }
    failover->asking =
        redis_async_ask_words(asks, ANSWER_MS, replicas_came, failover, "SENTINEL", "REPLICAS",
                              failover->server->params->master_name, NULL) == 0;
}
