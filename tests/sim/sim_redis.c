// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated Redis servers, as far as replication goes: streams, partial and full resync, WAIT,
 * acknowledgements once a second, CLIENT PAUSE, min-replicas, hangs, scripts, persistence.
 */
#include "sim.h"

#include <string.h>

static int stream_new(struct sim *sim, int parent, uint32_t length)
{
    if (sim->stream_count == SIM_STREAMS) {
        sim->ended = true; /* a schedule that promotes that often has shown enough */
        return parent;
    }
    struct sim_stream *stream = &sim->stream[sim->stream_count];
    stream->parent = parent;
    stream->fork = stream->length = length;
    stream->promotion = 0;
    stream->shift = 0;
    if (parent >= 0) {
        memcpy(stream->write, sim->stream[parent].write, sizeof(stream->write[0]) * length);
        stream->shift = sim->stream[parent].shift;
        stream->promotion = sim->stream[parent].promotion;
    }
    return sim->stream_count++;
}

/* Which promotion the last write of these data came after. */
uint32_t data_promotion(const struct sim *sim, int stream, uint32_t length)
{
    while (sim->stream[stream].parent >= 0 && length < sim->stream[stream].fork)
        stream = sim->stream[stream].parent;
    return sim->stream[stream].promotion;
}

/* > 0: a is newer. */
int data_compare(const struct sim *sim, int stream_a, uint32_t a, int stream_b, uint32_t b)
{
    uint32_t promotion_a = data_promotion(sim, stream_a, a);
    uint32_t promotion_b = data_promotion(sim, stream_b, b);

    if (promotion_a != promotion_b)
        return promotion_a > promotion_b ? 1 : -1;
    return a > b ? 1 : a < b ? -1 : 0;
}

bool data_has(const struct sim *sim, int stream, uint32_t length, uint32_t write)
{
    uint32_t position = sim->write[write].position;
    return position < length && sim->stream[stream].write[position] == write;
}

bool server_runs(const struct sim *sim, int node)
{
    const struct sim_node *n = &sim->node[node];
    return n->up && !n->frozen && n->server.up && !n->server.hung && !n->server.stopped;
}

static bool redis_reaches(const struct sim *sim, int a, int b)
{
    return !(sim->cut_redis[a] >> b & 1) && !(sim->cut_redis[b] >> a & 1) && sim->node[a].up &&
           sim->node[b].up;
}

static int good_replicas(const struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;
    int good = sim->outsider && sim->outsider_of == node;

    for (int i = 0; i < sim->nodes; i++)
        good += server->follower[i] && sim->now < server->ack_at[i] + 3 * SECOND;
    return good;
}

bool server_accepts(const struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;

    return server_runs(sim, node) && server->role == MEMBER_ROLE_PRIMARY && !server->paused &&
           !server->loading && !server->script && good_replicas(sim, node) >= server->min_replicas;
}

void server_start(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;

    server->up = true;
    server->hung = server->stopped = server->paused = server->script = server->live = false;
    server->run = ++sim->run_counter;
    server->up_since = sim->now;
    server->role = MEMBER_ROLE_REPLICA; /* --replicaof to nowhere: never a primary by itself */
    server->link = MEMBER_LINK_DOWN;
    server->following = -1;
    server->link_generation++;
    server->min_replicas = 0;
    memset(server->follower, 0, sizeof(server->follower));
    server->stream = server->disk_stream;
    server->length = server->disk_length;
    if (server->stream < 0) {
        server->stream = stream_new(sim, -1, 0);
        server->length = 0;
    } else if (sim->persistence == SIM_AOF) {
        /* The data come back, their position does not. */
        server->stream = stream_new(sim, server->stream, server->length);
        sim->stream[server->stream].shift = server->length;
    }
    server->loading = sim->stream[server->stream].length > 0 && sim_chance(sim, 50);
    if (server->loading)
        sim_at(sim, sim->now + sim_delay(sim, 10 * MS, 3 * SECOND), EV_LOADED, node)->a =
            server->run;
    sim_at(sim, sim->now + SECOND, EV_CRON, node)->a = server->run;
    sim_trace(sim, node, "server starts with stream %d:%u%s", server->stream, server->length,
              server->loading ? ", loading" : "");
}

/* What a restart will find. */
static void keep_on_disk(struct sim *sim, int node, bool clean, bool power)
{
    struct sim_server *server = &sim->node[node].server;

    if (server->loading)
        return;
    switch (sim->persistence) {
    case SIM_NOTHING:
        server->disk_stream = -1;
        break;
    case SIM_RDB:
        if (clean) {
            server->disk_stream = server->stream;
            server->disk_length = server->length;
        }
        break;
    case SIM_AOF:
        server->disk_stream = server->stream;
        server->disk_length = server->length;
        if (power && server->length > 0) /* appendfsync everysec */
            server->disk_length -= (uint32_t)sim_below(sim, server->length < 10 ? 1 : 10);
        break;
    }
}

static void drop_followers(struct sim *sim, int node)
{
    for (int i = 0; i < sim->nodes; i++) {
        if (sim->node[i].server.following == node && i != node && sim->node[i].server.up)
            sim_at(sim, sim->now + sim_delay(sim, 300, 3 * MS), EV_LINK_DOWN, i)->a =
                sim->node[i].server.link_generation;
        sim->node[node].server.follower[i] = false;
    }
}

void server_end(struct sim *sim, int node, bool clean, bool power)
{
    struct sim_server *server = &sim->node[node].server;

    if (!server->up)
        return;
    keep_on_disk(sim, node, clean, power);
    server->up = false;
    server->link_generation++;
    if (!power)
        drop_followers(sim, node);
    sim_trace(sim, node, "server ends%s at %d:%u, disk %d:%u", clean ? " clean" : "",
              server->stream, server->length, server->disk_stream, server->disk_length);
    if (sim->node[node].watch.running && !power)
        sim_at(sim, sim->now + sim_delay(sim, 100, 3 * MS), EV_GONE, node)->a = server->run;
}

