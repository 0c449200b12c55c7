// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a companion's process: its loop, until a signal or itself ends it.
 */
#ifndef RHA_COMPANION_RUN_H
#define RHA_COMPANION_RUN_H

#include "loop.h"

/*
 * `open`, then the loop until SIGTERM, SIGINT or loop_stop, then `close`, after a failed `open` as
 * well. No thread may have begun before. `open`'s 0 or -errno, or why there was no loop to run.
 */
int companion_run(struct loop *loop, int (*open)(void *data), void (*close)(void *data),
                  void *data);

#endif
