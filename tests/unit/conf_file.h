// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A redis.conf of a test, written into the scratch folder and read from there.
 */
#ifndef RHA_TEST_CONF_FILE_H
#define RHA_TEST_CONF_FILE_H

#include "redis_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#include "server_run.h"

/* Writes a file below the scratch folder; caller frees its path. */
static inline char *conf_file(const char *name, const char *text)
{
    char *path = scratch_path(name);

    assert_int_equal(file_write_atomic(path, text, 0600), 0);
    return path;
}

static inline void conf_write(const char *name, const char *text)
{
    free(conf_file(name, text));
}

static inline struct redis_conf *conf_of(const char *text)
{
    cleanup_free char *path = conf_file("redis.conf", text);
    cleanup_free char *problem = NULL;
    struct redis_conf *conf;

    if (redis_conf_read(path, &conf, &problem))
        fail_msg("refused: %s", problem);
    assert_null(problem);
    return conf;
}

/* A file that is refused, and how. `path` in the problem is written as "@". */
static inline void refused(const char *path, int rc, const char *expected)
{
    cleanup_free char *problem = NULL, *wanted = NULL;
    struct redis_conf *conf;
    const char *rest = strchr(expected, '@');

    assert_int_equal(redis_conf_read(path, &conf, &problem), rc);
    assert_null(conf);
    wanted = xasprintf("%s%s", path, rest ? rest + 1 : expected);
    assert_string_equal(problem, wanted);
}

#endif
