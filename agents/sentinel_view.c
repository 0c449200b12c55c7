// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks Sentinel and reads its answers. Fields that an answer lacks stay 0.
 */
#include "sentinel_view.h"

#include "util.h"
#include <errno.h>
#include <string.h>

#define HOST_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-_%"
#define EPOCH_MAX       (INT64_MAX - 1) /* there is one above it */

static int64_t number_of(const struct redis_list *list, const char *field, int64_t max)
{
    const char *text = redis_list_field(list, field);
    int64_t value;

    return text && parse_int64(text, 0, max, &value) == 0 ? value : 0;
}

/* Both, or neither: they go into an attribute and into what other Sentinels are told. */
static void read_address(const struct redis_list *master, struct sentinel_view *view)
{
    const char *host = redis_list_field(master, "ip");
    int port = (int)number_of(master, "port", 65535);

    if (!port || !host || strlen(host) >= sizeof(view->host) || host[strspn(host, HOST_CHARACTERS)])
        return;
    snprintf(view->host, sizeof(view->host), "%s", host);
    view->port = host[0] ? port : 0;
}

/* `flags` is a list of words with commas. */
static bool has_flag(const char *flags, const char *flag)
{
    size_t length = strlen(flag);

    for (const char *at = flags; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, flag, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

void sentinel_view_read_master(const struct redis_list *master, struct sentinel_view *view)
{
    const char *flags = redis_list_field(master, "flags");

    view->watches = true;
    read_address(master, view);
    view->is_sdown = has_flag(flags, "s_down");
    view->is_odown = has_flag(flags, "o_down");
    view->is_failing_over = has_flag(flags, "failover_in_progress");
    view->reports_replica = str_eq(redis_list_field(master, "role-reported"), "slave");
    view->quorum = number_of(master, "quorum", INT64_MAX);
    view->down_after_ms = number_of(master, "down-after-milliseconds", INT64_MAX);
    view->failover_timeout_ms = number_of(master, "failover-timeout", INT64_MAX);
    view->parallel_syncs = number_of(master, "parallel-syncs", INT64_MAX);
    view->config_epoch = number_of(master, "config-epoch", EPOCH_MAX);
}

/* "OK 3 usable Sentinels. ..." or "NOQUORUM 1 usable Sentinels. ..." */
void sentinel_view_read_quorum(const char *words, struct sentinel_view *view)
{
    int usable;

    snprintf(view->quorum_words, sizeof(view->quorum_words), "%s", words);
    view->quorum_words[strcspn(view->quorum_words, "\r\n")] = '\0';
    view->has_quorum = str_starts(words, "OK ");
    if (sscanf(words, "%*15s %d usable", &usable) == 1 && usable > 0)
        view->usable = usable;
}

void sentinel_view_read_info(const char *text, struct sentinel_view *view)
{
    view->is_tilt = strstr(text, "sentinel_tilt:1") != NULL;
}

/* A replica that was never asked has no master host, and the default priority of 100. */
static void read_field(struct sentinel_entry *entry, const char *field, const char *value)
{
    int64_t number = 0;
    bool is_number = parse_int64(value, 0, INT32_MAX, &number) == 0;

    if (str_eq(field, "ip"))
        snprintf(entry->host, sizeof(entry->host), "%s", value);
    else if (str_eq(field, "port") && is_number)
        entry->port = (int)number;
    else if (str_eq(field, "runid"))
        snprintf(entry->id, sizeof(entry->id), "%s", value);
    else if (str_eq(field, "flags"))
        entry->is_down = has_flag(value, "s_down");
    else if (str_eq(field, "master-host"))
        entry->is_asked = !str_eq(value, "?");
    else if (str_eq(field, "slave-priority") && is_number)
        entry->priority = (int)number;
}

/* Each begins with its name. */
size_t sentinel_entries_read(const struct redis_list *list, struct sentinel_entry *entries,
                             size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i + 1 < list->count; i += 2) {
        const char *field = list->items[i], *value = list->items[i + 1];

        if (str_eq(field, "name")) {
            if (count == max)
                break;
            entries[count++] = (struct sentinel_entry){.port = 0};
        }
        if (count && field && value)
            read_field(&entries[count - 1], field, value);
    }
    return count;
}

const struct sentinel_entry *sentinel_promotable(const struct sentinel_entry *replicas,
                                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (replicas[i].priority && replicas[i].is_asked && !replicas[i].is_down)
            return &replicas[i];
    }
    return NULL;
}

