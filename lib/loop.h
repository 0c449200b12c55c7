// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop of the companions: libqb's, behind timers, watches and signals that are objects
 * with one owner. One thread runs a loop and everything on it; nothing here may be called from
 * another one. Each object belongs to who made it, who frees it before the loop; it may be freed in
 * its own callback, which is not called again then.
 */
#ifndef RHA_LOOP_H
#define RHA_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_watch;
struct loop_signals;

/* Of what is ready together, the higher is called first; the lower are not starved. What comes
 * often is HIGH: libqb polls up to twice more before it calls what is not. */
enum loop_priority {
    LOOP_LOW,
    LOOP_NORMAL,
    LOOP_HIGH,
};

/* NULL: out of file descriptors or memory. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Until loop_stop, which may be called before as well as within. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

typedef void (*loop_timer_fn)(void *data);
/* NULL: out of file descriptors. */
struct loop_timer *loop_timer_new(struct loop *loop, enum loop_priority priority, loop_timer_fn fn,
                                  void *data);
/*
 * One call, `ms` from now (monotonic clock; less than 0 is 0), whatever it was set to before. 0;
 * -errno: it is stopped.
 */
int loop_timer_start(struct loop_timer *timer, int64_t ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_runs(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL-safe */

/* `events` as poll(2) has them: what was asked for, and POLLERR and POLLHUP unasked. */
typedef void (*loop_watch_fn)(void *data, short events);
/*
 * A descriptor can be watched once only, for reading and writing together (-EEXIST). It is the
 * caller's; the watch is freed before it is closed, else a later descriptor of the same number is
 * taken for it. It is called as long as it is ready, not once a change. 0 or -errno.
 */
int loop_watch_new(struct loop *loop, enum loop_priority priority, int fd, short events,
                   loop_watch_fn fn, void *data, struct loop_watch **watch);
/* 0: errors and the other side's closing only. */
int loop_watch_events(struct loop_watch *watch, short events);
void loop_watch_free(struct loop_watch *watch); /* NULL-safe */

typedef void (*loop_signal_fn)(void *data, int signal_number);
/*
 * Signals as events (signalfd). They are blocked from here on, in this thread and in those that it
 * begins; so call this before any other thread. 0 or -errno.
 */
int loop_signals_new(struct loop *loop, const int *numbers, size_t count, loop_signal_fn fn,
                     void *data, struct loop_signals **signals);
void loop_signals_free(struct loop_signals *signals); /* NULL-safe; they stay blocked */

#endif
