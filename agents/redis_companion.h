// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's side of redis-watch: launched and ended here, asked over a socket in the run folder.
 * One line each way. `ping` is answered by `done STATE [WHY]`; `reload`, `promote MS`, `demote MS`
 * and `stop MS`, with the time there is for it, by `done`, or by `refused` and why. `follow` and
 * `hello EPOCH NUMBER` are sentinel-feed's (redis_watch_news.c), and on a connection that follows
 * `quorum HOST PORT down|up|unsure` (redis_watch_witness.c) and `sees ...`
 * (redis_watch_sentinel.c), where the watch asks for `failover HOST PORT` in turn.
 */
#ifndef RHA_REDIS_COMPANION_H
#define RHA_REDIS_COMPANION_H

#include "companion.h"
#include "redis_server.h"

#define COMPANION_SOCKET "watch.sock" /* in run_dir */
#define COMPANION_LOG    "watch.log"  /* in run_dir */
#define COMPANION_RECORD "epochs"     /* in state_dir */

/* redis-watch as a companion of that resource. */
struct companion companion_watch(const struct ocf_context *context);

enum companion_answer {
    COMPANION_DONE,
    COMPANION_REFUSED, /* *reason says why */
    COMPANION_ABSENT,  /* no watch, or one that gives no answer: *reason says which */
};

/* What the watch knows of this node's server and a look at it does not show. */
enum companion_state {
    COMPANION_STATE_NONE,    /* no watch, or one that gives no answer */
    COMPANION_STATE_FINE,    /* nothing to tell */
    COMPANION_STATE_MOVING,  /* nobody leads for the moment */
    COMPANION_STATE_PAUSED,  /* a primary that may take no writes, and not just for a moment */
    COMPANION_STATE_HELD,    /* nobody leads, and not just for a moment */
    COMPANION_STATE_HUNG,    /* two witnesses have no answer from it */
    COMPANION_STATE_DEPOSED, /* a primary of an epoch that is over */
    /* authority=sentinel: the role that Pacemaker gave stands until it has followed Sentinel's
     * choice, whatever the server is meanwhile. */
    COMPANION_STATE_FOLLOWS,
    COMPANION_STATE_APART,    /* and it does not follow, and not just for a moment */
    COMPANION_STATE_REPLACED, /* it hangs, and Sentinel has chosen another */
    COMPANION_STATES
};
extern const char *const companion_state_names[COMPANION_STATES];

struct companion_word {
    enum companion_state state;
    char why[COMPANION_LINE]; /* in words an exit reason can end with; "" where there is nothing */
};
/* By two witnesses, or by Sentinel's, it gives no answer, and is to go. */
bool companion_says_hung(const struct companion_word *word);
/* Asks a watch that runs; none is launched. */
void companion_word_get(const struct redis_server *server, struct companion_word *word);
/* Its process is there, whether it answers or not. */
bool companion_is_there(const struct redis_server *server);

/* `reason` is the caller's to free; NULL with COMPANION_DONE. */
enum companion_answer companion_ask(const struct redis_server *server, const char *request,
                                    struct deadline deadline, char **reason);
/* Ends it. Its absence is success. 0 or -errno. */
int companion_end(const struct redis_server *server, struct deadline deadline);

/*
 * Makes sure that a watch runs and answers, and gets its word: a dead one is launched again, one
 * that gives no answer is killed first. A failure is logged: the action goes on without.
 */
void companion_keep(const struct redis_server *server, struct companion_word *word);
/* Gives a watch that runs the reloadable parameters where they are others than it has; one that
 * does not gets them at its start. */
void companion_reload(const struct redis_server *server);
/* Before the server is ended: the role is handed over, the last position noted. */
void companion_announce_stop(const struct redis_server *server);
/* `promote` or `demote`. The role changes by the watch alone, for it knows what the others know. */
enum companion_answer companion_order(const struct redis_server *server, const char *action,
                                      char **reason);

#endif
