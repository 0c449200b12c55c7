// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ocf:redis-ha:sentinel, one Redis Sentinel a node: started with a file of its own, told whom to
 * watch, asked what it sees, told again when Pacemaker has promoted another server.
 */
#include "attributes.h"
#include "log.h"
#include "ocf.h"
#include "sentinel_feed.h"
#include "sentinel_file.h"
#include "sentinel_params.h"
#include "sentinel_primary.h"
#include "sentinel_server.h"
#include "sentinel_tell.h"
#include "sentinel_view.h"
#include "server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"

/* ---- what the cluster is told ---- */

/* Where a sentinel-feed does, that is all. */
static void publish(void *data, const char *suffix, const char *value)
{
    const struct sentinel_server *server = data;
    cleanup_free char *name = xasprintf("%s-%s", server->context->instance, suffix);

    if (server->fed)
        attribute_forget(server->context, name);
    else
        attribute_publish(server->context, name, value);
}

static void publish_view(struct sentinel_server *server, const struct sentinel_view *view)
{
    sentinel_view_attributes(view, publish, server);
}

/* ---- validate-all ---- */

static enum ocf_exit validate_words(const struct sentinel_params *params)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    if (params->master_name[strspn(params->master_name, NAME_CHARS)] != '\0')
        return ocf_fail(OCF_ERR_CONFIGURED,
                        "master_name: \"%s\"; expected letters, digits and .-_ only",
                        params->master_name);
    if (params->address && inet_pton(AF_INET, params->address, bytes) != 1 &&
        inet_pton(AF_INET6, params->address, bytes) != 1)
        return ocf_fail(OCF_ERR_CONFIGURED,
                        "address: \"%s\"; expected an IP address, since Sentinel takes no names",
                        params->address);
    return OCF_SUCCESS;
}

static enum ocf_exit validate(const struct sentinel_server *server)
{
    enum ocf_exit rc = validate_words(server->params);

    if (!rc)
        rc = server_check_program(server->binary, "redis-sentinel or valkey-sentinel");
    if (!rc)
        rc = server_check_user(server_user(server->params->user));
    if (!rc && server->auth_problem)
        rc = ocf_fail(server->auth_error == -ENOENT ? OCF_ERR_INSTALLED : OCF_ERR_ARGS,
                      "auth_file: %s", server->auth_problem);
    if (!rc && server->params->config && !sentinel_has_file(server))
        rc = sentinel_check_config(server->params);
    return rc;
}

static enum ocf_exit sentinel_validate(const struct ocf_context *context, const void *params)
{
    cleanup_sentinel_server struct sentinel_server server;

    sentinel_server_open(&server, context, params);
    return validate(&server);
}

/* ---- whom it watches ---- */

/* It watches nobody under our name yet. With no primary to be found it gets this node's own Redis,
 * so that it runs; the next monitor that finds a primary puts that right. */
static int begin_to_watch(const struct sentinel_server *server, struct redis_client *client,
                          char **problem)
{
    struct peer primary;
    enum primary_answer answer = sentinel_ask_all(server, &primary);

    if (answer != PRIMARY_ONE && !sentinel_obeys_pacemaker(server)) {
        log_warning("Sentinel watches nobody yet: %s, and with authority=sentinel none is chosen "
                    "for it",
                    answer == PRIMARY_NONE ? "no Redis is a primary"
                                           : "more than one Redis is a primary");
        return 0;
    }
    if (answer != PRIMARY_ONE) {
        sentinel_local_redis(server, &primary);
        log_notice("%s answers as primary; Sentinel begins with %s:%d",
                   answer == PRIMARY_NONE ? "no Redis" : "more than one Redis", primary.host,
                   primary.port);
    }
    return sentinel_watch(server, client, &primary, problem);
}

/* A cheap sign that Sentinel names the wrong server: this node's Redis says otherwise, or Sentinel
 * itself finds no primary there. */
static bool is_suspect(const struct sentinel_server *server, const struct sentinel_view *view)
{
    struct peer said;

    if (view->is_sdown || view->reports_replica)
        return true;
    return sentinel_ask_local(server, &said) &&
           !(str_eq(said.host, view->host) && said.port == view->port);
}

/* Only one primary that all agree on is a reason to tell Sentinel something else: of two, Pacemaker
 * will demote one. Whether it was told. */
