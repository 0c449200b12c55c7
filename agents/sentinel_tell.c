// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentinel takes a new primary over by a hello of a higher epoch that names a peer which it knows,
 * and passes it on to the other Sentinels; so it keeps them, and says +switch-master to its
 * subscribers. One that knows no peer yet is made to forget the old primary and to watch the new
 * one.
 */
#include "sentinel_tell.h"

#include "log.h"
#include "redis_conf.h"
#include "server.h"
#include "util.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

#define POLL_MS 100

static int tell(const struct sentinel_server *server, struct redis_client *client, size_t argc,
                const char *const *argv, char **problem)
{
    int rc = redis_ask(client, server->context->deadline, NULL, argc, argv);

    if (rc)
        *problem = xasprintf("%s %s was answered: %s", argv[0], argv[1],
                             rc == -EREMOTEIO ? redis_client_error_text(client) : strerror(-rc));
    return rc;
}

static int set(const struct sentinel_server *server, struct redis_client *client,
               const char *option, const char *value, char **problem)
{
    const char *const argv[] = {"SENTINEL", "SET", server->params->master_name, option, value};

    return tell(server, client, ARRAY_SIZE(argv), argv, problem);
}

static int set_number(const struct sentinel_server *server, struct redis_client *client,
                      const char *option, int64_t is, int64_t wanted, char **problem)
{
    cleanup_free char *value = xasprintf("%lld", (long long)wanted);

    if (is == wanted)
        return 0;
    log_notice("Sentinel's %s: %lld, set to %s", option, (long long)is, value);
    return set(server, client, option, value, problem);
}

/* Sentinel does not show what password it has, so it is set each time; Sentinel takes the same one
 * again without a new connection being of any harm. */
static int set_credentials(const struct sentinel_server *server, struct redis_client *client,
                           char **problem)
{
    const struct credentials *credentials = &server->credentials;
    int rc = 0;

    if (credentials->username)
        rc = set(server, client, "auth-user", credentials->username, problem);
    if (!rc && credentials->password)
        rc = set(server, client, "auth-pass", credentials->password, problem);
    return rc;
}

static bool is_applied(const struct sentinel_server *server, const struct sentinel_view *view)
{
    const struct sentinel_params *params = server->params;

    return view->quorum == params->quorum && view->down_after_ms == params->down_after_ms &&
           view->failover_timeout_ms == params->failover_timeout_ms &&
           view->parallel_syncs == params->parallel_syncs;
}

int sentinel_apply(const struct sentinel_server *server, struct redis_client *client,
                   const struct sentinel_view *view, char **problem)
{
    const struct sentinel_params *params = server->params;
    int rc = set_credentials(server, client, problem);

    if (!rc)
        rc = set_number(server, client, "quorum", view->quorum, params->quorum, problem);
    if (!rc)
        rc = set_number(server, client, "down-after-milliseconds", view->down_after_ms,
                        params->down_after_ms, problem);
    if (!rc)
        rc = set_number(server, client, "failover-timeout", view->failover_timeout_ms,
                        params->failover_timeout_ms, problem);
    if (!rc)
        rc = set_number(server, client, "parallel-syncs", view->parallel_syncs,
                        params->parallel_syncs, problem);
    return rc;
}

/* One that was adopted has its own, and so may one that gave no answer when it was reloaded. */
bool sentinel_keep_applied(const struct sentinel_server *server, struct redis_client *client,
                           const struct sentinel_view *view)
{
    cleanup_free char *problem = NULL;

    if (!view->watches || view->is_failing_over || server->context->is_probe ||
        !server->context->params_valid || is_applied(server, view))
        return false;
    if (sentinel_apply(server, client, view, &problem))
        log_warning("Sentinel could not be set to the parameters: %s", problem);
    return true;
}

int sentinel_await_failover(const struct sentinel_server *server, struct redis_client *client,
                            struct sentinel_view *view, char **problem)
{
    struct deadline deadline = server->context->deadline;
    const char *name = server->params->master_name;
    bool waited = false;
    int rc;

    while (
        (rc = sentinel_view_ask(client, name, deadline_min(deadline, deadline_in(SERVER_ANSWER_MS)),
                                view, problem)) == 0 &&
        view->is_failing_over && deadline_left_ms(deadline) > SERVER_ANSWER_MS &&
        deadline_pause(deadline, POLL_MS)) {
        if (!waited)
            log_notice("Sentinel is in a failover, which goes on with what it began with; then it "
                       "is set anew");
        waited = true;
    }
    return rc;
}

