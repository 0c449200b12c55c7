// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The local server as the protocol sees it: its process, by a pidfd that tells its end at once; its
 * word, by INFO on an open connection; and the orders to it (redis_watch_orders.c), on that same
 * connection, so that they are carried out in the order in which they were given.
 */
#include "redis_watch.h"

#include "child.h"
#include "clock.h"
#include "log.h"
#include "proc.h"
#include "redis_async.h"
#include "redis_info.h"
#include "redis_watch_digest.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

#define POLL_MS       300 /* between two questions to a server that answers */
#define POLL_OFTEN_MS 100 /* to one that does not */
#define LOOP_LATE_MS  200 /* a poll that comes later than this says that we did not run */
#define ANSWER_MS     60000

struct watch_redis {
    struct redis_async *connection;
    bool up, asked;
    bool held; /* the server has the settings that the cluster wants */
    struct loop_timer *poll;
    struct loop_watch *ended; /* the pidfd */
    int pidfd;
    struct proc_id process; /* pid 0: none known */
    int64_t heard_ms, poll_due_ms;
    uint64_t order_done; /* orders up to this number were carried out, or refused */
};

struct order {
    struct watch *watch;
    uint64_t number;
    bool confirms; /* the protocol waits to hear of it */
};

static void poll_server(void *data);

static void poll_again(struct watch *watch)
{
    struct watch_redis *redis = watch->redis;
    int64_t now = clock_ms();
    int64_t delay = now - redis->heard_ms > POLL_MS ? POLL_OFTEN_MS : POLL_MS;

    redis->poll_due_ms = now + delay;
    (void)loop_timer_start(redis->poll, delay);
}

static void disconnect(struct watch *watch)
{
    redis_async_free(watch->redis->connection);
    watch->redis->connection = NULL;
    watch->redis->up = watch->redis->asked = watch->redis->held = false;
}

static void forget_process(struct watch *watch)
{
    struct watch_redis *redis = watch->redis;

    disconnect(watch);
    loop_watch_free(redis->ended);
    redis->ended = NULL;
    if (redis->pidfd >= 0)
        close(redis->pidfd);
    redis->pidfd = -1;
    redis->process.pid = 0;
}

static void tell_gone(struct watch *watch)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_SERVER_GONE};

    watch->redis->heard_ms = clock_ms();
    watch_event(watch, &event);
}

static void process_ended(void *data, short events)
{
    struct watch *watch = data;

    (void)events;
    if (proc_check(&watch->redis->process) != PROC_GONE)
        return;
    log_notice("the server, pid %d, has ended", (int)watch->redis->process.pid);
    forget_process(watch);
    tell_gone(watch);
}

/* The process that the agent noted. False: there is none. */
static bool find_process(struct watch *watch)
{
    struct watch_redis *redis = watch->redis;
    struct proc_id id;

    if (redis->process.pid)
        return true;
    if (proc_load(watch->server.process_path, &id) < 0 || proc_check(&id) != PROC_ALIVE)
        return false;
    redis->pidfd = pidfd_of(id.pid);
    if (redis->pidfd < 0)
        return false;
    if (loop_watch_new(watch->loop, LOOP_HIGH, redis->pidfd, POLLIN, process_ended, watch,
                       &redis->ended) < 0) {
        close(redis->pidfd);
        redis->pidfd = -1;
        return false;
    }
    redis->process = id;
    redis->heard_ms = clock_ms();
    log_info("watching the server, pid %d", (int)id.pid);
    return true;
}

static void connection_up(void *data)
{
    struct watch *watch = data;

    watch->redis->up = true;
    watch->redis->held = false;
    watch_redis_ask(watch);
}

static void heard(struct watch *watch)
{
    watch->redis->heard_ms = clock_ms();
}

static void connection_down(void *data, int rc, const char *text)
{
    struct watch *watch = data;

    if (redis_client_was_refused(rc))
        heard(watch);
    log_info("the connection to the server ended: %s %s", strerror(-rc), text);
    disconnect(watch);
    if (watch->redis->process.pid && proc_check(&watch->redis->process) == PROC_GONE)
        process_ended(watch, 0);
}

static void connect_server(struct watch *watch)
{
    static const struct redis_async_events events = {.up = connection_up, .down = connection_down};
    int rc =
        redis_async_open(watch->loop, LOOP_HIGH, &watch->server.endpoint,
                         watch->params.down_after_ms, &events, watch, &watch->redis->connection);

    if (rc)
        log_warning("the server cannot be connected to: %s", strerror(-rc));
}

static void info_came(void *data, const struct redis_answer *answer)
{
    struct watch *watch = data;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_DIGEST};
    struct redis_info info;

    watch->redis->asked = false;
    if (answer->rc == 0 || answer->rc == -EREMOTEIO)
        heard(watch); /* BUSY and LOADING are answers */
    if (answer->rc || !answer->text || redis_info_parse(answer->text, answer->length, &info) < 0)
        return;
    if (!watch->redis->held)
        watch_settings_hold(watch, watch->redis->connection);
    watch->redis->held = true;
    if (watch_backlog_awaited(watch, &info))
        return;
    event.digest = watch_digest(watch, &info);
    event.digest.order = watch->redis->order_done;
    watch_event(watch, &event);
}

