// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A line is taken as a whole or not at all.
 */
#include "sentinel_leader.h"

#include "util.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool sentinel_leader_parse(const char *line, struct sentinel_leader *leader)
{
    char where[8] = "";

    memset(leader, 0, sizeof(*leader));
    if (sscanf(line, "leads %255s %d %" SCNu64 " %" SCNu64 " %7s", leader->host, &leader->port,
               &leader->epoch, &leader->number, where) != 5)
        return false;
    leader->here = str_eq(where, "here");
    return leader->port > 0 && leader->port <= 65535;
}
