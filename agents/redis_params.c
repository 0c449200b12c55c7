// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parameters of ocf:redis-ha:redis: the one source of their names, types, defaults, ranges,
 * meta-data and man page.
 */
#include "redis_params.h"

static const char *const authorities[] = {
    [AUTHORITY_PACEMAKER] = "pacemaker",
    [AUTHORITY_SENTINEL] = "sentinel",
    NULL,
};

#define FIELD(name) offsetof(struct redis_params, name)

const struct param redis_param_table[] = {
    {
        .name = "binary",
        .type = PARAM_PATH,
        .offset = FIELD(binary),
        .default_shown = "the first of redis-server, valkey-server that is installed",
        .shortdesc = "Server program",
        .longdesc = "Path of the Redis or Valkey server program.",
    },
    {
        .name = "config",
        .type = PARAM_PATH,
        .offset = FIELD(config),
        .default_shown = "the distribution's redis.conf",
        .unique_group = "instance",
        .shortdesc = "Configuration file",
        .longdesc =
            "The server's redis.conf (valkey.conf). The agent reads it and never writes it: "
            "what it holds for the cluster is given on the command line.",
    },
    {
        .name = "user",
        .type = PARAM_STRING,
        .offset = FIELD(user),
        .default_shown = "redis, else valkey",
        .shortdesc = "User to run as",
        .longdesc = "The system user that the server runs as.",
    },
    {
        .name = "port",
        .type = PARAM_INTEGER,
        .offset = FIELD(port),
        .min = 1,
        .max = 65535,
        .default_shown = "`port` of config, else 6379",
        .unique_group = "instance",
        .shortdesc = "TCP port",
        .longdesc = "The TCP port on which clients and replicas reach the server.",
    },
    {
        .name = "address",
        .type = PARAM_STRING,
        .offset = FIELD(address),
        .default_shown = "this node's corosync link 0 address",
        .shortdesc = "Address of this node",
        .longdesc = "The address under which the other nodes reach this node's server. It differs "
                    "from node to node, so set the node attribute <resource>-address instead where "
                    "corosync's link 0 is not the right one; the attribute overrides this "
                    "parameter.",
    },
    {
        .name = "auth_file",
        .type = PARAM_PATH,
        .offset = FIELD(auth_file),
        .default_shown = "none: passwords of config are used",
        .shortdesc = "File with user names and passwords",
        .longdesc = "A file of root, mode 0600, with lines `username X`, `password Y`, "
                    "`replication_username X`, `replication_password Y`. Without it the agent uses "
                    "requirepass, `user default`, masteruser and masterauth of config.",
    },
    {
        .name = "authority",
        .type = PARAM_CHOICE,
        .offset = FIELD(authority),
        .default_text = "pacemaker",
        .choices = authorities,
        .reloadable = true,
        .shortdesc = "Who decides which server is the primary",
        .longdesc = "pacemaker: Pacemaker alone promotes, and Sentinel tells its clients. "
                    "sentinel: Sentinel promotes, with the guarantees that Sentinel gives, and "
                    "the promoted role follows; that needs an ocf:redis-ha:sentinel beside each "
                    "server. A change takes effect without a restart, as soon as all nodes "
                    "have it and the one that goes can promote no more.",
    },
    {
        .name = "down_after",
        .type = PARAM_MS,
        .offset = FIELD(down_after_ms),
        .default_text = "2000",
        .min = 100,
        .max = 600000,
        .reloadable = true,
        .shortdesc = "How long no answer may last (ms)",
        .longdesc = "How long the server may give no answer before this node's witness calls it "
                    "hung, in milliseconds. A second witness must say so too: another node's, or "
                    "Sentinel's quorum. LOADING and BUSY are answers, and a script is answered "
                    "with BUSY after half of this time at the latest (lua-time-limit).",
    },
    {
        .name = "max_lag",
        .type = PARAM_BYTES,
        .offset = FIELD(max_lag_bytes),
        .default_text = "0",
        .min = 0,
        .max = INT64_MAX,
        .reloadable = true,
        .shortdesc = "How far behind a promotable replica may be (bytes)",
        .longdesc = "If the best replica is further behind what the last primary told of "
                    "itself than this, nobody is promoted; 0: no limit.",
    },
    {
        .name = "tls",
        .type = PARAM_BOOLEAN,
        .offset = FIELD(tls),
        .default_text = "false",
        .shortdesc = "Connect by TLS",
        .longdesc = "Whether the agent and the replicas connect by TLS. An error where this build "
                    "has none.",
    },
    {
        .name = "tls_ca_file",
        .type = PARAM_PATH,
        .offset = FIELD(tls_ca_file),
        .shortdesc = "CA certificates for TLS",
        .longdesc = "The file of CA certificates by which servers are checked.",
    },
    {
        .name = "tls_cert_file",
        .type = PARAM_PATH,
        .offset = FIELD(tls_cert_file),
        .shortdesc = "Client certificate for TLS",
        .longdesc = "The certificate that the agent shows to servers.",
    },
    {
        .name = "tls_key_file",
        .type = PARAM_PATH,
        .offset = FIELD(tls_key_file),
        .shortdesc = "Key of the client certificate",
        .longdesc = "The private key of tls_cert_file.",
    },
    {.name = NULL},
};
