// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How often the server crashed of late. A crash that moves the role and is mended leaves no failure
 * in Pacemaker; one that comes again and again must, so that migration-threshold can act.
 */
#ifndef RHA_REDIS_CRASHES_H
#define RHA_REDIS_CRASHES_H

#include "redis_server.h"

#define CRASHES_WINDOW_S 600
#define CRASHES_MANY     3 /* within the window: Pacemaker is told */

/* The reason for an operator: how many, within how many minutes. */
#define CRASHES_TEXT                                                                               \
    "the server has crashed %zu times within %d minutes; see its log and the kernel's"

/* Notes one more in the run folder, and says how many there were within the window, this included.
 */
size_t redis_crashes_note(const struct redis_server *server);
/* How many were noted within the window. */
size_t redis_crashes_count(const struct redis_server *server);
/* The operator has seen them: `crm_resource --cleanup` has every server probed. */
void redis_crashes_forget(const struct redis_server *server);

#endif
