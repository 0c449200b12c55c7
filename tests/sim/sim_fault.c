// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What befalls a schedule: how each fault begins and ends.
 */
#include "sim.h"

#include <string.h>

static int whom(const struct sim *sim, const struct sim_fault *fault)
{
    int primary = -1;

    if (fault->node >= 0)
        return fault->node;
    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].server.role == MEMBER_ROLE_PRIMARY && server_runs(sim, i))
            primary = i;
    if (primary < 0)
        primary = fault->other;
    if (fault->node == AT_PRIMARY)
        return primary;
    return (primary + 1 + fault->other % (sim->nodes - 1)) % sim->nodes;
}

static void set_cut(unsigned *matrix, int a, int b, bool both)
{
    matrix[a] |= 1U << b;
    if (both)
        matrix[b] |= 1U << a;
}

static void note_cuts(struct sim *sim)
{
    for (int i = 0; i < sim->nodes; i++) {
        unsigned others = ((1U << sim->nodes) - 1) & ~(1U << i);
        struct sim_node *n = &sim->node[i];
        if (n->redis_cut || sim->cut_redis[i])
            n->redis_cut_at = sim->now;
        n->redis_cut = sim->cut_redis[i];
        if (sim->cut_ring[i] != others || sim->cut_redis[i] != others)
            n->cut_off_at = 0;
        else if (!n->cut_off_at)
            n->cut_off_at = sim->now;
    }
}

/* Cuts overlap: the matrix is made anew from all that last. */
static void make_cuts(struct sim *sim)
{
    memset(sim->cut_ring, 0, sizeof(sim->cut_ring));
    memset(sim->cut_redis, 0, sizeof(sim->cut_redis));
    for (size_t i = 0; i < sim->fault_count; i++) {
        const struct sim_fault *fault = &sim->fault[i];
        if (fault->dropped || fault->salt != 1) /* 1: under way */
            continue;
        int node = fault->node, other = fault->other;
        for (int j = 0; j < sim->nodes; j++) {
            bool all = fault->kind == FAULT_CUT_NODE;
            if ((all || fault->kind == FAULT_CUT_RING) && j != node)
                set_cut(sim->cut_ring, node, j, true);
            if (all && j != node)
                set_cut(sim->cut_redis, node, j, true);
            for (int k = 0; k < sim->nodes && fault->kind == FAULT_CUT_HALF; k++)
                if ((fault->mask >> j & 1) != (fault->mask >> k & 1)) {
                    set_cut(sim->cut_ring, j, k, true);
                    set_cut(sim->cut_redis, j, k, true);
                }
        }
        if (fault->kind == FAULT_CUT_PAIR || fault->kind == FAULT_CUT_ONE_WAY)
            set_cut(sim->cut_ring, node, other, fault->kind == FAULT_CUT_PAIR);
        if (fault->kind == FAULT_CUT_PAIR || fault->kind == FAULT_CUT_REDIS)
            set_cut(sim->cut_redis, node, other, true);
    }
    note_cuts(sim);
    ring_check(sim);
}

static bool disturbs(enum sim_fault_kind kind)
{
    return kind != FAULT_CUT_REDIS && kind != FAULT_LAG && kind != FAULT_SLOW_SCHEDULER &&
           kind != FAULT_SLOW_FILE && kind != FAULT_LATE_BUS && kind != FAULT_MOVE &&
           kind != FAULT_FALSE_SILENCE && kind != FAULT_SCRIPT && kind != FAULT_STANDBY;
}

static void disturb(struct sim *sim, const struct sim_fault *fault, int by)
{
    unsigned mask = 1U << fault->node;
    bool pair = fault->kind == FAULT_CUT_PAIR || fault->kind == FAULT_CUT_ONE_WAY;

    if (!disturbs(fault->kind))
        return;
    sim->disturbing += by > 0;
    if (fault->kind == FAULT_OUTAGE)
        mask = (1U << sim->nodes) - 1;
    if (fault->kind == FAULT_CUT_HALF)
        mask = (1U << sim->nodes) - 1;
    if (pair)
        mask |= 1U << fault->other;
    for (int i = 0; i < sim->nodes; i++)
        if (mask >> i & 1) {
            sim->node[i].disturbances += by;
            sim->node[i].disturbed_at = sim->now;
        }
}

