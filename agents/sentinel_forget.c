// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An entry is of a node that left if its address was a node's of corosync's list, which is noted
 * here beside Sentinel's file, and is one's no more. SENTINEL RESET forgets every replica and every
 * other Sentinel: the former are in the primary's next INFO, the latter are told again in the same
 * breath, by hellos in their names. The documentation wants one Sentinel reset at a time, 30 s
 * apart: each node has its half minute by the wall clock, in the order of node ids, and uses the
 * first half of it.
 */
#include "sentinel_forget.h"

#include "clock.h"
#include "config.h"
#include "log.h"
#include "node_address.h"
#include "sentinel_tell.h"
#include "worker.h"
#include <errno.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS  1000
#define READ_MS    60000 /* between two looks at corosync's list */
#define SOON_MS    5000  /* while somebody is down */
#define TURN_S     30
#define USED_S     15 /* of a turn: clocks may differ by the rest */
#define FORMER_MAX 64

struct addresses {
    size_t count;
    struct peer known[FORMER_MAX]; /* of nodes, those that left among them */
};

struct sentinel_forget {
    const struct sentinel_server *server;
    struct worker *worker;
    char *path;
    int64_t read_ms, reset_ms;
    struct nodes nodes; /* count 0: not known */
    struct addresses addresses;
};

/* ---- who is, and was, a node: on the worker, since corosync may not answer ---- */

struct look {
    struct nodes nodes;
    struct addresses addresses;
    char path[512], redis_peers[512];
};

static bool is_known(const struct addresses *addresses, const char *host)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (str_eq(addresses->known[i].host, host))
            return true;
    }
    return false;
}

/* Whether that was new. */
static bool learn(struct addresses *addresses, const char *name, const char *host)
{
    struct peer *peer = &addresses->known[addresses->count];

    if (is_known(addresses, host) || addresses->count == FORMER_MAX)
        return false;
    *peer = (struct peer){.port = 0};
    snprintf(peer->name, sizeof(peer->name), "%s", name);
    snprintf(peer->host, sizeof(peer->host), "%s", host);
    addresses->count++;
    return true;
}

/* Servers may have other addresses than corosync: the redis agent noted them at its start. */
static bool learn_servers(struct look *look)
{
    struct peer peers[NODES_MAX];
    size_t count = 0;
    bool is_new = false;

    (void)peers_load(look->redis_peers, peers, NODES_MAX, &count);
    for (size_t i = 0; i < count; i++)
        is_new |= learn(&look->addresses, peers[i].name, peers[i].host);
    return is_new;
}

static int look_run(void *data)
{
    struct look *look = data;
    int rc = nodes_read(&look->nodes);
    bool is_new = false;

    if (rc)
        return rc;
    nodes_resolve(&look->nodes);
    (void)peers_load(look->path, look->addresses.known, FORMER_MAX, &look->addresses.count);
    for (size_t i = 0; i < look->nodes.count; i++)
        is_new |= learn(&look->addresses, look->nodes.node[i].name, look->nodes.node[i].address);
    is_new |= learn_servers(look);
    return is_new ? peers_save(look->path, look->addresses.known, look->addresses.count) : 0;
}

static void look_done(void *data, void *job, int rc)
{
    struct sentinel_forget *forget = data;
    struct look *look = job;

    if (rc)
        log_debug("who left the cluster could not be found out: %s", strerror(-rc));
    forget->nodes = look->nodes;
    forget->nodes.count = rc ? 0 : look->nodes.count;
    forget->addresses = look->addresses;
    free(look);
}

static void read_nodes(struct sentinel_forget *forget)
{
    static const struct worker_task task = {.run = look_run, .done = look_done, .discard = free};
    struct look *look = xcalloc(1, sizeof(*look));

    forget->read_ms = clock_ms();
    snprintf(look->path, sizeof(look->path), "%s", forget->path);
    snprintf(look->redis_peers, sizeof(look->redis_peers), RHA_RUN_DIR "/redis/%s/peers",
             forget->server->params->redis);
    if (worker_start(forget->worker, &task, look, 0) < 0)
        free(look);
}

/* ---- who is to be forgotten, and when ---- */

static bool is_node(const struct sentinel_forget *forget, const char *host)
{
    const struct addresses *addresses = &forget->addresses;

    for (size_t i = 0; i < forget->nodes.count; i++) {
        if (str_eq(forget->nodes.node[i].address, host))
            return true;
    }
    for (size_t i = 0; i < addresses->count; i++) {
        if (str_eq(addresses->known[i].host, host) &&
            nodes_find(&forget->nodes, addresses->known[i].name))
            return true;
    }
    return false;
}

