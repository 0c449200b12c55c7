// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The CIB's copy of what the epoch files say: `<redis>-epoch`, the promotion whose data this node
 * holds, written when all is quiet; and `<redis>-claim`, of a promotion in which fewer watches than
 * a quorum took part. Both are read once at the start: a node that was away may have missed them.
 */
#include "redis_watch.h"

#include "cib_attr.h"
#include "clock.h"
#include "log.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WRITE_MS 20000
#define READ_MS  5000 /* for all nodes together */
#define QUIET_MS 2000 /* that an epoch has to stand: a write makes Pacemaker reckon anew */

struct watch_cib {
    struct cib_attr *cib;
    struct loop_timer *quiet;
    char *epoch_name, *claim_name;
    struct deadline reading; /* while `read_count` goes up to two questions a node */
    size_t read_count;
    struct redis_claim highest;
    uint64_t held;          /* as it is in the CIB, or on its way there */
    bool held_known;        /* whether that was found out */
    uint64_t claim_owed;    /* 0: none */
    uint64_t claim_written; /* on its way */
};

static void read_next(struct watch *watch);
static void write_claim(struct watch *watch);

/* --- at the start --- */

static void tell_highest(struct watch *watch)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_CIB_CLAIM, .claim = watch->cib->highest};

    watch_store_tell(watch);
    if (event.claim.epoch)
        watch_event(watch, &event);
}

static void value_read(void *data, int rc, const char *value, const char *text)
{
    struct watch *watch = data;
    struct watch_cib *cib = watch->cib;
    const struct node *node = &watch->nodes.node[cib->read_count / 2];
    bool is_own_epoch = node->id == watch->protocol.config.self && cib->read_count % 2;
    int64_t epoch = 0;

    if (rc && rc != -ENXIO)
        log_warning("the CIB's epochs of %s could not be read: %s %s", node->name, strerror(-rc),
                    text);
    if (value && parse_int64(value, 0, INT64_MAX, &epoch) < 0)
        log_warning("%s-epoch or -claim of %s is \"%s\"; expected a number",
                    watch->context.instance, node->name, value);
    if ((uint64_t)epoch > cib->highest.epoch)
        cib->highest = (struct redis_claim){.epoch = (uint64_t)epoch, .node = node->id};
    if (is_own_epoch && rc == 0) {
        cib->held = (uint64_t)epoch;
        cib->held_known = true;
    }
    cib->read_count++;
    read_next(watch);
}

/* Each node's claim, then its epoch. */
static void read_next(struct watch *watch)
{
    struct watch_cib *cib = watch->cib;
    int64_t left = deadline_left_ms(cib->reading);
    size_t node = cib->read_count / 2;
    int rc = -ETIMEDOUT;

    if (node >= watch->nodes.count) {
        tell_highest(watch);
        return;
    }
    if (left > 0)
        rc = cib_attr_read(cib->cib, watch->nodes.node[node].name,
                           cib->read_count % 2 ? cib->epoch_name : cib->claim_name, left,
                           value_read, watch);
    if (rc) {
        log_warning("the CIB's epochs were not all read (%s): the files alone count",
                    strerror(-rc));
        cib->read_count = 2 * watch->nodes.count;
        tell_highest(watch);
    }
}

/* --- writing --- */

static bool is_reading(const struct watch *watch)
{
    return watch->cib->read_count < 2 * watch->nodes.count;
}

static void write_over(void *data, int rc, const char *value, const char *text)
{
    struct watch *watch = data;
    struct watch_cib *cib = watch->cib;
    struct protocol_event event = {.kind = rc ? PROTOCOL_EVENT_CIB_FAILED
                                              : PROTOCOL_EVENT_CIB_ACCEPTED};

    (void)value;
    if (rc)
        log_warning("%s or -claim could not be written into the CIB: %s %s", cib->epoch_name,
                    strerror(-rc), text);
    event.number = cib->claim_written;
    cib->held_known = cib->held_known && !(rc && !event.number);
    cib->claim_written = 0;
    if (event.number)
        watch_event(watch, &event);
    write_claim(watch);
}

static int write_number(struct watch *watch, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    return cib_attr_write(watch->cib->cib, watch->context.node, name, text, WRITE_MS, write_over,
                          watch);
}

/* Owed until it is taken: with -EBUSY it follows what is under way. */
static void write_claim(struct watch *watch)
{
    struct watch_cib *cib = watch->cib;

    if (!cib->claim_owed || write_number(watch, cib->claim_name, cib->claim_owed) < 0)
        return;
    cib->claim_written = cib->claim_owed;
    cib->claim_owed = 0;
}

void watch_cib_claim(struct watch *watch, uint64_t epoch)
{
    watch->cib->claim_owed = epoch;
    write_claim(watch);
}

/* The epoch that is to stand there; false: it is not the time to say. */
static bool held_now(const struct watch *watch, uint64_t *epoch)
{
    const struct protocol *p = &watch->protocol;

    *epoch = p->told.epoch;
    return p->answered && p->server == MEMBER_SERVER_ANSWERS && !p->contest && !is_reading(watch) &&
           p->claim == PROTOCOL_CLAIM_NONE && p->digest.link != MEMBER_LINK_SYNCING;
}

static void write_held(void *data)
{
    struct watch *watch = data;
    struct watch_cib *cib = watch->cib;
    uint64_t epoch;

    if (!held_now(watch, &epoch) || (cib->held_known && cib->held == epoch) ||
        write_number(watch, cib->epoch_name, epoch) < 0)
        return;
    cib->held = epoch;
    cib->held_known = true;
}

void watch_cib_held(struct watch *watch)
{
    struct watch_cib *cib = watch->cib;
    uint64_t epoch;

    if (!held_now(watch, &epoch) || (cib->held_known ? cib->held == epoch : epoch == 0))
        loop_timer_stop(cib->quiet);
    else if (!loop_timer_runs(cib->quiet))
        (void)loop_timer_start(cib->quiet, QUIET_MS);
}

/* --- the room --- */

int watch_cib_open(struct watch *watch)
{
    struct watch_cib *cib = xcalloc(1, sizeof(*cib));
    int rc;

    watch->cib = cib;
    cib->epoch_name = xasprintf("%s-epoch", watch->context.instance);
    cib->claim_name = xasprintf("%s-claim", watch->context.instance);
    cib->reading = deadline_in(READ_MS);
    cib->quiet = loop_timer_new(watch->loop, LOOP_LOW, write_held, watch);
    rc = cib->quiet ? cib_attr_open(watch->loop, &cib->cib) : -ENOMEM;
    if (!rc)
        read_next(watch);
    return rc;
}

void watch_cib_close(struct watch *watch)
{
    struct watch_cib *cib = watch->cib;

    if (!cib)
        return;
    loop_timer_free(cib->quiet);
    cib_attr_close(cib->cib);
    free(cib->epoch_name);
    free(cib->claim_name);
    free(cib);
    watch->cib = NULL;
}
