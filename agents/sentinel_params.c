// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parameters of ocf:redis-ha:sentinel: the one source of their names, types, defaults, ranges,
 * meta-data and man page.
 */
#include "sentinel_params.h"

#define FIELD(name) offsetof(struct sentinel_params, name)

const struct param sentinel_param_table[] = {
    {
        .name = "binary",
        .type = PARAM_PATH,
        .offset = FIELD(binary),
        .default_shown = "the first of redis-sentinel, valkey-sentinel that is installed",
        .shortdesc = "Sentinel program",
        .longdesc = "Path of the Redis or Valkey Sentinel program.",
    },
    {
        .name = "config",
        .type = PARAM_PATH,
        .offset = FIELD(config),
        .shortdesc = "A sentinel.conf to take over at the first start",
        .longdesc =
            "A sentinel.conf of a stand-alone installation. Its text is copied at the first "
            "start on a node; later starts do not look at it, and it is never written. What "
            "it says of quorum, down-after and the like is set to this resource's "
            "parameters once Sentinel answers.",
    },
    {
        .name = "user",
        .type = PARAM_STRING,
        .offset = FIELD(user),
        .default_shown = "redis, else valkey",
        .shortdesc = "User to run as",
        .longdesc = "The system user that Sentinel runs as.",
    },
    {
        .name = "redis",
        .type = PARAM_STRING,
        .offset = FIELD(redis),
        .default_text = "redis",
        .shortdesc = "The redis resource that it watches",
        .longdesc =
            "The id of the ocf:redis-ha:redis resource whose primary this Sentinel watches, "
            "without the id of its clone.",
    },
    {
        .name = "port",
        .type = PARAM_INTEGER,
        .offset = FIELD(port),
        .default_text = "26379",
        .min = 1,
        .max = 65535,
        .unique_group = "instance",
        .shortdesc = "TCP port",
        .longdesc = "The TCP port on which clients and other Sentinels reach this one.",
    },
    {
        .name = "address",
        .type = PARAM_STRING,
        .offset = FIELD(address),
        .default_shown = "this node's corosync link 0 address",
        .shortdesc = "Address of this node",
        .longdesc = "The address that Sentinel announces to the others. It differs from node to "
                    "node, so set the node attribute <resource>-address instead where corosync's "
                    "link 0 is not the right one; the attribute overrides this parameter.",
    },
    {
        .name = "master_name",
        .type = PARAM_STRING,
        .offset = FIELD(master_name),
        .default_text = "mymaster",
        .shortdesc = "Name by which clients ask for the primary",
        .longdesc = "The name of the watched primary, the same on every Sentinel and in every "
                    "client.",
    },
    {
        .name = "quorum",
        .type = PARAM_INTEGER,
        .offset = FIELD(quorum),
        .default_text = "2",
        .min = 1,
        .max = 1000,
        .shortdesc = "How many Sentinels must agree that the primary is down",
        .longdesc = "The number of Sentinels that must agree that the primary is down (ODOWN).",
    },
    {
        .name = "down_after",
        .type = PARAM_MS,
        .offset = FIELD(down_after_ms),
        .default_text = "1000",
        .min = 1,
        .max = 3600000,
        .reloadable = true,
        .shortdesc = "How long no answer may last (ms)",
        .longdesc = "How long a server may give no answer before this Sentinel counts it as down "
                    "(SDOWN), in milliseconds. Half of the redis resource's down_after is a good "
                    "value, since Sentinel pings once a second at most.",
    },
    {
        .name = "failover_timeout",
        .type = PARAM_MS,
        .offset = FIELD(failover_timeout_ms),
        .default_text = "60000",
        .min = 1,
        .max = 86400000,
        .reloadable = true,
        .shortdesc = "Sentinel's failover-timeout (ms)",
        .longdesc =
            "Sentinel's failover-timeout in milliseconds: between two attempts for the same "
            "primary it waits twice as long.",
    },
    {
        .name = "parallel_syncs",
        .type = PARAM_INTEGER,
        .offset = FIELD(parallel_syncs),
        .default_text = "1",
        .min = 1,
        .max = 1000,
        .reloadable = true,
        .shortdesc = "How many replicas may turn to a new primary at once",
        .longdesc = "Sentinel's parallel-syncs: how many replicas it turns to a new primary at the "
                    "same time.",
    },
    {
        .name = "auth_file",
        .type = PARAM_PATH,
        .offset = FIELD(auth_file),
        .default_shown = "none: no password",
        .shortdesc = "File with user names and passwords",
        .longdesc = "A file of root, mode 0600, with lines `username X`, `password Y`, by which "
                    "Sentinel and this agent ask Redis, and `sentinel_username X`, "
                    "`sentinel_password Y`, which Sentinel wants of its clients and of other "
                    "Sentinels.",
    },
    {.name = NULL},
};
