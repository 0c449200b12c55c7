// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which process has a socket open, by the socket's inode: /proc/PID/fd (proc(5)). Walks every
 * process, so it is not for the quiet path.
 */
#ifndef RHA_SOCKETS_H
#define RHA_SOCKETS_H

#include "proc.h"
#include <stddef.h>
#include <stdint.h>

#define SOCKETS_MAX 64

struct sockets {
    size_t count;
    uint64_t inode[SOCKETS_MAX];
};

/* Whether that process has one of them: 0, -ENOENT: it has not; -errno: could not find out. */
int sockets_check(const struct sockets *sockets, pid_t pid);
/* A process that has one of them; of several, one that runs `binary` (may be NULL). 0; -ESRCH: its
 * process cannot be seen; -errno. */
int sockets_holder(const struct sockets *sockets, const char *binary, struct proc_id *id);

#endif
