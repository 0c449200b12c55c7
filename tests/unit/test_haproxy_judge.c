// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What HAProxy's numbers mean, and which word the node attribute takes for it.
 */
#include "haproxy_judge.h"

#include "util.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

struct sample {
    struct haproxy_health health;
    bool stopping;
    const char *backend;
    enum haproxy_verdict verdict;
};

static const struct sample samples[] = {
    {{.frontends = 2, .frontends_open = 2, .servers = 2, .servers_usable = 1},
     .verdict = HAPROXY_SERVES},
    {{.frontends = 1, .frontends_open = 1, .servers = 2, .servers_usable = 1, .servers_unsure = 1},
     .verdict = HAPROXY_SERVES},
    {{.frontends = 1, .frontends_open = 1, .servers = 2, .servers_unsure = 1},
     .verdict = HAPROXY_UNSURE},
    {{.frontends = 1, .frontends_open = 1, .servers = 2}, .verdict = HAPROXY_NO_SERVER},
    {{.frontends = 1, .frontends_open = 1}, .verdict = HAPROXY_SERVES},
    {{.frontends = 1, .frontends_open = 1}, .backend = "b", .verdict = HAPROXY_NO_BACKEND},
    {{.frontends = 1, .frontends_open = 1, .backend_found = true},
     .backend = "b",
     .verdict = HAPROXY_NO_SERVER},
    {{.frontends = 1,
      .frontends_open = 1,
      .backend_found = true,
      .servers = 1,
      .servers_unsure = 1},
     .backend = "b",
     .verdict = HAPROXY_UNSURE},
    {{.frontends = 2, .frontends_open = 1, .servers = 1, .servers_unsure = 1},
     .verdict = HAPROXY_PART_CLOSED},
    {{.frontends = 2, .servers = 1, .servers_usable = 1}, .verdict = HAPROXY_CLOSED},
    {{.frontends = 2, .frontends_open = 2, .servers = 1, .servers_usable = 1},
     .stopping = true,
     .verdict = HAPROXY_STOPPING},
};

static void the_worst_that_applies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct haproxy_info info = {.stopping = samples[i].stopping};

        if (haproxy_judge(&info, &samples[i].health, samples[i].backend) != samples[i].verdict)
            fail_msg("sample %zu is judged otherwise", i);
    }
}

static void each_verdict_has_its_word(void **state)
{
    static const struct {
        enum haproxy_verdict verdict;
        const char *word;
    } words[] = {
        {HAPROXY_SERVES, "up"},           {HAPROXY_NO_SERVER, "degraded"},
        {HAPROXY_NO_BACKEND, "degraded"}, {HAPROXY_PART_CLOSED, "degraded"},
        {HAPROXY_STOPPING, "draining"},   {HAPROXY_CLOSED, "down"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        assert_string_equal(haproxy_verdict_status(words[i].verdict, "degraded"), words[i].word);
}

static void checks_that_have_not_told_change_nothing(void **state)
{
    (void)state;
    assert_string_equal(haproxy_verdict_status(HAPROXY_UNSURE, "up"), "up");
    assert_string_equal(haproxy_verdict_status(HAPROXY_UNSURE, "degraded"), "degraded");
    assert_string_equal(haproxy_verdict_status(HAPROXY_UNSURE, "down"), "up");
    assert_string_equal(haproxy_verdict_status(HAPROXY_UNSURE, "draining"), "up");
    assert_string_equal(haproxy_verdict_status(HAPROXY_UNSURE, NULL), "up");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_that_applies),
        cmocka_unit_test(each_verdict_has_its_word),
        cmocka_unit_test(checks_that_have_not_told_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
