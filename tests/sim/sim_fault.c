// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What befalls a schedule: drawn from its seed, close to each other on purpose, printed so that a
 * reader can follow, and healed at the end.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

static const char *const names[FAULT_KINDS] = {
    "crash",
    "hang",
    "watch killed",
    "watch frozen",
    "power off",
    "freeze of the node",
    "cut off",
    "cut off, corosync only",
    "pair cut",
    "pair cut one way",
    "cut in two",
    "Redis cut",
    "corosync stopped",
    "corosync killed",
    "replica lags",
    "long script",
    "slow scheduler",
    "slow file",
    "late bus",
    "move",
    "standby",
    "outage of all",
    "restart at once, empty",
    "one witness is wrong",
};

static const uint8_t weight[FAULT_KINDS] = {
    14, 10, 3, 3, 8, 2, 9, 6, 4, 3, 3, 4, 5, 2, 8, 5, 5, 2, 3, 6, 4, 3, 2, 2,
};

/* Where to look for what a rule prevents. Ends with the first repetition. */
static const uint8_t aims[PROTOCOL_RULE_COUNT][5] = {
    [PROTOCOL_RULE_SEAL] = {FAULT_HANG, FAULT_LAG, FAULT_CRASH, FAULT_CUT_RING},
    [PROTOCOL_RULE_ALL_SEALED] = {FAULT_CRASH, FAULT_LAG, FAULT_SCRIPT, FAULT_HANG},
    [PROTOCOL_RULE_SEAL_CAUSE] = {FAULT_HANG, FAULT_LATE_BUS, FAULT_LAG, FAULT_CRASH},
    [PROTOCOL_RULE_KNOWN_AHEAD] = {FAULT_CRASH, FAULT_LAG, FAULT_WATCH_FREEZE, FAULT_WATCH_KILL},
    [PROTOCOL_RULE_CLAIM_ACKS] = {FAULT_CRASH, FAULT_SLOW_FILE, FAULT_OUTAGE, FAULT_POWER},
    [PROTOCOL_RULE_LEASE_WAIT] = {FAULT_CUT_NODE, FAULT_CUT_RING, FAULT_COROSYNC_STOP,
                                  FAULT_COROSYNC_KILL},
    [PROTOCOL_RULE_TICK_AGE] = {FAULT_COROSYNC_STOP, FAULT_LATE_BUS},
    [PROTOCOL_RULE_TICK_RING] = {FAULT_CUT_NODE, FAULT_CUT_RING, FAULT_COROSYNC_STOP},
    [PROTOCOL_RULE_LINK_QUORUM] = {FAULT_CUT_HALF, FAULT_CUT_HALF},
    [PROTOCOL_RULE_RESUME_TOLD] = {FAULT_COROSYNC_STOP, FAULT_LATE_BUS, FAULT_CUT_RING},
    [PROTOCOL_RULE_HIGHER_EPOCH] = {FAULT_CUT_NODE, FAULT_CUT_RING, FAULT_COROSYNC_STOP},
    [PROTOCOL_RULE_PAUSE_FIRST] = {FAULT_POWER, FAULT_HANG, FAULT_CUT_RING, FAULT_LATE_BUS},
    [PROTOCOL_RULE_BACKSTOP] = {FAULT_CUT_NODE, FAULT_WATCH_FREEZE},
    [PROTOCOL_RULE_TWO_WITNESSES] = {FAULT_FALSE_SILENCE, FAULT_LAG},
    [PROTOCOL_RULE_MOVE_CATCH_UP] = {FAULT_MOVE, FAULT_LAG},
    [PROTOCOL_RULE_LINK_LEASE] = {FAULT_POWER, FAULT_POWER},
};

static enum sim_fault_kind draw_aimed(struct sim *sim)
{
    const uint8_t *aim = aims[sim->options.aim];
    size_t count = 1;

    while (count < 5 && aim[count] != 0)
        count++;
    return (enum sim_fault_kind)aim[sim_below(sim, count)];
}

static enum sim_fault_kind draw_kind(struct sim *sim)
{
    unsigned total = 0;

    if (sim->options.aim >= 0 && aims[sim->options.aim][1] && sim_chance(sim, 85))
        return draw_aimed(sim);

