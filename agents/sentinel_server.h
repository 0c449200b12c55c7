// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The local Sentinel as a process: where its files are, whether it runs, how it is reached, started
 * and ended.
 */
#ifndef RHA_SENTINEL_SERVER_H
#define RHA_SENTINEL_SERVER_H

#include "credentials.h"
#include "ocf.h"
#include "proc.h"
#include "redis_client.h"
#include "sentinel_params.h"

struct sentinel_server {
    const struct ocf_context *context;
    const struct sentinel_params *params;
    const char *binary; /* NULL: none is installed */
    struct credentials credentials;
    char *auth_problem; /* the auth_file could not be used; NULL: all is well */
    int auth_error;     /* and its errno */
    char *data_dir;     /* Sentinel's own folder: it writes its file anew in there */
    char *conf_path;    /* that file */
    char *log_path;
    char host[256];         /* where this node reaches it */
    bool fed;               /* a sentinel-feed keeps the attributes (sentinel_feed.h) */
    struct proc_id process; /* valid once sentinel_find() said PROC_ALIVE */
};

/* Gathers what can be had without waiting; never fails, since `stop` goes on with what there is. */
void sentinel_server_open(struct sentinel_server *server, const struct ocf_context *context,
                          const struct sentinel_params *params);
void sentinel_server_close(struct sentinel_server *server);
#define cleanup_sentinel_server __attribute__((cleanup(sentinel_server_close)))

/* Sentinel's file is there: it was started on this node before. */
bool sentinel_has_file(const struct sentinel_server *server);

/*
 * Whether this resource's Sentinel runs. One that an action of ours did not start is adopted when
 * it answers at our port, watches our master_name and runs our program. PROC_UNKNOWN: *problem says
 * what could not be found out (caller frees).
 */
enum proc_state sentinel_find(struct sentinel_server *server, char **problem);

/* How it is reached; its texts are the server's. */
struct redis_endpoint sentinel_endpoint(const struct sentinel_server *server);
/* 0 or -errno with *problem (caller frees); deadline: the action's or SERVER_ANSWER_MS. */
int sentinel_connect(const struct sentinel_server *server, struct redis_client **client,
                     char **problem);

/* Starts it and waits until it answers. OCF_SUCCESS, or the reason is given and nothing is left. */
enum ocf_exit sentinel_launch(struct sentinel_server *server);
/* Ends server->process within the action's time. */
enum ocf_exit sentinel_end(const struct sentinel_server *server);

#endif
