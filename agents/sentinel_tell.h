// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What Sentinel is told while it runs: whom to watch, with which settings, and that Pacemaker has
 * promoted another server.
 */
#ifndef RHA_SENTINEL_TELL_H
#define RHA_SENTINEL_TELL_H

#include "sentinel_primary.h"
#include "sentinel_view.h"

/* Makes it watch that server under master_name, with our settings. 0, or -errno with *problem
 * (caller frees). */
int sentinel_watch(const struct sentinel_server *server, struct redis_client *client,
                   const struct peer *primary, char **problem);

/* Sets what differs from our parameters, and the passwords. 0, or -errno with *problem. */
int sentinel_apply(const struct sentinel_server *server, struct redis_client *client,
                   const struct sentinel_view *view, char **problem);

/* For a recurring monitor: does that where Sentinel's numbers are others, a failure is logged.
 * Whether something was done. */
bool sentinel_keep_applied(const struct sentinel_server *server, struct redis_client *client,
                           const struct sentinel_view *view);
/* Asks what Sentinel sees, and again as long as it is in a failover and there is time: values are
 * not changed in the middle of one. 0, or -errno with *problem. */
int sentinel_await_failover(const struct sentinel_server *server, struct redis_client *client,
                            struct sentinel_view *view, char **problem);

#define SENTINEL_HELLO_CHANNEL "__sentinel__:hello"

/* Above every epoch that this Sentinel has seen, in its file and among its peers (a flattened
 * SENTINEL SENTINELS), so that no older word can undo it. */
int64_t sentinel_next_epoch(const struct sentinel_server *server, const struct sentinel_view *view,
                            const struct redis_list *peers);
/* The hello of that Sentinel, who says that `primary` leads since `epoch`. Caller frees. */
char *sentinel_hello_of(const char *master_name, const char *host, int port, const char *id,
                        const struct peer *primary, int64_t epoch);
/*
 * A hello in the name of the first of `peers`, who says that `primary` leads since `epoch`. NULL:
 * there is no peer. Caller frees.
 */
char *sentinel_hello_text(const char *master_name, const struct redis_list *peers,
                          const struct peer *primary, int64_t epoch);

/* Makes it name another primary than it does. 0, or -errno with *problem. */
int sentinel_switch(const struct sentinel_server *server, struct redis_client *client,
                    const struct sentinel_view *view, const struct peer *primary, char **problem);

#endif
