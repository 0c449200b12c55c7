// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that may block (connecting to a daemon that is stopped, running a program), made on a
 * thread of their own, with the result on the loop. A worker is one thread and does one job at a
 * time. A call that does not come back cannot be ended from outside: it is told late, the worker
 * stays busy, and when it does come back its result is told as ever.
 */
#ifndef RHA_WORKER_H
#define RHA_WORKER_H

#include "loop.h"

struct worker;

struct worker_task {
    /* On the thread, with `job` its own meanwhile: nothing that the loop also uses. 0 or -errno. */
    int (*run)(void *job);
    /* On the loop: the job is the owner's again. May free the worker. */
    void (*done)(void *data, void *job, int rc);
    /* On the loop, once, when `late_ms` have passed without a result. NULL: nobody asks. */
    void (*late)(void *data);
    /* On the thread, instead of `done`: the worker was freed, the job is to be freed too. */
    void (*discard)(void *job);
};

/* `data` is for done and late. The thread begins with the first job, all signals blocked. 0 or
 * -errno. */
int worker_new(struct loop *loop, void *data, struct worker **worker);
/*
 * 0: run will be called, then exactly one of done and discard; -EBUSY: another job is out; -EAGAIN:
 * no thread to be had. On failure the job stays the caller's. `task` must outlive the worker.
 */
int worker_start(struct worker *worker, const struct worker_task *task, void *job, int64_t late_ms);
bool worker_busy(struct worker *worker);
/*
 * Returns at once. A job that is out is discarded when it comes back; after that `last(job)` is
 * called on the thread, for what can block in closing (NULL: nothing). A process that ends before
 * ends them too. NULL-safe, `last` is called then here.
 */
void worker_free(struct worker *worker, void (*last)(void *job), void *job);

#endif
