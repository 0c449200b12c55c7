// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol for every change of primary (docs/protocol.md) as a state machine without I/O, clock
 * or allocation: an event in, effects out. The watch of a node carries the effects out and brings
 * what came of them as further events. It is driven by state: after each event the machine compares
 * what is with what should be and asks for the difference, so a lost effect is asked for again.
 *
 * All times are milliseconds of one monotonic clock of this node; they never leave the node except
 * in ticks, which only their sender reads. Nodes are corosync's node ids, never 0.
 */
#ifndef RHA_REDIS_PROTOCOL_H
#define RHA_REDIS_PROTOCOL_H

#include "redis_message.h"
#include "redis_rank.h"

#define PROTOCOL_TICK_MS    100  /* between own ticks */
#define PROTOCOL_LEASE_MS   500  /* how long a tick allows writes */
#define PROTOCOL_CONFIRM_MS 200  /* for a pause to be confirmed; taken off the lease's end */
#define PROTOCOL_STALL_MS   150  /* tick age from which the links are asked for */
#define PROTOCOL_LINKS_MS   100  /* between two questions for the links */
#define PROTOCOL_WAIT_MS    1000 /* the brief wait for members of the ring that do not answer */
#define PROTOCOL_ACKS_MS    300  /* for all members to acknowledge a claim; then a quorum will do */
#define PROTOCOL_RETRY_MS   200  /* an order without effect is given again */
#define PROTOCOL_LOST_MS    1000 /* so is one that a server which answers never got */
#define PROTOCOL_TELL_MS    1000 /* a moved position is told this often while nothing else is new */
#define PROTOCOL_RETELL_MS  5000 /* everything is told again this often */
#define PROTOCOL_KEEP_MS    2000 /* between two stores of a position that the server does not keep */
/* For a replica to link before a lone primary may write alone. */
#define PROTOCOL_BACKSTOP_MS  2000
#define PROTOCOL_UNWATCHED_MS 30000 /* for a server at work whose watch does not run */
#define PROTOCOL_JUST_MS      20    /* an answer this old is one of now */
#define PROTOCOL_HEIR_MS      60 /* a crashed primary keeps its score until somebody else has one */
#define PROTOCOL_UNKNOWN_MS   15000 /* a new watch says no score before it has heard the others */
#define PROTOCOL_MOVE_IDLE_MS 10000 /* a prepared switchover that nobody uses is undone */
/* authority=sentinel. */
#define PROTOCOL_CHOICE_MS                                                                         \
    10000 /* beyond its down_after, for Sentinel to choose another primary                         \
           */
#define PROTOCOL_APART_MS                                                                          \
    30000 /* Pacemaker's role may differ from Sentinel's choice for as long                        \
           */
#define PROTOCOL_REFUSED_MS                                                                        \
    600000 /* a server that Sentinel did not choose is not asked for again */
#define PROTOCOL_TIMELINES   8
#define PROTOCOL_EFFECTS_MAX 32

/*
 * The rules, by number. The product has them all. Taking one out is for tests/sim alone, which
 * shows that each is needed.
 */
enum protocol_rule {
    PROTOCOL_RULE_SEAL,          /* servers are detached before they are ranked */
    PROTOCOL_RULE_ALL_SEALED,    /* nobody is ranked before everybody in the ring is final */
    PROTOCOL_RULE_SEAL_CAUSE,    /* a seal of an earlier trouble does not count */
    PROTOCOL_RULE_RANK_EPOCH,    /* only data of the newest epoch leads */
    PROTOCOL_RULE_RANK_OFFSET,   /* offset before priority */
    PROTOCOL_RULE_PRIORITY_ZERO, /* 0 never leads */
    PROTOCOL_RULE_HOLDERS,     /* after an outage all holders of the newest epoch are waited for */
    PROTOCOL_RULE_KNOWN_AHEAD, /* a silent server known to be ahead is waited for */
    PROTOCOL_RULE_RESTART_EPOCH, /* a restarted server has the epoch of what it loaded */
    PROTOCOL_RULE_CLAIM_CHECK,   /* a promote is checked against ranks and the living primary */
    PROTOCOL_RULE_CLAIM_ACKS,    /* a claim is in the files of a quorum before the role is taken */
    PROTOCOL_RULE_LEASE_WAIT,    /* a primary out of sight has its lease run out first */
    PROTOCOL_RULE_TICK_AGE,      /* an old tick gives no lease */
    PROTOCOL_RULE_TICK_RING,     /* nor does a tick in a ring that is not known to be quorate */
    PROTOCOL_RULE_LEASE,         /* writes are paused when the lease ends */
    PROTOCOL_RULE_LINK_QUORUM,   /* links count only if they show a quorum of the ring */
    PROTOCOL_RULE_RESUME_TOLD,   /* after a lost lease everybody is heard before writes resume */
    PROTOCOL_RULE_HIGHER_EPOCH,  /* a primary that hears of a higher epoch pauses */
    PROTOCOL_RULE_PAUSE_FIRST,   /* writes are paused before the role is taken */
    PROTOCOL_RULE_STOP_SERVER,   /* a pause that is not confirmed stops the process */
    PROTOCOL_RULE_BACKSTOP,      /* min-replicas-to-write for a dead or frozen watch */
    PROTOCOL_RULE_TWO_WITNESSES, /* one witness alone deposes nobody */
    PROTOCOL_RULE_MOVE_CATCH_UP, /* a planned move waits for the data */
    PROTOCOL_RULE_LINK_LEASE,    /* the links keep a lease while ticks stall */
    PROTOCOL_RULE_COUNT
};

