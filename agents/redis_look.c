// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts together what the process table and the server itself say. When both disagree, the process
 * decides whether there is a server, and its answer decides which role it has.
 */
#include "redis_look.h"

#include "log.h"
#include "redis_listener.h"
#include "server.h"
#include <errno.h>
#include <string.h>

#define STARTING_MS       1000 /* a server listens some 10 ms after its start, before it loads */
#define STARTING_PAUSE_MS 3

const char *redis_state_name(enum redis_state state)
{
    switch (state) {
    case REDIS_STOPPED:
        return "stopped";
    case REDIS_FOREIGN:
        return "foreign";
    case REDIS_SILENT:
        return "silent";
    case REDIS_REFUSING:
        return "refusing";
    case REDIS_FULL:
        return "full";
    case REDIS_LOADING:
        return "loading";
    case REDIS_BUSY:
        return "busy";
    case REDIS_REPLICA:
        return "replica";
    case REDIS_PRIMARY:
        return "primary";
    case REDIS_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

bool redis_state_is_alive(enum redis_state state)
{
    return state == REDIS_FULL || state == REDIS_LOADING || state == REDIS_BUSY ||
           state == REDIS_REPLICA || state == REDIS_PRIMARY;
}

bool redis_view_is_loading_primary(const struct redis_view *view)
{
    return view->state == REDIS_LOADING && view->info.role == REDIS_ROLE_PRIMARY;
}

void redis_view_close(struct redis_view *view)
{
    redis_client_close(view->client);
    view->client = NULL;
    free(steal_pointer(&view->problem));
}

/* A wrong value would point us at somebody else's server, so nothing is adopted by defaults. */
static bool may_adopt(const struct redis_server *server)
{
    return server->context->params_name_server && server->conf && server->binary;
}

/* The pid file of the configuration, which another hand's start may have written. */
static bool pidfile_names(const struct redis_server *server, pid_t pid)
{
    const char *path = server->conf ? redis_conf_value(server->conf, "pidfile") : NULL;
    cleanup_free char *text = NULL;
    int64_t number;

    if (!path || file_read(path, 64, &text) < 0)
        return false;
    text[strcspn(text, " \r\n")] = '\0';
    return parse_int64(text, 2, INT32_MAX, &number) == 0 && (pid_t)number == pid;
}

/* A process that runs this resource's program and is no other resource's. */
static bool may_be_ours(const struct redis_server *server, const struct proc_id *id)
{
    return may_adopt(server) && proc_runs(id, server->binary) &&
           !server_is_claimed(server->context, id);
}

static void find_recorded(const struct redis_server *server, struct redis_view *view)
{
    int rc = proc_load(server->process_path, &view->process);

    if (rc == 0)
        view->recorded = proc_check(&view->process);
    else /* a text that is no record names nobody */
        view->recorded = rc == -ENOENT || rc == -EINVAL ? PROC_GONE : PROC_UNKNOWN;
    view->crashed = rc == 0 && view->recorded == PROC_GONE;
    view->has_process = view->recorded == PROC_ALIVE;
}

static void tell(struct redis_view *view, char *problem)
{
    free(view->problem);
    view->problem = problem;
}

static enum redis_state foreign(const struct redis_server *server, const struct proc_id *id,
                                struct redis_view *view)
{
    tell(view, xasprintf("port %d is held by process %d (%s)", server->port, (int)id->pid,
                         str_is_empty(id->exe) ? "?" : id->exe));
    return REDIS_FOREIGN;
}

static void take(struct redis_view *view, const struct proc_id *id)
{
    view->process = *id;
    view->has_process = true;
    view->crashed = false;
}

/*
 * Nothing is recorded, and what answers, or does not, tells no pid: the kernel knows who listens. A
 * server that lets nobody in, or is silent, is ours only where the pid file says so too.
 */
static enum redis_state find_owner(const struct redis_server *server, struct redis_view *view,
                                   enum redis_state state)
{
    bool answered = redis_client_error(view->client) != REDIS_ERROR_NONE;
    struct proc_id id;
    int rc = redis_listener_find(&server->endpoint, server->binary, &id);

    if (rc == -ENOENT)
        return REDIS_STOPPED;
    if (rc)
        return REDIS_UNKNOWN;
    if (!may_be_ours(server, &id))
        return foreign(server, &id, view);
    if (state == REDIS_BUSY || state == REDIS_FULL || pidfile_names(server, id.pid)) {
        take(view, &id);
        return state == REDIS_UNKNOWN && !answered ? REDIS_SILENT : state;
    }
    return state == REDIS_REFUSING ? foreign(server, &id, view) : REDIS_UNKNOWN;
}

/* The answering process is not the one we know: ours by adoption, or somebody else's. */
static enum redis_state adopt(const struct redis_server *server, struct redis_view *view,
                              enum redis_state state)
{
    pid_t pid = view->info.process_id;
    struct proc_id id;
    int rc;

    if (view->has_process) {
        tell(view, xasprintf("port %d is answered by process %d, but ours is %d", server->port,
                             (int)pid, (int)view->process.pid));
        return REDIS_UNKNOWN;
    }
    rc = proc_identify(pid, &id);
    if (!rc)
        rc = redis_listener_check(&server->endpoint, pid);
    if (rc && rc != -ENOENT && rc != -ESRCH)
        return REDIS_UNKNOWN;
    if (rc || view->info.is_sentinel || !may_be_ours(server, &id)) {
        if (rc && redis_listener_find(&server->endpoint, NULL, &id) < 0)
            id = (struct proc_id){.pid = pid};
        return foreign(server, &id, view);
    }
    if (proc_save(server->process_path, &id) == 0)
        log_notice("adopted the running server, pid %d, as %s", (int)id.pid,
                   view->info.role == REDIS_ROLE_PRIMARY ? "primary" : "replica");
    take(view, &id);
    return state;
}

static enum redis_state state_of_error(struct redis_view *view)
{
    const char *text = redis_client_error_text(view->client);

    switch (redis_client_error(view->client)) {
    case REDIS_ERROR_LOADING:
        return REDIS_LOADING;
    case REDIS_ERROR_BUSY:
        return REDIS_BUSY;
    case REDIS_ERROR_NOAUTH:
        view->problem = xasprintf("the server does not let the agent in: %s", text);
        return REDIS_REFUSING;
    case REDIS_ERROR_NONE:
    case REDIS_ERROR_OTHER:
        break;
    }
    view->problem = xasprintf("INFO was answered with: %s", text);
    return REDIS_UNKNOWN;
}

static enum redis_state state_by_role(struct redis_view *view)
{
    if (view->info.loading)
        return REDIS_LOADING;
    switch (view->info.role) {
    case REDIS_ROLE_PRIMARY:
        return REDIS_PRIMARY;
    case REDIS_ROLE_REPLICA:
        return REDIS_REPLICA;
    case REDIS_ROLE_UNKNOWN:
        break;
    }
    view->problem = xstrdup("INFO names no role");
    return REDIS_UNKNOWN;
}

static enum redis_state state_of_info(const struct redis_server *server, struct redis_view *view,
                                      const char *text)
{
    enum redis_state state;

    if (redis_info_parse(text, strlen(text), &view->info) < 0) {
        view->problem = xasprintf("port %d is answered, but not by a Redis", server->port);
        return REDIS_UNKNOWN;
    }
    state = state_by_role(view);
    if (view->has_process && view->process.pid == view->info.process_id)
        return state;
    return adopt(server, view, state);
}

static enum redis_state ask_info(const struct redis_server *server, struct deadline deadline,
                                 struct redis_view *view)
{
    cleanup_free char *text = NULL;
    int rc = redis_ask_words(view->client, deadline, &text, "INFO", NULL);

    if (rc == 0 && text)
        return state_of_info(server, view, text);
    if (rc == -EREMOTEIO)
        return state_of_error(view);
    view->problem = xasprintf("INFO got no answer: %s", strerror(-rc));
    view->timed_out = rc == -ETIMEDOUT;
    return view->has_process ? REDIS_SILENT : REDIS_UNKNOWN;
}

/* Nobody let us in: what that means depends on whether there is a process. */
static enum redis_state state_of_refusal(enum proc_state process, int error)
{
    if (error == -EUSERS)
        return REDIS_FULL;
    if (error == -EACCES)
        return REDIS_REFUSING;
    if (process == PROC_UNKNOWN)
        return REDIS_UNKNOWN;
    if (process == PROC_ALIVE)
        return error == -ENOTSUP || error == -EPROTO ? REDIS_UNKNOWN : REDIS_SILENT;
    if (error == -ECONNREFUSED || error == -ENOENT)
        return REDIS_STOPPED;
    return REDIS_UNKNOWN;
}

static bool needs_owner(const struct redis_view *view)
{
    return !view->has_process && (view->state == REDIS_REFUSING || view->state == REDIS_FULL ||
                                  view->state == REDIS_BUSY || view->state == REDIS_UNKNOWN);
}

/* Nobody listens, but the server was started a moment ago and will in a moment. */
static bool is_starting(const struct redis_view *view, int error)
{
    return (error == -ECONNREFUSED || error == -ENOENT) && view->has_process &&
           proc_age_ms(&view->process) < STARTING_MS;
}

/* 0 or -errno, as redis_client_open. */
static int connect_to(const struct redis_server *server, struct deadline deadline,
                      struct redis_view *view)
{
    int rc;

    do {
        free(steal_pointer(&view->problem));
        find_recorded(server, view);
        rc = redis_client_open(&server->endpoint, deadline, &view->client, &view->problem);
    } while (is_starting(view, rc) && deadline_pause(deadline, STARTING_PAUSE_MS));
    return rc;
}

void redis_look(const struct redis_server *server, struct deadline deadline,
                struct redis_view *view)
{
    int rc;

    memset(view, 0, sizeof(*view));
    rc = connect_to(server, deadline, view);
    view->state = rc ? state_of_refusal(view->recorded, rc) : ask_info(server, deadline, view);
    view->timed_out |= rc == -ETIMEDOUT;
    if (view->state == REDIS_FULL)
        tell(view, xstrdup("all its connections are taken: raise maxclients, or end clients"));
    if (needs_owner(view))
        view->state = find_owner(server, view, view->state);
    if (view->recorded == PROC_UNKNOWN && !view->has_process) {
        tell(view, xasprintf("%s could not be read or its process not be looked at",
                             server->process_path));
        view->state = REDIS_UNKNOWN;
    }
    log_debug("the server is %s%s%s", redis_state_name(view->state), view->problem ? ": " : "",
              view->problem ? view->problem : "");
}
