// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small things that every file needs: memory that is there or ends the program, texts, numbers that
 * are parsed or refused, files that are written whole or not at all.
 */
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        abort();
    return p;
}

char *xstrdup(const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        abort();
    return copy;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    char *text;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        abort();
    return text;
}

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_is_empty(const char *text)
{
    return !text || !*text;
}

bool str_starts(const char *text, const char *prefix)
{
    return text && prefix && strncmp(text, prefix, strlen(prefix)) == 0;
}

int parse_int64(const char *text, int64_t min, int64_t max, int64_t *value)
{
    const char *digits = text;
    char *end;
    long long number;

    if (!text)
        return -EINVAL;
    if (*digits == '-')
        digits++;
    if (!isdigit((unsigned char)*digits)) /* strtoll would skip blanks and take a plus sign */
        return -EINVAL;
    errno = 0;
    number = strtoll(text, &end, 10);
    if (*end)
        return -EINVAL;
    if (errno == ERANGE || number < min || number > max)
        return -ERANGE;
    *value = number;
    return 0;
}

/* The words of Pacemaker's crm_str_to_boolean() (lib/common/strings.c). */
int parse_bool(const char *text, bool *value)
{
    static const char *const words[][2] = {
        {"false", "true"}, {"no", "yes"}, {"off", "on"}, {"n", "y"}, {"0", "1"},
    };

    for (size_t i = 0; text && i < ARRAY_SIZE(words); i++) {
        for (int truth = 0; truth < 2; truth++) {
            if (strcasecmp(text, words[i][truth]) == 0) {
                *value = truth;
                return 0;
            }
        }
    }
    return -EINVAL;
}

static int fd_read_all(int fd, size_t limit, char **text)
{
    cleanup_free char *buffer = NULL;
    size_t length = 0, size = 0;

    /* The size that fstat tells is 0 for files of /proc: read until the end instead. */
    for (;;) {
        ssize_t n;

        if (length + 1 >= size) {
            char *more = realloc(buffer, size ? size * 2 : 4096);

            if (!more)
                abort();
            buffer = more;
            size = size ? size * 2 : 4096;
        }
        n = read(fd, buffer + length, size - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        length += (size_t)n;
        if (length > limit)
            return -EFBIG;
    }
    buffer[length] = '\0';
    *text = steal_pointer(&buffer);
    return 0;
}

int file_read(const char *path, size_t limit, char **text)
{
    /* Not blocking: opening a FIFO would otherwise wait for a writer for ever. */
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st))
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    return fd_read_all(fd, limit, text);
}

static int fd_write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

/* A new name lasts over a power failure once its folder is synced too. */
static int dir_sync_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    cleanup_free char *dir = length ? strndup(path, length) : strdup(".");
    cleanup_close int fd = -1;

    if (!dir)
        abort();
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        return -errno;
    return 0;
}

static int file_replace(const char *path, const char *text, mode_t mode)
{
    cleanup_free char *aside = xasprintf("%s.XXXXXX", path);
    cleanup_close int fd = mkostemp(aside, O_CLOEXEC);
    int rc;

    if (fd < 0)
        return -errno;
    rc = fd_write_all(fd, text);
    if (!rc && (fchmod(fd, mode) || fsync(fd) || rename(aside, path)))
        rc = -errno;
    if (rc)
        unlink(aside);
    return rc;
}

int file_write_atomic(const char *path, const char *text, mode_t mode)
{
    sigset_t all, before;
    int rc;

    /* A signal that ends us between the file's creation and its renaming would leave it lying
     * about. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    rc = file_replace(path, text, mode);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc ? rc : dir_sync_of(path);
}

int file_remove(const char *path)
{
    return unlink(path) && errno != ENOENT ? -errno : 0;
}

static int dir_make_one(const char *path, mode_t mode)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return chmod(path, mode) ? -errno : 0; /* whatever the umask */
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st))
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int dir_make(const char *path, mode_t mode)
{
    cleanup_free char *copy = NULL;
    int rc = dir_make_one(path, mode);

    if (rc != -ENOENT || !*path)
        return rc;
    copy = xstrdup(path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = dir_make_one(copy, mode);
        *slash = '/';
        if (rc)
            return rc;
    }
    return dir_make_one(path, mode);
}

bool file_is_program(const char *path)
{
    struct stat st;

    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}
