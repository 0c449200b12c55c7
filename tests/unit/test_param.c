// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parameter table: defaults, each type's values, and for each bad value the line that names the
 * parameter, the value and what was expected.
 */
#include "sample_agent.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

struct given {
    const char *name, *text;
};

/* A source of one or two values, ended by a name of NULL. */
static const char *given_source(const char *name, void *data)
{
    for (const struct given *given = data; given->name; given++)
        if (str_eq(given->name, name))
            return given->text;
    return NULL;
}

static const struct param *sample_param(const char *name)
{
    const struct param *param = sample_params;

    while (param->name && !str_eq(param->name, name))
        param++;
    assert_non_null(param->name);
    return param;
}

static void assert_defaults(const struct sample_params *params)
{
    assert_null(params->config);
    assert_null(params->token);
    assert_int_equal(params->port, 6379);
    assert_int_equal(params->down_after, 2000);
    assert_int_equal(params->drain, 10);
    assert_int_equal(params->max_lag, 0);
    assert_false(params->tls);
    assert_int_equal(params->authority, 0);
}

static void defaults_stand_where_nothing_is_given(void **state)
{
    struct given given[] = {{"port", ""}, {"tls", ""}, {"config", ""}, {NULL, NULL}};
    struct sample_params params = {.config = NULL};
    char *problems = NULL;

    (void)state;
    assert_int_equal(params_parse(sample_params, &params, given_source, given, &problems), 0);
    assert_null(problems);
    assert_defaults(&params);
}

