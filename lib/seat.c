// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The session is with the loop or with the thread, never with both: while the thread has it (it
 * connects, closes, or makes a call), its descriptor is not watched.
 */
#include "seat.h"

#include "util.h"
#include "worker.h"
#include <errno.h>

struct seat {
    struct loop *loop;
    enum loop_priority priority;
    const struct seat_kind *kind;
    void *owner;
    struct worker *worker;
    struct loop_timer *retry;
    struct loop_watch *watch;     /* NULL unless the loop has an open session */
    void *session;                /* open, or lost and to be freed; NULL while the thread has it */
    const struct seat_call *call; /* the one that is out */
    bool is_up, told_down;
    int entered; /* callbacks of this seat on the stack; the outermost frees a deleted one */
    bool deleted;
};

struct seat_job {
    const struct seat_kind *kind;
    void *before; /* lost, to be freed first */
    void *session;
    const struct seat_call *call; /* NULL: connecting */
    void *job;
};

/* --- guard: the owner may free the seat in any callback --- */

static void seat_enter(struct seat *seat)
{
    seat->entered++;
}

/* false: it is gone. */
static bool seat_leave(struct seat *seat)
{
    if (--seat->entered > 0 || !seat->deleted)
        return !seat->deleted;
    free(seat);
    return false;
}

/* --- on the thread --- */

static int job_connect(void *data)
{
    struct seat_job *job = data;
    int rc;

    if (job->before)
        job->kind->session_free(steal_pointer(&job->before));
    rc = job->kind->session_open(job->session);
    if (rc)
        job->kind->session_free(steal_pointer(&job->session));
    return rc;
}

static int job_call(void *data)
{
    struct seat_job *job = data;

    return job->call->run(job->session, job->job);
}

static void job_discard(void *data)
{
    struct seat_job *job = data;

    if (job->before)
        job->kind->session_free(job->before);
    if (job->session)
        job->kind->session_free(job->session);
    if (job->call)
        job->call->discard(job->job);
    free(job);
}

/* --- on the loop --- */

static bool seat_tell_down(struct seat *seat, int rc)
{
    if (seat->told_down)
        return true;
    seat->told_down = true;
    seat_enter(seat);
    seat->kind->down(seat->owner, rc);
    return seat_leave(seat);
}

/* The session stays with us until the thread has time to close it. */
static void seat_lost(struct seat *seat, int rc)
{
    loop_watch_free(steal_pointer(&seat->watch));
    if (seat->is_up) {
        seat->is_up = false;
        seat->told_down = false;
    }
    if (seat_tell_down(seat, rc))
        loop_timer_start(seat->retry, SEAT_RETRY_MS);
}

static void seat_ready(void *data, short events)
{
    struct seat *seat = data;
    int rc;

    seat_enter(seat);
    rc = seat->kind->session_read(seat->owner, seat->session);
    if (rc == 0 && !(events & POLLIN)) /* the other side's end, all read */
        rc = -ENOTCONN;
    if (seat_leave(seat) && rc && seat->watch)
        seat_lost(seat, rc);
}

static int seat_watch(struct seat *seat)
{
    return loop_watch_new(seat->loop, seat->priority, seat->kind->session_fd(seat->session), POLLIN,
                          seat_ready, seat, &seat->watch);
}

static void connect_done(void *data, void *done, int rc)
{
    struct seat *seat = data;
    struct seat_job *job = done;

    seat->session = job->session; /* NULL if it could not be opened */
    free(job);
    if (rc == 0)
        rc = seat_watch(seat);
    if (rc) {
        seat_lost(seat, rc);
        return;
    }
    seat->is_up = true;
    seat->kind->up(seat->owner, seat->session);
}

static void connect_late(void *data)
{
    seat_tell_down(data, -ETIMEDOUT);
}

static void seat_attempt(struct seat *seat)
{
    static const struct worker_task task = {job_connect, connect_done, connect_late, job_discard};
    struct seat_job *job = xcalloc(1, sizeof(*job));

    job->kind = seat->kind;
    job->before = steal_pointer(&seat->session);
    job->session = seat->kind->session_new(seat->owner);
    if (worker_start(seat->worker, &task, job, SEAT_LATE_MS) == 0)
        return;
    seat->session = steal_pointer(&job->before);
    if (!seat->session)
        seat->session = steal_pointer(&job->session);
    job_discard(job);
    loop_timer_start(seat->retry, SEAT_RETRY_MS);
}

static void seat_retry(void *data)
{
    seat_attempt(data);
}

static void call_done(void *data, void *done, int rc)
{
    struct seat *seat = data;
    struct seat_job *job = done;

    seat->session = job->session;
    if (rc == 0)
        rc = seat_watch(seat);
    seat_enter(seat);
    job->call->done(seat->owner, job->job, rc);
    free(job);
    if (seat_leave(seat) && rc)
        seat_lost(seat, rc);
}

static void call_late(void *data)
{
    struct seat *seat = data;

    if (seat->call->late)
        seat->call->late(seat->owner);
}

/* --- for the owner --- */

int seat_new(struct loop *loop, enum loop_priority priority, const struct seat_kind *kind,
             void *owner, struct seat **seat)
{
    struct seat *made = xcalloc(1, sizeof(*made));
    int rc;

    *made = (struct seat){.loop = loop, .priority = priority, .kind = kind, .owner = owner};
    made->retry = loop_timer_new(loop, LOOP_NORMAL, seat_retry, made);
    rc = made->retry ? worker_new(loop, made, &made->worker) : -EMFILE;
    if (rc) {
        loop_timer_free(made->retry);
        free(made);
        *seat = NULL;
        return rc;
    }
    *seat = made;
    seat_attempt(made);
    return 0;
}

void seat_free(struct seat *seat)
{
    if (!seat || seat->deleted)
        return;
    loop_watch_free(seat->watch);
    loop_timer_free(seat->retry);
    worker_free(seat->worker, seat->session ? seat->kind->session_free : NULL, seat->session);
    seat->deleted = true;
    if (seat->entered == 0)
        free(seat);
}

void *seat_session(struct seat *seat)
{
    return seat->watch ? seat->session : NULL;
}

void seat_lose(struct seat *seat, int rc)
{
    if (seat->watch)
        seat_lost(seat, rc);
}

int seat_call(struct seat *seat, const struct seat_call *call, void *job, int64_t late_ms)
{
    static const struct worker_task task = {job_call, call_done, call_late, job_discard};
    struct seat_job *made;
    int rc;

    if (!seat->is_up)
        return -ENOTCONN;
    if (!seat->watch)
        return -EBUSY;
    made = xcalloc(1, sizeof(*made));
    *made =
        (struct seat_job){.kind = seat->kind, .session = seat->session, .call = call, .job = job};
    rc = worker_start(seat->worker, &task, made, late_ms);
    if (rc) {
        free(made);
        return rc;
    }
    loop_watch_free(steal_pointer(&seat->watch));
    seat->session = NULL;
    seat->call = call;
    return 0;
}
