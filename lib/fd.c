// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * poll() as every blocking client here needs it: begun again after a signal with the time that is
 * left then, so that the sum stays within the deadline.
 */
#include "fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int fd_timeout(struct deadline deadline)
{
    int64_t left = deadline_left_ms(deadline);

    return left < INT_MAX ? (int)left : INT_MAX;
}

int fd_wait(int fd, short events, struct deadline deadline)
{
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = events};
        int ready = poll(&entry, 1, fd_timeout(deadline));

        if (ready > 0)
            return entry.revents & POLLNVAL ? -EBADF : 0;
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (deadline_passed(deadline))
            return -ETIMEDOUT;
    }
}

int fd_unix(const char *path, struct sockaddr_un *address)
{
    int fd;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address->sun_path))
        return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int fd_unix_connect(const char *path)
{
    struct sockaddr_un address;
    int fd = fd_unix(path, &address), rc;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}
