// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client over hiredis's non-blocking half: hiredis formats and parses, the waiting is our own.
 * Its blocking half bounds each read alone (SO_RCVTIMEO), so a server that trickles bytes could
 * hold an action beyond its time.
 */
#include "redis_client.h"

#include "fd.h"
#include "redis_greeting.h"
#include "redis_reply.h"
#include "redis_tls.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WORDS_MAX    64 /* of redis_ask_words */
#define UNIX_WAIT_MS 5  /* between attempts while the socket's backlog is full */
#define TLS_SLICE_MS 5  /* a TLS record may be complete without the socket's being readable */

struct redis_client {
    redisContext *hiredis;
    struct redis_tls *tls; /* NULL: plain */
    bool broken;           /* a reply may still come that nobody waits for */
    enum redis_error error;
    char *error_text;
};

static int context_errno(const redisContext *context, int saved)
{
    if (!context)
        return -ENOMEM;
    if (context->err == REDIS_ERR_IO && saved > 0)
        return -saved;
    return -EHOSTUNREACH; /* a name that does not resolve */
}

static int context_unix(const char *path, struct deadline deadline, redisContext **context)
{
    struct sockaddr_un address;

    if (strlen(path) >= sizeof(address.sun_path)) /* hiredis would cut it */
        return -ENAMETOOLONG;
    for (;;) {
        int rc;

        errno = 0;
        *context = redisConnectUnixNonBlock(path);
        rc = errno;
        if (*context && !(*context)->err)
            return 0;
        /* A socket whose backlog is full says so at once instead of letting us wait. */
        if (!*context || rc != EAGAIN)
            return context_errno(*context, rc);
        redisFree(*context);
        *context = NULL;
        if (!deadline_pause(deadline, UNIX_WAIT_MS))
            return -ETIMEDOUT;
    }
}

static int context_tcp(const struct redis_endpoint *endpoint, struct deadline deadline,
                       redisContext **context)
{
    int error = 0, rc;
    socklen_t size = sizeof(error);

    errno = 0;
    *context = redisConnectNonBlock(endpoint->host, endpoint->port);
    rc = errno;
    if (!*context || (*context)->err)
        return context_errno(*context, rc);
    rc = fd_wait((*context)->fd, POLLOUT, deadline);
    if (rc)
        return rc;
    if (getsockopt((*context)->fd, SOL_SOCKET, SO_ERROR, &error, &size))
        return -errno;
    return -error;
}

static int client_connect(struct redis_client *client, const struct redis_endpoint *endpoint,
                          struct deadline deadline)
{
    int rc;

