// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hiredis on the loop. hiredis frees its context by itself when a connection ends, maybe while it
 * is on the stack, and our owner may free the connection in each callback; so the context is known
 * to be gone by its cleanup hook, and a deleted connection is freed by the outermost call of ours
 * (the guard of hiredis's own adapters). Works with hiredis 0.14, which has no timeouts, no push
 * handler and no options.
 */
#include "redis_async_state.h"

#include "redis_greeting.h"
#include "redis_tls.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/un.h>

static void connection_destroy(struct redis_async *connection)
{
    free((char *)connection->endpoint.host);
    free((char *)connection->endpoint.unix_path);
    free((char *)connection->endpoint.username);
    free((char *)connection->endpoint.password);
    redis_tls_free(connection->tls);
    free(connection->down_text);
    free(connection->pattern);
    free(connection);
}

/* --- the guard --- */

void redis_async_enter(struct redis_async *connection)
{
    connection->entered++;
}

/* Tells the end, if it is to be told, as the last thing that happens here. */
void redis_async_leave(struct redis_async *connection)
{
    if (connection->entered == 1 && !connection->context && !connection->deleted &&
        !connection->told_down) {
        connection->told_down = true;
        loop_timer_stop(connection->connecting);
        loop_timer_stop(connection->deadlines);
        connection->events.down(connection->data, connection->down_rc, connection->down_text);
    }
    if (--connection->entered == 0 && connection->deleted)
        connection_destroy(connection);
}

void redis_async_fail(struct redis_async *connection, int rc, const char *text)
{
    if (connection->down_rc)
        return;
    connection->down_rc = rc;
    connection->down_text = xstrdup(text);
}

static void connection_close(struct redis_async *connection, int rc, const char *text)
{
    redis_async_fail(connection, rc, text);
    if (connection->context)
        redisAsyncFree(connection->context); /* in a callback of hiredis: after it */
}

/* --- hiredis's hooks --- */

static void interest_set(struct redis_async *connection, short interest)
{
    if (connection->interest == interest || !connection->watch)
        return;
    connection->interest = interest;
    loop_watch_events(connection->watch, interest);
}

static void read_add(void *data)
{
    struct redis_async *connection = data;

    interest_set(connection, connection->interest | POLLIN);
}

static void read_remove(void *data)
{
    struct redis_async *connection = data;

    interest_set(connection, (short)(connection->interest & ~POLLIN));
}

static void write_add(void *data)
{
    struct redis_async *connection = data;

    interest_set(connection, connection->interest | POLLOUT);
}

static void write_remove(void *data)
{
    struct redis_async *connection = data;

    interest_set(connection, (short)(connection->interest & ~POLLOUT));
}

/* hiredis is about to close the socket and to free the context. */
static void context_gone(void *data)
{
    struct redis_async *connection = data;
    const redisAsyncContext *context = connection->context;

    if (context->err == REDIS_ERR_PROTOCOL)
        redis_async_fail(connection, -EPROTO, context->errstr);
    else
        redis_async_fail(connection, -ECONNRESET, context->err ? context->errstr : "");
    loop_watch_free(steal_pointer(&connection->watch));
    connection->context = NULL;
}

static void socket_ready(void *data, short events)
{
    struct redis_async *connection = data;

    redis_async_enter(connection);
    if (events & (POLLIN | POLLERR | POLLHUP))
        redisAsyncHandleRead(connection->context);
    if (connection->context && (events & POLLOUT) && (connection->interest & POLLOUT))
        redisAsyncHandleWrite(connection->context);
    redis_async_leave(connection);
}

/* --- connecting --- */

static void greeting_answered(void *data, const struct redis_answer *answer)
{
    struct redis_async *connection = data;
    int rc = answer->rc;

    if (rc == -EREMOTEIO)
        rc = redis_greeting_check(&connection->endpoint, answer->error, answer->text);
    if (redis_client_was_refused(rc)) {
        connection_close(connection, rc, answer->text);
    } else if (rc == 0) {
        loop_timer_stop(connection->connecting);
        connection->is_up = true;
        if (connection->events.up)
            connection->events.up(connection->data);
    }
}

static void socket_connected(const redisAsyncContext *context, int status)
{
    struct redis_async *connection = context->data;
    const char *words[REDIS_GREETING_WORDS];
    int saved = errno;

    if (status != REDIS_OK) {
        redis_async_fail(connection, saved > 0 ? -saved : -ECONNREFUSED, context->errstr);
        return;
    }
    /* The deadline of `up` is the greeting's too. */
    redis_async_send(connection, INT32_MAX, greeting_answered, connection,
                     redis_greeting(&connection->endpoint, words), words);
}

/* Not up in time, or an end that was known before there was a loop to tell it from. */
static void connecting_passed(void *data)
{
    struct redis_async *connection = data;

    redis_async_enter(connection);
    connection_close(connection, -ETIMEDOUT, "");
    redis_async_leave(connection);
}

static bool host_is_address(const char *host)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    if (str_is_empty(host) || getaddrinfo(host, NULL, &hints, &found))
        return false;
    freeaddrinfo(found);
    return true;
}

