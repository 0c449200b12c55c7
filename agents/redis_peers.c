// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks the peers for their INFO, one after the other.
 */
#include "redis_peers.h"

#include "log.h"
#include "redis_client.h"
#include "redis_score.h"
#include <errno.h>
#include <string.h>

#define PEER_WAIT_MS 300

static void peer_refused(struct peer_view *view, const char *why)
{
    view->answer = PEER_REFUSED;
    snprintf(view->problem, sizeof(view->problem), "%s", why ? why : "");
    log_warning("the server on %s (%s:%d) does not tell its position: %s", view->peer.name,
                view->peer.host, view->peer.port, view->problem);
}

static void peer_ask(const struct redis_server *server, struct deadline deadline,
                     struct peer_view *view)
{
    struct redis_endpoint endpoint =
        redis_server_peer_endpoint(server, view->peer.host, view->peer.port);
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;
    cleanup_free char *text = NULL;
    int rc = redis_client_open(&endpoint, deadline, &client, &problem);

    view->answer = rc == -ECONNREFUSED ? PEER_ABSENT : PEER_NO_ANSWER;
    if (rc == 0)
        rc = redis_ask_words(client, deadline, &text, "INFO", NULL);
    if (rc == 0 && text && redis_info_parse(text, strlen(text), &view->info) == 0)
        view->answer = PEER_TOLD;
    else if (rc == -EACCES)
        peer_refused(view, problem);
    else if (rc == -EREMOTEIO)
        peer_refused(view, redis_client_error_text(client));
    else
        log_debug("no answer from %s (%s:%d): %s", view->peer.name, view->peer.host,
                  view->peer.port, strerror(-rc));
}

void redis_peers_ask(const struct redis_server *server, struct deadline deadline,
                     struct peers_view *peers)
{
    struct peer list[NODES_MAX];
    size_t count = 0;

    memset(peers, 0, sizeof(*peers));
    if (peers_load(server->peers_path, list, NODES_MAX, &count) < 0)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        struct peer_view *view = &peers->peer[peers->count++];

        view->peer = list[i];
        peer_ask(server, deadline_min(deadline, deadline_in(PEER_WAIT_MS)), view);
    }
}

const struct peer *redis_peers_primary(const struct peers_view *peers, bool *several)
{
    const struct peer *found = NULL;

    *several = false;
    for (size_t i = 0; i < peers->count; i++) {
        const struct peer_view *view = &peers->peer[i];

        if (view->answer != PEER_TOLD || view->info.role != REDIS_ROLE_PRIMARY)
            continue;
        *several = found != NULL;
        found = &view->peer;
        if (*several)
            return NULL;
    }
    return found;
}

const struct peer *redis_peers_find(const struct peers_view *peers, const char *node)
{
    for (size_t i = 0; i < peers->count; i++) {
        if (str_eq(peers->peer[i].peer.name, node))
            return &peers->peer[i].peer;
    }
    return NULL;
}

size_t redis_peers_unknown(const struct peers_view *peers)
{
    size_t unknown = 0;

    for (size_t i = 0; i < peers->count; i++)
        unknown += peers->peer[i].answer == PEER_NO_ANSWER || peers->peer[i].answer == PEER_REFUSED;
    return unknown;
}

size_t redis_peers_ahead(const struct peers_view *peers, const struct redis_info *own,
                         const struct peer_view **who)
{
    struct redis_position positions[NODES_MAX];
    const struct peer_view *views[NODES_MAX] = {NULL};
    size_t count = 0, first = 0, ahead;

    for (size_t i = 0; i < peers->count; i++) {
        const struct peer_view *view = &peers->peer[i];

        if (view->answer != PEER_TOLD || view->info.loading)
            continue;
        views[count] = view;
        positions[count++] = (struct redis_position){&view->info, view->peer.name};
    }
    ahead = redis_position_ahead(own, positions, count, &first);
    *who = ahead > 0 ? views[first] : NULL;
    return ahead;
}
