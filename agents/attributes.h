// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Node attributes as agents publish them: written only when they change, since each write costs a
 * program's start here and a CIB update on every node.
 */
#ifndef RHA_ATTRIBUTES_H
#define RHA_ATTRIBUTES_H

#include "ocf.h"

/*
 * Sets this node's transient attribute unless the last value that was written is the same; NULL
 * clears it. Probes and `start` write in any case: the attribute manager may have been restarted.
 * Nothing happens without a cluster. A failure is logged, never fatal: it costs speed, not safety.
 */
void attribute_publish(const struct ocf_context *context, const char *name, const char *value);
/* The value that was written last; NULL: none is known. Caller frees. */
char *attribute_last(const struct ocf_context *context, const char *name);
/* What was written last counts no more, since somebody else, as a companion, writes too. */
void attribute_forget(const struct ocf_context *context, const char *name);

#endif
