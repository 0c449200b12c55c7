// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parameters of ocf:redis-ha:haproxy: the one source of their names, types, defaults, ranges,
 * meta-data and man page.
 */
#include "haproxy_params.h"

#define FIELD(name) offsetof(struct haproxy_params, name)

const struct param haproxy_param_table[] = {
    {
        .name = "binary",
        .type = PARAM_PATH,
        .offset = FIELD(binary),
        .default_shown = "the haproxy that is installed",
        .shortdesc = "HAProxy program",
        .longdesc = "Path of the HAProxy program.",
    },
    {
        .name = "config",
        .type = PARAM_PATH,
        .offset = FIELD(config),
        .default_text = "/etc/haproxy/haproxy.cfg",
        .unique_group = "config",
        .shortdesc = "Configuration, a file or a folder of files",
        .longdesc =
            "HAProxy's configuration: a file, or a folder whose *.cfg files HAProxy reads "
            "in the order of their names. The agent checks it before each start and reload, "
            "and never writes it.",
    },
    {
        .name = "user",
        .type = PARAM_STRING,
        .offset = FIELD(user),
        .default_shown = "none: started as root, HAProxy changes to the `user` of its config",
        .shortdesc = "User to run as",
        .longdesc = "The system user that HAProxy is started as. It must be able to bind every "
                    "listener. Usually not needed: HAProxy started as root changes to the user in "
                    "its configuration by itself.",
    },
    {
        .name = "stats_socket",
        .type = PARAM_PATH,
        .offset = FIELD(stats_socket),
        .default_shown = "the first unix socket among config's `stats socket` lines",
        .shortdesc = "Path of HAProxy's stats socket",
        .longdesc = "The unix socket by which the agent asks HAProxy how it is. A missing folder "
                    "for it below /run is made at start.",
    },
    {
        .name = "backend",
        .type = PARAM_STRING,
        .offset = FIELD(backend),
        .default_shown = "all",
        .shortdesc = "Backend whose usable servers count",
        .longdesc = "The backend (or listen section) that must have a usable server for this "
                    "HAProxy to count as up. Without it, any usable server counts.",
    },
    {
        .name = "drain_timeout",
        .type = PARAM_SECONDS,
        .offset = FIELD(drain_timeout_s),
        .default_text = "10",
        .min = 0,
        .max = 86400,
        .reloadable = true,
        .shortdesc = "How long open sessions may go on at a stop (s)",
        .longdesc = "At a stop, HAProxy takes no new connection from the first moment; sessions "
                    "that are open may go on for so many seconds, but never beyond the stop "
                    "operation's own timeout.",
    },
    {
        .name = "max_old_workers",
        .type = PARAM_INTEGER,
        .offset = FIELD(max_old_workers),
        .default_text = "8",
        .min = 0,
        .max = 50,
        .reloadable = true,
        .shortdesc = "Old workers that may live on after a reload",
        .longdesc = "After a reload, the worker of the former configuration lives until its "
                    "sessions end, and checks no server any more. Where more than so many are "
                    "left after a reload, the oldest are ended with their sessions. The "
                    "configuration's hard-stop-after limits their time.",
    },
    {
        .name = "reload_token",
        .type = PARAM_STRING,
        .offset = FIELD(reload_token),
        .reloadable = true,
        .shortdesc = "Any text; a new one reloads the configuration",
        .longdesc =
            "Any text, for example a date. When it changes, HAProxy loads its configuration "
            "anew on every node, after a check, without a lost connection. A configuration "
            "with an error leaves the running one as it is.",
    },
    {.name = NULL},
};
