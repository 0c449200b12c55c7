// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated Pacemaker and agents: scores move the role, one action after another, with delays; the
 * plan may be older than the scores; failed ones are restarted; lost ones are fenced, if fencing is
 * on. It knows nothing of data.
 */
#include "sim.h"

#include <string.h>

void pacemaker_kick(struct sim *sim, int node)
{
    unsigned members = sim->node[node].ring_members;

    for (int i = 0; i < sim->nodes; i++) {
        struct sim_node *dc = &sim->node[i];
        if (!(members >> i & 1) || dc->scheduler_due || !dc->up)
            continue;
        dc->scheduler_due = true;
        sim_at(sim,
               sim->now + sim_delay(sim, 5 * MS, 40 * MS) + sim_below(sim, sim->slow_scheduler),
               EV_SCHEDULER, i);
    }
}

/* Attributes reach all of the ring; a heal brings back what was set while apart. */
static void spread_score(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    for (int i = 0; i < sim->nodes; i++) {
        if (sim->node[i].ring != n->ring || !(n->ring_members >> i & 1))
            continue;
        struct sim_event *event = sim_at(sim, sim->now + sim_delay(sim, MS, 20 * MS), EV_ATTR, i);
        event->a = (uint64_t)node;
        event->c = n->ring;
    }
}

void pacemaker_score(struct sim *sim, int node, int score)
{
    sim_trace(sim, node, "score %d", score);
    sim->node[node].score = score;
    spread_score(sim, node);
}

void pacemaker_ring(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    n->scheduler_busy = false;
    n->scheduler_token++;
    n->planned = -1;
    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].ring == n->ring)
            spread_score(sim, i);
    pacemaker_kick(sim, node);
}

static void order_act(struct sim *sim, int dc, int node, enum sim_act act)
{
    struct sim_node *n = &sim->node[dc];
    struct sim_event *event = sim_at(
        sim, sim->now + sim_delay(sim, 8 * MS, 30 * MS) + sim_below(sim, sim->slow_scheduler),
        EV_ACT, node);

    event->a = (uint64_t)act;
    event->b = n->ring;
    n->scheduler_busy = true;
}

static bool fence_lost(struct sim *sim, int dc)
{
    bool any = false;

    for (int i = 0; i < sim->nodes; i++) {
        struct sim_node *n = &sim->node[i];
        if (sim->node[dc].ring_members >> i & 1) {
            n->fence_wanted = false;
            continue;
        }
        if (!n->started && !n->promoted)
            continue;
        if (!sim->fencing)
            continue;
        any = true;
        if (!n->fence_wanted)
            sim_at(sim, sim->now + sim_delay(sim, 200 * MS, 1500 * MS), EV_FENCE, i)->a =
                (uint64_t)dc;
        n->fence_wanted = true;
    }
    return any;
}

static bool repair(struct sim *sim, int dc)
{
    for (int i = 0; i < sim->nodes; i++) {
        struct sim_node *n = &sim->node[i];
        if (!(sim->node[dc].ring_members >> i & 1))
            continue;
        if (n->act != ACT_NONE)
            return true;
        enum sim_act act = ACT_NONE;
        if (n->failed || (n->started && n->standby))
            act = n->promoted && !n->failed ? ACT_DEMOTE : ACT_STOP;
        else if (!n->started && !n->standby)
            act = ACT_START;
        if (act == ACT_NONE)
            continue;
        order_act(sim, dc, i, act);
        return true;
    }
    return false;
}

