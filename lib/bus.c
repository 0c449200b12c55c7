// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libcpg on a seat. Joining and closing wait for corosync's answer, so the seat's thread does both;
 * sending and reading go through shared memory. Sending can hang all the same: libqb adds one byte
 * a message to a socket, and spins while that is full (qb_ipcc_sendv), which a stopped corosync
 * brings about after some hundred messages. The window keeps far from that.
 */
#include "bus.h"

#include "corosync_error.h"
#include "seat.h"
#include "util.h"
#include <corosync/cpg.h>
#include <string.h>
#include <time.h>

#define JOIN_PAUSE_MS 20 /* while corosync is busy with a change of the ring */
#define JOIN_ATTEMPTS 100

struct bus {
    struct seat *seat;
    struct cpg_name group;
    struct bus_events events;
    void *data;
    struct bus_member self;
    size_t under_way;
    bool reading; /* libcpg is on the stack: a closed bus is freed after it */
    bool closed;
};

struct session {
    cpg_handle_t handle;
    bool is_open;
    struct cpg_name group;
    uint32_t node;
    int fd;
};

/* --- on the thread --- */

static int session_join(struct session *session)
{
    const struct timespec pause = {.tv_nsec = JOIN_PAUSE_MS * 1000000};
    cs_error_t error = CS_ERR_TRY_AGAIN;

    for (int i = 0; i < JOIN_ATTEMPTS && error == CS_ERR_TRY_AGAIN; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        error = cpg_join(session->handle, &session->group);
    }
    return corosync_error(error);
}

static void told_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node,
                         uint32_t pid, void *bytes, size_t length);
static void told_members(cpg_handle_t handle, const struct cpg_name *group,
                         const struct cpg_address *members, size_t member_count,
                         const struct cpg_address *left, size_t left_count,
                         const struct cpg_address *joined, size_t joined_count);
static void told_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count,
                      const uint32_t *nodes);

static int session_open(void *data)
{
    cpg_model_v1_data_t model = {
        .cpg_deliver_fn = told_message,
        .cpg_confchg_fn = told_members,
        .cpg_totem_confchg_fn = told_ring,
        .flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
    };
    struct session *session = data;
    cs_error_t error;

    error = cpg_model_initialize(&session->handle, CPG_MODEL_V1, (cpg_model_data_t *)&model, NULL);
    if (error != CS_OK)
        return corosync_error(error);
    session->is_open = true;
    error = cpg_local_get(session->handle, &session->node);
    if (error == CS_OK)
        error = cpg_fd_get(session->handle, &session->fd);
    return error == CS_OK ? session_join(session) : corosync_error(error);
}

static void session_free(void *data)
{
    struct session *session = data;

    if (session->is_open)
        cpg_finalize(session->handle);
    free(session);
}

/* --- on the loop --- */

static void *session_new(void *owner)
{
    const struct bus *bus = owner;
    struct session *session = xcalloc(1, sizeof(*session));

    session->group = bus->group;
    return session;
}

static int session_fd(const void *session)
{
    return ((const struct session *)session)->fd;
}

/* One message a call, so that many of them do not keep the loop from its timers. */
static int session_read(void *owner, void *data)
{
    const struct session *session = data;
    struct bus *bus = owner;
    cs_error_t error;

    bus->reading = true;
    error = cpg_dispatch(session->handle, CS_DISPATCH_ONE_NONBLOCKING);
    bus->reading = false;
    if (bus->closed) {
        free(bus);
        return 0;
    }
    return error == CS_ERR_TRY_AGAIN ? 0 : corosync_error(error);
}

static struct bus *bus_of(cpg_handle_t handle)
{
    void *bus = NULL;

    return cpg_context_get(handle, &bus) == CS_OK ? bus : NULL;
}

static bool is_self(const struct bus *bus, struct bus_member member)
{
    return member.node == bus->self.node && member.pid == bus->self.pid;
}

static void told_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node,
                         uint32_t pid, void *bytes, size_t length)
{
    const struct bus_member from = {.node = node, .pid = pid};
    struct bus *bus = bus_of(handle);

    (void)group;
    if (is_self(bus, from) && bus->under_way > 0)
        bus->under_way--;
    if (bus->events.message && !bus->closed)
        bus->events.message(bus->data, from, bytes, length);
}

static void told_members(cpg_handle_t handle, const struct cpg_name *group,
                         const struct cpg_address *members, size_t member_count,
                         const struct cpg_address *left, size_t left_count,
                         const struct cpg_address *joined, size_t joined_count)
{
    struct bus *bus = bus_of(handle);
    struct bus_members told = {0};

    (void)group;
    (void)left;
    (void)left_count;
    (void)joined;
    (void)joined_count;
    for (size_t i = 0; i < member_count && told.count < BUS_MEMBERS_MAX; i++)
        told.member[told.count++] =
            (struct bus_member){.node = members[i].nodeid, .pid = members[i].pid};
    if (bus->events.members && !bus->closed)
        bus->events.members(bus->data, &told);
}

static void told_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count,
                      const uint32_t *nodes)
{
    const struct ring told = {.node = ring.nodeid, .seq = ring.seq};
    struct bus *bus = bus_of(handle);

    if (bus->events.ring && !bus->closed)
        bus->events.ring(bus->data, told, nodes, count);
}

static void bus_up(void *owner, void *data)
{
    const struct session *session = data;
    struct bus *bus = owner;

    cpg_context_set(session->handle, bus);
    bus->under_way = 0;
    bus->self = (struct bus_member){.node = session->node, .pid = (uint32_t)getpid()};
    if (bus->events.up)
        bus->events.up(bus->data, bus->self);
}

static void bus_down(void *owner, int rc)
{
    struct bus *bus = owner;

    if (bus->events.down)
        bus->events.down(bus->data, rc);
}

int bus_open(struct loop *loop, const char *name, const struct bus_events *events, void *data,
             struct bus **bus)
{
    static const struct seat_kind kind = {
        .session_new = session_new,
        .session_open = session_open,
        .session_free = session_free,
        .session_fd = session_fd,
        .session_read = session_read,
        .up = bus_up,
        .down = bus_down,
    };
    struct bus *made;
    int rc;

    *bus = NULL;
    if (str_is_empty(name) || strlen(name) > BUS_NAME_MAX)
        return -EINVAL;
    made = xcalloc(1, sizeof(*made));
    made->events = *events;
    made->data = data;
    made->group.length = (uint32_t)strlen(name);
    memcpy(made->group.value, name, made->group.length);
    rc = seat_new(loop, LOOP_HIGH, &kind, made, &made->seat);
    if (rc)
        free(made);
    else
        *bus = made;
    return rc;
}

int bus_send(struct bus *bus, const void *bytes, size_t length)
{
    const struct session *session = seat_session(bus->seat);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    cs_error_t error;

    if (!session)
        return -ENOTCONN;
    if (length > BUS_MESSAGE_MAX)
        return -EMSGSIZE;
    if (bus->under_way >= BUS_WINDOW)
        return -EAGAIN;
    /* A connection that broke shows in reading, too, where it is told. */
    error = cpg_mcast_joined(session->handle, CPG_TYPE_AGREED, &part, 1);
    if (error == CS_OK)
        bus->under_way++;
    return corosync_error(error);
}

size_t bus_under_way(const struct bus *bus)
{
    return bus->under_way;
}

void bus_close(struct bus *bus)
{
    if (!bus || bus->closed)
        return;
    seat_free(bus->seat);
    bus->closed = true;
    if (!bus->reading)
        free(bus);
}
