// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The local HAProxy as processes: a master that the agent starts and knows, workers that it forks
 * at its start and at each reload.
 */
#ifndef RHA_HAPROXY_SERVER_H
#define RHA_HAPROXY_SERVER_H

#include "haproxy_params.h"
#include "haproxy_stats.h"
#include "ocf.h"
#include "proc.h"

#define HAPROXY_WORKERS_MAX 64
#define HAPROXY_TERM_MS     1000 /* TERM drops sessions at once: no reason to take long */

struct haproxy_server {
    const struct ocf_context *context;
    const struct haproxy_params *params;
    const char *binary;     /* NULL: none is installed */
    char *socket;           /* of the running one, as noted; else as configured; NULL: not known */
    char *log_path;         /* what the master and its workers say on their standard error */
    struct proc_id process; /* the master, valid once haproxy_find() said PROC_ALIVE */
};

/* Gathers what can be had without waiting; never fails, since `stop` goes on with what there is. */
void haproxy_server_open(struct haproxy_server *server, const struct ocf_context *context,
                         const struct haproxy_params *params);
void haproxy_server_close(struct haproxy_server *server);
#define cleanup_haproxy_server __attribute__((cleanup(haproxy_server_close)))

/* The stats socket that parameter or configuration name now. 0, -ENOENT, -errno. Caller frees. */
int haproxy_server_socket(const struct haproxy_params *params, char **socket);

/* Asks the stats socket, for SERVER_ANSWER_MS at most and until the deadline. 0 or -errno, see
 * haproxy_ask(). */
int haproxy_server_info(const struct haproxy_server *server, struct deadline deadline,
                        struct haproxy_info *info);
int haproxy_server_health(const struct haproxy_server *server, struct deadline deadline,
                          struct haproxy_health *health);

/* Who `pid` is to our master: itself (an adopted HAProxy without -W), its live worker, or nobody.
 */
enum haproxy_kin {
    HAPROXY_STRANGER,
    HAPROXY_WORKER,
    HAPROXY_SINGLE,
};
enum haproxy_kin haproxy_server_kin(const struct haproxy_server *server, pid_t pid);
/* The master's live workers, the oldest first; all but the last are of former configurations and
 * live until their sessions end. How many, or -errno. Walks /proc: not for the quiet path. */
int haproxy_server_workers(const struct haproxy_server *server,
                           struct proc_id workers[HAPROXY_WORKERS_MAX]);
/* The parent of a process; 0: it has gone. */
pid_t haproxy_parent(pid_t pid);

/* ---- haproxy_adopt.c: which process is it ---- */

/*
 * Whether this resource's HAProxy runs. One that an action of ours did not start is adopted when it
 * answers at our stats socket, or runs with our configuration, and runs our program. PROC_UNKNOWN:
 * *problem says what could not be found out (caller frees).
 */
enum proc_state haproxy_find(struct haproxy_server *server, char **problem);
/* The worker that answers is another than the one noted: another hand has reloaded HAProxy. */
void haproxy_note_reload_by_hand(const struct haproxy_server *server,
                                 const struct haproxy_info *info);

/* ---- haproxy_ports.c ---- */

/* NULL: nobody else listens where HAProxy does. Else which port, and who. Caller frees. Walks /proc
 * and all listening sockets: for a start. */
char *haproxy_shared_port(const struct haproxy_server *server);

/* ---- haproxy_look.c: how is it ---- */

/* Asks a running one how it is, and publishes that. The monitor's exit code, with the reason given;
 * at level 10 the servers count too. */
enum ocf_exit haproxy_look(const struct haproxy_server *server);
/* Sets `<haproxy>-status`. */
void haproxy_publish(const struct ocf_context *context, const char *status);

/* ---- haproxy_run.c, haproxy_reload.c: what changes something ---- */

/* Starts it and waits until it serves. OCF_SUCCESS, or the reason is given and nothing is left. */
enum ocf_exit haproxy_launch(struct haproxy_server *server);
/* Loads the configuration anew, which was checked before, and waits until a new worker serves. 0;
 * -errno with *problem (caller frees): the running one goes on; -ESRCH: it has ended. */
int haproxy_reload_worker(struct haproxy_server *server, char **problem);
/* Ends the worker that a dead master of ours left behind. OCF_SUCCESS, or the reason is given. */
enum ocf_exit haproxy_end_orphan(const struct haproxy_server *server);
/* Stops listening, lets sessions end for drain_timeout, then ends it within the action's time. */
enum ocf_exit haproxy_end(const struct haproxy_server *server);

/* ---- haproxy_note.c: what is kept in the run folder about the running configuration ---- */

enum haproxy_currency {
    HAPROXY_CURRENT,  /* what runs is what is on disk */
    HAPROXY_OUTDATED, /* the disk has another configuration */
    HAPROXY_NOT_KNOWN,
};
/* `print`: of the configuration that runs; NULL: not known. */
void haproxy_note(const struct haproxy_server *server, const char *print);
/* Its worker, by which one that outlives its master is known. */
void haproxy_note_worker(const struct haproxy_server *server, pid_t pid);
bool haproxy_noted_worker(const struct ocf_context *context, struct proc_id *worker);
/* It was adopted without a master: its process is its own worker. */
bool haproxy_is_single(const struct haproxy_server *server);
void haproxy_forget(const struct haproxy_server *server);
char *haproxy_noted_socket(const struct ocf_context *context);
/* Why the last reload was refused, for the monitor to tell; NULL: it was not. Caller frees. */
void haproxy_note_refusal(const struct haproxy_server *server, const char *why);
char *haproxy_noted_refusal(const struct ocf_context *context);
/* It was started or reloaded with the very reload_token of the parameters. */
bool haproxy_token_is_noted(const struct haproxy_server *server);
enum haproxy_currency haproxy_currency(const struct haproxy_server *server);
/* Logs it where it is not what was logged last. */
void haproxy_say_currency(const struct haproxy_server *server);

#endif
