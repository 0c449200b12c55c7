// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parameters of an agent, all from one table: how each type is parsed, what is expected of it, and
 * the line that says what is wrong with a value.
 */
#include "param.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* Longer values are cut in messages: Pacemaker shows 128 bytes of an exit reason. */
#define SHOWN_MAX 48

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit units_ms[] = {
    {"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0},
};
static const struct unit units_seconds[] = {
    {"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {NULL, 0},
};
static const struct unit units_bytes[] = {
    {"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0},
};
static const struct unit units_none[] = {
    {"", 1},
    {NULL, 0},
};

static bool is_number(const struct param *param)
{
    switch (param->type) {
    case PARAM_INTEGER:
    case PARAM_MS:
    case PARAM_SECONDS:
    case PARAM_BYTES:
        return true;
    case PARAM_STRING:
    case PARAM_PATH:
    case PARAM_BOOLEAN:
    case PARAM_CHOICE:
        return false;
    }
    return false;
}

/* A number and its unit, nothing before, between or after: 0, -EINVAL or -ERANGE. */
static int number_parse(const char *text, const struct unit *units, const struct param *param,
                        int64_t *value)
{
    size_t digits = strspn(text, "-0123456789");
    cleanup_free char *number = strndup(text, digits);
    int64_t count, total;
    int rc;

    if (!number)
        abort();
    rc = parse_int64(number, INT64_MIN, INT64_MAX, &count);
    if (rc)
        return rc;
    while (units->name && strcasecmp(units->name, text + digits) != 0)
        units++;
    if (!units->name)
        return -EINVAL;
    if (__builtin_mul_overflow(count, units->factor, &total) || total < param->min ||
        total > param->max)
        return -ERANGE;
    *value = total;
    return 0;
}

static int number_set(const char *text, const struct unit *units, const struct param *param,
                      void *field)
{
    int64_t value;
    int rc = number_parse(text, units, param, &value);

    if (!rc)
        *(int64_t *)field = value;
    return rc;
}

static int text_set(const char *text, bool is_path, void *field)
{
    if (is_path && *text != '/')
        return -EINVAL;
    /* A line break in a value would be a second line in a file that we write for a server. */
    for (const char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            return -EILSEQ;
    *(const char **)field = text;
    return 0;
}

static int choice_set(const char *text, const char *const *choices, void *field)
{
    for (int i = 0; choices[i]; i++) {
        if (str_eq(choices[i], text)) {
            *(int *)field = i;
            return 0;
        }
    }
    return -EINVAL;
}

/* 0; -EINVAL: another kind of thing; -ERANGE: too small or too large; -EILSEQ: control characters.
 * The field is touched on success only. */
static int param_set(const struct param *param, const char *text, void *values)
{
    void *field = (char *)values + param->offset;

    switch (param->type) {
    case PARAM_STRING:
        return text_set(text, false, field);
    case PARAM_PATH:
        return text_set(text, true, field);
    case PARAM_INTEGER:
        return number_set(text, units_none, param, field);
    case PARAM_BOOLEAN:
        return parse_bool(text, field);
    case PARAM_MS:
        return number_set(text, units_ms, param, field);
    case PARAM_SECONDS:
        return number_set(text, units_seconds, param, field);
    case PARAM_BYTES:
        return number_set(text, units_bytes, param, field);
    case PARAM_CHOICE:
        return choice_set(text, param->choices, field);
    }
    return -EINVAL;
}

static char *choices_join(const char *const *choices)
{
    char *joined = xstrdup("");

    for (size_t i = 0; choices[i]; i++) {
        const char *glue = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        char *longer = xasprintf("%s%s%s", joined, glue, choices[i]);

        free(joined);
        joined = longer;
    }
    return joined;
}

static char *range_join(const struct param *param, const char *what)
{
    if (param->max == INT64_MAX)
        return xasprintf("%" PRId64 "%s or more", param->min, what);
    return xasprintf("%" PRId64 " to %" PRId64 "%s", param->min, param->max, what);
}

static char *range_with_units(const struct param *param, const char *what, const char *units)
{
    cleanup_free char *range = range_join(param, what);

    return xasprintf("%s, or with a unit: %s", range, units);
}

char *param_expected(const struct param *param)
{
    switch (param->type) {
    case PARAM_STRING:
        return xstrdup("text without control characters");
    case PARAM_PATH:
        return xstrdup("a path that begins with /");
    case PARAM_INTEGER:
        return range_join(param, "");
    case PARAM_BOOLEAN:
        return xstrdup("true or false");
    case PARAM_MS:
        return range_with_units(param, " milliseconds", "ms, s, m, h");
    case PARAM_SECONDS:
        return range_with_units(param, " seconds", "s, m, h");
    case PARAM_BYTES:
        return range_with_units(param, " bytes", "k, m, g");
    case PARAM_CHOICE:
        return choices_join(param->choices);
    }
    return xstrdup("");
}

/* What kind of thing a value is not. */
static const char *param_kind(const struct param *param)
{
    switch (param->type) {
    case PARAM_STRING:
        return "plain text";
    case PARAM_PATH:
        return "an absolute path";
    case PARAM_INTEGER:
        return "an integer";
    case PARAM_BOOLEAN:
        return "a boolean";
    case PARAM_MS:
    case PARAM_SECONDS:
        return "a time";
    case PARAM_BYTES:
        return "a size";
    case PARAM_CHOICE:
        return "one of its choices";
    }
    return "known";
}

/* One line, whatever is in it: control characters become '?', a long value is cut at a whole
 * character of UTF-8. */
static char *value_shown(const char *text)
{
    size_t length = strnlen(text, SHOWN_MAX + 1);
    bool cut = length > SHOWN_MAX;
    char *shown;

    if (cut) {
        length = SHOWN_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    shown = xasprintf("%.*s%s", (int)length, text, cut ? "..." : "");
    for (char *c = shown; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    return shown;
}

static char *param_problem(const struct param *param, const char *text, int rc)
{
    cleanup_free char *shown = value_shown(text);
    cleanup_free char *expected = param_expected(param);

    if (rc == -ERANGE)
        return xasprintf("%s: \"%s\" is out of range; expected %s", param->name, shown, expected);
    if (rc == -EILSEQ)
        return xasprintf("%s: \"%s\" has control characters; expected %s", param->name, shown,
                         expected);
    return xasprintf("%s: \"%s\" is not %s; expected %s", param->name, shown, param_kind(param),
                     expected);
}

/* Takes over `line`. */
static void problem_add(char **problems, char *line)
{
    char *before = *problems;

    if (!before) {
        *problems = line;
        return;
    }
    *problems = xasprintf("%s\n%s", before, line);
    free(before);
    free(line);
}

int params_parse(const struct param *table, void *values, param_source *source, void *data,
                 char **problems)
{
    *problems = NULL;
    for (const struct param *param = table; param->name; param++) {
        const char *text = source(param->name, data);
        int rc;

        if (param->default_text)
            param_set(param, param->default_text, values);
        if (str_is_empty(text))
            continue;
        rc = param_set(param, text, values);
        if (rc)
            problem_add(problems, param_problem(param, text, rc));
    }
    return *problems ? -EINVAL : 0;
}

/* Parsed into a field of any type, and forgotten. */
static int param_try(const struct param *param, const char *text)
{
    cleanup_free void *field = xcalloc(1, sizeof(int64_t));
    struct param alone = *param;

    alone.offset = 0;
    return param_set(&alone, text, field);
}

bool params_bad_are_reloadable(const struct param *table, param_source *source, void *data)
{
    for (const struct param *param = table; param->name; param++) {
        const char *text = source(param->name, data);

        if (!param->reloadable && !str_is_empty(text) && param_try(param, text))
            return false;
    }
    return true;
}

char *param_text(const struct param *param, const void *values)
{
    const void *field = (const char *)values + param->offset;

    switch (param->type) {
    case PARAM_STRING:
    case PARAM_PATH: {
        const char *text = *(const char *const *)field;

        return xstrdup(text ? text : "");
    }
    case PARAM_INTEGER:
    case PARAM_MS:
    case PARAM_SECONDS:
    case PARAM_BYTES:
        return xasprintf("%" PRId64, *(const int64_t *)field);
    case PARAM_BOOLEAN:
        return xstrdup(*(const bool *)field ? "true" : "false");
    case PARAM_CHOICE:
        return xstrdup(param->choices[*(const int *)field]);
    }
    return xstrdup("");
}

/* The name becomes part of an environment variable, an XML attribute and a man page. */
static bool name_is_plain(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool name_is_unique(const struct param *table, const struct param *param)
{
    for (const struct param *other = table; other < param; other++)
        if (str_eq(other->name, param->name))
            return false;
    return true;
}

static const char *entry_flaw(const struct param *table, const struct param *param)
{
    if (!name_is_plain(param->name))
        return "its name has more than lower-case letters, digits and underscores";
    if (!name_is_unique(table, param))
        return "its name is there twice";
    if (str_is_empty(param->shortdesc) || str_is_empty(param->longdesc))
        return "it has no shortdesc or no longdesc";
    if (param->type == PARAM_CHOICE && (!param->choices || !param->choices[0]))
        return "it has no choices";
    if (is_number(param) && param->min >= param->max)
        return "its range is empty";
    if (param->default_text && param_try(param, param->default_text))
        return "its default is not a value that it takes";
    return NULL;
}

int params_check(const struct param *table, char **problems)
{
    *problems = NULL;
    for (const struct param *param = table; param->name; param++) {
        const char *flaw = entry_flaw(table, param);

        if (flaw)
            problem_add(problems, xasprintf("%s: %s", param->name, flaw));
    }
    return *problems ? -EINVAL : 0;
}

const char *param_ocf_type(const struct param *param)
{
    switch (param->type) {
    case PARAM_INTEGER:
        return "integer";
    case PARAM_BOOLEAN:
        return "boolean";
    case PARAM_MS: /* "2s" is no integer */
    case PARAM_SECONDS:
    case PARAM_BYTES:
    case PARAM_STRING:
    case PARAM_PATH:
    case PARAM_CHOICE:
        return "string";
    }
    return "string";
}

const char *param_default_shown(const struct param *param)
{
    return param->default_shown ? param->default_shown : param->default_text;
}
