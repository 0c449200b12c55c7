// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client of a real server: how it is opened or refused, and what it is told.
 */
#ifndef RHA_TEST_CLIENT_CALL_H
#define RHA_TEST_CLIENT_CALL_H

#include "redis_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "server_run.h"

#define SECRET "s3cret-word"

/* The socket of the server that a test started. */
static char *redis_sock;

static inline int socket_name(void **state)
{
    free(redis_sock);
    redis_sock = scratch_path("redis.sock");
    return scratch_empty(state);
}

static inline struct redis_client *opened(const struct redis_endpoint *endpoint)
{
    cleanup_free char *problem = NULL;
    struct redis_client *client;
    int rc = redis_client_open(endpoint, patience(), &client, &problem);

    if (rc)
        fail_msg("not opened: %s (%s)", problem, strerror(-rc));
    assert_null(problem);
    return client;
}

static inline struct redis_client *opened_plain(void)
{
    return opened(&(struct redis_endpoint){.unix_path = redis_sock});
}

/* A connection that is not to be had. Caller frees the problem, which never holds the password. */
static inline char *refused(const struct redis_endpoint *endpoint, struct deadline deadline,
                            int expected)
{
    struct redis_client *client;
    char *problem;

    assert_int_equal(redis_client_open(endpoint, deadline, &client, &problem), expected);
    assert_null(client);
    assert_non_null(problem);
    assert_null(strstr(problem, SECRET));
    return problem;
}

static inline void says(struct redis_client *client, const char *expected, const char *one,
                        const char *two, const char *three)
{
    cleanup_free char *text = NULL;

    assert_int_equal(redis_ask_words(client, patience(), &text, one, two, three, NULL), 0);
    if (!text || !expected)
        assert_true(!text && !expected);
    else
        assert_string_equal(text, expected);
    assert_int_equal(redis_client_error(client), REDIS_ERROR_NONE);
    assert_string_equal(redis_client_error_text(client), "");
}

static inline void fails(struct redis_client *client, enum redis_error error, const char *begin,
                         const char *one, const char *two)
{
    cleanup_free char *text = NULL;

    assert_int_equal(redis_ask_words(client, patience(), &text, one, two, NULL), -EREMOTEIO);
    assert_null(text);
    assert_int_equal(redis_client_error(client), error);
    assert_memory_equal(redis_client_error_text(client), begin, strlen(begin));
}

static inline int socket_forget(void **state)
{
    free(steal_pointer(&redis_sock));
    return scratch_remove(state);
}

#endif