struct protocol_node {
    uint32_t id;
    char name[64];
};

struct protocol_config {
    uint32_t self;               /* node id */
    uint64_t incarnation;        /* of this watch: larger than any before it, never 0 */
    uint32_t down_after_ms;      /* contract's down_after */
    uint64_t max_lag;            /* bytes; 0: no limit */
    uint32_t ring_change_ms;     /* token + consensus: no ring without us stands earlier */
    uint64_t refused_ms;         /* Sentinel is not asked for our server before that */
    bool led_before;             /* our server was the primary when this watch was started */
    enum member_authority wants; /* the parameter; what is in force follows from all of them */
    enum member_authority obeys; /* in force since this watch was started */
    size_t node_count;           /* corosync's nodelist; others are added as they come, nameless */
    struct protocol_node nodes[REDIS_MEMBERS_MAX];
    uint64_t without; /* bits of enum protocol_rule; 0 in the product */
};

/*
 * The epoch file: what must outlive the process. The watch writes it aside, fsyncs and renames,
 * then answers with the generation that it wrote.
 */
struct protocol_record {
    uint64_t generation;
    struct redis_claim promised; /* highest claim ever acknowledged or made here */
    size_t timeline_count;
    struct redis_timeline timelines[PROTOCOL_TIMELINES]; /* ascending epochs */
    size_t held_count;
    struct redis_held held[REDIS_MEMBERS_MAX];
    uint64_t stored_epoch, stored_offset; /* of our data, for a server that keeps no position */
    bool stored_exact;                    /* stored at a clean stop, and nothing came after */
};

/* What an INFO said. `order`: every order up to this number was carried out before it was asked. */
struct protocol_digest {
    uint64_t run; /* identity of the process (run_id's first 64 bits) */
    uint64_t order;
    bool loading;
    bool empty;      /* no keys */
    bool aof;        /* loaded from AOF, so offset and replication id say nothing at start */
    bool aof_behind; /* its file lacks what was written for now */
    bool fit;        /* may lead as far as the node can tell */
    enum member_role role;
    enum member_link link;
    uint32_t following; /* node id of the primary that it is told to follow; 0: nowhere */
    struct redis_replid replid;
    uint64_t offset;   /* of its data */
    uint32_t priority; /* the user's replica-priority */
    uint32_t replicas; /* linked to it */
};

enum protocol_request {
    PROTOCOL_REQUEST_PROMOTE,    /* answered once the role is taken and told */
    PROTOCOL_REQUEST_DEMOTE,     /* answered once the server is a sealed replica */
    PROTOCOL_REQUEST_SWITCHOVER, /* answered once scores move the role; `node`: to whom, 0: best */
    PROTOCOL_REQUEST_FORCE,      /* the operator accepts the loss: lead as soon as all are sealed */
    PROTOCOL_REQUEST_STOP,       /* the agent will end the server: hand over, note the position */
};

