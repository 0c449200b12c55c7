// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Corosync as the protocol sees it: the ring and the group from the bus, messages in their one
 * order, the quorum's callback, the links' reading.
 */
#include "redis_watch.h"

#include "bus.h"
#include "links.h"
#include "log.h"
#include "quorum.h"
#include <errno.h>
#include <string.h>

#define AGAIN_MS 10 /* until a message that the bus did not take is offered again */

struct watch_ring {
    struct bus *bus;
    struct quorum *quorum;
    struct links *links;
    struct loop_timer *again; /* a tell is owed */
    uint64_t ring;
};

/* With two_node one is enough, and fencing, on which Pacemaker waits before it promotes, makes sure
 * of the other; with a quorum device, the device. */
static uint32_t majority(const struct watch *watch)
{
    return nodes_majority(&watch->nodes);
}

static bool is_listed(const struct nodes *nodes, uint32_t id)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->node[i].id == id)
            return true;
    return false;
}

/*
 * A node that came into the cluster since we started: ranks need its name, followers its address,
 * and the majority is another. A new watch has all of that; the monitor launches it.
 */
static void end_if_new(struct watch *watch, uint32_t id)
{
    struct nodes nodes;

    if (is_listed(&watch->nodes, id) || nodes_read(&nodes) < 0 || !is_listed(&nodes, id))
        return;
    log_notice("node %u is new in the cluster: redis-watch starts anew with it", id);
    loop_stop(watch->loop);
}

static void add_member(struct protocol_members *members, uint32_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->id[i] == id)
            return;
    }
    if (members->count < REDIS_MEMBERS_MAX)
        members->id[members->count++] = id;
}

static void bus_up(void *data, struct bus_member self)
{
    struct watch *watch = data;

    log_info("on the bus as node %u", self.node);
    if (self.node != watch->protocol.config.self)
        log_error("corosync calls this node %u on the bus and %u in its configuration; see "
                  "nodelist in corosync.conf",
                  self.node, watch->protocol.config.self);
}

static void bus_down(void *data, int rc)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_BUS_LOST};

    log_warning("the bus is lost: %s; a primary here takes no writes until it is back",
                strerror(-rc));
    watch_event(data, &event);
}

static void bus_ring(void *data, struct ring ring, const uint32_t *nodes, size_t count)
{
    struct watch *watch = data;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_RING};

    watch->ring->ring = ring_key(ring);
    event.members.ring = watch->ring->ring;
    event.members.quorum = majority(watch);
    for (size_t i = 0; i < count; i++) {
        add_member(&event.members, nodes[i]);
        end_if_new(watch, nodes[i]);
    }
    log_info("ring %llx of %zu nodes", (unsigned long long)event.members.ring, count);
    watch_event(watch, &event);
    watch_attributes_repeat(watch);
}

static void bus_group(void *data, const struct bus_members *members)
{
    struct watch *watch = data;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_GROUP};

    event.members.ring = watch->ring->ring;
    event.members.quorum = majority(watch);
    for (size_t i = 0; i < members->count; i++)
        add_member(&event.members, members->member[i].node);
    watch_event(watch, &event);
    watch_news_repeat(watch);
}

static void bus_message(void *data, struct bus_member from, const void *bytes, size_t length)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_MESSAGE, .node = from.node};
    struct watch *watch = data;
    int rc = redis_message_decode(bytes, length, &event.message);

    if (rc)
        log_debug("a message of node %u is not understood: %s", from.node, strerror(-rc));
    else if (event.message.kind == REDIS_MESSAGE_TELL) /* older watches tick here, for themselves */
        watch_event(watch, &event);
    else if (event.message.kind == REDIS_MESSAGE_HELLO)
        watch_news_heard(watch, &event.message.hello);
}

static void quorum_change(void *data, const struct quorum_view *view)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_QUORUM};

    event.ring = ring_key(view->ring);
    event.yes = view->quorate;
    log_info("ring %llx is %squorate", (unsigned long long)event.ring, view->quorate ? "" : "not ");
    watch_event(data, &event);
}

/* What was told before does not hold any more. */
static void quorum_unknown(void *data, int rc)
{
    struct watch *watch = data;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_QUORUM};

    log_warning("whether this node is quorate is not known: %s", strerror(-rc));
    event.ring = watch->ring->ring;
    event.yes = false;
    watch_event(watch, &event);
}

static void links_read(void *data, const struct links_reading *reading)
{
    struct watch *watch = data;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_LINKS};

    if (reading->rc)
        return; /* nothing is known: the protocol counts on no answer */
    event.at_ms = (uint64_t)reading->asked_ms;
    event.members.ring = watch->ring->ring;
    event.members.quorum = majority(watch);
    add_member(&event.members, watch->protocol.config.self);
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->node[i].state == LINK_UP)
            add_member(&event.members, reading->node[i].node);
    }
    watch_event(watch, &event);
}

int watch_send(struct bus *bus, const struct redis_message *message)
{
    uint8_t bytes[REDIS_MESSAGE_SIZE];
    int length = redis_message_encode(message, bytes, sizeof(bytes));

    return length < 0 ? length : bus_send(bus, bytes, (size_t)length);
}

static void tell(void *data)
{
    struct watch *watch = data;
    struct redis_message message = {.kind = REDIS_MESSAGE_TELL, .told = watch->protocol.told};

    if (watch_send(watch->ring->bus, &message) == -EAGAIN)
        (void)loop_timer_start(watch->ring->again, AGAIN_MS);
}

void watch_ring_tell(struct watch *watch)
{
    tell(watch);
}

/* One that is not taken is not owed: the agent's monitors see to it. */
void watch_ring_hello(struct watch *watch, const struct redis_hello *hello)
{
    struct redis_message message = {.kind = REDIS_MESSAGE_HELLO, .hello = *hello};

    (void)watch_send(watch->ring->bus, &message);
}

void watch_ring_ask_links(struct watch *watch)
{
    (void)links_ask(watch->ring->links, PROTOCOL_LEASE_MS);
}

int watch_ring_open(struct watch *watch)
{
    static const struct bus_events bus_events = {
        .up = bus_up,
        .down = bus_down,
        .ring = bus_ring,
        .members = bus_group,
        .message = bus_message,
    };
    static const struct quorum_events quorum_events = {
        .change = quorum_change,
        .unknown = quorum_unknown,
    };
    cleanup_free char *group = xasprintf("redis-ha/%s", watch->context.instance);
    struct watch_ring *ring = xcalloc(1, sizeof(*ring));
    int rc;

    watch->ring = ring;
    ring->again = loop_timer_new(watch->loop, LOOP_NORMAL, tell, watch);
    rc = ring->again ? links_open(watch->loop, links_read, watch, &ring->links) : -ENOMEM;
    if (!rc)
        rc = quorum_open(watch->loop, &quorum_events, watch, &ring->quorum);
    return rc ? rc : bus_open(watch->loop, group, &bus_events, watch, &ring->bus);
}

void watch_ring_close(struct watch *watch)
{
    struct watch_ring *ring = watch->ring;

    if (!ring)
        return;
    bus_close(ring->bus);
    quorum_close(ring->quorum);
    links_close(ring->links);
    loop_timer_free(ring->again);
    free(ring);
    watch->ring = NULL;
}
