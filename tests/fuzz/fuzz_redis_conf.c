// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a redis.conf: it is read or refused with a problem, and all questions have an
 * answer.
 */
#include "replay.h"

#include "redis_conf.h"
#include <string.h>
#include <sys/mman.h>

/* Lines that would lead to files of this machine are no matter of the parser. */
static int names_a_file(const char *text)
{
    return strcasestr(text, "include") || strcasestr(text, "aclfile");
}

static void ask(const struct redis_conf *conf)
{
    static const char *const keys[] = {"port", "bind", "user", "slaveof", "requirepass", ""};
    char *text = redis_conf_bind_text(conf);

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        size_t count = redis_conf_count(conf, keys[i]);

        if (redis_conf_word(conf, keys[i], count, 0))
            abort();
        if (count > 0 &&
            redis_conf_value(conf, keys[i]) != redis_conf_word(conf, keys[i], count - 1, 0))
            abort();
    }
    redis_conf_acl_password(conf, "default");
    if (!strpbrk(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        redis_conf_bind(conf, "127.0.0.1"); /* asks nobody for a name */
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_close int fd = memfd_create("redis.conf", 0);
    cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd), *text = xcalloc(1, size + 1);
    cleanup_free char *problem = NULL;
    struct redis_conf *conf;
    int rc;

    memcpy(text, data, size);
    if (names_a_file(text) || write(fd, data, size) != (ssize_t)size)
        return 0;
    rc = redis_conf_read(path, &conf, &problem);
    if ((rc == 0) != (conf != NULL) || (rc == 0) != (problem == NULL))
        abort();
    if (conf)
        ask(conf);
    redis_conf_free(conf);
    return 0;
}
