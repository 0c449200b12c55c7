// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A primary without a replication backlog has no position: it counts no writes, saves no
 * replication id, and takes a new id when its first replica comes (Redis, syncCommand), so nobody
 * could tell whose data it holds. It gets its backlog by a replica that asks and goes away at once.
 * Redis gives no other way; one that was a replica since it started has its backlog from there.
 */
#include "redis_watch.h"

#include "clock.h"
#include "log.h"
#include "redis_async.h"
#include "redis_info.h"
#include <errno.h>
#include <string.h>

#define AGAIN_MS   5 /* until the server is asked again whether it has one */
#define GIVE_UP_MS 2000

struct watch_backlog {
    struct redis_async *connection;
    struct loop_timer *again;
    int64_t began_ms;
    char run_id[REDIS_REPLID_SIZE], refused_by[REDIS_REPLID_SIZE];
};

static void finish(struct watch_backlog *backlog)
{
    redis_async_free(backlog->connection);
    backlog->connection = NULL;
}

static void refuse(struct watch_backlog *backlog, const char *text)
{
    log_error("the server gives us no replication backlog (%s): may its user PSYNC and REPLCONF? "
              "Until a replica is linked its data has no position",
              text);
    memcpy(backlog->refused_by, backlog->run_id, sizeof(backlog->refused_by));
    finish(backlog);
}

static void answered(void *data, const struct redis_answer *answer)
{
    struct watch *watch = data;

    if (answer->rc == -EREMOTEIO && watch->backlog->connection)
        refuse(watch->backlog, answer->text);
}

/* Redis takes it only when all answers before were read. */
static void greeted(void *data, const struct redis_answer *answer)
{
    struct watch *watch = data;

    if (answer->rc == 0)
        (void)redis_async_ask_words(watch->backlog->connection, GIVE_UP_MS, answered, watch,
                                    "PSYNC", "?", "-1", NULL);
    else
        answered(data, answer);
}

/* capa eof: a copy of the data is begun a little later then, when we are gone. */
static void connection_up(void *data)
{
    struct watch *watch = data;

    (void)redis_async_ask_words(watch->backlog->connection, GIVE_UP_MS, greeted, watch, "REPLCONF",
                                "capa", "eof", NULL);
}

static void connection_down(void *data, int rc, const char *text)
{
    struct watch *watch = data;

    log_debug("the connection for the backlog ended: %s %s", strerror(-rc), text);
    finish(watch->backlog);
}

static void ask_again(void *data)
{
    watch_redis_ask(data);
}

static void begin(struct watch *watch, const struct redis_info *info)
{
    static const struct redis_async_events events = {.up = connection_up, .down = connection_down};
    struct watch_backlog *backlog = watch->backlog;

    if (!str_eq(backlog->run_id, info->run_id)) {
        snprintf(backlog->run_id, sizeof(backlog->run_id), "%s", info->run_id);
        backlog->began_ms = clock_ms();
        log_info("the server has no replication backlog: it gets one");
    }
    (void)redis_async_open(watch->loop, LOOP_NORMAL, &watch->server.endpoint, GIVE_UP_MS, &events,
                           watch, &backlog->connection);
}

bool watch_backlog_awaited(struct watch *watch, const struct redis_info *info)
{
    struct watch_backlog *backlog = watch->backlog;

    if (info->role != REDIS_ROLE_PRIMARY || info->loading || info->has_backlog) {
        finish(backlog);
        backlog->run_id[0] = '\0';
        return false;
    }
    if (str_eq(backlog->refused_by, info->run_id))
        return false;
    if (!backlog->connection)
        begin(watch, info);
    if (clock_ms() - backlog->began_ms > GIVE_UP_MS) {
        refuse(backlog, "no answer");
        return false;
    }
    (void)loop_timer_start(backlog->again, AGAIN_MS);
    return true;
}

int watch_backlog_open(struct watch *watch)
{
    watch->backlog = xcalloc(1, sizeof(*watch->backlog));
    watch->backlog->again = loop_timer_new(watch->loop, LOOP_NORMAL, ask_again, watch);
    return watch->backlog->again ? 0 : -ENOMEM;
}

void watch_backlog_close(struct watch *watch)
{
    if (!watch->backlog)
        return;
    finish(watch->backlog);
    loop_timer_free(watch->backlog->again);
    free(watch->backlog);
    watch->backlog = NULL;
}
