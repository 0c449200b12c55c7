// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libqb's loop. Two of its traits shape this: it forgets a descriptor whose callback returns less
 * than 0 without telling the owner, so callbacks here return nothing; and with NULL for a loop it
 * takes one of its own choice, so the loop is always named.
 */
#include "loop.h"

#include "util.h"
#include <errno.h>
#include <qb/qbloop.h>
#include <signal.h>
#include <sys/signalfd.h>

#define NS_IN_MS 1000000ULL

struct loop {
    qb_loop_t *qb;
    bool stopped;
};

struct loop_timer {
    struct loop *loop;
    enum loop_priority priority;
    loop_timer_fn fn;
    void *data;
    qb_loop_timer_handle handle;
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

/* --- timers --- */

static void timer_dispatch(void *data)
{
    struct loop_timer *timer = data;

    timer->runs = false;
    timer->fn(timer->data); /* may free the timer */
}

struct loop_timer *loop_timer_new(struct loop *loop, enum loop_priority priority, loop_timer_fn fn,
                                  void *data)
{
    struct loop_timer *timer = xcalloc(1, sizeof(*timer));

    *timer = (struct loop_timer){.loop = loop, .priority = priority, .fn = fn, .data = data};
    return timer;
}

int loop_timer_start(struct loop_timer *timer, int64_t ms)
{
    uint64_t ns = ms > 0 ? (uint64_t)ms * NS_IN_MS : 0;
    int rc;

    loop_timer_stop(timer);
    rc = qb_loop_timer_add(timer->loop->qb, qb_priority(timer->priority), ns, timer, timer_dispatch,
                           &timer->handle);
    timer->runs = rc == 0;
    return rc;
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->runs)
        qb_loop_timer_del(timer->loop->qb, timer->handle);
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
    loop_timer_stop(timer);
    free(timer);
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
