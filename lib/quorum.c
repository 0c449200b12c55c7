// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libquorum on a seat, in its model 1, which names the ring of a callback in full (corosync 3.1).
 */
#include "quorum.h"

#include "corosync_error.h"
#include "seat.h"
#include "util.h"
#include <corosync/quorum.h>

struct quorum {
    struct seat *seat;
    struct quorum_events events;
    void *data;
    bool reading; /* libquorum is on the stack: a closed quorum is freed after it */
    bool closed;
};

struct session {
    quorum_handle_t handle;
    bool is_open;
    int fd;
};

static void told_quorum(quorum_handle_t handle, uint32_t quorate, struct quorum_ring_id ring,
                        uint32_t count, const uint32_t *nodes)
{
    struct quorum_view view = {
        .quorate = quorate != 0,
        .ring = {.node = ring.nodeid, .seq = ring.seq},
    };
    const void *context = NULL;
    const struct quorum *quorum;

    if (quorum_context_get(handle, &context) != CS_OK)
        return;
    quorum = context;
    for (uint32_t i = 0; i < count && view.count < ARRAY_SIZE(view.node); i++)
        view.node[view.count++] = nodes[i];
    if (quorum->events.change && !quorum->closed)
        quorum->events.change(quorum->data, &view);
}

static void told_nodes(quorum_handle_t handle, struct quorum_ring_id ring, uint32_t count,
                       const uint32_t *nodes, uint32_t joined_count, const uint32_t *joined,
                       uint32_t left_count, const uint32_t *left)
{
    /* The bus tells the ring, in order with its messages. */
    (void)handle;
    (void)ring;
    (void)count;
    (void)nodes;
    (void)joined_count;
    (void)joined;
    (void)left_count;
    (void)left;
}

/* --- on the thread --- */

static int session_open(void *data)
{
    quorum_model_v1_data_t model = {
        .quorum_notify_fn = told_quorum,
        .nodelist_notify_fn = told_nodes,
    };
    struct session *session = data;
    uint32_t type = QUORUM_FREE;
    cs_error_t error;

    error = quorum_model_initialize(&session->handle, QUORUM_MODEL_V1,
                                    (quorum_model_data_t *)&model, &type, NULL);
    if (error != CS_OK)
        return corosync_error(error);
    session->is_open = true;
    if (type != QUORUM_SET)
        return -ENOTSUP;
    error = quorum_fd_get(session->handle, &session->fd);
    if (error == CS_OK)
        error = quorum_trackstart(session->handle, CS_TRACK_CURRENT | CS_TRACK_CHANGES);
    return corosync_error(error);
}

static void session_free(void *data)
{
    struct session *session = data;

    if (session->is_open)
        quorum_finalize(session->handle);
    free(session);
}

/* --- on the loop --- */

static void *session_new(void *owner)
{
    (void)owner;
    return xcalloc(1, sizeof(struct session));
}

static int session_fd(const void *session)
{
    return ((const struct session *)session)->fd;
}

static int session_read(void *owner, void *data)
{
    const struct session *session = data;
    struct quorum *quorum = owner;
    cs_error_t error;

    quorum->reading = true;
    error = quorum_dispatch(session->handle, CS_DISPATCH_ONE_NONBLOCKING);
    quorum->reading = false;
    if (quorum->closed) {
        free(quorum);
        return 0;
    }
    return error == CS_ERR_TRY_AGAIN ? 0 : corosync_error(error);
}

static void quorum_up(void *owner, void *data)
{
    const struct session *session = data;

    quorum_context_set(session->handle,
                       owner); /* the first callback comes with the first reading */
}

static void quorum_down(void *owner, int rc)
{
    struct quorum *quorum = owner;

    if (quorum->events.unknown)
        quorum->events.unknown(quorum->data, rc);
}

int quorum_open(struct loop *loop, const struct quorum_events *events, void *data,
                struct quorum **quorum)
{
    static const struct seat_kind kind = {
        .session_new = session_new,
        .session_open = session_open,
        .session_free = session_free,
        .session_fd = session_fd,
        .session_read = session_read,
        .up = quorum_up,
        .down = quorum_down,
    };
    struct quorum *made = xcalloc(1, sizeof(*made));
    int rc;

    made->events = *events;
    made->data = data;
    /* Before the bus, where both have something: what is quorate no more is to be known first. */
    rc = seat_new(loop, LOOP_HIGH, &kind, made, &made->seat);
    if (rc) {
        free(made);
        made = NULL;
    }
    *quorum = made;
    return rc;
}

void quorum_close(struct quorum *quorum)
{
    if (!quorum || quorum->closed)
        return;
    seat_free(quorum->seat);
    quorum->closed = true;
    if (!quorum->reading)
        free(quorum);
}
