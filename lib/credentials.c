// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads an auth_file. It is opened once and checked by its descriptor, so that what was checked is
 * what is read; values are wiped before their memory is given back.
 */
#include "credentials.h"

#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *key;
    size_t offset;
} keys[] = {
    {"username", offsetof(struct credentials, username)},
    {"password", offsetof(struct credentials, password)},
    {"replication_username", offsetof(struct credentials, replication_username)},
    {"replication_password", offsetof(struct credentials, replication_password)},
    {"sentinel_username", offsetof(struct credentials, sentinel_username)},
    {"sentinel_password", offsetof(struct credentials, sentinel_password)},
};

static char **field(struct credentials *credentials, size_t index)
{
    return (char **)((char *)credentials + keys[index].offset);
}

static void wipe(char **value)
{
    if (*value)
        explicit_bzero(*value, strlen(*value));
    free(*value);
    *value = NULL;
}

void credentials_clear(struct credentials *credentials)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        wipe(field(credentials, i));
}

static int check_owner(int fd, const char *path, char **problem)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode)) {
        *problem = xasprintf("auth_file: %s is not a regular file; expected a file of root, mode "
                             "0600",
                             path);
        return -EINVAL;
    }
    if (st.st_uid != 0 || (st.st_mode & 077)) {
        *problem = xasprintf("auth_file: %s is owned by uid %u with mode %04o; expected root and "
                             "0600 (chown root %s; chmod 600 %s)",
                             path, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777), path, path);
        return -EPERM;
    }
    return 0;
}

/* One line without its newline: 0 or -EINVAL. */
static int take_line(const char *line, struct credentials *out)
{
    const char *value;
    size_t length;

    line += strspn(line, " \t");
    length = strcspn(line, " \t");
    value = line + length + strspn(line + length, " \t");
    if (line[0] == '\0' || line[0] == '#')
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strlen(keys[i].key) == length && !strncmp(keys[i].key, line, length) && *value) {
            wipe(field(out, i));
            *field(out, i) = xstrdup(value);
            return 0;
        }
    }
    return -EINVAL;
}

static int read_lines(FILE *file, const char *path, struct credentials *out, char **problem)
{
    char *line = NULL;
    size_t size = 0;
    int rc = 0;

    for (int number = 1; !rc && getline(&line, &size, file) >= 0; number++) {
        line[strcspn(line, "\r\n")] = '\0';
        rc = take_line(line, out);
        if (rc)
            *problem = xasprintf("auth_file: %s line %d is not understood; expected one of "
                                 "username, password, replication_username, replication_password, "
                                 "sentinel_username, sentinel_password and its value",
                                 path, number);
    }
    if (line)
        explicit_bzero(line, size);
    free(line);
    return rc;
}

/* Not blocking: opening a FIFO would otherwise wait for a writer for ever. NULL with errno. */
static FILE *file_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (fd >= 0 && !file)
        close(fd);
    return file;
}

int credentials_read(const char *path, struct credentials *out, char **problem)
{
    cleanup_fclose FILE *file = file_open(path);
    int rc;

    memset(out, 0, sizeof(*out));
    *problem = NULL;
    if (!file) {
        rc = -errno;
        *problem = xasprintf("auth_file: cannot read %s: %s", path, strerror(-rc));
        return rc;
    }
    rc = check_owner(fileno(file), path, problem);
    if (!rc)
        rc = read_lines(file, path, out, problem);
    if (rc)
        credentials_clear(out);
    return rc;
}
