// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The user's replica-priority. The server itself runs with 0, by which Sentinel promotes nobody,
 * and CONFIG REWRITE (an operator's, or Sentinel's at a failover) writes that 0 into redis.conf,
 * where it would say for ever after that this server is never to be promoted.
 */
#ifndef RHA_REDIS_PRIORITY_H
#define RHA_REDIS_PRIORITY_H

#include "redis_server.h"

/* Of redis.conf; where the server has overwritten it, the one noted before. 100 without either. */
int redis_priority_of_user(const struct redis_server *server);
/* Notes server->priority in `priority` of the state folder. 0 or -errno. */
int redis_priority_note(const struct redis_server *server);

#endif
