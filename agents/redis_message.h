// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the watches of one Redis resource tell each other on the bus, as structs and as bytes. A
 * message is the whole of what its teller knows, never a difference, so the last one heard is
 * enough. Pure; the decoder takes bytes from anybody and never reads past their end.
 */
#ifndef RHA_REDIS_MESSAGE_H
#define RHA_REDIS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REDIS_MESSAGE_VERSION 3
#define REDIS_MEMBERS_MAX     16
#define REDIS_MESSAGE_SIZE    512 /* bytes: the longest that this version writes */

/* A replication id, its 40 hexadecimal digits as bytes. All zero: none. */
struct redis_replid {
    uint8_t byte[20];
};

/* What is known of a server's process. Loading and a long script (BUSY) count as answers. */
enum member_server {
    MEMBER_SERVER_UNKNOWN,
    MEMBER_SERVER_GONE,    /* the process ended by itself */
    MEMBER_SERVER_STOPPED, /* an agent ended it; its last position was told */
    MEMBER_SERVER_HUNG,    /* alive, no answer; of a primary: two witnesses say so */
    MEMBER_SERVER_LOADING, /* its position is not known yet */
    MEMBER_SERVER_ANSWERS,
};

enum member_role {
    MEMBER_ROLE_UNKNOWN,
    MEMBER_ROLE_REPLICA, /* also a sealed one */
    MEMBER_ROLE_PRIMARY,
};

enum member_link { /* of a replica to its primary */
    MEMBER_LINK_UNKNOWN,
    MEMBER_LINK_DOWN,
    MEMBER_LINK_SYNCING, /* a full resync: what it holds is about to be thrown away */
    MEMBER_LINK_UP,
};

enum member_answer { /* a witness' word; "could not find out" is its own value */
    MEMBER_ANSWER_UNKNOWN,
    MEMBER_ANSWER_YES,
    MEMBER_ANSWER_NO,
};

enum member_authority { /* who promotes */
    MEMBER_AUTHORITY_PACEMAKER,
    MEMBER_AUTHORITY_SENTINEL,
};

/* Whom a Sentinel names as the primary, and since which epoch of its own. */
struct redis_named {
    uint32_t node; /* 0: not known; UINT32_MAX: no node of ours */
    uint64_t number;
};

/* A promotion whose role was taken: which data belong to it. */
struct redis_timeline {
    uint64_t epoch;
    struct redis_replid replid;
    uint64_t begin;   /* offset at which it began */
    uint32_t primary; /* node id */
    bool written;     /* it may hold writes that the epoch before does not */
    bool in_files;    /* its claim was in the files of a quorum: no other of this number was */
};

/* The wish of a node to be the primary of an epoch. */
struct redis_claim {
    uint64_t epoch; /* 0: none */
    uint32_t node;
};

/* The epoch whose data a node was last known to hold. */
struct redis_held {
    uint32_t node;
    uint64_t epoch;
    bool written_off; /* by the operator, up to that epoch */
};

struct redis_told {
    uint64_t ring;        /* sequence of the ring in which it was sent */
    uint64_t incarnation; /* of the teller's watch */
    enum member_server server;
    enum member_role role;
    enum member_link link;
    enum member_answer suspect_answers; /* the teller's word on the server of `suspect` */
    bool final;  /* this position cannot grow: detached, or writes are paused and confirmed so */
    bool open;   /* a primary that may take writes */
    bool live;   /* this process was linked or primary since it started: not just what disk had */
    bool exact;  /* the offset is known, not guessed (AOF keeps none) */
    bool empty;  /* no keys */
    bool fit;    /* may lead, as far as its node can tell */
    bool yields; /* gave its role up with all data handed over: others first at equal data */
    bool forced; /* the operator wants it to lead and accepts what that loses */
    bool last_primary; /* was primary of the epoch that it holds */
    uint64_t epoch;    /* of the data; 0: belongs to no promotion that is known */
    struct redis_replid replid;
    uint64_t offset;
    uint32_t priority;   /* replica-priority; lower leads, 0 never */
    uint64_t sealed_for; /* follows no primary below this epoch; 0: not sealed */
    uint64_t cause;      /* the `trouble` of the primary that the seal answers */
    uint64_t trouble;    /* counts the changes of this node's server between sound and not */
    uint64_t claim;      /* active claim; 0: none */
    uint64_t ended;      /* the primary of this epoch was heard to lead no more */
    struct redis_claim promised;  /* highest claim in this node's file */
    struct redis_timeline newest; /* newest timeline in this node's file */
    uint32_t suspect;             /* node id; 0: none */
    uint32_t move_to;             /* a switchover is ready: this node is to lead; 0: none */
    bool moving;                  /* writes paused for a planned change: tell positions at once */
    enum member_authority wants;  /* the teller's parameter */
    enum member_authority obeys;  /* what is in force at the teller */
    struct redis_named named;     /* by its node's Sentinel */
    enum member_answer harmless;  /* that Sentinel can promote no server; unknown: no feed tells */
    bool asks;                    /* wants Sentinel to choose its server */
    bool busy;                    /* that Sentinel carries a failover out */
    uint8_t held_count;
    struct redis_held held[REDIS_MEMBERS_MAX];
};

enum redis_message_kind {
    REDIS_MESSAGE_TELL = 1,
    REDIS_MESSAGE_TICK = 2,
    REDIS_MESSAGE_HELLO = 3,
};

/* By which epoch of its own every Sentinel is told of a promotion: chosen once, by its node. */
struct redis_hello {
    uint64_t epoch;  /* of the promotion */
    uint64_t number; /* Sentinel's */
};

struct redis_message {
    enum redis_message_kind kind;
    union {
        struct redis_told told;
        struct redis_hello hello;
        uint64_t tick_ms; /* the sender's monotonic clock; means something to the sender only */
    };
};

/* The number of bytes written, or -ENOSPC. */
int redis_message_encode(const struct redis_message *message, uint8_t *bytes, size_t size);
/*
 * 0; -EPROTONOSUPPORT for another version or kind (to be ignored, an upgrade is on its way);
 * -EBADMSG for what is no message. Bytes after the known fields are a newer suite's: ignored.
 */
int redis_message_decode(const uint8_t *bytes, size_t length, struct redis_message *message);

/* Inline: the protocol compares them at every step, and the simulation takes millions of steps. */
static inline bool redis_replid_equal(const struct redis_replid *a, const struct redis_replid *b)
{
    return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

/* From 40 hexadecimal digits. 0 or -EINVAL. */
int redis_replid_parse(const char *text, struct redis_replid *replid);

#endif
