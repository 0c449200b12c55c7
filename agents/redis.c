// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ocf:redis-ha:redis - a promotable Redis (or Valkey) server. One short function an action, in the
 * order of a server's life. Each looks first, says what is certain, acts, and confirms.
 */
#include "attributes.h"
#include "log.h"
#include "ocf.h"
#include "redis_change.h"
#include "redis_companion.h"
#include "redis_look.h"
#include "redis_report.h"
#include "redis_server.h"
#include "redis_start.h"
#include "redis_watched.h"
#include <string.h>

#define DRAIN_MS     3000 /* how long a planned demotion waits for its replicas */
#define PROMOTE_MS   5000
#define HUNG_LOOK_MS 100 /* at a server that is known to hang: it may have woken */

static struct deadline answer_deadline(const struct redis_server *server)
{
    return deadline_min(server->context->deadline, deadline_in(server->params->down_after_ms));
}

/* The server cannot be used, though it may be there. */
static enum ocf_exit unusable(const struct redis_server *server, const struct redis_view *view,
                              const char *action)
{
    return ocf_fail(OCF_ERR_GENERIC, "%s is not possible: the server on port %d is %s%s%s", action,
                    server->port, redis_state_name(view->state), view->problem ? ": " : "",
                    view->problem ? view->problem : "");
}

static enum ocf_exit redis_validate_all(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};
    cleanup_free char *problem = NULL;

    redis_server_open(&server, context, params);
    if (redis_server_locate(&server, &problem))
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    return redis_server_validate(&server);
}

static enum ocf_exit redis_start(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};
    cleanup_redis_view struct redis_view view = {0};
    struct companion_word word = {.state = COMPANION_STATE_NONE};
    cleanup_free char *problem = NULL;
    enum ocf_exit rc;
    int error;

    redis_server_open(&server, context, params);
    if (redis_server_locate(&server, &problem))
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    rc = redis_server_validate(&server);
    if (rc)
        return rc;
    error = redis_server_note(&server);
    if (error)
        return ocf_fail(OCF_ERR_GENERIC, "the server's address could not be noted in %s: %s",
                        context->run_dir, strerror(-error));

    redis_look(&server, answer_deadline(&server), &view);
    if (redis_state_is_alive(view.state)) {
        log_info("the server already runs, pid %d", (int)view.process.pid);
    } else if (view.state == REDIS_STOPPED) {
        (void)redis_server_note_promoted(&server, false);
        rc = redis_launch(&server, context->deadline, &view);
    } else {
        rc = unusable(&server, &view, "start");
    }
    if (!rc && redis_server_is_watched(&server))
        companion_keep(&server, &word);
    if (!rc && word.state == COMPANION_STATE_NONE)
        redis_report(&server, &view);
    return rc;
}

/* The end of a hung server needs time too, whatever down_after is. */
static struct deadline stop_look_deadline(const struct ocf_context *context)
{
    return deadline_in(deadline_left_ms(context->deadline) / 3);
}

/* Without valid parameters we may look at somebody else's address: what is recorded counts then. */
static bool is_known_stopped(const struct redis_server *server, const struct redis_view *view)
{
    if (view->recorded == PROC_UNKNOWN)
        return false;
    return view->state == REDIS_STOPPED || view->state == REDIS_FOREIGN ||
           !(server->conf && server->context->params_name_server);
}

static enum ocf_exit redis_stop(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};
    cleanup_redis_view struct redis_view view = {0};
    cleanup_free char *problem = NULL;

    redis_server_open(&server, context, params);
    redis_look(&server, deadline_min(answer_deadline(&server), stop_look_deadline(context)), &view);
    if (view.has_process && redis_server_is_watched(&server))
        companion_announce_stop(&server);
    if (view.has_process && redis_end(&server, &view, context->deadline, &problem) < 0)
        return ocf_fail(OCF_ERR_GENERIC, "stop: %s", problem);
    if (!view.has_process && !is_known_stopped(&server, &view))
        return ocf_fail(OCF_ERR_GENERIC,
                        "stop: it could not be found out whether the server runs: %s",
                        view.problem ? view.problem : "no answer");

    /* From here the server is not running. */
    (void)file_remove(server.process_path);
    (void)redis_server_note_promoted(&server, false);
    if (redis_server_is_watched(&server) && companion_end(&server, context->deadline) < 0)
        log_warning("redis-watch could not be ended");
    redis_report_stopped(&server);
    return OCF_SUCCESS;
}

