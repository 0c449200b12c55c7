// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Walks the descriptors of processes for sockets.
 */
#include "sockets.h"

#include "util.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

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

int sockets_check(const struct sockets *sockets, pid_t pid)
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

int sockets_holder(const struct sockets *sockets, const char *binary, struct proc_id *id)
{
    const struct dirent *entry;
    struct proc_id found;
    bool ours = false;
    DIR *proc = opendir("/proc");
    int rc = -ESRCH;

    if (!proc)
        return -errno;
    while (!ours && (entry = readdir(proc))) {
        int64_t pid;

        if (parse_int64(entry->d_name, 1, INT_MAX, &pid) || sockets_check(sockets, (pid_t)pid) ||
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
