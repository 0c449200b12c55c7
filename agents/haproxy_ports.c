// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether HAProxy has its ports to itself. It sets SO_REUSEPORT, so that another HAProxy can listen
 * at the same port unnoticed, and the kernel gives each some of the connections.
 */
#include "haproxy_server.h"
#include "sockets.h"
#include "util.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TCP_LISTEN 0x0a

struct listener {
    bool is_v6, is_ours;
    char address[40]; /* as the kernel prints it: hexadecimal */
    unsigned port;
    uint64_t inode;
};

struct listeners {
    size_t count;
    struct listener *list;
};

/* A line of /proc/net/tcp or tcp6 (proc(5)). */
static bool listener_read(const char *line, struct listener *listener)
{
    unsigned state;

    return sscanf(line, " %*d: %39[^:]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64, listener->address,
                  &listener->port, &state, &listener->inode) == 4 &&
           state == TCP_LISTEN;
}

static void table_read(const char *path, bool is_v6, struct listeners *all)
{
    cleanup_fclose FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    size_t size = 0;

    while (file && getline(&line, &size, file) >= 0) {
        struct listener one = {.is_v6 = is_v6};

        if (!listener_read(line, &one))
            continue;
        all->list = reallocarray(all->list, all->count + 1, sizeof(*all->list));
        if (!all->list)
            abort();
        all->list[all->count++] = one;
    }
}

/* Those that a worker, or the only process, has open. */
static void mark_ours(const struct haproxy_server *server, struct listeners *all)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    int count = haproxy_server_workers(server, workers);

    for (size_t i = 0; i < all->count; i++) {
        const struct sockets one = {.count = 1, .inode = {all->list[i].inode}};

        all->list[i].is_ours = sockets_check(&one, server->process.pid) == 0;
        for (int w = 0; w < count && !all->list[i].is_ours; w++)
            all->list[i].is_ours = sockets_check(&one, workers[w].pid) == 0;
    }
}

static bool is_wildcard(const char *address)
{
    return address[strspn(address, "0")] == '\0';
}

static bool overlap(const struct listener *a, const struct listener *b)
{
    return a->is_v6 == b->is_v6 && a->port == b->port &&
           (str_eq(a->address, b->address) || is_wildcard(a->address) || is_wildcard(b->address));
}

/* The other one of a pair; *ours is the one of ours. NULL: there is none. */
static const struct listener *find_shared(const struct listeners *all, const struct listener **ours)
{
    for (size_t i = 0; i < all->count; i++)
        for (size_t j = 0; all->list[i].is_ours && j < all->count; j++)
            if (!all->list[j].is_ours && overlap(&all->list[i], &all->list[j])) {
                *ours = &all->list[i];
                return &all->list[j];
            }
    return NULL;
}

/* The kernel prints each 32 bits of an address as a number of this machine. */
static char *address_text(const struct listener *listener)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint32_t word[4] = {0};

    if (sscanf(listener->address, "%8" SCNx32 "%8" SCNx32 "%8" SCNx32 "%8" SCNx32, &word[0],
               &word[1], &word[2], &word[3]) > 0)
        inet_ntop(listener->is_v6 ? AF_INET6 : AF_INET, word, text, sizeof(text));
    return xasprintf(listener->is_v6 ? "[%s]:%u" : "%s:%u", text, listener->port);
}

char *haproxy_shared_port(const struct haproxy_server *server)
{
    struct listeners all = {0};
    const struct listener *ours, *other;
    cleanup_free char *address = NULL;
    struct proc_id holder;
    char *problem = NULL;

    table_read("/proc/net/tcp", false, &all);
    table_read("/proc/net/tcp6", true, &all);
    mark_ours(server, &all);
    other = find_shared(&all, &ours);
    if (other) {
        const struct sockets one = {.count = 1, .inode = {other->inode}};

        address = address_text(ours);
        if (sockets_holder(&one, NULL, &holder) == 0)
            problem = xasprintf("%s is shared with process %d (%s), which takes connections too; "
                                "stop that one",
                                address, (int)holder.pid, holder.exe);
        else
            problem = xasprintf("%s is shared with a process that cannot be seen", address);
    }
    free(all.list);
    return problem;
}
