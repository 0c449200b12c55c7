// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes recognised, waited for and ended, all of them real.
 */
#include "proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "server_run.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* A child that has become `program`, which is told `arguments`. */
static pid_t spawn_as(const char *program, const char *const *argv, struct proc_id *id)
{
    pid_t pid = server_spawn(argv);

    wait_for(proc_identify(pid, id) == 0 && proc_runs(id, program));
    return pid;
}

static pid_t spawn_sleep(struct proc_id *id)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};

    return spawn_as("/bin/sleep", argv, id);
}

/* A copy of sleep under another name. Caller frees the path. */
static char *sleep_copy(const char *name)
{
    char *path = scratch_path(name);
    const char *const argv[] = {"cp", "/bin/sleep", path, NULL};
    int status;

    assert_int_equal(waitpid(server_spawn(argv), &status, 0) > 0 && status == 0, true);
    return path;
}

static void identity_is_pid_start_and_program(void **state)
{
    cleanup_free char *sleep = realpath("/bin/sleep", NULL);
    struct proc_id id, other;
    pid_t pid = spawn_sleep(&id);

    (void)state;
    assert_int_equal(id.pid, pid);
    assert_string_equal(id.exe, sleep);
    assert_int_equal(proc_check(&id), PROC_ALIVE);
    assert_true(proc_age_ms(&id) < 60000);
    other = id;
    other.start_ticks -= 60 * (uint64_t)sysconf(_SC_CLK_TCK);
    assert_in_range(proc_age_ms(&other), 60000, 120000);
    other = id;
    other.start_ticks++;
    assert_int_equal(proc_check(&other), PROC_GONE);
    assert_int_equal(proc_signal(&other, SIGKILL), -ESRCH);
    assert_int_equal(proc_end(&other, SIGKILL, 0, patience()), 0);
    other = id;
    strcpy(other.exe, "/bin/other");
    assert_int_equal(proc_check(&other), PROC_GONE);
    other.exe[0] = '\0'; /* could not be read then */
    assert_int_equal(proc_check(&other), PROC_ALIVE);
    assert_int_equal(proc_check(&id), PROC_ALIVE); /* nothing of that hit it */
    server_kill(pid);
    assert_int_equal(proc_check(&id), PROC_GONE);
    assert_int_equal(proc_identify(pid, &other), -ESRCH);
    assert_int_equal(proc_identify(0, &other), -ESRCH);
    assert_int_equal(proc_identify(-1, &other), -ESRCH);
}

