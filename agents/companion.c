// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a companion must know goes through a file of the run folder, since parameters are the
 * agent's environment and not a companion's.
 */
#include "companion.h"

#include "config.h"
#include "fd.h"
#include "log.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define PING_MS      500 /* a loop that never blocks answers sooner, or it is stopped */
#define PARAMS_MAX   65536
#define READY_MS     3000
#define READY_PAUSE  20
#define END_GRACE_MS 1000

struct ocf_context companion_context(const char *agent, const char *instance, const char *node)
{
    return (struct ocf_context){.agent = agent,
                                .action = "watch",
                                .instance = instance,
                                .node = node,
                                .in_cluster = true,
                                .is_clone = true,
                                .is_promotable = true,
                                .params_valid = true,
                                .params_name_server = true,
                                .run_dir = xasprintf("%s/%s/%s", RHA_RUN_DIR, agent, instance),
                                .state_dir = xasprintf("%s/%s/%s", RHA_STATE_DIR, agent, instance)};
}

char *companion_path(const struct companion *companion, const char *what)
{
    return xasprintf("%s/%s.%s", companion->context->run_dir, companion->name, what);
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

int companion_exchange(const struct companion *companion, const char *request,
                       struct deadline deadline, char line[COMPANION_LINE])
{
    cleanup_free char *path = companion_path(companion, "sock");
    cleanup_free char *text = xasprintf("%s\n", request);
    cleanup_close int fd = fd_unix_connect(path);

    if (fd < 0)
        return fd;
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        return -errno;
    return read_line(fd, deadline, line);
}

bool companion_ping(const struct companion *companion, struct deadline deadline,
                    char line[COMPANION_LINE])
{
    return companion_exchange(companion, "ping", deadline_min(deadline, deadline_in(PING_MS)),
                              line) == 0 &&
           str_starts(line, "done");
}

bool companion_runs(const struct companion *companion)
{
    cleanup_free char *path = companion_path(companion, "process");
    struct proc_id id;

    return proc_load(path, &id) == 0 && proc_check(&id) != PROC_GONE;
}

char *companion_params_text(const struct param *table, const void *params)
{
    char *text = xstrdup("");

    for (const struct param *param = table; param->name; param++) {
        cleanup_free char *value = param_text(param, params);
        char *longer;

        if (str_is_empty(value) || (param->type == PARAM_INTEGER && str_eq(value, "0")))
            continue; /* not given */
        longer = xasprintf("%s%s %s\n", text, param->name, value);
        free(text);
        text = longer;
    }
    return text;
}

static const char *param_from_lines(const char *name, void *data)
{
    const char *text = data;
    size_t length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return strndup(line + length + 1, strcspn(line + length + 1, "\n"));
    }
    return NULL;
}

int companion_params_read(const struct companion *companion, const struct param *table,
                          void *params)
{
    cleanup_free char *path = companion_path(companion, "params");
    cleanup_free char *text = NULL;
    cleanup_free char *problems = NULL;
    int rc = file_read(path, PARAMS_MAX, &text);

    if (!rc)
        rc = params_parse(table, params, param_from_lines, text, &problems);
    if (rc)
        log_error("%s cannot be used: %s", path, problems ? problems : strerror(-rc));
    return rc;
}

int companion_params_write(const struct companion *companion, const char *text)
{
    cleanup_free char *path = companion_path(companion, "params");

    return file_write_atomic(path, text, 0600);
}

bool companion_params_are(const struct companion *companion, const char *text)
{
    cleanup_free char *path = companion_path(companion, "params");
    cleanup_free char *before = NULL;

    return file_read(path, PARAMS_MAX, &before) == 0 && str_eq(before, text);
}

static int start(const struct companion *companion, struct proc_id *id)
{
    const struct ocf_context *context = companion->context;
    const char *const argv[] = {companion->program, context->instance, context->node, NULL};
    cleanup_free char *log = companion_path(companion, "log");
    cleanup_free char *process = companion_path(companion, "process");
    int rc = proc_start(&(struct proc_spec){.argv = argv, .log_path = log}, id);

    return rc ? rc : proc_save(process, id);
}

int companion_launch(const struct companion *companion, const char *params,
                     struct deadline deadline, char line[COMPANION_LINE])
{
    struct deadline ready = deadline_min(deadline, deadline_in(READY_MS));
    struct proc_id id;
    int rc = companion_terminate(companion, ready);

    if (!rc && params)
        rc = companion_params_write(companion, params);
    if (!rc)
        rc = start(companion, &id);
    if (rc)
        return rc;
    log_notice("%s was launched, pid %d", companion->program, (int)id.pid);
    while (!companion_ping(companion, ready, line)) {
        if (proc_check(&id) == PROC_GONE)
            return -ECHILD;
        if (!deadline_pause(ready, READY_PAUSE))
            return -ETIMEDOUT;
    }
    return 0;
}

int companion_terminate(const struct companion *companion, struct deadline deadline)
{
    cleanup_free char *path = companion_path(companion, "process");
    struct proc_id id;
    int rc = proc_load(path, &id);

    if (rc == -ENOENT)
        return 0;
    if (rc == 0 && proc_check(&id) != PROC_GONE)
        rc = proc_end(&id, SIGTERM, END_GRACE_MS, deadline);
    return rc ? rc : file_remove(path);
}
