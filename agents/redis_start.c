// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Builds the server's command line, starts it, waits until it answers. What the agent holds for the
 * cluster goes on the command line, so that redis.conf stays the user's.
 */
#include "redis_start.h"

#include "log.h"
#include "proc.h"
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define WORDS_MAX       32
#define ANSWER_PAUSE_MS 10
#define NOFILE          10032 /* maxclients' default and Redis's own 32 */

struct command {
    const char *words[WORDS_MAX];
    size_t count;
    char port[16], primary_port[16];
};

static void add(struct command *command, const char *word)
{
    if (command->count + 1 < WORDS_MAX)
        command->words[command->count++] = word;
}

static void add_option(struct command *command, const char *key, const char *value)
{
    add(command, key);
    add(command, value);
}

static void add_role(struct command *command, const struct redis_server *server,
                     const struct peer *primary)
{
    if (server->mode == REDIS_MODE_PLAIN)
        return;
    snprintf(command->primary_port, sizeof(command->primary_port), "%d",
             primary ? primary->port : REDIS_NOWHERE_PORT);
    add_option(command, "--replicaof", primary ? primary->host : REDIS_NOWHERE_HOST);
    add(command, command->primary_port);
    /* Sentinel promotes no server of priority 0, so Pacemaker alone decides. The user's value
     * decides our ties (redis_server.priority). */
    if (server->mode == REDIS_MODE_PROMOTABLE)
        add_option(command, "--replica-priority", "0");
}

static void build_command(struct command *command, const struct redis_server *server,
                          const struct peer *primary)
{
    memset(command, 0, sizeof(*command));
    add_option(command, server->binary, server->config);
    snprintf(command->port, sizeof(command->port), "%d", server->port);
    add_option(command, "--port", command->port);
    add_option(command, "--daemonize", "no");
    add_option(command, "--supervised", "no");
    if (server->mode == REDIS_MODE_PROMOTABLE)
        add_option(command, "--replica-announce-ip", server->address);
    add_role(command, server, primary);
    add(command, NULL);
}

/* /run is emptied at boot, and the distribution makes the server's folders there only for its own
 * service. */
static void make_run_folder(const struct redis_server *server, const char *key)
{
    const char *path = redis_conf_value(server->conf, key);
    const struct passwd *user = getpwnam(server->user);
    cleanup_free char *folder = NULL;
    char *slash;

    if (!path || !str_starts(path, "/run/") || !user)
        return;
    folder = xstrdup(path);
    slash = strrchr(folder, '/');
    *slash = '\0';
    if (access(folder, F_OK) == 0)
        return;
    if (dir_make(folder, 0755) < 0 || chown(folder, user->pw_uid, user->pw_gid) < 0)
        log_warning("the folder %s of `%s` could not be made: %s", folder, key, strerror(errno));
}

/* The last line that the server wrote before it went away. Caller frees. */
static char *last_words(const char *log_path)
{
    cleanup_free char *text = NULL;
    char *line, *state = NULL, *last = NULL;

    if (file_read(log_path, 1 << 20, &text) < 0)
        return xstrdup("it wrote nothing");
    for (line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        if (*line && !str_starts(line, "*** FATAL"))
            last = line;
    }
    return xstrdup(last ? last : "it wrote nothing");
}

static enum ocf_exit died(const struct redis_server *server, const char *log_path)
{
    cleanup_free char *words = last_words(log_path);
    const char *log = redis_conf_value(server->conf, "logfile");
    bool elsewhere = !str_is_empty(log);

    (void)file_remove(server->process_path);
    return ocf_fail(OCF_ERR_GENERIC, "%s %s ended before it answered on port %d: %s%s%s",
                    server->binary, server->config, server->port, words, elsewhere ? "; see " : "",
                    elsewhere ? log : "");
}

static enum ocf_exit wait_for_answer(const struct redis_server *server, const struct proc_id *id,
                                     const char *log_path, struct deadline deadline,
                                     struct redis_view *view)
{
    do {
        redis_view_close(view);
        redis_look(server, deadline_min(deadline, deadline_in(server->params->down_after_ms)),
                   view);
        if (redis_state_is_alive(view->state))
            return OCF_SUCCESS;
        if (view->state == REDIS_REFUSING)
            break;
        if (proc_check(id) == PROC_GONE)
            return died(server, log_path);
    } while (deadline_pause(deadline, ANSWER_PAUSE_MS));

    (void)proc_end(id, SIGTERM, 500, deadline_in(1000));
    (void)file_remove(server->process_path);
    return ocf_fail(OCF_ERR_GENERIC,
                    "the server started, but could not be used on port %d: %s; it was "
                    "ended again",
                    server->port, view->problem ? view->problem : "no answer in time");
}

enum ocf_exit redis_launch(const struct redis_server *server, const struct peer *primary,
                           struct deadline deadline, struct redis_view *view)
{
    cleanup_free char *log_path = xasprintf("%s/start.log", server->context->run_dir);
    struct command command;
    struct proc_id id;
    int rc;

    build_command(&command, server, primary);
    make_run_folder(server, "pidfile");
    make_run_folder(server, "unixsocket");
    (void)file_remove(log_path);
    rc = proc_start(
        &(struct proc_spec){
            .argv = command.words, .user = server->user, .log_path = log_path, .nofile = NOFILE},
        &id);
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "%s could not be started as user %s: %s", server->binary,
                        server->user, strerror(-rc));
    rc = proc_save(server->process_path, &id);
    if (rc)
        log_warning("%s could not be written: %s", server->process_path, strerror(-rc));
    return wait_for_answer(server, &id, log_path, deadline, view);
}