static bool correct(const struct sentinel_server *server, struct redis_client *client,
                    const struct sentinel_view *view)
{
    cleanup_free char *problem = NULL;
    struct peer primary;

    if (!view->watches) {
        if (begin_to_watch(server, client, &problem))
            log_warning("Sentinel could not be told whom to watch: %s", problem);
        return true;
    }
    if (!sentinel_obeys_pacemaker(server) || !is_suspect(server, view) ||
        sentinel_ask_all(server, &primary) != PRIMARY_ONE ||
        (str_eq(primary.host, view->host) && primary.port == view->port))
        return false;
    if (sentinel_switch(server, client, view, &primary, &problem))
        log_warning("Sentinel names %s:%d and could not be told of the primary %s:%d: %s",
                    view->host, view->port, primary.host, primary.port, problem);
    else
        log_notice("Sentinel named %s:%d and was told of the primary %s:%d", view->host, view->port,
                   primary.host, primary.port);
    return true;
}

/* ---- monitor ---- */

static enum ocf_exit not_running(struct sentinel_server *server)
{
    const struct ocf_context *context = server->context;

    publish_view(server, NULL);
    if (context->is_probe || !server_has_record(context))
        return OCF_NOT_RUNNING;
    return ocf_fail(OCF_NOT_RUNNING, "Sentinel, pid %d, ended without being stopped (log: %s)",
                    (int)server->process.pid, server->log_path);
}

static enum ocf_exit no_answer(struct sentinel_server *server, int rc, const char *problem)
{
    publish(server, "status", "unreachable");
    if (rc == -EUSERS)
        return ocf_fail(OCF_DEGRADED, "Sentinel runs, but has no connection left: %s", problem);
    if (rc == -EACCES || rc == -EREMOTEIO)
        return ocf_fail(OCF_DEGRADED,
                        "Sentinel runs, but does not let the agent in: %s; expected "
                        "sentinel_username and sentinel_password of auth_file to be its own",
                        problem);
    return ocf_fail(OCF_ERR_GENERIC, "Sentinel, pid %d, gives no answer on %s:%d: %s",
                    (int)server->process.pid, server->host, (int)server->params->port, problem);
}

static int ask(const struct sentinel_server *server, struct redis_client *client,
               struct sentinel_view *view, char **problem)
{
    struct deadline deadline = deadline_in(SERVER_ANSWER_MS);

    return sentinel_view_ask(client, server->params->master_name,
                             deadline_min(server->context->deadline, deadline), view, problem);
}

/* Opens the connection, looks, corrects, looks again where that changed something. */
static int look(const struct sentinel_server *server, struct sentinel_view *view, char **problem)
{
    cleanup_redis_client struct redis_client *client = NULL;
    int rc = sentinel_connect(server, &client, problem);

    if (!rc)
        rc = ask(server, client, view, problem);
    if (!rc) {
        bool applied = sentinel_keep_applied(server, client, view);

        if (correct(server, client, view) || applied)
            rc = ask(server, client, view, problem);
    }
    return rc;
}

static enum ocf_exit judge(struct sentinel_server *server, const struct sentinel_view *view)
{
    publish_view(server, view);
    if (server->context->check_level >= 10 && !view->has_quorum)
        return ocf_fail(OCF_DEGRADED, "Sentinel cannot reach its quorum: %s", view->quorum_words);
    if (view->promotable.priority && !server->context->is_probe &&
        sentinel_must_obey_pacemaker(server))
        return ocf_fail(OCF_DEGRADED,
                        "Sentinel still lists replica-priority %d for %s:%d: it could promote it; "
                        "waiting for its next INFO (up to 10 s)",
                        view->promotable.priority, view->promotable.host, view->promotable.port);
    return OCF_SUCCESS;
}

static enum ocf_exit sentinel_monitor(const struct ocf_context *context, const void *params)
{
    cleanup_sentinel_server struct sentinel_server server;
    cleanup_free char *problem = NULL;
    struct sentinel_view view;
    int rc;

    sentinel_server_open(&server, context, params);
    (void)sentinel_feed_look(&server);
    switch (sentinel_find(&server, &problem)) {
    case PROC_GONE:
        sentinel_feed_end(&server); /* no stop may follow */
        return not_running(&server);
    case PROC_UNKNOWN:
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    case PROC_ALIVE:
        break;
    }
    server_log_trim(server.log_path);
    if (!context->is_probe && context->params_valid)
        sentinel_feed_keep(&server);
    rc = look(&server, &view, &problem);
    return rc ? no_answer(&server, rc, problem) : judge(&server, &view);
}

/* ---- start ---- */

static int set_up(const struct sentinel_server *server, struct sentinel_view *view, char **problem)
{
    cleanup_redis_client struct redis_client *client = NULL;
    int rc = sentinel_connect(server, &client, problem);

    if (!rc)
        rc = sentinel_await_failover(server, client, view, problem);
    if (!rc)
        rc = view->watches ? sentinel_apply(server, client, view, problem)
                           : begin_to_watch(server, client, problem);
    return rc;
}

static enum ocf_exit launch(struct sentinel_server *server)
{
    cleanup_free char *problem = NULL;
    struct sentinel_view view;
    enum ocf_exit rc = sentinel_make_file(server);