static void zombie_is_gone(void **state)
{
    struct proc_id id, other;
    pid_t pid = spawn_sleep(&id);
    siginfo_t info;

    (void)state;
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(kill(pid, 0), 0); /* its number is still there */
    assert_int_equal(proc_check(&id), PROC_GONE);
    assert_int_equal(proc_identify(pid, &other), -ESRCH);
    assert_int_equal(proc_wait_gone(&id, deadline_in(0)), 0);
    assert_int_equal(proc_end(&id, SIGTERM, 0, patience()), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void name_cannot_forge_the_numbers(void **state)
{
    cleanup_free char *path = sleep_copy("a) Z 1 (b");
    const char *const argv[] = {path, "1000", NULL};
    struct proc_id id, plain;
    pid_t pid = spawn_as(path, argv, &id), other = spawn_sleep(&plain);

    (void)state;
    assert_int_equal(proc_check(&id), PROC_ALIVE);
    assert_true(id.start_ticks > 0 && id.start_ticks <= plain.start_ticks);
    assert_string_equal(id.exe, path);
    server_kill(pid);
    server_kill(other);
}

static void program_is_known_through_links_and_after_an_upgrade(void **state)
{
    cleanup_free char *path = sleep_copy("server"), *link = scratch_path("link");
    cleanup_free char *second = NULL;
    const char *const argv[] = {path, "1000", NULL};
    struct proc_id id, now;
    pid_t pid = spawn_as(path, argv, &id);

    (void)state;
    assert_int_equal(symlink("server", link), 0);
    assert_true(proc_runs(&id, link));
    assert_false(proc_runs(&id, "/bin/sleep"));
    assert_false(proc_runs(&id, ""));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(proc_identify(pid, &now), 0);
    assert_non_null(strstr(now.exe, "server (deleted)"));
    assert_true(proc_runs(&now, path)); /* removed */
    second = sleep_copy("server");
    assert_true(proc_runs(&now, link)); /* replaced */
    assert_int_equal(proc_check(&id), PROC_ALIVE);
    assert_int_equal(proc_check(&now), PROC_ALIVE);
    server_kill(pid);
}

static void record_is_read_as_it_was_written(void **state)
{
    cleanup_free char *path = scratch_path("process");
    struct proc_id id = {.pid = 4711, .start_ticks = UINT64_MAX, .exe = "/opt/a b/redis (deleted)"};
    struct proc_id empty = {.pid = 1, .start_ticks = 2}, read;
    struct stat st;

    (void)state;
    assert_int_equal(proc_load(path, &read), -ENOENT);
    assert_int_equal(proc_save(path, &id), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(proc_load(path, &read), 0);
    assert_int_equal(read.pid, id.pid);
    assert_true(read.start_ticks == id.start_ticks);
    assert_string_equal(read.exe, id.exe);
    assert_int_equal(proc_save(path, &empty), 0);
    assert_int_equal(proc_load(path, &read), 0);
    assert_int_equal(read.pid, 1);
    assert_string_equal(read.exe, "");
}

static void record_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"",          "\n",          "4711\n",
                                      "4711 12\n", "x 1 /a\n",    "0 1 /a\n",
                                      "-5 1 /a\n", "4711 x /a\n", "4711 12 /bin/sl"};
    cleanup_free char *path = scratch_path("process");
    struct proc_id read;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(file_write_atomic(path, bad[i], 0600), 0);
        if (proc_load(path, &read) != -EINVAL)
            fail_msg("taken for a record: \"%s\"", bad[i]);
    }
}

static void wait_ends_with_the_process_or_the_deadline(void **state)
{
    struct proc_id id;
    pid_t pid = spawn_sleep(&id);

    (void)state;
    assert_int_equal(proc_wait_gone(&id, deadline_in(20)), -ETIMEDOUT);
    assert_int_equal(proc_wait_gone(&id, deadline_in(-5)), -ETIMEDOUT);
    assert_int_equal(proc_signal(&id, SIGTERM), 0);
    assert_int_equal(proc_wait_gone(&id, patience()), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(proc_wait_gone(&id, patience()), 0);
}

/* How the child ended. */
static int reap(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return WTERMSIG(status);
}

static void end_begins_with_the_milder_signal(void **state)
{
    struct proc_id id;
    pid_t pid = spawn_sleep(&id);

    (void)state;
    assert_int_equal(proc_end(&id, SIGINT, PATIENCE_MS, patience()), 0);
    assert_int_equal(reap(pid), SIGINT);
}

static void end_comes_to_one_that_will_not_or_cannot(void **state)
{
    const char *const deaf[] = {"sh", "-c", "trap '' TERM; exec /bin/sleep 1000", NULL};
    struct proc_id id;
    pid_t pid = spawn_as("/bin/sleep", deaf, &id);

    (void)state;
    assert_int_equal(proc_end(&id, SIGTERM, 20, patience()), 0);
    assert_int_equal(reap(pid), SIGKILL);
    pid = spawn_sleep(&id);
    server_freeze(pid);
    assert_int_equal(proc_end(&id, SIGTERM, 20, patience()), 0);
    assert_int_equal(reap(pid), SIGKILL);
    pid = spawn_sleep(&id);
    assert_int_equal(proc_end(&id, 0, 20, patience()), 0); /* told by other means, in vain */
    assert_int_equal(reap(pid), SIGKILL);
}

static void end_is_tried_at_the_deadline_too(void **state)
{
    struct proc_id id;
    pid_t pid = spawn_sleep(&id);
    int rc = proc_end(&id, 0, 1000, deadline_in(0));

    (void)state;
    assert_true(rc == 0 || rc == -ETIMEDOUT);
    assert_int_equal(reap(pid), SIGKILL);
}

/* From here on the kernel does not know that call. False: it has no seccomp either. */
static bool kernel_without(int call)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           syscall(call, -1, 0, NULL, 0) == -1 && errno == ENOSYS;
}

