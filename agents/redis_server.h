// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The local Redis server as an action knows it before asking it anything: which program, which
 * configuration, which address, which passwords, where its memory lies.
 */
#ifndef RHA_REDIS_SERVER_H
#define RHA_REDIS_SERVER_H

#include "credentials.h"
#include "ocf.h"
#include "redis_client.h"
#include "redis_conf.h"
#include "redis_params.h"

/* How the resource is used; see CONTRACT "also plain (not cloned), and in ocf-tester". */
enum redis_mode {
    REDIS_MODE_ALONE, /* no cluster: by hand or in ocf-tester. A replica of nobody until promoted */
    REDIS_MODE_PLAIN, /* one primitive in a cluster: started as its configuration says */
    REDIS_MODE_PROMOTABLE, /* a promotable clone: a replica until Pacemaker promotes it */
};

struct redis_server {
    const struct ocf_context *context;
    const struct redis_params *params;
    enum redis_mode mode;
    const char *binary;      /* NULL: none is installed */
    const char *config;      /* NULL: none is there */
    struct redis_conf *conf; /* NULL: could not be read; conf_problem says why */
    char *conf_problem;
    int auth_error;     /* why the auth_file could not be used: -errno; 0: all is well */
    char *auth_problem; /* the same in words; NULL: all is well */
    struct credentials credentials;
    int port;     /* 0: no TCP port */
    int priority; /* the user's replica-priority: ours in force may be 0 (authority) */
    char address[256];
    struct redis_endpoint endpoint; /* how this node reaches it; strings owned by this struct */
    char *process_path, *role_path, *peers_path, *address_path; /* in run_dir */
};

/*
 * Gathers what can be had without waiting; never fails, since `stop` must go on with what there is.
 * `address` is the one noted by `start`, else 127.0.0.1, until redis_server_locate().
 */
void redis_server_open(struct redis_server *server, const struct ocf_context *context,
                       const struct redis_params *params);
void redis_server_close(struct redis_server *server);
#define cleanup_redis_server __attribute__((cleanup(redis_server_close)))

/* Works out this node's address. May wait for the cluster. 0, or -errno with *problem. */
int redis_server_locate(struct redis_server *server, char **problem);
/* Notes where this server is, for Sentinel's agent and for later actions, and where its peers are.
 * May wait for corosync. 0 or -errno. */
int redis_server_note(const struct redis_server *server);
/* Whether that was done: not for a server that was adopted and never started. */
bool redis_server_is_noted(const struct redis_server *server);

/* Whether it could be started here: OCF_SUCCESS, else the reason is given (ocf_fail). */
enum ocf_exit redis_server_validate(const struct redis_server *server);

/* A companion belongs to it: an instance of a promotable clone in a cluster. */
bool redis_server_is_watched(const struct redis_server *server);

/* What the agent did last: promoted this server (true), or not, or made it a replica again. */
bool redis_server_was_promoted(const struct redis_server *server);
int redis_server_note_promoted(const struct redis_server *server, bool promoted);

#endif
