// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Builds the server's command line, starts it, waits until it answers. What the agent holds for the
 * cluster goes on the command line, so that redis.conf stays the user's.
 */
#include "redis_start.h"

#include "log.h"
#include "proc.h"
#include "redis_authority.h"
#include "redis_change.h"
#include "server.h"
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#define WORDS_MAX       32
#define ANSWER_PAUSE_MS 3
#define NOFILE          10032 /* maxclients' default and Redis's own 32 */

struct command {
    const char *words[WORDS_MAX];
    size_t count;
    char port[16], nowhere[16];
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

static bool sentinel_decides(const struct redis_server *server)
{
    return server->params->authority == AUTHORITY_SENTINEL &&
           redis_authority_in_force(server->context) == AUTHORITY_SENTINEL;
}

static void add_role(struct command *command, const struct redis_server *server)
{
    if (server->mode == REDIS_MODE_PLAIN)
        return;
    snprintf(command->nowhere, sizeof(command->nowhere), "%d", REDIS_NOWHERE_PORT);
    add_option(command, "--replicaof", REDIS_NOWHERE_HOST);
    add(command, command->nowhere);
    /* Sentinel promotes no server of priority 0, so Pacemaker alone decides. The user's value
     * decides our ties (redis_server.priority), and Sentinel's choice where that is in force. */
    if (server->mode == REDIS_MODE_PROMOTABLE && !sentinel_decides(server))
        add_option(command, "--replica-priority", "0");
}

static void build_command(struct command *command, const struct redis_server *server)
{
    memset(command, 0, sizeof(*command));
    add_option(command, server->binary, server->config);
    snprintf(command->port, sizeof(command->port), "%d", server->port);
    add_option(command, "--port", command->port);
    add_option(command, "--daemonize", "no");
    add_option(command, "--supervised", "no");
    /* Else the primary would tell Sentinel the address that the connection came from. */
    if (server->mode == REDIS_MODE_PROMOTABLE &&
        str_is_empty(redis_conf_value(server->conf, "replica-announce-ip")))
        add_option(command, "--replica-announce-ip", server->address);
    add_role(command, server);
    add(command, NULL);
}

/* /run is emptied at boot, and the distribution makes the server's folders there only for its own
 * service. */
static void make_run_folder(const struct redis_server *server, const char *key)
{
    const char *path = redis_conf_value(server->conf, key);
    const struct passwd *user = getpwnam(server_user(server->params->user));
    cleanup_free char *folder = NULL;
    char *slash;
    int rc;

    if (!path || !user || !(str_starts(path, "/run/") || str_starts(path, "/var/run/")))
        return;
    folder = xstrdup(path);
    slash = strrchr(folder, '/');
    *slash = '\0';
    if (access(folder, F_OK) == 0)
        return;
    rc = dir_make(folder, 0755);
    if (rc == 0 && chown(folder, user->pw_uid, user->pw_gid) < 0)
        rc = -errno;
    if (rc)
        log_warning("the folder %s of `%s` could not be made: %s", folder, key, strerror(-rc));
}

/* Where a server that ends at once may have said why: our capture of its output, its own log. */
struct sayings {
    char *output;
    const char *logfile; /* NULL: it writes to its output */
    off_t logfile_end;   /* before the start */
};

/* "123:M 01 Jan 2026 10:00:00.000 # text": the text. */
static char *without_stamp(char *line)
{
    int text = 0;

    if (sscanf(line, "%*d:%*c %*d %*3s %*d %*s %*c %n", &text) < 0 || text == 0)
        return line;
    return line + text;
}

struct last_words {
    char *line;      /* the last one that says something; NULL: none. In the text */
    int config_line; /* where the server stopped reading its configuration; 0: it did not */
};

static struct last_words last_words_find(char *text)
{
    struct last_words words = {NULL, 0};
    char *state = NULL;

    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        (void)sscanf(line, "Reading the configuration file, at line %d", &words.config_line);
        if (line[strspn(line, " \r")] && !str_starts(line, "*** FATAL"))
            words.line = without_stamp(line);
    }
    return words;
}

