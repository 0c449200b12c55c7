// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The resident companion of one Redis resource on one node, room by room. It holds the connections
 * that must be quick and carries out what the protocol (redis_protocol.h) asks for; it decides
 * nothing itself. Everything runs on one loop; what can block runs on workers.
 */
#ifndef RHA_REDIS_WATCH_H
#define RHA_REDIS_WATCH_H

#include "loop.h"
#include "node_address.h"
#include "nodes.h"
#include "ocf.h"
#include "redis_companion.h"
#include "redis_info.h"
#include "redis_protocol.h"
#include "redis_server.h"

struct caller;
struct callers;
struct watch_attributes;
struct watch_backlog;
struct watch_cib;
struct watch_redis;
struct watch_ring;
struct watch_store;
struct watch_ticks;
struct watch_witness;

/* What the local sentinel-feed is told: who leads, and by which epoch Sentinels are told of it. */
struct watch_news {
    uint32_t leader; /* 0: nobody led yet */
    uint64_t epoch;  /* of its promotion */
    struct redis_hello hello;
};

struct watch {
    struct ocf_context context; /* as an agent would have it; `action` is "watch" */
    struct redis_params params;
    struct redis_server server;
    struct nodes nodes;
    struct loop *loop;
    struct loop_timer *wake;
    struct protocol protocol;
    struct watch_news news;
    struct peer peers[NODES_MAX]; /* as the agent noted them, read again when they are old */
    size_t peer_count;
    int64_t peers_ms;
    uint64_t paused_ms, leaderless_ms;   /* since when; 0: not so */
    uint64_t given_back;                 /* the server's run that has the user's settings again */
    bool begins_anew;                    /* when its loop ends: the authority has changed */
    struct callers *callers;             /* redis_watch_agent.c */
    struct watch_attributes *attributes; /* redis_watch_attributes.c */
    struct watch_backlog *backlog;       /* redis_watch_backlog.c */
    struct watch_cib *cib;               /* redis_watch_cib.c */
    struct watch_redis *redis;           /* redis_watch_redis.c */
    struct watch_ring *ring;             /* redis_watch_ring.c */
    struct watch_store *store;           /* redis_watch_store.c */
    struct watch_ticks *ticks;           /* redis_watch_ticks.c */
    struct watch_witness *witness;       /* redis_watch_witness.c */
};

/* Gives the event to the protocol and carries its effects out. Sets now_ms itself. */
void watch_event(struct watch *watch, struct protocol_event *event);
/* Takes the reloadable parameters anew from the file that the agent wrote. 0 or -errno. */
int watch_reload(struct watch *watch);
/* The node's name, else its number, for a message. Valid until the next call. */
const char *watch_node_name(const struct watch *watch, uint32_t id);

/* Logs what the last event changed, and why (redis_watch_journal.c). */
void watch_journal(struct watch *watch);
/* In words (redis_watch_words.c), into `text`, which they return. */
#define WATCH_TEXT 256
const char *watch_verdict_text(const struct watch *watch, char *text, size_t size);
const char *watch_pause_text(unsigned pause, char *text, size_t size);
/* What a monitor is to know, and in words why ("" where there is nothing to say). */
enum companion_state watch_state(const struct watch *watch, char *why, size_t size);

/* Agents ask over a socket in the run folder; see redis_companion.h. 0 or -errno. */
int watch_agent_open(struct watch *watch);
void watch_agent_close(struct watch *watch);
void watch_agent_reply(struct watch *watch, const struct protocol_effect *effect);
void watch_agent_say_news(struct watch *watch, const char *line);

/* Node attributes. */
int watch_attributes_open(struct watch *watch);
void watch_attributes_close(struct watch *watch);
void watch_attributes_score(struct watch *watch, int score);
/* The cluster has changed: what the CIB loses with it is written again for a while. */
void watch_attributes_repeat(struct watch *watch);
void watch_attributes_status(struct watch *watch, enum protocol_status status);

/* The copy of epochs and claims in the CIB. Read once; the epoch file is told after that. */
int watch_cib_open(struct watch *watch);
void watch_cib_close(struct watch *watch);
void watch_cib_claim(struct watch *watch, uint64_t epoch);
/* After each event: has the epoch that this node holds become another? */
void watch_cib_held(struct watch *watch);

