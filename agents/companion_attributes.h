// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Node attributes that a companion keeps, and what its log says of them.
 */
#ifndef RHA_COMPANION_ATTRIBUTES_H
#define RHA_COMPANION_ATTRIBUTES_H

#include "attr_manager.h"

/* `what` is kept, for the log: it lives as long as the manager. 0 or -errno. */
int companion_attributes_open(struct loop *loop, const char *what, struct attr_manager **manager);
/* As attr_manager_set_gathered; a failure is logged. */
void companion_attribute_set(struct attr_manager *manager, const char *name, const char *value,
                             unsigned gather_ms);

#endif
