// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an action tells beside its exit code: log lines and the exit reason, on standard error; and
 * what becomes of it by signals. Each in an agent's process.
 */
#include "agent_call.h"

static void reason_is_one_line_after_the_log(void **state)
{
    (void)state;
    assert_int_equal(agent_run(ENV("OCF_RESOURCE_INSTANCE=redis:0"), "promote"),
                     OCF_FAILED_PROMOTED);
    assert_string_equal(err, "sample(redis): error: the first reason\n"
                             "ocf-exit-reason:the first reason\n"
                             "sample(redis): error: promote: two lines\n"
                             "ocf-exit-reason:promote: two lines\n");
}

static enum ocf_exit log_all(const struct ocf_context *context, const void *params)
{
    (void)context;
    (void)params;
    log_error("an error of %d %s", 2, "words");
    log_warning("100%% %s", "%s%n");
    log_notice("notice");
    log_info("info");
    log_debug("debug");
    return OCF_SUCCESS;
}

static enum ocf_exit write_to_closed_pipe(const struct ocf_context *context, const void *params)
{
    int ends[2];

    (void)context;
    (void)params;
    if (pipe(ends) || close(ends[0]))
        return OCF_ERR_GENERIC;
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? OCF_SUCCESS : OCF_ERR_GENERIC;
}

static enum ocf_exit be_terminated(const struct ocf_context *context, const void *params)
{
    (void)context;
    (void)params;
    raise(SIGTERM);
    return OCF_SUCCESS;
}

static int one_action_run(const char *const *env_list,
                          enum ocf_exit (*run)(const struct ocf_context *, const void *))
{
    const struct ocf_action actions[] = {{.name = "act", .run = run}, {.name = NULL}};
    struct ocf_agent agent = sample_agent;
    char *argv[] = {"sample", "act", NULL};

    agent.actions = actions;
    return agent_call(&agent, env_list, 2, argv);
}

static void log_lines_have_name_and_level(void **state)
{
    static const char lines[] = "sample(sample): error: an error of 2 words\n"
                                "sample(sample): warning: 100% %s%n\n"
                                "sample(sample): notice: notice\n"
                                "sample(sample): info: info\n";
    cleanup_free char *with_debug = xasprintf("%ssample(sample): debug: debug\n", lines);

    (void)state;
    assert_int_equal(one_action_run(NULL, log_all), OCF_SUCCESS);
    assert_string_equal(err, lines);
    assert_int_equal(one_action_run(ENV("HA_debug=1"), log_all), OCF_SUCCESS);
    assert_string_equal(err, with_debug);
    assert_int_equal(one_action_run(ENV("HA_logfacility=none", "HA_debug=0"), log_all),
                     OCF_SUCCESS);
    assert_string_equal(err, lines);
    assert_int_equal(one_action_run(ENV("HA_LOGFACILITY=no-such"), log_all), OCF_SUCCESS);
    assert_string_equal(err, lines);
}

static void signals_are_as_promised(void **state)
{
    (void)state;
    assert_int_equal(one_action_run(NULL, write_to_closed_pipe), OCF_SUCCESS);
    assert_int_equal(one_action_run(NULL, be_terminated), KILLED + SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reason_is_one_line_after_the_log, scratch_empty),
        cmocka_unit_test_setup(log_lines_have_name_and_level, scratch_empty),
        cmocka_unit_test_setup(signals_are_as_promised, scratch_empty),
    };

    return cmocka_run_group_tests_name("log", tests, agent_call_set_up, agent_call_tear_down);
}
