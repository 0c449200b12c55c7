// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes started as daemons: what they get of ours and what they do not, and why a start failed.
 */
#include "proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include <pwd.h>
#include <sys/resource.h>

#include "server_run.h"

/* A file of /proc/PID with blanks for its NULs. Caller frees. */
static char *proc_text(pid_t pid, const char *name)
{
    cleanup_free char *path = xasprintf("/proc/%d/%s", pid, name);
    char *text = xcalloc(1, 65536);
    cleanup_close int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, 65535);

    assert_true(n >= 0);
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return text;
}

static char *proc_link(pid_t pid, const char *name)
{
    cleanup_free char *path = xasprintf("/proc/%d/%s", pid, name);

    return realpath(path, NULL);
}

/* Not below us, so that nobody else ends it where a test fails half way. */
static struct proc_id started;

static int start(const struct proc_spec *spec, struct proc_id *id)
{
    int rc = proc_start(spec, id);

    started = *id;
    return rc;
}

static int end_started(void **state)
{
    (void)state;
    return started.pid ? proc_end(&started, SIGKILL, 0, patience()) : 0;
}

/* valgrind keeps the soft limit to itself. */
static bool kernel_hears_of_limits(void)
{
    struct rlimit before, limit;
    cleanup_free char *text = NULL;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 98;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    text = proc_text(getpid(), "limits");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    return strstr(text, "Max open files            98 ");
}

static void started_server_stands_alone(void **state)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    struct proc_spec spec = {.argv = argv};
    cleanup_free char *input = NULL, *output = NULL, *cwd = NULL, *status = NULL;
    cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int leak = dup2(null, 77); /* which is open on exec */
    struct proc_id id;
    sigset_t blocked;
    const char *ignored;

    (void)state;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(start(&spec, &id), 0);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    close(leak);
    assert_true(proc_runs(&id, "/bin/sleep")); /* at once: exec has happened */
    assert_int_equal(proc_check(&id), PROC_ALIVE);
    assert_int_equal(waitpid(id.pid, NULL, WNOHANG), -1); /* not our child */
    assert_int_not_equal(getsid(id.pid), getsid(0));
    input = proc_link(id.pid, "fd/0");
    output = proc_link(id.pid, "fd/2");
    cwd = proc_link(id.pid, "cwd");
    status = proc_text(id.pid, "status");
    assert_string_equal(input, "/dev/null");
    assert_string_equal(output, "/dev/null");
    assert_string_equal(cwd, "/");
    assert_null(proc_link(id.pid, "fd/77"));
    assert_non_null(strstr(status, "SigBlk:\t0000000000000000"));
    ignored = strstr(status, "SigIgn:\t");
    assert_non_null(ignored);
    /* 32 and 33 are glibc's own: make leaves them ignored, and no program can change that. */
    assert_int_equal(strtoull(ignored + strlen("SigIgn:\t"), NULL, 16) & ~0x180000000ULL, 0);
}

static void environment_is_without_the_clusters(void **state)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    struct proc_spec spec = {.argv = argv};
    cleanup_free char *environment = NULL;
    struct proc_id id;

    (void)state;
    setenv("OCF_RESKEY_password", "secret", 1);
    setenv("HA_debug", "1", 1);
    setenv("PCMK_logfile", "/x", 1);
    setenv("NOTIFY_SOCKET", "/run/x", 1);
    setenv("TZ", "Europe/Berlin", 1);
    setenv("OCFX", "kept", 1);
    assert_int_equal(start(&spec, &id), 0);
    environment = proc_text(id.pid, "environ");
    assert_null(strstr(environment, "OCF_"));
    assert_null(strstr(environment, "HA_debug"));
    assert_null(strstr(environment, "PCMK_"));
    assert_null(strstr(environment, "NOTIFY_SOCKET"));
    assert_non_null(strstr(environment, "PATH="));
    assert_non_null(strstr(environment, "TZ=Europe/Berlin"));
    assert_non_null(strstr(environment, "OCFX=kept"));
}

static void folder_log_and_limit_are_as_told(void **state)
{
    cleanup_free char *log = scratch_path("server.log");
    const char *const argv[] = {"/bin/sh", "-c", "echo out; echo err >&2; exec /bin/sleep 1000",
                                NULL};
    struct proc_spec spec = {.argv = argv, .dir = scratch_dir, .log_path = log, .nofile = 99};
    cleanup_free char *cwd = NULL, *limits = NULL, *text = NULL;
    struct proc_id id;

    (void)state;
    assert_int_equal(file_write_atomic(log, "before\n", 0600), 0);
    assert_int_equal(start(&spec, &id), 0);
    wait_for(proc_identify(id.pid, &id) == 0 && proc_runs(&id, "/bin/sleep"));
    started = id; /* which exec has made another */
    cwd = proc_link(id.pid, "cwd");
    limits = proc_text(id.pid, "limits");
    text = scratch_text("server.log");
    assert_string_equal(cwd, scratch_dir);
    if (kernel_hears_of_limits())
        assert_non_null(strstr(limits, "Max open files            99 "));
    assert_string_equal(text, "before\nout\nerr\n");
}

