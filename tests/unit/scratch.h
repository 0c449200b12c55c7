// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder of its own for a test, removed at its end and when it is interrupted.
 */
#ifndef RHA_TEST_SCRATCH_H
#define RHA_TEST_SCRATCH_H

#include "util.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char scratch_dir[] = "/tmp/rha-test-XXXXXX";

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_interrupted(int signal_number)
{
    scratch_remove(NULL);
    raise(signal_number); /* SA_RESETHAND: it ends the program now */
}

static inline void scratch_on_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGALRM, &action, NULL); /* a test that limits its time */
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* In a child: the folder is its parent's. */
static inline void scratch_forget(void)
{
    scratch_on_signals(SIG_DFL);
}

/* For cmocka's group set-up and tear-down. */
static inline int scratch_make(void **state)
{
    (void)state;
    if (!mkdtemp(scratch_dir))
        return -1;
    scratch_on_signals(scratch_interrupted);
    return 0;
}

/* Between tests: the folder is empty again. */
static inline int scratch_empty(void **state)
{
    scratch_remove(state);
    return mkdir(scratch_dir, 0755);
}

/* A path in the folder. Caller frees. */
static inline char *scratch_path(const char *name)
{
    return xasprintf("%s/%s", scratch_dir, name);
}

static inline char *scratch_text(const char *name)
{
    cleanup_free char *path = scratch_path(name);
    char *text = NULL;

    return file_read(path, 1 << 20, &text) ? xstrdup("") : text;
}

#endif
