// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Publishes node attributes and remembers, in the run folder, what was written last.
 */
#include "attributes.h"

#include "attr.h"
#include "log.h"
#include "util.h"
#include <string.h>

#define VALUE_MAX 256

static char *note_path(const struct ocf_context *context, const char *name)
{
    return xasprintf("%s/attribute.%s", context->run_dir, name);
}

char *attribute_last(const struct ocf_context *context, const char *name)
{
    cleanup_free char *path = note_path(context, name);
    char *last = NULL;

    return file_read(path, VALUE_MAX, &last) == 0 ? last : NULL;
}

static bool is_known(const struct ocf_context *context, const char *name, const char *value)
{
    cleanup_free char *last = NULL;

    /* Between a start and a stop the companion may have written, which notes nothing. */
    if (context->is_probe || str_eq(context->action, "start") || str_eq(context->action, "stop"))
        return false;
    last = attribute_last(context, name);
    return last && str_eq(last, value ? value : "");
}

void attribute_publish(const struct ocf_context *context, const char *name, const char *value)
{
    cleanup_free char *path = note_path(context, name);
    int rc;

    if (!context->in_cluster || is_known(context, name, value))
        return;
    rc = value ? attr_set(name, value, context->deadline) : attr_clear(name, context->deadline);
    if (rc == 0)
        rc = file_write_atomic(path, value ? value : "", 0600);
    if (rc)
        log_warning("attribute %s=%s could not be written (%s); the next monitor tries again", name,
                    value ? value : "", strerror(-rc));
}

void attribute_forget(const struct ocf_context *context, const char *name)
{
    cleanup_free char *path = note_path(context, name);

    (void)file_remove(path);
}
