// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls an agent as Pacemaker does: in a process of its own, with just the environment that a test
 * names and with its folders in the test's own; then tells exit code and output.
 */
#ifndef RHA_TEST_AGENT_CALL_H
#define RHA_TEST_AGENT_CALL_H

#include "ocf.c" /* for the roots of its folders */

#include "sample_agent.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

/* What a process that a signal ended has for an exit code: this, plus the signal. */
#define KILLED 1000

static char *out, *err;

static inline void redirect(int fd, const char *name)
{
    cleanup_free char *path = scratch_path(name);
    cleanup_close int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);

    if (file < 0 || dup2(file, fd) < 0)
        _exit(99);
}

/* In the child. `env_list`: NAME=VALUE, ended by NULL. */
static inline void child_prepare(const char *const *env_list)
{
    redirect(STDOUT_FILENO, "out");
    redirect(STDERR_FILENO, "err");
    scratch_forget();
    clearenv();
    for (size_t i = 0; env_list && env_list[i]; i++)
        putenv((char *)env_list[i]);
}

static inline int child_wait(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    free(out);
    free(err);
    out = scratch_text("out");
    err = scratch_text("err");
    return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int agent_call(const struct ocf_agent *agent, const char *const *env_list, int argc,
                             char **argv)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        child_prepare(env_list);
        exit(ocf_main(agent, argc, argv));
    }
    return child_wait(pid);
}

/* `out` and `err` are what the action printed. */
static inline int agent_run(const char *const *env_list, const char *action)
{
    char *argv[] = {"sample", (char *)action, NULL};

    return agent_call(&sample_agent, env_list, 2, argv);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static char *run_path, *state_path;

static inline int agent_call_set_up(void **state)
{
    if (scratch_make(state))
        return -1;
    run_root = run_path = scratch_path("run");
    state_root = state_path = scratch_path("state");
    return 0;
}

static inline int agent_call_tear_down(void **state)
{
    free(out);
    free(err);
    free(run_path);
    free(state_path);
    return scratch_remove(state);
}

#endif