    for (int i = 0; i < FAULT_KINDS; i++)
        total += weight[i];
    unsigned at = (unsigned)sim_below(sim, total);
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (at < weight[i])
            return (enum sim_fault_kind)i;
        at -= weight[i];
    }
    return FAULT_CRASH;
}

/* Short and long alike: 1 ms to 8 s, evenly over the orders of magnitude. */
static uint64_t draw_gap(struct sim *sim)
{
    uint64_t gap = MS << sim_below(sim, 14);
    return gap + sim_below(sim, gap);
}

static uint64_t draw_length(struct sim *sim, enum sim_fault_kind kind)
{
    if (kind == FAULT_COROSYNC_STOP && sim_chance(sim, 50))
        return 6 * SECOND;
    if (kind == FAULT_POWER || kind == FAULT_OUTAGE || kind == FAULT_STANDBY)
        return sim_delay(sim, 2 * SECOND, 10 * SECOND);
    if (sim_chance(sim, 40))
        return sim_delay(sim, 3 * SECOND, 6 * SECOND);
    return 20 * MS + draw_gap(sim);
}

void fault_generate(struct sim *sim)
{
    uint64_t at = sim_delay(sim, 3500 * MS, 7 * SECOND);
    size_t count = 1 + sim_below(sim, 7);

    for (size_t i = 0; i < count && at < 28 * SECOND; i++) {
        struct sim_fault *fault = &sim->fault[sim->fault_count++];
        fault->kind = draw_kind(sim);
        fault->at = at;
        fault->length = draw_length(sim, fault->kind);
        fault->node = sim_chance(sim, 55)   ? AT_PRIMARY
                      : sim_chance(sim, 50) ? AT_REPLICA
                                            : (int)sim_below(sim, (uint64_t)sim->nodes);
        fault->other = (int)sim_below(sim, (uint64_t)sim->nodes - 1);
        fault->mask = (unsigned)sim_below(sim, 1U << sim->nodes);
        fault->salt = sim_random(sim);
        at += sim_chance(sim, 70) ? draw_gap(sim) : sim_delay(sim, SECOND, 8 * SECOND);
    }
}

void fault_print(const struct sim *sim)
{
    static const char *const persistence[] = {"RDB", "AOF", "nothing"};

    printf("  %d nodes, fencing %s, persistence %s, ring change after %.2f s%s%s\n", sim->nodes,
           sim->fencing ? "on" : "off", persistence[sim->persistence],
           (double)sim->ring_change / 1e6, sim->outsider ? ", a replica outside" : "",
           sim->demote_without_quorum ? "" : ", no demotion without quorum");
    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].server.priority != 100)
            printf("  n%d has priority %u\n", i + 1, sim->node[i].server.priority);
    for (size_t i = 0; i < sim->fault_count; i++) {
        const struct sim_fault *fault = &sim->fault[i];
        char whom[16] = "the primary";
        if (fault->node == AT_REPLICA)
            snprintf(whom, sizeof(whom), "a replica");
        else if (fault->node >= 0)
            snprintf(whom, sizeof(whom), "n%d", fault->node + 1);
        if (!fault->dropped)
            printf("  %7.3f s  %s: %s, %.3f s, other %d, mask %#x\n", (double)fault->at / 1e6,
                   names[fault->kind], whom, (double)fault->length / 1e6, fault->other,
                   fault->mask);
    }
}

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
    sim_trace(sim, fault->node, "FAULT %s for %.3f s (other n%d)", names[fault->kind],
              (double)fault->length / 1e6, fault->other + 1);
    fault->salt = 1;
    sim->planned_moves += fault->kind == FAULT_MOVE || fault->kind == FAULT_STANDBY;
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
    ring_check(sim);
}

static void end(struct sim *sim, struct sim_fault *fault)
{
    struct sim_node *n = &sim->node[fault->node];

    fault->salt = 2;
    disturb(sim, fault, -1);
    sim_trace(sim, fault->node, "END of %s", names[fault->kind]);
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
        n->server.lag = 0;
        break;
    case FAULT_SLOW_SCHEDULER:
        sim->slow_scheduler = 0;
        break;
    case FAULT_SLOW_FILE:
        sim->slow_file = 0;
        break;
    case FAULT_LATE_BUS:
        sim->late_bus = 0;
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
