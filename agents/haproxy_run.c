// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts and ends HAProxy. It runs in master-worker mode and in the foreground (-W -db)
 * of a session of its own: so the master's identity is known from the start, SIGUSR2 reloads, and
 * what it says at a start or reload that fails is kept.
 */
#include "haproxy_config.h"
#include "haproxy_server.h"
#include "log.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

#define POLL_MS     20
#define TELL_MS     200  /* how long an end is waited for before it is told again */
#define TELL_MAX_MS 2000 /* each time twice as long as before, up to this */
#define END_MARGIN  2000 /* of an action's time, kept for TERM, KILL and their confirmation */

/* What is left of an action's time, less what it takes to end HAProxy for sure. */
static struct deadline with_margin(struct deadline deadline)
{
    int64_t left = deadline_left_ms(deadline);

    return deadline_in(left - (left / 3 < END_MARGIN ? left / 3 : END_MARGIN));
}

/* ---- start ---- */

/* 0: a worker of this master answers. -ESRCH: the master ended. -ETIMEDOUT. */
static int wait_until_it_serves(const struct haproxy_server *server)
{
    struct deadline deadline = with_margin(server->context->deadline);
    struct haproxy_info info;

    do {
        if (haproxy_server_info(server, deadline, &info) == 0 &&
            haproxy_server_kin(server, info.pid) == HAPROXY_WORKER) {
            haproxy_note_worker(server, info.pid);
            return 0;
        }
        if (proc_check(&server->process) == PROC_GONE)
            return -ESRCH;
    } while (deadline_pause(deadline, POLL_MS));
    return -ETIMEDOUT;
}

static enum ocf_exit launch_failed(const struct haproxy_server *server, off_t from, int rc)
{
    cleanup_free char *said = server_log_since(server->log_path, from);
    cleanup_free char *alert = haproxy_alert(said, 0);

    haproxy_forget(server);
    if (rc == -ESRCH)
        return ocf_fail(OCF_ERR_GENERIC, "HAProxy ended at once: %s",
                        alert ? alert : "it gave no reason");
    (void)proc_end(&server->process, SIGTERM, HAPROXY_TERM_MS, server->context->deadline);
    return ocf_fail(OCF_ERR_GENERIC, "HAProxy was started, but %s gave no answer in time%s%s",
                    server->socket, alert ? ": " : "", alert ? alert : "");
}

static enum ocf_exit launched(const struct haproxy_server *server)
{
    cleanup_free char *shared = haproxy_shared_port(server);

    if (!shared)
        return OCF_SUCCESS;
    (void)proc_end(&server->process, SIGTERM, HAPROXY_TERM_MS, server->context->deadline);
    haproxy_forget(server);
    return ocf_fail(OCF_ERR_GENERIC, "%s", shared);
}

enum ocf_exit haproxy_launch(struct haproxy_server *server)
{
    const char *const argv[] = {server->binary, "-W", "-db", "-f", server->params->config, NULL};
    const struct proc_spec spec = {
        .argv = argv, .user = server->params->user, .log_path = server->log_path};
    off_t from = server_log_end(server->log_path);
    cleanup_free char *print = NULL;
    int rc = haproxy_config_print(server->params->config, &print);

    if (!rc)
        rc = proc_start(&spec, &server->process);
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "%s could not be started: %s", server->binary,
                        strerror(-rc));
    rc = server_record(server->context, &server->process);
    if (rc)
        log_warning("the process could not be recorded: %s", strerror(-rc));
    haproxy_note(server, print);
    rc = wait_until_it_serves(server);
    return rc ? launch_failed(server, from, rc) : launched(server);
}

/* ---- stop ---- */

/* What a master that was killed left behind; workers end by themselves, but not at once. */
static int end_workers(const struct proc_id *workers, int count, struct deadline deadline)
{
    int worst = 0;

    for (int i = 0; i < count && i < HAPROXY_WORKERS_MAX; i++) {
        int rc = proc_end(&workers[i], 0, 0, deadline);

        worst = rc ? rc : worst;
    }
    return worst;
}

/* No worker is left, or it hangs, and its sessions with it. One that drains refuses to answer. */
static bool nothing_to_drain(const struct haproxy_server *server, struct deadline deadline)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    struct haproxy_info info;

    return haproxy_server_info(server, deadline, &info) == -ETIMEDOUT ||
           (!haproxy_is_single(server) && haproxy_server_workers(server, workers) == 0);
}

/*
 * A soft stop. HAProxy 2.6 can lose a signal: 4 of 10 right after its stats socket answered for the
 * first time, none 0.4 s later; and one that comes just before it goes to sleep is noticed with the
 * next event only (its issue 1841). A second one does nothing more than the first, so it is told
 * again and again. 0: it has ended; -ETIMEDOUT: it has not, though its time is over or there is
 * nothing to wait for.
 */
static int drain(const struct haproxy_server *server, struct deadline deadline)
{
    int64_t wait_ms = TELL_MS;
    int rc;

    do {
        rc = proc_signal(&server->process, SIGUSR1);
        if (!rc)
            rc = proc_wait_gone(&server->process, deadline_min(deadline, deadline_in(wait_ms)));
        wait_ms = wait_ms < TELL_MAX_MS ? 2 * wait_ms : wait_ms;
    } while (rc == -ETIMEDOUT && !deadline_passed(deadline) && !nothing_to_drain(server, deadline));
    return rc;
}

enum ocf_exit haproxy_end_orphan(const struct haproxy_server *server)
{
    struct proc_id worker;
    int rc;

    if (!haproxy_noted_worker(server->context, &worker))
        return OCF_SUCCESS;
    log_notice("worker %d has outlived its master and is ended", (int)worker.pid);
    rc = proc_end(&worker, SIGTERM, HAPROXY_TERM_MS, server->context->deadline);
    return rc ? ocf_fail(OCF_ERR_GENERIC, "HAProxy's worker %d could not be ended: %s",
                         (int)worker.pid, strerror(-rc))
              : OCF_SUCCESS;
}

enum ocf_exit haproxy_end(const struct haproxy_server *server)
{
    struct deadline deadline = server->context->deadline;
    struct deadline drained =
        deadline_min(with_margin(deadline), deadline_in(server->params->drain_timeout_s * 1000));
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    int count = proc_children(server->process.pid, workers, ARRAY_SIZE(workers)); /* programs too */
    int rc = drain(server, drained);

    if (rc && rc != -ESRCH) {
        log_notice("what is left after the drain time, or hangs, is ended now");
        rc = proc_end(&server->process, SIGTERM, HAPROXY_TERM_MS, deadline);
    }
    if (rc == 0 || rc == -ESRCH)
        rc = end_workers(workers, count, deadline);
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "HAProxy, master %d, could not be ended: %s",
                        (int)server->process.pid, strerror(-rc));
    haproxy_forget(server);
    return OCF_SUCCESS;
}