    if (!rc)
        rc = sentinel_launch(server);
    if (rc)
        return rc;
    if (set_up(server, &view, &problem) == 0 && look(server, &view, &problem) == 0) {
        sentinel_feed_keep(server);
        publish_view(server, &view);
        return OCF_SUCCESS;
    }
    (void)sentinel_end(server);
    return ocf_fail(OCF_ERR_GENERIC, "Sentinel was started, but could not be set up: %s", problem);
}

/* The file of a first start that failed would count before a `config` that is given next. */
static enum ocf_exit start_anew(struct sentinel_server *server)
{
    bool is_first = !sentinel_has_file(server);
    enum ocf_exit rc = launch(server);

    if (rc && is_first)
        (void)file_remove(server->conf_path);
    return rc;
}

static enum ocf_exit sentinel_start(const struct ocf_context *context, const void *params)
{
    cleanup_sentinel_server struct sentinel_server server;
    cleanup_free char *problem = NULL;
    struct sentinel_view view;
    enum ocf_exit rc;

    sentinel_server_open(&server, context, params);
    rc = validate(&server);
    if (rc)
        return rc;
    switch (sentinel_find(&server, &problem)) {
    case PROC_GONE:
        return start_anew(&server);
    case PROC_UNKNOWN:
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    case PROC_ALIVE:
        break;
    }
    if (look(&server, &view, &problem))
        return ocf_fail(OCF_ERR_GENERIC, "Sentinel runs already, but gives no answer: %s", problem);
    sentinel_feed_keep(&server);
    publish_view(&server, &view);
    return OCF_SUCCESS;
}

/* ---- reload-agent ---- */

static enum ocf_exit sentinel_reload(const struct ocf_context *context, const void *params)
{
    cleanup_sentinel_server struct sentinel_server server;
    cleanup_free char *problem = NULL;
    struct sentinel_view view;

    sentinel_server_open(&server, context, params);
    if (sentinel_find(&server, &problem) != PROC_ALIVE)
        return ocf_fail(OCF_ERR_GENERIC, "Sentinel cannot be set anew: %s",
                        problem ? problem : "it does not run");
    if (set_up(&server, &view, &problem))
        return ocf_fail(OCF_ERR_GENERIC, "Sentinel cannot be set anew: %s", problem);
    return OCF_SUCCESS;
}

/* ---- stop ---- */

static enum ocf_exit end(struct sentinel_server *server)
{
    struct proc_id id;
    cleanup_free char *problem = NULL;

    switch (sentinel_find(server, &problem)) {
    case PROC_ALIVE:
        return sentinel_end(server);
    case PROC_UNKNOWN:
        if (server_recorded(server->context, &id) == PROC_UNKNOWN)
            return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
        log_notice("%s; it is left alone", problem);
        break;
    case PROC_GONE:
        break;
    }
    server_forget(server->context);
    return OCF_SUCCESS;
}

static enum ocf_exit sentinel_stop(const struct ocf_context *context, const void *params)
{
    cleanup_sentinel_server struct sentinel_server server;
    enum ocf_exit rc;

    sentinel_server_open(&server, context, params);
    sentinel_feed_end(&server);
    rc = end(&server);
    if (!rc)
        publish_view(&server, NULL);
    return rc;
}

/* ---- the tables ---- */

static const struct ocf_action sentinel_actions[] = {
    {.name = "start", .run = sentinel_start, .needs_valid_params = true, .timeout_s = 20},
    {.name = "stop", .run = sentinel_stop, .timeout_s = 20},
    {.name = "monitor", .run = sentinel_monitor, .timeout_s = 20, .interval_s = 5},
    {.name = "monitor", .timeout_s = 20, .interval_s = 15, .depth = 10},
    {.name = "reload-agent", .run = sentinel_reload, .timeout_s = 20},
    {.name = "validate-all", .run = sentinel_validate, .needs_valid_params = true, .timeout_s = 10},
    {.name = NULL},
};

static const struct ocf_agent sentinel_agent = {
    .name = "sentinel",
    .shortdesc = "Redis Sentinel beside Pacemaker",
    .longdesc = "Manages a Redis (or Valkey) Sentinel, as an anonymous clone with one on every "
                "node. It watches the primary of an ocf:redis-ha:redis resource, and is told "
                "when Pacemaker has promoted another server. A Sentinel that runs already is "
                "adopted. Its state is published as the node attributes <resource>-status, "
                "<resource>-master and <resource>-sentinels.",
    .params = sentinel_param_table,
    .params_size = sizeof(struct sentinel_params),
    .actions = sentinel_actions,
};

int main(int argc, char **argv)
{
    return ocf_main(&sentinel_agent, argc, argv);
}
