// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds addresses of this node and of its peers; keeps the peers in a file of the run folder.
 */
#include "node_address.h"

#include "attr.h"
#include "log.h"
#include "util.h"
#include <errno.h>
#include <string.h>

#define FALLBACK_ADDRESS "127.0.0.1"

static int copy(char *out, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return -ENOSPC;
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

/* The attribute `<resource>-address` of a node; NULL where it is not set or cannot be asked. */
static char *attribute_address(const struct ocf_context *context, const char *node,
                               const char *resource)
{
    cleanup_free char *name = xasprintf("%s-address", resource);
    char *value = NULL;
    int rc = attr_get(node, name, context->deadline, &value);

    if (rc)
        log_debug("%s of node %s could not be read: %s", name, node, strerror(-rc));
    return value;
}

int node_address(const struct ocf_context *context, const char *param, const char *resource,
                 char *out, size_t size)
{
    cleanup_free char *override =
        context->in_cluster ? attribute_address(context, context->node, resource) : NULL;
    struct nodes nodes;

    if (override)
        return copy(out, size, override);
    if (param)
        return copy(out, size, param);
    if (nodes_read(&nodes) == 0 && nodes.local < nodes.count)
        return copy(out, size, nodes.node[nodes.local].address);
    return copy(out, size, FALLBACK_ADDRESS);
}

static int peer_fill(const struct ocf_context *context, const char *resource,
                     const struct node *node, int port, struct peer *peer)
{
    cleanup_free char *override = attribute_address(context, node->name, resource);
    int rc = copy(peer->name, sizeof(peer->name), node->name);

    peer->port = port;
    return rc ? rc : copy(peer->host, sizeof(peer->host), override ? override : node->address);
}

int peers_find(const struct ocf_context *context, const char *resource, int port,
               struct peer *peers, size_t max, size_t *count)
{
    struct nodes nodes;
    int rc = nodes_read(&nodes);

    *count = 0;
    for (size_t i = 0; !rc && i < nodes.count && *count < max; i++) {
        if (i == nodes.local || str_eq(nodes.node[i].name, context->node))
            continue;
        rc = peer_fill(context, resource, &nodes.node[i], port, &peers[*count]);
        if (!rc)
            (*count)++;
    }
    return rc;
}

int peers_save(const char *path, const struct peer *peers, size_t count)
{
    cleanup_free char *text = xstrdup("");

    for (size_t i = 0; i < count; i++) {
        char *longer = xasprintf("%s%s %s %d\n", text, peers[i].name, peers[i].host, peers[i].port);
        free(text);
        text = longer;
    }
    return file_write_atomic(path, text, 0600);
}

int peers_load(const char *path, struct peer *peers, size_t max, size_t *count)
{
    cleanup_free char *text = NULL;
    char *state = NULL;
    int rc = file_read(path, 64 * 1024, &text);

    *count = 0;
    if (rc)
        return rc;
    for (char *line = strtok_r(text, "\n", &state); line && *count < max;
         line = strtok_r(NULL, "\n", &state)) {
        struct peer *peer = &peers[*count];

        if (sscanf(line, "%255s %255s %d", peer->name, peer->host, &peer->port) != 3)
            return -EINVAL;
        (*count)++;
    }
    return 0;
}
