// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts together what the process table and the server itself say. When both disagree, the process
 * decides whether there is a server, and its answer decides which role it has.
 */
#include "redis_look.h"

#include "log.h"
#include <errno.h>
#include <string.h>

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
    return state == REDIS_LOADING || state == REDIS_BUSY || state == REDIS_REPLICA ||
           state == REDIS_PRIMARY;
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
    return server->context->params_valid && server->conf && server->binary;
}

/* The server named in the configuration's pid file, which another hand may have started. */
static bool find_by_pidfile(const struct redis_server *server, struct proc_id *id)
{
    const char *path = server->conf ? redis_conf_value(server->conf, "pidfile") : NULL;
    cleanup_free char *text = NULL;
    int64_t pid;

    if (!path || !may_adopt(server) || file_read(path, 64, &text) < 0)
        return false;
    text[strcspn(text, " \r\n")] = '\0';
    return parse_int64(text, 2, INT32_MAX, &pid) == 0 && proc_identify((pid_t)pid, id) == 0 &&
           proc_runs(id, server->binary);
}

static enum proc_state find_process(const struct redis_server *server, struct redis_view *view)
{
    enum proc_state state = PROC_GONE;
    struct proc_id other;

    if (proc_load(server->process_path, &view->process) == 0) {
        state = proc_check(&view->process);
        view->crashed = state == PROC_GONE;
    }
    if (state == PROC_GONE && find_by_pidfile(server, &other)) {
        view->process = other;
        state = PROC_ALIVE;
    }
    view->has_process = state == PROC_ALIVE;
    return state;
}

/* The answering process is not the one we know: ours by adoption, or somebody else's. */
static bool adopt(const struct redis_server *server, struct redis_view *view)
{
    struct proc_id id;

    if (!may_adopt(server) || view->info.is_sentinel || view->info.process_id <= 0 ||
        proc_identify(view->info.process_id, &id) < 0 || !proc_runs(&id, server->binary)) {
        view->problem = xasprintf("port %d is answered by process %d, which does not run %s",
                                  server->port, (int)view->info.process_id,
                                  server->binary ? server->binary : "a server of ours");
        return false;
    }
    if (proc_save(server->process_path, &id) == 0)
        log_notice("adopted the running server, pid %d, as %s", (int)id.pid,
                   view->info.role == REDIS_ROLE_PRIMARY ? "primary" : "replica");
    view->process = id;
    view->has_process = true;
    return true;
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

static enum redis_state state_of_info(const struct redis_server *server, struct redis_view *view,
                                      const char *text)
{
    if (redis_info_parse(text, strlen(text), &view->info) < 0) {
        view->problem = xasprintf("port %d is answered, but not by a Redis", server->port);
        return REDIS_FOREIGN;
    }
    if (!(view->has_process && view->process.pid == view->info.process_id) && !adopt(server, view))
        return REDIS_FOREIGN;
    view->crashed = false;
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
    return view->has_process ? REDIS_SILENT : REDIS_UNKNOWN;
}

/* Nobody let us in: what that means depends on whether there is a process. */
static enum redis_state state_of_refusal(enum proc_state process, int error)
{
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

void redis_look(const struct redis_server *server, struct deadline deadline,
                struct redis_view *view)
{
    enum proc_state process;
    int rc;

    memset(view, 0, sizeof(*view));
    process = find_process(server, view);
    rc = redis_client_open(&server->endpoint, deadline, &view->client, &view->problem);
    view->state = rc ? state_of_refusal(process, rc) : ask_info(server, deadline, view);
    log_debug("the server is %s%s%s", redis_state_name(view->state), view->problem ? ": " : "",
              view->problem ? view->problem : "");
}
