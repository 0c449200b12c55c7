// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Launches, asks and ends redis-watch. What it must know of the resource goes through a file of the
 * run folder, since parameters are the agent's environment and not a companion's.
 */
#include "redis_companion.h"

#include "config.h"
#include "fd.h"
#include "log.h"
#include "proc.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define PROGRAM      RHA_LIBEXEC_DIR "/redis-watch"
#define PING_MS      500 /* a loop that never blocks answers sooner, or it is stopped */
#define PARAMS_MAX   65536
#define READY_MS     3000
#define READY_PAUSE  20
#define HAND_OVER_MS 5000
#define END_GRACE_MS 1000

static char *path_in(const struct redis_server *server, const char *name)
{
    return xasprintf("%s/%s", server->context->run_dir, name);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd = fd_unix(path, &address), rc;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

/* One line without its newline: 0, -ETIMEDOUT, -ECONNRESET, -errno. */
static int read_line(int fd, struct deadline deadline, char line[COMPANION_LINE])
{
    size_t length = 0;

    while (length + 1 < COMPANION_LINE) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&ready, 1, (int)deadline_left_ms(deadline)) == 0)
            return -ETIMEDOUT;
        got = recv(fd, line + length, COMPANION_LINE - 1 - length, 0);
        if (got == 0)
            return -ECONNRESET;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        length += got > 0 ? (size_t)got : 0;
        line[length] = '\0';
        if (length && line[length - 1] == '\n') {
            line[length - 1] = '\0';
            return 0;
        }
    }
    return -EMSGSIZE;
}

static int exchange(const struct redis_server *server, const char *request,
                    struct deadline deadline, char line[COMPANION_LINE])
{
    cleanup_free char *path = path_in(server, COMPANION_SOCKET);
    cleanup_free char *text = xasprintf("%s\n", request);
    cleanup_close int fd = connect_to(path);

    if (fd < 0)
        return fd;
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        return -errno;
    return read_line(fd, deadline, line);
}

enum companion_answer companion_ask(const struct redis_server *server, const char *request,
                                    struct deadline deadline, char **reason)
{
    char line[COMPANION_LINE] = "";
    int rc = exchange(server, request, deadline, line);

    *reason = NULL;
    if (rc == -ETIMEDOUT)
        *reason = xstrdup("redis-watch gives no answer");
    else if (rc)
        *reason = xasprintf("redis-watch does not run (%s)", strerror(-rc));
    if (rc)
        return COMPANION_ABSENT;
    if (str_starts(line, "done"))
        return COMPANION_DONE;
    *reason = xstrdup(str_starts(line, "refused ") ? line + strlen("refused ") : line);
    return COMPANION_REFUSED;
}

const char *const companion_state_names[COMPANION_STATES] = {
    [COMPANION_STATE_NONE] = "",           [COMPANION_STATE_FINE] = "fine",
    [COMPANION_STATE_MOVING] = "moving",   [COMPANION_STATE_PAUSED] = "paused",
    [COMPANION_STATE_HELD] = "held",       [COMPANION_STATE_HUNG] = "hung",
    [COMPANION_STATE_DEPOSED] = "deposed",
};

static bool ping(const struct redis_server *server, struct deadline deadline,
                 struct companion_word *word)
{
    char line[COMPANION_LINE] = "", name[16] = "";

    *word = (struct companion_word){.state = COMPANION_STATE_NONE};
    if (exchange(server, "ping", deadline_min(deadline, deadline_in(PING_MS)), line) < 0 ||
        sscanf(line, "done %15s %511[^\n]", name, word->why) < 1)
        return false;
    word->state = COMPANION_STATE_FINE; /* also where a newer watch has a word that we lack */
    for (size_t i = COMPANION_STATE_FINE; i < COMPANION_STATES; i++) {
        if (str_eq(name, companion_state_names[i]))
            word->state = (enum companion_state)i;
    }
    return true;
}

void companion_word_get(const struct redis_server *server, struct companion_word *word)
{
    (void)ping(server, server->context->deadline, word);
}

/* Lines `NAME VALUE` of what is given. Caller frees. */
static char *params_text(const struct redis_server *server)
{
    char *text = xstrdup("");

    for (const struct param *param = redis_param_table; param->name; param++) {
        cleanup_free char *value = param_text(param, server->params);
        char *longer;

        if (str_is_empty(value) || (param->type == PARAM_INTEGER && str_eq(value, "0")))
            continue; /* not given */
        longer = xasprintf("%s%s %s\n", text, param->name, value);
        free(text);
        text = longer;
    }
    return text;
}

