// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells the local server to change its role, and looks whether it did.
 */
#include "redis_change.h"

#include "log.h"
#include "redis_start.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

#define PAUSE_MS        "60000" /* the demotion that follows ends it; a dead agent's pause ends too */
#define CONFIRM_MS      20
#define TERM_GRACE_MS   2000
#define KILL_RESERVE_MS 1500
#define KILL_LEAST_MS   300 /* also past the deadline: the answer is better late than false */

/* One command whose reply is of no interest: 0 or -errno with *problem. */
static int tell(struct redis_view *view, struct deadline deadline, char **problem, const char *a,
                const char *b, const char *c)
{
    const char *const words[] = {a, b, c};
    size_t count = c ? 3 : b ? 2 : 1;
    int rc = redis_ask(view->client, deadline, NULL, count, words);

    if (rc == -EREMOTEIO)
        *problem = xasprintf("%s was answered with: %s", a, redis_client_error_text(view->client));
    else if (rc)
        *problem = xasprintf("%s got no answer: %s", a, strerror(-rc));
    return rc;
}

static int refresh(struct redis_view *view, struct deadline deadline, char **problem)
{
    cleanup_free char *text = NULL;
    int rc = redis_ask_words(view->client, deadline, &text, "INFO", NULL);

    if (rc == 0 && text)
        rc = redis_info_parse(text, strlen(text), &view->info);
    if (rc)
        *problem = xasprintf("INFO got no usable answer: %s", strerror(-rc));
    return rc;
}

int redis_detach(struct redis_view *view, struct deadline deadline, char **problem)
{
    char port[16];
    int rc;

    snprintf(port, sizeof(port), "%d", REDIS_NOWHERE_PORT);
    rc = tell(view, deadline, problem, "REPLICAOF", REDIS_NOWHERE_HOST, port);
    if (!rc)
        rc = refresh(view, deadline, problem);
    if (!rc && view->info.role != REDIS_ROLE_REPLICA) {
        *problem = xstrdup("REPLICAOF was accepted, but the server still is no replica");
        rc = -EPROTO;
    }
    if (!rc) {
        view->state = REDIS_REPLICA;
        log_notice("detached: a replica of nobody");
    }
    return rc;
}

int redis_lead(struct redis_view *view, struct deadline deadline, char **problem)
{
    int rc = tell(view, deadline, problem, "REPLICAOF", "NO", "ONE");

    if (!rc)
        rc = refresh(view, deadline, problem);
    if (!rc && view->info.role != REDIS_ROLE_PRIMARY) {
        *problem = xstrdup("REPLICAOF NO ONE was accepted, but the server still is no primary");
        rc = -EPROTO;
    }
    if (!rc)
        view->state = REDIS_PRIMARY;
    return rc;
}

/* Replicas whose last acknowledgement is older than our data, or that are being copied to. */
static size_t unacknowledged(const struct redis_info *own)
{
    size_t count = 0;

    for (size_t i = 0; i < own->replica_count; i++)
        count += !own->replicas[i].online || own->replicas[i].offset < own->offset;
    return count;
}

int redis_drain(struct redis_view *view, struct deadline deadline, char **problem)
{
    size_t missing;
    int rc =
        redis_ask_words(view->client, deadline, NULL, "CLIENT", "PAUSE", PAUSE_MS, "WRITE", NULL);

    if (rc) {
        *problem =
            xasprintf("CLIENT PAUSE failed: %s",
                      rc == -EREMOTEIO ? redis_client_error_text(view->client) : strerror(-rc));
        return rc;
    }
    do {
        rc = refresh(view, deadline, problem);
        if (rc)
            return rc;
        missing = unacknowledged(&view->info);
        if (missing == 0)
            return 0;
    } while (deadline_pause(deadline, CONFIRM_MS));
    *problem = xasprintf("%zu replicas do not hold offset %lld yet", missing,
                         (long long)view->info.offset);
    return -ETIMEDOUT;
}

void redis_drop_clients(struct redis_view *view, struct deadline deadline)
{
    static const char *const types[] = {"normal", "pubsub"};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        int rc = redis_ask_words(view->client, deadline, NULL, "CLIENT", "KILL", "TYPE", types[i],
                                 "SKIPME", "yes", NULL);

        if (rc)
            log_warning("the %s clients could not be disconnected (%s): they find a read-only "
                        "replica",
                        types[i], strerror(-rc));
    }
}

