// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * redis.conf as the server reads it (config.c, loadServerConfig): lines trimmed, '#' comments only
 * at a line's beginning, words by sdssplitargs, `include` with a glob on the spot. Problems name
 * file and line and never the text, which may be a password.
 */
#include "redis_conf_store.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define INCLUDE_DEPTH 16
#define FILE_LIMIT    (16 * 1024 * 1024)

/* A file being read, and the one that included it. */
struct source {
    const char *path;
    int line;
    dev_t device;
    ino_t inode;
    int depth;
    const struct source *parent;
};

struct reader {
    struct redis_conf *conf;
    char *folder; /* what a relative path means: "/", where proc_start puts a server, then `dir` */
    char *problem;
};

static int read_file(struct reader *reader, const char *path, const struct source *parent);

static int reader_fail(struct reader *reader, int rc, const struct source *source, const char *what)
{
    free(reader->problem);
    if (source && source->line > 0)
        reader->problem = xasprintf("%s:%d: %s", source->path, source->line, what);
    else
        reader->problem = xasprintf("%s: %s", source ? source->path : "?", what);
    return rc;
}

/* A file that cannot be read, named by the line that wants it. */
static int reader_fail_file(struct reader *reader, int rc, const char *path,
                            const struct source *parent)
{
    const char *why = rc == -EFBIG ? "is larger than 16 MiB" : strerror(-rc);
    cleanup_free char *what = NULL;

    if (rc == -EISDIR)
        why = "is a folder; expected a file";
    else if (rc == -EINVAL)
        why = "is not a regular file";
    what = xasprintf("%s: %s", path, why);
    if (parent)
        return reader_fail(reader, rc, parent, what);
    free(reader->problem);
    reader->problem = steal_pointer(&what);
    return rc;
}

static char *path_in(const char *folder, const char *path)
{
    if (path[0] == '/')
        return xstrdup(path);
    return xasprintf("%s%s%s", folder, str_eq(folder, "/") ? "" : "/", path);
}

/* Takes over `words`. */
static int reader_add(struct reader *reader, const struct source *source, sds *words, int count)
{
    int rc = redis_conf_add(reader->conf, words, count);

    return rc ? reader_fail(reader, rc, source, "more than a million lines in all files") : 0;
}

/* A folder's name as part of a pattern: its own wildcards mean themselves. */
static char *glob_escape(const char *text)
{
    char *escaped = xcalloc(2 * strlen(text) + 1, 1);
    char *to = escaped;

    for (; *text; text++) {
        if (strchr("*?[\\", *text))
            *to++ = '\\';
        *to++ = *text;
    }
    return escaped;
}

static bool path_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* No match is no error, as in Redis 7: an empty conf.d. A folder that matches reads as empty. */
static int include_glob(struct reader *reader, const char *pattern, const struct source *source)
{
    cleanup_free char *folder = glob_escape(reader->folder);
    cleanup_free char *whole = path_in(folder, pattern);
    glob_t found = {0};
    int rc = 0;

    switch (glob(whole, 0, NULL, &found)) {
    case 0:
        break;
    case GLOB_NOMATCH:
        return 0;
    case GLOB_NOSPACE:
        return reader_fail(reader, -ENOMEM, source, "no memory for the include's pattern");
    default:
        return reader_fail(reader, -EIO, source, "a folder of the include's pattern is unreadable");
    }
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        if (!path_is_folder(found.gl_pathv[i]))
            rc = read_file(reader, found.gl_pathv[i], source);
    globfree(&found);
    return rc;
}

static int include(struct reader *reader, const char *name, const struct source *source)
{
    cleanup_free char *path = NULL;

    if (strpbrk(name, "*?["))
        return include_glob(reader, name, source);
    path = path_in(reader->folder, name);
    return read_file(reader, path, source);
}

/* The server goes there at once (setConfigDirOption), so what follows is relative to it. */
static void folder_change(struct reader *reader, const char *dir)
{
    char *folder = path_in(reader->folder, dir);

    free(reader->folder);
    reader->folder = folder;
}

/* Settings with several words may have them in one pair of quotes (MULTI_ARG_CONFIG). */
static bool key_takes_a_list(const char *key)
{
    return strcasecmp(key, "bind") == 0 || strcasecmp(key, "replicaof") == 0 ||
           strcasecmp(key, "slaveof") == 0;
}

