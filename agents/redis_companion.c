// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the redis agent asks of redis-watch, and keeps it running.
 */
#include "redis_companion.h"

#include "companion.h"
#include "config.h"
#include "log.h"
#include <errno.h>
#include <string.h>

#define HAND_OVER_MS 5000

struct companion companion_watch(const struct ocf_context *context)
{
    return (struct companion){
        .context = context, .program = RHA_LIBEXEC_DIR "/redis-watch", .name = "watch"};
}

static struct companion watch_of(const struct redis_server *server)
{
    return companion_watch(server->context);
}

enum companion_answer companion_ask(const struct redis_server *server, const char *request,
                                    struct deadline deadline, char **reason)
{
    struct companion watch = watch_of(server);
    char line[COMPANION_LINE] = "";
    int rc = companion_exchange(&watch, request, deadline, line);

    *reason = NULL;
    if (rc == -ETIMEDOUT)
        *reason = xstrdup("redis-watch gives no answer");
    else if (rc)
        *reason = xasprintf("redis-watch does not run (%s)", strerror(-rc));
    if (rc)
        return COMPANION_ABSENT;
    if (str_starts(line, "done"))
        return COMPANION_DONE;
    *reason = xstrdup(str_starts(line, "refused ") ? line + strlen("refused ") : line);
    return COMPANION_REFUSED;
}

const char *const companion_state_names[COMPANION_STATES] = {
    [COMPANION_STATE_NONE] = "",           [COMPANION_STATE_FINE] = "fine",
    [COMPANION_STATE_MOVING] = "moving",   [COMPANION_STATE_PAUSED] = "paused",
    [COMPANION_STATE_HELD] = "held",       [COMPANION_STATE_HUNG] = "hung",
    [COMPANION_STATE_DEPOSED] = "deposed", [COMPANION_STATE_FOLLOWS] = "follows",
    [COMPANION_STATE_APART] = "apart",     [COMPANION_STATE_REPLACED] = "replaced",
};

bool companion_says_hung(const struct companion_word *word)
{
    return word->state == COMPANION_STATE_HUNG || word->state == COMPANION_STATE_REPLACED;
}

/* Of the answer to a ping, `done STATE [WHY]`. */
static void read_word(const char *line, struct companion_word *word)
{
    char name[16] = "";

    if (sscanf(line, "done %15s %511[^\n]", name, word->why) < 1)
        return;
    word->state = COMPANION_STATE_FINE; /* also where a newer watch has a word that we lack */
    for (size_t i = COMPANION_STATE_FINE; i < COMPANION_STATES; i++) {
        if (str_eq(name, companion_state_names[i]))
            word->state = (enum companion_state)i;
    }
}

void companion_word_get(const struct redis_server *server, struct companion_word *word)
{
    struct companion watch = watch_of(server);
    char line[COMPANION_LINE] = "";

    *word = (struct companion_word){.state = COMPANION_STATE_NONE};
    if (companion_ping(&watch, server->context->deadline, line))
        read_word(line, word);
}

/* NULL: by bad values nothing is changed, those of before count. */
static char *params_for(const struct redis_server *server)
{
    struct companion watch = watch_of(server);
    cleanup_free char *path = companion_path(&watch, "params");

    if (!server->context->params_valid && access(path, F_OK) == 0)
        return NULL;
    return companion_params_text(redis_param_table, server->params);
}

bool companion_is_there(const struct redis_server *server)
{
    struct companion watch = watch_of(server);

    return companion_runs(&watch);
}

int companion_end(const struct redis_server *server, struct deadline deadline)
{
    struct companion watch = watch_of(server);

    return companion_terminate(&watch, deadline);
}

void companion_keep(const struct redis_server *server, struct companion_word *word)
{
    struct companion watch = watch_of(server);
    char line[COMPANION_LINE] = "";
    cleanup_free char *params = NULL;
    int rc;

    companion_word_get(server, word);
    if (word->state != COMPANION_STATE_NONE)
        return;
    if (server->conf && redis_server_note(server) < 0) /* who is in the cluster by now */
        log_warning("the peers could not be noted: those of before count");
    params = params_for(server);
    rc = companion_launch(&watch, params, server->context->deadline, line);
    if (rc)
        log_error("redis-watch does not run (%s); see %s/%s", strerror(-rc),
                  server->context->run_dir, COMPANION_LOG);
    else
        read_word(line, word);
}

void companion_reload(const struct redis_server *server)
{
    struct companion watch = watch_of(server);
    cleanup_free char *text = companion_params_text(redis_param_table, server->params);
    cleanup_free char *reason = NULL;
    int rc;

    if (!server->context->params_valid || companion_params_are(&watch, text))
        return;
    rc = companion_params_write(&watch, text);
    if (rc)
        log_warning("the parameters could not be noted for redis-watch: %s", strerror(-rc));
    else if (companion_ask(server, "reload", server->context->deadline, &reason) != COMPANION_DONE)
        log_warning("redis-watch goes on with the values of before: %s", reason);
}

void companion_announce_stop(const struct redis_server *server)
{
    struct deadline deadline = deadline_min(server->context->deadline, deadline_in(HAND_OVER_MS));
    cleanup_free char *request = xasprintf("stop %lld", (long long)deadline_left_ms(deadline));
    cleanup_free char *reason = NULL;

    if (companion_ask(server, request, deadline, &reason) != COMPANION_DONE)
        log_warning("the stop goes on without a word of the watch: %s", reason);
}

enum companion_answer companion_order(const struct redis_server *server, const char *action,
                                      char **reason)
{
    struct deadline deadline = server->context->deadline;
    cleanup_free char *request = NULL;
    struct companion_word word;

    companion_keep(server, &word);
    request = xasprintf("%s %lld", action, (long long)deadline_left_ms(deadline) - 500);
    return companion_ask(server, request, deadline, reason);
}
