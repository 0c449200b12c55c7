// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ocf:redis-ha:haproxy, one HAProxy: checked before it starts or reloads, asked over its stats
 * socket how it is, drained before it ends.
 */
#include "haproxy_config.h"
#include "haproxy_params.h"
#include "haproxy_server.h"
#include "log.h"
#include "ocf.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

/* ---- validate-all ---- */

static enum ocf_exit validate_config_path(const struct haproxy_params *params)
{
    struct stat st;
    int rc;

    if (stat(params->config, &st) < 0)
        return ocf_fail(errno == ENOENT || errno == ENOTDIR ? OCF_ERR_INSTALLED : OCF_ERR_ARGS,
                        "config: \"%s\" cannot be read: %s; expected a file, or a folder of *.cfg",
                        params->config, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return ocf_fail(OCF_ERR_ARGS, "config: \"%s\" is neither a file nor a folder of *.cfg",
                        params->config);
    rc = params->user ? server_user_may(params->user, params->config,
                                        S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK)
                      : 0;
    if (rc)
        return ocf_fail(OCF_ERR_ARGS, "config: \"%s\" cannot be read by user %s: %s",
                        params->config, params->user, strerror(-rc));
    return OCF_SUCCESS;
}

/* 0, or -errno with *problem: HAProxy would not accept it, or it lacks a stats socket. */
static int check_content(const struct haproxy_server *server, char **problem)
{
    const struct haproxy_params *params = server->params;
    cleanup_haproxy_files struct haproxy_files files;
    cleanup_free char *socket = NULL;
    int rc = haproxy_files_list(params->config, &files);

    if (!server->binary || !file_is_program(server->binary)) {
        *problem = xasprintf("binary: \"%s\" is not a program here, so it cannot be checked",
                             server->binary ? server->binary : "haproxy");
        return -ENOENT;
    }
    if (rc == 0 && files.count == 0) {
        *problem = xasprintf("folder \"%s\" has no file that HAProxy would read; expected *.cfg",
                             params->config);
        return -EINVAL;
    }
    rc = haproxy_config_check(server->binary, params->config, server->context->deadline, problem);
    if (rc)
        return rc;
    rc = haproxy_server_socket(params, &socket);
    if (rc == -ENOENT)
        *problem = xasprintf("%s has no `stats socket /PATH` in its global section; expected one, "
                             "or stats_socket",
                             params->config);
    else if (rc)
        *problem = xasprintf("\"%s\" cannot be read: %s", params->config, strerror(-rc));
    return rc;
}

static enum ocf_exit validate_config_content(const struct haproxy_server *server)
{
    cleanup_free char *problem = NULL;

    return check_content(server, &problem) ? ocf_fail(OCF_ERR_ARGS, "config: %s", problem)
                                           : OCF_SUCCESS;
}

static enum ocf_exit validate(const struct haproxy_server *server)
{
    enum ocf_exit rc = server_check_program(server->binary, "haproxy");

    if (!rc && server->params->user)
        rc = server_check_user(server->params->user);
    if (!rc)
        rc = validate_config_path(server->params);
    return rc ? rc : validate_config_content(server);
}

static enum ocf_exit haproxy_validate(const struct ocf_context *context, const void *params)
{
    cleanup_haproxy_server struct haproxy_server server;

    haproxy_server_open(&server, context, params);
    return validate(&server);
}

/* ---- monitor ---- */

static enum ocf_exit not_running(const struct haproxy_server *server)
{
    const struct ocf_context *context = server->context;

    haproxy_publish(context, "down");
    if (context->is_probe || !server_has_record(context))
        return OCF_NOT_RUNNING;
    return ocf_fail(OCF_NOT_RUNNING, "HAProxy, master %d, ended without being stopped (log: %s)",
                    (int)server->process.pid, server->log_path);
}

/* It serves; is it what an operator has asked for? A new file that nobody has asked to load is told
 * by the deep monitor: HAProxy would take it at its next start. */
static enum ocf_exit tell_configuration(const struct haproxy_server *server)
{
    cleanup_free char *refusal = haproxy_noted_refusal(server->context);

    if (refusal)
        return ocf_fail(OCF_DEGRADED, "%s; not reloaded, what ran before goes on", refusal);
    if (server->context->check_level >= 10 && haproxy_currency(server) == HAPROXY_OUTDATED)
        return ocf_fail(OCF_DEGRADED,
                        "config: \"%s\" on disk is not what runs; a new reload_token loads it",
                        server->params->config);
    return OCF_SUCCESS;
}

static enum ocf_exit haproxy_monitor(const struct ocf_context *context, const void *params)
{
    cleanup_haproxy_server struct haproxy_server server;
    cleanup_free char *problem = NULL;
    enum ocf_exit rc;

    haproxy_server_open(&server, context, params);
    switch (haproxy_find(&server, &problem)) {
    case PROC_GONE:
        return not_running(&server);
    case PROC_UNKNOWN:
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    case PROC_ALIVE:
        break;
    }
    server_log_trim(server.log_path);
    rc = haproxy_look(&server);
    return rc ? rc : tell_configuration(&server);
}

/* ---- start ---- */

/* Debian's /run/haproxy, for one, is made by systemd's unit alone. Elsewhere than below /run a
 * missing folder is a mistake, which HAProxy names. */
static enum ocf_exit make_socket_folder(const struct haproxy_server *server)
{
    const struct passwd *pw = server->params->user ? getpwnam(server->params->user) : NULL;
    cleanup_free char *folder = xstrdup(server->socket);
    int rc = 0;

