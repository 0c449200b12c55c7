// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One look at a HAProxy whose master runs: what the stats socket says, what that means, and the
 * node attribute that tells the other nodes.
 */
#include "attributes.h"
#include "haproxy_judge.h"
#include "haproxy_server.h"
#include "log.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <string.h>

#define PUBLISH_MS 2000 /* an attribute manager that hangs must not cost an action its time */
/* A reload by another hand: from the old worker's signal to the new one's fork, and to its answer.
 */
#define FORK_MS      500
#define HANDOVER_MS  2000
#define ASK_AGAIN_MS 20

struct sight {
    int rc; /* of the stats socket: 0 or -errno */
    struct haproxy_info info;
    struct haproxy_health health;
    enum haproxy_kin kin;
    enum haproxy_verdict verdict; /* valid with rc 0 and no stranger */
};

/* ---- the node attribute ---- */

void haproxy_publish(const struct ocf_context *context, const char *status)
{
    cleanup_free char *name = xasprintf("%s-status", context->instance);
    struct ocf_context brief = *context;
    int64_t some = deadline_left_ms(context->deadline) / 4;

    brief.deadline = deadline_in(some < PUBLISH_MS ? some : PUBLISH_MS);
    attribute_publish(&brief, name, status);
}

static void publish_verdict(const struct ocf_context *context, enum haproxy_verdict verdict)
{
    cleanup_free char *name = xasprintf("%s-status", context->instance);
    cleanup_free char *last = attribute_last(context, name);

    haproxy_publish(context, haproxy_verdict_status(verdict, last));
}

/* ---- what is seen ---- */

static void see(const struct haproxy_server *server, struct sight *sight)
{
    *sight = (struct sight){0};
    sight->rc = haproxy_server_info(server, server->context->deadline, &sight->info);
    if (sight->rc)
        return;
    sight->kin = haproxy_server_kin(server, sight->info.pid);
    if (sight->kin == HAPROXY_STRANGER)
        return;
    sight->rc = haproxy_server_health(server, server->context->deadline, &sight->health);
    if (!sight->rc)
        sight->verdict = haproxy_judge(&sight->info, &sight->health, server->params->backend);
}

static bool takes_connections(const struct sight *sight)
{
    return sight->rc == 0 && sight->kin != HAPROXY_STRANGER && sight->verdict != HAPROXY_STOPPING &&
           sight->verdict != HAPROXY_CLOSED && sight->verdict != HAPROXY_PART_CLOSED;
}

/* Our worker that a newer one takes over from, or that has just ended: its word counts no more. */
static bool is_outdated(const struct haproxy_server *server, pid_t pid)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX], id;
    int count;

    if (pid <= 0 || pid == server->process.pid)
        return false;
    if (proc_identify(pid, &id) == -ESRCH)
        return true;
    count = haproxy_server_workers(server, workers);
    return count > 1 && workers[count - 1].pid != pid;
}

/* Somebody may reload HAProxy at any moment (kill -USR2, as systemd's unit does it): the worker
 * stops listening just before the next one is forked. */
static void see_the_newest(const struct haproxy_server *server, struct sight *sight)
{
    struct deadline forked = deadline_min(server->context->deadline, deadline_in(FORK_MS));
    struct deadline deadline = deadline_min(server->context->deadline, deadline_in(HANDOVER_MS));

    do {
        see(server, sight);
    } while (
        !takes_connections(sight) &&
        ((sight->rc == 0 && !deadline_passed(forked)) || is_outdated(server, sight->info.pid)) &&
        deadline_pause(deadline, ASK_AGAIN_MS));
}

/* ---- what it means ---- */

/* The master is there, but the stats socket tells nothing: whose fault is it? */
static enum ocf_exit no_answer(const struct haproxy_server *server, int rc)
{
    struct proc_id workers[HAPROXY_WORKERS_MAX];
    int master = (int)server->process.pid;

    if (!haproxy_is_single(server) && haproxy_server_workers(server, workers) == 0)
        return ocf_fail(OCF_ERR_GENERIC, "HAProxy, master %d, has no worker (log: %s)", master,
                        server->log_path);
    if (!server->socket || rc == -ENOENT)
        return ocf_fail(OCF_ERR_GENERIC,
                        "stats socket %s is missing while HAProxy, master %d, runs",
                        server->socket ? server->socket : "(none)", master);
    return ocf_fail(OCF_ERR_GENERIC, "stats socket %s of HAProxy, master %d: %s", server->socket,
                    master, rc == -ETIMEDOUT ? "no answer in time" : strerror(-rc));
}

static enum ocf_exit tell(const struct haproxy_server *server, const struct sight *sight)
{
    const struct haproxy_health *health = &sight->health;
    const char *backend = server->params->backend;
    bool asks_for_servers = server->context->check_level >= 10;

    switch (sight->verdict) {
    case HAPROXY_SERVES:
    case HAPROXY_UNSURE:
        return OCF_SUCCESS;
    case HAPROXY_NO_SERVER:
        return asks_for_servers ? ocf_fail(OCF_DEGRADED, "no usable server in %s: 0 of %zu",
                                           backend ? backend : "any backend", health->servers)
                                : OCF_SUCCESS;
    case HAPROXY_NO_BACKEND:
        return asks_for_servers ? ocf_fail(OCF_DEGRADED,
                                           "backend: \"%s\" is not in the running configuration; "
                                           "expected the name of a backend or listen section",
                                           backend)
                                : OCF_SUCCESS;
    case HAPROXY_PART_CLOSED:
        return ocf_fail(OCF_DEGRADED, "%zu of %zu listeners take no connections",
                        health->frontends - health->frontends_open, health->frontends);
    case HAPROXY_CLOSED:
        return ocf_fail(OCF_ERR_GENERIC, "none of %zu listeners takes connections",
                        health->frontends);
    case HAPROXY_STOPPING:
        break;
    }
    return ocf_fail(OCF_ERR_GENERIC, "HAProxy, master %d, is stopping: it takes no connections",
                    (int)server->process.pid);
}

enum ocf_exit haproxy_look(const struct haproxy_server *server)
{
    struct sight sight;

    see_the_newest(server, &sight);
    if (sight.rc) {
        haproxy_publish(server->context, "down");
        return no_answer(server, sight.rc);
    }
    if (sight.kin == HAPROXY_STRANGER) {
        haproxy_publish(server->context, "down");
        return ocf_fail(OCF_ERR_GENERIC,
                        "stats socket %s is answered by process %d, which is not "
                        "a worker of master %d",
                        server->socket, (int)sight.info.pid, (int)server->process.pid);
    }
    haproxy_note_reload_by_hand(server, &sight.info);
    publish_verdict(server->context, sight.verdict);
    haproxy_say_currency(server);
    return tell(server, &sight);
}
