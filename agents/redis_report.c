// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Turns a look at the server into what Pacemaker and the operator see of it.
 */
#include "redis_report.h"

#include "attr.h"
#include "attributes.h"
#include "log.h"
#include "redis_change.h"
#include "redis_peers.h"
#include "redis_score.h"
#include "redis_start.h"
#include <errno.h>
#include <string.h>

#define PING_PERIOD_S 10
#define PING_MARGIN_S 2
#define LINK_GRACE_S  5

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

static bool lags_too_much(const struct redis_server *server, const struct redis_info *own,
                          const struct peer_view *ahead)
{
    int64_t lag = redis_position_offset(&ahead->info) - redis_position_offset(own);

    return server->params->max_lag_bytes > 0 && lag > server->params->max_lag_bytes;
}

/*
 * Redis calls a link up that has been silent for less than repl-timeout. So in the middle of a
 * change only a primary that answers proves it. A peer that tells nothing may be ahead: of two
 * replicas, the one that is cut off knows less and ranks lower.
 */
static int replica_score(const struct redis_server *server, const struct redis_view *view,
                         bool thoroughly)
{
    struct peers_view peers;
    const struct peer_view *who;
    bool linked = has_link(server, &view->info), several;
    size_t ahead;

    if (linked && !thoroughly)
        return redis_score(false, 0, server->priority);
    if (view->info.sync_in_progress)
        return REDIS_SCORE_NEVER;
    redis_peers_ask(server, server->context->deadline, &peers);
    if (linked && redis_peers_primary(&peers, &several))
        return redis_score(false, 0, server->priority);
    ahead = redis_peers_ahead(&peers, &view->info, &who);
    if (ahead > 0 && lags_too_much(server, &view->info, who))
        return REDIS_SCORE_NEVER;
    return redis_score(false, ahead + redis_peers_unknown(&peers), server->priority);
}

static void publish_score(const struct redis_server *server, int score)
{
    cleanup_free char *name = xasprintf("master-%s", server->context->instance);
    cleanup_free char *value =
        score == REDIS_SCORE_NEVER ? xstrdup(ATTR_MINUS_INFINITY) : xasprintf("%d", score);

    if (server->mode == REDIS_MODE_PROMOTABLE)
        attribute_publish(server->context, name, value);
}

static void publish_status(const struct redis_server *server, const char *status)
{
    cleanup_free char *name = xasprintf("%s-status", server->context->instance);

    attribute_publish(server->context, name, status);
}

static void report_score(const struct redis_server *server, const struct redis_view *view,
                         bool thoroughly)
{
    if (view->state == REDIS_PRIMARY)
        publish_score(server, redis_score(true, 0, server->priority));
    else if (view->state == REDIS_REPLICA)
        publish_score(server, replica_score(server, view, thoroughly));
    else if (view->state != REDIS_BUSY)
        publish_score(server, REDIS_SCORE_NEVER);
}

void redis_report_score(const struct redis_server *server, const struct redis_view *view)
{
    report_score(server, view, true);
}

void redis_report(const struct redis_server *server, const struct redis_view *view)
{
    if (view->state == REDIS_STOPPED && server->context->is_probe && !view->crashed) {
        redis_report_stopped(server);
        return;
    }
    report_score(server, view, false);
    publish_status(server, status_of(server, view));
}

void redis_report_never(const struct redis_server *server)
{
    publish_score(server, REDIS_SCORE_NEVER);
}

static void forget_unlinked(const struct redis_server *server)
{
    cleanup_free char *path = xasprintf("%s/unlinked", server->context->run_dir);

    (void)file_remove(path);
}

void redis_report_stopped(const struct redis_server *server)
{
    cleanup_free char *score = xasprintf("master-%s", server->context->instance);

    attribute_publish(server->context, score, NULL);
    publish_status(server, "down");
    forget_unlinked(server);
}