static void freeze_watch(struct sim *sim, int node, uint64_t until)
{
    if (sim->node[node].watch.frozen || sim->node[node].frozen)
        return;
    sim->node[node].watch.frozen = true;
    sim->node[node].watch.frozen_until = until;
}

static void all_off(struct sim *sim, struct sim_fault *fault)
{
    for (int i = 0; i < sim->nodes; i++) {
        uint64_t off = sim_below(sim, fault->length);
        node_power_off(sim, i);
        sim_at(sim, sim->now + SECOND + off * (uint64_t)(1 + i % 2), EV_BOOT, i);
    }
}

/* Somebody other than Pacemaker starts it again before anybody looks. */
static void restart_empty(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;

    if (!server->up)
        return;
    server_end(sim, node, false, false);
    server->disk_stream = -1;
    server_start(sim, node);
}

static void begin_process_fault(struct sim *sim, struct sim_fault *fault)
{
    struct sim_node *n = &sim->node[fault->node];
    uint64_t until = sim->now + fault->length;

    switch ((int)fault->kind) {
    case FAULT_CRASH:
        server_end(sim, fault->node, false, false);
        break;
    case FAULT_HANG:
        n->server.hung = n->server.up;
        break;
    case FAULT_WATCH_KILL:
        watch_end(sim, fault->node);
        break;
    case FAULT_WATCH_FREEZE:
        freeze_watch(sim, fault->node, until);
        break;
    case FAULT_POWER:
        node_power_off(sim, fault->node);
        break;
    case FAULT_FREEZE:
        if (n->watch.frozen || n->frozen)
            break;
        n->frozen = n->up;
        n->frozen_until = until;
        ring_check(sim);
        break;
    case FAULT_COROSYNC_STOP:
        n->corosync_stopped = n->up;
        ring_check(sim);
        break;
    case FAULT_COROSYNC_KILL: {
        struct protocol_event lost = {.kind = PROTOCOL_EVENT_BUS_LOST};
        n->corosync = false;
        watch_event(sim, fault->node, &lost);
        ring_leave(sim, fault->node);
        break;
    }
    case FAULT_SCRIPT:
        n->server.script = n->server.up;
        sim_at(sim, until, EV_SCRIPT_END, fault->node)->a = n->server.run;
        break;
    case FAULT_RESTART_EMPTY:
        restart_empty(sim, fault->node);
        break;
    case FAULT_FALSE_SILENCE:
        n->watch_ill_until = until;
        break;
    }
}

static void begin(struct sim *sim, struct sim_fault *fault)
{
    fault->node = whom(sim, fault);
    if (fault->other >= fault->node)
        fault->other++;
    sim_trace(sim, fault->node, "FAULT %s for %.3f s (other n%d)", fault_names[fault->kind],
              (double)fault->length / 1e6, fault->other + 1);
    fault->salt = 1;
    sim->planned_moves += fault->kind == FAULT_MOVE || fault->kind == FAULT_STANDBY ||
                          fault->kind == FAULT_CUT_REDIS || /* it can make a second witness */
                          (fault->kind == FAULT_SCRIPT && sim_has_sentinel(sim));
    sim->moves_only = sim->moves_only && (fault->kind == FAULT_MOVE || fault->kind == FAULT_LAG);
    sim->powered_off += fault->kind == FAULT_POWER;
    disturb(sim, fault, 1);
    switch (fault->kind) {
    case FAULT_CRASH:
    case FAULT_HANG:
    case FAULT_WATCH_KILL:
    case FAULT_WATCH_FREEZE:
    case FAULT_POWER:
    case FAULT_FREEZE:
    case FAULT_COROSYNC_STOP:
    case FAULT_COROSYNC_KILL:
    case FAULT_SCRIPT:
    case FAULT_RESTART_EMPTY:
    case FAULT_FALSE_SILENCE:
        begin_process_fault(sim, fault);
        break;
    case FAULT_CUT_NODE:
    case FAULT_CUT_RING:
    case FAULT_CUT_PAIR:
    case FAULT_CUT_ONE_WAY:
    case FAULT_CUT_HALF:
    case FAULT_CUT_REDIS:
        make_cuts(sim);
        break;
    case FAULT_LAG:
        sim->node[fault->node].server.lag = sim_delay(sim, 50 * MS, 3 * SECOND);
        break;
    case FAULT_SLOW_SCHEDULER:
        sim->slow_scheduler = 1500 * MS;
        break;
    case FAULT_SLOW_FILE:
        sim->slow_file = 400 * MS;
        break;
    case FAULT_LATE_BUS:
        sim->late_bus = 100 * MS;
        break;
    case FAULT_MOVE:
        sim->moved_to = fault->other;
        pacemaker_kick(sim, fault->other);
        break;
    case FAULT_STANDBY:
        sim->node[fault->node].standby = true;
        pacemaker_kick(sim, fault->node);
        break;
    case FAULT_OUTAGE:
        all_off(sim, fault);
        break;
    case FAULT_KINDS:
        break;
    }
    sim_at(sim, sim->now + fault->length, EV_FAULT_END, 0)->a = (uint64_t)(fault - sim->fault);
}

