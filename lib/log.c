// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logging by libqb, opened at the first line that is to be shown: most monitors have nothing to
 * say, and are not to pay for it.
 */
#include "log.h"

#include <qb/qblog.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_LENGTH 1024

static struct {
    char name[128];
    bool debug;
    bool stamped; /* lines to the standard error carry the time */
    bool is_open;
} state = {.name = "redis-ha"};

/* Pacemaker passes its cluster's choice on under these names: a facility, or "none". */
static const char *syslog_facility(void)
{
    const char *facility = getenv("HA_logfacility");

    if (str_is_empty(facility))
        facility = getenv("HA_LOGFACILITY");
    return str_is_empty(facility) || str_eq(facility, "none") ? NULL : facility;
}

static void target_enable(int32_t target, int max_priority, const char *format)
{
    qb_log_ctl(target, QB_LOG_CONF_MAX_LINE_LEN, LINE_MAX_LENGTH);
    qb_log_ctl(target, QB_LOG_CONF_ELLIPSIS, QB_TRUE);
    qb_log_format_set(target, format);
    qb_log_filter_ctl(target, QB_LOG_FILTER_CLEAR_ALL, QB_LOG_FILTER_FILE, "*", LOG_TRACE);
    qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", max_priority);
    qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
}

static void targets_open(void)
{
    int max_priority = state.debug ? LOG_DEBUG : LOG_INFO;
    const char *facility = syslog_facility();
    int32_t number = facility ? qb_log_facility2int(facility) : -1;

    qb_log_init(state.name, number >= 0 ? number : LOG_DAEMON, max_priority);
    if (number >= 0)
        target_enable(QB_LOG_SYSLOG, max_priority,
                      "%p: %b"); /* syslog adds the name and the time */
    else
        qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
    target_enable(QB_LOG_STDERR, max_priority, state.stamped ? "%T %p: %b" : "%N: %p: %b");
    state.is_open = true;
}

void log_open(const char *name, bool debug)
{
    log_close();
    snprintf(state.name, sizeof(state.name), "%s", name);
    state.debug = debug;
    state.stamped = false;
}

void log_open_resident(const char *name)
{
    log_open(name, false);
    state.stamped = true;
}

void log_close(void)
{
    if (state.is_open)
        qb_log_fini();
    state.is_open = false;
}

void log_write(int priority, const char *format, ...)
{
    char text[LINE_MAX_LENGTH];
    va_list args;

    if (priority > (state.debug ? LOG_DEBUG : LOG_INFO))
        return;
    if (!state.is_open)
        targets_open();
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* One call site for all lines: libqb keeps a record of each site and format that it ever saw.
     */
    qb_log_from_external_source(__func__, __FILE__, "%s", (uint8_t)priority, __LINE__, 0, text);
}
