// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Children on their way to exec. Everything here that runs in the child uses system calls only.
 */
#include "child.h"

#include "fd.h"
#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The numbers are the same on every architecture (asm-generic/unistd.h); glibc has wrappers for
 * pidfd since 2.36 only. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_ON_EXEC (1U << 2) /* CLOSE_RANGE_CLOEXEC, Linux 5.11 */

/* Above the standard ones, which child_prepare lays anew; we may have been started without them. */
static int fd_raise(int *fd)
{
    int raised;

    if (*fd > STDERR_FILENO)
        return 0;
    raised = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (raised < 0)
        return -errno;
    close(*fd);
    *fd = raised;
    return 0;
}

int child_pipe(int fds[2])
{
    int rc;

    if (pipe2(fds, O_CLOEXEC))
        return -errno;
    rc = fd_raise(&fds[0]);
    if (rc == 0)
        rc = fd_raise(&fds[1]);
    if (rc) {
        close(fds[0]);
        close(fds[1]);
    }
    return rc;
}

void child_tell(int fd, struct child_news news)
{
    /* Whole or not at all (less than PIPE_BUF); with the parent gone there is nobody to tell. */
    ssize_t n = write(fd, &news, sizeof(news));

    (void)n;
}

void child_fail(int fd, int error)
{
    child_tell(fd, (struct child_news){.error = error});
    _exit(127);
}

static void signals_reset(void)
{
    sigset_t none;

    /* Ignored signals and the mask survive exec, and ocf_main ignores SIGPIPE. */
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_rest_on_exec(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    int end;

    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_ON_EXEC) == 0)
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    end = limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int fd = 3; fd < end; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int child_prepare(int output)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0)
        return -errno;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        return -errno;
    close_rest_on_exec();
    signals_reset();
    return 0;
}

int child_listen(int fd, struct deadline deadline, struct child_news *news)
{
    *news = (struct child_news){0};
    for (;;) {
        struct child_news item;
        int rc = fd_wait(fd, POLLIN, deadline);
        ssize_t n;

        if (rc)
            return rc;
        n = read(fd, &item, sizeof(item));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n != sizeof(item))
            return 0;
        news->pid = item.pid ? item.pid : news->pid;
        news->error = item.error ? item.error : news->error;
    }
}

int pidfd_of(pid_t pid)
{
    long fd = syscall(SYS_pidfd_open, pid, 0);

    return fd < 0 ? -errno : (int)fd;
}

int pidfd_kill(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) ? -errno : 0;
}