/*
 * Whether a primary has to be waited for until it has a replication backlog, and so a position. If
 * so, it is asked again soon.
 */
int watch_backlog_open(struct watch *watch);
void watch_backlog_close(struct watch *watch);
bool watch_backlog_awaited(struct watch *watch, const struct redis_info *info);

/* The connection to the local server: what it says, and the orders to it. */
int watch_redis_open(struct watch *watch);
void watch_redis_close(struct watch *watch);
void watch_redis_order(struct watch *watch, const struct protocol_effect *effect);
bool watch_redis_is_up(const struct watch *watch); /* connected */
/* Commands; `words` end with NULL. The first one's answer is that of the order. */
void watch_redis_send(struct watch *watch, const struct protocol_effect *effect,
                      const char *const *words);
void watch_redis_say(struct watch *watch, const char *const *words);
void watch_redis_ask_anew(struct watch *watch);
void watch_redis_signal(struct watch *watch, int signal);
void watch_redis_ask(struct watch *watch);
/* CONFIG SET; a failure is logged. */
void watch_redis_set(struct watch *watch, const char *name, int64_t value);
/* What it holds in the server is looked at again (redis_watch_settings.c): down_after is another.
 */
void watch_redis_hold(struct watch *watch);
struct redis_async;
void watch_settings_hold(struct watch *watch, struct redis_async *connection);

/* Corosync: the bus, the quorum, the links. */
int watch_ring_open(struct watch *watch);
void watch_ring_close(struct watch *watch);
void watch_ring_tell(struct watch *watch);
void watch_ring_ask_links(struct watch *watch);

/* News for the local sentinel-feed (redis_watch_news.c). */
/* After each event. */
void watch_news_update(struct watch *watch);
/* One more wants to be told. */
void watch_news_follow(struct watch *watch, struct caller *caller);
/* A feed of this node, whose server leads `hello->epoch`, has chosen. false: it does not lead. */
bool watch_news_choose(struct watch *watch, const struct redis_hello *hello);
void watch_news_heard(struct watch *watch, const struct redis_hello *hello);
/* Somebody joined, who has heard nothing. */
void watch_news_repeat(struct watch *watch);
/* Sentinel names another server now: the clients of this one are to ask again. false: none leads
 * elsewhere. */
bool watch_news_drop(struct watch *watch);
void watch_ring_hello(struct watch *watch, const struct redis_hello *hello);

/* On a bus of the watch's, or not, as bus_send says. */
struct bus;
int watch_send(struct bus *bus, const struct redis_message *message);

/* What the local sentinel-feed tells of its Sentinel, and what it is asked for
 * (redis_watch_sentinel.c). */
void watch_sentinel_heard(struct watch *watch, const char *line);
void watch_sentinel_gone(struct watch *watch);
void watch_sentinel_failover(struct watch *watch, uint32_t node);
/* Sentinel did not choose this server: noted, since the agent ends the watch with the server. */
void watch_sentinel_refused(const struct watch *watch);
uint64_t watch_sentinel_refused_ms(const struct watch *watch); /* until then; 0: was not */

/* Ticks of this node. */
int watch_ticks_open(struct watch *watch);
void watch_ticks_close(struct watch *watch);
void watch_ticks_send(struct watch *watch);

/* The epoch file: read at once, told to the protocol when the CIB was read too. */
int watch_store_open(struct watch *watch);
void watch_store_close(struct watch *watch);
void watch_store_tell(struct watch *watch);
void watch_store_write(struct watch *watch, uint64_t generation);

/* A PING to another node's server: is it a hang, or only our neighbour's watch? */
int watch_witness_open(struct watch *watch);
void watch_witness_close(struct watch *watch);
void watch_witness_ask(struct watch *watch, uint32_t node);
/* What a sentinel-feed tells of its Sentinel's quorum, and that it is gone. `data`: the watch. */
void watch_witness_sentinel(void *data, struct caller *feed, const char *line);
void watch_witness_sentinel_gone(void *data, const struct caller *feed);

#endif
