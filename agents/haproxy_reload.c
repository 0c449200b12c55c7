// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reloads HAProxy: the master, by SIGUSR2, forks a worker with the new configuration, which takes
 * the listening sockets over; the one before stops listening and lives until its sessions end. How
 * many of those there may be is limited.
 */
#include "haproxy_config.h"
#include "haproxy_server.h"
#include "log.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define POLL_MS  20
#define HEARD_MS 500

/* A worker answers that is ours and not `old`. */
static bool new_worker_serves(const struct haproxy_server *server, pid_t old)
{
    struct haproxy_info info;

    if (haproxy_server_info(server, server->context->deadline, &info) || info.pid == old ||
        haproxy_server_kin(server, info.pid) != HAPROXY_WORKER)
        return false;
    haproxy_note_worker(server, info.pid);
    return true;
}

/*
 * HAProxy 2.6 loses a signal that comes right after a reload: 6 of 12 as soon as the new worker
 * answers, 1 of 12 20 ms later. One that it heard is in its log at once, if that is ours.
 */
static void tell_again(const struct haproxy_server *server, off_t from, const char *said,
                       struct deadline *heard)
{
    if (from == 0 || strstr(said, "Reloading HAProxy") || !deadline_passed(*heard))
        return;
    (void)proc_signal(&server->process, SIGUSR2);
    *heard = deadline_in(HEARD_MS);
}

/* 0: another worker than `old` answers. -EINVAL: the master gave up, *alert says why. -ESRCH,
 * -ETIMEDOUT. */
static int wait_for_new_worker(const struct haproxy_server *server, pid_t old, off_t from,
                               char **alert)
{
    struct deadline heard = deadline_in(HEARD_MS);

    do {
        cleanup_free char *said = server_log_since(server->log_path, from);

        if (new_worker_serves(server, old))
            return 0;
        /* Workers give alerts too, of servers that are down: only the master's own count. */
        *alert = haproxy_alert(said, server->process.pid);
        if (*alert)
            return -EINVAL;
        if (proc_check(&server->process) == PROC_GONE)
            return -ESRCH;
        tell_again(server, from, said, &heard);
    } while (deadline_pause(server->context->deadline, POLL_MS));
    return -ETIMEDOUT;
}

static char *reload_problem(const struct haproxy_server *server, int rc, const char *alert)
{
    if (alert)
        return xstrdup(alert);
    if (rc == -ESRCH)
        return xasprintf("HAProxy, master %d, ended at the reload", (int)server->process.pid);
    if (rc == -ETIMEDOUT)
        return xasprintf("no new worker serves at %s in time (log: %s)", server->socket,
                         server->log_path);
    return xasprintf("config: \"%s\" could not be loaded: %s", server->params->config,
                     strerror(-rc));
}

/* 0: the one that answers is a worker of our master, *pid. */
static int find_worker(const struct haproxy_server *server, pid_t *pid, char **problem)
{
    struct haproxy_info info;
    int rc = haproxy_server_info(server, server->context->deadline, &info);

    if (rc) {
        *problem = xasprintf("stats socket %s: %s", server->socket ? server->socket : "(none)",
                             strerror(-rc));
        return rc;
    }
    *pid = info.pid;
    if (haproxy_server_kin(server, info.pid) == HAPROXY_WORKER)
        return 0;
    *problem = xasprintf("HAProxy, pid %d, was started without -W by another hand, so it cannot be "
                         "reloaded; restart the resource",
                         (int)info.pid);
    return -ENOTSUP;
}

/* ---- workers of former configurations ---- */

/* The oldest go first. TERM makes a worker drop its sessions; the master goes on. */
static void limit_old_workers(const struct haproxy_server *server)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    int old = haproxy_server_workers(server, workers) - 1; /* the last is the newest */
    int excess = old - (int)server->params->max_old_workers;

    for (int i = 0; i < excess; i++) {
        int rc = proc_end(&workers[i], SIGTERM, HAPROXY_TERM_MS, server->context->deadline);

        log_warning("worker %d of a former configuration is ended with its sessions, since "
                    "max_old_workers is %" PRId64 "%s%s",
                    (int)workers[i].pid, server->params->max_old_workers, rc ? ": " : "",
                    rc ? strerror(-rc) : "");
    }
    old = excess > 0 ? old - excess : old;
    if (old > 0)
        log_notice("%d worker%s of former configurations live%s until their sessions end", old,
                   old == 1 ? "" : "s", old == 1 ? "s" : "");
}

int haproxy_reload_worker(struct haproxy_server *server, char **problem)
{
    off_t from = server_log_end(server->log_path);
    cleanup_free char *print = NULL;
    cleanup_free char *alert = NULL;
    pid_t old;
    int rc = find_worker(server, &old, problem);

    if (rc)
        return rc;
    free(steal_pointer(&server->socket));
    rc = haproxy_server_socket(server->params, &server->socket);
    if (!rc)
        rc = haproxy_config_print(server->params->config, &print);
    if (!rc)
        rc = proc_signal(&server->process, SIGUSR2);
    if (!rc)
        rc = wait_for_new_worker(server, old, from, &alert);
    if (rc) {
        *problem = reload_problem(server, rc, alert);
        return rc;
    }
    haproxy_note(server, print);
    limit_old_workers(server);
    return 0;
}
