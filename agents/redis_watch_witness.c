// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The second witness of a hang: can this node reach another node's server? A PING without a
 * password is enough, since a refusal is an answer too. On a worker, for a hung server holds a
 * connection as long as it likes.
 */
#include "redis_watch.h"

#include "redis_watch_digest.h"
#include "worker.h"
#include <errno.h>
#include <string.h>

#define ASK_MS 300 /* what one answer may take */

struct watch_witness {
    struct worker *worker;
};

struct ping_job {
    struct redis_endpoint endpoint;
    char host[REDIS_HOST_SIZE];
    uint32_t node;
};

/* 0: an answer of any kind. */
static int job_run(void *data)
{
    struct ping_job *job = data;
    struct deadline deadline = deadline_in(ASK_MS);
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;
    int rc = redis_client_open(&job->endpoint, deadline, &client, &problem);

    if (!rc)
        rc = redis_ask_words(client, deadline, NULL, "PING", NULL);
    return redis_client_was_refused(rc) || rc == -EREMOTEIO ? 0 : rc;
}

static void job_done(void *data, void *job_data, int rc)
{
    struct ping_job *job = job_data;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_WITNESS};

    event.of = job->node;
    event.answer = rc ? MEMBER_ANSWER_NO : MEMBER_ANSWER_YES;
    free(job);
    watch_event(data, &event);
}

static void could_not_ask(struct watch *watch, uint32_t node)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_WITNESS};

    event.of = node;
    event.answer = MEMBER_ANSWER_UNKNOWN;
    watch_event(watch, &event);
}

void watch_witness_ask(struct watch *watch, uint32_t node)
{
    static const struct worker_task task = {.run = job_run, .done = job_done, .discard = free};
    struct ping_job *job = xcalloc(1, sizeof(*job));
    int rc = watch_peer_address(watch, node, job->host, sizeof(job->host), &job->endpoint.port);

    job->node = node;
    job->endpoint.host = job->host;
    if (rc || worker_start(watch->witness->worker, &task, job, 0) < 0) {
        free(job);
        could_not_ask(watch, node);
    }
}

int watch_witness_open(struct watch *watch)
{
    watch->witness = xcalloc(1, sizeof(*watch->witness));
    return worker_new(watch->loop, watch, &watch->witness->worker);
}

void watch_witness_close(struct watch *watch)
{
    if (!watch->witness)
        return;
    worker_free(watch->witness->worker, NULL, NULL);
    free(watch->witness);
    watch->witness = NULL;
}
