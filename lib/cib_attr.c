// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crm_attribute by argv, on a worker's thread: run_program waits for it there, kills it at its
 * deadline, and leaves nothing behind.
 */
#include "cib_attr.h"

#include "run.h"
#include "util.h"
#include "worker.h"
#include <errno.h>
#include <string.h>

#define TOOL      "crm_attribute"
#define MARGIN_MS 1500 /* beyond the deadline: for a killed program to be gone */

/* crm/common/results.h, CRM_EX_*: the same since Pacemaker 2.0. */
enum tool_exit {
    TOOL_OK = 0,
    TOOL_NO_NODE = 68,
    TOOL_DISCONNECTED = 102,
    TOOL_NO_VALUE = 105,
    TOOL_TIMEOUT = 124,
};

struct job {
    char *node, *name, *value;
    bool is_write;
    struct deadline deadline;
    struct run_result result;
    cib_attr_fn fn;
    void *data;
};

struct cib_attr {
    struct worker *worker;
};

/* --- on the thread --- */

static int job_run(void *data)
{
    struct job *job = data;
    const char *argv[12] = {TOOL,      "--lifetime", "forever", "--node",
                            job->node, "--name",     job->name};
    size_t argc = 7;

    if (!job->is_write) {
        argv[argc++] = "--query";
        argv[argc++] = "--quiet";
    } else if (job->value) {
        argv[argc++] = "--update";
        argv[argc++] = job->value;
    } else {
        argv[argc++] = "--delete";
    }
    return run_program(argv, job->deadline, &job->result);
}

static void job_free(void *data)
{
    struct job *job = data;

    run_clear(&job->result);
    free(job->node);
    free(job->name);
    free(job->value);
    free(job);
}

/* --- on the loop --- */

/* 0 and *has_value, or what went wrong. */
static int exit_check(const struct job *job, bool *has_value)
{
    *has_value = false;
    switch (job->result.exit_code) {
    case TOOL_OK:
        *has_value = !job->is_write;
        return 0;
    case TOOL_NO_VALUE: /* nothing to read, or to remove; for a write, no such node */
        return job->is_write && job->value ? -ENXIO : 0;
    case TOOL_NO_NODE:
        return -ENXIO;
    case TOOL_DISCONNECTED:
        return -ENOTCONN;
    case TOOL_TIMEOUT:
        return -ETIMEDOUT;
    default: /* the tool's other exits mean that it refused */
        return -EIO;
    }
}

static void job_done(void *data, void *done, int rc)
{
    struct job *job = done;
    char *text = job->result.output;
    bool has_value = false;

    (void)data;
    if (text)
        text[strcspn(text, "\n")] = '\0';
    if (rc == 0)
        rc = exit_check(job, &has_value);
    job->fn(job->data, rc, has_value ? text : NULL, has_value || !text ? "" : text);
    job_free(job);
}

int cib_attr_open(struct loop *loop, struct cib_attr **cib)
{
    struct cib_attr *made = xcalloc(1, sizeof(*made));
    int rc = worker_new(loop, made, &made->worker);

    if (rc) {
        free(made);
        made = NULL;
    }
    *cib = made;
    return rc;
}

static int cib_attr_ask(struct cib_attr *cib, const struct job *wanted, int64_t deadline_ms)
{
    static const struct worker_task task = {job_run, job_done, NULL, job_free};
    struct job *job;
    int rc;

    if (str_is_empty(wanted->node) || str_is_empty(wanted->name))
        return -EINVAL;
    job = xcalloc(1, sizeof(*job));
    *job = *wanted;
    job->node = xstrdup(wanted->node);
    job->name = xstrdup(wanted->name);
    job->value = wanted->value ? xstrdup(wanted->value) : NULL;
    job->deadline = deadline_in(deadline_ms);
    rc = worker_start(cib->worker, &task, job, deadline_ms + MARGIN_MS);
    if (rc)
        job_free(job);
    return rc;
}

int cib_attr_write(struct cib_attr *cib, const char *node, const char *name, const char *value,
                   int64_t deadline_ms, cib_attr_fn fn, void *data)
{
    const struct job job = {.node = (char *)node,
                            .name = (char *)name,
                            .value = (char *)value,
                            .is_write = true,
                            .fn = fn,
                            .data = data};

    return cib_attr_ask(cib, &job, deadline_ms);
}

int cib_attr_read(struct cib_attr *cib, const char *node, const char *name, int64_t deadline_ms,
                  cib_attr_fn fn, void *data)
{
    const struct job job = {.node = (char *)node, .name = (char *)name, .fn = fn, .data = data};

    return cib_attr_ask(cib, &job, deadline_ms);
}

void cib_attr_close(struct cib_attr *cib)
{
    if (!cib)
        return;
    worker_free(cib->worker, NULL, NULL);
    free(cib);
}
