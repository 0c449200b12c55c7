// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The second witness of a hang. Of another node's server: can this node reach it? A PING without a
 * password is enough, since a refusal is an answer too; on a worker, for a hung server holds a
 * connection as long as it likes. Of the server here: what Sentinel's quorum says, as long as a
 * sentinel-feed goes on to say so.
 */
#include "redis_watch.h"

#include "callers.h"
#include "log.h"
#include "redis_watch_digest.h"
#include "worker.h"
#include <errno.h>
#include <string.h>

#define ASK_MS   300  /* what one answer may take */
#define STALE_MS 3000 /* three of the feed's rounds: it, or its Sentinel, has stopped */

struct watch_witness {
    struct worker *worker;
    const struct caller *feed; /* whose word it is; NULL: nobody's */
    enum member_answer said;
    struct loop_timer *stale;
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

/* ---- Sentinel's quorum ---- */

static void sentinel_says(struct watch *watch, const struct caller *feed, enum member_answer answer)
{
    static const char *const words[] = {
        [MEMBER_ANSWER_UNKNOWN] = "says nothing of the server here any more",
        [MEMBER_ANSWER_YES] = "has an answer from the server here",
        [MEMBER_ANSWER_NO] = "has no answer from the server here (ODOWN)",
    };
    struct watch_witness *witness = watch->witness;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_WITNESS};
    bool is_news = answer != witness->said;

    witness->feed = answer == MEMBER_ANSWER_UNKNOWN ? NULL : feed;
    witness->said = answer;
    if (witness->feed)
        (void)loop_timer_start(witness->stale, STALE_MS);
    else
        loop_timer_stop(witness->stale);
    if (!is_news)
        return;
    log_notice("Sentinel's quorum %s", words[answer]);
    event.answer = answer;
    watch_event(watch, &event);
}

static void sentinel_is_stale(void *data)
{
    sentinel_says(data, NULL, MEMBER_ANSWER_UNKNOWN);
}

void watch_witness_sentinel_gone(void *data, const struct caller *feed)
{
    struct watch *watch = data;

    if (watch->witness->feed == feed)
        sentinel_says(watch, NULL, MEMBER_ANSWER_UNKNOWN);
}

/* That another server is down, or not, says nothing of this one. */
static enum member_answer answer_of(const struct watch *watch, const char *line)
{
    char host[REDIS_HOST_SIZE], word[8];
    int port;

    if (sscanf(line, "quorum %255s %d %7s", host, &port, word) != 3 ||
        !str_eq(host, watch->server.address) || port != watch->server.port)
        return MEMBER_ANSWER_UNKNOWN;
    return str_eq(word, "down") ? MEMBER_ANSWER_NO
           : str_eq(word, "up") ? MEMBER_ANSWER_YES
                                : MEMBER_ANSWER_UNKNOWN;
}

/* Of two feeds on one node, the one whose Sentinel has no answer. */
void watch_witness_sentinel(void *data, struct caller *feed, const char *line)
{
    struct watch *watch = data;
    enum member_answer answer = answer_of(watch, line);

    if (answer == MEMBER_ANSWER_NO || !watch->witness->feed || watch->witness->feed == feed)
        sentinel_says(watch, feed, answer);
}

int watch_witness_open(struct watch *watch)
{
    watch->witness = xcalloc(1, sizeof(*watch->witness));
    watch->witness->stale = loop_timer_new(watch->loop, LOOP_NORMAL, sentinel_is_stale, watch);
    return watch->witness->stale ? worker_new(watch->loop, watch, &watch->witness->worker)
                                 : -ENOMEM;
}

void watch_witness_close(struct watch *watch)
{
    if (!watch->witness)
        return;
    worker_free(watch->witness->worker, NULL, NULL);
    loop_timer_free(watch->witness->stale);
    free(watch->witness);
    watch->witness = NULL;
}
