// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Real servers for a test, in the foreground below it: they end with the test, however it ends.
 * Each logs into the scratch folder. Include after cmocka.h.
 */
#ifndef RHA_TEST_SERVER_RUN_H
#define RHA_TEST_SERVER_RUN_H

#include "clock.h"
#include "redis_client.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATIENCE_MS                                                                                \
    60000 /* what a condition may take on a slow machine; nothing waits this long                  \
           */
#define ARGV_MAX 64

/* Waits for a condition; fails the test where it does not come. */
#define wait_for(condition)                                                                        \
    do {                                                                                           \
        struct deadline patience_ = deadline_in(PATIENCE_MS);                                      \
        while (!(condition))                                                                       \
            if (!deadline_pause(patience_, 5))                                                     \
                fail_msg("waited in vain for %s", #condition);                                     \
    } while (0)

static inline struct deadline patience(void)
{
    return deadline_in(PATIENCE_MS);
}

/* Starts argv[0], looked up in PATH, with its output in the scratch folder's `log`. */
static inline pid_t server_spawn(const char *const *argv)
{
    cleanup_free char *log = scratch_path("log");
    pid_t parent = getpid(), pid = fork();
    int fd;

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    scratch_forget();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

/* Ends it, stopped or not, and takes it off the process table. */
static inline void server_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Freezes it; it is certain to run no more. */
static inline void server_freeze(pid_t pid)
{
    int status;

    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
}

/* A port of 127.0.0.1 that was free a moment ago. */
static inline int port_free(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    cleanup_close int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

/* A listening socket of our own at a path. */
static inline int unix_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

#define FLOOD_DEADLINE_MS 200 /* for a client of unix_flood to come so far as to wait */

/* Whether the process is stopped, or will never be. */
static inline bool process_stands(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/stat", pid), *text = NULL;
    const char *state = file_read(path, 4096, &text) ? NULL : strrchr(text, ')');

    return !state || strchr("TZX", state[2]);
}

/* One that freezes the process which connects first until that one's deadline has passed, and lets
 * it go on before a socket full of `first` and letters x, with the end behind them: who keeps to
 * the deadline does not read so far. */
static inline pid_t unix_flood(const char *path, const char *first)
{
    char bite[4096];
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    cleanup_close int listening = unix_listen(path);
    pid_t pid = fork();
    int fd;

    if (pid != 0)
        return pid;
    scratch_forget();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fd = accept(listening, NULL, NULL);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if (recv(fd, bite, sizeof(bite), 0) <= 0) /* its question: what is left is to wait */
        _exit(1);
    kill(peer.pid, SIGSTOP);
    while (!process_stands(peer.pid))
        deadline_pause(patience(), 1);
    memset(bite, 'x', sizeof(bite));
    send(fd, first, strlen(first), MSG_NOSIGNAL);
    while (send(fd, bite, sizeof(bite), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        ;
    deadline_pause(patience(), FLOOD_DEADLINE_MS + 1);
    close(fd);
    kill(peer.pid, SIGCONT);
    _exit(0);
}

/* One that says `text` to its first connection, before or after it has read a question, and closes
 * it: before, the connection may end for the client before it has asked. */
static inline pid_t unix_say(const char *path, const char *text, bool reads_first)
{
    char question[256];
    cleanup_close int listening = unix_listen(path);
    pid_t pid = fork();
    int fd;

    if (pid != 0)
        return pid;
    scratch_forget();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fd = accept(listening, NULL, NULL);
    if (reads_first && recv(fd, question, sizeof(question), 0) <= 0)
        _exit(1);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        _exit(1);
    _exit(0);
}

static inline bool redis_answers(const struct redis_endpoint *endpoint)
{
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;
    int rc = redis_client_open(endpoint, patience(), &client, &problem);

    return rc == 0 || redis_client_was_refused(rc);
}

/* A redis-server that saves nothing unasked, on the unix socket `socket` and no port unless the
 * options, which end with NULL, say so. Returns once it answers. */
static inline pid_t redis_spawn(const char *socket, ...)
{
    struct redis_endpoint endpoint = {.unix_path = socket};
    const char *argv[ARGV_MAX] = {"redis-server", "--port", "0", "--unixsocket", socket, "--dir",
                                  scratch_dir,    "--save", "",  "--appendonly", "no"};
    size_t argc = 11;
    va_list options;
    pid_t pid;

    va_start(options, socket);
    while (argc < ARGV_MAX - 1 && (argv[argc] = va_arg(options, const char *)))
        argc++;
    va_end(options);
    pid = server_spawn(argv);
    wait_for(redis_answers(&endpoint));
    return pid;
}

#endif
