// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pcmk_controld_api_fail on a worker's thread, over a connection of its own a report: reports are
 * rare, and a connection that is kept has to be looked after.
 */
#include "failure.h"

#include "clock.h"
#include "pacemaker_ipc.h"
#include "util.h"
#include "worker.h"
#include <crm/common/ipc_controld.h>
#include <crm/common/results.h>
#include <errno.h>

struct job {
    char *node, *resource, *instance, *provider, *agent;
    struct deadline deadline;
    int answer; /* -EINPROGRESS: none yet */
};

struct failure {
    struct worker *worker;
    failure_fn fn;
    void *data;
    bool answered; /* as timed out, while the thread still has the report */
};

/* --- on the thread --- */

static void job_told(pcmk_ipc_api_t *api, enum pcmk_ipc_event event, crm_exit_t status, void *reply,
                     void *data)
{
    struct job *job = data;

    (void)api;
    (void)reply;
    switch (event) {
    case pcmk_ipc_event_reply:
        job->answer = status == CRM_EX_OK ? 0 : -EIO;
        break;
    case pcmk_ipc_event_disconnect:
        if (job->answer == -EINPROGRESS)
            job->answer = -ENOTCONN;
        break;
    case pcmk_ipc_event_connect:
    case pcmk_ipc_event_notify:
        break;
    }
}

static int job_ask(struct job *job, pcmk_ipc_api_t *api)
{
    int rc = pcmk_controld_api_fail(api, job->node, NULL, job->resource, job->instance, "ocf",
                                    job->provider, job->agent);

    if (rc != pcmk_rc_ok)
        return rc > 0 ? -rc : -EIO;
    while (job->answer == -EINPROGRESS && !deadline_passed(job->deadline)) {
        int left = (int)deadline_left_ms(job->deadline);

        rc = pcmk_poll_ipc(api, left);
        if (rc == pcmk_rc_ok)
            pcmk_dispatch_ipc(api);
        else if (rc != EAGAIN) /* nothing came in that time */
            return rc > 0 ? -rc : -EIO;
    }
    return job->answer == -EINPROGRESS ? -ETIMEDOUT : job->answer;
}

static int job_run(void *data)
{
    struct job *job = data;
    pcmk_ipc_api_t *api = NULL;
    int rc = pcmk_new_ipc_api(&api, pcmk_ipc_controld);

    if (rc != pcmk_rc_ok)
        return -EIO;
    job->answer = -EINPROGRESS;
    pcmk_register_ipc_callback(api, job_told, job);
    rc = pcmk_connect_ipc(api, pcmk_ipc_dispatch_poll);
    rc = rc == pcmk_rc_ok ? job_ask(job, api) : -ENOTCONN;
    pcmk_disconnect_ipc(api);
    pcmk_free_ipc_api(api);
    return rc;
}

static void job_free(void *data)
{
    struct job *job = data;

    free(job->node);
    free(job->resource);
    free(job->instance);
    free(job->provider);
    free(job->agent);
    free(job);
}

/* --- on the loop --- */

static void failure_done(void *data, void *job, int rc)
{
    struct failure *failure = data;

    job_free(job);
    if (!failure->answered)
        failure->fn(failure->data, rc);
}

static void failure_late(void *data)
{
    struct failure *failure = data;

    failure->answered = true;
    failure->fn(failure->data, -ETIMEDOUT);
}

int failure_open(struct loop *loop, struct failure **failure)
{
    struct failure *made = xcalloc(1, sizeof(*made));
    int rc = worker_new(loop, made, &made->worker);

    pacemaker_prepare();
    if (rc) {
        free(made);
        made = NULL;
    }
    *failure = made;
    return rc;
}

int failure_report(struct failure *failure, const struct failed_resource *failed,
                   int64_t deadline_ms, failure_fn fn, void *data)
{
    static const struct worker_task task = {job_run, failure_done, failure_late, job_free};
    struct job *job;
    int rc;

    if (str_is_empty(failed->node) || str_is_empty(failed->resource) ||
        str_is_empty(failed->instance) || str_is_empty(failed->provider) ||
        str_is_empty(failed->agent))
        return -EINVAL;
    if (worker_busy(failure->worker))
        return -EBUSY;
    job = xcalloc(1, sizeof(*job));
    job->node = xstrdup(failed->node);
    job->resource = xstrdup(failed->resource);
    job->instance = xstrdup(failed->instance);
    job->provider = xstrdup(failed->provider);
    job->agent = xstrdup(failed->agent);
    job->deadline = deadline_in(deadline_ms);
    failure->fn = fn;
    failure->data = data;
    failure->answered = false;
    rc = worker_start(failure->worker, &task, job, deadline_ms);
    if (rc)
        job_free(job);
    return rc;
}

void failure_close(struct failure *failure)
{
    if (!failure)
        return;
    worker_free(failure->worker, NULL, NULL);
    free(failure);
}
