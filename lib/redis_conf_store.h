// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Between the reader of redis.conf and the store of its lines; nobody else includes this.
 */
#ifndef RHA_REDIS_CONF_STORE_H
#define RHA_REDIS_CONF_STORE_H

#include "redis_conf.h"
#include <hiredis/sds.h>

struct redis_conf *redis_conf_new(void);
/* Takes over `words`, the key and what follows it, count > 0. 0; -EFBIG: too many lines. */
int redis_conf_add(struct redis_conf *conf, sds *words, int count);

#endif