static int choose(const struct sim *sim, int dc)
{
    int best = -1, best_score = -1;

    for (int i = 0; i < sim->nodes; i++) {
        const struct sim_node *n = &sim->node[i];
        int score = sim->node[dc].seen[i];
        if (!(sim->node[dc].ring_members >> i & 1) || !n->started || n->failed || n->standby)
            continue;
        if (score > RANK_SCORE_NEVER && sim->moved_to == i)
            score += 1000000;
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static void schedule_roles(struct sim *sim, int dc)
{
    struct sim_node *n = &sim->node[dc];
    int best = n->quorate ? choose(sim, dc) : -1;

    if (n->planned >= 0 && sim->node[n->planned].started && !sim->node[n->planned].failed &&
        (n->ring_members >> n->planned & 1) && sim_chance(sim, 50))
        best = n->planned; /* the transition under way was computed from older scores */
    for (int i = 0; i < sim->nodes; i++)
        if ((n->ring_members >> i & 1) && sim->node[i].promoted && i != best) {
            n->planned = best;
            order_act(sim, dc, i, ACT_DEMOTE);
            return;
        }
    n->planned = -1;
    if (best >= 0 && !sim->node[best].promoted)
        order_act(sim, dc, best, ACT_PROMOTE);
}

static void schedule(struct sim *sim, int dc)
{
    struct sim_node *n = &sim->node[dc];

    n->scheduler_due = false;
    if (!n->up || n->frozen || !n->corosync || n->scheduler_busy ||
        (n->ring_members & ((1U << dc) - 1)))
        return; /* the lowest of the ring decides */
    if (n->quorum_ring != n->ring)
        return; /* it hears of members and of quorum at once, and acts on what was before until then
                 */
    if (!n->quorate) {
        if (sim->demote_without_quorum)
            schedule_roles(sim, dc);
        return;
    }
    if (fence_lost(sim, dc))
        return;
    if (!repair(sim, dc))
        schedule_roles(sim, dc);
}

static void take_act(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];

    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].ring == event->b)
            sim->node[i].scheduler_busy = false;
    if (n->ring == event->b && n->up && !n->frozen && n->act == ACT_NONE)
        agent_begin(sim, event->node, (enum sim_act)event->a);
    pacemaker_kick(sim, event->node);
}

static void monitor(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    bool idle =
        n->up && !n->frozen && n->corosync && n->started && n->act == ACT_NONE && !n->failed;

    if (idle) {
        bool leads = n->server.role == MEMBER_ROLE_PRIMARY;
        bool dead = !n->server.up || (n->server.stopped) ||
                    (n->server.hung && sim->now > n->server.heard_at + 4 * SECOND);
        if (!n->watch.running && n->server.up)
            watch_start(sim, node);
        if (dead || leads != n->promoted ||
            (n->watch.running && leads && protocol_is_deposed(&n->watch.protocol)))
            n->failed = true;
        if (n->failed)
            sim_trace(sim, node, "monitor: failed");
        pacemaker_kick(sim, node);
    }
    sim_at(sim, sim->now + sim_delay(sim, 1500 * MS, 3 * SECOND), EV_MONITOR, node);
}

void node_power_off(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    if (!n->up)
        return;
    sim_trace(sim, node, "power off");
    server_end(sim, node, false, true);
    n->up = n->corosync = n->frozen = false;
    n->started = n->promoted = n->failed = false;
    n->act = ACT_NONE;
    n->act_token++;
    n->watch.generation++;
    n->watch.frozen = false;
    n->score = RANK_SCORE_NEVER;
    n->disturbed_at = sim->now;
    ring_leave(sim, node);
}

void node_boot(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    if (n->up)
        return;
    sim_trace(sim, node, "boots");
    n->up = n->corosync = true;
    n->corosync_stopped = false;
    n->watch.running = false;
    n->ring = 0;
    n->ring_members = 0;
    n->clock_offset = sim_below(sim, 1000 * SECOND);
    for (int i = 0; i < sim->nodes; i++)
        n->seen[i] = RANK_SCORE_NEVER;
    ring_check(sim);
}

static void fence(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];

    if (!n->fence_wanted)
        return;
    n->fence_wanted = false;
    node_power_off(sim, event->node);
    sim_at(sim, sim->now + sim_delay(sim, 3 * SECOND, 6 * SECOND), EV_BOOT, event->node);
    for (int i = 0; i < sim->nodes; i++) {
        struct protocol_event told = {.kind = PROTOCOL_EVENT_FENCED};
        told.of = (uint32_t)event->node + 1;
        if (sim->node[i].ring == sim->node[event->a].ring)
            watch_event(sim, i, &told);
    }
    n->started = n->promoted = false;
    pacemaker_kick(sim, (int)event->a);
}

bool pacemaker_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];

    switch ((int)event->kind) {
    case EV_ATTR:
        if (n->up && n->ring == event->c) {
            n->seen[event->a] = sim->node[event->a].score; /* never an older one after a newer */
            pacemaker_kick(sim, event->node);
        }
        return true;
    case EV_SCHEDULER:
        schedule(sim, event->node);
        return true;
    case EV_ACT:
        take_act(sim, event);
        return true;
    case EV_ACT_STEP:
        agent_step(sim, event);
        return true;
    case EV_MONITOR:
        monitor(sim, event->node);
        return true;
    case EV_FENCE:
        fence(sim, event);
        return true;
    case EV_BOOT:
        node_boot(sim, event->node);
        return true;
    }
    return false;
}