static void good_values_are_taken(void **state)
{
    static const struct {
        const char *name, *text, *taken;
    } cases[] = {
        {"config", "/etc/a b.conf", "/etc/a b.conf"},
        {"token", "anything: \"at\" 'all' ü", "anything: \"at\" 'all' ü"},
        {"port", "1", "1"},
        {"port", "65535", "65535"},
        {"down_after", "100", "100"},
        {"down_after", "1500ms", "1500"},
        {"down_after", "3S", "3000"},
        {"down_after", "1m", "60000"},
        {"drain", "0", "0"},
        {"drain", "30s", "30"},
        {"drain", "2m", "120"},
        {"drain", "24h", "86400"},
        {"max_lag", "1k", "1024"},
        {"max_lag", "2M", "2097152"},
        {"max_lag", "3g", "3221225472"},
        {"max_lag", "9223372036854775807", "9223372036854775807"},
        {"tls", "yes", "true"},
        {"tls", "Off", "false"},
        {"authority", "sentinel", "sentinel"},
        {"authority", "nobody", "nobody"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct given given[] = {{cases[i].name, cases[i].text}, {NULL, NULL}};
        struct sample_params params = {.config = NULL};
        cleanup_free char *problems = NULL;
        cleanup_free char *text = NULL;

        assert_int_equal(params_parse(sample_params, &params, given_source, given, &problems), 0);
        assert_null(problems);
        text = param_text(sample_param(cases[i].name), &params);
        assert_string_equal(text, cases[i].taken);
    }
}

#define MS    "100 to 60000 milliseconds, or with a unit: ms, s, m, h"
#define S     "0 to 86400 seconds, or with a unit: s, m, h"
#define BYTES "0 bytes or more, or with a unit: k, m, g"

static void bad_values_are_named_and_leave_the_default(void **state)
{
    static const struct {
        const char *name, *text, *problem;
    } cases[] = {
        {"config", "etc/x",
         "config: \"etc/x\" is not an absolute path; expected a path that begins with /"},
        {"config", "/a\nb",
         "config: \"/a?b\" has control characters; expected a path that begins with /"},
        {"token", "a\nb",
         "token: \"a?b\" has control characters; expected text without control characters"},
        {"port", "abc", "port: \"abc\" is not an integer; expected 1 to 65535"},
        {"port", " 1", "port: \" 1\" is not an integer; expected 1 to 65535"},
        {"port", "1s", "port: \"1s\" is not an integer; expected 1 to 65535"},
        {"port", "0", "port: \"0\" is out of range; expected 1 to 65535"},
        {"port", "99999999999999999999",
         "port: \"99999999999999999999\" is out of range; expected 1 to 65535"},
        {"down_after", "99", "down_after: \"99\" is out of range; expected " MS},
        {"down_after", "2 s", "down_after: \"2 s\" is not a time; expected " MS},
        {"down_after", "ms", "down_after: \"ms\" is not a time; expected " MS},
        {"down_after", "1d", "down_after: \"1d\" is not a time; expected " MS},
        {"down_after", "9223372036854775807h",
         "down_after: \"9223372036854775807h\" is out of range; expected " MS},
        {"drain", "-1", "drain: \"-1\" is out of range; expected " S},
        {"drain", "100ms", "drain: \"100ms\" is not a time; expected " S},
        {"drain", "1-1", "drain: \"1-1\" is not a time; expected " S},
        {"max_lag", "1t", "max_lag: \"1t\" is not a size; expected " BYTES},
        {"max_lag", "-1k", "max_lag: \"-1k\" is out of range; expected " BYTES},
        {"max_lag", "17179869184g", "max_lag: \"17179869184g\" is out of range; expected " BYTES},
        {"tls", "maybe", "tls: \"maybe\" is not a boolean; expected true or false"},
        {"authority", "Pacemaker",
         "authority: \"Pacemaker\" is not one of its choices; expected pacemaker, sentinel or "
         "nobody"},
        {"authority", "pace",
         "authority: \"pace\" is not one of its choices; expected pacemaker, sentinel or nobody"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct given given[] = {{cases[i].name, cases[i].text}, {NULL, NULL}};
        struct sample_params params = {.config = NULL};
        cleanup_free char *problems = NULL;

        assert_int_equal(params_parse(sample_params, &params, given_source, given, &problems),
                         -EINVAL);
        assert_string_equal(problems, cases[i].problem);
        assert_defaults(&params);
    }
}

static void every_problem_has_its_line(void **state)
{
    struct given given[] = {{"tls", "perhaps"}, {"port", "x"}, {"drain", "5"}, {NULL, NULL}};
    struct sample_params params = {.config = NULL};
    cleanup_free char *problems = NULL;

    (void)state;
    assert_int_equal(params_parse(sample_params, &params, given_source, given, &problems), -EINVAL);
    assert_string_equal(problems, "port: \"x\" is not an integer; expected 1 to 65535\n"
                                  "tls: \"perhaps\" is not a boolean; expected true or false");
    assert_int_equal(params.drain, 5); /* the good one is taken */
}

static void long_value_is_cut_between_characters(void **state)
{
    /* 47 bytes, then one character of two. */
    struct given given[] = {{"port", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxüyyy"},
                            {NULL, NULL}};
    struct sample_params params = {.config = NULL};
    cleanup_free char *problems = NULL;

    (void)state;
    assert_int_equal(params_parse(sample_params, &params, given_source, given, &problems), -EINVAL);
    assert_string_equal(problems, "port: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is "
                                  "not an integer; expected 1 to 65535");
}

static void texts_of_defaults(void **state)
{
    struct given given[] = {{NULL, NULL}};
    struct sample_params params = {.config = NULL};
    cleanup_free char *problems = NULL, *none = NULL, *off = NULL;

    (void)state;
    params_parse(sample_params, &params, given_source, given, &problems);
    none = param_text(sample_param("config"), &params);
    off = param_text(sample_param("tls"), &params);
    assert_string_equal(none, "");
    assert_string_equal(off, "false");
    assert_string_equal(param_default_shown(sample_param("config")),
                        "the distribution's sample.conf");
    assert_string_equal(param_default_shown(sample_param("down_after")), "2s");
    assert_null(param_default_shown(sample_param("token")));
    assert_string_equal(param_ocf_type(sample_param("port")), "integer");
    assert_string_equal(param_ocf_type(sample_param("tls")), "boolean");
    assert_string_equal(param_ocf_type(sample_param("drain")), "string"); /* "10s" is no integer */
}

static void good_table_is_accepted(void **state)
{
    char *problems = NULL;

    (void)state;
    assert_int_equal(params_check(sample_params, &problems), 0);
    assert_null(problems);
}

static void flaws_of_a_table_are_found(void **state)
{
    static const char *const none[] = {NULL};
    const struct param table[] = {
        {.name = "Upper", .type = PARAM_STRING, .shortdesc = "s", .longdesc = "l"},
        {.name = "a", .type = PARAM_STRING, .shortdesc = "s", .longdesc = "l"},
        {.name = "a", .type = PARAM_STRING, .shortdesc = "s", .longdesc = "l"},
        {.name = "b", .type = PARAM_STRING, .shortdesc = "s"},
        {.name = "c", .type = PARAM_CHOICE, .choices = none, .shortdesc = "s", .longdesc = "l"},
        {.name = "d", .type = PARAM_MS, .shortdesc = "s", .longdesc = "l"},
        {.name = "e",
         .type = PARAM_INTEGER,
         .min = 1,
         .max = 2,
         .default_text = "3",
         .shortdesc = "s",
         .longdesc = "l"},
        {.name = "f", .type = PARAM_PATH, .default_text = "/ok", .shortdesc = "s", .longdesc = "l"},
        {.name = NULL},
    };
    cleanup_free char *problems = NULL;

    (void)state;
    assert_int_equal(params_check(table, &problems), -EINVAL);
    assert_string_equal(problems,
                        "Upper: its name has more than lower-case letters, digits and underscores\n"
                        "a: its name is there twice\n"
                        "b: it has no shortdesc or no longdesc\n"
                        "c: it has no choices\n"
                        "d: its range is empty\n"
                        "e: its default is not a value that it takes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand_where_nothing_is_given),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_values_are_named_and_leave_the_default),
        cmocka_unit_test(every_problem_has_its_line),
        cmocka_unit_test(long_value_is_cut_between_characters),
        cmocka_unit_test(texts_of_defaults),
        cmocka_unit_test(good_table_is_accepted),
        cmocka_unit_test(flaws_of_a_table_are_found),
    };

    return cmocka_run_group_tests_name("param", tests, NULL, NULL);
}
