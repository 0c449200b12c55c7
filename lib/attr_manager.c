// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No public function of Pacemaker sets an attribute, so the request is written here, as
 * attrd_updater 2.1 and 3.0 write it, and sent by crm_ipc. crm_ipc_send spins while the daemon does
 * not read and waits for its answer, so it runs on the seat's thread, with all that changed
 * meanwhile in one go.
 */
#include "attr_manager.h"

#include "pacemaker_ipc.h"
#include "seat.h"
#include "util.h"
#include <errno.h>
#include <libxml/tree.h>
#include <string.h>

#define ANSWER_MS 2000 /* for one request; crm_ipc counts whole seconds, so up to 3 s */
#define LATE_MS   1000 /* then `down` says that nothing is heard */

/* crm_exit_t in an answer: taken in; CRM_EX_INDETERMINATE: taken in, not yet seen by all. */
#define ANSWER_OK       "0"
#define ANSWER_TAKEN_IN "112"

struct attribute {
    char *name, *value;
    unsigned gather_ms; /* 0: none */
    bool written;       /* `value` was accepted, or refused for good */
    struct attribute *next;
};

struct attr_manager {
    struct seat *seat;
    struct attr_manager_events events;
    void *data;
    struct attribute *attributes;
    bool repeat;           /* wanted */
    bool is_up, told_down; /* what was told last */
    bool telling;          /* callbacks are on the stack: a closed manager is freed after them */
    bool closed;
};

/* One request and what came of it. */
struct write_one {
    char *name, *value;
    unsigned gather_ms;
    int rc;
};

struct write_job {
    bool repeat;
    size_t count;
    struct write_one item[];
};

/* --- on the thread --- */

/* `item` NULL: the request is about no attribute. */
static xmlDoc *request_new(const char *task, const struct write_one *item)
{
    cleanup_free char *gather = item && item->gather_ms ? xasprintf("%ums", item->gather_ms) : NULL;
    xmlDoc *document = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *request = xmlNewDocNode(document, NULL, (const xmlChar *)"request", NULL);
    const char *const fields[][2] = {
        {"t", "attrd"},
        {"src", PACEMAKER_CLIENT},
        {"task", task},
        {"attr_name", item ? item->name : NULL},
        {"attr_value", item ? item->value : NULL}, /* none: remove it */
        {"attr_dampening", gather},
        {"attr_is_remote", "0"},
        {"attr_is_private", "0"},
    };

    xmlDocSetRootElement(document, request);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (fields[i][1])
            xmlSetProp(request, (const xmlChar *)fields[i][0], (const xmlChar *)fields[i][1]);
    return document;
}

/* 0; -EIO: it was refused. */
static int answer_check(xmlNode *answer)
{
    xmlChar *status = answer ? xmlGetProp(answer, (const xmlChar *)"status") : NULL;
    bool is_ok = !status || str_eq((const char *)status, ANSWER_OK) ||
                 str_eq((const char *)status, ANSWER_TAKEN_IN);

    xmlFree(status);
    return is_ok ? 0 : -EIO;
}

/* 0; less than 0: the connection is of no more use. *refused: 0 or -EIO. */
static int request_send(crm_ipc_t *ipc, xmlDoc *request, int *refused)
{
    xmlNode *answer = NULL;
    int rc = pacemaker_ask(ipc, xmlDocGetRootElement(request), ANSWER_MS, &answer);

    *refused = answer_check(answer);
    if (answer)
        xmlFreeDoc(answer->doc);
    xmlFreeDoc(request);
    return rc;
}

static int write_run(void *data, void *job)
{
    struct pacemaker_session *session = data;
    struct write_job *writes = job;
    int rc = 0;

    for (size_t i = 0; i < writes->count; i++) {
        struct write_one *item = &writes->item[i];
        int refused = 0;

        if (rc == 0)
            rc = request_send(session->ipc,
                              request_new(item->gather_ms ? "update-both" : "update", item),
                              &refused);
        item->rc = rc ? rc : refused;
    }
    if (rc == 0 && writes->repeat) {
        int refused;

        rc = request_send(session->ipc, request_new("refresh", NULL), &refused);
    }
    return rc;
}

static void write_discard(void *job)
{
    struct write_job *writes = job;

    for (size_t i = 0; i < writes->count; i++) {
        free(writes->item[i].name);
        free(writes->item[i].value);
    }
    free(writes);
}

/* --- on the loop --- */

static struct attribute *attribute_find(const struct attr_manager *manager, const char *name)
{
    struct attribute *attribute = manager->attributes;

    while (attribute && !str_eq(attribute->name, name))
        attribute = attribute->next;
    return attribute;
}

static bool same_value(const char *a, const char *b)
{
    return a == b || str_eq(a, b);
}

/* false: it is gone. */
static bool manager_leave(struct attr_manager *manager)
{
    manager->telling = false;
    if (!manager->closed)
        return true;
    free(manager);
    return false;
}

static void write_done(void *owner, void *job, int rc);
static void write_late(void *owner);

