// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated Redis servers, as far as replication goes: streams, partial and full resync, WAIT,
 * acknowledgements once a second, CLIENT PAUSE, min-replicas, hangs, scripts, persistence.
 */
#include "sim.h"

#include <string.h>

/* Which promotion the last write of these data came after. */
uint32_t data_promotion(const struct sim *sim, int stream, uint32_t length)
{
    while (sim->stream[stream].parent >= 0 && length < sim->stream[stream].fork)
        stream = sim->stream[stream].parent;
    const struct sim_stream *s = &sim->stream[stream];
    for (int i = s->renewals - 1; i >= 0; i--)
        if (length >= s->renewal[i].length)
            return s->renewal[i].promotion;
    return s->promotion;
}

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
    stream->renewals = 0;
    if (parent >= 0) {
        memcpy(stream->write, sim->stream[parent].write, sizeof(stream->write[0]) * length);
        stream->shift = sim->stream[parent].shift;
        stream->promotion = data_promotion(sim, parent, length);
    }
    return sim->stream_count++;
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

bool redis_reaches(const struct sim *sim, int a, int b)
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

static void set_role(struct sim *sim, struct sim_server *server, enum member_role role)
{
    sim->primaries += (role == MEMBER_ROLE_PRIMARY) - (server->role == MEMBER_ROLE_PRIMARY);
    server->role = role;
}

void server_start(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;

    server->up = true;
    server->hung = server->stopped = server->paused = server->script = server->live = false;
    server->took_role = false;
    server->run = ++sim->run_counter;
    server->up_since = sim->now;
    set_role(sim, server,
             MEMBER_ROLE_REPLICA); /* --replicaof to nowhere: never a primary by itself */
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

/* The last write that disk would have is less than a second old. */
static bool is_fresh(const struct sim *sim, int node)
{
    const struct sim_server *server = &sim->node[node].server;
    const struct sim_stream *stream = &sim->stream[server->disk_stream];

    return sim->write[stream->write[server->disk_length - 1]].at + SECOND > sim->now;
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
        while (power && server->disk_length > 0 && is_fresh(sim, node) && sim_chance(sim, 80))
            server->disk_length--; /* appendfsync everysec */
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
    server->ended_at = sim->now;
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
    set_role(sim, server, MEMBER_ROLE_PRIMARY);
    server->stream = stream_new(sim, server->stream, server->length);
    sim->stream[server->stream].promotion = (uint32_t)++sim->promotion_counter;
    server->live = true;
    server->live_since = sim->now;
    server->took_role = true;
    server->unconfirmed_from = sim->write_count;
    memset(server->follower, 0, sizeof(server->follower));
    sim_trace(sim, node, "TAKES ROLE stream %d:%u", server->stream, server->length);
}

/* Noted by its watch. One that led already has renewed its claim: its data are of both. */
void server_promoted(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;
    struct sim_stream *stream = &sim->stream[server->stream];

    if (!server->took_role && stream->renewals < SIM_RENEWALS) {
        stream->renewal[stream->renewals].length = server->length;
        stream->renewal[stream->renewals++].promotion = (uint32_t)++sim->promotion_counter;
    }
    server->took_role = false;
}

void server_seal(struct sim *sim, int node)
{
    struct sim_server *server = &sim->node[node].server;

    detach(sim, node);
    if (server->role == MEMBER_ROLE_PRIMARY)
        drop_followers(sim, node);
    set_role(sim, server, MEMBER_ROLE_REPLICA);
}

static void follow(struct sim *sim, int node, int primary)
{
    struct sim_server *server = &sim->node[node].server;

    if (server->role == MEMBER_ROLE_PRIMARY)
        drop_followers(sim, node);
    detach(sim, node);
    set_role(sim, server, MEMBER_ROLE_REPLICA);
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
    digest->empty = server->loading || server->length == 0;
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
