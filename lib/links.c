// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmap's statistics map, stats.knet.nodeN.linkM.connected. The connection and the names of the keys
 * are kept from one question to the next; both are renewed when one of them fails.
 */
#include "links.h"

#include "corosync_error.h"
#include "util.h"
#include "worker.h"
#include <corosync/cmap.h>
#include <string.h>

#define PREFIX   "stats.knet.node"
#define KEYS_MAX (LINKS_NODES_MAX * 8) /* knet has at most 8 links to a node */
#define KEYS_MS  10000                 /* how long a node that was added stays unknown */

struct key {
    uint32_t node;
    uint8_t link;
};

struct job {
    cmap_handle_t handle;
    bool is_open;
    int64_t keys_ms; /* when they were read */
    size_t key_count;
    struct key key[KEYS_MAX];
    struct links_reading reading;
};

struct links {
    struct worker *worker;
    struct job *job; /* NULL while the thread has it */
    links_fn fn;
    void *data;
    int64_t asked_ms;
    bool answered; /* as timed out, while the thread still has the question */
};

/* --- on the thread --- */

static void job_close(struct job *job)
{
    if (job->is_open)
        cmap_finalize(job->handle);
    job->is_open = false;
    job->key_count = 0;
}

static int keys_find(struct job *job)
{
    char name[CMAP_KEYNAME_MAXLEN + 1];
    cmap_iter_handle_t iterator;
    cmap_value_types_t type;
    cs_error_t error;
    size_t length;

    error = cmap_iter_init(job->handle, PREFIX, &iterator);
    if (error != CS_OK)
        return corosync_error(error);
    while ((error = cmap_iter_next(job->handle, iterator, name, &length, &type)) == CS_OK) {
        unsigned int node, link;
        int end = 0;

        if (sscanf(name, PREFIX "%u.link%u.connected%n", &node, &link, &end) != 2 || end == 0 ||
            name[end] != '\0' || job->key_count == KEYS_MAX)
            continue;
        job->key[job->key_count++] = (struct key){.node = node, .link = (uint8_t)link};
    }
    cmap_iter_finalize(job->handle, iterator);
    return error == CS_ERR_NO_SECTIONS ? 0 : corosync_error(error);
}

static int job_open(struct job *job)
{
    cs_error_t error = cmap_initialize_map(&job->handle, CMAP_MAP_STATS);
    int rc;

    if (error != CS_OK)
        return corosync_error(error);
    job->is_open = true;
    job->keys_ms = clock_ms();
    rc = keys_find(job);
    return rc == 0 && job->key_count == 0 ? -ENOTSUP : rc; /* another transport than knet */
}

static int key_read(const struct job *job, struct key key, enum link_state *state)
{
    char name[CMAP_KEYNAME_MAXLEN + 1];
    uint64_t value = 0;
    size_t size = sizeof(value);
    cmap_value_types_t type;
    cs_error_t error;

    snprintf(name, sizeof(name), PREFIX "%u.link%u.connected", key.node, key.link);
    /* An integer whose width differs between versions: zeroed before, so any byte tells. */
    error = cmap_get(job->handle, name, &value, &size, &type);
    if (error == CS_OK)
        *state = value ? LINK_UP : LINK_DOWN;
    return corosync_error(error);
}

static void reading_add(struct links_reading *reading, uint32_t node, enum link_state state)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->node[i].node != node)
            continue;
        if (state == LINK_UP)
            reading->node[i].state = LINK_UP;
        return;
    }
    if (reading->count == LINKS_NODES_MAX)
        return;
    reading->node[reading->count].node = node;
    reading->node[reading->count++].state = state;
}

static int job_read(struct job *job)
{
    for (size_t i = 0; i < job->key_count; i++) {
        enum link_state state = LINK_UNKNOWN;
        int rc = key_read(job, job->key[i], &state);

        if (rc)
            return rc;
        reading_add(&job->reading, job->key[i].node, state);
    }
    return 0;
}

/* A kept connection that fails is made anew once: corosync was restarted, or its nodes changed. */
static int job_run(void *data)
{
    struct job *job = data;
    int rc = -ENOTCONN;

    job->reading = (struct links_reading){0};
    if (job->is_open && clock_ms() - job->keys_ms < KEYS_MS)
        rc = job_read(job);
    if (rc) {
        job_close(job);
        job->reading.count = 0;
        rc = job_open(job);
        if (rc == 0)
            rc = job_read(job);
    }
    if (rc) {
        job_close(job);
        job->reading.count = 0;
    }
    return rc;
}

static void job_free(void *data)
{
    struct job *job = data;

    job_close(job);
    free(job);
}

/* --- on the loop --- */

static void links_done(void *data, void *done, int rc)
{
    struct links *links = data;

    links->job = done;
    links->job->reading.rc = rc;
    links->job->reading.asked_ms = links->asked_ms;
    if (!links->answered) {
        const struct links_reading reading = links->job->reading; /* fn may ask again or close */

        links->fn(links->data, &reading);
    }
}

static void links_late(void *data)
{
    struct links *links = data;
    const struct links_reading reading = {.asked_ms = links->asked_ms, .rc = -ETIMEDOUT};

    links->answered = true;
    links->fn(links->data, &reading);
}

int links_open(struct loop *loop, links_fn fn, void *data, struct links **links)
{
    struct links *made = xcalloc(1, sizeof(*made));
    int rc;

    made->fn = fn;
    made->data = data;
    rc = worker_new(loop, made, &made->worker);
    if (rc) {
        free(made);
        made = NULL;
    } else {
        made->job = xcalloc(1, sizeof(*made->job));
    }
    *links = made;
    return rc;
}

int links_ask(struct links *links, int64_t deadline_ms)
{
    static const struct worker_task task = {job_run, links_done, links_late, job_free};
    int rc;

    if (!links->job)
        return -EBUSY;
    links->asked_ms = clock_ms();
    links->answered = false;
    rc = worker_start(links->worker, &task, links->job, deadline_ms);
    if (rc == 0)
        links->job = NULL;
    return rc;
}

void links_close(struct links *links)
{
    if (!links)
        return;
    worker_free(links->worker, links->job ? job_free : NULL, links->job);
    free(links);
}

enum link_state links_state(const struct links_reading *reading, uint32_t node)
{
    for (size_t i = 0; i < reading->count; i++)
        if (reading->node[i].node == node)
            return reading->node[i].state;
    return LINK_UNKNOWN;
}
