// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the cluster wants of the server's settings, whoever started it and whatever its redis.conf
 * says; asked for first, so that the log shows what was changed.
 */
#include "redis_watch.h"

#include "log.h"
#include "redis_async.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ANSWER_MS    60000
#define SCRIPT_LIMIT "lua-time-limit" /* busy-reply-threshold since 7.0, which knows this too */

static bool value_of(const struct redis_answer *answer, const char *name, int64_t *value)
{
    const char *text = answer->rc ? NULL : redis_list_field(answer->list, name);

    if (text && parse_int64(text, 0, INT64_MAX, value) == 0)
        return true;
    log_warning("the server does not tell its %s: %s", name,
                answer->text ? answer->text : strerror(-answer->rc));
    return false;
}

/*
 * Redis answers nobody while a script runs, until that limit (5 s by itself), and then BUSY. That
 * silence must not last as long as a hang is believed.
 */
static void script_limit_came(void *data, const struct redis_answer *answer)
{
    struct watch *watch = data;
    int64_t most = (watch->params.down_after_ms + 1) / 2, value;

    if (!value_of(answer, SCRIPT_LIMIT, &value) || (value > 0 && value <= most))
        return;
    log_notice("the server's " SCRIPT_LIMIT " is %" PRId64
               " ms; it is set to half of down_after, %" PRId64
               ", since a longer script would look like a hang",
               value, most);
    watch_redis_set(watch, SCRIPT_LIMIT, most);
}

void watch_settings_hold(struct watch *watch, struct redis_async *connection)
{
    (void)redis_async_ask_words(connection, ANSWER_MS, script_limit_came, watch, "CONFIG", "GET",
                                SCRIPT_LIMIT, NULL);
}
