// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What redis_watch.c does in life: gives events to the protocol, here those of a simulated server,
 * file, bus and cluster, each when it comes to be known.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

uint64_t watch_clock(const struct sim *sim, int node)
{
    return (sim->now + sim->node[node].clock_offset) / MS;
}

void watch_members(const struct sim *sim, int node, unsigned mask, struct protocol_members *out)
{
    memset(out, 0, sizeof(*out));
    out->ring = sim->node[node].ring;
    out->quorum = (uint32_t)sim->quorum;
    for (int i = 0; i < sim->nodes; i++)
        if (mask >> i & 1)
            out->id[out->count++] = (uint32_t)i + 1;
}

/* Gives the event now, or, to a frozen watch, when it wakes. */
void watch_event(struct sim *sim, int node, struct protocol_event *event)
{
    struct sim_node *n = &sim->node[node];
    struct sim_watch *watch = &n->watch;
    struct protocol_effects effects;

    if (!watch->running || !n->up || watch->frozen || n->frozen)
        return;
    event->now_ms = watch_clock(sim, node);
    protocol_event(&watch->protocol, event, &effects);
    sim->events++;
    for (size_t i = 0; i < effects.count; i++)
        effect_carry_out(sim, node, &effects.effect[i]);
    uint64_t wake =
        effects.wake_ms == UINT64_MAX ? sim->now + SECOND : effects.wake_ms * MS - n->clock_offset;
    if (wake <= sim->now)
        wake = sim->now + 1;
    sim_wake(sim, wake, node);
}

void watch_start(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    struct sim_watch *watch = &n->watch;
    struct protocol_config config = {.self = (uint32_t)node + 1,
                                     .incarnation = ++sim->run_counter,
                                     .down_after_ms = 1000,
                                     .ring_change_ms = (uint32_t)(sim->ring_change / MS),
                                     .without = sim->options.without,
                                     .led_before = n->promoted && n->server.up &&
                                                   sim->now >= n->server.up_since + 2000 * MS,
                                     .node_count = (size_t)sim->nodes};
    uint64_t generation = watch->generation + 1;

    for (int i = 0; i < sim->nodes; i++) {
        config.nodes[i].id = (uint32_t)i + 1;
        snprintf(config.nodes[i].name, sizeof(config.nodes[i].name), "n%d", i + 1);
    }
    if (watch->frozen_until > sim->now)
        n->stale_at = watch->frozen_until + 1;
    memset(watch, 0, sizeof(*watch));
    watch->generation = generation;
    watch->running = true;
    watch->joined_at = sim->now;
    n->server.heard_at = sim->now;
    protocol_init(&watch->protocol, &config);
    sim_trace(sim, node, "watch starts");
    struct protocol_event event;
    sim_at(sim, sim->now + sim_delay(sim, MS, 100 * MS), EV_WATCH_LOAD, node)->a = generation;
    sim_at(sim, sim->now + MS, EV_WATCH_POLL, node)->a = generation;
    if (!n->corosync || !n->ring)
        return;
    event = (struct protocol_event){.kind = PROTOCOL_EVENT_RING};
    watch_members(sim, node, n->ring_members, &event.members);
    watch_event(sim, node, &event);
    event = (struct protocol_event){.kind = PROTOCOL_EVENT_QUORUM};
    event.ring = n->ring;
    event.yes = n->quorate;
    watch_event(sim, node, &event);
    ring_join_group(sim, node);
}

void watch_end(struct sim *sim, int node)
{
    struct sim_watch *watch = &sim->node[node].watch;

    if (!watch->running)
        return;
    watch->running = watch->frozen = false;
    watch->generation++;
    sim_trace(sim, node, "watch ends");
    ring_join_group(sim, node);
}

