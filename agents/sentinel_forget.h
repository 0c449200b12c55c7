// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sentinel never forgets another Sentinel or a replica by itself, and counts the dead ones when it
 * wants a majority. Those of nodes that were taken out of the cluster are forgotten here.
 */
#ifndef RHA_SENTINEL_FORGET_H
#define RHA_SENTINEL_FORGET_H

#include "loop.h"
#include "redis_async.h"
#include "sentinel_server.h"
#include "sentinel_view.h"

struct sentinel_forget;

struct sentinel_lists {
    struct redis_async *asks;
    struct sentinel_view view;
    struct sentinel_entry replica[SENTINEL_ENTRIES_MAX], peer[SENTINEL_ENTRIES_MAX];
    size_t replica_count, peer_count;
};

/* 0 or -errno. */
int sentinel_forget_open(struct loop *loop, const struct sentinel_server *server,
                         struct sentinel_forget **made);
/* What Sentinel lists now. */
void sentinel_forget_seen(struct sentinel_forget *forget, const struct sentinel_lists *lists);
void sentinel_forget_close(struct sentinel_forget *forget); /* NULL-safe */

#endif
