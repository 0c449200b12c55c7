// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Permanent node attributes, for companions: a part of the CIB's configuration, so each write ends
 * the transition under way and is taken up by the next one. By crm_attribute, in the background,
 * one at a time.
 */
#ifndef RHA_CIB_ATTR_H
#define RHA_CIB_ATTR_H

#include "loop.h"

struct cib_attr;

/*
 * On the loop, exactly once a request that was taken. May make another request, may close.
 * 0; -ENOTCONN: no cluster here; -ENXIO: no such node; -ETIMEDOUT: could not find out, a write may
 * or may not have been made; -EIO: refused, `text` says why; -errno. `value`: of a reading, NULL
 * where there is none; lives as long as the call, like `text` ("" where there is nothing to say).
 */
typedef void (*cib_attr_fn)(void *data, int rc, const char *value, const char *text);

/* 0 or -errno. */
int cib_attr_open(struct loop *loop, struct cib_attr **cib);
/*
 * Writes; `value` NULL: removes. 0: `fn` will be called; -EBUSY: one is under way, ask after it;
 * -EINVAL: an empty node or name. A success says that this node's CIB took it. A node that is cut
 * off takes it too, and whether that write lives after the heal is not known: the copy with more
 * configuration writes wins whole.
 */
int cib_attr_write(struct cib_attr *cib, const char *node, const char *name, const char *value,
                   int64_t deadline_ms, cib_attr_fn fn, void *data);
/* Reads, likewise. */
int cib_attr_read(struct cib_attr *cib, const char *node, const char *name, int64_t deadline_ms,
                  cib_attr_fn fn, void *data);
/* Returns at once. A program that runs is let run to its deadline; nothing is told. NULL-safe. */
void cib_attr_close(struct cib_attr *cib);

#endif
