// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentinel's own file: written once, by us; from then on Sentinel keeps it. And what Sentinel says
 * in its log when it cannot use it.
 */
#ifndef RHA_SENTINEL_FILE_H
#define RHA_SENTINEL_FILE_H

#include "ocf.h"
#include "sentinel_server.h"

/* A word as sentinel.conf wants it: in double quotes, what is special escaped. Caller frees. */
char *sentinel_quote(const char *word);
/* The text of a first file. `address`: what it announces. Caller frees. */
char *sentinel_file_text(const struct sentinel_server *server, const char *address);

/* Whether `config` can be taken over: OCF_SUCCESS, or the reason is given. */
enum ocf_exit sentinel_check_config(const struct sentinel_params *params);

/* Makes folder and file where they are not there yet. OCF_SUCCESS, or the reason is given. */
enum ocf_exit sentinel_make_file(const struct sentinel_server *server);

/*
 * The line of Sentinel's log that says why it ended; *reason NULL: none found. Never quotes a line
 * of the file, which may hold a password. true: its file is at fault.
 */
bool sentinel_log_reason(const char *log, char **reason);

#endif
