// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Turns a look at the server into what Pacemaker and the operator see of it.
 */
#include "redis_report.h"

#include "attr.h"
#include "attributes.h"
#include "log.h"
#include "redis_change.h"
#include "redis_crashes.h"
#include "redis_start.h"
#include <errno.h>
#include <string.h>

#define PING_PERIOD_S 10
#define PING_MARGIN_S 2
#define LINK_GRACE_S  5
/* After a promotion the replicas take a moment to link up; until then min-replicas-to-write holds
 * writes back. */
#define SETTLES_MS       8000
#define SETTLES_PAUSE_MS 100

static bool is_following_somebody(const struct redis_info *info)
{
    return !(str_eq(info->primary_host, REDIS_NOWHERE_HOST) &&
             info->primary_port == REDIS_NOWHERE_PORT);
}

/*
 * Redis itself calls a link up until repl-timeout, 60 s by default, has passed without a word from
 * the primary, which pings every repl-ping-replica-period, 10 s by default. Two missed pings are
 * enough for us; at OCF_CHECK_LEVEL 10 one.
 */
static bool has_link(const struct redis_server *server, const struct redis_info *info)
{
    const char *text =
        server->conf ? redis_conf_value(server->conf, "repl-ping-replica-period") : NULL;
    int64_t period = PING_PERIOD_S;

    if (text && parse_int64(text, 1, INT32_MAX, &period) < 0)
        period = PING_PERIOD_S;
    if (server->context->check_level < LEVEL_DEEP)
        period *= 2;
    return info->link_up && info->last_io_s <= period + PING_MARGIN_S;
}

static const char *replica_status(const struct redis_server *server, const struct redis_info *info)
{
    if (has_link(server, info))
        return "replica";
    if (!is_following_somebody(info))
        return "sealed";
    return info->sync_in_progress ? "syncing" : "disconnected";
}

static const char *status_of(const struct redis_server *server, const struct redis_view *view)
{
    switch (view->state) {
    case REDIS_LOADING:
        return "loading";
    case REDIS_PRIMARY:
        return "primary";
    case REDIS_REPLICA:
        return replica_status(server, &view->info);
    case REDIS_FULL:
    case REDIS_BUSY:
        return redis_server_was_promoted(server) ? "primary" : "replica";
    case REDIS_STOPPED:
    case REDIS_FOREIGN:
    case REDIS_SILENT:
    case REDIS_REFUSING:
    case REDIS_UNKNOWN:
        return "down";
    }
    return "down";
}

static void publish_status(const struct redis_server *server, const char *status)
{
    cleanup_free char *name = xasprintf("%s-status", server->context->instance);

    attribute_publish(server->context, name, status);
}

/*
 * By an agent nobody is promoted, for it knows its own server only: a score is the watch's to give.
 * A primary that a probe found keeps its role until the watch has heard the others.
 */
static void publish_score(const struct redis_server *server, const char *score)
{
    cleanup_free char *name = xasprintf("master-%s", server->context->instance);

    if (server->mode == REDIS_MODE_PROMOTABLE)
        attribute_publish(server->context, name, score);
}

void redis_report(const struct redis_server *server, const struct redis_view *view)
{
    bool found = server->context->is_probe && view->state == REDIS_PRIMARY;

    if (view->state == REDIS_STOPPED && server->context->is_probe && !view->crashed) {
        redis_report_stopped(server);
        return;
    }
    publish_score(server, found ? "1" : ATTR_MINUS_INFINITY);
    publish_status(server, status_of(server, view));
}

void redis_report_forget(const struct redis_server *server)
{
    cleanup_free char *score = xasprintf("master-%s", server->context->instance);
    cleanup_free char *status = xasprintf("%s-status", server->context->instance);

    attribute_forget(server->context, score);
    attribute_forget(server->context, status);
}

static void forget_unlinked(const struct redis_server *server)
{
    cleanup_free char *path = xasprintf("%s/unlinked", server->context->run_dir);

    (void)file_remove(path);
}

void redis_report_stopped(const struct redis_server *server)
{
    publish_score(server, NULL);
    publish_status(server, "down");
    forget_unlinked(server);
}

/* Redis does not tell since when it tries to link up for the first time, so a note does: true for
 * the first LINK_GRACE_S after the first look that found it so. */