/* A Sentinel outside of the cluster is nobody's to forget. */
static bool has_left(const struct sentinel_forget *forget, const struct sentinel_entry *entry)
{
    return entry->is_down && is_known(&forget->addresses, entry->host) &&
           !is_node(forget, entry->host);
}

static const struct sentinel_entry *find_left(const struct sentinel_forget *forget,
                                              const struct sentinel_lists *lists)
{
    for (size_t i = 0; i < lists->peer_count; i++) {
        if (has_left(forget, &lists->peer[i]))
            return &lists->peer[i];
    }
    for (size_t i = 0; i < lists->replica_count; i++) {
        if (has_left(forget, &lists->replica[i]))
            return &lists->replica[i];
    }
    return NULL;
}

static bool somebody_is_down(const struct sentinel_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].is_down)
            return true;
    }
    return false;
}

/* A Sentinel that is down for now would be forgotten too, and the majority be smaller than it is.
 */
static bool another_is_down(const struct sentinel_forget *forget,
                            const struct sentinel_lists *lists)
{
    for (size_t i = 0; i < lists->peer_count; i++) {
        if (lists->peer[i].is_down && !has_left(forget, &lists->peer[i]))
            return true;
    }
    return false;
}

static bool is_our_turn(const struct sentinel_forget *forget)
{
    const struct nodes *nodes = &forget->nodes;
    time_t now = time(NULL);
    size_t place = 0;

    if (nodes->local >= nodes->count || now % TURN_S >= USED_S)
        return false;
    for (size_t i = 0; i < nodes->count; i++)
        place += nodes->node[i].id < nodes->node[nodes->local].id;
    return (size_t)(now / TURN_S) % nodes->count == place;
}

static bool is_quiet(const struct sentinel_view *view)
{
    return !view->is_sdown && !view->is_odown && !view->is_failing_over && !view->is_tilt;
}

/* ---- forgetting ---- */

static void answered(void *data, const struct redis_answer *answer)
{
    (void)data;
    if (answer->rc)
        log_warning("Sentinel could not be made to forget: %s",
                    answer->text ? answer->text : strerror(-answer->rc));
}

static void introduce(const struct sentinel_lists *lists, const char *name,
                      const struct sentinel_entry *peer)
{
    const struct sentinel_view *view = &lists->view;
    struct peer primary = {.port = view->port};
    cleanup_free char *text = NULL;

    snprintf(primary.host, sizeof(primary.host), "%s", view->host);
    text = sentinel_hello_of(name, peer->host, peer->port, peer->id, &primary, view->config_epoch);
    (void)redis_async_ask_words(lists->asks, ANSWER_MS, answered, NULL, "PUBLISH",
                                SENTINEL_HELLO_CHANNEL, text, NULL);
}

static void reset(struct sentinel_forget *forget, const struct sentinel_lists *lists,
                  const struct sentinel_entry *left)
{
    const char *name = forget->server->params->master_name;

    forget->reset_ms = clock_ms();
    log_notice("Sentinel forgets %s:%d, whose node was taken out of the cluster (SENTINEL RESET)",
               left->host, left->port);
    if (redis_async_ask_words(lists->asks, ANSWER_MS, answered, NULL, "SENTINEL", "RESET", name,
                              NULL) < 0)
        return;
    for (size_t i = 0; i < lists->peer_count; i++) {
        if (!has_left(forget, &lists->peer[i]))
            introduce(lists, name, &lists->peer[i]);
    }
}

void sentinel_forget_seen(struct sentinel_forget *forget, const struct sentinel_lists *lists)
{
    bool is_down = somebody_is_down(lists->peer, lists->peer_count) ||
                   somebody_is_down(lists->replica, lists->replica_count);
    const struct sentinel_entry *left = forget->nodes.count ? find_left(forget, lists) : NULL;
    int64_t now = clock_ms();

    if (!forget->read_ms || now >= forget->read_ms + (is_down ? SOON_MS : READ_MS))
        read_nodes(forget);
    if (left && is_quiet(&lists->view) && !another_is_down(forget, lists) && is_our_turn(forget) &&
        (!forget->reset_ms || now >= forget->reset_ms + TURN_S * 1000))
        reset(forget, lists, left);
}

int sentinel_forget_open(struct loop *loop, const struct sentinel_server *server,
                         struct sentinel_forget **made)
{
    struct sentinel_forget *forget = xcalloc(1, sizeof(*forget));

    forget->server = server;
    forget->path = xasprintf("%s/nodes", server->context->state_dir);
    *made = forget;
    return worker_new(loop, forget, &forget->worker);
}

void sentinel_forget_close(struct sentinel_forget *forget)
{
    if (!forget)
        return;
    worker_free(forget->worker, NULL, NULL);
    free(forget->path);
    free(forget);
}