static void detach(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;
    int primary = server->following;

    server->link_generation++;
    server->link = MEMBER_LINK_DOWN;
    server->following = -1;
    if (primary >= 0 && redis_reaches(sim, node, primary))
        sim->node[primary].server.follower[node] = false;
}

static void take_role(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;

    check_promotion(sim, node);
    detach(sim, node);
    server->role = MEMBER_ROLE_PRIMARY;
    server->stream = stream_new(sim, server->stream, server->length);
    sim->stream[server->stream].promotion = (uint32_t)++sim->promotion_counter;
    server->live = true;
    server->live_since = sim->now;
    server->unconfirmed_from = sim->write_count;
    memset(server->follower, 0, sizeof(server->follower));
    sim_trace(sim, node, "TAKES ROLE stream %d:%u", server->stream, server->length);
}

void server_seal(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;

    detach(sim, node);
    if (server->role == MEMBER_ROLE_PRIMARY)
        drop_followers(sim, node);
    server->role = MEMBER_ROLE_REPLICA;
}

static void follow(struct sim *sim, int node, int primary)
{
    struct sim_server *server = &sim->node[node].server;

    if (server->role == MEMBER_ROLE_PRIMARY)
        drop_followers(sim, node);
    detach(sim, node);
    server->role = MEMBER_ROLE_REPLICA;
    server->following = primary;
    sim_at(sim, sim->now + sim_delay(sim, 500, 4 * MS), EV_CONNECT, node)->a =
        server->link_generation;
}

/* `done` false: the server cannot do it now (BUSY in a script). */
void server_order(struct sim *sim, int node, const struct protocol_effect *order, bool *done)
{
    struct sim_server *server = &sim->node[node].server;

    *done = !server->script;
    if (!*done)
        return;
    switch (order->kind) {
    case PROTOCOL_EFFECT_SEAL:
        server_seal(sim, node);
        break;
    case PROTOCOL_EFFECT_FOLLOW:
        follow(sim, node, (int)order->node - 1);
        break;
    case PROTOCOL_EFFECT_TAKE_ROLE:
        if (server->role != MEMBER_ROLE_PRIMARY)
            take_role(sim, node);
        break;
    case PROTOCOL_EFFECT_PAUSE:
        server->paused = true;
        break;
    case PROTOCOL_EFFECT_RESUME:
        server->paused = false;
        break;
    case PROTOCOL_EFFECT_BACKSTOP:
        server->min_replicas = (int)order->number;
        break;
    default:
        break; /* the other effects are no orders to the server */
    }
}

void server_digest(const struct sim *sim, int node, struct protocol_digest *digest)
{
    const struct sim_server *server = &sim->node[node].server;
    const struct sim_stream *stream = &sim->stream[server->stream];

    memset(digest, 0, sizeof(*digest));
    digest->run = server->run;
    digest->loading = server->loading;
    digest->empty = server->length == 0;
    digest->aof = sim->persistence == SIM_AOF;
    digest->fit = true;
    digest->role = server->role;
    digest->link = server->role == MEMBER_ROLE_REPLICA ? server->link : MEMBER_LINK_UNKNOWN;
    digest->following = (uint32_t)(server->following + 1);
    if (!server->loading) {
        memcpy(digest->replid.byte, &(uint64_t){(uint64_t)server->stream + 1}, 8);
        digest->offset = server->length - stream->shift;
    }
    digest->priority = server->priority;
    for (int i = 0; i < sim->nodes; i++)
        digest->replicas += server->follower[i];
}

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

    replica->stream = from->stream;
    replica->link = MEMBER_LINK_UP;
    if (!replica->live)
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
    replica->stream = from->stream;
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
        struct sim_event copy = *event,
                         *again = sim_at(sim, sim->now + 25 * MS, EV_STREAM, event->node);
        again->a = copy.a;
        again->b = copy.b;
        again->c = copy.c;
        return;
    }
    if (event->b > replica->length && event->b <= sim->stream[replica->stream].length)
        replica->length = (uint32_t)event->b;
    if (event->c)
        send_ack(sim, event->node);
}

/* WAIT 1: one of the cluster's own promotable replicas has it. */
static void confirm(struct sim *sim, int primary, int replica)
{
    struct sim_server *server = &sim->node[primary].server;

    if (!sim->node[replica].server.priority)
        return;
    for (uint32_t i = server->unconfirmed_from; i < sim->write_count; i++) {
        struct sim_write *write = &sim->write[i];
        if (write->server != primary || !write->wait || write->confirmed ||
            write->position >= server->ack_length[replica])
            continue;
        write->confirmed = true;
        write->confirmed_at = sim->now;
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
        struct sim_event copy = *event,
                         *again = sim_at(sim, sim->now + 10 * MS, EV_ACK, event->node);
        again->a = copy.a;
        again->b = copy.b;
        again->c = copy.c;
        again->d = copy.d;
        return;
    }
    server->follower[replica] = true;
    server->ack_at[replica] = sim->now;
    if (event->b > server->ack_length[replica])
        server->ack_length[replica] = (uint32_t)event->b;
    confirm(sim, event->node, replica);
}

static void cron(struct sim *sim, const struct sim_event *event)
{
    struct sim_server *server = &sim->node[event->node].server;

    if (!server->up || server->run != event->a)
        return;
    if (server_runs(sim, event->node) && server->link == MEMBER_LINK_UP &&
        !sim->node[server->following].server.paused)
        send_ack(sim, event->node);
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
