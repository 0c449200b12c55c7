// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the protocol's machine remembers between two events. Its rooms write it; the watch and the
 * simulation read it, to say what state it is in. Included by redis_protocol.h, never alone.
 */
#ifndef RHA_REDIS_PROTOCOL_STATE_H
#define RHA_REDIS_PROTOCOL_STATE_H

/* What is known of one node. `last` outlives its presence. */
struct protocol_member {
    uint32_t id;
    char name[64];
    bool in_ring, in_group;
    bool left;  /* the ring, since it was last heard */
    bool told;  /* since its watch joined */
    bool fresh; /* told in the current ring */
    bool heard; /* `last` holds something */
    bool fenced;
    uint64_t joined_ms, left_ms;
    struct redis_told last;
};

enum protocol_pause {
    PROTOCOL_PAUSE_LEASE = 1 << 0,   /* the lease ends or ended */
    PROTOCOL_PAUSE_UNHEARD = 1 << 1, /* it is back, but not everybody was heard */
    PROTOCOL_PAUSE_HIGHER = 1 << 2,  /* a higher epoch is known, or ours is none */
    PROTOCOL_PAUSE_OTHER = 1 << 3,   /* another server may still take writes */
    PROTOCOL_PAUSE_PROMOTE = 1 << 4, /* the role is being taken */
    PROTOCOL_PAUSE_MOVE = 1 << 5,    /* a planned change */
    PROTOCOL_PAUSE_HUNG = 1 << 6,    /* deposed while it did not answer: waits for its waking */
};

enum protocol_claim_step {
    PROTOCOL_CLAIM_NONE,
    PROTOCOL_CLAIM_ASKED,  /* the agent asked; ranks are not ready */
    PROTOCOL_CLAIM_TOLD,   /* on its way over the bus */
    PROTOCOL_CLAIM_STANDS, /* came back, nobody was ahead: file, CIB, acks, pause, old lease */
    PROTOCOL_CLAIM_TAKING, /* the server is told to take the role: no way back from here */
    PROTOCOL_CLAIM_TAKEN,  /* it has it: its timeline goes to the file, then to everybody */
};

enum protocol_move_step {
    PROTOCOL_MOVE_NONE,
    PROTOCOL_MOVE_PAUSING,
    PROTOCOL_MOVE_CATCHING_UP,
    PROTOCOL_MOVE_READY,     /* a switchover: everything is over there, scores move the role */
    PROTOCOL_MOVE_DETACHING, /* becoming a sealed replica */
};

struct protocol_position {
    uint64_t epoch, offset; /* epoch 0: data of no promotion that is known */
    bool exact;             /* else the offset is a guess */
};

struct protocol {
    struct protocol_config config;
    uint64_t now_ms, began_ms;        /* began: when the file was loaded */
    struct protocol_effects *effects; /* of the event under way */
    bool loaded;                      /* the epoch file was read */
    uint64_t led_last; /* by it, this node: with this epoch; 0: not, or by another process */
    struct protocol_record record;         /* as it should be */
    struct protocol_record writing, saved; /* on its way to disk; as far as it is there */
    uint64_t file_asked;                   /* generation that is being written; 0: none */
    uint64_t file_asked_ms, file_failed_ms;
    uint64_t kept_ms, kept_offset; /* the position that is stored next */
    uint64_t cib_epoch, cib_asked; /* claim accepted; asked for */

    size_t self, member_count;
    struct protocol_member member[REDIS_MEMBERS_MAX];
    size_t primary;         /* index of who tells that it leads, plus 1; 0: nobody */
    uint64_t ring, ring_ms; /* current ring and since when */
    uint32_t quorum;        /* members needed */
    uint64_t quorum_ring;   /* of the last quorum callback */
    bool on_bus, quorate, quorum_said, unheard;

    uint64_t lease_ms;              /* writes allowed until */
    uint64_t tick_ms, tick_sent_ms; /* last good tick; last sent */
    uint64_t links_asked_ms;
    uint64_t unheard_ring; /* ring in which the lease ended; 0: never had one */

    enum member_server server;
    bool answered; /* `digest` is of this process */
    struct protocol_digest digest;
    struct protocol_position own; /* follows from digest and record: protocol_find_own() */
    uint64_t digest_ms, asked_ms; /* when it came, when it was asked for */
    uint64_t live_run, stored_run;
    uint64_t first_run, first_offset; /* what this process had when it was first seen */
    struct redis_replid first_replid;
    uint64_t trouble, crashed_ms; /* crashed: when our primary ended by itself */
    bool silent, stopping, forced, sealing;
    enum member_answer sentinel; /* has its quorum an answer from the server here? */
    struct {
        uint32_t node;
        enum member_answer answer;
        uint64_t asked_ms;
    } witness;

    unsigned pause; /* reasons, enum protocol_pause */
    bool pause_wanted, pause_confirmed, stopped, killed, continued;
    uint64_t pause_order, pause_ms, unconfirmed_ms, blocked_ms; /* blocked: no lease since; 0 */
    uint64_t apart_ms; /* since when others may go on without us: from here a ring change counts */
    uint64_t resume_order, resume_ms;   /* 0: none that waits for its confirmation */
    uint64_t order;                     /* last number given */
    uint64_t role_order, role_order_ms; /* last order to seal, follow or take the role */
    enum protocol_effect_kind role_effect;
    uint32_t role_node, move_to;
    uint64_t sealed_for, cause;
    int backstop; /* last ordered; -1: not known */
    uint64_t backstop_run, backstop_order, backstop_ms, alone_ms;

    uint64_t ended;       /* epoch whose primary was heard to lead no more */
    bool contest, ranked; /* ranked: a verdict was reached since this contest began */
    uint64_t contest_ms;
    struct rank_answer rank;
    size_t rank_count;

    enum protocol_claim_step claim;
    uint64_t claim_epoch, claim_ms, claim_deadline_ms, claim_run;
    bool claim_by_agent, claim_replied, claim_in_files;
    enum protocol_move_step move;
    enum protocol_request move_request;
    bool move_replied, move_reached, yields;
    uint64_t move_began_ms, move_deadline_ms, move_final, move_order, move_ready_ms, move_run;

    struct protocol_sentinel feed; /* what the local Sentinel says */
    struct redis_named named;      /* by the highest number that is said */
    uint64_t lost_ms; /* since when the server that Sentinels name does not lead; 0: it does */
    uint64_t role_apart_ms; /* since when this server's role is not what they say; 0: it is */
    enum protocol_request follow_request;
    bool follow_asked; /* a request is under way, in authority=sentinel */
    uint64_t follow_deadline_ms, follow_order, failover_ms, refused_ms;
    uint64_t follow_began_ms, busy_ms; /* busy: since when a Sentinel carries a failover out */
    uint64_t reign_ms; /* since when our server leads and Sentinels name it; 0: it is a replica */
    uint64_t brake_ms; /* writes were paused for Sentinel's failover then; 0: they are not */
    int priority;      /* last ordered: 0, or 1 for the user's */
    uint64_t priority_order, priority_run, priority_ms;
    bool priority_confirmed;
    enum protocol_obstacle obstacle; /* to a change of the authority */
    uint32_t obstacle_node;
    bool changing; /* the authority: nothing more is done */

    struct redis_told told, sent;
    uint64_t sent_ms;
    int score;
    enum protocol_status status;
    bool sent_any, score_said, status_said;
};

#endif
