// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for a file descriptor under a deadline.
 */
#ifndef RHA_FD_H
#define RHA_FD_H

#include "clock.h"

/*
 * Waits until `fd` is ready for `events` (POLLIN, POLLOUT), is at its end or has an error: 0,
 * -ETIMEDOUT, -errno. A deadline that has passed still looks once.
 */
int fd_wait(int fd, short events, struct deadline deadline);
/* Milliseconds for poll(): what is left, in an int. */
int fd_timeout(struct deadline deadline);

#endif
