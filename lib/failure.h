// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells Pacemaker's controller that a resource failed, as `crm_resource --fail` does: it counts,
 * and Pacemaker's own policy (migration-threshold, on-fail) decides. It also *recovers* the
 * resource: a server that runs again by then is stopped and started.
 */
#ifndef RHA_FAILURE_H
#define RHA_FAILURE_H

#include "loop.h"

struct failure;

struct failed_resource {
    const char *node;     /* where it failed */
    const char *resource; /* id, "redis" */
    const char *instance; /* as Pacemaker calls it in OCF_RESOURCE_INSTANCE, "redis:0"; the id where
                           * it is no clone */
    const char *provider; /* "redis-ha" */
    const char *agent;    /* "redis" */
};

/*
 * On the loop, exactly once a report that was taken. 0: the controller took it in, which it does
 * for a resource that does not exist too; -ENOTCONN: no controller; -ETIMEDOUT: could not find out;
 * -EIO: refused; -errno.
 */
typedef void (*failure_fn)(void *data, int rc);

/* 0 or -errno. */
int failure_open(struct loop *loop, struct failure **failure);
/* 0: `fn` will be called within `deadline_ms`; -EBUSY: a report has no answer, be it one that was
 * told as timed out; -EINVAL: a field is empty. */
int failure_report(struct failure *failure, const struct failed_resource *failed,
                   int64_t deadline_ms, failure_fn fn, void *data);
/* Returns at once; nothing is told any more. NULL-safe. */
void failure_close(struct failure *failure);

#endif
