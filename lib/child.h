// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What run and proc have in common: a child that becomes a program and tells why it could not, and
 * handles of processes (pidfd) on kernels and C libraries with and without them.
 */
#ifndef RHA_CHILD_H
#define RHA_CHILD_H

#include "clock.h"
#include <sys/types.h>

/* What a child writes into its pipe, which closes by itself when it becomes the program. */
struct child_news {
    pid_t pid; /* of the process that will be the program; 0: not told */
    int error; /* why it did not become it; 0: not told */
};

/* The pipe: both ends close on exec. 0 or -errno. */
int child_pipe(int fds[2]);
/* In the child. */
void child_tell(int fd, struct child_news news);
_Noreturn void child_fail(int fd, int error);
/*
 * In the child: signals as a fresh process has them, standard input from /dev/null, standard output
 * and error to `output`, every other descriptor closed on exec. 0 or -errno.
 */
int child_prepare(int output);
/* In the parent: gathers news until the pipe closes. 0, -ETIMEDOUT, -errno of reading. */
int child_listen(int fd, struct deadline deadline, struct child_news *news);

/* A descriptor that is readable once the process has ended; -ESRCH; -ENOSYS on Linux before 5.3. */
int pidfd_of(pid_t pid);
int pidfd_kill(int pidfd, int signal); /* 0, -ENOSYS: send it by pid; -errno */

#endif
