// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated corosync: rings by token and consensus, messages in one order a ring, quorum callbacks
 * that come later than the messages which had queued up, knet's links.
 */
#include "sim.h"

#include <string.h>

bool ring_runs(const struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    return n->up && !n->frozen && n->corosync && !n->corosync_stopped;
}

bool ring_reaches(const struct sim *sim, int a, int b)
{
    return a == b || (!(sim->cut_ring[a] >> b & 1) && !(sim->cut_ring[b] >> a & 1) &&
                      ring_runs(sim, a) && ring_runs(sim, b));
}

struct sim_ring *ring_of(struct sim *sim, int node)
{
    for (int i = 0; i < SIM_NODES * 2; i++)
        if (sim->ring[i].id && sim->ring[i].members >> node & 1)
            return &sim->ring[i];
    return NULL;
}

static bool is_whole(const struct sim *sim, const struct sim_ring *ring)
{
    for (int a = 0; a < sim->nodes; a++)
        for (int b = a; b < sim->nodes; b++)
            if ((ring->members >> a & 1) && (ring->members >> b & 1) &&
                (!ring_runs(sim, a) || !ring_reaches(sim, a, b)))
                return false;
    return true;
}

static bool can_merge(const struct sim *sim, unsigned a, unsigned b)
{
    for (int i = 0; i < sim->nodes; i++)
        for (int j = 0; j < sim->nodes; j++)
            if ((a >> i & 1) && (b >> j & 1) && !ring_reaches(sim, i, j))
                return false;
    return true;
}

static void want_reform(struct sim *sim, uint64_t at)
{
    if (sim->reform_pending && sim->reform_at <= at)
        return;
    sim->reform_pending = true;
    sim->reform_at = at;
    sim_at(sim, at, EV_REFORM, 0)->a = at;
}

static void note_links(struct sim *sim)
{
    for (int a = 0; a < sim->nodes; a++)
        for (int b = 0; b < sim->nodes; b++) {
            bool now = ring_reaches(sim, a, b);
            bool before = sim->link_changed[a][b] & 1;
            if (now != before)
                sim->link_changed[a][b] = (sim->now & ~1ULL) | now;
        }
}

/* The daemon of `node` ended: even if it is back at once, it is nobody that the ring knows. */
void ring_leave(struct sim *sim, int node)
{
    struct sim_ring *ring = ring_of(sim, node);

    if (ring) {
        ring->broken_at = 0;
        ring->broken = true;
        want_reform(sim, sim->now + sim->ring_change);
    }
    sim->node[node].ring = 0;
    sim->node[node].quorate = false;
    sim->node[node].outbox_count = 0;
    ring_check(sim);
}

/* The token was only late: what waited for it goes out. */
static void mend(struct sim *sim, struct sim_ring *ring)
{
    ring->broken = false;
    for (int i = 0; i < sim->nodes; i++)
        if (ring->members >> i & 1)
            bus_flush(sim, i);
}

/* To be called whenever something changed that rings depend on. */
void ring_check(struct sim *sim)
{
    note_links(sim);
    for (int i = 0; i < SIM_NODES * 2; i++) {
        struct sim_ring *ring = &sim->ring[i];
        if (!ring->id)
            continue;
        bool whole = is_whole(sim, ring);
        if (!whole && !ring->broken) {
            ring->broken = true;
            ring->broken_at = sim->now;
            want_reform(sim, sim->now + sim->ring_change + sim_below(sim, 20 * MS));
        } else if (whole && ring->broken) {
            if (sim->now < ring->broken_at + sim->token)
                mend(sim, ring);
            else
                want_reform(sim, sim->now + sim_delay(sim, 200 * MS, 400 * MS));
        }
        for (int j = 0; j < i; j++)
            if (sim->ring[j].id && can_merge(sim, ring->members, sim->ring[j].members))
                want_reform(sim, sim->now + sim_delay(sim, 200 * MS, 400 * MS));
    }
    for (int i = 0; i < sim->nodes; i++)
        if (ring_runs(sim, i) && !ring_of(sim, i))
            want_reform(sim, sim->now + sim_delay(sim, 200 * MS, 400 * MS));
}

unsigned ring_group(const struct sim *sim, unsigned members)
{
    unsigned group = 0;

    for (int i = 0; i < sim->nodes; i++)
        if ((members >> i & 1) && sim->node[i].watch.running)
            group |= 1U << i;
    return group;
}

uint64_t ring_delivery(struct sim *sim, int node, uint64_t earliest)
{
    struct sim_node *n = &sim->node[node];

    if (earliest <= n->last_delivery)
        earliest = n->last_delivery + 1;
    n->last_delivery = earliest;
    return earliest;
}

static void deliver_ring(struct sim *sim, int node, const struct sim_ring *ring, uint64_t skew)
{
    struct sim_event *event = sim_at(sim, ring_delivery(sim, node, sim->now + skew), EV_RING, node);
    event->a = ring->id;
    event->b = ring->members;
}

static struct sim_ring *free_ring(struct sim *sim)
{
    for (int i = 0; i < SIM_NODES * 2; i++)
        if (!sim->ring[i].id)
            return &sim->ring[i];
    return NULL;
}

static void form(struct sim *sim, unsigned members)
{
    struct sim_ring *ring = free_ring(sim);
    bool skewed = sim_chance(sim, 20);

    *ring = (struct sim_ring){.id = ++sim->ring_counter, .members = members};
    for (int i = 0; i < sim->nodes; i++)
        if (members >> i & 1)
            deliver_ring(sim, i, ring, sim_below(sim, skewed ? 300 * MS : 20 * MS));
    int winner = -1; /* of CIBs that meet, the one with more writes wins whole, whosever it is */
    for (int i = 0; i < sim->nodes; i++)
        if ((members >> i & 1) && (winner < 0 || sim_chance(sim, 50)))
            winner = i;
    for (int i = 0; i < sim->nodes; i++)
        if (members >> i & 1)
            sim->node[i].cib = sim->node[winner].cib;
    sim_trace(sim, -1, "ring %llu forms: members %#x", (unsigned long long)ring->id, members);
}

