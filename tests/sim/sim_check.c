// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The promises, checked against what really is, which no machine in here can see.
 */
#include "sim.h"

static bool has_thawed(const struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    return n->freeze_end && sim->now < n->freeze_end + 3 * SECOND;
}

/* "While the primary's node runs its kernel and its watch." */
static bool is_excused(const struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    bool froze = has_thawed(sim, node);
    /* Beside a server that gives it no answer a new watch reads its file, then takes the time of a
     * pause.
     */
    uint64_t pausing = n->watch.protocol.answered ? 100 * MS : 320 * MS;
    bool watchless = !n->watch.running || n->watch.frozen ||
                     sim->now < n->watch.joined_at + pausing ||
                     sim->now < n->watch.frozen_until + 200 * MS;

    if (froze)
        return true;
    /* The server's own backstop must do instead, once it has been without replicas for 3 s. */
    bool alone = n->cut_off_at && sim->now >= n->cut_off_at + 3600 * MS && !sim->outsider;
    return watchless && !alone;
}

/* Promise 2. */
void check_step(struct sim *sim)
{
    int accepting = 0, excused = 0, first = -1, second = -1;

    if (sim->primaries < 2) /* nearly always */
        return;
    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].server.role == MEMBER_ROLE_PRIMARY && server_accepts(sim, i)) {
            accepting++;
            excused += is_excused(sim, i);
            second = first;
            first = i;
        }
    if (accepting - excused >= 2)
        sim_break(sim, "promise 2", "n%d and n%d take writes at once", second + 1, first + 1);
}

static bool is_disturbed_since(const struct sim *sim, int node, uint64_t at)
{
    const struct sim_node *n = &sim->node[node];
    return n->disturbances || n->disturbed_at >= at || !n->up || n->standby;
}

/* Its own watch gets no answer, nor does another that a cut keeps from it: two witnesses. */
static bool is_taken_for_dead(const struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    uint64_t since = sim->now > 1500 * MS ? sim->now - 1500 * MS : 0;

    return n->watch_ill_until > since && (n->redis_cut || n->redis_cut_at > since);
}

/*
 * A restart of the process loses what its disk has not, be it Pacemaker's recovery of a promote
 * that found no quorum, or our killing of a server that would not pause. It takes more than one
 * failure to come to that.
 */
static bool was_restarted(const struct sim *sim, int node, uint64_t at)
{
    const struct sim_server *server = &sim->node[node].server;
    bool kept_nothing = sim->persistence == SIM_NOTHING && !server->up;

    return sim->disturbing + sim->planned_moves > 1 && (server->up_since > at || kept_nothing);
}

/* Disturbed a moment ago, and in no ring yet. */
static bool is_in_no_ring(struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    const struct sim_ring *ring = ring_of(sim, node);

    return sim->now < n->disturbed_at + 3 * SECOND && (!ring || ring->id != n->ring);
}

/*
 * Of a write that such a replica acknowledges nobody can know, nor of one that a primary takes
 * without its watch when there was a next one already.
 */
bool check_is_apart(struct sim *sim, int primary, int replica)
{
    const struct sim_server *server = &sim->node[primary].server;
    bool old = data_promotion(sim, server->stream, server->length) < sim->promotion_counter;

    return is_in_no_ring(sim, replica) || (old && is_excused(sim, primary));
}

/* Promise 1: a confirmed write that the new primary lacks, with a holder that nothing befell. */
static void check_confirmed(struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;

    for (uint32_t i = 0; i < sim->write_count; i++) {
        struct sim_write *write = &sim->write[i];
        if (!write->confirmed || write->apart || write->lost ||
            data_has(sim, server->stream, server->length, i))
            continue;
        write->lost = true;
        sim->counters[2]++;
        for (int holder = 0; holder < sim->nodes; holder++)
            if ((write->holders >> holder & 1) && !is_disturbed_since(sim, holder, write->at) &&
                !is_taken_for_dead(sim, holder) && !was_restarted(sim, holder, write->at) &&
                !sim->node[holder].written_off)
                sim_break(sim, "promise 1",
                          "n%d leads without write %u, confirmed at %.3f s; n%d, sound, had it",
                          node + 1, i, (double)write->confirmed_at / 1e6, holder + 1);
    }
}

/* In sight: in the same ring for a while, its server and its watch at work. */
static bool is_known(const struct sim *sim, int other, int node)
{
    const struct sim_node *o = &sim->node[other], *n = &sim->node[node];
    uint64_t since = o->ring_at > n->ring_at ? o->ring_at : n->ring_at;

    if (o->watch.joined_at > since)
        since = o->watch.joined_at;
    if (o->server.up_since > since)
        since = o->server.up_since;
    if (o->watch.frozen_until > since)
        since = o->watch.frozen_until;
    if (o->server.answers_since > since)
        since = o->server.answers_since;
    return o->up && o->ring == n->ring && server_runs(sim, other) && !o->server.loading &&
           !o->server.script && o->server.link != MEMBER_LINK_SYNCING && o->watch.running &&
           !o->watch.frozen && o->server.priority && sim->now > since + 1500 * MS &&
           !o->disturbances && sim->now > o->disturbed_at + 1500 * MS;
}