void redis_keep_following(const struct redis_server *server, struct redis_view *view,
                          bool thoroughly)
{
    struct peers_view peers;
    const struct peer *primary;
    cleanup_free char *problem = NULL;
    bool several;

    if (server->mode != REDIS_MODE_PROMOTABLE || (view->info.link_up && !thoroughly))
        return;
    redis_peers_ask(server, server->context->deadline, &peers);
    primary = redis_peers_primary(&peers, &several);
    if (primary)
        redis_set_replication_credentials(server, view, server->context->deadline);
    if (primary && redis_follow(view, primary, server->context->deadline, &problem) < 0)
        log_warning("%s could not be followed: %s", primary->name, problem);
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

static enum ocf_exit judge_replica(const struct redis_server *server, const struct redis_view *view)
{
    const struct redis_info *info = &view->info;

    if (server->mode != REDIS_MODE_PROMOTABLE || server->context->is_probe)
        return OCF_SUCCESS;
    if (is_unlinked_for_a_moment(server, info) || has_link(server, info))
        return OCF_SUCCESS;
    if (!is_following_somebody(info))
        return ocf_fail(OCF_DEGRADED, "this replica follows nobody: no primary is known yet");
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
    struct deadline deadline =
        deadline_min(server->context->deadline, deadline_in(server->params->down_after_ms));
    int rc = redis_ask_words(view->client, deadline, NULL, "SETRANGE", "redis-ha:write-check", "0",
                             "", NULL);
    const char *text = redis_client_error_text(view->client);

    if (rc == 0)
        return OCF_RUNNING_PROMOTED;
    return ocf_fail(server->mode == REDIS_MODE_PLAIN ? OCF_DEGRADED : OCF_DEGRADED_PROMOTED,
                    "%s: %s",
                    write_check_is_barred(text) ? "the write path could not be checked"
                                                : "writes are not taken",
                    rc == -EREMOTEIO ? text : "no answer; is CLIENT PAUSE in force?");
}

static enum ocf_exit judge_primary(const struct redis_server *server, struct redis_view *view)
{
    enum ocf_exit rc = OCF_RUNNING_PROMOTED;

    if (server->context->check_level >= LEVEL_DEEP)
        rc = judge_write_path(server, view);
    return server->mode == REDIS_MODE_PLAIN && rc == OCF_RUNNING_PROMOTED ? OCF_SUCCESS : rc;
}

static enum ocf_exit judge_failure(const struct redis_server *server, const struct redis_view *view)
{
    bool promoted = redis_server_was_promoted(server);
    enum ocf_exit code = promoted ? OCF_FAILED_PROMOTED : OCF_ERR_GENERIC;

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
    if (!view->crashed || server->context->is_probe)
        return OCF_NOT_RUNNING;
    return ocf_fail(redis_server_was_promoted(server) ? OCF_FAILED_PROMOTED : OCF_NOT_RUNNING,
                    "the server, pid %d, died without being stopped; see its log and the kernel's",
                    (int)view->process.pid);
}

enum ocf_exit redis_judge(const struct redis_server *server, struct redis_view *view)
{
    bool leads = server->mode != REDIS_MODE_PLAIN &&
                 (redis_server_was_promoted(server) || redis_view_is_loading_primary(view));

    switch (view->state) {
    case REDIS_STOPPED:
        return judge_stopped(server, view);
    case REDIS_FOREIGN:
        log_warning("%s", view->problem);
        return OCF_NOT_RUNNING;
    case REDIS_LOADING:
    case REDIS_BUSY:
        return leads ? OCF_RUNNING_PROMOTED : OCF_SUCCESS;
    case REDIS_REPLICA:
        return judge_replica(server, view);
    case REDIS_PRIMARY:
        return judge_primary(server, view);
    case REDIS_SILENT:
    case REDIS_REFUSING:
    case REDIS_UNKNOWN:
        return judge_failure(server, view);
    }
    return OCF_ERR_GENERIC;
}
