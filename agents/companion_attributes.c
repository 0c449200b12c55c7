// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each value that the attribute manager took in is a line of the companion's log.
 */
#include "companion_attributes.h"

#include "log.h"
#include <string.h>

static void manager_down(void *data, int rc)
{
    const char *what = data;

    log_warning("the attribute manager cannot be reached (%s): %s is written when it is back",
                strerror(-rc), what);
}

static void written(void *data, const char *name, const char *value, int rc)
{
    (void)data;
    if (rc)
        log_warning("%s=%s was refused: %s", name, value ? value : "", strerror(-rc));
    else
        log_info("%s=%s", name, value ? value : "");
}

int companion_attributes_open(struct loop *loop, const char *what, struct attr_manager **manager)
{
    static const struct attr_manager_events events = {.down = manager_down, .written = written};

    return attr_manager_open(loop, &events, (void *)what, manager);
}

void companion_attribute_set(struct attr_manager *manager, const char *name, const char *value,
                             unsigned gather_ms)
{
    int rc = attr_manager_set_gathered(manager, name, value, gather_ms);

    if (rc)
        log_error("%s=%s cannot be set: %s", name, value, strerror(-rc));
}
