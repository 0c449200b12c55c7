// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The faults of a schedule: drawn from its seed (sim_draw.c), then befalling whom they meet and
 * ending again (sim_fault.c).
 */
#ifndef RHA_SIM_FAULT_H
#define RHA_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct sim;
struct sim_event;

enum sim_fault_kind {
    FAULT_CRASH,
    FAULT_HANG,
    FAULT_WATCH_KILL,
    FAULT_WATCH_FREEZE,
    FAULT_POWER,
    FAULT_FREEZE,
    FAULT_CUT_NODE,
    FAULT_CUT_RING,
    FAULT_CUT_PAIR,
    FAULT_CUT_ONE_WAY,
    FAULT_CUT_HALF,
    FAULT_CUT_REDIS,
    FAULT_COROSYNC_STOP,
    FAULT_COROSYNC_KILL,
    FAULT_LAG,
    FAULT_SCRIPT,
    FAULT_SLOW_SCHEDULER,
    FAULT_SLOW_FILE,
    FAULT_LATE_BUS,
    FAULT_MOVE,
    FAULT_STANDBY,
    FAULT_OUTAGE,
    FAULT_RESTART_EMPTY,
    FAULT_FALSE_SILENCE,
    FAULT_KINDS
};

#define AT_PRIMARY (-1) /* whoever takes writes when the fault comes */
#define AT_REPLICA (-2)

struct sim_fault {
    enum sim_fault_kind kind;
    uint64_t at, length;
    int node, other;
    unsigned mask;
    uint64_t salt;
    bool dropped; /* taken out while shortening */
};

void fault_generate(struct sim *sim);
extern const char *const fault_names[FAULT_KINDS];
bool fault_event(struct sim *sim, const struct sim_event *event);
void fault_print(const struct sim *sim);
void fault_heal(struct sim *sim);

#endif