    *strrchr(folder, '/') = '\0';
    if ((!str_starts(folder, "/run/") && !str_starts(folder, "/var/run/")) ||
        access(folder, F_OK) == 0)
        return OCF_SUCCESS;
    rc = dir_make(folder, 0755);
    if (!rc && pw && lchown(folder, pw->pw_uid, pw->pw_gid) < 0)
        rc = -errno;
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "stats_socket: folder %s could not be made: %s", folder,
                        strerror(-rc));
    log_notice("made %s for the stats socket", folder);
    return OCF_SUCCESS;
}

static enum ocf_exit start_anew(struct haproxy_server *server)
{
    enum ocf_exit rc;

    free(steal_pointer(&server->socket));
    (void)haproxy_server_socket(server->params, &server->socket); /* validate() found one */
    rc = haproxy_end_orphan(server);
    if (!rc)
        rc = make_socket_folder(server);
    if (!rc)
        rc = haproxy_launch(server);
    return rc ? rc : haproxy_look(server);
}

static enum ocf_exit haproxy_start(const struct ocf_context *context, const void *params)
{
    cleanup_haproxy_server struct haproxy_server server;
    cleanup_free char *problem = NULL;
    enum ocf_exit rc;

    haproxy_server_open(&server, context, params);
    switch (haproxy_find(&server, &problem)) {
    case PROC_ALIVE:
        return haproxy_look(&server);
    case PROC_UNKNOWN:
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    case PROC_GONE:
        break;
    }
    rc = validate(&server);
    return rc ? rc : start_anew(&server);
}

/* ---- reload-agent ---- */

/* A success for Pacemaker, and told by the monitor, as lib/ocf.c does it with a bad value. */
static enum ocf_exit refuse(const struct haproxy_server *server, const char *why)
{
    haproxy_note_refusal(server, why);
    return ocf_fail(OCF_SUCCESS, "not reloaded, the running configuration stays: %s", why);
}

static enum ocf_exit haproxy_reload(const struct ocf_context *context, const void *params)
{
    cleanup_haproxy_server struct haproxy_server server;
    cleanup_free char *problem = NULL;
    int rc;

    haproxy_server_open(&server, context, params);
    if (haproxy_find(&server, &problem) != PROC_ALIVE)
        return ocf_fail(OCF_ERR_GENERIC, "HAProxy cannot be reloaded: %s",
                        problem ? problem : "it does not run");
    if (haproxy_token_is_noted(&server)) {
        haproxy_note_refusal(&server, NULL); /* the wish that could not be met was taken back */
        return OCF_SUCCESS;
    }
    rc = check_content(&server, &problem);
    if (!rc)
        rc = haproxy_reload_worker(&server, &problem);
    if (rc == -ESRCH)
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    return rc ? refuse(&server, problem) : OCF_SUCCESS;
}

/* ---- stop ---- */

static enum ocf_exit end(struct haproxy_server *server)
{
    cleanup_free char *problem = NULL;
    struct proc_id id;
    enum ocf_exit rc;

    switch (haproxy_find(server, &problem)) {
    case PROC_ALIVE:
        haproxy_publish(server->context, "draining");
        return haproxy_end(server);
    case PROC_UNKNOWN:
        if (server_recorded(server->context, &id) == PROC_UNKNOWN)
            return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
        log_notice("%s; it is left alone", problem);
        break;
    case PROC_GONE:
        break;
    }
    rc = haproxy_end_orphan(server);
    if (!rc)
        haproxy_forget(server);
    return rc;
}

static enum ocf_exit haproxy_stop(const struct ocf_context *context, const void *params)
{
    cleanup_haproxy_server struct haproxy_server server;
    enum ocf_exit rc;

    haproxy_server_open(&server, context, params);
    rc = end(&server);
    if (!rc)
        haproxy_publish(context, "down");
    return rc;
}

/* ---- the tables ---- */

static const struct ocf_action haproxy_actions[] = {
    {.name = "start", .run = haproxy_start, .needs_valid_params = true, .timeout_s = 20},
    {.name = "stop", .run = haproxy_stop, .timeout_s = 30},
    {.name = "monitor", .run = haproxy_monitor, .timeout_s = 20, .interval_s = 2},
    {.name = "monitor", .timeout_s = 20, .interval_s = 10, .depth = 10},
    {.name = "reload-agent", .run = haproxy_reload, .timeout_s = 20},
    {.name = "validate-all", .run = haproxy_validate, .needs_valid_params = true, .timeout_s = 10},
    {.name = NULL},
};

static const struct ocf_agent haproxy_agent = {
    .name = "haproxy",
    .shortdesc = "HAProxy with checked reloads and drained stops",
    .longdesc = "Manages an HAProxy, as a clone with one on every node or plain. The configuration "
                "is checked by HAProxy before each start and reload; a bad one leaves what runs as "
                "it is. Health is asked over the stats socket and published as the node attribute "
                "<resource>-status. A stop lets open sessions end first. An HAProxy that runs "
                "already is adopted.",
    .params = haproxy_param_table,
    .params_size = sizeof(struct haproxy_params),
    .actions = haproxy_actions,
};

int main(int argc, char **argv)
{
    return ocf_main(&haproxy_agent, argc, argv);
}