static void note_again(struct redis_server *server)
{
    cleanup_free char *problem = NULL;
    int rc = redis_server_locate(server, &problem);

    if (!rc)
        rc = redis_server_note(server);
    if (rc)
        log_warning("address and peers could not be noted: %s", problem ? problem : strerror(-rc));
}

static enum ocf_exit redis_monitor(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};
    cleanup_redis_view struct redis_view view = {0};

    redis_server_open(&server, context, params);
    redis_look(&server, answer_deadline(&server), &view);
    if (redis_state_is_alive(view.state) && context->params_name_server && server.conf &&
        !redis_server_is_noted(&server)) { /* it was adopted */
        note_again(&server);
        redis_set_replication_credentials(&server, &view, context->deadline);
    }
    if (redis_server_is_watched(&server))
        return redis_watched_monitor(&server, &view);
    redis_report(&server, &view);
    return redis_judge(&server, &view, &(struct companion_word){.state = COMPANION_STATE_NONE});
}

/* The watch has a connection of its own. */
static bool is_open_to_its_watch(const struct redis_server *server, const struct redis_view *view)
{
    return view->state == REDIS_FULL && redis_server_is_watched(server);
}

static enum ocf_exit redis_promote(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};
    cleanup_redis_view struct redis_view view = {0};
    cleanup_free char *problem = NULL;

    redis_server_open(&server, context, params);
    redis_look(&server, answer_deadline(&server), &view);
    if (view.state != REDIS_REPLICA && view.state != REDIS_PRIMARY &&
        !is_open_to_its_watch(&server, &view))
        return unusable(&server, &view, "promote");
    if (redis_server_is_watched(&server)) {
        if (companion_order(&server, "promote", &problem) != COMPANION_DONE)
            return ocf_fail(OCF_ERR_GENERIC, "promote is refused: %s", problem);
    } else if (view.state == REDIS_REPLICA) {
        if (redis_lead(&view, deadline_min(context->deadline, deadline_in(PROMOTE_MS)), &problem))
            return ocf_fail(OCF_ERR_GENERIC, "promote: %s", problem);
        log_notice("promoted at offset %lld of %s", (long long)view.info.offset, view.info.replid);
    }
    if (redis_server_note_promoted(&server, true) < 0)
        log_warning("%s could not be written; a crash will look like a clean stop",
                    server.role_path);
    if (!redis_server_is_watched(&server))
        redis_report(&server, &view);
    return OCF_SUCCESS;
}

/* Everything that was acknowledged reaches the replicas before the role goes. */
static enum ocf_exit demote_primary(const struct redis_server *server, struct redis_view *view)
{
    struct deadline deadline = server->context->deadline;
    cleanup_free char *problem = NULL;

    if (redis_drain(view, deadline_min(deadline, deadline_in(DRAIN_MS)), &problem) < 0) {
        log_warning("demote: %s; going on", problem);
        free(steal_pointer(&problem));
    }
    if (redis_detach(view, deadline, &problem) < 0)
        return ocf_fail(OCF_ERR_GENERIC, "demote: %s", problem);
    redis_drop_clients(view, deadline);
    redis_unpause(view, deadline);
    return OCF_SUCCESS;
}

static enum ocf_exit demote_alone(const struct redis_server *server, struct redis_view *view)
{
    if (view->state == REDIS_PRIMARY)
        return demote_primary(server, view);
    if (view->state == REDIS_REPLICA ||
        (view->state == REDIS_LOADING && !redis_view_is_loading_primary(view)))
        return OCF_SUCCESS;
    return unusable(server, view, "demote");
}

static enum ocf_exit demote_by_watch(const struct redis_server *server, struct redis_view *view)
{
    cleanup_free char *reason = NULL;
    struct companion_word word;

    switch (companion_order(server, "demote", &reason)) {
    case COMPANION_DONE:
        return OCF_SUCCESS;
    case COMPANION_REFUSED:
        companion_word_get(server, &word);
        if (companion_says_hung(&word)) /* it has come to be so meanwhile */
            return redis_replace_hung(server, &word, view);
        break;
    case COMPANION_ABSENT: /* a primary without a watch must go all the more */
        log_warning("demote: %s; going on without it", reason);
        return demote_alone(server, view);
    }
    return ocf_fail(OCF_ERR_GENERIC, "demote is refused: %s", reason);
}

