// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asked for when something happened, each second while Sentinel could promote a server, and now and
 * then.
 */
#include "sentinel_members.h"

#include "clock.h"
#include "log.h"
#include "sentinel_forget.h"
#include "sentinel_primary.h"
#include <errno.h>
#include <string.h>

#define ANSWER_MS 1000
#define QUIET_MS  5000 /* between two questions while nothing happens */

struct sentinel_members {
    const struct sentinel_server *server;
    struct sentinel_forget *forget;
    struct sentinel_lists lists;
    bool changed, asking;
    int64_t asked_ms;
    bool in_force;
    const char *word;
    char promotable[300]; /* as it was logged last; "": nobody */
};

/* Sentinel promotes no server of priority 0, and knows priorities by its last INFO. */
static void tell_authority(struct sentinel_members *members)
{
    const struct sentinel_lists *lists = &members->lists;
    const struct sentinel_entry *entry = sentinel_promotable(lists->replica, lists->replica_count);
    char said[sizeof(members->promotable)] = "";

    members->word = entry ? "harmful" : "harmless";
    if (!sentinel_must_obey_pacemaker(members->server)) {
        members->in_force = false;
        members->promotable[0] = '\0';
        return;
    }
    if (entry)
        snprintf(said, sizeof(said), "%s:%d with replica-priority %d", entry->host, entry->port,
                 entry->priority);
    if (entry && !str_eq(said, members->promotable))
        log_warning("authority=pacemaker is not in force here: Sentinel still lists %s, so it "
                    "could promote it, until its next INFO (up to 10 s)",
                    said);
    if (!entry && !members->in_force)
        log_notice("authority=pacemaker is in force here: of %zu replicas Sentinel lists none that "
                   "it could promote",
                   lists->replica_count);
    members->in_force = !entry;
    snprintf(members->promotable, sizeof(members->promotable), "%s", said);
}

static void peers_came(void *data, const struct redis_answer *answer)
{
    struct sentinel_members *members = data;
    struct sentinel_lists *lists = &members->lists;

    members->asking = false;
    if (answer->rc)
        return;
    lists->peer_count = sentinel_entries_read(answer->list, lists->peer, SENTINEL_ENTRIES_MAX);
    tell_authority(members);
    sentinel_forget_seen(members->forget, lists);
}

static void replicas_came(void *data, const struct redis_answer *answer)
{
    struct sentinel_members *members = data;
    struct sentinel_lists *lists = &members->lists;
    const char *name = members->server->params->master_name;

    members->asking =
        answer->rc == 0 && redis_async_ask_words(lists->asks, ANSWER_MS, peers_came, members,
                                                 "SENTINEL", "SENTINELS", name, NULL) == 0;
    if (answer->rc == 0)
        lists->replica_count =
            sentinel_entries_read(answer->list, lists->replica, SENTINEL_ENTRIES_MAX);
}

void sentinel_members_changed(struct sentinel_members *members)
{
    members->changed = true;
}

void sentinel_members_seen(struct sentinel_members *members, struct redis_async *asks,
                           const struct sentinel_view *view)
{
    const char *name = members->server->params->master_name;
    int64_t now = clock_ms();
    bool is_due = members->changed || members->promotable[0] || !members->asked_ms ||
                  now >= members->asked_ms + QUIET_MS;

    if (!view->watches || members->asking || !is_due)
        return;
    members->lists.asks = asks;
    members->lists.view = *view;
    members->changed = false;
    members->asked_ms = now;
    members->asking = redis_async_ask_words(asks, ANSWER_MS, replicas_came, members, "SENTINEL",
                                            "REPLICAS", name, NULL) == 0;
}

int sentinel_members_open(struct loop *loop, const struct sentinel_server *server,
                          struct sentinel_members **made)
{
    struct sentinel_members *members = xcalloc(1, sizeof(*members));

    members->server = server;
    members->word = "unknown";
    *made = members;
    return sentinel_forget_open(loop, server, &members->forget);
}

const char *sentinel_members_word(const struct sentinel_members *members)
{
    return members->word;
}

void sentinel_members_close(struct sentinel_members *members)
{
    if (!members)
        return;
    sentinel_forget_close(members->forget);
    free(members);
}
