// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A line fits a socket's buffer, so no answer waits; one who lets it fill up is left. Callers are
 * few: those above the limit, and those for whom no descriptor is left, are turned away and ask
 * again.
 */
#include "callers.h"

#include "fd.h"
#include "log.h"
#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define CALLERS_MAX 8

struct caller {
    struct callers *callers;
    struct loop_watch *input;
    int fd;
    bool waits;   /* its line was taken */
    caller_fn fn; /* takes its further lines; NULL: there may be none */
    caller_gone_fn gone;
    unsigned mark;
    size_t length;
    char line[CALLERS_LINE];
};

struct callers {
    struct loop *loop;
    struct loop_watch *input;
    int fd, spare; /* spare: given up for a moment when there are no descriptors left */
    char *path;
    caller_fn fn;
    void *data;
    struct caller *caller[CALLERS_MAX];
};

/* It is found no more. */
static void caller_forget(struct caller *caller)
{
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        if (caller->callers->caller[i] == caller)
            caller->callers->caller[i] = NULL;
    }
}

static void caller_end(struct caller *caller)
{
    caller_forget(caller);
    loop_watch_free(caller->input);
    close(caller->fd);
    free(caller);
}

/* Who is told of that may have news for all who wait. */
static void caller_leave(struct caller *caller)
{
    caller_forget(caller);
    if (caller->gone)
        caller->gone(caller->callers->data, caller);
    caller_end(caller);
}

bool caller_say(struct caller *caller, const char *line)
{
    cleanup_free char *text = xasprintf("%s\n", line);

    if (send(caller->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)strlen(text))
        return true;
    log_debug("a caller went away before its answer: %s", strerror(errno));
    caller_leave(caller);
    return false;
}

void callers_say(struct callers *callers, unsigned mark, const char *line)
{
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        struct caller *caller = callers->caller[i];

        if (caller && caller->mark == mark)
            (void)caller_say(caller, line);
    }
}

void caller_answer(struct caller *caller, const char *line)
{
    if (caller_say(caller, line))
        caller_end(caller);
}

void caller_stay(struct caller *caller, caller_fn fn, caller_gone_fn gone)
{
    caller->fn = fn;
    caller->gone = gone;
}

void caller_mark(struct caller *caller, unsigned mark)
{
    caller->mark = mark;
}

struct caller *callers_find(const struct callers *callers, unsigned mark)
{
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        if (callers->caller[i] && callers->caller[i]->mark == mark)
            return callers->caller[i];
    }
    return NULL;
}

static bool is_here(const struct callers *callers, const struct caller *caller)
{
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        if (callers->caller[i] == caller)
            return true;
    }
    return false;
}

/* Its first; false: there is none yet. What takes it may end the caller. */
static bool take_line(struct caller *caller)
{
    caller_fn fn = caller->waits ? caller->fn : caller->callers->fn;
    char line[CALLERS_LINE];
    const char *end = memchr(caller->line, '\n', caller->length);
    size_t length = end ? (size_t)(end - caller->line) : 0;

    if (!end)
        return false;
    memcpy(line, caller->line, length);
    line[length] = '\0';
    caller->length -= length + 1;
    memmove(caller->line, end + 1, caller->length);
    caller->waits = true;
    fn(caller->callers->data, caller, line);
    return true;
}

static void caller_read(void *data, short events)
{
    struct caller *caller = data;
    const struct callers *callers = caller->callers;
    size_t space = sizeof(caller->line) - 1 - caller->length;
    ssize_t got = recv(caller->fd, caller->line + caller->length, space, MSG_DONTWAIT);

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || (caller->waits && !caller->fn)) {
        caller_leave(caller);
        return;
    }
    caller->length += (size_t)got;
    while (take_line(caller)) {
        if (!is_here(callers, caller) || !caller->fn)
            return;
    }
    if (caller->length == sizeof(caller->line) - 1)
        caller_leave(caller);
}

/* Or it would be told of for ever. */
static void turn_away(struct callers *callers)
{
    close(callers->spare);
    int fd = accept4(callers->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    callers->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_warning("a caller was turned away: no file descriptors are left");
}

static void accept_caller(void *data, short events)
{
    struct callers *callers = data;
    struct caller *caller;
    size_t slot = 0;
    int fd = accept4(callers->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        turn_away(callers);
    if (fd < 0)
        return;
    while (slot < CALLERS_MAX && callers->caller[slot])
        slot++;
    if (slot == CALLERS_MAX) {
        close(fd);
        return;
    }
    caller = xcalloc(1, sizeof(*caller));
    *caller = (struct caller){.callers = callers, .fd = fd};
    if (loop_watch_new(callers->loop, LOOP_NORMAL, fd, POLLIN, caller_read, caller,
                       &caller->input)) {
        close(fd);
        free(caller);
        return;
    }
    callers->caller[slot] = caller;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address;
    int fd = fd_unix(path, &address);

    if (fd < 0)
        return fd;
    (void)file_remove(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, CALLERS_MAX) == 0)
        return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

int callers_open(struct loop *loop, const char *path, caller_fn fn, void *data,
                 struct callers **callers)
{
    struct callers *made = xcalloc(1, sizeof(*made));
    int rc;

    *made = (struct callers){.loop = loop, .path = xstrdup(path), .fn = fn, .data = data};
    made->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    made->fd = listen_at(path);
    rc = made->fd < 0 ? made->fd
                      : loop_watch_new(loop, LOOP_NORMAL, made->fd, POLLIN, accept_caller, made,
                                       &made->input);
    if (rc) {
        callers_close(made);
        made = NULL;
    }
    *callers = made;
    return rc;
}

void callers_close(struct callers *callers)
{
    if (!callers)
        return;
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        if (callers->caller[i])
            caller_end(callers->caller[i]);
    }
    loop_watch_free(callers->input);
    if (callers->fd >= 0) {
        close(callers->fd);
        (void)file_remove(callers->path);
    }
    if (callers->spare >= 0)
        close(callers->spare);
    free(callers->path);
    free(callers);
}
