// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals, and the memory that only the start needed, for every companion alike.
 */
#include "companion_run.h"

#include "footprint.h"
#include "log.h"
#include "util.h"
#include <errno.h>
#include <signal.h>

#define TRIM_MS 5000 /* after which everything is connected */

static void trim(void *data)
{
    (void)data;
    footprint_trim();
}

static void end(void *data, int signal_number)
{
    log_info("ending by signal %d", signal_number);
    loop_stop(data);
}

int companion_run(struct loop *loop, int (*open)(void *data), void (*close)(void *data), void *data)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct loop_signals *watched = NULL;
    struct loop_timer *trimmer = loop_timer_new(loop, LOOP_LOW, trim, NULL);
    int rc = loop_signals_new(loop, signals, ARRAY_SIZE(signals), end, loop, &watched);

    if (!rc)
        rc = trimmer ? loop_timer_start(trimmer, TRIM_MS) : -ENOMEM;
    if (!rc)
        rc = open(data);
    if (!rc)
        loop_run(loop);
    close(data);
    loop_timer_free(trimmer);
    loop_signals_free(watched);
    return rc;
}
