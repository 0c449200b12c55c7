// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated Redis servers towards each other and their clients: links, resyncs, the stream, WAIT.
 */
#include "sim.h"

/* The replica's side of PSYNC: its stream is the primary's, or what the primary's came from. */
static bool is_partial(const struct sim *sim, int node, int primary)
{
    const struct sim_server *replica = &sim->node[node].server, *from = &sim->node[primary].server;
    const struct sim_stream *stream = &sim->stream[from->stream];

    if (replica->stream == from->stream)
        return replica->length <= from->length;
    return stream->parent == replica->stream && replica->length <= stream->fork &&
           stream->shift == sim->stream[replica->stream].shift;
}

static void link_up(struct sim *sim, int node, int primary)
{
    struct sim_server *replica = &sim->node[node].server, *from = &sim->node[primary].server;

    bool other = replica->stream != from->stream;
    replica->stream = from->stream;
    replica->link = MEMBER_LINK_UP;
    if (!replica->live || other)
        replica->live_since = sim->now;
    replica->live = true;
    from->follower[node] = true;
    from->ack_at[node] = sim->now;
    from->ack_length[node] = replica->length;
    struct sim_event *event =
        sim_at(sim, sim->now + sim_delay(sim, 300, 2 * MS) + replica->lag, EV_STREAM, node);
    event->a = replica->link_generation;
    event->b = from->length;
}

static void connect_to(struct sim *sim, const struct sim_event *event)
{
    int node = event->node;
    struct sim_server *replica = &sim->node[node].server;
    int primary = replica->following;

    if (event->a != replica->link_generation || !replica->up || primary < 0)
        return;
    bool reached = server_runs(sim, node) && redis_reaches(sim, node, primary) &&
                   server_runs(sim, primary) && !sim->node[primary].server.loading &&
                   !replica->loading && sim->node[primary].server.role == MEMBER_ROLE_PRIMARY;
    if (!reached) {
        sim_at(sim, sim->now + SECOND, EV_CONNECT, node)->a = event->a;
        return;
    }
    if (is_partial(sim, node, primary)) {
        link_up(sim, node, primary);
        return;
    }
    replica->link = MEMBER_LINK_SYNCING;
    struct sim_event *synced =
        sim_at(sim, sim->now + sim_delay(sim, 50 * MS, 1500 * MS), EV_SYNCED, node);
    synced->a = event->a;
    synced->b = sim->node[primary].server.run;
    synced->c = sim->node[primary].server.length;
}

static void synced(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *replica = &sim->node[event->node].server;
    int primary = replica->following;

    if (event->a != replica->link_generation || !replica->up || primary < 0)
        return;
    struct sim_server *from = &sim->node[primary].server;
    if (!redis_reaches(sim, event->node, primary) || from->run != event->b || !from->up ||
        from->role != MEMBER_ROLE_PRIMARY || !server_runs(sim, event->node)) {
        replica->link = MEMBER_LINK_DOWN;
        sim_at(sim, sim->now + SECOND, EV_CONNECT, event->node)->a = event->a;
        return;
    }
    replica->length = (uint32_t)event->c;
    link_up(sim, event->node, primary);
    if (sim->persistence == SIM_RDB) {
        replica->disk_stream = replica->stream; /* a full resync leaves its RDB behind */
        replica->disk_length = replica->length;
    }
    sim_trace(sim, event->node, "full resync to %d:%u", replica->stream, replica->length);
}

static void send_ack(struct sim *sim, int node)
{
    struct sim_server *replica = &sim->node[node].server;
    struct sim_event *ack =
        sim_at(sim, sim->now + sim_delay(sim, 200, 2 * MS), EV_ACK, replica->following);
    ack->a = (uint64_t)node;
    ack->b = replica->length;
    ack->c = sim->node[replica->following].server.run;
    ack->d = (uint64_t)replica->stream;
}

/* Data on the way; what a cut holds back comes when it is over. */
static void stream_arrives(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *replica = &sim->node[event->node].server;

    if (event->a != replica->link_generation || !replica->up || replica->link != MEMBER_LINK_UP)
        return;
    if (!server_runs(sim, event->node) || !redis_reaches(sim, event->node, replica->following)) {
        if (!sim->node[replica->following].up)
            return; /* lost with the node */
        sim_again(sim, event, sim->now + 25 * MS);
        return;
    }
    if (event->b > replica->length && event->b <= sim->stream[replica->stream].length)
        replica->length = (uint32_t)event->b;
    if (event->c)
        send_ack(sim, event->node);
}

static bool awaits(const struct sim_write *write, int primary)
{
    return write->server == primary && write->wait && !write->confirmed;
}

