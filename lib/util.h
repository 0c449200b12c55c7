// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small things that every file needs: clean-up attributes, files that are written whole or not at
 * all, numbers that are parsed or refused.
 */
#ifndef RHA_UTIL_H
#define RHA_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

static inline void cleanup_freep(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclosep(FILE **f)
{
    if (*f)
        fclose(*f);
}

/* The variable's value is released when it leaves its scope. Return one with steal_pointer(). */
#define cleanup_free   __attribute__((cleanup(cleanup_freep)))
#define cleanup_close  __attribute__((cleanup(cleanup_closep)))
#define cleanup_fclose __attribute__((cleanup(cleanup_fclosep)))

/* Hands over what *p owns: *p is NULL afterwards. */
#define steal_pointer(p)                                                                           \
    ({                                                                                             \
        __typeof__(*(p)) stolen_ = *(p);                                                           \
        *(p) = NULL;                                                                               \
        stolen_;                                                                                   \
    })

/* Memory is small and fixed here, so running out of it ends the program (abort), never NULL. */
void *xcalloc(size_t count, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) PRINTF(1, 2);

/* NULL-safe. */
bool str_eq(const char *a, const char *b);
bool str_is_empty(const char *text);
bool str_starts(const char *text, const char *prefix);

/* Whole text is one decimal number in [min, max]: 0, else -EINVAL (no number) or -ERANGE. */
int parse_int64(const char *text, int64_t min, int64_t max, int64_t *value);
/* yes/no, true/false, on/off, 1/0, in any case, as Pacemaker reads them: 0 or -EINVAL. */
int parse_bool(const char *text, bool *value);

/* The whole file, NUL-terminated, at most `limit` bytes: 0, -errno, -EFBIG. Caller frees *text. */
int file_read(const char *path, size_t limit, char **text);
/*
 * Written beside it, synced (file and folder), renamed: a reader sees the old text or the new one.
 * 0 or -errno.
 */
int file_write_atomic(const char *path, const char *text, mode_t mode);
/* Removes a file; its absence is success. 0 or -errno. */
int file_remove(const char *path);
/* Makes a folder and its parents with that mode; existing ones are left as they are. 0 or -errno.
 */
int dir_make(const char *path, mode_t mode);
/* An existing regular file that this user may execute. */
bool file_is_program(const char *path);

#endif
