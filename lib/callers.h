// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket at which a companion is asked by agents: one line each way, one request a connection;
 * another companion may stay and talk on. Whoever may enter its folder may ask.
 */
#ifndef RHA_CALLERS_H
#define RHA_CALLERS_H

#include "loop.h"

#define CALLERS_LINE 512 /* bytes of a line, its newline and end included */

struct callers;
struct caller;

/*
 * On the loop. `line` has no newline and lives as long as the call. The caller waits until
 * caller_answer, now or later; one that goes away meanwhile is forgotten.
 */
typedef void (*caller_fn)(void *data, struct caller *caller, const char *line);

/* Listens at `path`, where an earlier socket is replaced. 0 or -errno. */
int callers_open(struct loop *loop, const char *path, caller_fn fn, void *data,
                 struct callers **callers);
/* Ends all who wait, unanswered, and removes the path. NULL-safe. */
void callers_close(struct callers *callers);

/* Without a newline. The caller is gone with that. */
void caller_answer(struct caller *caller, const char *line);
/* Without a newline. The caller waits on, for more. false: it is gone. */
bool caller_say(struct caller *caller, const char *line);
/*
 * The caller waits on, and its further lines go to `fn`. `gone`: it went away by itself, or was
 * left because it did not listen; the last call for it, when nothing can be said to it any more.
 * Neither caller_answer nor callers_close make it.
 */
typedef void (*caller_gone_fn)(void *data, const struct caller *caller);
void caller_stay(struct caller *caller, caller_fn fn, caller_gone_fn gone);
/* To all who wait with that mark. */
void callers_say(struct callers *callers, unsigned mark, const char *line);
/* A number of yours by which one who waits is found again; not 0. */
void caller_mark(struct caller *caller, unsigned mark);
/* The first who waits with that mark; NULL: none. */
struct caller *callers_find(const struct callers *callers, unsigned mark);

#endif
