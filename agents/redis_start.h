// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts the local server: a replica from its first instruction wherever somebody else decides who
 * is the primary.
 */
#ifndef RHA_REDIS_START_H
#define RHA_REDIS_START_H

#include "ocf.h"
#include "redis_look.h"
#include "redis_server.h"

/* Where a server is pointed that must follow nobody: it is a replica, its position stays. Port 1 of
 * loopback refuses at once. */
#define REDIS_NOWHERE_HOST "127.0.0.1"
#define REDIS_NOWHERE_PORT 1

/*
 * Launches the server and returns when it answers, loading or not. OCF_SUCCESS with *view looked
 * at, else the reason is given; what was launched is ended again.
 */
enum ocf_exit redis_launch(const struct redis_server *server, struct deadline deadline,
                           struct redis_view *view);
/*
 * Launches it and does not wait: the next look does (redis_look), and is to set the replication
 * user. OCF_SUCCESS, else the reason is given.
 */
enum ocf_exit redis_launch_only(const struct redis_server *server);

#endif
