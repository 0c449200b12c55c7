// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads of HAProxy's configuration what the agent must know before HAProxy runs; all else is asked
 * of HAProxy.
 */
#include "haproxy_config.h"

#include "run.h"
#include "util.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_LIMIT (16 * 1024 * 1024)

/* ---- files ---- */

static int is_config_name(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 4 && str_eq(entry->d_name + length - 4, ".cfg");
}

/* HAProxy sorts by bytes, whatever the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int list_folder(const char *folder, struct haproxy_files *files)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_config_name, by_bytes);

    if (count < 0)
        return -errno;
    files->paths = xcalloc((size_t)count + 1, sizeof(*files->paths));
    for (int i = 0; i < count; i++) {
        files->paths[files->count++] = xasprintf("%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int haproxy_files_list(const char *config, struct haproxy_files *files)
{
    struct stat st;

    *files = (struct haproxy_files){0};
    if (stat(config, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return list_folder(config, files);
    files->paths = xcalloc(2, sizeof(*files->paths));
    files->paths[files->count++] = xstrdup(config);
    return 0;
}

void haproxy_files_clear(struct haproxy_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    free(files->paths);
    *files = (struct haproxy_files){0};
}

/* ---- the stats socket ---- */

/* Copies one character of a word, as HAProxy's quoting has it (its management of words: section 2.2
 * of configuration.txt). false: the word ends here. */
static bool word_step(const char **at, char *quote, char **out)
{
    char c = **at;

    if (c == '\0' || (!*quote && (c == '#' || strchr(" \t\r\n", c))))
        return false;
    (*at)++;
    if (*quote ? c == *quote : c == '"' || c == '\'') {
        *quote = *quote ? '\0' : c;
        return true;
    }
    if (c == '\\' && *quote != '\'' && **at)
        c = *(*at)++;
    *(*out)++ = c;
    return true;
}

/* The next word of a line, or NULL at its end. Caller frees. */
static char *next_word(const char **at)
{
    const char *begin = *at += strspn(*at, " \t\r\n");
    char *word = xcalloc(strlen(*at) + 1, 1);
    char *out = word;
    char quote = '\0';

    while (word_step(at, &quote, &out))
        ;
    if (*at != begin)
        return word;
    free(word);
    return NULL;
}

/* `stats socket` is a keyword of the global section only, so that no section has to be kept track
 * of. A path with a variable in it can only be told by HAProxy. */
char *haproxy_line_socket(const char *line)
{
    cleanup_free char *first = next_word(&line);
    cleanup_free char *second = first ? next_word(&line) : NULL;
    cleanup_free char *third = second ? next_word(&line) : NULL;
    const char *path;

    if (!third || !str_eq(first, "stats") || !str_eq(second, "socket"))
        return NULL;
    path = str_starts(third, "unix@") ? third + strlen("unix@") : third;
    return path[0] == '/' && !strchr(path, '$') ? xstrdup(path) : NULL;
}

static char *text_socket(char *text)
{
    char *state = NULL;
    char *path = NULL;

    for (char *line = strtok_r(text, "\n", &state); line && !path;
         line = strtok_r(NULL, "\n", &state))
        path = haproxy_line_socket(line);
    return path;
}

int haproxy_socket_find(const char *config, char **path)
{
    cleanup_haproxy_files struct haproxy_files files;
    int rc = haproxy_files_list(config, &files);

    *path = NULL;
    for (size_t i = 0; !rc && !*path && i < files.count; i++) {
        cleanup_free char *text = NULL;

        rc = file_read(files.paths[i], FILE_LIMIT, &text);
        if (!rc)
            *path = text_socket(text);
    }
    return !rc && !*path ? -ENOENT : rc;
}

/* ---- which configuration it is ---- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo): to see a change, not to keep off an attacker. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

int haproxy_config_print(const char *config, char **print)
{
    cleanup_haproxy_files struct haproxy_files files;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    int rc = haproxy_files_list(config, &files);

    for (size_t i = 0; !rc && i < files.count; i++) {
        cleanup_free char *text = NULL;

        rc = file_read(files.paths[i], FILE_LIMIT, &text);
        if (!rc)
            hash = mix(mix(hash, files.paths[i]), text);
    }
    if (!rc)
        *print = xasprintf("%016" PRIx64, hash);
    return rc;
}

bool haproxy_config_newer(const char *config, time_t since)
{
    cleanup_haproxy_files struct haproxy_files files;
    struct stat st;

    if (haproxy_files_list(config, &files) < 0)
        return true;
    for (size_t i = 0; i < files.count; i++) {
        if (stat(files.paths[i], &st) < 0 || st.st_mtime >= since)
            return true;
    }
    return false;
}

/* ---- what HAProxy says of it ---- */

static bool is_from(const char *line, pid_t pid)
{
    const char *open = strchr(line, '(');

    return pid == 0 || (open && strtol(open + 1, NULL, 10) == pid);
}

/* "[ALERT]    (123) : config : parsing [FILE:LINE] : ..." */
static char *alert_text(const char *line)
{
    const char *text = strstr(line, ") : ");

    text = text ? text + strlen(") : ") : line;
    if (str_starts(text, "config : "))
        text += strlen("config : ");
    return strndup(text, strcspn(text, "\r\n"));
}

char *haproxy_alert(const char *output, pid_t pid)
{
    for (const char *line = output; line && *line; line = strchr(line, '\n')) {
        line += strspn(line, "\n");
        if (str_starts(line, "[ALERT]") && is_from(line, pid))
            return alert_text(line);
    }
    return NULL;
}

int haproxy_config_check(const char *binary, const char *config, struct deadline deadline,
                         char **problem)
{
    /* -W as it will run: some sections (program) are an error without it. */
    const char *const argv[] = {binary, "-W", "-c", "-f", config, NULL};
    struct run_result result = {0};
    int rc = run_program(argv, deadline, &result);

    if (rc) {
        *problem = xasprintf("`%s -c` could not be run: %s", binary, strerror(-rc));
    } else if (result.exit_code != 0) {
        rc = -EINVAL;
        *problem = haproxy_alert(result.output, 0);
        if (!*problem)
            *problem = xasprintf("`%s -c -f %s` exits with %d", binary, config, result.exit_code);
    }
    run_clear(&result);
    return rc;
}
