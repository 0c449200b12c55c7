// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The simulation: several protocol machines in one process, with simulated Redis servers, corosync,
 * Pacemaker, clients and operators, on schedules that a seed number makes. Everything is a function
 * of seed and options, so a schedule that breaks a promise can be had again.
 */
#ifndef RHA_SIM_H
#define RHA_SIM_H

#include "../../agents/redis_protocol.h"
#include "sim_fault.h"

#define SIM_NODES    5
#define SIM_STREAMS  96
#define SIM_RENEWALS 16
#define SIM_WRITES   2048 /* a schedule's writes at most; also a stream's length */
#define SIM_ORDERS   64
#define SIM_OUTBOX   256
#define SIM_FAULTS   24
#define SIM_COUNTERS 4
#define SIM_JOBS     256
#define SIM_MESSAGES 2048
#define SIM_EVENTS   8192  /* waiting at once */
#define SIM_BUCKETS  65536 /* of 2 ms each: longer than any schedule */

#define MS     1000ULL /* the simulation's clock counts microseconds */
#define SECOND (1000 * MS)
#define NEVER  UINT64_MAX

enum sim_event_kind {
    EV_FAULT,
    EV_FAULT_END,
    EV_CLIENT,
    EV_WATCH_WAKE,
    EV_WATCH_LOAD,
    EV_WATCH_POLL,
    EV_MESSAGE,
    EV_RING,
    EV_QUORUM,
    EV_GROUP,
    EV_LINKS,
    EV_REFORM,
    EV_ORDER,
    EV_DIGEST,
    EV_GONE,
    EV_FILE,
    EV_CIB,
    EV_WITNESS,
    EV_SIGNAL,
    EV_CONNECT,
    EV_SYNCED,
    EV_STREAM,
    EV_ACK,
    EV_CRON,
    EV_LINK_DOWN,
    EV_LOADED,
    EV_WAKE_SERVER,
    EV_SCRIPT_END,
    EV_ATTR,
    EV_SCHEDULER,
    EV_ACT,
    EV_ACT_STEP,
    EV_MONITOR,
    EV_FENCE,
    EV_BOOT,
    EV_SNAPSHOT,
    EV_HEAL,
    EV_OPERATOR,
    EV_END,
};

struct sim_event {
    uint64_t at;
    enum sim_event_kind kind;
    int node;
    uint64_t a, b, c, d;
};

/*
 * What is to come. A key is the time, then the order in which it was asked for. A bucket's events
 * are a list without order; `used` has a bit for each bucket that is not empty. A watch has one
 * waking, so those stand beside.
 */
struct sim_queue {
    uint64_t sequence;
    size_t first_word;        /* no bit below it is set */
    uint32_t free, fresh;     /* slots: given back; never used */
    uint64_t wake[SIM_NODES]; /* keys; NEVER: none */
    uint64_t used[SIM_BUCKETS / 64];
    uint32_t head[SIM_BUCKETS]; /* of buckets that are not empty */
    struct sim_slot {
        uint64_t key;
        uint32_t next; /* in its bucket, or free */
        struct sim_event event;
    } slot[SIM_EVENTS];
};

enum sim_persistence {
    SIM_RDB,
    SIM_AOF,
    SIM_NOTHING
};

/* The data of a server are the first `length` writes of a stream; a stream is a replication id. */
struct sim_stream {
    int parent;
    uint32_t fork;      /* length at which it left its parent */
    uint32_t shift;     /* what Redis calls offset is length - shift */
    uint32_t promotion; /* number of the promotion that began it; 0: none */
    uint32_t length;
    int renewals;
    struct {
        uint32_t length, promotion;
    } renewal[SIM_RENEWALS]; /* promotions of the primary that it had already */
    uint16_t write[SIM_WRITES];
};

struct sim_write {
    uint64_t at, confirmed_at;
    uint32_t position;
    uint8_t server, holders;
    bool wait, confirmed, lost;
    bool apart; /* when it was confirmed, by check_is_apart() */
};

struct sim_server {
    bool up, hung, stopped, paused, loading, script, live;
    bool took_role; /* and its watch has not noted the promotion yet */
    uint64_t run, up_since, live_since, ended_at;
    uint64_t answers_since; /* after a hang, a stop or a script */
    enum member_role role;
    enum member_link link;
    int following; /* node; -1: nowhere */
    uint64_t link_generation;
    int stream;
    uint32_t length;
    int min_replicas;
    uint32_t priority;
    bool follower[SIM_NODES]; /* as the primary sees its replicas */
    uint32_t ack_length[SIM_NODES];
    uint64_t ack_at[SIM_NODES];
    uint32_t unconfirmed_from; /* index into writes */
    int disk_stream;
    uint32_t disk_length;
    uint64_t lag;      /* extra delay of its replication stream */
    uint64_t heard_at; /* last answer to its watch */
};

