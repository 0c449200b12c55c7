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
#define ASK_AGAIN_MS     100

static int copy(char *out, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return -ENOSPC;
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

/* Pacemaker starts its daemons again that end, so an action waits for them, but not for all of its
 * time. */
static struct deadline attribute_deadline(const struct ocf_context *context)
{
    return deadline_in(deadline_left_ms(context->deadline) / 4);
}

/* The attribute `<resource>-address` of a node; NULL: it is not set. */
static int attribute_address(const char *node, const char *resource, struct deadline deadline,
                             char **value, char **problem)
{
    cleanup_free char *name = xasprintf("%s-address", resource);
    int rc;

    do {
        rc = attr_get(node, name, deadline, value);
    } while (rc && deadline_pause(deadline, ASK_AGAIN_MS));
    if (!rc)
        return 0;
    *problem =
        xasprintf("node attribute %s of %s cannot be asked for: %s; is Pacemaker well there?", name,
                  node, strerror(-rc));
    return -EIO;
}

/* What corosync says. */
static int link_address(const char *resource, char *out, size_t size, char **problem)
{
    struct nodes nodes;
    int rc = nodes_read(&nodes);

    nodes_resolve(&nodes);
    if (!rc && (nodes.local >= nodes.count || str_is_empty(nodes.node[nodes.local].address)))
        rc = -EADDRNOTAVAIL;
    if (!rc)
        return copy(out, size, nodes.node[nodes.local].address);
    *problem = xasprintf("corosync tells no address of this node: %s; set the node attribute "
                         "%s-address",
                         strerror(-rc), resource);
    return rc;
}

int node_address(const struct ocf_context *context, const char *param, const char *resource,
                 char *out, size_t size, char **problem)
{
    cleanup_free char *override = NULL;
    int rc = 0;

    *problem = NULL;
    if (context->in_cluster)
        rc = attribute_address(context->node, resource, attribute_deadline(context), &override,
                               problem);
    if (rc)
        return rc;
    if (override || param) {
        rc = copy(out, size, override ? override : param);
        if (rc)
            *problem = xasprintf("address: longer than %zu characters", size - 1);
        return rc;
    }
    rc = link_address(resource, out, size, problem);
    if (rc && !context->in_cluster) {
        free(steal_pointer(problem));
        rc = copy(out, size, FALLBACK_ADDRESS);
    }
    return rc;
}

static int peer_fill(const struct node *node, const char *resource, int port,
                     struct deadline deadline, struct peer *peer)
{
    cleanup_free char *override = NULL, *problem = NULL;
    int rc = attribute_address(node->name, resource, deadline, &override, &problem);

    if (rc)
        log_warning("%s", problem);
    else
        rc = copy(peer->name, sizeof(peer->name), node->name);
    peer->port = port;
    return rc ? rc : copy(peer->host, sizeof(peer->host), override ? override : node->address);
}

int peers_find(const struct ocf_context *context, const char *resource, int port,
               struct peer *peers, size_t max, size_t *count)
{
    struct deadline deadline = attribute_deadline(context);
    struct nodes nodes;
    int rc = nodes_read(&nodes);

    *count = 0;
    nodes_resolve(&nodes);
    for (size_t i = 0; !rc && i < nodes.count && *count < max; i++) {
        if (i == nodes.local || str_eq(nodes.node[i].name, context->node))
            continue;
        rc = peer_fill(&nodes.node[i], resource, port, deadline, &peers[*count]);
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
