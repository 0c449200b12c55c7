// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The epoch file: read once, written on a worker, since syncing a file can take as long as the disk
 * likes and the loop waits for nobody.
 */
#include "redis_companion.h"
#include "redis_record.h"
#include "redis_watch.h"

#include "log.h"
#include "worker.h"
#include <errno.h>
#include <string.h>

#define LATE_MS 5000

struct watch_store {
    struct worker *worker;
    char *path;
    struct protocol_record found; /* as it was at the start */
};

struct write_job {
    char *path, *text;
    uint64_t generation;
};

static void job_free(void *data)
{
    struct write_job *job = data;

    free(job->path);
    free(job->text);
    free(job);
}

static int job_run(void *data)
{
    struct write_job *job = data;

    return file_write_atomic(job->path, job->text, 0600);
}

static void tell_outcome(struct watch *watch, uint64_t generation, int rc)
{
    struct protocol_event event = {.kind = rc ? PROTOCOL_EVENT_FILE_FAILED
                                              : PROTOCOL_EVENT_FILE_WRITTEN};

    event.number = generation;
    if (rc)
        log_error("%s could not be written: %s; no promotion here until it can", watch->store->path,
                  strerror(-rc));
    watch_event(watch, &event);
}

static void job_done(void *data, void *job_data, int rc)
{
    struct write_job *job = job_data;
    uint64_t generation = job->generation;

    job_free(job);
    tell_outcome(data, generation, rc);
}

static void job_late(void *data)
{
    struct watch *watch = data;

    log_warning("writing %s takes more than %d ms; see the disk", watch->store->path, LATE_MS);
}

void watch_store_write(struct watch *watch, uint64_t generation)
{
    static const struct worker_task task = {
        .run = job_run, .done = job_done, .late = job_late, .discard = job_free};
    struct write_job *job = xcalloc(1, sizeof(*job));
    int rc;

    *job = (struct write_job){.path = xstrdup(watch->store->path),
                              .text = redis_record_format(&watch->protocol.record),
                              .generation = generation};
    rc = worker_start(watch->store->worker, &task, job, LATE_MS);
    if (rc) {
        job_free(job);
        log_warning("the epoch file is not written now: %s", strerror(-rc));
    }
}

/* An absent file is a first start. One that cannot be read is not: then nobody leads from here. */
static int load(struct watch *watch, struct protocol_record *record)
{
    cleanup_free char *text = NULL;
    unsigned line;
    int rc = file_read(watch->store->path, REDIS_RECORD_MAX, &text);

    memset(record, 0, sizeof(*record));
    if (rc == -ENOENT)
        return 0;
    if (!rc)
        rc = redis_record_parse(text, record, &line);
    if (rc)
        log_error("%s cannot be used: %s; restore it, or remove it if this node's data may be "
                  "given up",
                  watch->store->path, strerror(-rc));
    return rc;
}

int watch_store_open(struct watch *watch)
{
    struct watch_store *store = xcalloc(1, sizeof(*store));
    int rc;

    watch->store = store;
    store->path = xasprintf("%s/%s", watch->context.state_dir, COMPANION_RECORD);
    rc = worker_new(watch->loop, watch, &store->worker);
    return rc ? rc : load(watch, &store->found);
}

void watch_store_tell(struct watch *watch)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD, .record = watch->store->found};

    watch_event(watch, &event);
}

void watch_store_close(struct watch *watch)
{
    struct watch_store *store = watch->store;

    if (!store)
        return;
    worker_free(store->worker, NULL, NULL);
    free(store->path);
    free(store);
    watch->store = NULL;
}
