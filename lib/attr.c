// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attrd_updater and crm_attribute, by their exit codes (crm/common/results.h) and what they print.
 * Values go as --option=VALUE: one that begins with '-' is then no option.
 */
#include "attr.h"

#include "run.h"
#include "util.h"
#include <errno.h>
#include <string.h>

/* Exit codes of Pacemaker's tools. */
enum tool_exit {
    TOOL_OK = 0,
    TOOL_NOHOST = 68,      /* no such node (3.0; 2.1 says TOOL_NOSUCH) */
    TOOL_CONFIG = 78,      /* attrd_updater: the attribute has no value on that node */
    TOOL_DISCONNECT = 102, /* the daemon is not there */
    TOOL_NOSUCH = 105,     /* no such attribute */
    TOOL_TIMEOUT = 124,
};

/* 0; -ENOTCONN: no cluster, or none of its tools; -ENODATA: not set; -EREMOTEIO: refused;
 * -ETIMEDOUT, -errno. */
static int tool_run(const char *const *argv, struct deadline deadline, struct run_result *result)
{
    int rc = run_program(argv, deadline, result);

    if (rc == -ENOENT)
        return -ENOTCONN;
    if (rc)
        return rc;
    switch (result->exit_code) {
    case TOOL_OK:
        return 0;
    case TOOL_DISCONNECT:
        return -ENOTCONN;
    case TOOL_NOHOST:
    case TOOL_CONFIG:
    case TOOL_NOSUCH:
        return -ENODATA;
    case TOOL_TIMEOUT:
        return -ETIMEDOUT;
    default:
        return -EREMOTEIO;
    }
}

/* "value++" and "value+=N" would be worked out by attrd (attrd_expand_value), which looks for the
 * signs at a place of its own: none of ours has them anywhere. */
static bool value_is_sum(const char *value)
{
    return strstr(value, "++") || strstr(value, "+=");
}

static int attr_tell(const char *name, const char *command, struct deadline deadline)
{
    cleanup_free char *name_option = xasprintf("--name=%s", name);
    const char *const argv[] = {"attrd_updater", name_option, command, "--delay=0", NULL};
    struct run_result result;
    int rc = tool_run(argv, deadline, &result);

    run_clear(&result);
    return rc;
}

int attr_set(const char *name, const char *value, struct deadline deadline)
{
    cleanup_free char *update = NULL;

    if (str_is_empty(name) || !value || value_is_sum(value))
        return -EINVAL;
    update = xasprintf("--update=%s", value);
    return attr_tell(name, update, deadline);
}

int attr_clear(const char *name, struct deadline deadline)
{
    int rc;

    if (str_is_empty(name))
        return -EINVAL;
    rc = attr_tell(name, "--delete", deadline);
    return rc == -ENODATA ? 0 : rc;
}

/* The last line that is not empty: warnings of the tools come before it. In place. */
static char *last_line(char *text)
{
    size_t length = strlen(text);
    char *end;

    while (length > 0 && strchr("\r\n", text[length - 1]))
        text[--length] = '\0';
    end = strrchr(text, '\n');
    return end ? end + 1 : text;
}

static int permanent_get(const char *node, const char *name, struct deadline deadline, char **value)
{
    cleanup_free char *node_option = xasprintf("--node=%s", node);
    cleanup_free char *name_option = xasprintf("--name=%s", name);
    const char *const argv[] = {"crm_attribute", node_option, name_option, "--lifetime=forever",
                                "--query",       "--quiet",   NULL};
    struct run_result result;
    int rc = tool_run(argv, deadline, &result);

    if (rc == 0) {
        const char *found = last_line(result.output);

        rc = str_is_empty(found) ? -ENODATA : 0;
        *value = rc ? NULL : xstrdup(found);
    }
    run_clear(&result);
    return rc;
}

/* Pacemaker 3 writes these instead of the signs, 2.1 the signs. In place. */
static void entities_decode(char *text)
{
    static const struct {
        const char *entity;
        char sign;
    } entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
    char *to = text;

    while (*text) {
        size_t i = 0;

        while (i < ARRAY_SIZE(entities) && !str_starts(text, entities[i].entity))
            i++;
        if (i < ARRAY_SIZE(entities)) {
            *to++ = entities[i].sign;
            text += strlen(entities[i].entity);
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
}

/* name="redis-status" host="n1" value="primary": the value, NULL where there is none. In place. */
static char *query_value(char *output)
{
    static const char before[] = " value=\"";
    char *value = strstr(last_line(output), before);
    char *end;

    if (!value)
        return NULL;
    value += strlen(before);
    end = strrchr(value, '"');
    if (!end)
        return NULL;
    *end = '\0';
    entities_decode(value);
    return value;
}

static int transient_get(const char *node, const char *name, struct deadline deadline, char **value)
{
    cleanup_free char *node_option = xasprintf("--node=%s", node);
    cleanup_free char *name_option = xasprintf("--name=%s", name);
    const char *const argv[] = {"attrd_updater", name_option, node_option, "--query", NULL};
    struct run_result result;
    int rc = tool_run(argv, deadline, &result);

    if (rc == 0) {
        const char *found = query_value(result.output);

        rc = found ? 0 : -EPROTO;
        *value = str_is_empty(found) ? NULL : xstrdup(found);
    }
    run_clear(&result);
    return rc;
}

int attr_get(const char *node, const char *name, struct deadline deadline, char **value)
{
    int rc;

    *value = NULL;
    if (str_is_empty(node) || str_is_empty(name))
        return -EINVAL;
    rc = permanent_get(node, name, deadline, value);
    if (rc == -ENODATA)
        rc = transient_get(node, name, deadline, value);
    return rc == -ENODATA ? 0 : rc;
}
