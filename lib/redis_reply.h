// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hiredis's replies as the rest of the suite has them: text and flat lists.
 */
#ifndef RHA_REDIS_REPLY_H
#define RHA_REDIS_REPLY_H

#include "redis_client.h"
#include <hiredis/hiredis.h>

/* Status, bulk or integer; a list's items one a line; NULL for nil. Caller frees. */
char *redis_reply_text(const redisReply *reply);
/* Depth first; nil and an empty list have no items, a nil within a list is NULL. */
void redis_reply_list(const redisReply *reply, struct redis_list *list);

#endif