void watch_redis_ask(struct watch *watch)
{
    struct watch_redis *redis = watch->redis;

    if (redis->up && !redis->asked &&
        redis_async_ask_words(redis->connection, ANSWER_MS, info_came, watch, "INFO", NULL) == 0)
        redis->asked = true;
}

static void tell_silent(struct watch *watch, int64_t silent_ms)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_SERVER_SILENT};

    event.silent_ms = (uint64_t)silent_ms;
    watch_event(watch, &event);
}

static void poll_server(void *data)
{
    struct watch *watch = data;
    struct watch_redis *redis = watch->redis;
    int64_t now = clock_ms();

    if (now - redis->poll_due_ms > LOOP_LATE_MS)
        redis->heard_ms = now; /* it was us who slept */
    if (!find_process(watch)) {
        tell_gone(watch);
    } else {
        if (!redis->connection)
            connect_server(watch);
        else
            watch_redis_ask(watch);
        if (now - redis->heard_ms >= POLL_MS)
            tell_silent(watch, now - redis->heard_ms);
    }
    poll_again(watch);
}

static void order_answered(void *data, const struct redis_answer *answer)
{
    struct order *order = data;
    struct watch *watch = order->watch;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_CONFIRMED, .number = order->number};
    bool confirmed = order->confirms && answer->rc == 0;

    if (answer->rc == 0 || answer->rc == -EREMOTEIO) {
        heard(watch);
        if (order->number) /* the protocol's: clients are dropped at a feed's wish, too */
            watch->redis->order_done = order->number;
    }
    if (answer->rc)
        log_warning("order %llu was not carried out: %s", (unsigned long long)order->number,
                    answer->rc == -EREMOTEIO ? answer->text : strerror(-answer->rc));
    free(order);
    if (confirmed)
        watch_event(watch, &event);
}

static bool confirms(enum protocol_effect_kind kind)
{
    return kind == PROTOCOL_EFFECT_PAUSE || kind == PROTOCOL_EFFECT_RESUME ||
           kind == PROTOCOL_EFFECT_BACKSTOP || kind == PROTOCOL_EFFECT_PRIORITY;
}

void watch_redis_send(struct watch *watch, const struct protocol_effect *effect,
                      const char *const *words)
{
    struct order *order = xcalloc(1, sizeof(*order));
    size_t count = 0;
    int rc;

    while (words[count])
        count++;
    *order =
        (struct order){.watch = watch, .number = effect->order, .confirms = confirms(effect->kind)};
    rc = redis_async_ask(watch->redis->connection, ANSWER_MS, order_answered, order, count, words);
    if (rc) {
        log_warning("order %llu cannot be given: %s", (unsigned long long)order->number,
                    strerror(-rc));
        free(order);
    }
}

void watch_redis_say(struct watch *watch, const char *const *words)
{
    size_t count = 0;

    while (words[count])
        count++;
    if (watch->redis->up)
        (void)redis_async_ask(watch->redis->connection, ANSWER_MS, NULL, NULL, count, words);
}

bool watch_redis_is_up(const struct watch *watch)
{
    return watch->redis->up;
}

/* What is asked now is answered after the orders that were given. */
void watch_redis_ask_anew(struct watch *watch)
{
    watch->redis->asked = false;
    watch_redis_ask(watch);
}

static void set_answered(void *data, const struct redis_answer *answer)
{
    const char *name = data;

    if (answer->rc)
        log_warning("%s could not be set: %s", name,
                    answer->text ? answer->text : strerror(-answer->rc));
}

void watch_redis_set(struct watch *watch, const char *name, int64_t value)
{
    cleanup_free char *text = xasprintf("%lld", (long long)value);

    if (watch->redis->up)
        (void)redis_async_ask_words(watch->redis->connection, ANSWER_MS, set_answered, (void *)name,
                                    "CONFIG", "SET", name, text, NULL);
}

void watch_redis_hold(struct watch *watch)
{
    watch->redis->held = false;
}

void watch_redis_signal(struct watch *watch, int signal)
{
    int rc = watch->redis->process.pid ? proc_signal(&watch->redis->process, signal) : -ESRCH;

    log_warning("signal %d to the server%s%s", signal, rc ? ": " : "", rc ? strerror(-rc) : "");
}

int watch_redis_open(struct watch *watch)
{
    struct watch_redis *redis = xcalloc(1, sizeof(*redis));

    watch->redis = redis;
    redis->pidfd = -1;
    redis->heard_ms = redis->poll_due_ms = clock_ms();
    redis->poll = loop_timer_new(watch->loop, LOOP_HIGH, poll_server, watch);
    return redis->poll ? loop_timer_start(redis->poll, 0) : -ENOMEM;
}

void watch_redis_close(struct watch *watch)
{
    if (!watch->redis)
        return;
    forget_process(watch);
    loop_timer_free(watch->redis->poll);
    free(watch->redis);
    watch->redis = NULL;
}
