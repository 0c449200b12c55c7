// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Translates what Redis says into what the protocol reckons with.
 */
#include "redis_watch_digest.h"

#include "clock.h"
#include "node_address.h"
#include "redis_start.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PEERS_OLD_MS 2000

static void refresh_peers(struct watch *watch)
{
    struct peer peers[NODES_MAX];
    size_t count = 0;
    int64_t now = clock_ms();

    if (watch->peers_ms && now < watch->peers_ms + PEERS_OLD_MS)
        return;
    if (peers_load(watch->server.peers_path, peers, NODES_MAX, &count) < 0)
        return;
    memcpy(watch->peers, peers, count * sizeof(peers[0]));
    watch->peer_count = count;
    watch->peers_ms = now;
}

int watch_peer_address(struct watch *watch, uint32_t node, char *host, size_t size, int *port)
{
    refresh_peers(watch);
    for (size_t i = 0; i < watch->peer_count; i++) {
        const struct peer *peer = &watch->peers[i];

        if (!str_eq(peer->name, watch_node_name(watch, node)))
            continue;
        *port = peer->port;
        return snprintf(host, size, "%s", peer->host) < (int)size ? 0 : -ENOSPC;
    }
    return -ENOENT;
}

uint32_t watch_node_at(struct watch *watch, const char *host, int port)
{
    if (port == watch->server.port && str_eq(host, watch->server.address))
        return watch->protocol.config.self;
    refresh_peers(watch);
    for (size_t i = 0; i < watch->peer_count; i++) {
        const struct peer *peer = &watch->peers[i];
        const struct node *node = nodes_find(&watch->nodes, peer->name);

        if (node && peer->port == port && str_eq(peer->host, host))
            return node->id;
    }
    return WATCH_STRANGER;
}

/* The node whose server is followed; 0: nobody's. */
static uint32_t following(struct watch *watch, const struct redis_info *info)
{
    if (info->role != REDIS_ROLE_REPLICA || (str_eq(info->primary_host, REDIS_NOWHERE_HOST) &&
                                             info->primary_port == REDIS_NOWHERE_PORT))
        return 0;
    return watch_node_at(watch, info->primary_host, info->primary_port);
}

static enum member_role role_of(const struct redis_info *info)
{
    switch (info->role) {
    case REDIS_ROLE_PRIMARY:
        return MEMBER_ROLE_PRIMARY;
    case REDIS_ROLE_REPLICA:
        return MEMBER_ROLE_REPLICA;
    case REDIS_ROLE_UNKNOWN:
        break;
    }
    return MEMBER_ROLE_UNKNOWN;
}

static enum member_link link_of(const struct redis_info *info)
{
    if (info->role != REDIS_ROLE_REPLICA)
        return MEMBER_LINK_UNKNOWN;
    if (info->link_up)
        return MEMBER_LINK_UP;
    return info->sync_in_progress ? MEMBER_LINK_SYNCING : MEMBER_LINK_DOWN;
}

static uint32_t online_replicas(const struct redis_info *info)
{
    uint32_t online = 0;

    for (size_t i = 0; i < info->replica_count; i++)
        online += info->replicas[i].online;
    return online;
}

/*
 * The disk lacks what was written: a server that was copied to in full goes on with the file of
 * before until it has rewritten it.
 */
static bool aof_is_behind(const struct redis_info *info)
{
    return info->aof_rewriting || info->aof_rewrite_due ||
           str_eq(info->aof_rewrite_status, "err") || str_eq(info->aof_write_status, "err");
}

struct protocol_digest watch_digest(struct watch *watch, const struct redis_info *info)
{
    struct protocol_digest digest = {
        .loading = info->loading,
        .empty = info->keys == 0,
        .aof = info->aof_enabled,
        .aof_behind = aof_is_behind(info),
        .fit = true,
        .role = role_of(info),
        .link = link_of(info),
        .following = following(watch, info),
        .offset = (uint64_t)(redis_info_offset(info) > 0 ? redis_info_offset(info) : 0),
        .priority = (uint32_t)watch->server.priority,
        .replicas = online_replicas(info),
    };

    if (sscanf(info->run_id, "%16" SCNx64, &digest.run) != 1)
        digest.run = 0;
    if (redis_replid_parse(info->replid, &digest.replid) < 0)
        memset(&digest.replid, 0, sizeof(digest.replid));
    return digest;
}