static int write_params(const struct redis_server *server)
{
    cleanup_free char *path = path_in(server, COMPANION_PARAMS);
    cleanup_free char *text = NULL;

    if (!server->context->params_valid && access(path, F_OK) == 0)
        return 0; /* the values of before count */
    text = params_text(server);
    return file_write_atomic(path, text, 0600);
}

static int launch(const struct redis_server *server, struct proc_id *id)
{
    const struct ocf_context *context = server->context;
    const char *const argv[] = {PROGRAM, context->instance, context->node, NULL};
    cleanup_free char *log = path_in(server, COMPANION_LOG);
    cleanup_free char *process = path_in(server, "watch.process");
    int rc = write_params(server);

    if (!rc)
        rc = proc_start(&(struct proc_spec){.argv = argv, .log_path = log}, id);
    return rc ? rc : proc_save(process, id);
}

static int ensure(const struct redis_server *server, struct deadline deadline,
                  struct companion_word *word)
{
    struct deadline ready = deadline_min(deadline, deadline_in(READY_MS));
    struct proc_id id;
    int rc;

    if (ping(server, deadline, word))
        return 0;
    rc = companion_end(server, ready);
    if (server->conf && redis_server_note(server) < 0) /* who is in the cluster by now */
        log_warning("the peers could not be noted: those of before count");
    if (!rc)
        rc = launch(server, &id);
    if (rc)
        return rc;
    log_notice("redis-watch was launched, pid %d", (int)id.pid);
    while (!ping(server, ready, word)) {
        if (proc_check(&id) == PROC_GONE)
            return -ECHILD;
        if (!deadline_pause(ready, READY_PAUSE))
            return -ETIMEDOUT;
    }
    return 0;
}

bool companion_is_there(const struct redis_server *server)
{
    cleanup_free char *path = path_in(server, "watch.process");
    struct proc_id id;

    return proc_load(path, &id) == 0 && proc_check(&id) != PROC_GONE;
}

int companion_end(const struct redis_server *server, struct deadline deadline)
{
    cleanup_free char *path = path_in(server, "watch.process");
    struct proc_id id;
    int rc = proc_load(path, &id);

    if (rc == -ENOENT)
        return 0;
    if (rc == 0 && proc_check(&id) != PROC_GONE)
        rc = proc_end(&id, SIGTERM, END_GRACE_MS, deadline);
    return rc ? rc : file_remove(path);
}

void companion_keep(const struct redis_server *server, struct companion_word *word)
{
    int rc = ensure(server, server->context->deadline, word);

    if (rc)
        log_error("redis-watch does not run (%s); see %s/%s", strerror(-rc),
                  server->context->run_dir, COMPANION_LOG);
}

void companion_reload(const struct redis_server *server)
{
    cleanup_free char *path = path_in(server, COMPANION_PARAMS);
    cleanup_free char *text = params_text(server);
    cleanup_free char *before = NULL;
    cleanup_free char *reason = NULL;
    int rc;

    if (!server->context->params_valid ||
        (file_read(path, PARAMS_MAX, &before) == 0 && str_eq(before, text)))
        return;
    rc = write_params(server);
    if (rc)
        log_warning("the parameters could not be noted for redis-watch: %s", strerror(-rc));
    else if (companion_ask(server, "reload", server->context->deadline, &reason) != COMPANION_DONE)
        log_warning("redis-watch goes on with the values of before: %s", reason);
}

void companion_announce_stop(const struct redis_server *server)
{
    struct deadline deadline = deadline_min(server->context->deadline, deadline_in(HAND_OVER_MS));
    cleanup_free char *request = xasprintf("stop %lld", (long long)deadline_left_ms(deadline));
    cleanup_free char *reason = NULL;

    if (companion_ask(server, request, deadline, &reason) != COMPANION_DONE)
        log_warning("the stop goes on without a word of the watch: %s", reason);
}

enum companion_answer companion_order(const struct redis_server *server, const char *action,
                                      char **reason)
{
    struct deadline deadline = server->context->deadline;
    cleanup_free char *request = NULL;
    struct companion_word word;

    companion_keep(server, &word);
    request = xasprintf("%s %lld", action, (long long)deadline_left_ms(deadline) - 500);
    return companion_ask(server, request, deadline, reason);
}
