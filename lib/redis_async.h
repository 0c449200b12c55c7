// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection to a Redis or a Sentinel on the loop, over hiredis: commands and their answers with
 * deadlines, and published messages. A server that hangs costs the loop nothing.
 */
#ifndef RHA_REDIS_ASYNC_H
#define RHA_REDIS_ASYNC_H

#include "loop.h"
#include "redis_client.h"

#define REDIS_ASYNC_PENDING_MAX 256 /* commands that have no answer yet */

struct redis_async;

/* Each may ask, or free the connection; `up` may be NULL. */
struct redis_async_events {
    /* Connected, and the password taken; LOADING and BUSY count as taken. */
    void (*up)(void *data);
    /*
     * It is over, once, after every command that had no answer was told; the connection is of no
     * use but to be freed. Before `up`: -ECONNREFUSED, -ENOENT and the like: nobody is there;
     * -ETIMEDOUT: not up by the deadline; -EACCES: password refused or wanted; -EUSERS: maxclients.
     * Then: -ECONNRESET: the server closed it or is gone; -EPROTO: what answers is not a Redis.
     * `text` says more, "" where there is no more; it names no secret, and lives as long as the
     * call.
     */
    void (*down)(void *data, int rc, const char *text);
};

/*
 * Begins to connect. `host` is an address, not a name: looking one up would block (-EINVAL).
 * Nothing is called before this returns. 0, or -errno with *connection NULL: what is known at once
 * is `down` too, from the loop. The endpoint is copied.
 */
int redis_async_open(struct loop *loop, enum loop_priority priority,
                     const struct redis_endpoint *endpoint, int64_t deadline_ms,
                     const struct redis_async_events *events, void *data,
                     struct redis_async **connection);
/* Closes it. Nothing is called any more, commands without an answer neither. NULL-safe. */
void redis_async_free(struct redis_async *connection);

struct redis_answer { /* lives as long as the call */
    /*
     * 0; -EREMOTEIO: an error reply (`error`, `text`); -ETIMEDOUT: none by the deadline, and one
     * that comes later is dropped: whether the command was carried out is not known; -ECONNRESET:
     * the connection ended, likewise.
     */
    int rc;
    enum redis_error error;
    const char *text; /* status, bulk or error; NULL for nil, integers and lists */
    size_t length;    /* of text, which ends with a NUL beyond it */
    int64_t integer;
    const struct redis_list *list; /* flattened, depth first; never NULL */
};
/* On the loop, exactly once a command. May ask, may free the connection. */
typedef void (*redis_answer_fn)(void *data, const struct redis_answer *answer);

/*
 * Sends one command. Commands are carried out and answered in their order; a deadline that passes
 * changes nothing about those behind. `fn` NULL: nobody wants to know. 0; -ENOTCONN: not up;
 * -EBUSY: REDIS_ASYNC_PENDING_MAX have no answer; -ENOTSUP: it is subscribed; -EINVAL: no words.
 */
int redis_async_ask(struct redis_async *connection, int64_t deadline_ms, redis_answer_fn fn,
                    void *data, size_t argc, const char *const *argv);
/* The same with words from a list, ended by NULL. */
int redis_async_ask_words(struct redis_async *connection, int64_t deadline_ms, redis_answer_fn fn,
                          void *data, ...) __attribute__((sentinel));
/* Commands that have no answer yet, told as timed out or not. */
size_t redis_async_pending(const struct redis_async *connection);

/*
 * A published message; `channel` NULL: the subscription stands, nothing is missed from here on, so
 * this is the moment to ask for what is. Strings live as long as the call. May free the connection.
 */
typedef void (*redis_push_fn)(void *data, const char *channel, const char *text);
/*
 * PSUBSCRIBE. The connection is for that alone afterwards: hiredis before 1.1 mixes up answers and
 * messages. 0; -ENOTCONN; -EBUSY: a command has no answer yet; -ENOTSUP: it is subscribed already.
 */
int redis_async_subscribe(struct redis_async *connection, const char *pattern, redis_push_fn fn,
                          void *data);

#endif