/* -EREMOTEIO: it does not know that name; the rest of the view is still wanted. */
static int ask_master(struct redis_client *client, const char *master_name,
                      struct deadline deadline, struct sentinel_view *view)
{
    const char *const ask[] = {"SENTINEL", "MASTER", master_name};
    struct redis_list list = {0};
    int rc = redis_ask_list(client, deadline, &list, ARRAY_SIZE(ask), ask);

    if (rc == 0)
        sentinel_view_read_master(&list, view);
    redis_list_free(&list);
    return rc == -EREMOTEIO && redis_client_error(client) != REDIS_ERROR_NOAUTH ? 0 : rc;
}

static int ask_quorum(struct redis_client *client, const char *master_name,
                      struct deadline deadline, struct sentinel_view *view)
{
    cleanup_free char *text = NULL;
    int rc = redis_ask_words(client, deadline, &text, "SENTINEL", "CKQUORUM", master_name, NULL);

    if (rc == 0 || rc == -EREMOTEIO)
        sentinel_view_read_quorum(text ? text : redis_client_error_text(client), view);
    return rc == -EREMOTEIO ? 0 : rc;
}

static int ask_replicas(struct redis_client *client, const char *master_name,
                        struct deadline deadline, struct sentinel_view *view)
{
    const char *const ask[] = {"SENTINEL", "REPLICAS", master_name};
    struct sentinel_entry replicas[SENTINEL_ENTRIES_MAX] = {0};
    const struct sentinel_entry *promotable;
    struct redis_list list = {0};
    int rc = redis_ask_list(client, deadline, &list, ARRAY_SIZE(ask), ask);

    promotable =
        sentinel_promotable(replicas, sentinel_entries_read(&list, replicas, SENTINEL_ENTRIES_MAX));
    if (promotable)
        view->promotable = *promotable;
    redis_list_free(&list);
    return rc;
}

static int ask_tilt(struct redis_client *client, struct deadline deadline,
                    struct sentinel_view *view)
{
    cleanup_free char *text = NULL;
    int rc = redis_ask_words(client, deadline, &text, "INFO", "sentinel", NULL);

    if (rc == 0 && text)
        sentinel_view_read_info(text, view);
    return rc;
}

int sentinel_view_ask(struct redis_client *client, const char *master_name,
                      struct deadline deadline, struct sentinel_view *view, char **problem)
{
    int rc = redis_ask_words(client, deadline, NULL, "PING", NULL);

    memset(view, 0, sizeof(*view));
    if (rc == 0)
        rc = ask_master(client, master_name, deadline, view);
    if (rc == 0 && view->watches)
        rc = ask_quorum(client, master_name, deadline, view);
    if (rc == 0 && view->watches)
        rc = ask_replicas(client, master_name, deadline, view);
    if (rc == 0)
        rc = ask_tilt(client, deadline, view);
    if (rc)
        *problem = xstrdup(rc == -EREMOTEIO ? redis_client_error_text(client) : strerror(-rc));
    return rc;
}

const char *sentinel_view_status(const struct sentinel_view *view)
{
    if (view->is_tilt)
        return "tilt";
    if (!view->has_quorum)
        return "no-quorum";
    if (view->is_odown)
        return "odown";
    return view->is_sdown ? "sdown" : "ok";
}

void sentinel_view_attributes(const struct sentinel_view *view, sentinel_attribute_fn fn,
                              void *data)
{
    cleanup_free char *primary = NULL;
    cleanup_free char *usable = NULL;

    if (view && view->port)
        primary = xasprintf("%s:%d", view->host, view->port);
    if (view && view->usable)
        usable = xasprintf("%d", view->usable);
    fn(data, "status", view ? sentinel_view_status(view) : NULL);
    fn(data, "master", primary);
    fn(data, "sentinels", usable);
}
