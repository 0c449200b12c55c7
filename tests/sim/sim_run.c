// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One schedule from its beginning, a cluster that starts empty, to its end, a cluster that has been
 * left alone long enough to be well again.
 */
#include "sim.h"

#include "../../agents/redis_protocol_rooms.h"

#include <stddef.h>
#include <string.h>

#define QUIET (41 * SECOND) /* from the healing to the verdict */

/* Is a server of priority 0 the only one with the newest data? */
static bool zero_holds(const struct sim *sim)
{
    for (int i = 0; i < sim->nodes; i++)
        if (!sim->node[i].server.priority)
            return true;
    return false;
}

static void draw_cluster(struct sim *sim)
{
    static const uint64_t rings[] = {1200 * MS, 2200 * MS, 3630 * MS};

    sim->fencing = sim_chance(sim, 30);
    sim->outsider = sim_chance(sim, 10);
    sim->demote_without_quorum = sim_chance(sim, 60);
    sim->outsider_of = (int)sim_below(sim, (uint64_t)sim->nodes);
    sim->ring_change = rings[sim_below(sim, 3)];
    sim->token = sim->ring_change * 45 / 100;
    unsigned dice = (unsigned)sim_below(sim, 100);
    sim->persistence = dice < 60 ? SIM_RDB : dice < 80 ? SIM_AOF : SIM_NOTHING;
    sim->moved_to = -1;
    sim->moves_only = true;
    bool zero = false;
    for (int i = 0; i < sim->nodes; i++) {
        struct sim_node *n = &sim->node[i];
        n->server.priority = 100;
        if (sim_chance(sim, 20))
            n->server.priority = 10;
        else if (!zero && sim_chance(sim, 10)) {
            n->server.priority = 0;
            zero = true;
        }
        n->server.disk_stream = -1;
        n->server.following = -1;
        n->planned = -1;
        n->score = RANK_SCORE_NEVER;
        for (int j = 0; j < sim->nodes; j++)
            sim->link_changed[i][j] = 1;
    }
}

static void begin(struct sim *sim)
{
    for (int i = 0; i < sim->nodes; i++) {
        node_boot(sim, i);
        sim_at(sim, sim->now + SECOND + sim_below(sim, SECOND), EV_MONITOR, i);
        sim_at(sim, sim->now + sim_delay(sim, 5 * SECOND, 20 * SECOND), EV_SNAPSHOT, i);
    }
    sim_at(sim, 2500 * MS, EV_CLIENT, 0);
    for (size_t i = 0; i < sim->fault_count; i++)
        if (!sim->fault[i].dropped)
            sim_at(sim, sim->fault[i].at, EV_FAULT, 0)->a = i;
    sim->heal_at = 6 * SECOND;
    for (size_t i = 0; i < sim->fault_count; i++) {
        uint64_t over = sim->fault[i].at + sim->fault[i].length + SECOND;
        if (over > sim->heal_at)
            sim->heal_at = over;
    }
    sim_at(sim, sim->heal_at, EV_HEAL, 0);
    sim_at(sim, sim->heal_at + 18 * SECOND, EV_OPERATOR, 0);
    sim_at(sim, sim->heal_at + QUIET, EV_END, 0);
}

static void client(struct sim *sim)
{
    server_client(sim);
    sim_at(sim, sim->now + sim_delay(sim, 10 * MS, 130 * MS), EV_CLIENT, 0);
    sim->settled = sim->settled || check_is_well(sim);
    if (sim->healed && sim->now > sim->heal_at + 5 * SECOND && check_is_well(sim))
        sim->ended = true;
}

/*
 * Some ends need a person: the newest data are on a server that may never lead, or nobody can say
 * which are newest. Only where ranks say so; anything else that stands still is a fault of ours.
 */
static void operate(struct sim *sim)
{
    struct protocol_event force = {.kind = PROTOCOL_EVENT_REQUEST};
    int node = -1;

    force.request = PROTOCOL_REQUEST_FORCE;
    for (int i = 0; i < sim->nodes; i++) {
        const struct sim_node *n = &sim->node[i];
        if (n->watch.running && n->watch.protocol.contest &&
            n->watch.protocol.rank.verdict == RANK_HELD && n->server.up && n->server.priority &&
            (node < 0 || n->server.length > sim->node[node].server.length))
            node = i;
    }
    if (node < 0)
        return;
    const struct protocol *protocol = &sim->node[node].watch.protocol;
    sim_trace(sim, node, "operator: force, reason %d about %u", protocol->rank.reason,
              protocol->rank.about);
    bool all_here = protocol_everybody_heard(protocol);
    if (protocol->rank.reason == RANK_REASON_NOBODY && all_here && !zero_holds(sim))
        return;
    if (protocol->rank.reason == RANK_REASON_LAG || protocol->rank.reason == RANK_REASON_AHEAD)
        return;
    sim->counters[3]++;
    sim->node[node].forced = true;
    watch_event(sim, node, &force);
}

static void step(struct sim *sim, const struct sim_event *event)
{
    if (event->kind == EV_CLIENT) {
        client(sim);
    } else if (event->kind == EV_HEAL) {
        sim->healed = true;
        fault_heal(sim);
    } else if (event->kind == EV_OPERATOR) {
        operate(sim);
    } else if (event->kind == EV_END) {
        sim->ended = true;
        check_end(sim);
    } else if (!watch_sim_event(sim, event) && !server_event(sim, event) &&
               !ring_event(sim, event) && !pacemaker_event(sim, event)) {
        fault_event(sim, event);
    }
}

/* `faults`: a list to be used in place of the seed's own, for shortening. */
void sim_run(struct sim *sim, uint64_t seed, const struct sim_options *options,
             const struct sim_fault *faults, size_t fault_count)
{
    struct sim_event event;

    memset(sim, 0, offsetof(struct sim, node));
    memset(sim->node, 0, sizeof(sim->node[0]) * (size_t)options->nodes);
    queue_clear(&sim->queue);
    sim->options = *options;
    sim->seed = seed;
    sim->random = seed * 0x2545f4914f6cdd1dULL + 1;
    sim->nodes = options->nodes;
    sim->quorum = sim->nodes / 2 + 1;
    draw_cluster(sim);
    fault_generate(sim);
    if (faults) {
        memcpy(sim->fault, faults, sizeof(*faults) * fault_count);
        sim->fault_count = fault_count;
    }
    memcpy(sim->drawn, sim->fault, sizeof(sim->drawn));
    begin(sim);
    while (!sim->ended && !sim->broken && sim_next(sim, &event)) {
        sim->now = event.at;
        step(sim, &event);
        check_step(sim);
    }
}