/* All that is not in a whole ring, or could be in a larger one, forms rings anew. */
static void reform(struct sim *sim)
{
    unsigned loose = 0;
    int order[SIM_NODES];

    for (int i = 0; i < SIM_NODES * 2; i++) {
        struct sim_ring *ring = &sim->ring[i];
        if (!ring->id)
            continue;
        bool merges = false;
        for (int j = 0; j < SIM_NODES * 2; j++)
            merges = merges || (j != i && sim->ring[j].id &&
                                can_merge(sim, ring->members, sim->ring[j].members));
        for (int n = 0; n < sim->nodes && !merges; n++)
            merges =
                ring_runs(sim, n) && !ring_of(sim, n) && can_merge(sim, ring->members, 1U << n);
        bool due =
            ring->broken && (is_whole(sim, ring) || sim->now >= ring->broken_at + sim->ring_change);
        if (ring->broken && !due)
            want_reform(sim, ring->broken_at + sim->ring_change);
        else if (due || merges) {
            loose |= ring->members;
            ring->id = 0;
        }
    }
    for (int i = 0; i < sim->nodes; i++) {
        if (!ring_of(sim, i))
            loose |= 1U << i;
        order[i] = i;
    }
    for (int i = sim->nodes - 1; i > 0; i--) {
        int j = (int)sim_below(sim, (uint64_t)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (int i = 0; i < sim->nodes; i++) {
        unsigned members = 0;
        for (int j = i; j < sim->nodes; j++)
            if ((loose >> order[j] & 1) && ring_runs(sim, order[j]) &&
                can_merge(sim, members, 1U << order[j]))
                members |= 1U << order[j];
        if (members >> order[i] & 1) {
            form(sim, members);
            loose &= ~members;
        }
    }
}

static void take_ring(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];
    struct protocol_event told = {.kind = PROTOCOL_EVENT_RING};
    unsigned members = (unsigned)event->b;

    if (!n->up || !n->corosync || event->a <= n->ring)
        return;
    n->ring = event->a;
    n->ring_at = sim->now;
    n->ring_members = members;
    n->quorate = false; /* until it is told */
    watch_members(sim, event->node, members, &told.members);
    watch_event(sim, event->node, &told);
    told = (struct protocol_event){.kind = PROTOCOL_EVENT_GROUP};
    watch_members(sim, event->node, ring_group(sim, members), &told.members);
    watch_event(sim, event->node, &told);
    n->group_told = ring_group(sim, members);
    for (int i = 0; i < sim->nodes; i++) /* a watch that came up in between */
        if (sim->node[i].ring == n->ring && sim->node[i].group_told != n->group_told) {
            ring_join_group(sim, event->node);
            break;
        }
    bus_flush(sim, event->node);
    uint64_t wait = sim_chance(sim, 10) ? sim_below(sim, 800 * MS) : sim_below(sim, 50 * MS);
    struct sim_event *quorum = sim_at(sim, sim->now + wait, EV_QUORUM, event->node);
    quorum->a = n->ring;
    quorum->b = (uint64_t)(__builtin_popcount(members) >= sim->quorum);
    pacemaker_ring(sim, event->node);
}

static void take_quorum(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *n = &sim->node[event->node];
    struct protocol_event told = {.kind = PROTOCOL_EVENT_QUORUM};

    if (!n->up || !n->corosync || n->ring != event->a)
        return;
    n->quorum_ring = n->ring;
    n->quorate = event->b;
    told.ring = event->a;
    told.yes = event->b;
    sim_trace(sim, event->node, "quorum callback: ring %llu %s", (unsigned long long)event->a,
              told.yes ? "quorate" : "not quorate");
    watch_event(sim, event->node, &told);
    pacemaker_kick(sim, event->node);
}

static void take_links(struct sim *sim, const struct sim_event *event)
{
    struct protocol_event told = {.kind = PROTOCOL_EVENT_LINKS};
    unsigned connected = 0;

    if (!ring_runs(sim, event->node))
        return; /* a reading hangs when the local daemon hangs */
    for (int i = 0; i < sim->nodes; i++) {
        uint64_t changed = sim->link_changed[event->node][i];
        uint64_t lag = 200 * MS + (uint64_t)((event->node * 7 + i * 3) % 5) * 100 * MS;
        bool up = changed & 1;
        if (i != event->node && (sim->now - (changed & ~1ULL) < lag ? !up : up))
            connected |= 1U << i;
    }
    watch_members(sim, event->node, connected, &told.members);
    told.at_ms = watch_clock(sim, event->node);
    watch_event(sim, event->node, &told);
}

bool ring_event(struct sim *sim, const struct sim_event *event)
{
    switch ((int)event->kind) {
    case EV_MESSAGE:
        bus_message(sim, event);
        return true;
    case EV_RING:
        take_ring(sim, event);
        return true;
    case EV_QUORUM:
        take_quorum(sim, event);
        return true;
    case EV_GROUP:
        bus_group(sim, event);
        return true;
    case EV_LINKS:
        take_links(sim, event);
        return true;
    case EV_REFORM:
        if (sim->reform_pending && sim->reform_at == event->a) {
            sim->reform_pending = false;
            reform(sim);
            ring_check(sim);
        }
        return true;
    }
    return false;
}
