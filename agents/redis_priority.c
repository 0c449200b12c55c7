// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our 0 is told from a user's by its company: a server that is held has repl-backlog-ttl 0 as well
 * (redis_watch_redis.c), and CONFIG REWRITE writes both.
 */
#include "redis_priority.h"

#include "util.h"
#include <errno.h>
#include <string.h>

#define PRIORITY_DEFAULT 100
#define NOTE_MAX         32

static char *note_path(const struct redis_server *server)
{
    return xasprintf("%s/priority", server->context->state_dir);
}

static bool is_zero(const struct redis_conf *conf, const char *key)
{
    return str_eq(redis_conf_value(conf, key), "0");
}

static bool is_overwritten(const struct redis_conf *conf)
{
    return conf && is_zero(conf, "replica-priority") && is_zero(conf, "repl-backlog-ttl");
}

static int number_of(const char *text)
{
    int64_t number;

    return text && parse_int64(text, 0, INT32_MAX, &number) == 0 ? (int)number : PRIORITY_DEFAULT;
}

/* Without a note it cannot have been us. */
static bool noted(const struct redis_server *server, int *priority)
{
    cleanup_free char *path = note_path(server);
    cleanup_free char *text = NULL;

    if (file_read(path, NOTE_MAX, &text) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    *priority = number_of(text);
    return true;
}

int redis_priority_of_user(const struct redis_server *server)
{
    const struct redis_conf *conf = server->conf;
    int priority;

    if (is_overwritten(conf) && noted(server, &priority))
        return priority;
    return number_of(conf ? redis_conf_value(conf, "replica-priority") : NULL);
}

int redis_priority_note(const struct redis_server *server)
{
    cleanup_free char *path = note_path(server);
    cleanup_free char *text = xasprintf("%d\n", server->priority);
    int before;

    if (!server->conf || (noted(server, &before) && before == server->priority))
        return 0;
    return file_write_atomic(path, text, 0600);
}