/* Data at the very beginning of a timeline are those of the one before: of two such none is older.
 */
static bool has_more(const struct sim *sim, const struct sim_server *server,
                     const struct sim_server *than)
{
    for (uint32_t i = 0; i < sim->write_count; i++)
        if (data_has(sim, server->stream, server->length, i) &&
            !data_has(sim, than->stream, than->length, i))
            return true;
    return false;
}

/* Promise 3, with all in sight. */
static void check_newest(struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;

    for (int i = 0; i < sim->nodes; i++) {
        const struct sim_server *other = &sim->node[i].server;
        if (i == node || !is_known(sim, i, node) || is_taken_for_dead(sim, i) ||
            sim->node[i].written_off)
            continue;
        /* It died between taking the role and writing its timeline: a replication id of nobody's.
         */
        if (!other->live && sim->node[i].watch.protocol.told.epoch == 0)
            continue;
        /* Without a position nobody can say who is newer; the last primary is preferred. */
        if (sim->persistence == SIM_AOF && (!server->live || !other->live))
            continue;
        if (data_compare(sim, other->stream, other->length, server->stream, server->length) > 0 &&
            has_more(sim, other, server))
            sim_break(sim, "promise 3", "n%d leads at %d:%u though n%d has %d:%u", node + 1,
                      server->stream, server->length, i + 1, other->stream, other->length);
    }
}

/* Promise 3, by what the new primary itself was told of servers that still run. */
static void check_told(struct sim *sim, int node)
{
    const struct protocol *p = &sim->node[node].watch.protocol;
    const struct redis_told *own = &p->member[p->self].last;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct redis_told *told = &p->member[i].last;
        int other = (int)p->member[i].id - 1;
        if (i == p->self || !p->member[i].heard || !p->member[i].in_ring || !told->exact ||
            !told->priority || told->epoch != own->epoch || told->offset <= own->offset ||
            !server_runs(sim, other) ||
            sim->node[other].watch.protocol.server == MEMBER_SERVER_HUNG)
            continue;
        if (sim->now < sim->node[other].ring_at + 1500 * MS)
            continue; /* it has just come back, and may have stayed away as well */
        if (told->server == MEMBER_SERVER_ANSWERS && sim->node[other].server.live)
            sim_break(sim, "promise 3", "n%d leads at offset %llu; n%d had told %llu", node + 1,
                      (unsigned long long)own->offset, other + 1, (unsigned long long)told->offset);
    }
}

/* Within the deadline of a demotion. */
static bool can_catch_up(const struct sim *sim)
{
    for (int i = 0; i < sim->nodes; i++)
        if (sim->node[i].server.lag > SECOND)
            return false;
    return true;
}

/* With nothing but planned moves (and slowness) nothing is lost, nor does anybody lead unasked. */
static void check_planned(struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;

    if (sim->disturbing || !sim->settled)
        return;
    if (!sim->planned_moves)
        sim_break(sim, "no needless failover", "n%d leads and nothing had happened", node + 1);
    /* Pacemaker may have planned so from older scores; ranks must not. */
    const struct protocol *p = &sim->node[node].watch.protocol;
    if (sim->planned_moves == 1 && sim->moves_only && can_catch_up(sim) &&
        node == sim->last_leader && sim->moved_to >= 0 && sim->moved_to != node &&
        sim->node[sim->moved_to].server.priority && p->rank.score[p->self] == RANK_SCORE_CHOSEN)
        sim_break(sim, "moves move", "n%d leads again, n%d was to", node + 1, sim->moved_to + 1);
    if (sim->persistence == SIM_NOTHING && !sim->moves_only)
        return; /* who switches the only holder off keeps nothing */
    for (uint32_t i = 0; i < sim->write_count; i++)
        if (!data_has(sim, server->stream, server->length, i))
            sim_break(sim, "lossless move", "n%d leads without write %u", node + 1, i);
}

/* The death of another node pauses nothing. */
void check_pause(struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    const struct protocol *p = &n->watch.protocol;

    if (!protocol_is_open(p) && (p->pause & PROTOCOL_PAUSE_LEASE) && sim->disturbing == 1 &&
        sim->powered_off == 1 && !n->disturbed_at && !n->disturbances && !sim->fencing &&
        p->digest.role == MEMBER_ROLE_PRIMARY && sim->nodes == 3)
        sim_break(sim, "no needless pause", "n%d pauses because another node died", node + 1);
}

