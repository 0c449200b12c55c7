// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads redis.conf and sentinel.conf as the servers do: quotes and escapes (hiredis's sdssplitargs,
 * the code that Redis itself uses), `include` with globs, keys in any case, later lines over
 * earlier ones. Never writes one.
 */
#ifndef RHA_REDIS_CONF_H
#define RHA_REDIS_CONF_H

#include "util.h"
#include <stdbool.h>
#include <stddef.h>

struct redis_conf;

/*
 * Reads the file, what it includes (16 deep at most), and its `aclfile`. As in the server, a
 * relative name is meant from where it was started, which proc_start makes "/", until a `dir` line,
 * then from that folder. 0, or -errno with *problem (caller frees) naming the file, the line and
 * what is wrong with it, never the line's text: -ENOENT, -EACCES, -EISDIR, -ELOOP (a circle),
 * -EINVAL (unbalanced quotes; no regular file).
 */
int redis_conf_read(const char *path, struct redis_conf **conf, char **problem);
void redis_conf_free(struct redis_conf *conf);

static inline void redis_conf_freep(struct redis_conf **conf)
{
    redis_conf_free(*conf);
}
#define cleanup_redis_conf __attribute__((cleanup(redis_conf_freep)))

/* The last value's first word; NULL where the key is not set. Key without regard to case;
 * `replicaof`/`slaveof`, `replica-priority`/`slave-priority`, `primaryauth`/`masterauth`,
 * `primaryuser`/`masteruser` and the like are one key, whichever is asked for. Owned by conf. */
const char *redis_conf_value(const struct redis_conf *conf, const char *key);
/* Word `index` of occurrence `nth` (0 is the first) of the key; NULL past the end. */
const char *redis_conf_word(const struct redis_conf *conf, const char *key, size_t nth,
                            size_t index);
size_t redis_conf_count(const struct redis_conf *conf, const char *key);

/* What the server does with an address of this node by its last `bind` line. */
enum redis_bind {
    REDIS_BIND_COVERED, /* that address, or all of its family (*, 0.0.0.0; ::*, ::), or no line */
    REDIS_BIND_MISSING, /* other addresses only */
};
enum redis_bind redis_conf_bind(const struct redis_conf *conf, const char *address);
/* The `bind` line's words, joined by blanks, for a message; "" without one. Caller frees. */
char *redis_conf_bind_text(const struct redis_conf *conf);
/* The password of `user NAME ... >PASSWORD` (ACL lines of the file and of `aclfile`); NULL: none in
 * clear. */
const char *redis_conf_acl_password(const struct redis_conf *conf, const char *user);

#endif
