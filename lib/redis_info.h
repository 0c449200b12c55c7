// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text of INFO as a struct. Pure: bytes in, struct out; never reads past the end, whatever it
 * is given. Fields that the text does not have keep the values told here.
 */
#ifndef RHA_REDIS_INFO_H
#define RHA_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REDIS_REPLID_SIZE  41
#define REDIS_HOST_SIZE    256
#define REDIS_MAX_REPLICAS 32

enum redis_role {
    REDIS_ROLE_UNKNOWN,
    REDIS_ROLE_PRIMARY, /* role:master */
    REDIS_ROLE_REPLICA, /* role:slave */
};

struct redis_replica_info { /* a slaveN line */
    char host[REDIS_HOST_SIZE];
    int port;
    bool online;
    int64_t offset; /* -1: not told */
    int64_t lag_s;  /* -1: not told */
};

struct redis_info {
    /* Server */
    char version[32]; /* valkey_version where there is one, else redis_version */
    bool is_valkey;
    bool is_sentinel; /* redis_mode:sentinel */
    char run_id[REDIS_REPLID_SIZE];
    pid_t process_id;     /* 0 */
    int tcp_port;         /* 0 */
    char executable[256]; /* argv[0] in the folder where it was started: no proof of a path */
    char config_file[256];
    /* Persistence */
    bool loading, aof_enabled;
    bool aof_rewriting, aof_rewrite_due; /* after a full resync the file is of before until then */
    char aof_rewrite_status[8], aof_write_status[8]; /* "ok", "err"; "" */
    /* Replication */
    enum redis_role role;
    char replid[REDIS_REPLID_SIZE], replid2[REDIS_REPLID_SIZE];
    int64_t offset;                     /* master_repl_offset; -1 */
    int64_t replica_offset;             /* slave_repl_offset; -1 */
    int64_t second_offset;              /* second_repl_offset; -1 */
    bool has_backlog;                   /* repl_backlog_active: offsets count what is written */
    char primary_host[REDIS_HOST_SIZE]; /* of a replica */
    int primary_port;
    bool link_up, sync_in_progress;
    int64_t link_down_s; /* master_link_down_since_seconds; -1: not told or never up */
    int64_t last_io_s;   /* master_last_io_seconds_ago; -1 */
    int priority;        /* slave_priority; -1 */
    int connected_replicas;
    size_t replica_count; /* slaveN lines read */
    struct redis_replica_info replicas[REDIS_MAX_REPLICAS];
    /* Keyspace */
    int64_t keys; /* of all databases */
};

/* `length` bytes of INFO. 0, or -EINVAL where it is no INFO at all (not one known field). */
int redis_info_parse(const char *text, size_t length, struct redis_info *info);
/* The offset up to which the server holds data; -1: not told. */
int64_t redis_info_offset(const struct redis_info *info);

#endif
