// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The address under which a resource's server on a node is reached by the other nodes: parameter
 * `address`, unless the node attribute `<resource>-address` says otherwise; else corosync's link 0.
 */
#ifndef RHA_NODE_ADDRESS_H
#define RHA_NODE_ADDRESS_H

#include "nodes.h"
#include "ocf.h"

/*
 * Of this node. `param`: the parameter's value or NULL. 127.0.0.1 outside of a cluster that says
 * otherwise. 0, or -errno with *problem (caller frees), `out` untouched: it could not be found out,
 * and no other address does for it; -ENOTCONN: it would be corosync's, which is not on this node (a
 * remote one). May wait for Pacemaker and corosync: not for a recurring monitor.
 */
int node_address(const struct ocf_context *context, const char *param, const char *resource,
                 char *out, size_t size, char **problem);

struct peer {
    char name[256];
    char host[256];
    int port;
};

/* The resource's servers on the other nodes: cmap's list with the attributes above. 0; -ENOTCONN:
 * no corosync here; -errno: not all could be found out. */
int peers_find(const struct ocf_context *context, const char *resource, int port,
               struct peer *peers, size_t max, size_t *count);

/* Kept in a file, lines "NAME HOST PORT\n", so that a monitor need not ask corosync. 0, -errno. */
int peers_save(const char *path, const struct peer *peers, size_t count);
int peers_load(const char *path, struct peer *peers, size_t max, size_t *count);

#endif
