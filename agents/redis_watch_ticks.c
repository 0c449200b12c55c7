// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ticks, once a node for all its watches: a tick proves that corosync's ring turned with this node
 * in it, whichever of its processes sent it. They go round in a group of this node's watches alone;
 * the one with the lowest process id sends, the others when they have not heard of it.
 */
#include "redis_watch.h"

#include "bus.h"
#include "clock.h"

#define OTHERS_MS (PROTOCOL_TICK_MS + 50) /* that a tick of another watch may be old */

struct watch_ticks {
    struct bus *bus;
    uint32_t pid;     /* ours, on the bus */
    uint64_t ring;    /* of this group's stream; 0: not told yet */
    int64_t other_ms; /* when one with a lower process id was heard of */
};

static void ticks_up(void *data, struct bus_member self)
{
    struct watch *watch = data;

    watch->ticks->pid = self.pid;
}

static void ticks_down(void *data, int rc)
{
    struct watch *watch = data;

    (void)rc; /* the other group's tells */
    watch->ticks->ring = 0;
}

static void ticks_ring(void *data, struct ring ring, const uint32_t *nodes, size_t count)
{
    struct watch *watch = data;

    (void)nodes;
    (void)count;
    watch->ticks->ring = ring_key(ring);
}

/*
 * Two groups are two streams: the change of a ring may come by one before it comes by the other. A
 * tick counts only in the ring that both are in.
 */
static void ticks_message(void *data, struct bus_member from, const void *bytes, size_t length)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_MESSAGE, .node = from.node};
    struct watch *watch = data;
    struct watch_ticks *ticks = watch->ticks;

    if (from.node != watch->protocol.config.self ||
        redis_message_decode(bytes, length, &event.message) < 0 ||
        event.message.kind != REDIS_MESSAGE_TICK)
        return;
    if (from.pid < ticks->pid)
        ticks->other_ms = clock_ms();
    if (ticks->ring == watch->protocol.ring)
        watch_event(watch, &event);
}

/* A tick that is not taken is not owed: the next one follows. */
void watch_ticks_send(struct watch *watch)
{
    struct redis_message message = {.kind = REDIS_MESSAGE_TICK, .tick_ms = (uint64_t)clock_ms()};
    struct watch_ticks *ticks = watch->ticks;

    if (!ticks->other_ms || clock_ms() >= ticks->other_ms + OTHERS_MS)
        (void)watch_send(ticks->bus, &message);
}

int watch_ticks_open(struct watch *watch)
{
    static const struct bus_events events = {
        .up = ticks_up,
        .down = ticks_down,
        .ring = ticks_ring,
        .message = ticks_message,
    };
    cleanup_free char *group = xasprintf("redis-ha/ticks/%u", watch->protocol.config.self);

    watch->ticks = xcalloc(1, sizeof(*watch->ticks));
    return bus_open(watch->loop, group, &events, watch, &watch->ticks->bus);
}

void watch_ticks_close(struct watch *watch)
{
    if (!watch->ticks)
        return;
    bus_close(watch->ticks->bus);
    free(watch->ticks);
    watch->ticks = NULL;
}
