// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deadlines on the monotonic clock. Every wait in this suite takes one, so that an action ends
 * within the time that Pacemaker gave it.
 */
#ifndef RHA_CLOCK_H
#define RHA_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Monotonic milliseconds. Comparable between processes of one boot, not between boots. */
int64_t clock_ms(void);

struct deadline {
    int64_t at_ms;
};

struct deadline deadline_in(int64_t ms);
/* The earlier of both. */
struct deadline deadline_min(struct deadline a, struct deadline b);
/* Never negative. */
int64_t deadline_left_ms(struct deadline d);
bool deadline_passed(struct deadline d);
/* Sleeps `ms` or until the deadline, whichever is first; false once the deadline has passed. */
bool deadline_pause(struct deadline d, int64_t ms);

#endif