/* Promise 3, after an outage: what disks said, while a disk with more was known and not there. */
static void check_absent(struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;

    if (server->live || sim->persistence != SIM_RDB)
        return;
    for (int i = 0; i < sim->nodes; i++)
        if (i != node && sim->node[i].ring == sim->node[node].ring && sim->node[i].server.up &&
            sim->node[i].server.live)
            return;
    for (int i = 0; i < sim->nodes; i++) {
        const struct sim_server *other = &sim->node[i].server;
        const struct sim_node *n = &sim->node[i];
        if (i == node || n->up || n->written_off || !other->priority || other->disk_stream < 0 ||
            !other->live || other->live_since + 3 * SECOND > other->ended_at ||
            other->live_since + 3 * SECOND > n->in_sight_at)
            continue;
        if (data_compare(sim, other->disk_stream, other->disk_length, server->stream,
                         server->length) > 0)
            sim_break(sim, "promise 3", "n%d leads at %d:%u from disk; n%d, off, has %d:%u",
                      node + 1, server->stream, server->length, i + 1, other->disk_stream,
                      other->disk_length);
    }
}

static void dump(struct sim *sim)
{
    for (int i = 0; i < sim->nodes; i++) {
        const struct sim_node *n = &sim->node[i];
        const struct protocol *p = &n->watch.protocol;
        sim_trace(sim, i,
                  "end: up %d started %d promoted %d failed %d act %d watch %d score %d; "
                  "server %d role %d link %d at %d:%u; contest %d rank %d reason %d about %u; "
                  "claim %d move %d pause %#x newest %llu",
                  n->up, n->started, n->promoted, n->failed, n->act, n->watch.running, n->score,
                  n->server.up, n->server.role, n->server.link, n->server.stream, n->server.length,
                  p->contest, p->rank.verdict, p->rank.reason, p->rank.about, p->claim, p->move,
                  p->pause,
                  (unsigned long long)(p->record.timeline_count
                                           ? p->record.timelines[p->record.timeline_count - 1].epoch
                                           : 0));
        for (size_t j = 0; j < p->member_count; j++) {
            const struct protocol_member *m = &p->member[j];
            sim_trace(sim, i,
                      "  of %u: group %d told %d fresh %d server %d role %d final %d epoch "
                      "%llu offset %llu live %d exact %d open %d claim %llu sealed %llu cause %llx "
                      "(%llx)",
                      m->id, m->in_group, m->told, m->fresh, m->last.server, m->last.role,
                      m->last.final, (unsigned long long)m->last.epoch,
                      (unsigned long long)m->last.offset, m->last.live, m->last.exact, m->last.open,
                      (unsigned long long)m->last.claim, (unsigned long long)m->last.sealed_for,
                      (unsigned long long)m->last.cause, (unsigned long long)m->last.trouble);
        }
    }
}

/* The server of `node` is about to take the role. */
void check_promotion(struct sim *sim, int node)
{
    sim->counters[0]++;
    if (sim->node[node].act != ACT_PROMOTE)
        sim_break(sim, "promise 3", "n%d leads before Pacemaker said so", node + 1);
    if (!sim->node[node].server.priority)
        sim_break(sim, "priority 0", "n%d leads", node + 1);
    if (sim->node[node].forced)
        return; /* the operator accepted what is lost */
    if (has_thawed(sim, node) && sim->node[node].server.paused)
        return; /* an order of before the freeze: it takes no writes, and is deposed */
    check_planned(sim, node);
    sim->last_leader = node;
    check_confirmed(sim, node);
    check_newest(sim, node);
    check_told(sim, node);
    check_absent(sim, node);
    if (sim->broken)
        dump(sim);
}

bool check_is_well(const struct sim *sim)
{
    int primary = -1;

    for (int i = 0; i < sim->nodes; i++)
        if (server_accepts(sim, i) && sim->node[i].promoted)
            primary = i;
    if (primary < 0)
        return false;
    for (int i = 0; i < sim->nodes; i++) {
        const struct sim_server *server = &sim->node[i].server;
        if (i != primary &&
            (!server->up || server->link != MEMBER_LINK_UP || server->following != primary))
            return false;
    }
    return true;
}

void check_end(struct sim *sim)
{
    int primary = -1;

    for (int i = 0; i < sim->nodes; i++)
        if (server_accepts(sim, i) && sim->node[i].promoted)
            primary = i;
    if (primary < 0 || !check_is_well(sim))
        dump(sim);
    if (primary < 0)
        sim_break(sim, "liveness", "all is healed and quiet, and nobody takes writes");
    else if (!check_is_well(sim))
        sim_break(sim, "liveness", "n%d leads, but not every server follows it", primary + 1);
}
