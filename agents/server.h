// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What agents of one server process have in common: the record of the process that is theirs, the
 * checks of what must be installed here, and what a server wrote before it ended.
 */
#ifndef RHA_SERVER_H
#define RHA_SERVER_H

#include "ocf.h"
#include "proc.h"
#include <stdbool.h>
#include <sys/types.h>

/* How long a healthy local server may take for one answer. A hang is told after that, well before
 * an action's usual time is up. */
#define SERVER_ANSWER_MS 5000

/* The process that `start`, or an adoption, recorded. PROC_GONE also where nothing is recorded. */
enum proc_state server_recorded(const struct ocf_context *context, struct proc_id *id);
/* Whether something is recorded at all: it was started, and `stop` has not ended it. */
bool server_has_record(const struct ocf_context *context);
int server_record(const struct ocf_context *context, const struct proc_id *id);
void server_forget(const struct ocf_context *context);
/* Another instance of this agent has recorded that very process as its own. */
bool server_is_claimed(const struct ocf_context *context, const struct proc_id *id);

/* The first of `paths` (NULL-terminated) that is a program here; NULL: none. */
const char *server_find_program(const char *const *paths);
/* OCF_SUCCESS, or the reason is given: `path` (NULL: none was found) is no program. */
enum ocf_exit server_check_program(const char *path, const char *expected);
/* Parameter `user`, else redis, else valkey. Asks for the system's users, so not for a monitor. */
const char *server_user(const char *param);
enum ocf_exit server_check_user(const char *user);
/* Whether that user may open the path so (R_OK, X_OK): 0, -EACCES, -errno. */
int server_user_may(const char *user, const char *path, int mode);

/* Where the log ends now, and what was written to it since (at most 64 KiB; "" for nothing; caller
 * frees). */
off_t server_log_end(const char *path);
char *server_log_since(const char *path, off_t from);
/* Empties a log that has grown too large: servers append to it, so they go on at its start. */
void server_log_trim(const char *path);

#endif
