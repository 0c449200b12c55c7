// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the redis-watch of this node tells a sentinel-feed, who leads (redis_watch_news.c), and is
 * told by it: what Sentinel's quorum says of the server here (redis_watch_witness.c).
 */
#ifndef RHA_SENTINEL_NEWS_H
#define RHA_SENTINEL_NEWS_H

#include "loop.h"
#include "sentinel_leader.h"
#include "sentinel_view.h"

struct sentinel_news;

typedef void (*sentinel_news_fn)(void *data, const struct sentinel_leader *leader);
/* Any other line of the watch's, which may be of no concern. */
typedef void (*sentinel_order_fn)(void *data, const char *line);

/*
 * Listens to the watch of the redis resource `redis`, and again whenever that comes back. Where
 * none runs nobody is told to lead. 0 or -errno.
 */
int sentinel_news_open(struct loop *loop, const char *redis, sentinel_news_fn fn,
                       sentinel_order_fn order, void *data, struct sentinel_news **news);
/* Sentinel's epoch for that promotion; the watch tells it to every feed, this one included. 0 or
 * -errno: then it is not told. */
int sentinel_news_choose(const struct sentinel_news *news, uint64_t epoch, uint64_t number);
/* Sentinel's answers of just now. A primary that is down is told of each time, for the watch
 * believes it for three seconds; then once that it is not any more. */
void sentinel_news_quorum(struct sentinel_news *news, const struct sentinel_view *view);
/* The clients of the server here, which leads no more, are to ask Sentinel again. 0 or -errno. */
int sentinel_news_drop(const struct sentinel_news *news);
/* Whom Sentinel names, and whether it could promote another (sentinel_members_word); told when it
 * is news. */
void sentinel_news_sees(struct sentinel_news *news, const struct sentinel_view *view,
                        const char *harm);
void sentinel_news_close(struct sentinel_news *news); /* NULL-safe */

#endif
