// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sees the controller of this node's Pacemaker come back: with its end the others delete the node's
 * attributes from the CIB.
 */
#ifndef RHA_CONTROLLER_H
#define RHA_CONTROLLER_H

#include "loop.h"

struct controller;

/* On the loop: a controller takes connections again that ended, or was not there at first. */
typedef void (*controller_back_fn)(void *data);

/* Begins to connect, and goes on trying. 0 or -errno. */
int controller_open(struct loop *loop, controller_back_fn back, void *data,
                    struct controller **controller);
/* Returns at once; nothing is told any more. NULL-safe. */
void controller_close(struct controller *controller);

#endif