int sentinel_watch(const struct sentinel_server *server, struct redis_client *client,
                   const struct peer *primary, char **problem)
{
    const char *name = server->params->master_name;
    cleanup_free char *port = xasprintf("%d", primary->port);
    cleanup_free char *quorum = xasprintf("%lld", (long long)server->params->quorum);
    const char *const argv[] = {"SENTINEL", "MONITOR", name, primary->host, port, quorum};
    struct sentinel_view view;
    int rc = tell(server, client, ARRAY_SIZE(argv), argv, problem);

    if (!rc)
        rc = sentinel_view_ask(client, name, server->context->deadline, &view, problem);
    return rc ? rc : sentinel_apply(server, client, &view, problem);
}

int64_t sentinel_next_epoch(const struct sentinel_server *server, const struct sentinel_view *view,
                            const struct redis_list *peers)
{
    cleanup_redis_conf struct redis_conf *conf = NULL;
    cleanup_free char *problem = NULL;
    int64_t highest = view->config_epoch;
    int64_t epoch;

    for (size_t i = 0; i + 1 < peers->count; i++) {
        if (str_eq(peers->items[i], "voted-leader-epoch") && peers->items[i + 1] &&
            parse_int64(peers->items[i + 1], 0, INT64_MAX - 1, &epoch) == 0 && epoch > highest)
            highest = epoch;
    }
    if (redis_conf_read(server->conf_path, &conf, &problem) < 0)
        return highest + 1;
    for (size_t i = 0; i < redis_conf_count(conf, "sentinel"); i++) {
        const char *word = redis_conf_word(conf, "sentinel", i, 0);
        const char *value = redis_conf_word(conf, "sentinel", i, 1);

        if (word && value && strcasecmp(word, "current-epoch") == 0 &&
            parse_int64(value, 0, INT64_MAX - 1, &epoch) == 0 && epoch > highest)
            highest = epoch;
    }
    return highest + 1;
}

char *sentinel_hello_of(const char *master_name, const char *host, int port, const char *id,
                        const struct peer *primary, int64_t epoch)
{
    long long number = (long long)epoch;

    return xasprintf("%s,%d,%s,%lld,%s,%s,%d,%lld", host, port, id, number, master_name,
                     primary->host, primary->port, number);
}

char *sentinel_hello_text(const char *master_name, const struct redis_list *peers,
                          const struct peer *primary, int64_t epoch)
{
    struct sentinel_entry peer;

    if (sentinel_entries_read(peers, &peer, 1) == 0 || !peer.host[0] || !peer.id[0])
        return NULL;
    return sentinel_hello_of(master_name, peer.host, peer.port, peer.id, primary, epoch);
}

/* -ENOENT: it knows no peer in whose name it could be told. */
static int switch_by_hello(const struct sentinel_server *server, struct redis_client *client,
                           const struct sentinel_view *view, const struct peer *primary,
                           char **problem)
{
    const char *name = server->params->master_name;
    const char *const ask[] = {"SENTINEL", "SENTINELS", name};
    struct redis_list peers = {0};
    cleanup_free char *hello = NULL;
    int rc = redis_ask_list(client, server->context->deadline, &peers, ARRAY_SIZE(ask), ask);

    if (!rc)
        hello =
            sentinel_hello_text(name, &peers, primary, sentinel_next_epoch(server, view, &peers));
    redis_list_free(&peers);
    if (!hello)
        return -ENOENT;
    return tell(server, client, 3, (const char *const[]){"PUBLISH", SENTINEL_HELLO_CHANNEL, hello},
                problem);
}

static bool names(const struct sentinel_server *server, struct redis_client *client,
                  const struct peer *primary)
{
    struct sentinel_view view;
    cleanup_free char *problem = NULL;

    return sentinel_view_ask(client, server->params->master_name, server->context->deadline, &view,
                             &problem) == 0 &&
           str_eq(view.host, primary->host) && view.port == primary->port;
}

int sentinel_switch(const struct sentinel_server *server, struct redis_client *client,
                    const struct sentinel_view *view, const struct peer *primary, char **problem)
{
    const char *const forget[] = {"SENTINEL", "REMOVE", server->params->master_name};
    cleanup_free char *why_not = NULL;
    int rc = switch_by_hello(server, client, view, primary, &why_not);

    if (rc == 0 && names(server, client, primary))
        return 0;
    log_debug("a hello did not make Sentinel switch: %s", why_not ? why_not : strerror(-rc));
    rc = tell(server, client, ARRAY_SIZE(forget), forget, problem);
    return rc ? rc : sentinel_watch(server, client, primary, problem);
}
