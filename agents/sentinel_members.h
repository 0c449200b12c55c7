// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The servers and the other Sentinels that the local Sentinel lists: whether authority=pacemaker is
 * in force there, and who is to be forgotten.
 */
#ifndef RHA_SENTINEL_MEMBERS_H
#define RHA_SENTINEL_MEMBERS_H

#include "loop.h"
#include "redis_async.h"
#include "sentinel_server.h"
#include "sentinel_view.h"

struct sentinel_members;

/* 0 or -errno. */
int sentinel_members_open(struct loop *loop, const struct sentinel_server *server,
                          struct sentinel_members **made);
/* Sentinel said that something happened: its lists are asked for at the next chance. */
void sentinel_members_changed(struct sentinel_members *members);
/* What Sentinel said when it was asked last. `asks`: a connection to it, for questions of ours. */
void sentinel_members_seen(struct sentinel_members *members, struct redis_async *asks,
                           const struct sentinel_view *view);
/* `harmless`: it can promote no server; `harmful`: it can; `unknown`: it was not asked yet. */
const char *sentinel_members_word(const struct sentinel_members *members);
void sentinel_members_close(struct sentinel_members *members); /* NULL-safe */

#endif