/* Everything that is not written, in one call. */
static void manager_write(struct attr_manager *manager)
{
    static const struct seat_call call = {write_run, write_done, write_late, write_discard};
    struct write_job *job;
    size_t count = 0;

    if (!seat_session(manager->seat))
        return;
    for (const struct attribute *a = manager->attributes; a; a = a->next)
        count += !a->written;
    if (count == 0 && !manager->repeat)
        return;
    job = xcalloc(1, sizeof(*job) + count * sizeof(job->item[0]));
    job->repeat = manager->repeat;
    for (const struct attribute *a = manager->attributes; a; a = a->next)
        if (!a->written)
            job->item[job->count++] =
                (struct write_one){.name = xstrdup(a->name),
                                   .value = a->value ? xstrdup(a->value) : NULL,
                                   .gather_ms = a->gather_ms};
    if (seat_call(manager->seat, &call, job, LATE_MS))
        write_discard(job); /* out of threads: with the next change, or connection */
    else
        manager->repeat = false;
}

/* Also where it had been late with an answer that came after all. */
static void manager_tell_up(struct attr_manager *manager)
{
    if (manager->is_up && !manager->told_down)
        return;
    manager->is_up = true;
    manager->told_down = false;
    if (manager->events.up)
        manager->events.up(manager->data);
}

static void manager_tell(struct attr_manager *manager, const struct write_one *item)
{
    struct attribute *attribute = attribute_find(manager, item->name);

    if (!attribute || attribute->written || !same_value(attribute->value, item->value))
        return; /* replaced meanwhile */
    attribute->written = item->rc == 0 || item->rc == -EIO;
    if (attribute->written && manager->events.written)
        manager->events.written(manager->data, item->name, item->value, item->rc);
}

static void write_done(void *owner, void *job, int rc)
{
    struct attr_manager *manager = owner;
    struct write_job *writes = job;

    manager->telling = true;
    manager->repeat |= rc && writes->repeat;
    if (rc == 0)
        manager_tell_up(manager);
    for (size_t i = 0; i < writes->count && !manager->closed; i++)
        manager_tell(manager, &writes->item[i]);
    write_discard(writes);
    if (manager_leave(manager) && rc == 0)
        manager_write(manager);
}

static void manager_down(void *owner, int rc)
{
    struct attr_manager *manager = owner;

    if (manager->told_down)
        return;
    manager->told_down = true;
    manager->is_up = false;
    if (manager->events.down)
        manager->events.down(manager->data, rc);
}

static void write_late(void *owner)
{
    manager_down(owner, -ETIMEDOUT);
}

static void *session_new(void *owner)
{
    (void)owner;
    return pacemaker_session_new("attrd");
}

static void manager_up(void *owner, void *session)
{
    struct attr_manager *manager = owner;

    (void)session;
    manager->telling = true;
    for (struct attribute *a = manager->attributes; a; a = a->next)
        a->written = false;
    manager_tell_up(manager);
    if (manager_leave(manager))
        manager_write(manager);
}

int attr_manager_open(struct loop *loop, const struct attr_manager_events *events, void *data,
                      struct attr_manager **manager)
{
    static const struct seat_kind kind = {
        .session_new = session_new,
        .session_open = pacemaker_session_open,
        .session_free = pacemaker_session_free,
        .session_fd = pacemaker_session_fd,
        .session_read = pacemaker_session_read,
        .up = manager_up,
        .down = manager_down,
    };
    struct attr_manager *made = xcalloc(1, sizeof(*made));
    int rc;

    pacemaker_prepare();
    made->events = *events;
    made->data = data;
    rc = seat_new(loop, LOOP_NORMAL, &kind, made, &made->seat);
    if (rc) {
        free(made);
        made = NULL;
    }
    *manager = made;
    return rc;
}

int attr_manager_set(struct attr_manager *manager, const char *name, const char *value)
{
    return attr_manager_set_gathered(manager, name, value, 0);
}

static struct attribute *attribute_add(struct attr_manager *manager, const char *name)
{
    struct attribute *attribute = xcalloc(1, sizeof(*attribute));

    attribute->name = xstrdup(name);
    attribute->next = manager->attributes;
    manager->attributes = attribute;
    return attribute;
}

int attr_manager_set_gathered(struct attr_manager *manager, const char *name, const char *value,
                              unsigned gather_ms)
{
    struct attribute *attribute;

    if (str_is_empty(name) || (value && (strstr(value, "++") || strstr(value, "+="))))
        return -EINVAL;
    attribute = attribute_find(manager, name);
    if (attribute && same_value(attribute->value, value))
        return 0;
    if (!attribute)
        attribute = attribute_add(manager, name);
    attribute->gather_ms = gather_ms;
    free(attribute->value);
    attribute->value = value ? xstrdup(value) : NULL;
    attribute->written = false;
    if (!manager->telling)
        manager_write(manager);
    return 0;
}

void attr_manager_repeat(struct attr_manager *manager)
{
    for (struct attribute *a = manager->attributes; a; a = a->next)
        a->written = false;
    manager->repeat = true;
    if (!manager->telling)
        manager_write(manager);
}

bool attr_manager_is_settled(const struct attr_manager *manager)
{
    for (const struct attribute *a = manager->attributes; a; a = a->next)
        if (!a->written)
            return false;
    return !manager->repeat;
}

void attr_manager_close(struct attr_manager *manager)
{
    if (!manager || manager->closed)
        return;
    seat_free(manager->seat);
    while (manager->attributes) {
        struct attribute *first = manager->attributes;

        manager->attributes = first->next;
        free(first->name);
        free(first->value);
        free(first);
    }
    manager->closed = true;
    if (!manager->telling)
        free(manager);
}
