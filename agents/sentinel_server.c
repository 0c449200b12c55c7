// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentinel's process. It runs in the foreground of a session of its own, so that its identity is
 * known from the start and what it says before it opens its log is kept.
 */
#include "sentinel_server.h"

#include "log.h"
#include "redis_conf.h"
#include "redis_info.h"
#include "sentinel_file.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define LOOPBACK    "127.0.0.1"
#define PROGRAMS    "redis-sentinel or valkey-sentinel"
#define FILES_MAX   10032 /* Redis's maxclients of 10000 and the 32 that it keeps for itself */
#define POLL_MS     20
#define SETTLED_MS  500
#define TERM_MS     3000 /* Sentinel has nothing to save: it ends within its timer of 100 ms */
#define KILL_MARGIN 1000

static const char *const programs[] = {
    "/usr/bin/redis-sentinel",
    "/usr/sbin/redis-sentinel",
    "/usr/local/bin/redis-sentinel",
    "/usr/bin/valkey-sentinel",
    "/usr/sbin/valkey-sentinel",
    "/usr/local/bin/valkey-sentinel",
    NULL,
};

/* Loopback where its file lets it listen there; else the first address that the file names. */
static void find_host(struct sentinel_server *server)
{
    const struct sentinel_params *params = server->params;
    const char *path = sentinel_has_file(server) ? server->conf_path : params->config;
    const char *host = LOOPBACK;
    cleanup_redis_conf struct redis_conf *conf = NULL;
    cleanup_free char *problem = NULL;

    if (path && redis_conf_read(path, &conf, &problem) == 0 &&
        redis_conf_bind(conf, LOOPBACK) == REDIS_BIND_MISSING) {
        host = redis_conf_word(conf, "bind", redis_conf_count(conf, "bind") - 1, 0);
        host = host ? host + (host[0] == '-') : LOOPBACK;
    }
    snprintf(server->host, sizeof(server->host), "%s", host);
}

void sentinel_server_open(struct sentinel_server *server, const struct ocf_context *context,
                          const struct sentinel_params *params)
{
    *server = (struct sentinel_server){.context = context, .params = params};
    server->binary = params->binary ? params->binary : server_find_program(programs);
    server->data_dir = xasprintf("%s/data", context->state_dir);
    server->conf_path = xasprintf("%s/sentinel.conf", server->data_dir);
    server->log_path = xasprintf("%s/sentinel.log", context->state_dir);
    if (params->auth_file)
        server->auth_error =
            credentials_read(params->auth_file, &server->credentials, &server->auth_problem);
    find_host(server);
}

void sentinel_server_close(struct sentinel_server *server)
{
    credentials_clear(&server->credentials);
    free(server->auth_problem);
    free(server->data_dir);
    free(server->conf_path);
    free(server->log_path);
}

bool sentinel_has_file(const struct sentinel_server *server)
{
    return access(server->conf_path, F_OK) == 0;
}

struct redis_endpoint sentinel_endpoint(const struct sentinel_server *server)
{
    return (struct redis_endpoint){
        .host = server->host,
        .port = (int)server->params->port,
        .username = server->credentials.sentinel_username,
        .password = server->credentials.sentinel_password,
    };
}

int sentinel_connect(const struct sentinel_server *server, struct redis_client **client,
                     char **problem)
{
    const struct redis_endpoint endpoint = sentinel_endpoint(server);

    return redis_client_open(&endpoint,
                             deadline_min(server->context->deadline, deadline_in(SERVER_ANSWER_MS)),
                             client, problem);
}

static bool watches_our_master(struct redis_client *client, const struct sentinel_server *server)
{
    const char *const ask[] = {"SENTINEL", "MASTER", server->params->master_name};
    struct redis_list list = {0};
    int rc = redis_ask_list(client, deadline_in(SERVER_ANSWER_MS), &list, ARRAY_SIZE(ask), ask);

    redis_list_free(&list);
    return rc == 0;
}

/* NULL: it is this resource's Sentinel. Else what is wrong with it, for the log. */
static const char *stranger(struct redis_client *client, const struct redis_info *info,
                            const struct sentinel_server *server)
{
    if (!info->is_sentinel)
        return "it is no Sentinel";
    if (!server->binary || !proc_runs(&server->process, server->binary))
        return "it runs another program than binary";
    if (server_is_claimed(server->context, &server->process))
        return "it belongs to another resource";
    if (!watches_our_master(client, server))
        return "it does not watch master_name";
    return NULL;
}

static enum proc_state adopt(struct redis_client *client, struct sentinel_server *server,
                             const char *text)
{
    struct redis_info info;
    const char *why = "its process is not on this node";

    if (redis_info_parse(text, strlen(text), &info) < 0)
        return PROC_GONE;
    if (info.process_id > 0 && proc_identify(info.process_id, &server->process) == 0)
        why = stranger(client, &info, server);
    if (why) {
        log_notice("port %d is answered by process %d, which is not ours: %s",
                   (int)server->params->port, (int)info.process_id, why);
        return PROC_GONE;
    }
    if (server_record(server->context, &server->process) == 0)
        log_notice("adopted the running Sentinel, pid %d", (int)server->process.pid);
    return PROC_ALIVE;
}

