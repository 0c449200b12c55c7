// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions to a redis.conf that need more than a look at one word: does the server listen on an
 * address, and which password of a user is in clear.
 */
#include "redis_conf.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static void freeaddrinfop(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}
#define cleanup_addrinfo __attribute__((cleanup(freeaddrinfop)))

/* Numbers are read as such; names are asked for, as the server does it at its start. */
static struct addrinfo *addresses_of(const char *host)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    return getaddrinfo(host, NULL, &hints, &list) == 0 ? list : NULL;
}

static bool address_same(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

static bool lists_meet(const struct addrinfo *a, const struct addrinfo *b)
{
    for (; a; a = a->ai_next)
        for (const struct addrinfo *other = b; other; other = other->ai_next)
            if (address_same(a->ai_addr, other->ai_addr))
                return true;
    return false;
}

static bool list_has_family(const struct addrinfo *list, int family)
{
    for (; list; list = list->ai_next)
        if (list->ai_family == family)
            return true;
    return false;
}

/* One word of `bind`. Redis's IPv6 sockets are IPv6 only (anet.c), so `::` covers no IPv4. */
static bool bind_covers(const char *word, const char *address, const struct addrinfo *numbers)
{
    cleanup_addrinfo struct addrinfo *own = NULL;

    if (word[0] == '-') /* "no error if that address is not there" */
        word++;
    if (str_eq(word, "*") || str_eq(word, "0.0.0.0"))
        return list_has_family(numbers, AF_INET);
    if (str_eq(word, "::*") || str_eq(word, "::"))
        return list_has_family(numbers, AF_INET6);
    if (strcasecmp(word, address) == 0)
        return true;
    own = addresses_of(word);
    return lists_meet(own, numbers);
}

enum redis_bind redis_conf_bind(const struct redis_conf *conf, const char *address)
{
    cleanup_addrinfo struct addrinfo *numbers = NULL;
    size_t count = redis_conf_count(conf, "bind");
    const char *word;

    if (count == 0)
        return REDIS_BIND_COVERED;
    numbers = addresses_of(address);
    for (size_t i = 0; (word = redis_conf_word(conf, "bind", count - 1, i)); i++)
        if (!str_is_empty(word) && bind_covers(word, address, numbers))
            return REDIS_BIND_COVERED;
    return REDIS_BIND_MISSING;
}

char *redis_conf_bind_text(const struct redis_conf *conf)
{
    size_t count = redis_conf_count(conf, "bind");
    char *text = xstrdup("");
    const char *word;

    for (size_t i = 0; count > 0 && (word = redis_conf_word(conf, "bind", count - 1, i)); i++) {
        char *longer = xasprintf("%s%s%s", text, i > 0 ? " " : "", word);

        free(text);
        text = longer;
    }
    return text;
}

/* A later rule of the line takes this password away again (ACLSetUser). */
static bool acl_revoked(const struct redis_conf *conf, size_t nth, size_t index)
{
    const char *password = redis_conf_word(conf, "user", nth, index) + 1;
    const char *rule;

    while ((rule = redis_conf_word(conf, "user", nth, ++index)))
        if ((rule[0] == '<' && str_eq(rule + 1, password)) || strcasecmp(rule, "nopass") == 0 ||
            strcasecmp(rule, "resetpass") == 0 || strcasecmp(rule, "reset") == 0)
            return true;
    return false;
}

static const char *acl_line_password(const struct redis_conf *conf, size_t nth)
{
    const char *rule;

    for (size_t i = 1; (rule = redis_conf_word(conf, "user", nth, i)); i++)
        if (rule[0] == '>' && !acl_revoked(conf, nth, i))
            return rule + 1;
    return NULL;
}

const char *redis_conf_acl_password(const struct redis_conf *conf, const char *user)
{
    for (size_t nth = redis_conf_count(conf, "user"); nth-- > 0;)
        if (str_eq(redis_conf_word(conf, "user", nth, 0), user))
            return acl_line_password(conf, nth);
    return NULL;
}
