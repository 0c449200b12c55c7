// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's side of redis-watch: launched and ended here, asked over a socket in the run folder.
 * One line each way: `ping`, or `promote MS`, `demote MS`, `stop MS` with the time there is for
 * it; answered by `done`, or by `refused` and why.
 */
#ifndef RHA_REDIS_COMPANION_H
#define RHA_REDIS_COMPANION_H

#include "redis_server.h"

#define COMPANION_SOCKET "watch.sock"   /* in run_dir */
#define COMPANION_PARAMS "watch.params" /* in run_dir: lines `NAME VALUE` */
#define COMPANION_RECORD "epochs"       /* in state_dir */
#define COMPANION_LINE   512            /* bytes of a line, its newline and end included */

enum companion_answer {
    COMPANION_DONE,
    COMPANION_REFUSED, /* *reason says why */
    COMPANION_ABSENT,  /* no watch, or one that gives no answer: *reason says which */
};

/* `reason` is the caller's to free; NULL with COMPANION_DONE. */
enum companion_answer companion_ask(const struct redis_server *server, const char *request,
                                    struct deadline deadline, char **reason);
/*
 * Makes sure that a watch runs and answers: a dead one is launched again, one that gives no answer
 * is killed first. 0 or -errno.
 */
int companion_ensure(const struct redis_server *server, struct deadline deadline);
/* Ends it. Its absence is success. 0 or -errno. */
int companion_end(const struct redis_server *server, struct deadline deadline);

/* The same, said in the log if it fails: losing the watch costs speed, so an action goes on. */
void companion_keep(const struct redis_server *server);
/* Before the server is ended: the role is handed over, the last position noted. */
void companion_announce_stop(const struct redis_server *server);
/* `promote` or `demote`. The role changes by the watch alone, for it knows what the others know. */
enum companion_answer companion_order(const struct redis_server *server, const char *action,
                                      char **reason);

#endif
