// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crm_ipc_*: the same from Pacemaker 2.1 to 3.0, where crm_ipc_connect is deprecated but has no
 * public successor for the attribute manager.
 */
#include "pacemaker_ipc.h"

#include "util.h"
#include <crm/crm.h>
#include <errno.h>
#include <libxml/parser.h>
/* From 3.0.0 on crm_ipc_connect is declared here only, and no other header includes it. */
#ifdef __has_include
#if __has_include(<crm/common/ipc_client_compat.h>)
#include <crm/common/ipc_client_compat.h>
#endif
#endif

void pacemaker_prepare(void)
{
    static char name[] = PACEMAKER_CLIENT;

    xmlInitParser(); /* libxml2 is safe with threads after this, called in the first one */
    if (!crm_system_name)
        crm_system_name = name;
}

/* true: connected. */
static bool ipc_connect(crm_ipc_t *ipc)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return crm_ipc_connect(ipc);
#pragma GCC diagnostic pop
}

int pacemaker_connect(const char *server, crm_ipc_t **ipc)
{
    crm_ipc_t *made = crm_ipc_new(server, 0);
    int rc;

    *ipc = NULL;
    if (!made)
        return -ENOMEM;
    errno = 0;
    if (ipc_connect(made)) {
        *ipc = made;
        return 0;
    }
    rc = errno == EACCES || errno == EPERM ? -EACCES : -ENOTCONN;
    crm_ipc_destroy(made);
    return rc;
}

void pacemaker_disconnect(crm_ipc_t *ipc)
{
    if (!ipc)
        return;
    crm_ipc_close(ipc);
    crm_ipc_destroy(ipc);
}

int pacemaker_ask(crm_ipc_t *ipc, xmlNode *request, int32_t timeout_ms, xmlNode **answer)
{
    int rc = crm_ipc_send(ipc, request, crm_ipc_client_response, timeout_ms, answer);

    if (rc > 0)
        return 0;
    return rc < 0 ? rc : -ETIMEDOUT;
}

void *pacemaker_session_new(const char *server)
{
    struct pacemaker_session *session = xcalloc(1, sizeof(*session));

    session->server = server;
    return session;
}

int pacemaker_session_open(void *data)
{
    struct pacemaker_session *session = data;

    return pacemaker_connect(session->server, &session->ipc);
}

void pacemaker_session_free(void *data)
{
    struct pacemaker_session *session = data;

    pacemaker_disconnect(session->ipc);
    free(session);
}

int pacemaker_session_fd(const void *session)
{
    return crm_ipc_get_fd(((const struct pacemaker_session *)session)->ipc);
}

int pacemaker_session_read(void *owner, void *session)
{
    crm_ipc_t *ipc = ((struct pacemaker_session *)session)->ipc;

    (void)owner;
    if (crm_ipc_ready(ipc) > 0)
        crm_ipc_read(ipc);
    return crm_ipc_connected(ipc) ? 0 : -ENOTCONN;
}
