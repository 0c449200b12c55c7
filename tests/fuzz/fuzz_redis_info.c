// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as INFO: nothing is read beyond them, and every text of the result ends within its
 * field.
 */
#include "replay.h"

#include "../../lib/redis_info.c"

static void check_text(const char *text, size_t size)
{
    if (!memchr(text, '\0', size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_info info;

    if (redis_info_parse((const char *)data, size, &info))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(info_fields); i++)
        if (info_fields[i].type == FIELD_TEXT)
            check_text((const char *)&info + info_fields[i].offset, info_fields[i].size);
    if (info.replica_count > REDIS_MAX_REPLICAS || info.keys < 0)
        abort();
    for (size_t i = 0; i < info.replica_count; i++)
        check_text(info.replicas[i].host, sizeof(info.replicas[i].host));
    return 0;
}
