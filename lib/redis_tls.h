// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS for the Redis clients, by hiredis_ssl where the build has it.
 */
#ifndef RHA_REDIS_TLS_H
#define RHA_REDIS_TLS_H

#include "redis_client.h"
#include <hiredis/hiredis.h>

struct redis_tls;

/* Reads the endpoint's certificates. 0; -ENOTSUP: no TLS in this build; -EINVAL: see
 * redis_tls_problem. *tls is set unless -ENOTSUP, and freed by the caller. */
int redis_tls_new(const struct redis_endpoint *endpoint, struct redis_tls **tls);
/* Begins the handshake on a connected context; reading and writing carry it on. 0 or -EPROTO. */
int redis_tls_begin(struct redis_tls *tls, redisContext *context);
/* What went wrong, "" where nothing did. NULL-safe. */
const char *redis_tls_problem(const struct redis_tls *tls);
void redis_tls_free(struct redis_tls *tls);

#endif
