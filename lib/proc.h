// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Server processes: started as a daemon, recognised again, stopped for sure. A process is known by
 * its pid, its start time and its executable together, since pids are used again and a pid file can
 * outlive its process; a zombie counts as gone, and so does a program that became another (exec).
 */
#ifndef RHA_PROC_H
#define RHA_PROC_H

#include "clock.h"
#include "util.h"
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_id {
    pid_t pid;
    uint64_t start_ticks; /* /proc/PID/stat field 22: clock ticks since boot */
    char exe[PATH_MAX];   /* what /proc/PID/exe points at; "" where it could not be read */
};

enum proc_state {
    PROC_ALIVE,
    PROC_GONE,
    PROC_UNKNOWN, /* could not find out: treat as neither */
};

/* Reads the identity of a running process: 0, -ESRCH (gone or a zombie), -errno. */
int proc_identify(pid_t pid, struct proc_id *id);
enum proc_state proc_check(const struct proc_id *id);
/* Milliseconds since it was started, as exact as a clock tick (10 ms). */
uint64_t proc_age_ms(const struct proc_id *id);
/* The process runs this program (symbolic links resolved; "PATH (deleted)" after an upgrade
 * counts). */
bool proc_runs(const struct proc_id *id, const char *binary);

/* Kept in a file "PID TICKS EXE\n", so that the next action knows it: 0 or -errno; load: -ENOENT.
 */
int proc_save(const char *path, const struct proc_id *id);
int proc_load(const char *path, struct proc_id *id);

struct proc_spec {
    const char *const *argv; /* argv[0] is the program's path */
    const char *user;        /* NULL: as we are. Its groups are taken too (initgroups). */
    const char *dir;         /* working directory; NULL: "/" */
    const char *log_path;    /* standard output and error are appended here; NULL: /dev/null */
    uint64_t nofile;         /* RLIMIT_NOFILE to set, as far as allowed; 0: left alone */
};

/*
 * Starts the program in a session of its own, standard input /dev/null, no descriptor of ours,
 * signals as in a fresh process, the environment without the cluster's variables (OCF_*, HA_*,
 * PCMK_*) and those of systemd's supervision, and returns at once; the caller is not its parent
 * afterwards (double fork). 0, or -errno of what failed, exec included; -EPERM: only root may start
 * it as another user; -ENOENT: also no such user; -ESRCH: it ended at once (its log says why).
 */
int proc_start(const struct proc_spec *spec, struct proc_id *id);
/* This process becomes that program, argv[0] and its path, with no signal blocked; it stays the
 * same process to others. Returns only where that fails: -errno. */
int proc_become(const char *path, char *const *argv);

/* 0 gone, -ETIMEDOUT, -errno. */
int proc_wait_gone(const struct proc_id *id, struct deadline deadline);
/* Sends a signal to that very process (pidfd): 0, -ESRCH, -errno. */
int proc_signal(const struct proc_id *id, int signal);
/* `first` (TERM, or what the server takes for a clean end; 0: none), waits `grace_ms`, KILL, waits
 * until the deadline: 0 gone, -ETIMEDOUT, -errno. */
int proc_end(const struct proc_id *id, int first, int64_t grace_ms, struct deadline deadline);

/* The arguments that it was started with, each with its NUL, at most `limit` bytes: 0 or -errno.
 * Caller frees *text. */
int proc_arguments(pid_t pid, size_t limit, char **text, size_t *size);

/* Every live direct child of `pid` (HAProxy's workers): their number, of which the first `max` are
 * in `children`, or -errno. */
int proc_children(pid_t pid, struct proc_id *children, size_t max);

#endif
