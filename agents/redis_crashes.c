// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The times of the last crashes, a line each, in milliseconds of the monotonic clock: they go with
 * the run folder at a boot, as that clock does.
 */
#include "redis_crashes.h"

#include "clock.h"
#include "log.h"
#include <inttypes.h>
#include <string.h>

#define TEXT_MAX 4096

static char *crashes_path(const struct redis_server *server)
{
    return xasprintf("%s/crashes", server->context->run_dir);
}

/* Those within the window before `now`. *lines is the caller's to free. */
static size_t crashes_read(const char *path, int64_t now, char **lines)
{
    cleanup_free char *before = NULL;
    char *text = xstrdup("");
    char *rest = NULL;
    size_t count = 0;
    int64_t at;

    (void)file_read(path, TEXT_MAX, &before); /* none yet, or too many to matter */
    for (char *line = before ? strtok_r(before, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *longer;

        if (parse_int64(line, 0, now, &at) < 0 || at + CRASHES_WINDOW_S * 1000 < now)
            continue;
        longer = xasprintf("%s%s\n", text, line);
        free(text);
        text = longer;
        count++;
    }
    *lines = text;
    return count;
}

size_t redis_crashes_note(const struct redis_server *server)
{
    cleanup_free char *path = crashes_path(server);
    cleanup_free char *before = NULL;
    int64_t now = clock_ms();
    size_t count = crashes_read(path, now, &before) + 1;
    cleanup_free char *all = xasprintf("%s%" PRId64 "\n", before, now);
    int rc = file_write_atomic(path, all, 0600);

    if (rc)
        log_warning("%s could not be written: %s", path, strerror(-rc));
    return count;
}

size_t redis_crashes_count(const struct redis_server *server)
{
    cleanup_free char *path = crashes_path(server);
    cleanup_free char *lines = NULL;

    return crashes_read(path, clock_ms(), &lines);
}

void redis_crashes_forget(const struct redis_server *server)
{
    cleanup_free char *path = crashes_path(server);

    (void)file_remove(path);
}
