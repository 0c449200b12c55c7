// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets in state LISTEN by their inodes. Formats: proc(5), /proc/net/tcp and /proc/net/unix.
 */
#include "redis_listener.h"

#include "sockets.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define TCP_LISTEN  0x0a
#define UNIX_ACCEPT 0x10000 /* __SO_ACCEPTCON: somebody listens at it */

typedef bool line_reader(const char *line, const struct redis_endpoint *endpoint, uint64_t *inode);

static bool read_tcp(const char *line, const struct redis_endpoint *endpoint, uint64_t *inode)
{
    unsigned port, state;

    return sscanf(line, " %*d: %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64, &port, &state,
                  inode) == 3 &&
           state == TCP_LISTEN && (int)port == endpoint->port;
}

static bool read_unix(const char *line, const struct redis_endpoint *endpoint, uint64_t *inode)
{
    unsigned flags;
    int path = 0;

    return sscanf(line, "%*s %*s %*s %x %*s %*s %" SCNu64 " %n", &flags, inode, &path) == 2 &&
           path > 0 && (flags & UNIX_ACCEPT) && str_eq(line + path, endpoint->unix_path);
}

static int read_table(const char *path, line_reader *read, const struct redis_endpoint *endpoint,
                      struct sockets *sockets)
{
    cleanup_fclose FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    size_t size = 0;

    if (!file)
        return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
    while (getline(&line, &size, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (sockets->count < SOCKETS_MAX && read(line, endpoint, &sockets->inode[sockets->count]))
            sockets->count++;
    }
    return ferror(file) ? -EIO : 0;
}

/* 0; -ENOENT: nobody listens there; -errno. */
static int sockets_find(const struct redis_endpoint *endpoint, struct sockets *sockets)
{
    int rc;

    sockets->count = 0;
    if (endpoint->unix_path) {
        rc = read_table("/proc/net/unix", read_unix, endpoint, sockets);
    } else {
        rc = read_table("/proc/net/tcp", read_tcp, endpoint, sockets);
        if (!rc)
            rc = read_table("/proc/net/tcp6", read_tcp, endpoint, sockets);
    }
    return rc ? rc : sockets->count > 0 ? 0 : -ENOENT;
}

int redis_listener_check(const struct redis_endpoint *endpoint, pid_t pid)
{
    struct sockets sockets;
    int rc = sockets_find(endpoint, &sockets);

    return rc ? rc : sockets_check(&sockets, pid);
}

int redis_listener_find(const struct redis_endpoint *endpoint, const char *binary,
                        struct proc_id *id)
{
    struct sockets sockets;
    int rc = sockets_find(endpoint, &sockets);

    return rc ? rc : sockets_holder(&sockets, binary, id);
}
