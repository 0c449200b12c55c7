// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cluster's nodes and their addresses, from corosync's cmap (nodelist.node.N.*). Hangs with the
 * local corosync, so it is called where an action may wait, never on a recurring monitor.
 */
#ifndef RHA_NODES_H
#define RHA_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODES_MAX 32

struct node {
    uint32_t id;
    char name[256];    /* nodelist's name; ring0_addr where it has none */
    char address[256]; /* ring0_addr as configured */
};

struct nodes {
    size_t count;
    struct node node[NODES_MAX];
    size_t local;            /* index of this node; SIZE_MAX: not known */
    uint32_t ring_change_ms; /* totem's token + consensus as in force; 0: not known */
    bool two_node;           /* votequorum's two_node: each half of a cut calls itself quorate */
    uint32_t device_votes;   /* of a quorum device; 0: none */
};

/* 0; -ENOTCONN: no corosync here (no cluster, or a remote node); -errno. */
int nodes_read(struct nodes *nodes);
/* Addresses that are names become the numbers that corosync itself uses; one that does not resolve
 * stays as it is. Asks DNS. */
void nodes_resolve(struct nodes *nodes);
/* The fewest nodes that are quorate, with the device's votes for them. */
uint32_t nodes_majority(const struct nodes *nodes);
const struct node *nodes_find(const struct nodes *nodes, const char *name);

#endif