static bool has_just_begun_to_link(const struct redis_server *server, const struct redis_info *info)
{
    cleanup_free char *path = xasprintf("%s/unlinked", server->context->run_dir);
    cleanup_free char *text = NULL;
    cleanup_free char *now =
        xasprintf("%.40s %lld", info->run_id, (long long)clock_ms()); /* of this process */
    size_t length = strlen(info->run_id);
    int64_t since;

    if (file_read(path, 80, &text) == 0 && strncmp(text, now, length + 1) == 0 &&
        parse_int64(text + length + 1, 0, INT64_MAX, &since) == 0)
        return clock_ms() - since < LINK_GRACE_S * 1000;
    return file_write_atomic(path, now, 0600) == 0;
}

/* A start or a change of primary leaves a server without a link for a moment. The status attribute
 * says so at once; a result that says so stays in crm_mon until somebody cleans up. */
static bool is_unlinked_for_a_moment(const struct redis_server *server,
                                     const struct redis_info *info)
{
    if (info->link_up || info->link_down_s >= 0)
        forget_unlinked(server);
    if (info->link_up)
        return false;
    return info->link_down_s >= 0 ? info->link_down_s < LINK_GRACE_S
                                  : has_just_begun_to_link(server, info);
}

static enum ocf_exit judge_replica(const struct redis_server *server, const struct redis_view *view,
                                   const struct companion_word *word)
{
    const struct redis_info *info = &view->info;

    if (server->mode != REDIS_MODE_PROMOTABLE || server->context->is_probe)
        return OCF_SUCCESS;
    if (is_unlinked_for_a_moment(server, info) || has_link(server, info))
        return OCF_SUCCESS;
    if (!is_following_somebody(info))
        return ocf_fail(OCF_DEGRADED, "this replica follows nobody: %s",
                        *word->why ? word->why : "no primary is known yet");
    if (info->sync_in_progress)
        return ocf_fail(OCF_DEGRADED, "this replica is loading a full copy from %s:%d",
                        info->primary_host, info->primary_port);
    return ocf_fail(OCF_DEGRADED,
                    "no link to the primary %s:%d; check that address, port and masterauth",
                    info->primary_host, info->primary_port);
}

/* An ACL or a renamed command keeps us from asking; clients may write all the same. */
static bool write_check_is_barred(const char *text)
{
    return str_starts(text, "NOPERM ") || str_starts(text, "ERR unknown command");
}

/*
 * A write that changes nothing: SETRANGE of no bytes is refused for all that refuses a write
 * (MISCONF, NOREPLICAS, READONLY, OOM) and creates no key.
 */
static enum ocf_exit judge_write_path(const struct redis_server *server, struct redis_view *view)
{
    struct deadline settled = deadline_min(server->context->deadline, deadline_in(SETTLES_MS));
    const char *text = "";
    int rc;

    do {
        struct deadline deadline =
            deadline_min(server->context->deadline, deadline_in(server->params->down_after_ms));

        rc = redis_ask_words(view->client, deadline, NULL, "SETRANGE", "redis-ha:write-check", "0",
                             "", NULL);
        text = redis_client_error_text(view->client);
    } while (rc == -EREMOTEIO && str_starts(text, "NOREPLICAS ") &&
             deadline_pause(settled, SETTLES_PAUSE_MS));
    if (rc == 0)
        return OCF_RUNNING_PROMOTED;
    return ocf_fail(server->mode == REDIS_MODE_PLAIN ? OCF_DEGRADED : OCF_DEGRADED_PROMOTED,
                    "%s: %s",
                    write_check_is_barred(text) ? "the write path could not be checked"
                                                : "writes are not taken",
                    rc == -EREMOTEIO ? text : "no answer; is CLIENT PAUSE in force?");
}

static enum ocf_exit judge_primary(const struct redis_server *server, struct redis_view *view,
                                   const struct companion_word *word)
{
    enum ocf_exit rc = OCF_RUNNING_PROMOTED;

    forget_unlinked(server); /* should it be a replica again, it has just begun to be */
    if (word->state == COMPANION_STATE_DEPOSED)
        return ocf_fail(OCF_FAILED_PROMOTED, "this primary is one no more: %s", word->why);
    if (word->state == COMPANION_STATE_PAUSED)
        return ocf_fail(OCF_DEGRADED_PROMOTED, "writes are paused: %s", word->why);
    if (server->context->check_level >= LEVEL_DEEP)
        rc = judge_write_path(server, view);
    return server->mode == REDIS_MODE_PLAIN && rc == OCF_RUNNING_PROMOTED ? OCF_SUCCESS : rc;
}

/* One witness alone deposes nobody: the watch says when another has no answer either. */
static enum ocf_exit code_of_silence(const struct companion_word *word, bool promoted)
{
    if (word->state == COMPANION_STATE_NONE || word->state == COMPANION_STATE_HUNG)
        return promoted ? OCF_FAILED_PROMOTED : OCF_ERR_GENERIC;
    return promoted ? OCF_DEGRADED_PROMOTED : OCF_DEGRADED;
}