struct sim_watch {
    bool running, frozen;
    uint64_t frozen_until, generation, joined_at;
    struct protocol protocol;
    struct protocol_effect orders[SIM_ORDERS];
    uint64_t order_run[SIM_ORDERS]; /* the process that the order was for */
    size_t order_head, order_count;
    uint64_t order_at, last_order;
    enum member_answer sentinel_sees, sentinel_said;
    uint64_t sentinel_at; /* when what it sees is said */
};

enum sim_act {
    ACT_NONE,
    ACT_START,
    ACT_STOP,
    ACT_PROMOTE,
    ACT_DEMOTE
};

struct sim_node {
    bool up, frozen, corosync, corosync_stopped, standby, fence_wanted;
    uint64_t frozen_until, freeze_end, watch_ill_until;
    uint64_t stale_at;     /* when what a frozen watch that was killed would have read comes */
    uint64_t disturbed_at; /* last */
    bool redis_cut;        /* from somebody */
    uint64_t redis_cut_at; /* last, or that it ended */
    uint64_t cut_off_at;   /* from everybody, in every way; 0: it is not */
    uint64_t in_sight_at;  /* last seen linked or leading in a quorate ring that turned */
    int disturbances;
    uint64_t clock_offset;
    struct sim_server server;
    struct sim_watch watch;
    struct protocol_record disk;
    struct redis_claim cib; /* this node's copy of the CIB, as far as it is about claims */
    bool written_off, forced;
    /* corosync */
    uint64_t ring, ring_at;
    unsigned ring_members, group_told;
    uint64_t quorum_ring; /* of the last quorum callback */
    bool quorate;
    struct {
        bool tick;
        uint64_t value;
    } outbox[SIM_OUTBOX];
    size_t outbox_count;
    uint64_t last_delivery, hold_until;
    /* Pacemaker */
    bool started, promoted, failed;
    enum sim_act act;
    uint64_t act_token, act_deadline;
    int act_step, act_result;
    int score;
    int seen[SIM_NODES];
    bool scheduler_busy, scheduler_due;
    uint64_t scheduler_token;
    int planned;
};

struct sim_ring {
    uint64_t id;
    unsigned members;
    bool broken;
    uint64_t broken_at;
};

struct sim_options {
    int nodes;
    uint64_t without;
    int aim; /* a rule to whose neighbourhood the faults are drawn; -1: all alike */
    bool trace;
};

struct sim {
    struct sim_options options;
    uint64_t seed, random;
    uint64_t now;
    int nodes, quorum;
    /* drawn from the seed */
    bool fencing, outsider, demote_without_quorum;
    int outsider_of;
    uint64_t ring_change, token;
    enum sim_persistence persistence;
    size_t fault_count;
    struct sim_fault fault[SIM_FAULTS], drawn[SIM_FAULTS]; /* with whom they met; as drawn */

    struct sim_ring ring[SIM_NODES * 2];
    uint64_t ring_counter, promotion_counter, run_counter;
    bool reform_pending;
    uint64_t reform_at;
    unsigned cut_ring[SIM_NODES], cut_redis[SIM_NODES]; /* [a] bit b: a's packets to b are lost */
    uint64_t link_changed[SIM_NODES][SIM_NODES];
    uint64_t late_bus, slow_scheduler, slow_file;
    size_t message_next;
    int stream_count;
    uint32_t write_count;
    int planned_moves, powered_off, last_leader;
    int primaries;            /* servers with that role, also dead ones */
    bool moves_only;          /* of all faults so far, and replicas that lag */
    int moved_to, disturbing; /* faults so far that take something away */
    uint64_t heal_at;
    bool healed, ended;
    bool settled; /* it was well once: whatever moves the role from now on has a cause */
    uint64_t events;
    const char *broken; /* the promise, or NULL */
    char detail[200];
    uint64_t counters[SIM_COUNTERS]; /* promotions, confirmed, lost excused, forced */

    /* From here on nothing is cleared for a schedule; what is not in use is never looked at. */
    struct sim_node node[SIM_NODES]; /* those that take part are cleared */
    struct sim_queue queue;
    struct protocol_event message[SIM_MESSAGES]; /* on the bus, as it will be given to watches */
    struct sim_write write[SIM_WRITES];
    struct sim_stream stream[SIM_STREAMS];
};

