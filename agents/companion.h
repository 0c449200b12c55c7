// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A resident program beside an agent's server: launched, asked and ended by the agent. Its files
 * are in the run folder, as NAME.sock, NAME.params (lines `NAME VALUE`), NAME.process and NAME.log.
 * It is asked by one line, answers by one, and answers `ping` always, with a line that begins
 * `done`.
 */
#ifndef RHA_COMPANION_H
#define RHA_COMPANION_H

#include "ocf.h"
#include "proc.h"

#define COMPANION_LINE 512 /* bytes of a line, its newline and end included */

struct companion {
    const struct ocf_context *context;
    const char *program; /* its path; called with the instance and the node's name */
    const char *name;    /* as its files are called */
};

/* "RUN_DIR/NAME.WHAT". Caller frees. */
char *companion_path(const struct companion *companion, const char *what);

/* One request, one answer without its newline. 0; -ETIMEDOUT; -ECONNREFUSED, -ENOENT: it does not
 * run; -errno. */
int companion_exchange(const struct companion *companion, const char *request,
                       struct deadline deadline, char line[COMPANION_LINE]);
/* Whether it answers within the time that a loop which never blocks takes; `line`: how. */
bool companion_ping(const struct companion *companion, struct deadline deadline,
                    char line[COMPANION_LINE]);
/* Its process is there, whether it answers or not. */
bool companion_runs(const struct companion *companion);

/* The companion's own side: itself as the agent's actions are, and its parameters from the file,
 * where a bad one is logged (0, -EINVAL, -errno). Texts are kept for ever. */
struct ocf_context companion_context(const char *agent, const char *instance, const char *node);
int companion_params_read(const struct companion *companion, const struct param *table,
                          void *params);

/* What it is to know of the parameters. Caller frees. */
char *companion_params_text(const struct param *table, const void *params);
int companion_params_write(const struct companion *companion, const char *text);
/* The file says that already. */
bool companion_params_are(const struct companion *companion, const char *text);

/*
 * For one that gave no answer to a ping: what there is of it is killed, another is launched with
 * `params` (NULL: those of before) and waited for. 0; -ECHILD: it ended at once, see its log;
 * -ETIMEDOUT; -errno.
 */
int companion_launch(const struct companion *companion, const char *params,
                     struct deadline deadline, char line[COMPANION_LINE]);
/* Ends it. Its absence is success. 0 or -errno. */
int companion_terminate(const struct companion *companion, struct deadline deadline);

#endif
