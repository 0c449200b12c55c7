// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stats socket and its answers: `show info` is one "Name: value" a line, `show stat` is CSV
 * whose first line names the columns (HAProxy management guide, 9.1 and 9.3). Columns are found by
 * name, as each release adds some.
 */
#include "haproxy_stats.h"

#include "fd.h"
#include "util.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ANSWER_MAX      (16 * 1024 * 1024)
#define CONNECT_WAIT_MS 5 /* between attempts while the socket's backlog is full */

/* --- the socket --- */

static int socket_connect(const char *path, struct deadline deadline, int *connected)
{
    struct sockaddr_un address;
    cleanup_close int fd = fd_unix(path, &address);

    if (fd < 0)
        return fd;
    while (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        if (!deadline_pause(deadline, CONNECT_WAIT_MS))
            return -ETIMEDOUT;
    }
    *connected = fd;
    fd = -1;
    return 0;
}

static int socket_send(int fd, const char *text, struct deadline deadline)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            int rc = fd_wait(fd, POLLOUT, deadline);

            if (rc)
                return rc;
        } else if (n < 0 && errno != EINTR) {
            return -errno;
        } else if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    return 0;
}

/* To the end: HAProxy closes after the answer of one command. */
static int socket_receive(int fd, FILE *out, struct deadline deadline)
{
    size_t total = 0;

    for (;;) {
        char bite[16384];
        int rc = fd_wait(fd, POLLIN, deadline);
        ssize_t n;

        if (rc)
            return rc;
        n = recv(fd, bite, sizeof(bite), 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (n > 0 && (total += (size_t)n) > ANSWER_MAX)
            return -EFBIG;
        if (n > 0 && fwrite(bite, 1, (size_t)n, out) != (size_t)n)
            return -ENOMEM;
        if (deadline_passed(deadline)) /* also where bytes come without end */
            return -ETIMEDOUT;
    }
}

int haproxy_ask(const char *socket_path, const char *command, struct deadline deadline,
                char **answer)
{
    cleanup_free char *line = xasprintf("%s\n", command), *text = NULL;
    cleanup_close int fd = -1;
    size_t size = 0;
    FILE *out;
    int rc;

    *answer = NULL;
    if (strchr(command, '\n') || str_is_empty(command))
        return -EINVAL;
    rc = socket_connect(socket_path, deadline, &fd);
    if (rc == 0)
        rc = socket_send(fd, line, deadline);
    if (rc)
        return rc;
    out = open_memstream(&text, &size);
    if (!out)
        return -errno;
    rc = socket_receive(fd, out, deadline);
    if (fclose(out) && rc == 0)
        rc = -ENOMEM;
    if (rc == 0)
        *answer = steal_pointer(&text);
    return rc;
}

/* --- show info --- */

static void info_line(struct haproxy_info *info, const char *name, const char *value)
{
    int64_t number;

    if (str_eq(name, "Version"))
        snprintf(info->version, sizeof(info->version), "%s", value);
    else if (parse_int64(value, 0, INT64_MAX, &number))
        return;
    else if (str_eq(name, "Pid") && number <= INT_MAX)
        info->pid = (pid_t)number;
    else if (str_eq(name, "Uptime_sec"))
        info->uptime_s = number;
    else if (str_eq(name, "CurrConns"))
        info->current_connections = number;
    else if (str_eq(name, "Stopping"))
        info->stopping = number != 0;
}

int haproxy_info_parse(const char *text, struct haproxy_info *info)
{
    cleanup_free char *copy = xstrdup(text);
    char *rest = copy, *line;

    *info = (struct haproxy_info){0};
    while ((line = strsep(&rest, "\n"))) {
        char *value = strstr(line, ": ");

        if (!value)
            continue;
        *value = '\0';
        value += 2;
        value[strcspn(value, "\r")] = '\0';
        info_line(info, line, value);
    }
    return info->pid > 0 && !str_is_empty(info->version) ? 0 : -EINVAL;
}

/* --- show stat --- */

enum column {
    COLUMN_PROXY,
    COLUMN_NAME,
    COLUMN_STATUS,
    COLUMN_TYPE,
    COLUMN_CHECK,
    COLUMN_COUNT,
};

static const char *const column_names[COLUMN_COUNT] = {"pxname", "svname", "status", "type",
                                                       "check_status"};

/* Values of the column `type`. */
enum row_type {
    ROW_FRONTEND = 0,
    ROW_BACKEND = 1,
    ROW_SERVER = 2,
};

/* The next field, in place; quotes hold commas, two quotes are one. NULL at the line's end. */
static char *csv_field(char **rest)
{
    char *field = *rest, *from = field, *to = field;
    bool quoted = false;

    if (!field)
        return NULL;
    for (; *from && (quoted || *from != ','); from++) {
        if (*from == '"' && quoted && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"')
            quoted = !quoted;
        else
            *to++ = *from;
    }
    *rest = *from == ',' ? from + 1 : NULL;
    *to = '\0';
    return field;
}

/* Where each column is; false where one is missing. */
static bool header_read(char *line, size_t places[COLUMN_COUNT])
{
    size_t found = 0, place = 0;
    char *name;

    if (!str_starts(line, "# "))
        return false;
    line += 2;
    for (; (name = csv_field(&line)); place++)
        for (size_t i = 0; i < COLUMN_COUNT; i++)
            if (str_eq(name, column_names[i])) {
                places[i] = place;
                found++;
            }
    return found == COLUMN_COUNT;
}

static bool row_read(char *line, const size_t places[COLUMN_COUNT], const char *row[COLUMN_COUNT])
{
    size_t place = 0, found = 0;
    char *field;

    for (; (field = csv_field(&line)); place++)
        for (size_t i = 0; i < COLUMN_COUNT; i++)
            if (places[i] == place) {
                row[i] = field;
                found++;
            }
    return found == COLUMN_COUNT;
}

/* MAINT, DRAIN, NOLB and DOWN take no new connections; "no check" is taken for up, as HAProxy
 * itself does. */
static bool status_is_usable(const char *status)
{
    return str_eq(status, "UP") || str_eq(status, "no check");
}

/* "UP 1/3" is on its way down; INI and UNK are checks without a result, "* " one that runs. A
 * server that follows another's checks has an empty field. */
static bool status_is_unsure(const char *status, const char *check)
{
    if (str_starts(check, "* "))
        check += strlen("* ");
    return str_starts(status, "UP ") ||
           (str_eq(status, "UP") && (str_eq(check, "INI") || str_eq(check, "UNK")));
}

static void server_count(const char *status, const char *check, struct haproxy_health *health)
{
    health->servers++;
    if (status_is_unsure(status, check))
        health->servers_unsure++;
    else if (status_is_usable(status))
        health->servers_usable++;
}

static void row_count(const char *const row[COLUMN_COUNT], const char *backend,
                      struct haproxy_health *health)
{
    bool wanted = str_is_empty(backend) || str_eq(row[COLUMN_PROXY], backend);
    int64_t type;

    if (parse_int64(row[COLUMN_TYPE], 0, INT_MAX, &type))
        return;
    if (type == ROW_FRONTEND) {
        health->frontends++;
        health->frontends_open += str_eq(row[COLUMN_STATUS], "OPEN");
    } else if (type == ROW_BACKEND && wanted) {
        health->backend_found = true;
    } else if (type == ROW_SERVER && wanted) {
        server_count(row[COLUMN_STATUS], row[COLUMN_CHECK], health);
    }
}

int haproxy_health_parse(const char *csv, const char *backend, struct haproxy_health *health)
{
    cleanup_free char *copy = xstrdup(csv);
    size_t places[COLUMN_COUNT];
    char *rest = copy, *line;

    *health = (struct haproxy_health){0};
    if (!header_read(strsep(&rest, "\n"), places))
        return -EINVAL;
    while ((line = strsep(&rest, "\n"))) {
        const char *row[COLUMN_COUNT];

        if (line[0] == '\0')
            continue;
        if (!row_read(line, places, row)) {
            *health = (struct haproxy_health){0};
            return -EINVAL; /* cut off: what is missing would count as unusable */
        }
        row_count(row, backend, health);
    }
    return 0;
}
