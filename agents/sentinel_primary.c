// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks Redis servers who is the primary, by INFO. No answer is no vote, never a "no".
 */
#include "sentinel_primary.h"

#include "config.h"
#include "log.h"
#include "redis_info.h"
#include "util.h"
#include <string.h>

#define REDIS_PORT 6379
#define ASK_MS     500 /* a server, or a node, that is gone may not hold up the others for longer */

static char *note_path(const struct sentinel_server *server, const char *note)
{
    return xasprintf(RHA_RUN_DIR "/redis/%s/%s", server->params->redis, note);
}

static char *note_read(const struct sentinel_server *server, const char *note)
{
    cleanup_free char *path = note_path(server, note);
    char *text = NULL;

    return file_read(path, 4096, &text) == 0 ? text : NULL;
}

bool sentinel_must_obey_pacemaker(const struct sentinel_server *server)
{
    cleanup_free char *authority = note_read(server, "authority");

    return authority && str_starts(authority, "pacemaker");
}

bool sentinel_obeys_pacemaker(const struct sentinel_server *server)
{
    cleanup_free char *authority = note_read(server, "authority");

    return !authority || !str_starts(authority, "sentinel");
}

static bool read_endpoint(const struct sentinel_server *server, struct peer *local)
{
    cleanup_free char *text = note_read(server, "endpoint");

    return text && sscanf(text, "%255s %d", local->host, &local->port) == 2;
}

void sentinel_local_redis(const struct sentinel_server *server, struct peer *local)
{
    cleanup_free char *problem = NULL;

    snprintf(local->name, sizeof(local->name), "this node");
    if (read_endpoint(server, local))
        return;
    local->port = REDIS_PORT;
    if (node_address(server->context, server->params->address, server->params->redis, local->host,
                     sizeof(local->host), &problem) == 0)
        return;
    log_warning("%s; this node's Redis is looked for at 127.0.0.1", problem);
    snprintf(local->host, sizeof(local->host), "127.0.0.1");
}

static size_t find_servers(const struct sentinel_server *server, struct peer *peers, size_t max)
{
    cleanup_free char *path = note_path(server, "peers");
    size_t count = 0;

    sentinel_local_redis(server, &peers[0]);
    if (peers_load(path, peers + 1, max - 1, &count) < 0 &&
        peers_find(server->context, server->params->redis, peers[0].port, peers + 1, max - 1,
                   &count) < 0)
        count = 0;
    return count + 1;
}

static bool ask(const struct sentinel_server *server, const struct peer *peer,
                struct redis_info *info)
{
    struct deadline deadline = deadline_min(server->context->deadline, deadline_in(ASK_MS));
    const struct redis_endpoint endpoint = {
        .host = peer->host,
        .port = peer->port,
        .username = server->credentials.username,
        .password = server->credentials.password,
    };
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;
    cleanup_free char *text = NULL;
    int rc = redis_client_open(&endpoint, deadline, &client, &problem);

    if (rc == 0)
        rc = redis_ask_words(client, deadline, &text, "INFO", "replication", NULL);
    if (rc == 0 && text && redis_info_parse(text, strlen(text), info) == 0)
        return true;
    log_debug("%s:%d (%s) said nothing of its role: %s", peer->host, peer->port, peer->name,
              problem  ? problem
              : client ? redis_client_error_text(client)
                       : "");
    return false;
}

enum primary_answer sentinel_ask_all(const struct sentinel_server *server, struct peer *primary)
{
    struct peer peers[NODES_MAX + 1];
    size_t count = find_servers(server, peers, ARRAY_SIZE(peers));
    enum primary_answer answer = PRIMARY_NONE;

    for (size_t i = 0; i < count; i++) {
        struct redis_info info;

        if (!ask(server, &peers[i], &info) || info.role != REDIS_ROLE_PRIMARY)
            continue;
        answer = answer == PRIMARY_NONE ? PRIMARY_ONE : PRIMARY_SEVERAL;
        *primary = peers[i];
    }
    return answer;
}

bool sentinel_ask_local(const struct sentinel_server *server, struct peer *primary)
{
    struct redis_info info;

    *primary = (struct peer){.name = "this node"};
    if (!read_endpoint(server, primary) || !ask(server, primary, &info))
        return false;
    if (info.role == REDIS_ROLE_REPLICA) {
        snprintf(primary->host, sizeof(primary->host), "%s", info.primary_host);
        primary->port = info.primary_port;
    }
    return info.role != REDIS_ROLE_UNKNOWN;
}
