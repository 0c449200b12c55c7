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

/* Makes it name another primary than it does. 0, or -errno with *problem. */
int sentinel_switch(const struct sentinel_server *server, struct redis_client *client,
                    const struct sentinel_view *view, const struct peer *primary, char **problem);

#endif
