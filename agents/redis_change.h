// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The changes of role that a server can be told: follow nobody, lead, end. Each confirms what it
 * did before it says so. Whom to follow is redis-watch's to know.
 */
#ifndef RHA_REDIS_CHANGE_H
#define RHA_REDIS_CHANGE_H

#include "redis_look.h"

/* Makes the server a replica of nobody, its position kept. 0 or -errno with *problem (caller
 * frees).
 */
int redis_detach(struct redis_view *view, struct deadline deadline, char **problem);
/* Makes it a primary and confirms that it is one. 0 or -errno with *problem. */
int redis_lead(struct redis_view *view, struct deadline deadline, char **problem);
/*
 * Pauses writes and waits until every linked replica has acknowledged all of our data, which it
 * does once a second. 0, -ETIMEDOUT, or -errno with *problem. Writes stay paused in any case.
 */
int redis_drain(struct redis_view *view, struct deadline deadline, char **problem);
/* Ends every client's connection except ours and the replicas', so that they look for the new
 * primary. */
void redis_drop_clients(struct redis_view *view, struct deadline deadline);
void redis_unpause(struct redis_view *view, struct deadline deadline);
/* The replication user of auth_file, which redis.conf does not have: set over the connection, never
 * in argv, and again for each process. A failure is logged. */
void redis_set_replication_credentials(const struct redis_server *server, struct redis_view *view,
                                       struct deadline deadline);

/* Ends the server: SHUTDOWN, TERM, KILL, within the deadline. 0 gone, or -errno with *problem. */
int redis_end(const struct redis_server *server, struct redis_view *view, struct deadline deadline,
              char **problem);

#endif
