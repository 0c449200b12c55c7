// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hiredis's replies as the rest of the suite has them: text, flat lists, classes of errors.
 */
#ifndef RHA_REDIS_REPLY_H
#define RHA_REDIS_REPLY_H

#include "redis_client.h"
#include <hiredis/hiredis.h>

/* Status, bulk or integer; a list's items one a line; NULL for nil. Caller frees. */
char *redis_reply_text(const redisReply *reply);
/* Depth first; nil and an empty list have no items, a nil within a list is NULL. */
void redis_reply_list(const redisReply *reply, struct redis_list *list);
/* Of a reply that is an error. */
enum redis_error redis_reply_error(const redisReply *reply);
/* Without the words that were sent, which a server repeats where it does not know the command (a
 * renamed AUTH, say): one may be a password. Caller frees. */
char *redis_reply_error_text(const redisReply *reply);

#endif
