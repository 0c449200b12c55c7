// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds the HAProxy of this resource: by the record of an action, else by whoever answers at the
 * stats socket, else by whoever runs with this configuration. What another hand started, or
 * reloaded, is taken over as it is.
 */
#include "haproxy_config.h"
#include "haproxy_server.h"
#include "log.h"
#include "server.h"
#include "util.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- whose is it ---- */

/* The process whose end ends the worker too: its parent, if that runs the same program. */
static void find_master(const struct proc_id *worker, struct proc_id *master)
{
    pid_t parent = haproxy_parent(worker->pid);

    if (parent <= 1 || proc_identify(parent, master) < 0 || !proc_runs(master, worker->exe))
        *master = *worker;
}

/* In our namespaces: one in a container may have the same path, or even the same file. */
static bool is_beside_us(pid_t pid)
{
    static const char *const spaces[] = {"pid", "net"};

    for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
        cleanup_free char *theirs = xasprintf("/proc/%d/ns/%s", (int)pid, spaces[i]);
        cleanup_free char *ours = xasprintf("/proc/self/ns/%s", spaces[i]);
        struct stat a, b;

        if (stat(theirs, &a) < 0 || stat(ours, &b) < 0 || a.st_ino != b.st_ino)
            return false;
    }
    return true;
}

/* NULL: it is this resource's HAProxy. Else what is wrong with it, for the log. */
static const char *stranger(const struct haproxy_server *server, const struct proc_id *worker)
{
    struct proc_id noted;

    if (haproxy_noted_worker(server->context, &noted) && noted.pid == worker->pid)
        return "it is a worker that has outlived its master";
    if (!server->binary || !proc_runs(&server->process, server->binary))
        return "it runs another program than binary";
    if (!is_beside_us(server->process.pid))
        return "it runs in a container";
    if (server_is_claimed(server->context, &server->process))
        return "it belongs to another resource";
    return NULL;
}

/* ---- taking over ---- */

/* What runs is known to be what is on disk if no file is younger than the worker. */
static void note_as_found(const struct haproxy_server *server, const struct haproxy_info *info)
{
    time_t since = time(NULL) - (time_t)info->uptime_s - 1;
    cleanup_free char *print = NULL;

    if (!haproxy_config_newer(server->params->config, since))
        (void)haproxy_config_print(server->params->config, &print);
    haproxy_note(server, print);
    haproxy_note_worker(server, info->pid);
}

void haproxy_note_reload_by_hand(const struct haproxy_server *server,
                                 const struct haproxy_info *info)
{
    struct proc_id noted;

    if (info->pid == server->process.pid ||
        (haproxy_noted_worker(server->context, &noted) && noted.pid == info->pid))
        return;
    log_notice("HAProxy, master %d, was reloaded by another hand: worker %d serves now",
               (int)server->process.pid, (int)info->pid);
    note_as_found(server, info);
}

static void record(const struct haproxy_server *server, const char *how)
{
    int rc = server_record(server->context, &server->process);

    if (rc == 0)
        log_notice("adopted the running HAProxy, master %d, %s", (int)server->process.pid, how);
    else
        log_warning("HAProxy, master %d, could not be recorded: %s", (int)server->process.pid,
                    strerror(-rc));
}

/* ---- by its stats socket ---- */

static enum proc_state adopt_worker(struct haproxy_server *server, const struct haproxy_info *info)
{
    cleanup_free char *how = xasprintf("worker %d, by its stats socket", (int)info->pid);
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
    record(server, how);
    note_as_found(server, info);
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
        return adopt_worker(server, &info);
    if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENOTSOCK || rc == -ENOTDIR)
        return PROC_GONE;
    *problem = xasprintf("stats socket %s is there, but does not answer as HAProxy would: %s",
                         server->socket, strerror(-rc));
    return PROC_UNKNOWN;
}

/* ---- by its command line ---- */

#define ARGUMENTS_MAX 65536

/* The path as that process sees it is our file or folder. */
static bool is_our_config(pid_t pid, const char *path, const struct stat *config)
{
    cleanup_free char *seen = path[0] == '/' ? xasprintf("/proc/%d/root%s", (int)pid, path)
                                             : xasprintf("/proc/%d/cwd/%s", (int)pid, path);
    struct stat st;

    return stat(seen, &st) == 0 && st.st_dev == config->st_dev && st.st_ino == config->st_ino;
}

struct command {
    bool loads_config;  /* -f CONFIG */
    bool only_asks;     /* -c, -cc, -v, -vv: it will never serve */
    bool master_worker; /* -W, -Ws */
};

static struct command command_read(pid_t pid, const struct stat *config)
{
    struct command command = {0};
    char *text = NULL;
    size_t size = 0;
    bool is_path = false;

    if (proc_arguments(pid, ARGUMENTS_MAX, &text, &size) < 0)
        return command;
    for (const char *word = text; word < text + size; word += strlen(word) + 1) {
        if (is_path)
            command.loads_config |= is_our_config(pid, word, config);
        is_path = str_eq(word, "-f");
        command.only_asks |= str_eq(word, "-c") || str_eq(word, "-cc") || str_starts(word, "-v");
        command.master_worker |= str_eq(word, "-W") || str_eq(word, "-Ws");
    }
    free(text);
    return command;
}

/* The master, or the one process there is, is in server->process. An orphan of a dead master, about
 * to end, has its command line too. */
static bool serves_our_config(struct haproxy_server *server, const struct proc_id *id,
                              const struct stat *config)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    struct command command;

    if (!proc_runs(id, server->binary))
        return false;
    command = command_read(id->pid, config);
    if (!command.loads_config || command.only_asks)
        return false;
    find_master(id, &server->process);
    if (command.master_worker && haproxy_server_workers(server, workers) <= 0)
        return false;
    return !stranger(server, id);
}

/* One without a master is its own worker. */
static void note_newest_worker(const struct haproxy_server *server)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    int count = haproxy_server_workers(server, workers);

    haproxy_note_worker(server, count > 0 ? workers[count - 1].pid : server->process.pid);
}

/*
 * Nobody answers, since the socket was removed, or it is that of another configuration or
 * parameter. HAProxy shares ports (SO_REUSEPORT), so a second one could be started unnoticed beside
 * the first, and each would get some of the clients.
 */
static enum proc_state look_at_processes(struct haproxy_server *server)
{
    const struct dirent *entry;
    struct stat config;
    bool found = false;
    DIR *proc;

    if (!server->binary || stat(server->params->config, &config) < 0)
        return PROC_GONE;
    proc = opendir("/proc");
    while (proc && !found && (entry = readdir(proc))) {
        struct proc_id id;
        int64_t pid;

        found = parse_int64(entry->d_name, 1, INT_MAX, &pid) == 0 &&
                proc_identify((pid_t)pid, &id) == 0 && serves_our_config(server, &id, &config);
    }
    if (proc)
        closedir(proc);
    if (!found)
        return PROC_GONE;
    record(server, "by its command line: its stats socket does not answer");
    haproxy_note(server, NULL);
    note_newest_worker(server);
    return PROC_ALIVE;
}

enum proc_state haproxy_find(struct haproxy_server *server, char **problem)
{
    enum proc_state state = server_recorded(server->context, &server->process);

    if (state == PROC_UNKNOWN)
        *problem = xasprintf("whether process %d still runs could not be found out",
                             (int)server->process.pid);
    /* A default in the place of a bad parameter may lead to somebody else's. */
    if (state != PROC_GONE || !server->context->params_name_server)
        return state;
    state = look_at_socket(server, problem);
    return state == PROC_GONE ? look_at_processes(server) : state;
}
