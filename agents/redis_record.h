// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The epoch file as text: what a node knows of promotions and timelines, kept beside the data. One
 * fact a line, so that an operator can read it; the last line tells that none is missing. Pure.
 */
#ifndef RHA_REDIS_RECORD_H
#define RHA_REDIS_RECORD_H

#include "redis_protocol.h"

#define REDIS_RECORD_MAX 8192 /* bytes: longer than the longest record */

/* The record's text; the caller frees it. */
char *redis_record_format(const struct protocol_record *record);
/*
 * 0; -EPROTONOSUPPORT: of a newer suite; -EBADMSG with *line, the number of the first line that is
 * not understood (0: the end is missing). *record is empty on failure.
 */
int redis_record_parse(const char *text, struct protocol_record *record, unsigned *line);

#endif
