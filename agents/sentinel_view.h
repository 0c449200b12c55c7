// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the local Sentinel says of the primary that it watches, of its peers and of itself.
 */
#ifndef RHA_SENTINEL_VIEW_H
#define RHA_SENTINEL_VIEW_H

#include "clock.h"
#include "redis_client.h"
#include <stdbool.h>
#include <stdint.h>

/* One of SENTINEL REPLICAS or SENTINEL SENTINELS. */
struct sentinel_entry {
    char host[256];
    int port;
    char id[64]; /* runid */
    bool is_down;
    bool is_asked; /* a replica whose INFO Sentinel has had: without it promotes none */
    int priority;  /* a replica's; 0: Sentinel never promotes it */
};
#define SENTINEL_ENTRIES_MAX 64

struct sentinel_view {
    bool watches; /* it knows master_name; else the fields up to config_epoch are empty */
    char host[256];
    int port; /* 0, and host "": what it names is no address */
    bool is_sdown, is_odown, is_failing_over;
    bool reports_replica; /* the server there says role:slave */
    int64_t quorum, down_after_ms, failover_timeout_ms, parallel_syncs;
    int64_t config_epoch;
    bool is_tilt;
    bool has_quorum;        /* quorum and majority can be reached */
    int usable;             /* Sentinels that it can count on, itself included; 0: not told */
    char quorum_words[256]; /* CKQUORUM's answer */
    struct sentinel_entry
        promotable; /* a server that it could promote; priority 0: none is known */
};

/* 0, or -errno with *problem (caller frees). */
int sentinel_view_ask(struct redis_client *client, const char *master_name,
                      struct deadline deadline, struct sentinel_view *view, char **problem);

/* Pure: from a flattened SENTINEL MASTER, from CKQUORUM's answer, and from INFO sentinel. */
void sentinel_view_read_master(const struct redis_list *master, struct sentinel_view *view);
void sentinel_view_read_quorum(const char *words, struct sentinel_view *view);
void sentinel_view_read_info(const char *text, struct sentinel_view *view);
/* Pure: from a flattened SENTINEL REPLICAS or SENTINEL SENTINELS; how many, those beyond `max` left
 * out. */
size_t sentinel_entries_read(const struct redis_list *list, struct sentinel_entry *entries,
                             size_t max);
/* Pure: the first that Sentinel could promote; NULL: there is none. */
const struct sentinel_entry *sentinel_promotable(const struct sentinel_entry *replicas,
                                                 size_t count);

/* One attribute of the node, by its suffix; NULL: it has none. */
typedef void (*sentinel_attribute_fn)(void *data, const char *suffix, const char *value);
/* Tells all three of them. NULL: of a Sentinel that does not run, whose last words are no news. */
void sentinel_view_attributes(const struct sentinel_view *view, sentinel_attribute_fn fn,
                              void *data);

/* The value of `<sentinel>-status`: the worst of tilt, no-quorum, odown, sdown, ok. */
const char *sentinel_view_status(const struct sentinel_view *view);

#endif
