// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection to the controller over which nothing is said: that it ends and can be made again is
 * what is to be known.
 */
#include "controller.h"

#include "pacemaker_ipc.h"
#include "seat.h"
#include "util.h"

struct controller {
    struct seat *seat;
    controller_back_fn back;
    void *data;
    bool was_gone;
};

static void *session_new(void *owner)
{
    (void)owner;
    return pacemaker_session_new("crmd");
}

static void controller_up(void *owner, void *session)
{
    struct controller *controller = owner;

    (void)session;
    if (controller->was_gone)
        controller->back(controller->data);
}

static void controller_down(void *owner, int rc)
{
    struct controller *controller = owner;

    (void)rc;
    controller->was_gone = true;
}

int controller_open(struct loop *loop, controller_back_fn back, void *data,
                    struct controller **controller)
{
    static const struct seat_kind kind = {
        .session_new = session_new,
        .session_open = pacemaker_session_open,
        .session_free = pacemaker_session_free,
        .session_fd = pacemaker_session_fd,
        .session_read = pacemaker_session_read,
        .up = controller_up,
        .down = controller_down,
    };
    struct controller *made = xcalloc(1, sizeof(*made));
    int rc;

    pacemaker_prepare();
    made->back = back;
    made->data = data;
    rc = seat_new(loop, LOOP_LOW, &kind, made, &made->seat);
    if (rc) {
        free(made);
        made = NULL;
    }
    *controller = made;
    return rc;
}

void controller_close(struct controller *controller)
{
    if (!controller)
        return;
    seat_free(controller->seat);
    free(controller);
}