/* The sockets of a process that was killed last some milliseconds longer than it. */
static int connect_settled(const struct sentinel_server *server, struct redis_client **client,
                           char **why)
{
    struct deadline settled = deadline_min(server->context->deadline, deadline_in(SETTLED_MS));
    int rc;

    while ((rc = sentinel_connect(server, client, why)) == -ECONNRESET &&
           deadline_pause(settled, POLL_MS)) {
        free(*why);
        *why = NULL;
    }
    return rc;
}

/* Nothing of ours is known to run: does our Sentinel answer nevertheless? */
static enum proc_state look_at_port(struct sentinel_server *server, char **problem)
{
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *why = NULL;
    cleanup_free char *text = NULL;
    int rc = connect_settled(server, &client, &why);

    if (rc == 0)
        rc = redis_ask_words(client, deadline_in(SERVER_ANSWER_MS), &text, "INFO", NULL);
    if (rc == 0 && text)
        return adopt(client, server, text);
    if (rc == -ECONNREFUSED || rc == -EPROTO)
        return PROC_GONE;
    *problem = xasprintf("port %d of %s is answered, but not as our Sentinel would: %s",
                         (int)server->params->port, server->host,
                         why                          ? why
                         : client && rc == -EREMOTEIO ? redis_client_error_text(client)
                                                      : strerror(-rc));
    return PROC_UNKNOWN;
}

enum proc_state sentinel_find(struct sentinel_server *server, char **problem)
{
    switch (server_recorded(server->context, &server->process)) {
    case PROC_ALIVE:
        return PROC_ALIVE;
    case PROC_GONE:
        /* A default port in the place of a bad one may be somebody else's. */
        return server->context->params_name_server ? look_at_port(server, problem) : PROC_GONE;
    case PROC_UNKNOWN:
        break;
    }
    *problem =
        xasprintf("whether process %d still runs could not be found out", (int)server->process.pid);
    return PROC_UNKNOWN;
}

/* It is our process that answers, not another one that has the port. One that does not let us in
 * cannot be asked; the next monitor tells that. */
static bool is_answered_by_us(const struct sentinel_server *server)
{
    cleanup_redis_client struct redis_client *client = NULL;
    cleanup_free char *problem = NULL;
    cleanup_free char *text = NULL;
    struct redis_info info;
    int rc = sentinel_connect(server, &client, &problem);

    if (rc == 0)
        rc = redis_ask_words(client, server->context->deadline, &text, "INFO", "server", NULL);
    if (rc == -EREMOTEIO || redis_client_was_refused(rc))
        return true;
    return rc == 0 && text && redis_info_parse(text, strlen(text), &info) == 0 &&
           info.process_id == server->process.pid;
}

/* 0: it answers. -ESRCH: it ended. -ETIMEDOUT. */
static int wait_for_answer(const struct sentinel_server *server)
{
    do {
        bool answered = is_answered_by_us(server);

        if (proc_check(&server->process) == PROC_GONE)
            return -ESRCH;
        if (answered)
            return 0;
    } while (deadline_pause(server->context->deadline, POLL_MS));
    return -ETIMEDOUT;
}

static enum ocf_exit launch_failed(const struct sentinel_server *server, off_t from, int rc)
{
    cleanup_free char *said = server_log_since(server->log_path, from);
    cleanup_free char *reason = NULL;
    bool is_config = sentinel_log_reason(said, &reason);

    if (rc == -ESRCH)
        return ocf_fail(is_config ? OCF_ERR_ARGS : OCF_ERR_GENERIC,
                        "Sentinel ended at once: %s (log: %s)", reason ? reason : "no reason given",
                        server->log_path);
    (void)proc_end(&server->process, SIGTERM, KILL_MARGIN / 2, deadline_in(KILL_MARGIN));
    return ocf_fail(OCF_ERR_GENERIC, "Sentinel was started, but gave no answer on %s:%d in time",
                    server->host, (int)server->params->port);
}

enum ocf_exit sentinel_launch(struct sentinel_server *server)
{
    cleanup_free char *port = xasprintf("%d", (int)server->params->port);
    const char *const argv[] = {server->binary, server->conf_path, "--port", port, "--daemonize",
                                "no",           "--supervised",    "no",     NULL};
    const struct proc_spec spec = {
        .argv = argv,
        .user = server_user(server->params->user),
        .dir = server->data_dir,
        .log_path = server->log_path,
        .nofile = FILES_MAX,
    };
    off_t from = server_log_end(server->log_path);
    mode_t mask = umask(0077); /* Sentinel writes its file anew, with our file mode mask */
    int rc = proc_start(&spec, &server->process);

    umask(mask);
    if (rc == -ESRCH) /* before it could be noted */
        return launch_failed(server, from, rc);
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "%s could not be started: %s", server->binary,
                        strerror(-rc));
    rc = server_record(server->context, &server->process);
    if (rc)
        log_warning("the process could not be recorded: %s", strerror(-rc));
    find_host(server);
    rc = wait_for_answer(server);
    if (rc == 0)
        return OCF_SUCCESS;
    server_forget(server->context);
    return launch_failed(server, from, rc);
}

enum ocf_exit sentinel_end(const struct sentinel_server *server)
{
    struct deadline deadline = server->context->deadline;
    int64_t left = deadline_left_ms(deadline) - KILL_MARGIN;
    int64_t grace = left < 0 ? 0 : left < TERM_MS ? left : TERM_MS;
    int rc = proc_end(&server->process, SIGTERM, grace, deadline);

    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "Sentinel, pid %d, could not be ended: %s",
                        (int)server->process.pid, strerror(-rc));
    server_forget(server->context);
    return OCF_SUCCESS;
}
