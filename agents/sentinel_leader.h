// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who leads, as redis-watch tells it to sentinel-feed in one line.
 */
#ifndef RHA_SENTINEL_LEADER_H
#define RHA_SENTINEL_LEADER_H

#include <stdbool.h>
#include <stdint.h>

struct sentinel_leader {
    char host[256]; /* as Sentinel is to name it; "": nobody is known to lead */
    int port;
    uint64_t epoch;  /* of its promotion */
    uint64_t number; /* Sentinel's epoch by which it is told; 0: not chosen yet */
    bool here;       /* it is this node's: the feed here chooses */
};

/* `leads HOST PORT EPOCH NUMBER here|there`. Pure. false: it is no such line. */
bool sentinel_leader_parse(const char *line, struct sentinel_leader *leader);

#endif
