// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A lasting connection to a daemon of the cluster: made on a thread, since connecting hangs with
 * the daemon, watched on the loop, and made again for ever when it is lost. Bus, quorum and the
 * attribute manager each sit on one.
 */
#ifndef RHA_SEAT_H
#define RHA_SEAT_H

#include "loop.h"

#define SEAT_LATE_MS  2000 /* a connection that takes longer is told as -ETIMEDOUT */
#define SEAT_RETRY_MS 250  /* from a failure to the next attempt */

struct seat;

struct seat_kind {
    /* On the loop: what the thread needs to connect, a copy of its own. */
    void *(*session_new)(void *owner);
    /* On the thread. 0 or -errno. */
    int (*session_open)(void *session);
    /* On the thread: closes what is open and frees the session. */
    void (*session_free)(void *session);
    /* On the loop, of an open session. */
    int (*session_fd)(const void *session);
    /* On the loop: reads what is there, a little at a time. 0; less than 0: the connection is lost.
     * May free the seat. */
    int (*session_read)(void *owner, void *session);
    /* The connection stands. May free the seat. */
    void (*up)(void *owner, void *session);
    /*
     * There is none; told once until the next `up`, at the start too if the first attempt fails:
     * -ETIMEDOUT: the daemon does not answer, otherwise why. Attempts go on. May free the seat.
     */
    void (*down)(void *owner, int rc);
};

/* Begins to connect. `kind` and `owner` outlive the seat. 0 or -errno. */
int seat_new(struct loop *loop, enum loop_priority priority, const struct seat_kind *kind,
             void *owner, struct seat **seat);
/* Returns at once; the connection is closed by the thread. Nothing is told any more. NULL-safe. */
void seat_free(struct seat *seat);

/* The open session, for calls that cannot block; NULL while there is none or a call has it. */
void *seat_session(struct seat *seat);
/* The owner found the connection broken: as if reading it had said so. May be called anywhere but
 * in session_read, which returns its error instead. */
void seat_lose(struct seat *seat, int rc);

struct seat_call {
    /* On the thread, which has the session alone meanwhile. 0; less than 0: the connection is lost.
     */
    int (*run)(void *session, void *job);
    /* On the loop, before `down` is told of a lost one: the job is the owner's again. */
    void (*done)(void *owner, void *job, int rc);
    /* On the loop, once, after `late_ms` without a result. May be NULL. */
    void (*late)(void *owner);
    void (*discard)(void *job); /* on the thread: the seat was freed meanwhile */
};
/* A call that may block. 0; -ENOTCONN: no session; -EBUSY: a call is out; -errno. On failure the
 * job stays the caller's. */
int seat_call(struct seat *seat, const struct seat_call *call, void *job, int64_t late_ms);

#endif
