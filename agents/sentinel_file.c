// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes Sentinel's first file from the parameters, or copies the one that is taken over. What it
 * watches is not in here: it is told that by command, as at every later change (sentinel_tell.c).
 */
#include "sentinel_file.h"

#include "config.h"
#include "log.h"
#include "node_address.h"
#include "redis_conf.h"
#include "server.h"
#include "util.h"
#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_MAX  (1024 * 1024)
#define PASSABLE    0711 /* Sentinel's user must get through to its own folder, but sees nothing */
#define AGENT_STATE RHA_STATE_DIR "/sentinel"

char *sentinel_quote(const char *word)
{
    char *quoted = xcalloc(strlen(word) * 4 + 3, 1);
    char *out = quoted;

    *out++ = '"';
    for (const unsigned char *in = (const unsigned char *)word; *in; in++) {
        if (*in == '"' || *in == '\\')
            out += sprintf(out, "\\%c", *in);
        else if (isprint(*in))
            *out++ = (char)*in;
        else
            out += sprintf(out, "\\x%02x", *in);
    }
    *out = '"';
    return quoted;
}

/* What Sentinel wants of others, and shows to other Sentinels. requirepass serves for both; a user
 * of its own must be named for the other Sentinels too. */
static char *own_credentials_text(const struct credentials *credentials)
{
    cleanup_free char *plain_rule = NULL;
    cleanup_free char *rule = NULL;
    cleanup_free char *user = NULL;
    cleanup_free char *password = NULL;

    if (!credentials->sentinel_password)
        return xstrdup("");
    password = sentinel_quote(credentials->sentinel_password);
    if (!credentials->sentinel_username)
        return xasprintf("requirepass %s\n", password);
    user = sentinel_quote(credentials->sentinel_username);
    plain_rule = xasprintf(">%s", credentials->sentinel_password);
    rule = sentinel_quote(plain_rule);
    return xasprintf("user %s on %s ~* &* +@all\nuser default off\n"
                     "sentinel sentinel-user %s\nsentinel sentinel-pass %s\n",
                     user, rule, user, password);
}

char *sentinel_file_text(const struct sentinel_server *server, const char *address)
{
    cleanup_free char *dir = sentinel_quote(server->data_dir);
    cleanup_free char *announced = sentinel_quote(address);
    cleanup_free char *credentials = own_credentials_text(&server->credentials);

    return xasprintf("# Written once by ocf:redis-ha:sentinel. Sentinel itself keeps it since.\n"
                     "port %d\ndir %s\nprotected-mode no\nsentinel announce-ip %s\n%s",
                     (int)server->params->port, dir, announced, credentials);
}

static bool conf_watches(const struct redis_conf *conf, const char *master_name)
{
    for (size_t i = 0; i < redis_conf_count(conf, "sentinel"); i++) {
        const char *verb = redis_conf_word(conf, "sentinel", i, 0);

        if (verb && strcasecmp(verb, "monitor") == 0 &&
            str_eq(redis_conf_word(conf, "sentinel", i, 1), master_name))
            return true;
    }
    return false;
}

static enum ocf_exit check_content(const struct sentinel_params *params,
                                   const struct redis_conf *conf)
{
    const char *port = redis_conf_value(conf, "port");
    int64_t number = 26379;

    if (port && parse_int64(port, 0, 65535, &number) < 0)
        return ocf_fail(OCF_ERR_ARGS, "config: %s has port \"%s\"; expected 1 to 65535",
                        params->config, port);
    if (number != params->port)
        return ocf_fail(OCF_ERR_ARGS,
                        "port: %d, but %s, which is to be taken over, has port %d; expected the "
                        "same",
                        (int)params->port, params->config, (int)number);
    if (!conf_watches(conf, params->master_name))
        return ocf_fail(OCF_ERR_ARGS,
                        "master_name: \"%s\" is not in %s, which is to be taken over; expected the "
                        "name of one of its `sentinel monitor` lines",
                        params->master_name, params->config);
    return OCF_SUCCESS;
}

