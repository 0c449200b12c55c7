// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watch's socket for agents. Root's alone by its folder. One request a connection, one line
 * each way; one request at a time is the protocol's, pings are answered always.
 */
#include "redis_watch.h"

#include "clock.h"
#include "fd.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#define CALLERS_MAX 8

struct caller {
    struct watch *watch;
    struct loop_watch *input;
    int fd;
    bool waits; /* for the protocol's reply to `request` */
    enum protocol_request request;
    size_t length;
    char line[COMPANION_LINE];
};

struct watch_agent {
    struct loop_watch *input;
    int fd, spare; /* spare: given up for a moment when there are no descriptors left */
    char *path;
    struct caller *callers[CALLERS_MAX];
};

static void caller_end(struct caller *caller)
{
    struct watch_agent *agent = caller->watch->agent;

    for (size_t i = 0; i < CALLERS_MAX; i++) {
        if (agent->callers[i] == caller)
            agent->callers[i] = NULL;
    }
    loop_watch_free(caller->input);
    close(caller->fd);
    free(caller);
}

/* A line fits the socket's buffer; a caller that went away misses nothing. */
static void caller_answer(struct caller *caller, const char *line)
{
    cleanup_free char *text = xasprintf("%s\n", line);

    if (send(caller->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("an agent went away before its answer: %s", strerror(errno));
    caller_end(caller);
}

static void answer_ping(struct caller *caller)
{
    char why[COMPANION_LINE / 2];
    enum companion_state state = watch_state(caller->watch, why, sizeof(why));
    cleanup_free char *line = xasprintf("done %s %s", companion_state_names[state], why);

    caller_answer(caller, line);
}

static const struct {
    const char *word;
    enum protocol_request request;
} requests[] = {
    {"promote", PROTOCOL_REQUEST_PROMOTE},
    {"demote", PROTOCOL_REQUEST_DEMOTE},
    {"stop", PROTOCOL_REQUEST_STOP},
};

static void caller_take(struct caller *caller)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};
    char word[32];
    int64_t ms = 0;

    if (str_eq(caller->line, "ping")) {
        answer_ping(caller);
        return;
    }
    if (str_eq(caller->line, "reload")) {
        caller_answer(caller, watch_reload(caller->watch) == 0
                                  ? "done"
                                  : "refused its parameters cannot be read; see its log");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        if (sscanf(caller->line, "%31s %" SCNd64, word, &ms) != 2 ||
            !str_eq(word, requests[i].word))
            continue;
        event.request = requests[i].request;
        event.deadline_ms = (uint64_t)(clock_ms() + ms);
        caller->waits = true;
        caller->request = event.request;
        watch_event(caller->watch, &event);
        return;
    }
    caller_answer(caller, "refused this watch does not know that request; is it older than the "
                          "agent?");
}

static void caller_read(void *data, short events)
{
    struct caller *caller = data;
    size_t space = sizeof(caller->line) - 1 - caller->length;
    ssize_t got = recv(caller->fd, caller->line + caller->length, space, MSG_DONTWAIT);
    char *end;

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || caller->waits) {
        caller_end(caller);
        return;
    }
    caller->length += (size_t)got;
    caller->line[caller->length] = '\0';
    end = strchr(caller->line, '\n');
    if (end) {
        *end = '\0';
        caller_take(caller);
    } else if (caller->length == sizeof(caller->line) - 1) {
        caller_end(caller);
    }
}

static void turn_away(struct watch_agent *agent)
{
    close(agent->spare);
    int fd = accept4(agent->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    agent->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_warning("an agent was turned away: no file descriptors are left");
}

static void accept_caller(void *data, short events)
{
    struct watch *watch = data;
    struct caller *caller;
    size_t slot = 0;
    int fd = accept4(watch->agent->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        turn_away(watch->agent); /* or it would be told of for ever */
    if (fd < 0)
        return;
    while (slot < CALLERS_MAX && watch->agent->callers[slot])
        slot++;
    if (slot == CALLERS_MAX) {
        close(fd);
        return;
    }
    caller = xcalloc(1, sizeof(*caller));
    *caller = (struct caller){.watch = watch, .fd = fd};
    if (loop_watch_new(watch->loop, LOOP_NORMAL, fd, POLLIN, caller_read, caller, &caller->input)) {
        close(fd);
        free(caller);
        return;
    }
    watch->agent->callers[slot] = caller;
}

/* The reason as an agent's exit reason goes on with it. Caller frees. */
static char *refusal(const struct watch *watch, const struct protocol_effect *effect)
{
    const char *node = effect->node ? watch_node_name(watch, effect->node) : "another node";

    switch (effect->reason) {
    case PROTOCOL_REASON_NONE:
        return xasprintf("refused %s", strerror(-effect->result));
    case PROTOCOL_REASON_NO_QUORUM:
        return xstrdup("refused this partition has no quorum");
    case PROTOCOL_REASON_PRIMARY_LIVES:
        return xasprintf("refused the primary on %s is alive and sound", node);
    case PROTOCOL_REASON_NOT_CHOSEN:
        return xasprintf("refused %s holds newer data", node);
    case PROTOCOL_REASON_CLAIMED:
        return xasprintf("refused %s claimed the role first", node);
    case PROTOCOL_REASON_DEADLINE:
        return xstrdup("refused not all that is needed came in time; see the watch's log");
    case PROTOCOL_REASON_SERVER:
        return xstrdup("refused the server is gone or did not do as it was told");
    case PROTOCOL_REASON_FILE:
        return xasprintf("refused %s/%s cannot be written; see disk and rights",
                         watch->context.state_dir, COMPANION_RECORD);
    case PROTOCOL_REASON_NOT_PRIMARY:
        return xstrdup("refused this server is not the primary");
    case PROTOCOL_REASON_NOT_REACHED:
        return xstrdup("refused no replica reached the last offset in time");
    case PROTOCOL_REASON_BUSY:
        return xstrdup("refused another request is under way");
    }
    return xstrdup("refused for a reason that is not known");
}

/* The agent that asked may have been killed since; a demotion gets no answer that is a promote's.
 */
void watch_agent_reply(struct watch *watch, const struct protocol_effect *effect)
{
    cleanup_free char *text = effect->result == 0 ? xstrdup("done") : refusal(watch, effect);

    for (size_t i = 0; i < CALLERS_MAX; i++) {
        struct caller *caller = watch->agent->callers[i];
        if (caller && caller->waits &&
            (caller->request == PROTOCOL_REQUEST_PROMOTE) == effect->to_promote) {
            caller_answer(caller, text);
            return;
        }
    }
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

int watch_agent_open(struct watch *watch)
{
    struct watch_agent *agent = xcalloc(1, sizeof(*agent));

    watch->agent = agent;
    agent->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    agent->path = xasprintf("%s/%s", watch->context.run_dir, COMPANION_SOCKET);
    agent->fd = listen_at(agent->path);
    if (agent->fd < 0)
        return agent->fd;
    return loop_watch_new(watch->loop, LOOP_NORMAL, agent->fd, POLLIN, accept_caller, watch,
                          &agent->input);
}

void watch_agent_close(struct watch *watch)
{
    struct watch_agent *agent = watch->agent;

    if (!agent)
        return;
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        if (agent->callers[i])
            caller_end(agent->callers[i]);
    }
    loop_watch_free(agent->input);
    if (agent->fd >= 0) {
        close(agent->fd);
        (void)file_remove(agent->path);
    }
    if (agent->spare >= 0)
        close(agent->spare);
    free(agent->path);
    free(agent);
    watch->agent = NULL;
}
