// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first exchange on a connection: AUTH, or PING where there is no password; and what the answer
 * says of the server. Pure.
 */
#ifndef RHA_REDIS_GREETING_H
#define RHA_REDIS_GREETING_H

#include "redis_client.h"

#define REDIS_GREETING_WORDS 3

/* The command's words, the endpoint's own strings; returns how many. */
size_t redis_greeting(const struct redis_endpoint *endpoint,
                      const char *words[REDIS_GREETING_WORDS]);
/* Of an error reply to it: 0, the connection may be used; -EACCES: password refused or wanted;
 * -EUSERS: maxclients. */
int redis_greeting_check(const struct redis_endpoint *endpoint, enum redis_error error,
                         const char *text);

#endif
