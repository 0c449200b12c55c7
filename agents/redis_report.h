// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a look at the server means for the cluster: the exit code of a monitor, the status and the
 * promotion score as node attributes.
 */
#ifndef RHA_REDIS_REPORT_H
#define RHA_REDIS_REPORT_H

#include "redis_companion.h"
#include "redis_look.h"
#include "redis_server.h"

#define LEVEL_DEEP 10 /* OCF_CHECK_LEVEL: the write path and the age of a link too */

/* The monitor's exit code, with its reason where it is not plain success. `word`: the watch's. */
enum ocf_exit redis_judge(const struct redis_server *server, struct redis_view *view,
                          const struct companion_word *word);

/* Publishes `<redis>-status` and a score of -INFINITY, where no watch stands by that knows better.
 */
void redis_report(const struct redis_server *server, const struct redis_view *view);
void redis_report_stopped(const struct redis_server *server);
/* A watch stands by and writes both: what was published here says nothing any more. */
void redis_report_forget(const struct redis_server *server);

#endif
