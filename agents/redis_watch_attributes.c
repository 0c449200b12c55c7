// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the cluster is told of this node's server: promotion score and status, over an open
 * connection to the attribute manager.
 */
#include "redis_watch.h"

#include "attr.h"
#include "companion_attributes.h"
#include "controller.h"
#include "log.h"
#include <errno.h>
#include <string.h>

#define MOVE_MS   3000 /* that the role may take to move */
#define STATUS_MS 500  /* that a status has to stand before it is written */

/* One loses the role and another gets it, each by its own watch, some 4 ms apart. Written one by
 * one Pacemaker planned twice, which took it 16 ms more. */
#define GATHER_MS 8

/* From a change of the cluster until Pacemaker has finished what it deletes: 2 s were seen. */
#define REPEAT_MS   500
#define REPEATS_MAX 20

struct watch_attributes {
    struct attr_manager *manager;
    char *score_name, *status_name;
    struct loop_timer *quiet; /* a status is owed */
    struct controller *controller;
    struct loop_timer *repeat;
    size_t repeats; /* to come */
    enum protocol_status status;
    bool status_said;
};

void watch_attributes_score(struct watch *watch, int score)
{
    char text[16];

    if (score <= RANK_SCORE_NEVER)
        snprintf(text, sizeof(text), "%s", ATTR_MINUS_INFINITY);
    else
        snprintf(text, sizeof(text), "%d", score);
    companion_attribute_set(watch->attributes->manager, watch->attributes->score_name, text,
                            GATHER_MS);
}

/*
 * Seen with Pacemaker 2.1.5: after a heal the controller of the node that was cut off has the CIB
 * delete the attributes of all others, and when a controller ends the others delete its node's; the
 * attribute manager takes them for written. It is told to write all that it knows again, of every
 * program: what is there already changes nothing.
 */
static void repeat(void *data)
{
    struct watch *watch = data;
    struct watch_attributes *attributes = watch->attributes;

    attr_manager_repeat(attributes->manager);
    if (--attributes->repeats > 0)
        (void)loop_timer_start(attributes->repeat, REPEAT_MS);
}

void watch_attributes_repeat(struct watch *watch)
{
    watch->attributes->repeats = REPEATS_MAX;
    (void)loop_timer_start(watch->attributes->repeat, REPEAT_MS);
}

static void controller_back(void *data)
{
    log_info("Pacemaker's controller is back");
    watch_attributes_repeat(data);
}

static const char *status_text(enum protocol_status status)
{
    switch (status) {
    case PROTOCOL_STATUS_DOWN:
        return "down";
    case PROTOCOL_STATUS_LOADING:
        return "loading";
    case PROTOCOL_STATUS_PRIMARY:
        return "primary";
    case PROTOCOL_STATUS_PAUSED:
        return "paused";
    case PROTOCOL_STATUS_REPLICA:
        return "replica";
    case PROTOCOL_STATUS_SYNCING:
        return "syncing";
    case PROTOCOL_STATUS_DISCONNECTED:
        return "disconnected";
    case PROTOCOL_STATUS_SEALED:
        return "sealed";
    }
    return "down";
}

static void write_status(void *data)
{
    struct watch *watch = data;
    const struct protocol *p = &watch->protocol;

    bool moves = p->contest && p->now_ms < p->contest_ms + MOVE_MS;

    if (moves || p->claim != PROTOCOL_CLAIM_NONE) {
        (void)loop_timer_start(watch->attributes->quiet, STATUS_MS);
        return;
    }
    companion_attribute_set(watch->attributes->manager, watch->attributes->status_name,
                            status_text(watch->attributes->status), 0);
}

/*
 * Each change of an attribute makes Pacemaker reckon anew, which takes it 50 ms; so while the role
 * moves only scores are written, and the status when it has settled.
 */
void watch_attributes_status(struct watch *watch, enum protocol_status status)
{
    bool first = !watch->attributes->status_said;

    watch->attributes->status = status;
    watch->attributes->status_said = true;
    (void)loop_timer_start(watch->attributes->quiet, first ? 0 : STATUS_MS);
}

int watch_attributes_open(struct watch *watch)
{
    struct watch_attributes *attributes = xcalloc(1, sizeof(*attributes));
    const char *instance = watch->context.instance;
    int rc;

    watch->attributes = attributes;
    attributes->score_name = xasprintf("master-%s", instance);
    attributes->status_name = xasprintf("%s-status", instance);
    attributes->quiet = loop_timer_new(watch->loop, LOOP_LOW, write_status, watch);
    attributes->repeat = loop_timer_new(watch->loop, LOOP_LOW, repeat, watch);
    if (!attributes->quiet || !attributes->repeat)
        return -ENOMEM;
    rc = companion_attributes_open(watch->loop, "score and status", &attributes->manager);
    return rc ? rc : controller_open(watch->loop, controller_back, watch, &attributes->controller);
}

void watch_attributes_close(struct watch *watch)
{
    struct watch_attributes *attributes = watch->attributes;

    if (!attributes)
        return;
    controller_close(attributes->controller);
    loop_timer_free(attributes->quiet);
    loop_timer_free(attributes->repeat);
    attr_manager_close(attributes->manager);
    free(attributes->score_name);
    free(attributes->status_name);
    free(attributes);
    watch->attributes = NULL;
}
