// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated CPG: messages in one order a ring, held back while it is broken, with its members.
 */
#include "sim.h"

static void put_in_order(struct sim *sim, int node, bool tick, uint64_t value)
{
    struct sim_ring *ring = ring_of(sim, node);
    uint64_t at = sim->now + sim_delay(sim, 200, 2 * MS) + sim_below(sim, sim->late_bus);

    for (int i = 0; i < sim->nodes; i++) {
        if (!(ring->members >> i & 1) || (tick && i != node))
            continue;
        struct sim_event *event = sim_at(sim, ring_delivery(sim, i, at), EV_MESSAGE, i);
        event->a = ring->id;
        event->b = (uint64_t)node;
        event->c = tick;
        event->d = value;
    }
}

static void send(struct sim *sim, int node, bool tick, uint64_t value)
{
    struct sim_node *n = &sim->node[node];
    struct sim_ring *ring = ring_of(sim, node);

    if (!n->corosync)
        return;
    /* Until the new ring was told here, messages wait for it. */
    if (!ring || ring->broken || !ring_runs(sim, node) || n->ring != ring->id) {
        if (n->outbox_count < SIM_OUTBOX) {
            n->outbox[n->outbox_count].tick = tick;
            n->outbox[n->outbox_count++].value = value;
        }
        return;
    }
    put_in_order(sim, node, tick, value);
}

void bus_flush(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    size_t count = n->outbox_count;

    n->outbox_count = 0;
    for (size_t i = 0; i < count; i++)
        send(sim, node, n->outbox[i].tick, n->outbox[i].value);
}

void ring_tell(struct sim *sim, int node, const struct redis_told *told)
{
    size_t slot = sim->message_next++ % SIM_MESSAGES;
    struct protocol_event *event = &sim->message[slot];

    event->kind = PROTOCOL_EVENT_MESSAGE;
    event->node = (uint32_t)node + 1;
    event->message.kind = REDIS_MESSAGE_TELL;
    event->message.told = *told;
    send(sim, node, false, slot);
}

void ring_tick(struct sim *sim, int node, uint64_t tick_ms)
{
    send(sim, node, true, tick_ms);
}

void bus_message(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];
    int sender = (int)event->b;
    struct sim_ring *ring = ring_of(sim, event->node);
    struct protocol_event tick;

    if (!n->up || !n->corosync || n->ring != event->a || sim->now == n->stale_at)
        return;
    if (n->corosync_stopped || n->frozen) { /* its daemon gets to it later, if its ring stays */
        sim_again(sim, event, sim->now + 20 * MS);
        return;
    }
    bool gap = ring && ring->broken && !ring_reaches(sim, event->node, sender);
    if (gap && sim->now < ring->broken_at + sim->token)
        n->hold_until = sim->now + 5 * MS; /* it may be sent again, and the next ones wait for it */
    if (sim->now < n->hold_until) {
        sim_again(sim, event, n->hold_until);
        return;
    }
    if (gap)
        return; /* those who go on with the sender have it, the others never */
    if (!event->c) {
        watch_event(sim, event->node, &sim->message[event->d]);
        return;
    }
    tick.kind = PROTOCOL_EVENT_MESSAGE;
    tick.node = (uint32_t)sender + 1;
    tick.message.kind = REDIS_MESSAGE_TICK;
    tick.message.tick_ms = event->d;
    watch_event(sim, event->node, &tick);
}

/* The watch of `node` comes or goes. */
void ring_join_group(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    uint64_t at = sim->now + sim_delay(sim, 200, 2 * MS);

    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].ring == n->ring && (n->ring_members >> i & 1) && sim->node[i].up)
            sim_at(sim, ring_delivery(sim, i, at), EV_GROUP, i)->a = n->ring;
}

void bus_group(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];
    struct protocol_event told = {.kind = PROTOCOL_EVENT_GROUP};

    if (!n->up || !n->corosync || n->ring != event->a)
        return;
    if (sim->now < n->hold_until) {
        sim_again(sim, event, n->hold_until);
        return;
    }
    n->group_told = ring_group(sim, n->ring_members);
    watch_members(sim, event->node, n->group_told, &told.members);
    watch_event(sim, event->node, &told);
}
