// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hiredis_ssl behind four functions; without it (hiredis before 1.0, as in Debian 12) TLS is
 * refused.
 */
#include "redis_tls.h"

#include "config.h"
#include "util.h"
#include <errno.h>

#ifdef HAVE_HIREDIS_SSL

#include <hiredis/hiredis_ssl.h>

struct redis_tls {
    redisSSLContext *context;
    char *problem;
};

int redis_tls_new(const struct redis_endpoint *endpoint, struct redis_tls **tls)
{
    redisSSLContextError error = REDIS_SSL_CTX_NONE;

    redisInitOpenSSL();
    *tls = xcalloc(1, sizeof(**tls));
    (*tls)->context = redisCreateSSLContext(endpoint->tls_ca_file, NULL, endpoint->tls_cert_file,
                                            endpoint->tls_key_file, NULL, &error);
    if ((*tls)->context)
        return 0;
    (*tls)->problem = xasprintf("TLS: %s", redisSSLContextGetError(error));
    return -EINVAL;
}

int redis_tls_begin(struct redis_tls *tls, redisContext *context)
{
    if (redisInitiateSSLWithContext(context, tls->context) == REDIS_OK)
        return 0;
    free(tls->problem);
    tls->problem = xasprintf("TLS: %s", context->errstr);
    return -EPROTO;
}

const char *redis_tls_problem(const struct redis_tls *tls)
{
    return tls && tls->problem ? tls->problem : "";
}

void redis_tls_free(struct redis_tls *tls)
{
    if (!tls)
        return;
    if (tls->context)
        redisFreeSSLContext(tls->context);
    free(tls->problem);
    free(tls);
}

#else

int redis_tls_new(const struct redis_endpoint *endpoint, struct redis_tls **tls)
{
    (void)endpoint;
    *tls = NULL;
    return -ENOTSUP;
}

int redis_tls_begin(struct redis_tls *tls, redisContext *context)
{
    (void)tls;
    (void)context;
    return -ENOTSUP;
}

const char *redis_tls_problem(const struct redis_tls *tls)
{
    (void)tls;
    return "";
}

void redis_tls_free(struct redis_tls *tls)
{
    (void)tls;
}

#endif