static void carry_out_order(struct sim *sim, int node)
{
    struct sim_watch *watch = &sim->node[node].watch;
    bool done;

    if (!watch->order_count)
        return;
    if (!server_runs(sim, node)) { /* it waits in the socket for the server to wake */
        if (!sim->node[node].server.up)
            watch->order_count = 0;
        else
            sim_at(sim, sim->now + sim_delay(sim, MS, 10 * MS), EV_ORDER, node)->a =
                watch->generation;
        return;
    }
    struct protocol_effect order = watch->orders[watch->order_head];
    bool lost = watch->order_run[watch->order_head] != sim->node[node].server.run;
    watch->order_head = (watch->order_head + 1) % SIM_ORDERS;
    watch->order_count--;
    if (lost)
        return; /* it was given to a process that is no more */
    server_order(sim, node, &order, &done);
    watch->last_order = order.order;
    if (done &&
        (order.kind == PROTOCOL_EFFECT_PAUSE || order.kind == PROTOCOL_EFFECT_RESUME ||
         order.kind == PROTOCOL_EFFECT_BACKSTOP || order.kind == PROTOCOL_EFFECT_PRIORITY)) {
        struct protocol_event event = {.kind = PROTOCOL_EVENT_CONFIRMED, .number = order.order};
        watch_event(sim, node, &event);
    }
    sim_at(sim, sim->now + sim_delay(sim, 100, 500), EV_DIGEST, node)->a = watch->generation;
}

static void give_digest(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    struct protocol_event event;

    if (!server_runs(sim, node))
        return;
    n->server.heard_at = sim->now;
    if (n->server.script)
        return; /* BUSY: alive, but nothing is learned */
    event.kind = PROTOCOL_EVENT_DIGEST;
    server_digest(sim, node, &event.digest);
    event.digest.order = n->watch.last_order;
    watch_event(sim, node, &event);
}

/*
 * What a sentinel-feed beside the watch tells of its server, if that is a primary, in every second
 * schedule: one to two seconds late. BUSY is no answer to Sentinel.
 */
static void hear_sentinel(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    struct sim_watch *watch = &n->watch;
    struct protocol_event event = {.kind = PROTOCOL_EVENT_WITNESS};
    int reach = 0;

    if (!sim_has_sentinel(sim) || !watch->running)
        return;
    for (int i = 0; i < sim->nodes; i++)
        reach += i == node || redis_reaches(sim, i, node);
    if (n->server.role != MEMBER_ROLE_PRIMARY)
        event.answer = MEMBER_ANSWER_UNKNOWN;
    else if (!server_runs(sim, node) || n->server.script || reach < sim->quorum)
        event.answer = MEMBER_ANSWER_NO;
    else if (watch->sentinel_said == MEMBER_ANSWER_NO)
        event.answer = MEMBER_ANSWER_YES;
    if (event.answer != watch->sentinel_sees)
        watch->sentinel_at = sim->now + SECOND + sim->now / MS * 7919 % 1000 * MS;
    watch->sentinel_sees = event.answer;
    if (watch->sentinel_said == event.answer || sim->now < watch->sentinel_at)
        return;
    watch->sentinel_said = event.answer;
    sim_trace(sim, node, "Sentinel's quorum: answer %d", event.answer);
    watch_event(sim, node, &event);
}

static void poll_server(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    uint64_t silent = sim->now - n->server.heard_at;

    if (!n->server.up) {
        struct protocol_event event = {.kind = PROTOCOL_EVENT_SERVER_GONE};
        n->server.heard_at = sim->now;
        watch_event(sim, node, &event);
    } else if (server_runs(sim, node) && n->watch_ill_until <= sim->now) {
        give_digest(sim, node);
    } else if (silent >= 300 * MS || n->watch_ill_until > sim->now) {
        struct protocol_event event = {.kind = PROTOCOL_EVENT_SERVER_SILENT};
        event.silent_ms = silent / MS;
        if (n->watch_ill_until > sim->now)
            event.silent_ms = 3000;
        watch_event(sim, node, &event);
    }
    hear_sentinel(sim, node);
    bool often = silent > 300 * MS;
    sim_at(sim, sim->now + (often ? 100 * MS : 300 * MS), EV_WATCH_POLL, node)->a =
        n->watch.generation;
}

static void take_signal(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *server = &sim->node[event->node].server;

    if (!server->up || server->run != event->c)
        return;
    sim_trace(sim, event->node, "signal %d", (int)event->b);
    if (event->b == PROTOCOL_EFFECT_STOP)
        server->stopped = true;
    else if (event->b == PROTOCOL_EFFECT_CONTINUE) {
        server->stopped = false;
        server->answers_since = sim->now;
    } else
        server_end(sim, event->node, false, false);
}

