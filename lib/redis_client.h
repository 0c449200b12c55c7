// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A blocking Redis (and Sentinel) client with a deadline on each call, over hiredis. The only place
 * beside redis_async that knows hiredis. SIGPIPE is to be ignored, as ocf_main has it.
 */
#ifndef RHA_REDIS_CLIENT_H
#define RHA_REDIS_CLIENT_H

#include "clock.h"
#include "util.h"
#include <stdbool.h>
#include <stddef.h>

struct redis_endpoint {
    const char *host;      /* address; unused where unix_path is given */
    int port;              /* 0: the server has no TCP port */
    const char *unix_path; /* NULL: TCP */
    const char *username;  /* NULL: AUTH with the password alone */
    const char *password;  /* NULL: no AUTH */
    bool tls;              /* -ENOTSUP where the build has none */
    const char *tls_ca_file, *tls_cert_file, *tls_key_file;
};

struct redis_client;

/*
 * Connects and has one answer: to AUTH where a password is given, else to PING. 0: the server
 * answers, if only with LOADING or BUSY, or with an AUTH that it does not need. -ECONNREFUSED,
 * -ENOENT and the like: nobody is there; -ETIMEDOUT: no answer by then; -EACCES: it is there and
 * refuses us (password refused or wanted, protected mode); -EUSERS: it is there and has no
 * connection left (maxclients); -EPROTO: not a Redis; -ENOTSUP: TLS wanted, none in this build;
 * -EINVAL: an endpoint without address, bad certificates.
 * On failure *client is NULL and *problem says where and what (caller frees), without the password;
 * else *problem is NULL.
 */
int redis_client_open(const struct redis_endpoint *endpoint, struct deadline deadline,
                      struct redis_client **client, char **problem);
void redis_client_close(struct redis_client *client);
/* It failed, and yet a server was there and answered. */
bool redis_client_was_refused(int rc);

static inline void redis_client_closep(struct redis_client **client)
{
    redis_client_close(*client);
}
#define cleanup_redis_client __attribute__((cleanup(redis_client_closep)))

enum redis_error {
    REDIS_ERROR_NONE,
    REDIS_ERROR_LOADING, /* alive */
    REDIS_ERROR_BUSY,    /* alive, in a long script */
    REDIS_ERROR_NOAUTH,  /* alive: NOAUTH, WRONGPASS, NOPERM, DENIED */
    REDIS_ERROR_OTHER,
};

/* What the last error reply was, and its text ("" where the last call had none), without the words
 * that were sent. Owned by client; NULL-safe. */
enum redis_error redis_client_error(const struct redis_client *client);
const char *redis_client_error_text(const struct redis_client *client);

/*
 * Sends one command of `argc` words and waits for its reply. 0: *text is the reply as text (status,
 * bulk or integer; a list's items one a line; NULL for nil; caller frees; `text` may be NULL).
 * -EREMOTEIO: an error reply.
 * -ETIMEDOUT, -ECONNRESET, -EPROTO: the connection is of no more use; -ENOTCONN: `client` is NULL.
 */
int redis_ask(struct redis_client *client, struct deadline deadline, char **text, size_t argc,
              const char *const *argv);
/* The same with words from a list: redis_ask_words(c, d, &text, "CONFIG", "GET", "dir", NULL). */
int redis_ask_words(struct redis_client *client, struct deadline deadline, char **text, ...)
    __attribute__((sentinel));

/* A reply that is a list: flattened, depth first, NULL for nil. Freed by redis_list_free. */
struct redis_list {
    size_t count;
    char **items;
};
int redis_ask_list(struct redis_client *client, struct deadline deadline, struct redis_list *list,
                   size_t argc, const char *const *argv);
void redis_list_free(struct redis_list *list);
/* The item after `field` in a flattened list of field/value pairs; NULL where it is not there. */
const char *redis_list_field(const struct redis_list *list, const char *field);

#endif
