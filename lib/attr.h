// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Node attributes for short-lived agents: Pacemaker's own tools by argv, under a deadline, since no
 * public C function sets one and linking Pacemaker's libraries costs every start of an agent 5 ms.
 */
#ifndef RHA_ATTR_H
#define RHA_ATTR_H

#include "clock.h"

#define ATTR_MINUS_INFINITY "-INFINITY"

/* Sets a transient attribute of this node (attrd_updater): 0; -ENOTCONN: no cluster here; -EINVAL:
 * no name, no value, or one that attrd may take for a sum ("++", "+="); -EREMOTEIO: refused;
 * -ETIMEDOUT, -errno. */
int attr_set(const char *name, const char *value, struct deadline deadline);
int attr_clear(const char *name, struct deadline deadline);
/* A node's permanent attribute, else its transient one. *value NULL: not set. Caller frees. */
int attr_get(const char *node, const char *name, struct deadline deadline, char **value);

#endif