/* Accepted here, and carried to all of the ring by the cluster manager. */
static void take_cib(struct sim *sim, const struct sim_event *event)
{
    struct protocol_event told = {.kind = PROTOCOL_EVENT_CIB_ACCEPTED, .number = event->b};

    for (int i = 0; i < sim->nodes; i++) {
        struct sim_node *n = &sim->node[i];
        if (n->up && n->ring == sim->node[event->node].ring && n->cib.epoch < event->b)
            n->cib = (struct redis_claim){event->b, (uint32_t)event->node + 1};
    }
    watch_event(sim, event->node, &told);
}

static void take_file(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];
    struct protocol_event told = {.kind = PROTOCOL_EVENT_FILE_WRITTEN, .number = event->b};

    n->disk = n->watch.protocol.writing;
    watch_event(sim, event->node, &told);
}

static void take_witness(struct sim *sim, const struct sim_event *event)
{
    int of = (int)event->b - 1;
    struct protocol_event told = {.kind = PROTOCOL_EVENT_WITNESS, .of = (uint32_t)event->b};
    bool reached = !(sim->cut_redis[event->node] >> of & 1) &&
                   !(sim->cut_redis[of] >> event->node & 1) && server_runs(sim, of);

    told.answer = reached ? MEMBER_ANSWER_YES : MEMBER_ANSWER_NO;
    watch_event(sim, event->node, &told);
}

/* What a frozen watch or node would have got comes when it wakes. */
static bool is_held_up(struct sim *sim, const struct sim_event *event)
{
    const struct sim_node *n = &sim->node[event->node];

    if (!n->watch.running || !(n->watch.frozen || n->frozen))
        return false;
    uint64_t until = n->watch.frozen ? n->watch.frozen_until : n->frozen_until;
    uint64_t awake = until > sim->now ? until + 1 : sim->now + MS;
    if (event->kind == EV_WATCH_WAKE)
        sim_wake(sim, awake, event->node);
    else
        sim_again(sim, event, awake);
    return true;
}

/* The file is told once the CIB was read, so often after the first digest. */
static void load_record(struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    struct protocol_event event = {.kind = PROTOCOL_EVENT_RECORD, .record = n->disk};

    watch_event(sim, node, &event);
    event = (struct protocol_event){.kind = PROTOCOL_EVENT_CIB_CLAIM, .claim = n->cib};
    watch_event(sim, node, &event);
}

/* What only the watch that asked for it gets. */
static void own_event(struct sim *sim, const struct sim_event *event)
{
    const struct sim_watch *watch = &sim->node[event->node].watch;

    if (!watch->running || event->a != watch->generation)
        return;
    switch ((int)event->kind) {
    case EV_WATCH_LOAD:
        load_record(sim, event->node);
        break;
    case EV_WATCH_POLL:
        poll_server(sim, event->node);
        break;
    case EV_ORDER:
        carry_out_order(sim, event->node);
        break;
    case EV_DIGEST:
        give_digest(sim, event->node);
        break;
    case EV_SIGNAL:
        take_signal(sim, event);
        break;
    case EV_FILE:
        take_file(sim, event);
        break;
    case EV_WITNESS:
        take_witness(sim, event);
        break;
    case EV_LINKS:
        ring_event(sim, event);
        break;
    case EV_CIB:
        take_cib(sim, event);
        break;
    }
}

bool sim_has_sentinel(const struct sim *sim)
{
    return sim->seed % 2;
}

bool watch_sim_event(struct sim *sim, const struct sim_event *event)
{
    struct protocol_event told;

    switch ((int)event->kind) {
    case EV_WATCH_WAKE:
        told.kind = PROTOCOL_EVENT_WAKE;
        if (!is_held_up(sim, event))
            watch_event(sim, event->node, &told);
        return true;
    case EV_MESSAGE:
    case EV_RING:
    case EV_QUORUM:
    case EV_GROUP:
        if (!is_held_up(sim, event))
            ring_event(sim, event);
        return true;
    case EV_GONE:
        told.kind = PROTOCOL_EVENT_SERVER_GONE;
        if (!is_held_up(sim, event) && !sim->node[event->node].server.up)
            watch_event(sim, event->node, &told);
        return true;
    case EV_WATCH_LOAD:
    case EV_WATCH_POLL:
    case EV_ORDER:
    case EV_DIGEST:
    case EV_SIGNAL:
    case EV_FILE:
    case EV_WITNESS:
    case EV_LINKS:
    case EV_CIB:
        if (!is_held_up(sim, event))
            own_event(sim, event);
        return true;
    }
    return false;
}
