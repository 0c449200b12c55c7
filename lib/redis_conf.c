// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lines of a redis.conf that was read, and the look-up of their words under any of a key's
 * names.
 */
#include "redis_conf_store.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define LINES_MAX 1000000 /* of all files: includes can multiply */

struct conf_line {
    char *key; /* in its own spelling: lower case, today's name */
    sds *words;
    int count; /* of words, the key among them */
};

struct redis_conf {
    struct conf_line *lines;
    size_t count, room;
};

/* Lower case; "slave" is "replica" since 5.0, Valkey's primaryauth and primaryuser are Redis's
 * masterauth and masteruser. No two settings differ in these words alone. */
static char *key_canonical(const char *name)
{
    cleanup_free char *lower = xstrdup(name);
    const char *slave;

    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (str_eq(lower, "primaryauth") || str_eq(lower, "primaryuser"))
        return xasprintf("master%s", lower + strlen("primary"));
    slave = strstr(lower, "slave");
    if (slave)
        return xasprintf("%.*sreplica%s", (int)(slave - lower), lower, slave + strlen("slave"));
    return steal_pointer(&lower);
}

struct redis_conf *redis_conf_new(void)
{
    return xcalloc(1, sizeof(struct redis_conf));
}

static void conf_grow(struct redis_conf *conf)
{
    size_t room = conf->room ? conf->room * 2 : 64;
    struct conf_line *lines = xcalloc(room, sizeof(*lines));

    if (conf->count > 0)
        memcpy(lines, conf->lines, conf->count * sizeof(*lines));
    free(conf->lines);
    conf->lines = lines;
    conf->room = room;
}

int redis_conf_add(struct redis_conf *conf, sds *words, int count)
{
    if (conf->count == LINES_MAX) {
        sdsfreesplitres(words, count);
        return -EFBIG;
    }
    if (conf->count == conf->room)
        conf_grow(conf);
    conf->lines[conf->count++] =
        (struct conf_line){.key = key_canonical(words[0]), .words = words, .count = count};
    return 0;
}

void redis_conf_free(struct redis_conf *conf)
{
    if (!conf)
        return;
    for (size_t i = 0; i < conf->count; i++) {
        sdsfreesplitres(conf->lines[i].words, conf->lines[i].count);
        free(conf->lines[i].key);
    }
    free(conf->lines);
    free(conf);
}

/* Occurrence `nth` of the key; NULL past the last. `total`, if given, is how many there are. */
static const struct conf_line *conf_find(const struct redis_conf *conf, const char *key, size_t nth,
                                         size_t *total)
{
    cleanup_free char *canonical = key_canonical(key);
    const struct conf_line *found = NULL;
    size_t seen = 0;

    for (size_t i = 0; i < conf->count; i++) {
        if (!str_eq(conf->lines[i].key, canonical))
            continue;
        if (seen == nth)
            found = &conf->lines[i];
        seen++;
    }
    if (total)
        *total = seen;
    return found;
}

size_t redis_conf_count(const struct redis_conf *conf, const char *key)
{
    size_t total;

    conf_find(conf, key, SIZE_MAX, &total);
    return total;
}

const char *redis_conf_word(const struct redis_conf *conf, const char *key, size_t nth,
                            size_t index)
{
    const struct conf_line *line = conf_find(conf, key, nth, NULL);

    if (!line || index >= (size_t)line->count - 1)
        return NULL;
    return line->words[index + 1];
}

const char *redis_conf_value(const struct redis_conf *conf, const char *key)
{
    size_t count = redis_conf_count(conf, key);

    return count > 0 ? redis_conf_word(conf, key, count - 1, 0) : NULL;
}
