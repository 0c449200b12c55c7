// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who a process is, and its end. All of it is read from /proc (proc(5)); signals go through a
 * pidfd, so that none can reach a process that got the number later.
 */
#include "proc.h"

#include "child.h"
#include "fd.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define POLL_MS     10 /* how often to look where the kernel has no pidfd */
#define STAT_MAX    4096
#define ID_MAX      (PATH_MAX + 64)
#define DELETED     " (deleted)" /* the kernel's note in /proc/PID/exe, d_path() */
#define FIELD_STATE 3
#define FIELD_PPID  4
#define FIELD_START 22

struct stat_line {
    char state;
    pid_t ppid;
    uint64_t start_ticks;
};

/* The text of field `number`; the second, the name in brackets, may hold anything, so the count
 * begins after the last bracket. */
static const char *stat_field(const char *text, int number)
{
    const char *at = strrchr(text, ')');

    for (int field = 2; at && field < number; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at;
}

static int stat_read(pid_t pid, struct stat_line *line)
{
    cleanup_free char *text = NULL;
    const char *state, *ppid, *start;
    char path[64];
    int rc;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    rc = file_read(path, STAT_MAX, &text);
    if (rc)
        return rc == -ENOENT ? -ESRCH : rc;
    state = stat_field(text, FIELD_STATE);
    ppid = stat_field(text, FIELD_PPID);
    start = stat_field(text, FIELD_START);
    if (!state || !ppid || !start)
        return -EPROTO;
    line->state = *state;
    line->ppid = (pid_t)strtol(ppid, NULL, 10);
    line->start_ticks = strtoull(start, NULL, 10);
    return line->state == 'Z' || line->state == 'X' ? -ESRCH : 0;
}

static void exe_read(pid_t pid, char exe[PATH_MAX])
{
    char path[64];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    n = readlink(path, exe, PATH_MAX - 1);
    exe[n > 0 ? n : 0] = '\0';
}

int proc_identify(pid_t pid, struct proc_id *id)
{
    struct stat_line before, after;
    int rc;

    *id = (struct proc_id){0};
    if (pid <= 0)
        return -ESRCH;
    rc = stat_read(pid, &before);
    if (rc)
        return rc;
    exe_read(pid, id->exe);
    /* The number may have passed to another process between the two reads. */
    rc = stat_read(pid, &after);
    if (rc)
        return rc;
    if (before.start_ticks != after.start_ticks)
        return -ESRCH;
    id->pid = pid;
    id->start_ticks = before.start_ticks;
    return 0;
}

uint64_t proc_age_ms(const struct proc_id *id)
{
    struct timespec now;
    uint64_t started_ms = id->start_ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);

    clock_gettime(CLOCK_BOOTTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    return now_ms > started_ms ? now_ms - started_ms : 0;
}

/* Without the note that the file was replaced or removed. */
static size_t exe_length(const char *exe)
{
    size_t length = strlen(exe), note = strlen(DELETED);

    if (length > note && strcmp(exe + length - note, DELETED) == 0)
        return length - note;
    return length;
}

static bool exe_same(const char *a, const char *b)
{
    size_t length = exe_length(a);

    return length == exe_length(b) && memcmp(a, b, length) == 0;
}

/* 0: that process lives; -ESRCH: gone; -errno: could not find out. */
static int proc_probe(const struct proc_id *id)
{
    struct proc_id now;
    int rc = proc_identify(id->pid, &now);

    if (rc)
        return rc;
    if (now.start_ticks != id->start_ticks)
        return -ESRCH;
    /* Unreadable on either side proves nothing: pid and start time decide then. */
    if (!str_is_empty(now.exe) && !str_is_empty(id->exe) && !exe_same(now.exe, id->exe))
        return -ESRCH;
    return 0;
}

enum proc_state proc_check(const struct proc_id *id)
{
    int rc = proc_probe(id);

    if (rc == 0)
        return PROC_ALIVE;
    return rc == -ESRCH ? PROC_GONE : PROC_UNKNOWN;
}

bool proc_runs(const struct proc_id *id, const char *binary)
{
    cleanup_free char *resolved = NULL;

    if (str_is_empty(id->exe) || str_is_empty(binary))
        return false;
    resolved = realpath(binary, NULL);
    return exe_same(id->exe, resolved ? resolved : binary);
}

int proc_save(const char *path, const struct proc_id *id)
{
    cleanup_free char *text = xasprintf("%d %" PRIu64 " %s\n", id->pid, id->start_ticks, id->exe);

    return file_write_atomic(path, text, 0600);
}

int proc_load(const char *path, struct proc_id *id)
{
    cleanup_free char *text = NULL;
    int read_to = 0, rc;
    size_t length;

    *id = (struct proc_id){0};
    rc = file_read(path, ID_MAX, &text);
    if (rc)
        return rc;
    /* "%n" is the place of the path, which may hold blanks. */
    if (!isdigit((unsigned char)text[0]) ||
        sscanf(text, "%d %" SCNu64 "%n", &id->pid, &id->start_ticks, &read_to) != 2 ||
        id->pid <= 0 || text[read_to] != ' ')
        return -EINVAL;
    length = strlen(text + read_to + 1);
    if (length == 0 || length > PATH_MAX || text[read_to + length] != '\n')
        return -EINVAL;
    memcpy(id->exe, text + read_to + 1, length - 1);
    return 0;
}

static int wait_by_looking(const struct proc_id *id, struct deadline deadline)
{
    for (;;) {
        int rc = proc_probe(id);

        if (rc)
            return rc == -ESRCH ? 0 : rc;
        if (!deadline_pause(deadline, POLL_MS))
            return -ETIMEDOUT;
    }
}

int proc_wait_gone(const struct proc_id *id, struct deadline deadline)
{
    cleanup_close int pidfd = pidfd_of(id->pid);
    int rc;

    /* First the handle, then the look at whose it is. */
    rc = proc_probe(id);
    if (rc)
        return rc == -ESRCH ? 0 : rc;
    if (pidfd < 0)
        return wait_by_looking(id, deadline);
    return fd_wait(pidfd, POLLIN, deadline);
}

int proc_signal(const struct proc_id *id, int signal)
{
    cleanup_close int pidfd = pidfd_of(id->pid);
    int rc = proc_probe(id);

    if (rc)
        return rc;
    /* The kernel got the two calls apart, and valgrind or a filter may know the one only. */
    rc = pidfd < 0 ? -ENOSYS : pidfd_kill(pidfd, signal);
    if (rc != -ENOSYS)
        return rc;
    return kill(id->pid, signal) ? -errno : 0;
}

/* A signal and some time to end: 0 gone, -ETIMEDOUT, -errno. */
static int signal_and_wait(const struct proc_id *id, int signal, struct deadline deadline)
{
    int rc = signal ? proc_signal(id, signal) : 0;

    if (rc)
        return rc == -ESRCH ? 0 : rc;
    return proc_wait_gone(id, deadline);
}

int proc_end(const struct proc_id *id, int first, int64_t grace_ms, struct deadline deadline)
{
    int rc = signal_and_wait(id, first, deadline_min(deadline, deadline_in(grace_ms)));

    /* Also at the deadline: a KILL then is still better than none. */
    return rc == -ETIMEDOUT ? signal_and_wait(id, SIGKILL, deadline) : rc;
}

int proc_arguments(pid_t pid, size_t limit, char **text, size_t *size)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    *text = xcalloc(limit + 1, 1); /* one that is cut off ends with a NUL too */
    *size = fread(*text, 1, limit, file);
    fclose(file);
    return 0;
}

static pid_t entry_pid(const struct dirent *entry)
{
    int64_t pid;

    return parse_int64(entry->d_name, 1, INT_MAX, &pid) ? 0 : (pid_t)pid;
}

int proc_children(pid_t pid, struct proc_id *children, size_t max)
{
    const struct dirent *entry;
    DIR *proc = opendir("/proc");
    int count = 0;

    if (!proc)
        return -errno;
    while ((entry = readdir(proc))) {
        pid_t child = entry_pid(entry);
        struct stat_line line;
        struct proc_id id;

        if (child == 0 || stat_read(child, &line) || line.ppid != pid || proc_identify(child, &id))
            continue;
        if ((size_t)count < max)
            children[count] = id;
        count++;
    }
    closedir(proc);
    return count;
}