/* sim_core.c */
uint64_t sim_random(struct sim *sim);
uint64_t sim_below(struct sim *sim, uint64_t limit);
bool sim_chance(struct sim *sim, unsigned percent);
uint64_t sim_delay(struct sim *sim, uint64_t low, uint64_t high);
void sim_trace(struct sim *sim, int node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sim_break(struct sim *sim, const char *promise, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* sim_queue.c */
void queue_clear(struct sim_queue *queue);
struct sim_event *sim_at(struct sim *sim, uint64_t at, enum sim_event_kind kind, int node);
void sim_again(struct sim *sim, const struct sim_event *event, uint64_t at);
void sim_wake(struct sim *sim, uint64_t at, int node);
bool sim_next(struct sim *sim, struct sim_event *event);

/* sim_redis.c */
void server_start(struct sim *sim, int node);
void server_end(struct sim *sim, int node, bool clean, bool power);
bool server_runs(const struct sim *sim, int node);
bool server_accepts(const struct sim *sim, int node);
void server_order(struct sim *sim, int node, const struct protocol_effect *order, bool *done);
void server_seal(struct sim *sim, int node);
void server_digest(const struct sim *sim, int node, struct protocol_digest *digest);
bool redis_reaches(const struct sim *sim, int a, int b);
bool server_event(struct sim *sim, const struct sim_event *event);
void server_client(struct sim *sim);
void server_promoted(struct sim *sim, int node);
uint32_t data_promotion(const struct sim *sim, int stream, uint32_t length);
int data_compare(const struct sim *sim, int stream_a, uint32_t a, int stream_b, uint32_t b);
bool data_has(const struct sim *sim, int stream, uint32_t length, uint32_t write);

/* sim_ring.c */
bool ring_reaches(const struct sim *sim, int a, int b);
void ring_check(struct sim *sim);
void ring_leave(struct sim *sim, int node);
void ring_tell(struct sim *sim, int node, const struct redis_told *told);
void ring_tick(struct sim *sim, int node, uint64_t tick_ms);
void ring_join_group(struct sim *sim, int node);
bool ring_runs(const struct sim *sim, int node);
struct sim_ring *ring_of(struct sim *sim, int node);
unsigned ring_group(const struct sim *sim, unsigned members);
uint64_t ring_delivery(struct sim *sim, int node, uint64_t earliest);
bool ring_event(struct sim *sim, const struct sim_event *event);

/* sim_bus.c */
void bus_flush(struct sim *sim, int node);
void bus_message(struct sim *sim, const struct sim_event *event);
void bus_group(struct sim *sim, const struct sim_event *event);

/* sim_effect.c */
void effect_carry_out(struct sim *sim, int node, const struct protocol_effect *effect);

/* sim_watch.c */
void watch_start(struct sim *sim, int node);
void watch_end(struct sim *sim, int node);
void watch_event(struct sim *sim, int node, struct protocol_event *event);
uint64_t watch_clock(const struct sim *sim, int node);
void watch_members(const struct sim *sim, int node, unsigned mask, struct protocol_members *out);
bool watch_sim_event(struct sim *sim, const struct sim_event *event);
bool sim_has_sentinel(const struct sim *sim);

/* sim_pacemaker.c */
void pacemaker_score(struct sim *sim, int node, int score);
void pacemaker_reply(struct sim *sim, int node, const struct protocol_effect *effect);
void pacemaker_ring(struct sim *sim, int node);
void pacemaker_kick(struct sim *sim, int node);
bool pacemaker_event(struct sim *sim, const struct sim_event *event);
void node_power_off(struct sim *sim, int node);
void node_boot(struct sim *sim, int node);

/* sim_agent.c */
void agent_begin(struct sim *sim, int node, enum sim_act act);
void agent_step(struct sim *sim, const struct sim_event *event);

/* sim_check.c */
void check_step(struct sim *sim);
void check_pause(struct sim *sim, int node);
void check_promotion(struct sim *sim, int node);
bool check_is_apart(struct sim *sim, int primary, int replica);
void check_end(struct sim *sim);
bool check_is_well(const struct sim *sim);

/* sim_report.c */
void report_broken(struct sim *sim, uint64_t seed, const struct sim_options *options);

/* sim_campaign.c */
struct sim_campaign {
    uint64_t from, to; /* seeds */
    int jobs;
    bool keep_going; /* after a broken promise */
    struct sim_options options;
};
int campaign_run(const struct sim_campaign *asked);

/* sim_run.c */
void sim_run(struct sim *sim, uint64_t seed, const struct sim_options *options,
             const struct sim_fault *faults, size_t fault_count);

#endif
