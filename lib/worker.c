// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One detached thread with a place for one job. The thread outlives its owner when a call does not
 * come back, so what both use is freed by the thread once it has begun.
 */
#include "worker.h"

#include "util.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

/* libcrmcommon, libxml2 and libqb keep a few KiB on the stack; pages that are not used cost
 * nothing. */
#define STACK_SIZE (512 * 1024)

enum worker_state {
    WORKER_IDLE,
    WORKER_ASKED,   /* the thread has not taken it yet */
    WORKER_RUNNING, /* the thread has it */
    WORKER_DONE,    /* the loop has not taken it yet */
};

struct worker {
    /* The loop's alone. */
    void *data;
    struct loop_watch *watch;
    struct loop_timer *timer;
    bool has_thread;
    /* Written before the thread begins. */
    int event; /* readable: a job is done */
    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    enum worker_state state;
    const struct worker_task *task;
    void *job;
    int rc;
    bool retired;
    void (*last)(void *job);
    void *last_job;
};

static void worker_destroy(struct worker *worker)
{
    close(worker->event);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

/* --- on the thread --- */

static void worker_finish(struct worker *worker, int rc)
{
    const uint64_t one = 1;
    ssize_t n;

    worker->rc = rc;
    worker->state = WORKER_DONE;
    n = write(worker->event, &one, sizeof(one)); /* a counter of 64 bits is never full */
    (void)n;
}

/* Without the lock while the job runs. */
static void worker_run(struct worker *worker)
{
    const struct worker_task *task = worker->task;
    void *job = worker->job;
    int rc;

    worker->state = WORKER_RUNNING;
    pthread_mutex_unlock(&worker->lock);
    rc = task->run(job);
    pthread_mutex_lock(&worker->lock);
    worker_finish(worker, rc);
}

static void *worker_main(void *data)
{
    struct worker *worker = data;

    pthread_mutex_lock(&worker->lock);
    while (!worker->retired) {
        if (worker->state == WORKER_ASKED)
            worker_run(worker);
        else
            pthread_cond_wait(&worker->wake, &worker->lock);
    }
    pthread_mutex_unlock(&worker->lock); /* nobody else knows of it any more */
    if (worker->state != WORKER_IDLE)
        worker->task->discard(worker->job);
    if (worker->last)
        worker->last(worker->last_job);
    worker_destroy(worker);
    return NULL;
}

/* --- on the loop --- */

static int thread_begin(struct worker *worker)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int rc;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = -pthread_create(&thread, &attributes, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    worker->has_thread = rc == 0;
    return rc;
}

static void worker_ready(void *data, short events)
{
    struct worker *worker = data;
    const struct worker_task *task;
    uint64_t count;
    void *job;
    int rc;

    (void)events;
    if (read(worker->event, &count, sizeof(count)) != sizeof(count))
        return;
    loop_timer_stop(worker->timer);
    pthread_mutex_lock(&worker->lock);
    task = worker->task;
    job = worker->job;
    rc = worker->rc;
    worker->state = WORKER_IDLE;
    pthread_mutex_unlock(&worker->lock);
    task->done(worker->data, job, rc); /* may start another, or free the worker */
}

static void worker_late(void *data)
{
    struct worker *worker = data;

    if (worker->task->late) /* a job is out, so the task stays */
        worker->task->late(worker->data);
}

int worker_new(struct loop *loop, void *data, struct worker **worker)
{
    struct worker *made = xcalloc(1, sizeof(*made));
    int rc;

    *worker = NULL;
    made->data = data;
    made->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rc = made->event < 0 ? -errno
                         : loop_watch_new(loop, LOOP_NORMAL, made->event, POLLIN, worker_ready,
                                          made, &made->watch);
    made->timer = rc ? NULL : loop_timer_new(loop, LOOP_NORMAL, worker_late, made);
    if (!made->timer) {
        rc = rc ? rc : -EMFILE;
        loop_watch_free(made->watch);
        cleanup_closep(&made->event);
        free(made);
        return rc;
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    *worker = made;
    return 0;
}

int worker_start(struct worker *worker, const struct worker_task *task, void *job, int64_t late_ms)
{
    int rc;

    if (worker_busy(worker))
        return -EBUSY;
    rc = worker->has_thread ? 0 : thread_begin(worker);
    if (rc == 0)
        rc = loop_timer_start(worker->timer, late_ms);
    if (rc)
        return rc;
    pthread_mutex_lock(&worker->lock);
    worker->task = task;
    worker->job = job;
    worker->state = WORKER_ASKED;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    return 0;
}

bool worker_busy(struct worker *worker)
{
    bool busy;

    pthread_mutex_lock(&worker->lock);
    busy = worker->state != WORKER_IDLE;
    pthread_mutex_unlock(&worker->lock);
    return busy;
}

void worker_free(struct worker *worker, void (*last)(void *job), void *job)
{
    if (worker) {
        loop_watch_free(worker->watch);
        loop_timer_free(worker->timer);
    }
    if (!worker || (!worker->has_thread && (!last || thread_begin(worker)))) {
        if (last)
            last(job);
        if (worker)
            worker_destroy(worker);
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->last = last;
    worker->last_job = job;
    worker->retired = true;
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}
