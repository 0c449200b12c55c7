// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the files of bus_probe share: its output, its clock, and messages that are measured.
 */
#ifndef RHA_BUS_PROBE_H
#define RHA_BUS_PROBE_H

#include "bus.h"
#include "util.h"

/* A line with the time before it. */
void tell(const char *format, ...) PRINTF(1, 2);
int64_t now_us(void);

/* bus_probe_ping.c */

/* Sends a message to all, and the next one when it has come back, so many times; then tells how
 * long they took. */
int ping_begin(struct bus *bus, size_t count);
/* Takes a message that is one of those; false: it is another. */
bool ping_heard(struct bus *bus, struct bus_member from, const void *bytes, size_t length);
void ping_forget(void);

#endif
