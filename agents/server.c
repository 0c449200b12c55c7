// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The record of a server's process is `process` in the run folder. It outlives a crash, so that the
 * next action can tell a crash from a stop, but not a boot.
 */
#include "server.h"

#include "log.h"
#include "util.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_KEPT (64 * 1024)
#define LOG_MAX  (8 * 1024 * 1024)

static char *record_path(const struct ocf_context *context)
{
    return xasprintf("%s/process", context->run_dir);
}

enum proc_state server_recorded(const struct ocf_context *context, struct proc_id *id)
{
    cleanup_free char *path = record_path(context);
    int rc = proc_load(path, id);

    if (rc == -ENOENT)
        return PROC_GONE;
    if (rc == -EINVAL) {
        log_warning("%s is not a record of a process; what answers is looked at instead", path);
        return PROC_GONE;
    }
    return rc ? PROC_UNKNOWN : proc_check(id);
}

bool server_has_record(const struct ocf_context *context)
{
    cleanup_free char *path = record_path(context);

    return access(path, F_OK) == 0;
}

int server_record(const struct ocf_context *context, const struct proc_id *id)
{
    cleanup_free char *path = record_path(context);

    return proc_save(path, id);
}

void server_forget(const struct ocf_context *context)
{
    cleanup_free char *path = record_path(context);
    int rc = file_remove(path);

    if (rc)
        log_warning("%s could not be removed: %s", path, strerror(-rc));
}

static bool is_record_of(const char *path, const struct proc_id *id)
{
    struct proc_id other;

    return proc_load(path, &other) == 0 && other.pid == id->pid &&
           other.start_ticks == id->start_ticks;
}

bool server_is_claimed(const struct ocf_context *context, const struct proc_id *id)
{
    cleanup_free char *folder = xstrdup(context->run_dir);
    char *own = strrchr(folder, '/');
    bool found = false;
    struct dirent *entry;
    DIR *dir;

    *own++ = '\0';
    dir = opendir(folder);
    while (dir && !found && (entry = readdir(dir))) {
        cleanup_free char *path = xasprintf("%s/%s/process", folder, entry->d_name);

        found = entry->d_name[0] != '.' && !str_eq(entry->d_name, own) && is_record_of(path, id);
    }
    if (dir)
        closedir(dir);
    return found;
}

const char *server_find_program(const char *const *paths)
{
    while (*paths && !file_is_program(*paths))
        paths++;
    return *paths;
}

enum ocf_exit server_check_program(const char *path, const char *expected)
{
    if (!path)
        return ocf_fail(OCF_ERR_INSTALLED, "binary: none is given and %s is not installed here",
                        expected);
    if (!file_is_program(path))
        return ocf_fail(OCF_ERR_INSTALLED, "binary: \"%s\" is not a program here; expected %s",
                        path, expected);
    return OCF_SUCCESS;
}

const char *server_user(const char *param)
{
    if (param)
        return param;
    return getpwnam("redis") || !getpwnam("valkey") ? "redis" : "valkey";
}

enum ocf_exit server_check_user(const char *user)
{
    if (getpwnam(user))
        return OCF_SUCCESS;
    return ocf_fail(OCF_ERR_INSTALLED, "user: \"%s\" does not exist here; expected a system user",
                    user);
}

/* Effective ids only, so that the way back stays open; the saved ids are still root's. */
static int become(const struct passwd *pw)
{
    if (setegid(pw->pw_gid) < 0 || initgroups(pw->pw_name, pw->pw_gid) < 0 ||
        seteuid(pw->pw_uid) < 0)
        return -errno;
    return 0;
}

static void become_root_again(const gid_t *groups, int count)
{
    if (seteuid(0) < 0 || setegid(0) < 0 || setgroups((size_t)count, groups) < 0)
        abort(); /* to go on with half of root's rights would do harm */
}

int server_user_may(const char *user, const char *path, int mode)
{
    const struct passwd *pw = getpwnam(user);
    gid_t groups[256];
    int count, rc;

    if (!pw)
        return -ENOENT;
    if (geteuid() != 0)
        return faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0 ? -errno : 0;
    count = getgroups(ARRAY_SIZE(groups), groups);
    if (count < 0)
        return -errno;
    rc = become(pw);
    if (!rc && faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0)
        rc = -errno;
    become_root_again(groups, count);
    return rc;
}

off_t server_log_end(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 ? 0 : st.st_size;
}

char *server_log_since(const char *path, off_t from)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = xcalloc(1, LOG_KEPT + 1);
    size_t used = 0;
    ssize_t got = 1;

    while (fd >= 0 && used < LOG_KEPT && got > 0) {
        got = pread(fd, text + used, LOG_KEPT - used, from + (off_t)used);
        if (got > 0)
            used += (size_t)got;
    }
    return text;
}

void server_log_trim(const char *path)
{
    if (server_log_end(path) > LOG_MAX && truncate(path, 0) < 0)
        log_warning("%s has grown beyond %d bytes and could not be emptied: %s", path, LOG_MAX,
                    strerror(errno));
}