enum protocol_event_kind {
    PROTOCOL_EVENT_WAKE,   /* the time that the effects asked for, or any time */
    PROTOCOL_EVENT_RECORD, /* the epoch file as found at start; empty if there is none */
    PROTOCOL_EVENT_DIGEST,
    PROTOCOL_EVENT_SERVER_SILENT, /* asked, no answer for `silent_ms`, while our loop ran */
    PROTOCOL_EVENT_SERVER_GONE,   /* connection closed and process ended */
    PROTOCOL_EVENT_RING,          /* membership as CPG's totem callback tells it, with members */
    PROTOCOL_EVENT_GROUP,         /* `members`: nodes whose watch is in the CPG group */
    PROTOCOL_EVENT_QUORUM,        /* libquorum's callback: of `ring`, `yes` quorate */
    PROTOCOL_EVENT_BUS_LOST,      /* corosync is gone */
    PROTOCOL_EVENT_MESSAGE,       /* from `node`, our own too, in the order of the bus */
    PROTOCOL_EVENT_LINKS,         /* knet reading taken at `at_ms`: `members` connected */
    PROTOCOL_EVENT_FILE_WRITTEN,  /* `number`: generation */
    PROTOCOL_EVENT_FILE_FAILED,
    PROTOCOL_EVENT_CIB_ACCEPTED, /* `number`: epoch */
    PROTOCOL_EVENT_CIB_FAILED,
    PROTOCOL_EVENT_CIB_CLAIM, /* `claim`: the highest in the CIB; at start, and when it changes */
    PROTOCOL_EVENT_CONFIRMED, /* `number`: a PAUSE, RESUME or BACKSTOP that the server did */
    PROTOCOL_EVENT_WITNESS,  /* did the server of `of` answer here? 0: ours, to Sentinel's quorum */
    PROTOCOL_EVENT_SENTINEL, /* what the local one says, as sentinel-feed has it */
    PROTOCOL_EVENT_REQUEST,  /* an agent's; `deadline_ms` absolute */
    PROTOCOL_EVENT_FENCED,   /* `node` was fenced: its lease is over */
    PROTOCOL_EVENT_WRITTEN_OFF, /* the operator gives the data of `node` up */
};

struct protocol_members {
    uint64_t ring;
    size_t count;
    uint32_t id[REDIS_MEMBERS_MAX];
    uint32_t quorum; /* smallest number of members that is quorate (votequorum); 0: not known */
};

/* All zero where no feed tells. */
struct protocol_sentinel {
    struct redis_named named;
    enum member_answer harmless; /* it lists every server with priority 0 */
    bool busy;                   /* a failover is under way */
    uint32_t down_after_ms;
};

struct protocol_event {
    enum protocol_event_kind kind;
    uint64_t now_ms;
    union {
        struct protocol_record record;
        struct protocol_digest digest;
        struct protocol_members members;
        struct {
            uint32_t node;
            struct redis_message message;
        };
        struct {
            uint64_t ring;
            bool yes;
        };
        struct {
            uint32_t of;
            enum member_answer answer;
        };
        struct {
            enum protocol_request request;
            uint32_t to;
            uint64_t deadline_ms;
        };
        struct redis_claim claim;
        struct protocol_sentinel feed;
        uint64_t silent_ms;
        uint64_t number;
    };
    uint64_t at_ms; /* of a links reading */
};

enum protocol_effect_kind {
    /* Orders to the server. They are numbered and carried out in that order. */
    PROTOCOL_EFFECT_SEAL,      /* REPLICAOF to nowhere; of a primary too (it is paused then) */
    PROTOCOL_EFFECT_FOLLOW,    /* REPLICAOF node */
    PROTOCOL_EFFECT_TAKE_ROLE, /* REPLICAOF NO ONE */
    PROTOCOL_EFFECT_PAUSE,     /* CLIENT PAUSE WRITE for `number` ms, 0: end far away; confirmed */
    PROTOCOL_EFFECT_RESUME,    /* CLIENT UNPAUSE */
    PROTOCOL_EFFECT_BACKSTOP,  /* min-replicas-to-write `number`, max-lag 2 */
    PROTOCOL_EFFECT_DROP_CLIENTS,
    PROTOCOL_EFFECT_PRIORITY, /* replica-priority: the user's (`number` 1), or 0 */
    /* Acts on the process. */
    PROTOCOL_EFFECT_STOP,     /* SIGSTOP */
    PROTOCOL_EFFECT_CONTINUE, /* SIGCONT */
    PROTOCOL_EFFECT_KILL,     /* SIGKILL */
    /* Questions. */
    PROTOCOL_EFFECT_ASK_SERVER, /* INFO, now */
    PROTOCOL_EFFECT_ASK_LINKS,
    PROTOCOL_EFFECT_ASK_WITNESS, /* PING the server of `node`, and say what came of it */
    /* Records. */
    PROTOCOL_EFFECT_WRITE_FILE, /* protocol->record, as it is now */
    PROTOCOL_EFFECT_WRITE_CIB,  /* `number`: epoch claimed by this node, if files are not enough */
    PROTOCOL_EFFECT_TELL,       /* protocol->told, as it is now */
    PROTOCOL_EFFECT_TICK,       /* a tick with this event's time */
    PROTOCOL_EFFECT_SCORE,      /* `score` */
    PROTOCOL_EFFECT_STATUS,     /* `status` */
    PROTOCOL_EFFECT_REPLY,      /* to a request, a promote or not: `result`, `reason`, `node` */
    PROTOCOL_EFFECT_HISTORY,    /* `note`, `node`, `number` */
    /* Authority. */
    PROTOCOL_EFFECT_FAILOVER,  /* SENTINEL FAILOVER, to `node`'s server; 0: to any */
    PROTOCOL_EFFECT_AUTHORITY, /* `authority` is in force from now on: begin anew with it */
};

