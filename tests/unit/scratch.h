// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder of its own for a test, and its removal; a program's output in it.
 */
#ifndef RHA_TEST_SCRATCH_H
#define RHA_TEST_SCRATCH_H

#include "util.h"

#include <fcntl.h>
#include <ftw.h>
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

/* For cmocka's group set-up and tear-down. */
static inline int scratch_make(void **state)
{
    (void)state;
    memcpy(scratch_dir + sizeof(scratch_dir) - 7, "XXXXXX", 6);
    return mkdtemp(scratch_dir) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
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
