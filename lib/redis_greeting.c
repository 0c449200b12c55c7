// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which refusals are none: a server that loads or is busy answers so before it looks at a password.
 */
#include "redis_greeting.h"

#include <errno.h>
#include <string.h>

size_t redis_greeting(const struct redis_endpoint *endpoint,
                      const char *words[REDIS_GREETING_WORDS])
{
    size_t count = 0;

    if (!endpoint->password) {
        words[count++] = "PING";
        return count;
    }
    words[count++] = "AUTH";
    if (endpoint->username)
        words[count++] = endpoint->username;
    words[count++] = endpoint->password;
    return count;
}

/* The server has no password: nothing was refused. */
static bool auth_needless(const char *text)
{
    return strstr(text, "without any password configured") || strstr(text, "no password is set");
}

int redis_greeting_check(const struct redis_endpoint *endpoint, enum redis_error error,
                         const char *text)
{
    switch (error) {
    case REDIS_ERROR_NONE:
    case REDIS_ERROR_LOADING:
    case REDIS_ERROR_BUSY:
        return 0;
    case REDIS_ERROR_NOAUTH: /* a user who may not PING is known all the same */
        return str_starts(text, "NOPERM ") ? 0 : -EACCES;
    case REDIS_ERROR_OTHER:
        break;
    }
    if (str_starts(text, "ERR max number of clients"))
        return -EUSERS;
    /* To PING, any other answer (MASTERDOWN, MISCONF) says that it is there. */
    return !endpoint->password || auth_needless(text) ? 0 : -EACCES;
}
