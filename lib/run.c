// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program run by argv to its end. It has a process group of its own, so that what it started can
 * be killed with it, and it dies with us, so that an agent that Pacemaker kills leaves nothing.
 */
#include "run.h"

#include "child.h"
#include "fd.h"
#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define OUTPUT_MAX   (64 * 1024)
#define REAP_MS      1000 /* for a killed process to be gone; longer only in uninterruptible sleep */
#define NO_PIDFD_MS  20   /* how often to look where the kernel cannot tell */
#define DRAIN_ROUNDS 64   /* of 4 KiB after the end: a grandchild may write for ever */

struct run {
    pid_t pid;
    int output; /* read end, not blocking; -1 once at its end */
    int pidfd;  /* or a negative number */
    char *text;
    size_t length;
};

static _Noreturn void run_child(const char *const *argv, int output, int news, pid_t parent)
{
    int rc;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before that call */
        _exit(127);
    rc = child_prepare(output);
    if (rc)
        child_fail(news, -rc);
    execvp(argv[0], (char *const *)argv);
    child_fail(news, errno);
}

static void run_keep(struct run *run, const char *bytes, size_t count)
{
    size_t room = OUTPUT_MAX - run->length;

    if (count > room)
        count = room;
    memcpy(run->text + run->length, bytes, count);
    run->length += count;
}

/* Takes what the pipe has now, at most `rounds` bites. */
static void run_drain(struct run *run, int rounds)
{
    while (run->output >= 0 && rounds-- > 0) {
        char bite[4096];
        ssize_t n = read(run->output, bite, sizeof(bite));

        if (n > 0) {
            run_keep(run, bite, (size_t)n);
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close(run->output);
            run->output = -1;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static bool run_ended(const struct run *run)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == run->pid;
}

/* Waits for the program's end, not its output's: a daemon that it left may hold that open. */
static int run_watch(struct run *run, struct deadline deadline)
{
    while (!run_ended(run)) {
        struct pollfd entries[] = {
            {.fd = run->output, .events = POLLIN},
            {.fd = run->pidfd, .events = POLLIN},
        };
        int timeout = fd_timeout(deadline);

        if (deadline_passed(deadline))
            return -ETIMEDOUT;
        if (run->pidfd < 0 && timeout > NO_PIDFD_MS)
            timeout = NO_PIDFD_MS;
        if (poll(entries, ARRAY_SIZE(entries), timeout) < 0 && errno != EINTR)
            return -errno;
        run_drain(run, 1);
    }
    run_drain(run, DRAIN_ROUNDS);
    return 0;
}

static void run_reap(const struct run *run, struct run_result *result)
{
    int status = 0;

    if (waitpid(run->pid, &status, 0) != run->pid)
        return;
    if (WIFEXITED(status))
        result->exit_code = WEXITSTATUS(status);
    else if (WIFSIGNALED(status))
        result->exit_code = 128 + WTERMSIG(status);
}

/* The group keeps its number as long as its leader is not reaped, so nobody else is hit. */
static void run_kill(struct run *run, struct run_result *result)
{
    struct deadline deadline = deadline_in(REAP_MS);

    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL); /* not yet in its group */
    if (run_watch(run, deadline) == 0)
        run_reap(run, result);
}

static int run_finish(struct run *run, int news_fd, struct deadline deadline,
                      struct run_result *result)
{
    struct child_news news;
    int rc = child_listen(news_fd, deadline, &news);

    run->text = xcalloc(1, OUTPUT_MAX + 1);
    if (rc == 0)
        rc = run_watch(run, deadline);
    if (rc)
        run_kill(run, result);
    else
        run_reap(run, result);
    if (rc == 0 && news.error)
        rc = -news.error;
    result->output = run->text;
    return rc;
}

/* Forks; the pipes' write ends are the child's alone afterwards. */
static int run_start(struct run *run, const char *const *argv, const int output[2],
                     const int news[2])
{
    pid_t parent = getpid();

    if (fcntl(output[0], F_SETFL, O_NONBLOCK))
        return -errno;
    run->pid = fork();
    if (run->pid < 0)
        return -errno;
    if (run->pid == 0)
        run_child(argv, output[1], news[1], parent);
    run->pidfd = pidfd_of(run->pid);
    return 0;
}

int run_program(const char *const *argv, struct deadline deadline, struct run_result *result)
{
    struct run run = {.output = -1, .pidfd = -1};
    int output[2], news[2];
    int rc = child_pipe(output);

    *result = (struct run_result){0};
    if (rc)
        return rc;
    rc = child_pipe(news);
    if (rc) {
        close(output[0]);
        close(output[1]);
        return rc;
    }
    run.output = output[0];
    rc = run_start(&run, argv, output, news);
    close(output[1]);
    close(news[1]);
    if (rc == 0)
        rc = run_finish(&run, news[0], deadline, result);
    close(news[0]);
    cleanup_closep(&run.output);
    cleanup_closep(&run.pidfd);
    return rc;
}

void run_clear(struct run_result *result)
{
    free(result->output);
    *result = (struct run_result){0};
}