void redis_unpause(struct redis_view *view, struct deadline deadline)
{
    int rc = redis_ask_words(view->client, deadline, NULL, "CLIENT", "UNPAUSE", NULL);

    if (rc)
        log_warning("CLIENT UNPAUSE failed (%s): writes stay paused for up to %s ms", strerror(-rc),
                    PAUSE_MS);
}

static int set_credentials(struct redis_view *view, const struct credentials *credentials,
                           struct deadline deadline)
{
    int rc = 0;

    if (credentials->replication_username)
        rc = redis_ask_words(view->client, deadline, NULL, "CONFIG", "SET", "masteruser",
                             credentials->replication_username, NULL);
    if (!rc && credentials->replication_password)
        rc = redis_ask_words(view->client, deadline, NULL, "CONFIG", "SET", "masterauth",
                             credentials->replication_password, NULL);
    return rc;
}

void redis_set_replication_credentials(const struct redis_server *server, struct redis_view *view,
                                       struct deadline deadline)
{
    int rc;

    if (!server->params->auth_file)
        return;
    rc = set_credentials(view, &server->credentials, deadline);
    if (rc)
        log_warning("auth_file: the replication user could not be set: %s",
                    rc == -EREMOTEIO ? redis_client_error_text(view->client) : strerror(-rc));
}

/*
 * SHUTDOWN saves as the configuration says; its only good answer is a closed connection. -EIO: it
 * could not save, and will not by TERM either.
 */
static int ask_to_shut_down(struct redis_view *view, struct deadline deadline)
{
    int rc;

    if (!view->client)
        return -ENOTCONN;
    rc = redis_ask_words(view->client, deadline, NULL, "SHUTDOWN", NULL);
    if (rc == -EREMOTEIO) {
        const char *text = redis_client_error_text(view->client);

        log_warning("SHUTDOWN was answered with: %s", text);
        return str_starts(text, "ERR Errors trying to SHUTDOWN") ? -EIO : rc;
    }
    return rc == -ECONNRESET || rc == -EPROTO || rc == 0 ? 0 : rc;
}

/*
 * SHUTDOWN is refused in a script, where it may not be said, and where no connection is left to say
 * it. TERM saves like it and takes as long; a server that gives no sign of life, or cannot save,
 * has little time.
 */
static int64_t term_grace_ms(const struct redis_view *view, int shutdown_rc, int64_t left)
{
    bool answers = redis_state_is_alive(view->state) || view->state == REDIS_REFUSING;
    int64_t most = left - KILL_RESERVE_MS > left / 2 ? left - KILL_RESERVE_MS : left / 2;

    if (answers && shutdown_rc != -EIO)
        return most;
    return most < TERM_GRACE_MS ? most : TERM_GRACE_MS;
}

int redis_end(const struct redis_server *server, struct redis_view *view, struct deadline deadline,
              char **problem)
{
    int64_t left = deadline_left_ms(deadline);
    int64_t saving = left - TERM_GRACE_MS - KILL_RESERVE_MS;
    struct deadline gentle = deadline_in(saving > 0 ? saving : left / 2);
    int rc = -EAGAIN;

    /* In a script it tells no pid, so that we might ask somebody else's. */
    if (redis_state_is_alive(view->state) && view->state != REDIS_BUSY)
        rc = ask_to_shut_down(view, gentle);
    if (!rc)
        rc = proc_wait_gone(&view->process, gentle);
    if (rc) {
        log_warning("pid %d did not end by SHUTDOWN; sending TERM, then KILL",
                    (int)view->process.pid);
        left = deadline_left_ms(deadline);
        rc = proc_end(&view->process, SIGTERM, term_grace_ms(view, rc, left),
                      deadline_in(left > KILL_LEAST_MS ? left : KILL_LEAST_MS));
    }
    if (rc)
        *problem = xasprintf("pid %d (%s) could not be ended: %s", (int)view->process.pid,
                             server->binary ? server->binary : "the server", strerror(-rc));
    return rc;
}