/* Short words first: Pacemaker shows 128 bytes of it. */
static enum ocf_exit died(const struct redis_server *server, const struct sayings *sayings)
{
    cleanup_free char *output = NULL;
    cleanup_free char *log = NULL;
    struct last_words words = {NULL, 0};

    (void)file_remove(server->process_path);
    if (file_read(sayings->output, 1 << 20, &output) == 0)
        words = last_words_find(output);
    if (words.config_line > 0)
        return ocf_fail(OCF_ERR_ARGS, "config: %s line %d: %s", server->config, words.config_line,
                        words.line);
    if (sayings->logfile) {
        log = server_log_since(sayings->logfile, sayings->logfile_end);
        words = *log ? last_words_find(log) : words;
    }
    return ocf_fail(OCF_ERR_GENERIC, "the server ended before it answered on port %d: %s%s%s",
                    server->port, words.line ? words.line : "it wrote nothing",
                    sayings->logfile ? "; see " : "", sayings->logfile ? sayings->logfile : "");
}

/* It lives, but is of no use. Its record stays where it could not be ended. */
static enum ocf_exit end_again(const struct redis_server *server, const struct proc_id *id,
                               const struct redis_view *view)
{
    int rc = proc_end(id, SIGTERM, 500, deadline_in(1000));

    if (rc == 0)
        (void)file_remove(server->process_path);
    return ocf_fail(OCF_ERR_GENERIC, "the server started and was ended again%s: %s",
                    rc ? " (in vain)" : "", view->problem ? view->problem : "no answer in time");
}

static enum ocf_exit wait_for_answer(const struct redis_server *server, const struct proc_id *id,
                                     const struct sayings *sayings, struct deadline deadline,
                                     struct redis_view *view)
{
    do {
        redis_view_close(view);
        redis_look(server, deadline_min(deadline, deadline_in(server->params->down_after_ms)),
                   view);
        if (redis_state_is_alive(view->state))
            return OCF_SUCCESS;
        if (view->state == REDIS_REFUSING ||
            redis_client_error(view->client) == REDIS_ERROR_OTHER) /* as with a renamed INFO */
            break;
        if (proc_check(id) == PROC_GONE)
            return died(server, sayings);
    } while (deadline_pause(deadline, ANSWER_PAUSE_MS));
    return end_again(server, id, view);
}

static enum ocf_exit spawn(const struct redis_server *server, const char *output,
                           struct proc_id *id)
{
    const char *user = server_user(server->params->user);
    struct command command;
    int rc;

    build_command(&command, server);
    make_run_folder(server, "pidfile");
    make_run_folder(server, "unixsocket");
    (void)file_remove(output);
    rc = proc_start(
        &(struct proc_spec){
            .argv = command.words, .user = user, .log_path = output, .nofile = NOFILE},
        id);
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "%s could not be started as user %s: %s", server->binary,
                        user, strerror(-rc));
    rc = proc_save(server->process_path, id);
    if (rc)
        log_warning("%s could not be written: %s", server->process_path, strerror(-rc));
    return OCF_SUCCESS;
}

static char *output_path(const struct redis_server *server)
{
    return xasprintf("%s/start.log", server->context->run_dir);
}

enum ocf_exit redis_launch_only(const struct redis_server *server)
{
    cleanup_free char *output = output_path(server);
    struct proc_id id;

    return spawn(server, output, &id);
}

enum ocf_exit redis_launch(const struct redis_server *server, struct deadline deadline,
                           struct redis_view *view)
{
    cleanup_free char *output = output_path(server);
    const char *logfile = redis_conf_value(server->conf, "logfile");
    struct sayings sayings = {.output = output,
                              .logfile = str_is_empty(logfile) ? NULL : logfile,
                              .logfile_end = logfile ? server_log_end(logfile) : 0};
    struct proc_id id;
    enum ocf_exit result = spawn(server, output, &id);

    if (result)
        return result;
    result = wait_for_answer(server, &id, &sayings, deadline, view);
    if (result == OCF_SUCCESS)
        redis_set_replication_credentials(server, view, deadline);
    return result;
}
