// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for a file descriptor under a deadline, and sockets in the file system.
 */
#ifndef RHA_FD_H
#define RHA_FD_H

#include "clock.h"
#include <sys/un.h>

/*
 * Waits until `fd` is ready for `events` (POLLIN, POLLOUT), is at its end or has an error: 0,
 * -ETIMEDOUT, -errno. A deadline that has passed still looks once.
 */
int fd_wait(int fd, short events, struct deadline deadline);
/* Milliseconds for poll(): what is left, in an int. */
int fd_timeout(struct deadline deadline);

/* A stream socket that does not block, for connect() or bind() to the address of `path`: the
 * descriptor, the caller's; -ENAMETOOLONG, -errno. */
int fd_unix(const char *path, struct sockaddr_un *address);
/* One that is connected to `path`; it does not block. The descriptor, the caller's; -errno. */
int fd_unix_connect(const char *path);

#endif
