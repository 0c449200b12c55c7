// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * corosync's node list: the keys of cmap are walked, as it tells no number of nodes (cmap_keys(7)).
 */
#include "nodes.h"

#include "util.h"
#include <corosync/cmap.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#define PREFIX "nodelist.node."

/* A node while it is read: its place in the list is known by the key alone. */
struct entry {
    uint32_t position;
    struct node node;
};

struct entries {
    size_t count;
    struct entry entry[NODES_MAX];
};

static int error_of(cs_error_t error)
{
    switch (error) {
    case CS_OK:
        return 0;
    case CS_ERR_ACCESS:
    case CS_ERR_SECURITY:
        return -EACCES;
    case CS_ERR_NO_MEMORY:
        return -ENOMEM;
    case CS_ERR_NOT_EXIST:
        return -ENOENT;
    case CS_ERR_LIBRARY:
    case CS_ERR_TRY_AGAIN:
    case CS_ERR_BAD_HANDLE:
        return -ENOTCONN;
    default: /* corosync's list of errors grows */
        return -EIO;
    }
}

static struct entry *entry_at(struct entries *entries, uint32_t position)
{
    for (size_t i = 0; i < entries->count; i++)
        if (entries->entry[i].position == position)
            return &entries->entry[i];
    if (entries->count == NODES_MAX)
        return NULL;
    entries->entry[entries->count].position = position;
    return &entries->entry[entries->count++];
}

static void text_read(cmap_handle_t handle, const char *key, char *to, size_t size)
{
    cleanup_free char *text = NULL;

    if (cmap_get_string(handle, key, &text) == CS_OK && strlen(text) < size)
        snprintf(to, size, "%s", text);
}

/* nodelist.node.3.name */
static int key_read(cmap_handle_t handle, const char *key, struct entries *entries)
{
    struct entry *entry;
    uint32_t position;
    char field[32];

    if (sscanf(key, PREFIX "%u.%31s", &position, field) != 2)
        return 0;
    entry = entry_at(entries, position);
    if (!entry)
        return -E2BIG;
    if (str_eq(field, "name"))
        text_read(handle, key, entry->node.name, sizeof(entry->node.name));
    else if (str_eq(field, "ring0_addr"))
        text_read(handle, key, entry->node.address, sizeof(entry->node.address));
    else if (str_eq(field, "nodeid"))
        cmap_get_uint32(handle, key, &entry->node.id);
    return 0;
}

static int entries_read(cmap_handle_t handle, struct entries *entries)
{
    char key[CMAP_KEYNAME_MAXLEN + 1];
    cmap_iter_handle_t walk;
    int rc = error_of(cmap_iter_init(handle, PREFIX, &walk));

    if (rc)
        return rc;
    while (rc == 0 && cmap_iter_next(handle, walk, key, NULL, NULL) == CS_OK)
        rc = key_read(handle, key, entries);
    cmap_iter_finalize(handle, walk);
    return rc;
}

/* A name becomes the number that corosync itself uses; one that does not resolve stays as it is. */
static void address_resolve(char *address, size_t size)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char number[256];

    if (getaddrinfo(address, NULL, &hints, &found))
        return;
    if (getnameinfo(found->ai_addr, found->ai_addrlen, number, sizeof(number), NULL, 0,
                    NI_NUMERICHOST) == 0 &&
        strlen(number) < size)
        snprintf(address, size, "%s", number);
    freeaddrinfo(found);
}

void nodes_resolve(struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (!str_is_empty(nodes->node[i].address))
            address_resolve(nodes->node[i].address, sizeof(nodes->node[i].address));
}

uint32_t nodes_majority(const struct nodes *nodes)
{
    uint32_t votes = (uint32_t)nodes->count + nodes->device_votes;
    uint32_t quorum = votes / 2 + 1;

    if (nodes->two_node || quorum <= nodes->device_votes)
        return 1;
    return quorum - nodes->device_votes;
}

static void node_complete(struct node *node)
{
    if (str_is_empty(node->name))
        snprintf(node->name, sizeof(node->name), "%s", node->address);
}

/* By its number; where the list has none or votequorum, which knows it, does not run, by place. */
static size_t local_find(cmap_handle_t handle, const struct entries *entries)
{
    uint32_t value;

    if (cmap_get_uint32(handle, "runtime.votequorum.this_node_id", &value) == CS_OK && value != 0)
        for (size_t i = 0; i < entries->count; i++)
            if (entries->entry[i].node.id == value)
                return i;
    if (cmap_get_uint32(handle, "nodelist.local_node_pos", &value) == CS_OK)
        for (size_t i = 0; i < entries->count; i++)
            if (entries->entry[i].position == value)
                return i;
    return SIZE_MAX;
}

/* votequorum(5), corosync.conf(5); the running values, with what token_coefficient adds. */
static void settings_read(cmap_handle_t handle, struct nodes *nodes)
{
    cleanup_free char *model = NULL;
    uint32_t token = 0, consensus = 0;
    uint8_t two_node = 0;

    if (cmap_get_uint32(handle, "runtime.config.totem.token", &token) == CS_OK &&
        cmap_get_uint32(handle, "runtime.config.totem.consensus", &consensus) == CS_OK)
        nodes->ring_change_ms = token + consensus;
    if (cmap_get_uint8(handle, "quorum.two_node", &two_node) == CS_OK)
        nodes->two_node = two_node == 1;
    /* corosync-qdevice(8): a model says that there is one; its votes are 1 where none are given. */
    if (cmap_get_string(handle, "quorum.device.model", &model) == CS_OK &&
        cmap_get_uint32(handle, "quorum.device.votes", &nodes->device_votes) != CS_OK)
        nodes->device_votes = 1;
}

int nodes_read(struct nodes *nodes)
{
    cleanup_free struct entries *entries = xcalloc(1, sizeof(*entries));
    cmap_handle_t handle;
    int rc = error_of(cmap_initialize(&handle));

    *nodes = (struct nodes){.local = SIZE_MAX};
    if (rc)
        return rc;
    rc = entries_read(handle, entries);
    if (rc == 0)
        nodes->local = local_find(handle, entries);
    if (rc == 0)
        settings_read(handle, nodes);
    cmap_finalize(handle);
    if (rc)
        return rc;
    for (size_t i = 0; i < entries->count; i++) {
        nodes->node[i] = entries->entry[i].node;
        node_complete(&nodes->node[i]);
    }
    nodes->count = entries->count;
    return 0;
}

const struct node *nodes_find(const struct nodes *nodes, const char *name)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (str_eq(nodes->node[i].name, name))
            return &nodes->node[i];
    return NULL;
}