enum protocol_status {
    PROTOCOL_STATUS_DOWN,
    PROTOCOL_STATUS_LOADING,
    PROTOCOL_STATUS_PRIMARY,
    PROTOCOL_STATUS_PAUSED,
    PROTOCOL_STATUS_REPLICA,
    PROTOCOL_STATUS_SYNCING,
    PROTOCOL_STATUS_DISCONNECTED,
    PROTOCOL_STATUS_SEALED,
};

enum protocol_reason { /* why a request was refused */
    PROTOCOL_REASON_NONE,
    PROTOCOL_REASON_NO_QUORUM,
    PROTOCOL_REASON_PRIMARY_LIVES, /* `node` is the primary, and sound */
    PROTOCOL_REASON_NOT_CHOSEN,    /* ranks did not choose this node; `node` is ahead */
    PROTOCOL_REASON_CLAIMED,       /* `node` claimed a higher epoch first */
    PROTOCOL_REASON_DEADLINE,
    PROTOCOL_REASON_SERVER, /* our server is gone, or did not do as it was told */
    PROTOCOL_REASON_FILE,   /* the epoch file cannot be written */
    PROTOCOL_REASON_NOT_PRIMARY,
    PROTOCOL_REASON_NOT_REACHED, /* no replica reached the last offset in time */
    PROTOCOL_REASON_BUSY,        /* another request is under way */
    PROTOCOL_REASON_SENTINEL,    /* it did not choose this server; it names that of `node` */
};

enum protocol_note {        /* for history */
    PROTOCOL_NOTE_PROMOTED, /* `number`: epoch */
    PROTOCOL_NOTE_CRASHED,  /* the primary of this node ended by itself */
    PROTOCOL_NOTE_HUNG,
    PROTOCOL_NOTE_UNCOVERED, /* promoted though `node`, absent, was last known ahead, at `number` */
    PROTOCOL_NOTE_STOPPED,   /* the pause was not confirmed: the process was stopped */
};

enum protocol_obstacle { /* why the authority that is wanted is not in force yet */
    PROTOCOL_OBSTACLE_NONE,
    PROTOCOL_OBSTACLE_QUORUM,
    PROTOCOL_OBSTACLE_WANTED,  /* `node` wants another, or was not heard */
    PROTOCOL_OBSTACLE_PRIMARY, /* none leads soundly */
    PROTOCOL_OBSTACLE_NAMED,   /* the Sentinel of `node` names another; 0: none names any */
    PROTOCOL_OBSTACLE_HARM,    /* the Sentinel of `node` could promote a server */
    PROTOCOL_OBSTACLE_BUSY,    /* a failover, or a request, is under way */
};

struct protocol_effect {
    enum protocol_effect_kind kind;
    uint64_t order; /* of an order to the server */
    uint64_t number;
    uint32_t node;
    int score, result; /* result: 0 or -errno */
    bool to_promote;
    enum protocol_status status;
    enum protocol_reason reason;
    enum protocol_note note;
    enum member_authority authority;
};

struct protocol_effects {
    size_t count;
    struct protocol_effect effect[PROTOCOL_EFFECTS_MAX];
    uint64_t wake_ms; /* give PROTOCOL_EVENT_WAKE no later than this */
};

#include "redis_protocol_state.h" /* struct protocol: its own memory */

void protocol_init(struct protocol *protocol, const struct protocol_config *config);
/* `effects` is emptied first. They are to be carried out in their order. */
void protocol_event(struct protocol *protocol, const struct protocol_event *event,
                    struct protocol_effects *effects);
/* A monitor of the Promoted role fails (9): this server leads a timeline that is over. */
bool protocol_is_deposed(const struct protocol *protocol);
/* authority=sentinel: it is time for Sentinel to choose another primary than the lost one. */
bool protocol_choice_is_due(const struct protocol *protocol);
/* authority=sentinel: our server led by Sentinels' word, and they name another now. */
bool protocol_is_replaced(const struct protocol *protocol);
/* May clients write to this node's server as far as the protocol is concerned. */
bool protocol_is_open(const struct protocol *protocol);

#endif
