// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What will befall a schedule: drawn from its seed, close to each other on purpose, and printed so
 * that a reader can follow.
 */
#include "sim.h"

#include <stdio.h>

const char *const fault_names[FAULT_KINDS] = {
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
                   fault_names[fault->kind], whom, (double)fault->length / 1e6, fault->other,
                   fault->mask);
    }
}