/* WAIT 1: one of the cluster's own promotable replicas has it. */
static void confirm(struct sim *sim, int primary, int replica)
{
    struct sim_server *server = &sim->node[primary].server;

    if (!sim->node[replica].server.priority)
        return;
    while (server->unconfirmed_from < sim->write_count &&
           !awaits(&sim->write[server->unconfirmed_from], primary))
        server->unconfirmed_from++;
    for (uint32_t i = server->unconfirmed_from; i < sim->write_count; i++) {
        struct sim_write *write = &sim->write[i];
        if (!awaits(write, primary) || write->position >= server->ack_length[replica])
            continue;
        write->confirmed = true;
        write->confirmed_at = sim->now;
        write->apart = check_is_apart(sim, primary, replica);
        write->holders = (uint8_t)(1U << primary | 1U << replica);
        sim->counters[1]++;
    }
}

static void ack_arrives(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *server = &sim->node[event->node].server;
    int replica = (int)event->a;

    if (!server->up || server->run != event->c || server->role != MEMBER_ROLE_PRIMARY ||
        !redis_reaches(sim, event->node, replica) || server->stream != (int)event->d)
        return;
    if (!server_runs(sim, event->node)) {
        sim_again(sim, event, sim->now + 10 * MS);
        return;
    }
    server->follower[replica] = true;
    server->ack_at[replica] = sim->now;
    if (event->b > server->ack_length[replica])
        server->ack_length[replica] = (uint32_t)event->b;
    confirm(sim, event->node, replica);
}

/* The others get its messages, so they know what it holds. */
static void note_sight(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];
    const struct sim_ring *ring = ring_of(sim, node);

    if (n->quorate && ring && ring->id == n->ring && !ring->broken && n->watch.running &&
        !n->watch.frozen)
        n->in_sight_at = sim->now;
}

static void cron(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *server = &sim->node[event->node].server;

    if (!server->up || server->run != event->a)
        return;
    if (server_runs(sim, event->node) && server->link == MEMBER_LINK_UP &&
        !sim->node[server->following].server.paused)
        send_ack(sim, event->node);
    note_sight(sim, event->node);
    sim_at(sim, sim->now + SECOND, EV_CRON, event->node)->a = event->a;
}

static void append(struct sim *sim, int node, bool wait)
{
    struct sim_server *server = &sim->node[node].server;
    struct sim_stream *stream = &sim->stream[server->stream];

    if (sim->write_count == SIM_WRITES || server->length == SIM_WRITES)
        return;
    sim->write[sim->write_count] = (struct sim_write){
        .at = sim->now, .position = server->length, .server = (uint8_t)node, .wait = wait};
    stream->write[server->length++] = (uint16_t)sim->write_count++;
    stream->length = server->length;
    for (int i = 0; i < sim->nodes; i++) {
        struct sim_server *replica = &sim->node[i].server;
        if (i == node || replica->following != node || replica->link != MEMBER_LINK_UP ||
            replica->stream != server->stream)
            continue;
        struct sim_event *event =
            sim_at(sim, sim->now + sim_delay(sim, 200, 2 * MS) + replica->lag, EV_STREAM, i);
        event->a = replica->link_generation;
        event->b = server->length;
        event->c = wait;
    }
}

/* Clients reach every node and take whoever takes writes. */
void server_client(struct sim *sim)
{
    for (int i = 0; i < sim->nodes; i++)
        if (server_accepts(sim, i))
            append(sim, i, sim_chance(sim, 60));
}

static void link_down(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *server = &sim->node[event->node].server;

    if (event->a != server->link_generation || !server->up)
        return;
    server->link = MEMBER_LINK_DOWN;
    server->link_generation++;
    if (server->following >= 0)
        sim_at(sim, sim->now + sim_delay(sim, MS, SECOND), EV_CONNECT, event->node)->a =
            server->link_generation;
}

bool server_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *server = &sim->node[event->node].server;

    switch ((int)event->kind) {
    case EV_CONNECT:
        connect_to(sim, event);
        return true;
    case EV_SYNCED:
        synced(sim, event);
        return true;
    case EV_STREAM:
        stream_arrives(sim, event);
        return true;
    case EV_ACK:
        ack_arrives(sim, event);
        return true;
    case EV_CRON:
        cron(sim, event);
        return true;
    case EV_LINK_DOWN:
        link_down(sim, event);
        return true;
    case EV_LOADED:
        if (server->up && server->run == event->a)
            server->loading = false;
        return true;
    case EV_SCRIPT_END: /* what it wrote goes through, paused or not */
        if (server->up && server->run == event->a && server->script && server->stopped) {
            uint64_t run = event->a;
            sim_at(sim, sim->now + 50 * MS, EV_SCRIPT_END, event->node)->a = run;
        } else if (server->up && server->run == event->a && server->script) {
            server->script = false;
            server->answers_since = sim->now;
            if (server->role == MEMBER_ROLE_PRIMARY)
                append(sim, event->node, false);
        }
        return true;
    case EV_SNAPSHOT:
        if (server->up && !server->loading && sim->persistence == SIM_RDB) {
            server->disk_stream = server->stream;
            server->disk_length = server->length;
        }
        sim_at(sim, sim->now + sim_delay(sim, SECOND, 20 * SECOND), EV_SNAPSHOT, event->node);
        return true;
    }
    return false;
}
