// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which process listens where a server should: the kernel's own word (/proc/net, /proc/PID/fd), for
 * all that a pid file or an answer cannot prove. Walks every process, so it is not for the quiet
 * path.
 */
#ifndef RHA_REDIS_LISTENER_H
#define RHA_REDIS_LISTENER_H

#include "proc.h"
#include "redis_client.h"
#include <stdbool.h>

/*
 * The process that listens at the endpoint's port, on whatever address, or at its unix socket; of
 * several, one that runs `binary` (may be NULL). 0; -ENOENT: nobody does on this machine; -ESRCH:
 * somebody does, whose process cannot be seen; -errno: could not find out.
 */
int redis_listener_find(const struct redis_endpoint *endpoint, const char *binary,
                        struct proc_id *id);
/* Whether that process does: 0, -ENOENT: it does not; -errno: could not find out. */
int redis_listener_check(const struct redis_endpoint *endpoint, pid_t pid);

#endif