static enum ocf_exit judge_failure(const struct redis_server *server, const struct redis_view *view,
                                   const struct companion_word *word)
{
    bool promoted = redis_server_was_promoted(server);
    enum ocf_exit code = promoted ? OCF_FAILED_PROMOTED : OCF_ERR_GENERIC;

    if (view->state == REDIS_SILENT)
        code = code_of_silence(word, promoted);

    if (view->state == REDIS_SILENT && view->timed_out)
        return ocf_fail(code, "the server, pid %d, gave no answer within %lld ms (down_after)",
                        (int)view->process.pid, (long long)server->params->down_after_ms);
    if (view->state == REDIS_SILENT)
        return ocf_fail(code, "the server, pid %d, is not reached: %s", (int)view->process.pid,
                        view->problem ? view->problem : "no answer");
    return ocf_fail(code, "the server on port %d is %s: %s", server->port,
                    redis_state_name(view->state), view->problem ? view->problem : "no answer");
}

static enum ocf_exit judge_stopped(const struct redis_server *server, const struct redis_view *view)
{
    size_t crashes;

    if (!view->crashed || server->context->is_probe)
        return OCF_NOT_RUNNING;
    crashes = redis_crashes_count(server);
    if (crashes >= CRASHES_MANY)
        return ocf_fail(OCF_NOT_RUNNING, CRASHES_TEXT, crashes, CRASHES_WINDOW_S / 60);
    return ocf_fail(redis_server_was_promoted(server) ? OCF_FAILED_PROMOTED : OCF_NOT_RUNNING,
                    "the server, pid %d, died without being stopped; see its log and the kernel's",
                    (int)view->process.pid);
}

/* It lives, and what it was is all that is known. */
static enum ocf_exit judge_full(const struct redis_server *server, const struct redis_view *view,
                                bool leads)
{
    if (server->context->is_probe)
        return leads ? OCF_RUNNING_PROMOTED : OCF_SUCCESS;
    return ocf_fail(leads ? OCF_DEGRADED_PROMOTED : OCF_DEGRADED, "the server on port %d: %s",
                    server->port, view->problem);
}

/*
 * Where Sentinel decides, a server may have become the primary, or ended, before Pacemaker knows of
 * it. To tell that as a failure would have the server restarted; the role comes by the score.
 */
static bool stands_by_role(const struct redis_server *server, const struct redis_view *view,
                           const struct companion_word *word)
{
    bool promoted = redis_server_was_promoted(server);

    if (server->context->is_probe ||
        (word->state != COMPANION_STATE_FOLLOWS && word->state != COMPANION_STATE_APART &&
         word->state != COMPANION_STATE_REPLACED))
        return false;
    return promoted ? view->state != REDIS_PRIMARY : view->state == REDIS_PRIMARY;
}

static enum ocf_exit judge_by_role(const struct redis_server *server, const struct redis_view *view,
                                   const struct companion_word *word)
{
    bool promoted = redis_server_was_promoted(server);

    if (word->state == COMPANION_STATE_APART)
        return ocf_fail(promoted ? OCF_DEGRADED_PROMOTED : OCF_DEGRADED,
                        "the role is not where Sentinel has it: this server is %s, but %s",
                        redis_state_name(view->state), word->why);
    log_info("the server is %s; the role follows Sentinel's choice", redis_state_name(view->state));
    return promoted ? OCF_RUNNING_PROMOTED : OCF_SUCCESS;
}

enum ocf_exit redis_judge(const struct redis_server *server, struct redis_view *view,
                          const struct companion_word *word)
{
    bool leads = server->mode != REDIS_MODE_PLAIN &&
                 (redis_server_was_promoted(server) || redis_view_is_loading_primary(view));

    if (stands_by_role(server, view, word))
        return judge_by_role(server, view, word);

    switch (view->state) {
    case REDIS_STOPPED:
        return judge_stopped(server, view);
    case REDIS_FOREIGN:
        log_warning("%s", view->problem);
        return OCF_NOT_RUNNING;
    case REDIS_LOADING:
    case REDIS_BUSY:
        return leads ? OCF_RUNNING_PROMOTED : OCF_SUCCESS;
    case REDIS_FULL:
        return judge_full(server, view, leads);
    case REDIS_REPLICA:
        return judge_replica(server, view, word);
    case REDIS_PRIMARY:
        return judge_primary(server, view, word);
    case REDIS_SILENT:
    case REDIS_REFUSING:
    case REDIS_UNKNOWN:
        return judge_failure(server, view, word);
    }
    return OCF_ERR_GENERIC;
}
