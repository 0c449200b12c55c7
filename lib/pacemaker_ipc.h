// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The part of libcrmcommon that companions link: its inter-process communication. All of these can
 * block but the reading, so they are called on a worker's thread; one thread a connection.
 */
#ifndef RHA_PACEMAKER_IPC_H
#define RHA_PACEMAKER_IPC_H

#include <stdint.h>

#include <crm/common/ipc.h>

#define PACEMAKER_CLIENT "redis-ha" /* as Pacemaker's logs name us */

/* In the main thread, before any other call here. May be repeated. */
void pacemaker_prepare(void);
/* "attrd". 0; -ENOTCONN: nobody is there; -EACCES; -errno. *ipc is NULL on failure. */
int pacemaker_connect(const char *server, crm_ipc_t **ipc);
void pacemaker_disconnect(crm_ipc_t *ipc); /* NULL-safe */
/*
 * Sends a request and waits for its answer. 0, *answer is the caller's (xmlFreeDoc of its doc);
 * less than 0: the connection is of no more use: -ETIMEDOUT, -ENOTCONN, -errno.
 */
int pacemaker_ask(crm_ipc_t *ipc, xmlNode *request, int32_t timeout_ms, xmlNode **answer);

/* A connection as the session of a seat (seat.h), whose functions these are. */
struct pacemaker_session {
    const char *server;
    crm_ipc_t *ipc; /* NULL: not open */
};

void *pacemaker_session_new(const char *server); /* `server` outlives it */
int pacemaker_session_open(void *session);
void pacemaker_session_free(void *session);
int pacemaker_session_fd(const void *session);
/* What comes unasked is dropped; what counts is that the connection ends. */
int pacemaker_session_read(void *owner, void *session);

#endif
