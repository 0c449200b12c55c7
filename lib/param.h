// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parameters of an agent. One table per agent is the only source of each parameter's name, type,
 * default, range, validation, meta-data and man page; its values land in a struct of the agent.
 */
#ifndef RHA_PARAM_H
#define RHA_PARAM_H

#include "util.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_type {
    PARAM_STRING, /* field: const char *, NULL where neither value nor default is given; one line */
    PARAM_PATH,   /* field: const char *; a value must begin with '/' */
    PARAM_INTEGER, /* field: int64_t, in [min, max] */
    PARAM_BOOLEAN, /* field: bool */
    PARAM_MS, /* field: int64_t milliseconds, in [min, max]; "2000", "2000ms", "2s", "1m", "1h" */
    PARAM_SECONDS, /* field: int64_t seconds, in [min, max]; "10", "10s", "1m", "1h" */
    PARAM_BYTES,   /* field: int64_t bytes, in [min, max]; "1048576", "1k", "1m", "1g" (1024s) */
    PARAM_CHOICE,  /* field: int, the index into `choices` */
};

/* A table ends with an entry whose name is NULL. */
struct param {
    const char *name;
    enum param_type type;
    size_t offset;              /* of the field in the agent's struct */
    const char *default_text;   /* parsed like a value; NULL: no fixed default */
    const char *default_shown;  /* told in words where the default is worked out at run time */
    int64_t min, max;           /* of numbers, in the field's unit */
    const char *const *choices; /* PARAM_CHOICE: NULL-terminated */
    const char *unique_group;   /* NULL: none */
    bool reloadable;
    const char *shortdesc;
    const char *longdesc;
};

/* How a value is looked up: returns NULL where it is not given. ocf_main passes OCF_RESKEY_*. */
typedef const char *param_source(const char *name, void *data);

/*
 * Fills *values (zeroed by the caller; texts are the source's own, not copied) from `source`,
 * defaults where a value is absent or empty. Every bad value keeps its default and adds one line to
 * *problems (freed by the caller; NULL when all is well): `port: "abc" is not an integer; expected
 * 1 to 65535`. 0, or -EINVAL.
 */
int params_parse(const struct param *table, void *values, param_source *source, void *data,
                 char **problems);

/* Whether all bad values are of reloadable parameters: one that may be changed while the server
 * runs does not say which server it is. Also true where none is bad. */
bool params_bad_are_reloadable(const struct param *table, param_source *source, void *data);

/* The field's text for a value that is given, "" for PARAM_STRING/PATH that is not. Caller frees.
 */
char *param_text(const struct param *param, const void *values);

/* Checks the table against itself: each default parses, names are unique, texts are there. 0 or
 * -EINVAL with *problems. */
int params_check(const struct param *table, char **problems);

/* What a value has to be, in words: "1 to 65535". For messages, meta-data, man page. Caller frees.
 */
char *param_expected(const struct param *param);
/* "string", "integer", "boolean": the type that OCF meta-data knows. */
const char *param_ocf_type(const struct param *param);
/* The default for a reader, default_shown before default_text; NULL where there is none. */
const char *param_default_shown(const struct param *param);

#endif