    if (endpoint->unix_path)
        rc = context_unix(endpoint->unix_path, deadline, &client->hiredis);
    else if (!endpoint->host || endpoint->port <= 0)
        rc = -EINVAL;
    else
        rc = context_tcp(endpoint, deadline, &client->hiredis);
    if (rc)
        return rc;
    fcntl(client->hiredis->fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

/* What went wrong in hiredis, which sets errno for input and output only. */
static int client_break(struct redis_client *client, int rc)
{
    client->broken = true;
    if (rc)
        return rc;
    switch (client->hiredis->err) {
    case REDIS_ERR_PROTOCOL:
    case REDIS_ERR_OTHER:
        return -EPROTO;
    default:
        return -ECONNRESET;
    }
}

static int client_wait(struct redis_client *client, short events, struct deadline deadline)
{
    int rc;

    if (!client->tls)
        return fd_wait(client->hiredis->fd, events, deadline);
    rc = fd_wait(client->hiredis->fd, POLLIN, deadline_min(deadline, deadline_in(TLS_SLICE_MS)));
    return rc == -ETIMEDOUT && !deadline_passed(deadline) ? 0 : rc;
}

/* A server that refuses a connection (protected mode, too many clients) says why and closes, maybe
 * before it was asked: writing fails then, and the reason lies there to be read. */
static redisReply *client_last_words(struct redis_client *client)
{
    char bite[1024];
    void *reply = NULL;
    ssize_t n = client->tls ? 0 : recv(client->hiredis->fd, bite, sizeof(bite), MSG_DONTWAIT);

    if (n <= 0 || redisReaderFeed(client->hiredis->reader, bite, (size_t)n) != REDIS_OK ||
        redisReaderGetReply(client->hiredis->reader, &reply) != REDIS_OK)
        return NULL;
    return reply;
}

static int client_send(struct redis_client *client, struct deadline deadline, redisReply **reply)
{
    int done = 0;

    while (!done) {
        int rc;

        if (redisBufferWrite(client->hiredis, &done) != REDIS_OK) {
            *reply = client_last_words(client);
            rc = client_break(client, 0);
            return *reply ? 0 : rc;
        }
        rc = done ? 0 : client_wait(client, POLLOUT, deadline);
        if (rc)
            return client_break(client, rc);
    }
    return 0;
}

static int client_receive(struct redis_client *client, struct deadline deadline, redisReply **reply)
{
    void *found = NULL;
    bool late = false; /* looked at once more; else bytes that come without end would hold us */

    for (;;) {
        int rc;

        if (redisGetReplyFromReader(client->hiredis, &found) != REDIS_OK)
            return client_break(client, 0);
        if (found)
            break;
        rc = late ? -ETIMEDOUT : client_wait(client, POLLIN, deadline);
        if (rc)
            return client_break(client, rc);
        late = deadline_passed(deadline);
        if (redisBufferRead(client->hiredis) != REDIS_OK)
            return client_break(client, 0);
    }
    *reply = found;
    return 0;
}

/* `reply` NULL: none. */
static void error_set(struct redis_client *client, const redisReply *reply)
{
    free(client->error_text);
    client->error = reply ? redis_reply_error(reply) : REDIS_ERROR_NONE;
    client->error_text = reply ? redis_reply_error_text(reply) : xstrdup("");
}

enum redis_error redis_client_error(const struct redis_client *client)
{
    return client ? client->error : REDIS_ERROR_NONE;
}

const char *redis_client_error_text(const struct redis_client *client)
{
    return client ? client->error_text : "";
}

static int client_append(struct redis_client *client, size_t argc, const char *const *argv)
{
    size_t *lengths = xcalloc(argc, sizeof(*lengths));
    int rc;

    for (size_t i = 0; i < argc; i++)
        lengths[i] = strlen(argv[i]);
    rc = redisAppendCommandArgv(client->hiredis, (int)argc, (const char **)argv, lengths);
    free(lengths);
    return rc == REDIS_OK ? 0 : client_break(client, -ENOMEM);
}

static int client_ask(struct redis_client *client, struct deadline deadline, size_t argc,
                      const char *const *argv, redisReply **reply)
{
    int rc;

    *reply = NULL;
    if (!client)
        return -ENOTCONN;
    error_set(client, NULL);
    if (client->broken)
        return -ECONNRESET;
    if (argc == 0)
        return -EINVAL;
    rc = client_append(client, argc, argv);
    if (rc == 0)
        rc = client_send(client, deadline, reply);
    if (rc == 0 && !*reply)
        rc = client_receive(client, deadline, reply);
    if (rc)
        return rc;
    if ((*reply)->type != REDIS_REPLY_ERROR)
        return 0;
    error_set(client, *reply);
    freeReplyObject(*reply);
    *reply = NULL;
    return -EREMOTEIO;
}

int redis_ask(struct redis_client *client, struct deadline deadline, char **text, size_t argc,
              const char *const *argv)
{
    redisReply *reply;
    int rc;

    if (text)
        *text = NULL;
    rc = client_ask(client, deadline, argc, argv, &reply);
    if (rc == 0 && text)
        *text = redis_reply_text(reply);
    freeReplyObject(reply);
    return rc;
}

int redis_ask_words(struct redis_client *client, struct deadline deadline, char **text, ...)
{
    const char *argv[WORDS_MAX];
    const char *word;
    size_t argc = 0;
    va_list words;

    va_start(words, text);
    while ((word = va_arg(words, const char *)) && argc < WORDS_MAX)
        argv[argc++] = word;
    va_end(words);
    if (word) {
        if (text)
            *text = NULL;
        return -E2BIG;
    }
    return redis_ask(client, deadline, text, argc, argv);
}

int redis_ask_list(struct redis_client *client, struct deadline deadline, struct redis_list *list,
                   size_t argc, const char *const *argv)
{
    redisReply *reply;
    int rc = client_ask(client, deadline, argc, argv, &reply);

    *list = (struct redis_list){0};
    if (rc == 0)
        redis_reply_list(reply, list);
    freeReplyObject(reply);
    return rc;
}

static int client_greet(struct redis_client *client, const struct redis_endpoint *endpoint,
                        struct deadline deadline)
{
    const char *words[REDIS_GREETING_WORDS];
    size_t count = redis_greeting(endpoint, words);
    int rc = redis_ask(client, deadline, NULL, count, words);

    return rc == -EREMOTEIO ? redis_greeting_check(endpoint, client->error, client->error_text)
                            : rc;
}

static char *endpoint_problem(const struct redis_endpoint *endpoint,
                              const struct redis_client *client, int rc)
{
    cleanup_free char *where =
        endpoint->unix_path
            ? xstrdup(endpoint->unix_path)
            : xasprintf("%s:%d", endpoint->host ? endpoint->host : "?", endpoint->port);
    const char *tls_text = redis_tls_problem(client->tls);

    if (!str_is_empty(client->error_text))
        return xasprintf("%s: %s", where, client->error_text);
    if (rc == -ENOTSUP)
        return xasprintf("%s: this build has no TLS to Redis (hiredis_ssl was not found)", where);
    if (rc == -ETIMEDOUT)
        return xasprintf("%s: no answer in time", where);
    if (rc == -EPROTO && str_is_empty(tls_text))
        return xasprintf("%s: what answers is not a Redis", where);
    return xasprintf("%s: %s", where, str_is_empty(tls_text) ? strerror(-rc) : tls_text);
}

static int client_open(struct redis_client *client, const struct redis_endpoint *endpoint,
                       struct deadline deadline)
{
    int rc = endpoint->tls ? redis_tls_new(endpoint, &client->tls) : 0;

    if (rc == 0)
        rc = client_connect(client, endpoint, deadline);
    if (rc == 0 && client->tls)
        rc = redis_tls_begin(client->tls, client->hiredis);
    if (rc == 0)
        rc = client_greet(client, endpoint, deadline);
    return rc;
}

int redis_client_open(const struct redis_endpoint *endpoint, struct deadline deadline,
                      struct redis_client **client, char **problem)
{
    struct redis_client *opened = xcalloc(1, sizeof(*opened));
    int rc;

    *client = NULL;
    *problem = NULL;
    opened->error_text = xstrdup("");
    rc = client_open(opened, endpoint, deadline);
    if (rc) {
        *problem = endpoint_problem(endpoint, opened, rc);
        redis_client_close(opened);
        return rc;
    }
    *client = opened;
    return 0;
}

bool redis_client_was_refused(int rc)
{
    return rc == -EACCES || rc == -EUSERS;
}

void redis_client_close(struct redis_client *client)
{
    if (!client)
        return;
    if (client->hiredis)
        redisFree(client->hiredis);
    redis_tls_free(client->tls);
    free(client->error_text);
    free(client);
}