/* The watch knows of a hang by two witnesses: then `down_after` need not pass again. */
static struct deadline demote_look_deadline(const struct redis_server *server,
                                            const struct companion_word *word)
{
    return companion_says_hung(word) ? deadline_in(HUNG_LOOK_MS) : answer_deadline(server);
}

/* Silent to one witness only, it may be in a long command, with data that nobody else has. */
static bool hangs(const struct redis_server *server, const struct redis_view *view,
                  const struct companion_word *word)
{
    return view->state == REDIS_SILENT && view->timed_out && redis_server_is_watched(server) &&
           (companion_says_hung(word) || word->state == COMPANION_STATE_NONE);
}

static enum ocf_exit redis_demote(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};
    cleanup_redis_view struct redis_view view = {0};
    struct companion_word word = {.state = COMPANION_STATE_NONE};
    enum ocf_exit rc = OCF_SUCCESS;

    redis_server_open(&server, context, params);
    if (redis_server_is_watched(&server))
        companion_word_get(&server, &word);
    redis_look(&server, demote_look_deadline(&server, &word), &view);
    if (view.state == REDIS_STOPPED)
        rc = redis_bring_back(&server, &word, &view);
    else if (hangs(&server, &view, &word))
        rc = redis_replace_hung(&server, &word, &view);
    else if (redis_server_is_watched(&server) &&
             (redis_state_is_alive(view.state) || view.state == REDIS_SILENT))
        rc = demote_by_watch(&server, &view);
    else
        rc = demote_alone(&server, &view);
    if (rc)
        return rc;
    (void)redis_server_note_promoted(&server, false);
    if (!redis_server_is_watched(&server))
        redis_report(&server, &view);
    return OCF_SUCCESS;
}

/* What happened elsewhere: the watches tell each other. It must never fail. */
static enum ocf_exit redis_notify(const struct ocf_context *context, const void *params)
{
    struct ocf_notify notify = ocf_notify_read();
    cleanup_redis_server struct redis_server server = {0};

    redis_server_open(&server, context, params);
    if (str_eq(notify.type, "post") && str_eq(notify.operation, "start") &&
        context->params_name_server && server.conf)
        note_again(&server);
    return OCF_SUCCESS;
}

/* down_after and max_lag are the agent's and its watch's own: there is nothing to tell the server.
 * Files count at the next start: a reload that fails for one of them would end what runs. */
static enum ocf_exit redis_reload_agent(const struct ocf_context *context, const void *params)
{
    cleanup_redis_server struct redis_server server = {0};

    redis_server_open(&server, context, params);
    if (redis_server_is_watched(&server))
        companion_reload(&server);
    return OCF_SUCCESS;
}

static const struct ocf_action redis_actions[] = {
    {.name = "start", .run = redis_start, .needs_valid_params = true, .timeout_s = 60},
    {.name = "stop", .run = redis_stop, .timeout_s = 60},
    {.name = "monitor", .run = redis_monitor, .timeout_s = 20, .interval_s = 3, .role = "Promoted"},
    {.name = "monitor", .timeout_s = 20, .interval_s = 10, .role = "Unpromoted"},
    {.name = "monitor", .timeout_s = 20, .interval_s = 30, .depth = 10, .role = "Promoted"},
    {.name = "monitor", .timeout_s = 20, .interval_s = 31, .depth = 10, .role = "Unpromoted"},
    {.name = "promote", .run = redis_promote, .timeout_s = 30},
    {.name = "demote", .run = redis_demote, .timeout_s = 30},
    {.name = "notify", .run = redis_notify, .timeout_s = 20},
    {.name = "reload-agent", .run = redis_reload_agent, .timeout_s = 20},
    {.name = "validate-all",
     .run = redis_validate_all,
     .needs_valid_params = true,
     .timeout_s = 20},
    {.name = NULL},
};

static const struct ocf_agent redis_agent = {
    .name = "redis",
    .shortdesc = "Promotable Redis or Valkey server",
    .longdesc =
        "Manages a Redis or Valkey server as a promotable clone: every server starts as a replica "
        "and only Pacemaker makes one of them the primary, the one with the newest data. The "
        "server's own configuration file is read and never written. In a cluster each server has a "
        "companion, redis-watch, started and ended with it, which tells the others of its position "
        "over corosync, sees a crash at once, and allows or pauses writes.",
    .params = redis_param_table,
    .params_size = sizeof(struct redis_params),
    .actions = redis_actions,
};

int main(int argc, char **argv)
{
    return ocf_main(&redis_agent, argc, argv);
}
