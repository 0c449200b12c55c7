// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a look at the server means for the cluster: the exit code of a monitor, the status and the
 * promotion score as node attributes, and whom a replica should follow.
 */
#ifndef RHA_REDIS_REPORT_H
#define RHA_REDIS_REPORT_H

#include "redis_look.h"
#include "redis_server.h"

#define LEVEL_DEEP 10 /* OCF_CHECK_LEVEL: the write path and the age of a link too */

/* The monitor's exit code, with its reason where it is not plain success. */
enum ocf_exit redis_judge(const struct redis_server *server, struct redis_view *view);

/* Points a replica that has no link at the one peer that is a primary. `thoroughly`: asks them even
 * where there is a link, since it may lead to a former primary. */
void redis_keep_following(const struct redis_server *server, struct redis_view *view,
                          bool thoroughly);

/* Publishes `<redis>-status` and `master-<redis>`. A replica without a link asks its peers how many
 * of them hold newer data; the others do not ask anybody. */
void redis_report(const struct redis_server *server, const struct redis_view *view);
/* The score alone, of a replica always by asking its peers: every other attribute that changes
 * makes Pacemaker plan anew in the middle of a change of role. */
void redis_report_score(const struct redis_server *server, const struct redis_view *view);
void redis_report_stopped(const struct redis_server *server);
/* This server must not be promoted now. */
void redis_report_never(const struct redis_server *server);

#endif