static void thaw(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    if (n->frozen && n->frozen_until > sim->now)
        return;
    if (n->frozen)
        n->freeze_end = sim->now;
    n->frozen = false;
    pacemaker_kick(sim, node); /* what its scheduler was to do waits for it */
    ring_check(sim);
}

static void end_slowness(struct sim *sim, const struct sim_fault *fault)
{
    if (fault->kind == FAULT_LAG)
        sim->node[fault->node].server.lag = 0;
    else if (fault->kind == FAULT_SLOW_SCHEDULER)
        sim->slow_scheduler = 0;
    else if (fault->kind == FAULT_SLOW_FILE)
        sim->slow_file = 0;
    else
        sim->late_bus = 0;
}

static void end(struct sim *sim, struct sim_fault *fault)
{
    struct sim_node *n = &sim->node[fault->node];

    fault->salt = 2;
    disturb(sim, fault, -1);
    sim_trace(sim, fault->node, "END of %s", fault_names[fault->kind]);
    switch (fault->kind) {
    case FAULT_CRASH:
    case FAULT_WATCH_KILL:
    case FAULT_SCRIPT:
    case FAULT_OUTAGE:
    case FAULT_RESTART_EMPTY:
    case FAULT_FALSE_SILENCE:
    case FAULT_KINDS:
        break;
    case FAULT_HANG:
        n->server.hung = false;
        n->server.answers_since = sim->now;
        break;
    case FAULT_WATCH_FREEZE:
        n->watch.frozen = n->watch.frozen && n->watch.frozen_until > sim->now;
        break;
    case FAULT_POWER:
        node_boot(sim, fault->node);
        break;
    case FAULT_FREEZE:
        thaw(sim, fault->node);
        break;
    case FAULT_COROSYNC_STOP:
        n->corosync_stopped = false;
        ring_check(sim);
        break;
    case FAULT_COROSYNC_KILL:
        n->corosync = n->up;
        ring_check(sim);
        break;
    case FAULT_CUT_NODE:
    case FAULT_CUT_RING:
    case FAULT_CUT_PAIR:
    case FAULT_CUT_ONE_WAY:
    case FAULT_CUT_HALF:
    case FAULT_CUT_REDIS:
        make_cuts(sim);
        break;
    case FAULT_LAG:
    case FAULT_SLOW_SCHEDULER:
    case FAULT_SLOW_FILE:
    case FAULT_LATE_BUS:
        end_slowness(sim, fault);
        break;
    case FAULT_MOVE:
        sim->moved_to = -1;
        break;
    case FAULT_STANDBY:
        n->standby = false;
        pacemaker_kick(sim, fault->node);
        break;
    }
}

bool fault_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_fault *fault = &sim->fault[event->a];

    switch ((int)event->kind) {
    case EV_FAULT:
        begin(sim, fault);
        return true;
    case EV_FAULT_END:
        if (fault->salt == 1)
            end(sim, fault);
        return true;
    }
    return false;
}

void fault_heal(struct sim *sim)
{
    for (size_t i = 0; i < sim->fault_count; i++)
        if (sim->fault[i].salt == 1)
            end(sim, &sim->fault[i]);
    for (int i = 0; i < sim->nodes; i++)
        node_boot(sim, i);
    sim_trace(sim, -1, "all is healed");
}