enum ocf_exit sentinel_check_config(const struct sentinel_params *params)
{
    cleanup_redis_conf struct redis_conf *conf = NULL;
    cleanup_free char *problem = NULL;
    struct stat st;

    if (stat(params->config, &st) < 0)
        return ocf_fail(errno == ENOENT ? OCF_ERR_INSTALLED : OCF_ERR_ARGS,
                        "config: \"%s\" cannot be read: %s; expected a sentinel.conf",
                        params->config, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ocf_fail(OCF_ERR_ARGS,
                        "config: \"%s\" is not a regular file; expected a sentinel.conf",
                        params->config);
    if (redis_conf_read(params->config, &conf, &problem) < 0)
        return ocf_fail(OCF_ERR_ARGS, "config: %s", problem);
    return check_content(params, conf);
}

/* Sentinel's user gets through to its folder, which is its own: it writes the file anew in there.
 */
static int make_folder(const struct sentinel_server *server, const struct passwd *pw)
{
    if (chmod(RHA_STATE_DIR, PASSABLE) < 0 || chmod(AGENT_STATE, PASSABLE) < 0 ||
        chmod(server->context->state_dir, PASSABLE) < 0)
        return -errno;
    if (mkdir(server->data_dir, 0700) < 0 && errno != EEXIST)
        return -errno;
    return lchown(server->data_dir, pw->pw_uid, pw->pw_gid) < 0 ? -errno : 0;
}

static int first_text(const struct sentinel_server *server, char **text, char **problem)
{
    char address[256];
    int rc;

    if (server->params->config)
        return file_read(server->params->config, CONFIG_MAX, text);
    rc = node_address(server->context, server->params->address, server->context->instance, address,
                      sizeof(address), problem);
    if (rc == 0)
        *text = sentinel_file_text(server, address);
    return rc;
}

/* A user changed since must own it too, so ownership is set at every start; the text never is. */
enum ocf_exit sentinel_make_file(const struct sentinel_server *server)
{
    const struct passwd *pw = getpwnam(server_user(server->params->user));
    cleanup_free char *text = NULL, *problem = NULL;
    int rc = pw ? make_folder(server, pw) : -ENOENT;

    if (!rc && !sentinel_has_file(server)) {
        rc = first_text(server, &text, &problem);
        if (!rc)
            rc = file_write_atomic(server->conf_path, text, 0600);
        if (text)
            explicit_bzero(text, strlen(text));
    }
    if (!rc && lchown(server->conf_path, pw->pw_uid, pw->pw_gid) < 0)
        rc = -errno;
    if (problem)
        return ocf_fail(OCF_ERR_GENERIC, "%s", problem);
    if (rc)
        return ocf_fail(OCF_ERR_GENERIC, "%s could not be written: %s", server->conf_path,
                        strerror(-rc));
    return OCF_SUCCESS;
}

/* The rest of the first line that has `mark`; NULL: none. */
static char *line_with(const char *log, const char *mark)
{
    const char *at = strstr(log, mark);

    return at ? strndup(at, strcspn(at, "\r\n")) : NULL;
}

/* "at line 3 ... >>> 'the line' ... what is wrong": the line itself is left out. */
static char *config_error(const char *log)
{
    cleanup_free char *where = line_with(log, "at line ");
    const char *quoted = strstr(log, "\n>>> ");
    const char *what = quoted ? strchr(quoted + 1, '\n') : NULL;

    if (!where || !what)
        return xstrdup("its file has an error");
    return xasprintf("its file has an error %s: %.*s", where, (int)strcspn(what + 1, "\r\n"),
                     what + 1);
}

bool sentinel_log_reason(const char *log, char **reason)
{
    static const char *const marks[] = {"Could not create server", "Sentinel config file", "Can't ",
                                        "Failed ", "Fatal "};

    *reason = NULL;
    if (strstr(log, "FATAL CONFIG FILE ERROR")) {
        *reason = config_error(log);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(marks) && !*reason; i++)
        *reason = line_with(log, marks[i]);
    return false;
}
