// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Monitor and demotion of a server that redis-watch stands by.
 */
#include "redis_watched.h"

#include "log.h"
#include "redis_change.h"
#include "redis_crashes.h"
#include "redis_report.h"
#include "redis_start.h"
#include "server.h"
#include <signal.h>
#include <string.h>

#define MOVES_MS       2000
#define MOVES_PAUSE_MS 50
#define BRING_BACK_MS  300    /* a crashed primary may not hold up the promotion of another */
#define YOUNG_MS       600000 /* the first monitor after a start may miss it */

static void trim_logs(const struct redis_server *server)
{
    cleanup_free char *watch = xasprintf("%s/%s", server->context->run_dir, COMPANION_LOG);
    cleanup_free char *start = xasprintf("%s/start.log", server->context->run_dir);

    server_log_trim(watch);
    server_log_trim(start);
}

static void note_leading(const struct redis_server *server, enum ocf_exit rc)
{
    bool leads = rc == OCF_RUNNING_PROMOTED || rc == OCF_DEGRADED_PROMOTED;

    if (leads && !redis_server_was_promoted(server)) /* it was adopted */
        (void)redis_server_note_promoted(server, true);
}

/* A probe starts no watch beside a server that does not run, nor by a bad value. */
static void ask_watch(const struct redis_server *server, const struct redis_view *view,
                      struct companion_word *word)
{
    if (view->state == REDIS_STOPPED ||
        (server->context->is_probe && !server->context->params_valid))
        companion_word_get(server, word);
    else
        companion_keep(server, word);
}

/*
 * The watch moves the role away from a primary that crashed, and Pacemaker cancels this monitor to
 * demote it. Were it told as failed first, recovery would go ahead of the promotion. It is told if
 * nobody takes over.
 */
static void let_the_role_move(const struct redis_server *server, struct redis_view *view)
{
    struct deadline deadline = deadline_min(server->context->deadline, deadline_in(MOVES_MS));

    while (view->state == REDIS_STOPPED && deadline_pause(deadline, MOVES_PAUSE_MS)) {
        redis_view_close(view);
        redis_look(server, deadline, view);
    }
}

/*
 * Pacemaker runs a monitor right after a demotion, and with a busy machine (throttling) nothing
 * else until it has an answer: to wait would hold up the promotion, and to tell that the server is
 * down would have it recovered first. The next monitor tells.
 */
static bool is_told_later(const struct redis_server *server, const struct redis_view *view,
                          const struct companion_word *word)
{
    bool later = view->state == REDIS_STOPPED && !server->context->is_probe &&
                 word->state == COMPANION_STATE_MOVING && !redis_server_was_promoted(server);

    if (later)
        log_notice("the server is down; that is told when another leads");
    return later;
}

/* A demotion that started it again did not wait for it (start_again). */
static void finish_start(const struct redis_server *server, struct redis_view *view)
{
    if (view->client && view->has_process && redis_state_is_alive(view->state) &&
        !server->context->is_probe && proc_age_ms(&view->process) < YOUNG_MS)
        redis_set_replication_credentials(server, view, server->context->deadline);
}

enum ocf_exit redis_watched_monitor(const struct redis_server *server, struct redis_view *view)
{
    struct companion_word word;
    enum ocf_exit rc;

    if (server->context->is_probe) {
        /* Before a watch is there: without a score Pacemaker would demote a primary that it finds.
         */
        if (!companion_is_there(server))
            redis_report(server, view);
    }
    trim_logs(server);
    ask_watch(server, view, &word);
    if (word.state != COMPANION_STATE_NONE && word.state != COMPANION_STATE_FOLLOWS &&
        view->crashed && !server->context->is_probe && redis_server_was_promoted(server))
        let_the_role_move(server, view);
    finish_start(server, view);
    if (server->context->is_probe && redis_state_is_alive(view->state))
        redis_crashes_forget(server);
    if (word.state != COMPANION_STATE_NONE) {
        redis_report_forget(server);
        /* A reload may have come while the watch gave no answer. */
        if (!server->context->is_probe)
            companion_reload(server);
    } else if (!server->context->is_probe) {
        redis_report(server, view);
    }
    if (is_told_later(server, view, &word))
        return OCF_SUCCESS;
    rc = redis_judge(server, view, &word);
    note_leading(server, rc);
    return rc;
}

/* The last try to start it may have left one that cannot be ended. */
static bool lives(const struct redis_server *server)
{
    struct proc_id id;

    return proc_load(server->process_path, &id) == 0 && proc_check(&id) != PROC_GONE;
}

/*
 * It takes no writes, which is what a demotion is for. A failed one would have Pacemaker stop and
 * start the server before it promotes another; beside a watch the next monitor tells, and not
 * before another leads.
 */
static enum ocf_exit stays_down(const struct redis_server *server,
                                const struct companion_word *word, const char *reason)
{
    if (word->state == COMPANION_STATE_NONE || lives(server))
        return ocf_fail(OCF_NOT_RUNNING, "%s", reason);
    log_error("demote: %s; it stays down until another leads", reason);
    return OCF_SUCCESS;
}

/* Beside a watch another is promoted meanwhile: the monitor that follows sees to the rest. */
static enum ocf_exit start_again(const struct redis_server *server,
                                 const struct companion_word *word, struct redis_view *view)
{
    struct deadline deadline = deadline_min(server->context->deadline, deadline_in(BRING_BACK_MS));

    if (word->state == COMPANION_STATE_NONE)
        return redis_launch(server, deadline, view);
    return redis_launch_only(server);
}

enum ocf_exit redis_bring_back(const struct redis_server *server, const struct companion_word *word,
                               struct redis_view *view)
{
    cleanup_free char *reason = NULL;
    bool may = view->crashed && redis_server_was_promoted(server) &&
               server->context->params_name_server && redis_server_validate(server) == OCF_SUCCESS;
    size_t crashes = may ? redis_crashes_note(server) : 0;

    if (crashes >= CRASHES_MANY)
        reason = xasprintf(CRASHES_TEXT, crashes, CRASHES_WINDOW_S / 60);
    else if (may && start_again(server, word, view) == OCF_SUCCESS)
        return OCF_SUCCESS;
    return stays_down(server, word, reason ? reason : "the server is not running");
}

enum ocf_exit redis_replace_hung(const struct redis_server *server,
                                 const struct companion_word *word, struct redis_view *view)
{
    int rc = proc_end(&view->process, SIGKILL, 0, server->context->deadline);

    if (rc)
        return ocf_fail(OCF_ERR_GENERIC,
                        "demote: the server, pid %d, hangs and could not be "
                        "killed: %s",
                        (int)view->process.pid, strerror(-rc));
    log_error("the server, pid %d, gave no answer and was killed", (int)view->process.pid);
    view->crashed = true;
    return redis_bring_back(server, word, view);
}