/* A process is waited for and ended where the kernel lacks that call. */
static void ended_without(int call)
{
    struct proc_id id;
    pid_t pid = spawn_sleep(&id), old;
    int status;

    old = fork();
    if (old == 0) {
        scratch_forget();
        if (!kernel_without(call))
            _exit(77);
        if (proc_wait_gone(&id, deadline_in(20)) != -ETIMEDOUT)
            _exit(1);
        if (proc_end(&id, SIGINT, PATIENCE_MS, patience()) != 0)
            _exit(2);
        _exit(proc_check(&id) == PROC_GONE ? 0 : 3);
    }
    assert_int_equal(waitpid(old, &status, 0), old);
    assert_int_equal(waitpid(pid, NULL, WNOHANG) == pid || kill(pid, SIGKILL) == 0, true);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        waitpid(pid, NULL, 0);
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void without_pidfd_the_same_holds(void **state)
{
    (void)state;
    ended_without(SYS_pidfd_open); /* before Linux 5.3 */
}

static void handle_that_takes_no_signal_does_too(void **state)
{
    (void)state;
    ended_without(SYS_pidfd_send_signal); /* valgrind 3.24 */
}

static void children_are_counted(void **state)
{
    const char *const argv[] = {"sh", "-c", "/bin/sleep 1000 & /bin/sleep 1000 & wait", NULL};
    struct proc_id children[3], none;
    pid_t pid = server_spawn(argv);

    (void)state;
    wait_for(proc_children(pid, children, 3) == 2 && proc_runs(&children[0], "/bin/sleep") &&
             proc_runs(&children[1], "/bin/sleep"));
    assert_int_not_equal(children[0].pid, children[1].pid);
    assert_int_equal(proc_children(pid, &none, 0), 2);
    assert_int_equal(proc_end(&children[0], SIGKILL, 0, patience()), 0);
    assert_int_equal(proc_children(pid, children + 2, 1), 1);
    assert_int_equal(children[2].pid, children[1].pid);
    assert_int_equal(proc_end(&children[1], SIGKILL, 0, patience()), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid); /* sh waited for both */
}

static void redis_server_is_known_by_its_link(void **state)
{
    cleanup_free char *socket = scratch_path("redis.sock");
    struct proc_id id;
    pid_t pid = redis_spawn(socket, NULL);

    (void)state;
    assert_int_equal(proc_identify(pid, &id), 0);
    assert_true(proc_runs(&id, "/usr/bin/redis-server"));
    assert_false(proc_runs(&id, "/usr/bin/redis-cli"));
    assert_int_equal(proc_end(&id, SIGTERM, PATIENCE_MS, patience()), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_is_pid_start_and_program),
        cmocka_unit_test(zombie_is_gone),
        cmocka_unit_test_setup(name_cannot_forge_the_numbers, scratch_empty),
        cmocka_unit_test_setup(program_is_known_through_links_and_after_an_upgrade, scratch_empty),
        cmocka_unit_test_setup(record_is_read_as_it_was_written, scratch_empty),
        cmocka_unit_test_setup(record_that_is_none_is_refused, scratch_empty),
        cmocka_unit_test(wait_ends_with_the_process_or_the_deadline),
        cmocka_unit_test(end_begins_with_the_milder_signal),
        cmocka_unit_test(end_comes_to_one_that_will_not_or_cannot),
        cmocka_unit_test(end_is_tried_at_the_deadline_too),
        cmocka_unit_test(without_pidfd_the_same_holds),
        cmocka_unit_test(handle_that_takes_no_signal_does_too),
        cmocka_unit_test(children_are_counted),
        cmocka_unit_test_setup(redis_server_is_known_by_its_link, scratch_empty),
    };

    return cmocka_run_group_tests_name("proc", tests, scratch_make, scratch_remove);
}
