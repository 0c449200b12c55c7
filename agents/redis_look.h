// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One look at the local server: is its process there, does it answer, what does it say. Every
 * action begins with it; what could not be found out is a state of its own.
 */
#ifndef RHA_REDIS_LOOK_H
#define RHA_REDIS_LOOK_H

#include "proc.h"
#include "redis_client.h"
#include "redis_info.h"
#include "redis_server.h"

enum redis_state {
    REDIS_STOPPED,  /* no process of ours, and nobody answers */
    REDIS_FOREIGN,  /* nobody of ours, but another program answers at our address */
    REDIS_SILENT,   /* the process is there and gives no answer in time */
    REDIS_REFUSING, /* it answers, but does not let us in: password, ACL, protected mode */
    REDIS_FULL,     /* it answers that no connection is left (maxclients): only that is known */
    REDIS_LOADING,  /* it answers and loads its data */
    REDIS_BUSY,     /* it answers and is in a long script: only that is known */
    REDIS_REPLICA,
    REDIS_PRIMARY,
    REDIS_UNKNOWN, /* could not find out */
};

struct redis_view {
    enum redis_state state;
    enum proc_state recorded; /* the process that an action noted; GONE also where none is */
    bool has_process;
    struct proc_id process;      /* valid with has_process */
    bool crashed;                /* STOPPED, though an action of ours had it running */
    struct redis_info info;      /* valid with LOADING, REPLICA, PRIMARY */
    struct redis_client *client; /* open with LOADING, BUSY, REPLICA, PRIMARY */
    bool timed_out;              /* SILENT: it was waited for in vain, not refused */
    char *problem;               /* why: one line, or NULL */
};

/*
 * Looks, at most until the deadline; one that has just been started is waited for. A running server
 * that an action of ours did not start is adopted: its identity is noted when it is this resource's
 * program at this resource's port, no other resource's, and says which process it is.
 */
void redis_look(const struct redis_server *server, struct deadline deadline,
                struct redis_view *view);
void redis_view_close(struct redis_view *view);
#define cleanup_redis_view __attribute__((cleanup(redis_view_close)))

const char *redis_state_name(enum redis_state state);
/* It runs and answers, whatever its role. */
bool redis_state_is_alive(enum redis_state state);
/* It loads, and will lead when it has: nobody of ours starts one so. It cannot be told otherwise
 * before. */
bool redis_view_is_loading_primary(const struct redis_view *view);

#endif