static void limit_above_the_allowed_one_is_no_failure(void **state)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    struct proc_spec spec = {.argv = argv, .nofile = UINT64_MAX - 1};
    struct proc_id id;

    (void)state;
    assert_int_equal(start(&spec, &id), 0);
}

static void start_tells_why_it_failed(void **state)
{
    cleanup_free char *no_log = scratch_path("absent/log");
    const char *const absent[] = {"/nonexistent/redis-server", NULL};
    const char *const folder[] = {"/tmp", NULL};
    const char *const sleep[] = {"/bin/sleep", "1000", NULL};
    struct proc_id id;

    (void)state;
    assert_int_equal(start(&(struct proc_spec){.argv = absent}, &id), -ENOENT);
    assert_int_equal(id.pid, 0);
    assert_int_equal(start(&(struct proc_spec){.argv = folder}, &id), -EACCES);
    assert_int_equal(start(&(struct proc_spec){.argv = sleep, .dir = "/nonexistent"}, &id),
                     -ENOENT);
    assert_int_equal(start(&(struct proc_spec){.argv = sleep, .dir = "/etc/passwd"}, &id),
                     -ENOTDIR);
    assert_int_equal(start(&(struct proc_spec){.argv = sleep, .log_path = no_log}, &id), -ENOENT);
    assert_int_equal(
        start(&(struct proc_spec){.argv = sleep, .user = "redis-ha-no-such-user"}, &id), -ENOENT);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left below us */
}

static void server_that_ends_at_once_is_told(void **state)
{
    const char *const argv[] = {"/bin/true", NULL};
    struct proc_id id;
    int rc = start(&(struct proc_spec){.argv = argv}, &id);

    (void)state;
    assert_true(rc == -ESRCH || (rc == 0 && proc_wait_gone(&id, patience()) == 0));
}

static void another_user_is_taken_with_all_groups(void **state)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    cleanup_free char *status = NULL, *uids = NULL, *gids = NULL, *groups = NULL;
    const struct passwd *nobody = getpwnam("nobody");
    struct proc_id id;

    (void)state;
    if (geteuid() != 0 || !nobody)
        skip();
    uids = xasprintf("Uid:\t%d\t%d\t%d\t%d\n", nobody->pw_uid, nobody->pw_uid, nobody->pw_uid,
                     nobody->pw_uid);
    gids = xasprintf("Gid:\t%d\t%d\t%d\t%d\n", nobody->pw_gid, nobody->pw_gid, nobody->pw_gid,
                     nobody->pw_gid);
    groups = xasprintf("Groups:\t%d \n", nobody->pw_gid);
    assert_int_equal(start(&(struct proc_spec){.argv = argv, .user = "nobody"}, &id), 0);
    status = proc_text(id.pid, "status");
    assert_non_null(strstr(status, uids));
    assert_non_null(strstr(status, gids));
    assert_non_null(strstr(status, groups));
    assert_non_null(strstr(status, "CapEff:\t0000000000000000"));
    assert_true(proc_runs(&id, "/bin/sleep"));
}

static void only_root_may_start_as_another(void **state)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    pid_t pid;
    int status;

    (void)state;
    if (geteuid() != 0 || !getpwnam("nobody"))
        skip();
    pid = fork();
    if (pid == 0) {
        struct proc_id id;
        int rc;

        scratch_forget();
        if (setresuid(65534, 65534, 65534))
            _exit(1);
        rc = proc_start(&(struct proc_spec){.argv = argv, .user = "root"}, &id);
        _exit(rc == -EPERM ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(started_server_stands_alone, end_started),
        cmocka_unit_test_teardown(environment_is_without_the_clusters, end_started),
        cmocka_unit_test_setup_teardown(folder_log_and_limit_are_as_told, scratch_empty,
                                        end_started),
        cmocka_unit_test_teardown(limit_above_the_allowed_one_is_no_failure, end_started),
        cmocka_unit_test_setup_teardown(start_tells_why_it_failed, scratch_empty, end_started),
        cmocka_unit_test_teardown(server_that_ends_at_once_is_told, end_started),
        cmocka_unit_test_teardown(another_user_is_taken_with_all_groups, end_started),
        cmocka_unit_test(only_root_may_start_as_another),
    };

    return cmocka_run_group_tests_name("proc_start", tests, scratch_make, scratch_remove);
}
