// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds the local HAProxy and asks it. The master is known by its record; the stats socket is
 * answered by the newest worker, whose parent is the master.
 */
#include "haproxy_server.h"

#include "haproxy_config.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <string.h>

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

pid_t haproxy_parent(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/status", (int)pid);
    cleanup_free char *text = NULL;
    const char *line;

    if (file_read(path, 64 * 1024, &text) < 0)
        return 0;
    line = strstr(text, "\nPPid:");
    return line ? (pid_t)strtol(line + strlen("\nPPid:"), NULL, 10) : 0;
}

enum haproxy_kin haproxy_server_kin(const struct haproxy_server *server, pid_t pid)
{
    if (pid == server->process.pid)
        return HAPROXY_SINGLE;
    return haproxy_parent(pid) == server->process.pid ? HAPROXY_WORKER : HAPROXY_STRANGER;
}

static int by_age(const void *a, const void *b)
{
    const struct proc_id *one = a, *two = b;

    if (one->start_ticks != two->start_ticks)
        return one->start_ticks < two->start_ticks ? -1 : 1;
    return one->pid < two->pid ? -1 : one->pid > two->pid;
}

int haproxy_server_workers(const struct haproxy_server *server,
                           struct proc_id workers[HAPROXY_WORKERS_MAX])
{
    int count = proc_children(server->process.pid, workers, HAPROXY_WORKERS_MAX);
    int kept = 0;

    for (int i = 0; i < count && i < HAPROXY_WORKERS_MAX; i++)
        if (proc_runs(&workers[i], server->process.exe)) /* others are of `program` sections */
            workers[kept++] = workers[i];
    qsort(workers, (size_t)kept, sizeof(*workers), by_age);
    return count < 0 ? count : kept;
}
