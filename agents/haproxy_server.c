// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds the local HAProxy and asks it. The master is known by its record; the stats socket is
 * answered by the newest worker, whose parent is the master.
 */
#include "haproxy_server.h"

#include "haproxy_config.h"
#include "log.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <string.h>
#include <time.h>

static const char *const programs[] = {
    "/usr/sbin/haproxy",
    "/usr/bin/haproxy",
    "/usr/local/sbin/haproxy",
    "/usr/local/bin/haproxy",
    NULL,
};

int haproxy_server_socket(const struct haproxy_params *params, char **socket)
{
    if (!params->stats_socket)
        return haproxy_socket_find(params->config, socket);
    *socket = xstrdup(params->stats_socket);
    return 0;
}

void haproxy_server_open(struct haproxy_server *server, const struct ocf_context *context,
                         const struct haproxy_params *params)
{
    *server = (struct haproxy_server){.context = context, .params = params};
    server->binary = params->binary ? params->binary : server_find_program(programs);
    server->log_path = xasprintf("%s/haproxy.log", context->run_dir);
    server->socket = haproxy_noted_socket(context);
    if (!server->socket)
        (void)haproxy_server_socket(params, &server->socket);
}

void haproxy_server_close(struct haproxy_server *server)
{
    free(server->socket);
    free(server->log_path);
}

static int ask(const struct haproxy_server *server, const char *command, struct deadline deadline,
               char **answer)
{
    if (!server->socket)
        return -ENOENT;
    return haproxy_ask(server->socket, command,
                       deadline_min(deadline, deadline_in(SERVER_ANSWER_MS)), answer);
}

int haproxy_server_info(const struct haproxy_server *server, struct deadline deadline,
                        struct haproxy_info *info)
{
    cleanup_free char *answer = NULL;
    int rc = ask(server, "show info", deadline, &answer);

    return rc ? rc : haproxy_info_parse(answer, info);
}

int haproxy_server_health(const struct haproxy_server *server, struct deadline deadline,
                          struct haproxy_health *health)
{
    cleanup_free char *answer = NULL;
    int rc = ask(server, "show stat", deadline, &answer);

    return rc ? rc : haproxy_health_parse(answer, server->params->backend, health);
}

/* ---- who is who ---- */

static pid_t parent_of(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/status", (int)pid);
    cleanup_free char *text = NULL;
    const char *line;

    if (file_read(path, 64 * 1024, &text) < 0)
        return 0;
    line = strstr(text, "\nPPid:");
    return line ? (pid_t)strtol(line + strlen("\nPPid:"), NULL, 10) : 0;
}

/* The process whose end ends the worker too: its parent, if that runs the same program. */
static void find_master(const struct proc_id *worker, struct proc_id *master)
{
    pid_t parent = parent_of(worker->pid);

    if (parent <= 1 || proc_identify(parent, master) < 0 || !proc_runs(master, worker->exe))
        *master = *worker;
}

enum haproxy_kin haproxy_server_kin(const struct haproxy_server *server, pid_t pid)
{
    if (pid == server->process.pid)
        return HAPROXY_SINGLE;
    return parent_of(pid) == server->process.pid ? HAPROXY_WORKER : HAPROXY_STRANGER;
}

int haproxy_server_workers(const struct haproxy_server *server)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];

    return proc_children(server->process.pid, workers, ARRAY_SIZE(workers));
}

/* ---- is it there ---- */

/* NULL: it is this resource's HAProxy. Else what is wrong with it, for the log. */
static const char *stranger(const struct haproxy_server *server, const struct proc_id *worker)
{
    struct proc_id noted;

    if (haproxy_noted_worker(server->context, &noted) && noted.pid == worker->pid)
        return "it is a worker that has outlived its master";
    if (!server->binary || !proc_runs(&server->process, server->binary))
        return "it runs another program than binary";
    if (server_is_claimed(server->context, &server->process))
        return "it belongs to another resource";
    return NULL;
}

/* Its configuration is known to be the one on disk if no file is younger than the worker. */
static void note_adopted(struct haproxy_server *server, const struct haproxy_info *info)
{
    time_t since = time(NULL) - (time_t)info->uptime_s - 1;
    cleanup_free char *print = NULL;

    if (server_record(server->context, &server->process) == 0)
        log_notice("adopted the running HAProxy, master %d, worker %d", (int)server->process.pid,
                   (int)info->pid);
    if (!haproxy_config_newer(server->params->config, since))
        (void)haproxy_config_print(server->params->config, &print);
    haproxy_note(server, print);
    haproxy_note_worker(server, info->pid);
}

static enum proc_state adopt(struct haproxy_server *server, const struct haproxy_info *info)
{
    const char *why = "its process is not on this node";
    struct proc_id worker;

    if (proc_identify(info->pid, &worker) == 0) {
        find_master(&worker, &server->process);
        why = stranger(server, &worker);
    }
    if (why) {
        log_notice("%s is answered by process %d, which is not taken for ours: %s", server->socket,
                   (int)info->pid, why);
        return PROC_GONE;
    }
    note_adopted(server, info);
    return PROC_ALIVE;
}

/* Nothing of ours is known to run: does our stats socket answer nevertheless? */
static enum proc_state look_at_socket(struct haproxy_server *server, char **problem)
{
    struct haproxy_info info;
    int rc;

    free(steal_pointer(&server->socket));
    if (haproxy_server_socket(server->params, &server->socket) < 0)
        return PROC_GONE;
    rc = haproxy_server_info(server, server->context->deadline, &info);
    if (rc == 0)
        return adopt(server, &info);
    if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENOTSOCK || rc == -ENOTDIR)
        return PROC_GONE;
    *problem = xasprintf("stats socket %s is there, but does not answer as HAProxy would: %s",
                         server->socket, strerror(-rc));
    return PROC_UNKNOWN;
}

enum proc_state haproxy_find(struct haproxy_server *server, char **problem)
{
    switch (server_recorded(server->context, &server->process)) {
    case PROC_ALIVE:
        return PROC_ALIVE;
    case PROC_GONE:
        /* A default in the place of a bad parameter may lead to somebody else's. */
        return server->context->params_name_server ? look_at_socket(server, problem) : PROC_GONE;
    case PROC_UNKNOWN:
        break;
    }
    *problem =
        xasprintf("whether process %d still runs could not be found out", (int)server->process.pid);
    return PROC_UNKNOWN;
}
