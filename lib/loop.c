// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libqb's loop. Three of its traits shape this: it forgets a descriptor whose callback returns less
 * than 0 without telling the owner, so callbacks here return nothing; with NULL for a loop it
 * takes one of its own choice, so the loop is always named; and it waits for a timer in whole
 * milliseconds and then polls without pause for what is left of one, 200 times a second seen here;
 * so timers are the kernel's, as descriptors.
 */
#include "loop.h"

#include "util.h"
#include <errno.h>
#include <qb/qbloop.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#define NS_IN_MS 1000000ULL
#define NS_IN_S  1000000000ULL

struct loop {
    qb_loop_t *qb;
    bool stopped;
};

struct loop_timer {
    int fd;
    struct loop_watch *watch;
    loop_timer_fn fn;
    void *data;
    bool runs;
};

struct loop_watch {
    struct loop *loop;
    enum loop_priority priority;
    int fd;
    loop_watch_fn fn;
    void *data;
};

struct loop_signals {
    int fd;
    struct loop_watch *watch;
    loop_signal_fn fn;
    void *data;
};

static enum qb_loop_priority qb_priority(enum loop_priority priority)
{
    switch (priority) {
    case LOOP_LOW:
        return QB_LOOP_LOW;
    case LOOP_NORMAL:
        return QB_LOOP_MED;
    case LOOP_HIGH:
        return QB_LOOP_HIGH;
    }
    return QB_LOOP_MED;
}

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));

    loop->qb = qb_loop_create();
    if (loop->qb)
        return loop;
    free(loop);
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    qb_loop_destroy(loop->qb);
    free(loop);
}

void loop_run(struct loop *loop)
{
    if (!loop->stopped)
        qb_loop_run(loop->qb);
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    qb_loop_stop(loop->qb);
}

/* --- descriptors --- */

static int32_t watch_dispatch(int32_t fd, int32_t events, void *data)
{
    struct loop_watch *watch = data;

    (void)fd;
    watch->fn(watch->data, (short)events); /* may free the watch */
    return 0;
}

int loop_watch_new(struct loop *loop, enum loop_priority priority, int fd, short events,
                   loop_watch_fn fn, void *data, struct loop_watch **watch)
{
    struct loop_watch *made = xcalloc(1, sizeof(*made));
    int rc;

    *made =
        (struct loop_watch){.loop = loop, .priority = priority, .fd = fd, .fn = fn, .data = data};
    rc = qb_loop_poll_add(loop->qb, qb_priority(priority), fd, events, made, watch_dispatch);
    if (rc) {
        free(made);
        made = NULL;
    }
    *watch = made;
    return rc;
}

int loop_watch_events(struct loop_watch *watch, short events)
{
    return qb_loop_poll_mod(watch->loop->qb, qb_priority(watch->priority), watch->fd, events, watch,
                            watch_dispatch);
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    qb_loop_poll_del(watch->loop->qb, watch->fd);
    free(watch);
}

/* --- timers --- */

static void timer_ready(void *data, short events)
{
    struct loop_timer *timer = data;
    uint64_t count;

    (void)events;
    if (read(timer->fd, &count, sizeof(count)) != sizeof(count) || !timer->runs)
        return; /* it was set anew after it had ended */
    timer->runs = false;
    timer->fn(timer->data); /* may free the timer */
}

struct loop_timer *loop_timer_new(struct loop *loop, enum loop_priority priority, loop_timer_fn fn,
                                  void *data)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));

    *timer = (struct loop_timer){.fn = fn, .data = data};
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd >= 0 &&
        loop_watch_new(loop, priority, timer->fd, POLLIN, timer_ready, timer, &timer->watch) == 0)
        return timer;
    loop_timer_free(timer);
    return NULL;
}

/* 0 stops it. */
static int timer_set(struct loop_timer *timer, uint64_t ns)
{
    struct itimerspec set = {
        .it_value = {.tv_sec = (time_t)(ns / NS_IN_S), .tv_nsec = (long)(ns % NS_IN_S)}};

    return timerfd_settime(timer->fd, 0, &set, NULL) < 0 ? -errno : 0;
}

int loop_timer_start(struct loop_timer *timer, int64_t ms)
{
    int rc = timer_set(timer, ms > 0 ? (uint64_t)ms * NS_IN_MS : 1);

    timer->runs = rc == 0;
    return rc;
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->runs)
        (void)timer_set(timer, 0);
    timer->runs = false;
}

bool loop_timer_runs(const struct loop_timer *timer)
{
    return timer->runs;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    loop_watch_free(timer->watch);
    cleanup_closep(&timer->fd);
    free(timer);
}

/* --- signals --- */

/* One signal a call: the callback may free this. */
static void signals_ready(void *data, short events)
{
    struct loop_signals *signals = data;
    struct signalfd_siginfo info;

    (void)events;
    if (read(signals->fd, &info, sizeof(info)) == sizeof(info))
        signals->fn(signals->data, (int)info.ssi_signo);
}

int loop_signals_new(struct loop *loop, const int *numbers, size_t count, loop_signal_fn fn,
                     void *data, struct loop_signals **signals)
{
    struct loop_signals *made = xcalloc(1, sizeof(*made));
    sigset_t set;
    int rc;

    *made = (struct loop_signals){.fn = fn, .data = data};
    *signals = NULL;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, numbers[i]);
    rc = -pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc == 0) {
        made->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
        rc = made->fd < 0 ? -errno
                          : loop_watch_new(loop, LOOP_NORMAL, made->fd, POLLIN, signals_ready, made,
                                           &made->watch);
        if (rc)
            cleanup_closep(&made->fd);
    }
    if (rc)
        free(made);
    else
        *signals = made;
    return rc;
}

void loop_signals_free(struct loop_signals *signals)
{
    if (!signals)
        return;
    loop_watch_free(signals->watch);
    close(signals->fd);
    free(signals);
}
