// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The start of a server process: all that may fail or wait is looked up before the fork (user, its
 * groups, the log), so that between fork and exec there are system calls only.
 */
#include "proc.h"

#include "child.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define EXEC_MS 10000 /* from fork to exec; longer only where the program's file system hangs */

extern char **environ;

struct plan {
    const struct proc_spec *spec;
    bool switch_user;
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t *groups;
    char **environment;
    int output;
};

static void plan_clear(struct plan *plan)
{
    free(plan->groups);
    free(plan->environment);
    cleanup_closep(&plan->output);
}

/*
 * What is the cluster's, not the server's: the agent's parameters (OCF_*, which may name secrets),
 * the daemons' own settings, and the addresses of systemd's supervision, which a server with
 * `supervised auto` would use to speak for Pacemaker.
 */
static bool variable_is_ours(const char *variable)
{
    static const char *const prefixes[] = {
        "OCF_", "HA_", "PCMK_", "CRM_", "NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_", "UPSTART_JOB=",
    };

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (str_starts(variable, prefixes[i]))
            return true;
    return false;
}

static char **environment_for_server(void)
{
    size_t count = 0, kept = 0;
    char **environment;

    while (environ && environ[count])
        count++;
    environment = xcalloc(count + 1, sizeof(*environment));
    for (size_t i = 0; i < count; i++)
        if (!variable_is_ours(environ[i]))
            environment[kept++] = environ[i];
    return environment;
}

/* 0; -ENOENT: no such user. */
static int user_find(const char *name, struct plan *plan)
{
    size_t size = 16384;

    for (;;) {
        cleanup_free char *buffer = xcalloc(1, size);
        struct passwd entry, *found;
        int error = getpwnam_r(name, &entry, buffer, size, &found);

        if (error == ERANGE && size < (1 << 20)) {
            size *= 2;
            continue;
        }
        if (error)
            return -error;
        if (!found)
            return -ENOENT;
        plan->uid = entry.pw_uid;
        plan->gid = entry.pw_gid;
        return 0;
    }
}

static void user_groups(const char *name, struct plan *plan)
{
    plan->group_count = 0;
    getgrouplist(name, plan->gid, NULL, &plan->group_count);
    plan->groups = xcalloc((size_t)plan->group_count + 1, sizeof(*plan->groups));
    if (getgrouplist(name, plan->gid, plan->groups, &plan->group_count) < 0) {
        plan->groups[0] = plan->gid; /* they changed in between: the user's own is certain */
        plan->group_count = 1;
    }
}

static int plan_user(const char *user, struct plan *plan)
{
    int rc;

    if (!user)
        return 0;
    rc = user_find(user, plan);
    if (rc)
        return rc;
    if (plan->uid == geteuid())
        return 0;
    if (geteuid() != 0)
        return -EPERM;
    user_groups(user, plan);
    plan->switch_user = true;
    return 0;
}

static int plan_output(const char *log_path, struct plan *plan)
{
    int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;

    if (log_path)
        plan->output = open(log_path, flags | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
    else
        plan->output = open("/dev/null", flags);
    return plan->output < 0 ? -errno : 0;
}

static void nofile_raise(uint64_t wanted)
{
    struct rlimit limit;

    if (wanted == 0 || getrlimit(RLIMIT_NOFILE, &limit))
        return;
    if (wanted > limit.rlim_max) {
        struct rlimit more = {.rlim_cur = wanted, .rlim_max = wanted};

        if (setrlimit(RLIMIT_NOFILE, &more) == 0) /* root may, up to fs.nr_open */
            return;
        wanted = limit.rlim_max;
    }
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int user_become(const struct plan *plan)
{
    if (!plan->switch_user)
        return 0;
    if (setgroups((size_t)plan->group_count, plan->groups) ||
        setresgid(plan->gid, plan->gid, plan->gid) || setresuid(plan->uid, plan->uid, plan->uid))
        return -errno;
    return 0;
}

/* The grandchild. */
static _Noreturn void server_become(const struct plan *plan, int news)
{
    const char *const *argv = plan->spec->argv;
    int rc;

    nofile_raise(plan->spec->nofile);
    rc = user_become(plan);
    if (rc == 0 && chdir(plan->spec->dir ? plan->spec->dir : "/"))
        rc = -errno;
    if (rc == 0)
        rc = child_prepare(plan->output);
    if (rc)
        child_fail(news, -rc);
    execve(argv[0], (char *const *)argv, plan->environment);
    child_fail(news, errno);
}

/* The child: a session of its own, and out of the way, so that the server's parent is PID 1. */
static _Noreturn void server_detach(const struct plan *plan, int news)
{
    pid_t pid;

    if (setsid() < 0)
        child_fail(news, errno);
    pid = fork();
    if (pid < 0)
        child_fail(news, errno);
    if (pid == 0)
        server_become(plan, news);
    child_tell(news, (struct child_news){.pid = pid});
    _exit(0);
}

static int server_hear(int news_fd, struct proc_id *id)
{
    struct child_news news;
    int rc = child_listen(news_fd, deadline_in(EXEC_MS), &news);
    int found = proc_identify(news.pid, id);

    if (rc && found == 0)
        proc_signal(id, SIGKILL); /* it hangs before exec */
    if (rc == 0)
        rc = news.error ? -news.error : found;
    if (rc)
        *id = (struct proc_id){0};
    return rc;
}

static int plan_carry_out(const struct plan *plan, struct proc_id *id)
{
    int news[2];
    int rc = child_pipe(news);
    pid_t child;

    if (rc)
        return rc;
    child = fork();
    if (child == 0)
        server_detach(plan, news[1]);
    rc = child < 0 ? -errno : 0;
    close(news[1]);
    if (rc == 0) {
        rc = server_hear(news[0], id);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(news[0]);
    return rc;
}

int proc_start(const struct proc_spec *spec, struct proc_id *id)
{
    struct plan plan = {.spec = spec, .output = -1};
    int rc = plan_user(spec->user, &plan);

    *id = (struct proc_id){0};
    if (rc == 0)
        rc = plan_output(spec->log_path, &plan);
    if (rc == 0) {
        plan.environment = environment_for_server();
        rc = plan_carry_out(&plan, id);
    }
    plan_clear(&plan);
    return rc;
}

int proc_become(const char *path, char *const *argv)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(path, argv);
    return -errno;
}
