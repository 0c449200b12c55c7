// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deadlines on CLOCK_MONOTONIC, which neither jumps when the time of day is set nor differs between
 * the processes of one boot.
 */
#include "clock.h"

#include <errno.h>
#include <time.h>

int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_in(int64_t ms)
{
    int64_t at;

    if (__builtin_add_overflow(clock_ms(), ms, &at))
        at = ms < 0 ? INT64_MIN : INT64_MAX;
    return (struct deadline){.at_ms = at};
}

struct deadline deadline_min(struct deadline a, struct deadline b)
{
    return a.at_ms <= b.at_ms ? a : b;
}

int64_t deadline_left_ms(struct deadline d)
{
    int64_t now = clock_ms();

    return d.at_ms > now ? d.at_ms - now : 0;
}

bool deadline_passed(struct deadline d)
{
    return deadline_left_ms(d) == 0;
}

bool deadline_pause(struct deadline d, int64_t ms)
{
    struct deadline end = deadline_min(d, deadline_in(ms));
    struct timespec until = {
        .tv_sec = end.at_ms / 1000,
        .tv_nsec = end.at_ms % 1000 * 1000000,
    };

    /* An absolute time, so that a signal in between does not make the pause longer. */
    if (!deadline_passed(end))
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
            ;
    return !deadline_passed(d);
}
