// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets in state LISTEN by their inodes, and the processes that hold those. Formats: proc(5),
 * /proc/net/tcp and /proc/net/unix.
 */
#include "redis_listener.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MAX 64
#define TCP_LISTEN  0x0a
#define UNIX_ACCEPT 0x10000 /* __SO_ACCEPTCON: somebody listens at it */

struct sockets {
    size_t count;
    uint64_t inode[SOCKETS_MAX];
};

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

static bool is_one_of(const struct sockets *sockets, const char *link)
{
    uint64_t inode;

    if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
        return false;
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->inode[i] == inode)
            return true;
    return false;
}

/* 0, -ENOENT: it has none of them; -errno. */
static int process_check(pid_t pid, const struct sockets *sockets)
{
    cleanup_free char *folder = xasprintf("/proc/%d/fd", (int)pid);
    const struct dirent *entry;
    DIR *dir = opendir(folder);
    int rc = -ENOENT;

    if (!dir)
        return -errno;
    while (rc && (entry = readdir(dir))) {
        char link[64];
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        rc = is_one_of(sockets, link) ? 0 : rc;
    }
    closedir(dir);
    return rc;
}

int redis_listener_check(const struct redis_endpoint *endpoint, pid_t pid)
{
    struct sockets sockets;
    int rc = sockets_find(endpoint, &sockets);

    return rc ? rc : process_check(pid, &sockets);
}

int redis_listener_find(const struct redis_endpoint *endpoint, const char *binary,
                        struct proc_id *id)
{
    const struct dirent *entry;
    struct sockets sockets;
    struct proc_id found;
    bool ours = false;
    DIR *proc;
    int rc = sockets_find(endpoint, &sockets);

    if (rc)
        return rc;
    proc = opendir("/proc");
    if (!proc)
        return -errno;
    rc = -ESRCH;
    while (!ours && (entry = readdir(proc))) {
        int64_t pid;

        if (parse_int64(entry->d_name, 1, INT_MAX, &pid) || process_check((pid_t)pid, &sockets) ||
            proc_identify((pid_t)pid, &found))
            continue;
        ours = proc_runs(&found, binary);
        if (rc || ours)
            *id = found;
        rc = 0;
    }
    closedir(proc);
    return rc;
}
