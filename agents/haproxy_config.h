// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HAProxy's configuration as the agent sees it: which files, which stats socket, whether HAProxy
 * accepts it, whether it is the one that runs. Only HAProxy itself parses it.
 */
#ifndef RHA_HAPROXY_CONFIG_H
#define RHA_HAPROXY_CONFIG_H

#include "clock.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct haproxy_files {
    size_t count;
    char **paths;
};

/* `config` itself, or a folder's *.cfg in HAProxy's order. 0 or -errno. */
int haproxy_files_list(const char *config, struct haproxy_files *files);
void haproxy_files_clear(struct haproxy_files *files);
#define cleanup_haproxy_files __attribute__((cleanup(haproxy_files_clear)))

/* The unix socket of the first `stats socket` line that has one. 0; -ENOENT: none; -errno. */
int haproxy_socket_find(const char *config, char **path);
/* Pure: the unix socket of one line of configuration; NULL: it names none. Caller frees. */
char *haproxy_line_socket(const char *line);

/* A number of the files' names and contents, as text. 0 with *print (caller frees) or -errno. */
int haproxy_config_print(const char *config, char **print);
/* One of the files was changed at or after `since`, or that cannot be told. */
bool haproxy_config_newer(const char *config, time_t since);

/* `haproxy -c`: 0; -EINVAL with HAProxy's words in *problem (caller frees); -errno likewise. */
int haproxy_config_check(const char *binary, const char *config, struct deadline deadline,
                         char **problem);

/* Pure: the text of the first [ALERT] line of process `pid` (0: of any); NULL: none. Caller frees.
 */
char *haproxy_alert(const char *output, pid_t pid);

#endif
