// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The skeleton of an OCF resource agent: the environment that Pacemaker gives an action, the table
 * of actions, exit codes and the one exit reason. Sources: OCF Resource Agent API 1.1, and what
 * Pacemaker adds to it (OCF_RESKEY_CRM_meta_*). An agent's main is
 * `return ocf_main(&agent, argc, argv);`.
 */
#ifndef RHA_OCF_H
#define RHA_OCF_H

#include "clock.h"
#include "param.h"
#include "util.h"
#include <stdbool.h>
#include <stdint.h>

/* Exit codes: OCF 1.1, and Pacemaker's two degraded ones (crm/common/results.h). */
enum ocf_exit {
    OCF_SUCCESS = 0,
    OCF_ERR_GENERIC = 1,
    OCF_ERR_ARGS = 2,
    OCF_ERR_UNIMPLEMENTED = 3,
    OCF_ERR_PERM = 4,
    OCF_ERR_INSTALLED = 5,
    OCF_ERR_CONFIGURED = 6,
    OCF_NOT_RUNNING = 7,
    OCF_RUNNING_PROMOTED = 8,
    OCF_FAILED_PROMOTED = 9,
    OCF_DEGRADED = 190,
    OCF_DEGRADED_PROMOTED = 191,
};

/* What an action is told by its environment. Strings live as long as the process. */
struct ocf_context {
    const char *agent;    /* "redis" */
    const char *action;   /* "monitor" */
    const char *instance; /* OCF_RESOURCE_INSTANCE without its clone number: "redis" of "redis:0";
                           * the agent's name where it is not given (by hand) */
    const char *node;     /* OCF_RESKEY_CRM_meta_on_node; NULL: no cluster (by hand, ocf-tester) */
    bool in_cluster;      /* node is known */
    bool is_clone;        /* OCF_RESKEY_CRM_meta_clone is given */
    bool is_promotable;   /* of a promotable clone: meta promotable, promoted_max or master_max */
    bool is_probe;        /* a monitor with interval 0 or none */
    int64_t interval_ms;  /* of a recurring monitor, else 0 */
    int check_level;      /* OCF_CHECK_LEVEL, else 0 */
    bool params_valid;    /* false: the action goes on with defaults for bad values */
    bool params_name_server;  /* what is bad, if anything, is reloadable: it is our server all the
                               * same */
    struct deadline deadline; /* the action's timeout less a margin for answering */
    const char *run_dir;      /* /run/redis-ha/<agent>/<instance>: made by ocf_main, 0700 root */
    const char *state_dir;    /* /var/lib/redis-ha/<agent>/<instance>: likewise, lasting */
};

struct ocf_action {
    const char *name; /* matched whole */
    enum ocf_exit (*run)(const struct ocf_context *context, const void *params);
    /*
     * true: bad parameters end the action with OCF_ERR_CONFIGURED (6), or with OCF_ERR_ARGS (2) if
     * they are reloadable, and their first problem as the exit reason, before `run`. false (stop),
     * and for probes always: `run` gets defaults instead of what could not be parsed, and the
     * folders may be missing. What runs goes on: reload-agent is a success without `run`, which
     * says that it was refused, and a recurring monitor that would be 0 or 8 is 190 or 191 with
     * that problem as the exit reason.
     */
    bool needs_valid_params;
    /* Advertised in meta-data; 0 or NULL: left out, but for a timeout of 0, which is 20. */
    int timeout_s, interval_s, depth;
    const char *role;
};

struct ocf_agent {
    const char *name;
    const char *shortdesc, *longdesc;
    const struct param *params;
    size_t params_size; /* of the agent's struct of values */
    /* Ends with a name of NULL. The same name may come several times (monitors): `run` of the first
     * counts. meta-data, usage and the hidden `man` (the man page in roff) are ocf_main's own. */
    const struct ocf_action *actions;
};

/*
 * Runs one action and returns the process's exit code. Unknown action: 3. `meta-data`, `usage` and
 * `man` need neither environment nor root. Ignores SIGPIPE; never turns SIGTERM into success.
 */
int ocf_main(const struct ocf_agent *agent, int argc, char **argv);

/*
 * The one line that `crm_mon` shows for a failure: printed to standard error as
 * `ocf-exit-reason:TEXT` and logged as an error. Returns `code`, so that an action can end with it.
 * Says what, where, the value seen and what to do; the last one given counts.
 */
enum ocf_exit ocf_fail(enum ocf_exit code, const char *format, ...) PRINTF(2, 3);

/* Meta-data XML of the agent to `out` (meta.c): OCF 1.1, with a prologue that the DTD of ocf-tester
 * accepts. */
void ocf_print_metadata(const struct ocf_agent *agent, FILE *out);
/* ocf_redis-ha_NAME(7) in roff to `out` (man.c). */
void ocf_print_man(const struct ocf_agent *agent, FILE *out);
void ocf_print_usage(const struct ocf_agent *agent, FILE *out);

/* What every agent has beside its own table. Ends with a name of NULL. */
enum {
    OCF_PRINTED_META_DATA,
    OCF_PRINTED_USAGE
};
extern const struct ocf_action ocf_printed_actions[];
/* The first row of that name; NULL: the agent has no such action. */
const struct ocf_action *ocf_action_find(const struct ocf_agent *agent, const char *name);
/* The timeout that is advertised: OCF wants one of each action. */
int ocf_action_timeout_s(const struct ocf_action *action);

/* A notify action's facts: OCF_RESKEY_CRM_meta_notify_*; lists are cut at blanks by the caller. */
struct ocf_notify {
    const char *type;          /* "pre", "post", or "" */
    const char *operation;     /* "start", "stop", "promote", "demote", or "" */
    const char *promote_uname; /* nodes where the role is being promoted, "" for none */
    const char *demote_uname;
    const char *promoted_uname; /* nodes that had the role before (master_uname) */
};
struct ocf_notify ocf_notify_read(void);

#endif
