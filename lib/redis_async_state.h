// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Between the two halves of redis_async, the connection and what is asked over it; nobody else
 * includes this.
 */
#ifndef RHA_REDIS_ASYNC_STATE_H
#define RHA_REDIS_ASYNC_STATE_H

#include "redis_async.h"
#include <hiredis/async.h>

struct ask {
    struct redis_async *connection;
    struct ask *next;
    redis_answer_fn fn; /* NULL: was told, or nobody wants to know */
    void *data;
    int64_t until_ms;
};

struct redis_async {
    struct loop *loop;
    enum loop_priority priority;
    struct redis_endpoint endpoint; /* own copies */
    struct redis_async_events events;
    void *data;
    redisAsyncContext *context; /* NULL: gone */
    redisReplyObjectFunctions create, guarded;
    struct redis_tls *tls; /* NULL: plain */
    struct loop_watch *watch;
    short interest;
    struct loop_timer *connecting; /* the deadline of `up`; then, that there is something to tell */
    struct loop_timer *deadlines;  /* of the earliest command */
    struct ask *first, **last;
    size_t pending;
    bool is_up, is_subscribed;
    char *pattern; /* that it is subscribed to */
    redis_push_fn push;
    void *push_data;
    int down_rc; /* 0: not down */
    char *down_text;
    bool told_down;
    int entered; /* calls on the stack that use this afterwards */
    bool deleted;
};

/* Around all that calls the owner or hiredis: the owner may free the connection meanwhile. */
void redis_async_enter(struct redis_async *connection);
/* Tells the end, if it came; the connection may be gone afterwards. */
void redis_async_leave(struct redis_async *connection);

/* Why it is about to end: the first reason is the one that is told. */
void redis_async_fail(struct redis_async *connection, int rc, const char *text);

/* From here on what hiredis could not bear ends the connection (-EPROTO). */
void redis_async_guard(struct redis_async *connection);

/* redis_async_ask without its checks. */
int redis_async_send(struct redis_async *connection, int64_t deadline_ms, redis_answer_fn fn,
                     void *data, size_t argc, const char *const *argv);
/* Of the timer `deadlines`. */
void redis_async_overdue(void *connection);

#endif