static sds *split_quoted_list(sds *words, int *count)
{
    cleanup_free char *line = NULL;
    sds *split;
    int split_count;

    if (*count != 2 || !key_takes_a_list(words[0]) || !strpbrk(words[1], " \t"))
        return words;
    line = xasprintf("%s %s", words[0], words[1]);
    split = sdssplitargs(line, &split_count);
    if (!split)
        return words;
    sdsfreesplitres(words, *count);
    *count = split_count;
    return split;
}

static int read_line(struct reader *reader, const char *line, const struct source *source)
{
    int count;
    sds *words = sdssplitargs(line, &count);
    const char *key;

    if (!words)
        return reader_fail(reader, -EINVAL, source, "unbalanced quotes");
    if (count == 0) {
        sdsfreesplitres(words, count);
        return 0;
    }
    words = split_quoted_list(words, &count);
    key = words[0];
    if (strcasecmp(key, "include") == 0 && count == 2) {
        int rc = include(reader, words[1], source);

        sdsfreesplitres(words, count);
        return rc;
    }
    if (strcasecmp(key, "dir") == 0 && count == 2)
        folder_change(reader, words[1]);
    return reader_add(reader, source, words, count);
}

/* Ends `line` where its blanks at the end begin; returns its first character that is no blank. */
static char *line_trim(char *line)
{
    static const char blanks[] = " \t\r\n";
    size_t length;

    line += strspn(line, blanks);
    length = strlen(line);
    while (length > 0 && strchr(blanks, line[length - 1]))
        line[--length] = '\0';
    return line;
}

typedef int line_reader(struct reader *reader, const char *line, const struct source *source);

static int each_line(struct reader *reader, char *text, struct source *source, line_reader *read)
{
    char *rest = text, *line;
    int rc = 0;

    while (rc == 0 && (line = strsep(&rest, "\n"))) {
        source->line++;
        line = line_trim(line);
        if (line[0] != '\0' && line[0] != '#')
            rc = read(reader, line, source);
    }
    return rc;
}

static bool source_is_open(const struct source *source, const struct source *outer)
{
    for (; outer; outer = outer->parent)
        if (outer->device == source->device && outer->inode == source->inode)
            return true;
    return false;
}

static int read_file(struct reader *reader, const char *path, const struct source *parent)
{
    struct source source = {
        .path = path, .parent = parent, .depth = parent ? parent->depth + 1 : 0};
    cleanup_free char *text = NULL;
    struct stat st;
    int rc;

    if (stat(path, &st))
        return reader_fail_file(reader, -errno, path, parent);
    source.device = st.st_dev;
    source.inode = st.st_ino;
    if (source_is_open(&source, parent))
        return reader_fail(reader, -ELOOP, parent, "includes a file that is being read: a circle");
    if (source.depth > INCLUDE_DEPTH)
        return reader_fail(reader, -ELOOP, parent, "includes nested more than 16 deep");
    rc = file_read(path, FILE_LIMIT, &text);
    if (rc)
        return reader_fail_file(reader, rc, path, parent);
    return each_line(reader, text, &source, read_line);
}

/* aclfile knows no quotes: words end at blanks (ACLLoadFromFile). */
static int read_acl_line(struct reader *reader, const char *line, const struct source *source)
{
    int count;
    sds *words = sdssplitlen(line, (int)strlen(line), " ", 1, &count);

    if (!words || count < 2 || !str_eq(words[0], "user")) {
        if (words)
            sdsfreesplitres(words, count);
        return reader_fail(reader, -EINVAL, source, "expected \"user NAME ...\"");
    }
    return reader_add(reader, source, words, count);
}

static int read_acl_file(struct reader *reader, const char *config)
{
    const char *name = redis_conf_value(reader->conf, "aclfile");
    struct source source = {.parent = NULL}, wanted = {.path = config};
    cleanup_free char *path = NULL, *text = NULL;
    int rc;

    if (str_is_empty(name))
        return 0;
    path = path_in(reader->folder, name);
    source.path = path;
    rc = file_read(path, FILE_LIMIT, &text);
    if (rc)
        return reader_fail_file(reader, rc, path, &wanted);
    return each_line(reader, text, &source, read_acl_line);
}

int redis_conf_read(const char *path, struct redis_conf **conf, char **problem)
{
    struct reader reader = {.conf = redis_conf_new(), .folder = xstrdup("/")};
    int rc = read_file(&reader, path, NULL);

    if (rc == 0)
        rc = read_acl_file(&reader, path);
    free(reader.folder);
    *conf = NULL;
    *problem = NULL;
    if (rc) {
        redis_conf_free(reader.conf);
        *problem = reader.problem;
        return rc;
    }
    *conf = reader.conf;
    return 0;
}
