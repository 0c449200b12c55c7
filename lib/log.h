// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logging by libqb: to the standard error, which Pacemaker's executor puts into its own log, and to
 * syslog where the cluster asks for it (HA_logfacility). lib/ logs at debug only; agents and
 * companions log what an operator needs. Secrets are never passed here.
 */
#ifndef RHA_LOG_H
#define RHA_LOG_H

#include "util.h"
#include <stdbool.h>
#include <syslog.h>

/* `name` stands before each line. `debug`: debug lines are shown as well. */
void log_open(const char *name, bool debug);
/* Of a resident program, whose standard error is its log file: each line begins with the time. */
void log_open_resident(const char *name);
void log_close(void);
void log_write(int priority, const char *format, ...) PRINTF(2, 3);

#define log_error(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

#endif