static int endpoint_check(const struct redis_endpoint *endpoint)
{
    if (endpoint->unix_path)
        return strlen(endpoint->unix_path) < sizeof(((struct sockaddr_un *)0)->sun_path)
                   ? 0
                   : -ENAMETOOLONG; /* hiredis would cut it */
    return host_is_address(endpoint->host) && endpoint->port > 0 ? 0 : -EINVAL;
}

static void hooks_set(struct redis_async *connection)
{
    redisAsyncContext *context = connection->context;

    context->data = connection;
    context->ev.data = connection;
    context->ev.addRead = read_add;
    context->ev.delRead = read_remove;
    context->ev.addWrite = write_add;
    context->ev.delWrite = write_remove;
    context->ev.cleanup = context_gone;
}

/* 0, also where the end is known already: down_rc then. */
static int connection_begin(struct redis_async *connection)
{
    const struct redis_endpoint *endpoint = &connection->endpoint;
    redisAsyncContext *context;
    int rc, saved;

    errno = 0;
    context = endpoint->unix_path ? redisAsyncConnectUnix(endpoint->unix_path)
                                  : redisAsyncConnect(endpoint->host, endpoint->port);
    saved = errno;
    if (!context)
        return -ENOMEM;
    if (context->err) {
        redis_async_fail(connection, saved > 0 ? -saved : -EIO, context->errstr);
        redisAsyncFree(context);
        return 0;
    }
    fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);
    rc = loop_watch_new(connection->loop, connection->priority, context->c.fd, 0, socket_ready,
                        connection, &connection->watch);
    if (rc == 0 && endpoint->tls)
        rc = redis_tls_begin(connection->tls, &context->c);
    if (rc) {
        loop_watch_free(steal_pointer(&connection->watch));
        redisAsyncFree(context);
        return rc;
    }
    connection->context = context;
    hooks_set(connection);
    redis_async_guard(connection);
    redisAsyncSetConnectCallback(context, socket_connected); /* asks for writing */
    return 0;
}

static char *copy_of(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static struct redis_async *connection_new(struct loop *loop, enum loop_priority priority,
                                          const struct redis_endpoint *endpoint)
{
    struct redis_async *connection = xcalloc(1, sizeof(*connection));

    connection->loop = loop;
    connection->priority = priority;
    connection->last = &connection->first;
    connection->endpoint = (struct redis_endpoint){
        .host = copy_of(endpoint->host),
        .port = endpoint->port,
        .unix_path = copy_of(endpoint->unix_path),
        .username = copy_of(endpoint->username),
        .password = copy_of(endpoint->password),
        .tls = endpoint->tls,
    };
    return connection;
}

int redis_async_open(struct loop *loop, enum loop_priority priority,
                     const struct redis_endpoint *endpoint, int64_t deadline_ms,
                     const struct redis_async_events *events, void *data,
                     struct redis_async **connection)
{
    struct redis_async *made;
    int rc = endpoint_check(endpoint);

    *connection = NULL;
    if (rc)
        return rc;
    made = connection_new(loop, priority, endpoint);
    made->events = *events;
    made->data = data;
    made->connecting = loop_timer_new(loop, priority, connecting_passed, made);
    made->deadlines = loop_timer_new(loop, priority, redis_async_overdue, made);
    rc = made->connecting && made->deadlines ? 0 : -EMFILE;
    if (rc == 0 && endpoint->tls)
        rc = redis_tls_new(endpoint, &made->tls);
    if (rc == 0)
        rc = connection_begin(made);
    if (rc) {
        loop_timer_free(made->connecting);
        loop_timer_free(made->deadlines);
        connection_destroy(made);
        return rc;
    }
    loop_timer_start(made->connecting, made->context ? deadline_ms : 0);
    *connection = made;
    return 0;
}

void redis_async_free(struct redis_async *connection)
{
    if (!connection || connection->deleted)
        return;
    connection->deleted = true;
    loop_timer_free(connection->connecting);
    loop_timer_free(connection->deadlines);
    redis_async_enter(connection);
    if (connection->context)
        redisAsyncFree(connection->context);
    redis_async_leave(connection);
}
