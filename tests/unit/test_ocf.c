// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ocf_main as Pacemaker and ocf-tester call it: each test runs the sample agent in a child of its
 * own, with the environment it names, and looks at exit code, output and folders.
 */
#include "agent_call.h"

#define NOBODY 65534

static bool dir_is_there(const char *name)
{
    cleanup_free char *path = scratch_path(name);

    return access(path, F_OK) == 0;
}

static void no_action_is_usage_and_2(void **state)
{
    char *name_only[] = {"sample", NULL};
    char *nothing[] = {NULL};

    (void)state;
    assert_int_equal(agent_call(&sample_agent, NULL, 1, name_only), OCF_ERR_ARGS);
    assert_says(err, "usage: sample {start|stop|monitor|promote|reload-agent|validate-all|"
                     "meta-data|usage}\n");
    assert_string_equal(out, "");
    assert_int_equal(agent_call(&sample_agent, NULL, 0, nothing), OCF_ERR_ARGS);
    assert_int_equal(agent_call(&sample_agent, NULL, 0, NULL), OCF_ERR_ARGS);
    assert_int_equal(agent_call(&sample_agent, NULL, 2, name_only), OCF_ERR_ARGS);
}

static void unknown_action_is_usage_and_3(void **state)
{
    static const char *const names[] = {"star", "starts", "START", " start", "", "notify", NULL};

    (void)state;
    for (size_t i = 0; names[i]; i++) {
        assert_int_equal(agent_run(NULL, names[i]), OCF_ERR_UNIMPLEMENTED);
        assert_says(err, "usage: sample {");
        assert_string_equal(out, "");
    }
}

static void more_arguments_are_ignored(void **state)
{
    char *argv[] = {"sample", "stop", "stop", "please", NULL};

    (void)state; /* OCF 1.1: "the RA shall ignore all other arguments" */
    assert_int_equal(agent_call(&sample_agent, NULL, 4, argv), OCF_SUCCESS);
}

static int run_as_nobody(const char *const *env_list, const char *action)
{
    char *argv[] = {"sample", (char *)action, NULL};
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        child_prepare(env_list);
        if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)))
            _exit(98);
        run_root = state_root = "/proc/no-folder-can-be-made-here";
        exit(ocf_main(&sample_agent, 2, argv));
    }
    return child_wait(pid);
}

static void printing_needs_nothing(void **state)
{
    const char *const *bad =
        ENV("OCF_RESOURCE_INSTANCE=a/b", "OCF_RESKEY_port=x", "OCF_RESKEY_CRM_meta_timeout=soon");

    (void)state;
    assert_int_equal(run_as_nobody(bad, "meta-data"), OCF_SUCCESS);
    assert_says(out, "<resource-agent name=\"sample\"");
    assert_string_equal(err, "");
    assert_int_equal(run_as_nobody(bad, "usage"), OCF_SUCCESS);
    assert_says(out, "usage: sample {");
    assert_string_equal(err, "");
    assert_int_equal(run_as_nobody(bad, "man"), OCF_SUCCESS);
    assert_says(out, ".TH OCF_REDIS\\-HA_SAMPLE 7");
    assert_string_equal(err, "");
}

static void printing_to_a_full_disk_fails(void **state)
{
    char *argv[] = {"sample", "meta-data", NULL};
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        redirect(STDERR_FILENO, "err");
        if (!freopen("/dev/full", "w", stdout))
            _exit(97);
        _exit(ocf_main(&sample_agent, 2, argv)); /* exit() would write to it again */
    }
    assert_int_equal(child_wait(pid), OCF_ERR_GENERIC);
    assert_says(err,
                "ocf-exit-reason:standard output cannot be written: No space left on device\n");
}

static void nobody_may_validate_but_not_start(void **state)
{
    (void)state;
    assert_int_equal(run_as_nobody(ENV("OCF_RESKEY_port=7"), "validate-all"), OCF_SUCCESS);
    assert_int_equal(run_as_nobody(ENV("OCF_RESKEY_port=x"), "validate-all"), OCF_ERR_CONFIGURED);
    assert_int_not_equal(run_as_nobody(NULL, "start"), OCF_SUCCESS);
    assert_says(err,
                "ocf-exit-reason:/proc/no-folder-can-be-made-here/sample/sample cannot be made: ");
    /* A stop or a probe does what it can. */
    assert_int_equal(run_as_nobody(NULL, "stop"), OCF_SUCCESS);
    assert_int_equal(run_as_nobody(ENV("OCF_RESKEY_CRM_meta_interval=0"), "monitor"), OCF_SUCCESS);
}

static void validation_makes_no_folder(void **state)
{
    (void)state;
    assert_int_equal(agent_run(ENV("OCF_RESKEY_port=7"), "validate-all"), OCF_SUCCESS);
    assert_false(dir_is_there("run"));
    assert_false(dir_is_there("state"));
}

static void instance_has_no_clone_number(void **state)
{
    (void)state;
    assert_int_equal(agent_run(ENV("OCF_RESOURCE_INSTANCE=redis:12"), "start"), OCF_SUCCESS);
    assert_says(out, " instance=redis node=");
    assert_int_equal(agent_run(ENV("OCF_RESOURCE_INSTANCE=my-redis"), "start"), OCF_SUCCESS);
    assert_says(out, " instance=my-redis node=");
    assert_int_equal(agent_run(NULL, "start"), OCF_SUCCESS);
    assert_says(out, " instance=sample node=");
}

static void instance_that_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {"a/b", "/a", "..", ".", "", ":0", "..:0", NULL};

    (void)state;
    for (size_t i = 0; bad[i]; i++) {
        cleanup_free char *variable = xasprintf("OCF_RESOURCE_INSTANCE=%s", bad[i]);

        assert_int_equal(agent_run(ENV(variable), "stop"), OCF_ERR_ARGS);
        assert_says(err, "ocf-exit-reason:OCF_RESOURCE_INSTANCE: \"");
        assert_string_equal(out, "");
    }
    assert_false(dir_is_there("run"));
}

static void folders_are_made_for_root_only(void **state)
{
    cleanup_free char *run = scratch_path("run/sample/redis");
    cleanup_free char *lasting = scratch_path("state/sample/redis");
    cleanup_free char *parent = scratch_path("run/sample");
    cleanup_free char *told = xasprintf("run_dir=%s state_dir=%s\n", run, lasting);
    struct stat st;

    (void)state;
    assert_int_equal(agent_run(ENV("OCF_RESOURCE_INSTANCE=redis:0"), "start"), OCF_SUCCESS);
    assert_says(out, told);
    assert_int_equal(stat(run, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(parent, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(lasting, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void folder_that_cannot_be_made_fails_a_start(void **state)
{
    cleanup_free char *in_the_way = scratch_path("state");

    (void)state;
    assert_int_equal(file_write_atomic(in_the_way, "", 0600), 0);
    assert_int_equal(agent_run(NULL, "start"), OCF_ERR_GENERIC);
    assert_says(err, "/state/sample/sample cannot be made: Not a directory");
    assert_string_equal(out, "");
    assert_int_equal(agent_run(NULL, "stop"), OCF_SUCCESS);
    assert_says(out, "action=stop");
}

static void bad_parameter_refuses_what_begins_something(void **state)
{
    const char *const *bad = ENV("OCF_RESKEY_port=abc", "OCF_RESKEY_tls=perhaps");
    const char *const *probe = ENV("OCF_RESKEY_port=abc", "OCF_RESKEY_drain=5");
    static const char *const refused[] = {"start", "promote", "validate-all", NULL};

    (void)state;
    for (size_t i = 0; refused[i]; i++) {
        assert_int_equal(agent_run(bad, refused[i]), OCF_ERR_CONFIGURED);
        assert_says(err,
                    "\nocf-exit-reason:port: \"abc\" is not an integer; expected 1 to 65535\n");
        assert_string_equal(out, "");
    }
    assert_false(dir_is_there("run")); /* nothing was changed */
    assert_int_equal(agent_run(bad, "stop"), OCF_SUCCESS);
    assert_says(out, "\nport=6379\n");
    assert_says(err, "warning: stop goes on although port: \"abc\"");
    assert_null(strstr(err, "ocf-exit-reason"));
    assert_int_equal(agent_run(probe, "monitor"), OCF_SUCCESS);
    assert_says(out, "\nport=6379\n");
    assert_says(out, "\ndrain=5\n");
}

static void bad_reloadable_parameter_is_this_nodes_trouble_alone(void **state)
{
    const char *const *bad = ENV("OCF_RESKEY_down_after=soon", "OCF_RESKEY_tls=");
    const char *const *worse = ENV("OCF_RESKEY_down_after=soon", "OCF_RESKEY_tls=perhaps");

    (void)state;
    assert_int_equal(agent_run(bad, "start"), OCF_ERR_ARGS);
    assert_says(err, "\nocf-exit-reason:down_after: \"soon\" is not a time; expected ");
    assert_string_equal(out, "");
    assert_int_equal(agent_run(worse, "start"), OCF_ERR_CONFIGURED);
    assert_int_equal(agent_run(bad, "stop"), OCF_SUCCESS);
    assert_says(out, " valid=0 reloadable=1\n");
    assert_int_equal(agent_run(worse, "stop"), OCF_SUCCESS);
    assert_says(out, " valid=0 reloadable=0\n");
    assert_int_equal(agent_run(NULL, "stop"), OCF_SUCCESS);
    assert_says(out, " valid=1 reloadable=1\n");
}

static void bad_parameter_ends_nothing_that_runs(void **state)
{
    static const char reload[] = "\nocf-exit-reason:not reloaded, what runs goes on as before: "
                                 "port: \"abc\" is not an integer; expected 1 to 65535\n";
    static const char monitor[] =
        "\nocf-exit-reason:port: \"abc\" is not an integer; expected 1 to 65535\n";
    const char *const *bad = ENV("OCF_RESKEY_port=abc", "OCF_RESKEY_CRM_meta_interval=3000");
    const char *const *promoted = ENV("OCF_RESKEY_port=abc", "OCF_RESKEY_CRM_meta_interval=3000",
                                      "OCF_RESKEY_token=promoted");
    const char *const *failed =
        ENV("OCF_RESKEY_port=abc", "OCF_RESKEY_CRM_meta_interval=3000", "OCF_RESKEY_token=failed");

    (void)state;
    assert_int_equal(agent_run(bad, "reload-agent"), OCF_SUCCESS);
    assert_says(err, reload);
    assert_string_equal(out, ""); /* the agent was not asked */
    assert_int_equal(agent_run(bad, "monitor"), OCF_DEGRADED);
    assert_says(out, "\nport=6379\n");
    assert_says(err, monitor);
    assert_int_equal(agent_run(promoted, "monitor"), OCF_DEGRADED_PROMOTED);
    assert_says(err, monitor);
    assert_int_equal(agent_run(failed, "monitor"), OCF_ERR_GENERIC);
    assert_null(strstr(err, monitor)); /* the failure is what counts */
}

static void good_parameters_reach_the_action(void **state)
{
    (void)state;
    assert_int_equal(agent_run(ENV("OCF_RESKEY_port=7000", "OCF_RESKEY_config=/etc/sample.conf",
                                   "OCF_RESKEY_authority=sentinel", "OCF_RESKEY_down_after=3s",
                                   "OCF_RESKEY_tls=yes", "OCF_RESKEY_token="),
                               "start"),
                     OCF_SUCCESS);
    assert_says(out, "\nconfig=/etc/sample.conf\ntoken=\nport=7000\ndown_after=3000\n");
    assert_says(out, "\ntls=true\nauthority=sentinel\n");
    assert_string_equal(err, "");
}

static void environment_is_told(void **state)
{
    (void)state;
    assert_int_equal(agent_run(ENV("OCF_RESKEY_CRM_meta_on_node=n1", "OCF_RESKEY_CRM_meta_clone=2",
                                   "OCF_RESKEY_CRM_meta_promotable=True",
                                   "OCF_RESKEY_CRM_meta_interval=3000", "OCF_CHECK_LEVEL=10"),
                               "monitor"),
                     OCF_SUCCESS);
    assert_says(out,
                "action=monitor instance=sample node=n1 cluster=1 clone=1 promotable=1 probe=0 "
                "interval=3000 level=10\n");
    assert_int_equal(agent_run(NULL, "monitor"), OCF_SUCCESS); /* no interval: a probe */
    assert_says(out, "action=monitor instance=sample node=none cluster=0 clone=0 promotable=0 "
                     "probe=1 interval=0 level=0\n");
    assert_int_equal(agent_run(ENV("OCF_RESKEY_CRM_meta_interval=0"), "monitor"), OCF_SUCCESS);
    assert_says(out, " probe=1 interval=0 ");
    assert_int_equal(agent_run(ENV("OCF_RESKEY_CRM_meta_interval=0"), "start"), OCF_SUCCESS);
    assert_says(out, " probe=0 interval=0 ");
}

static void environment_that_is_no_number_is_told_of(void **state)
{
    (void)state;
    assert_int_equal(agent_run(ENV("OCF_CHECK_LEVEL=deep", "OCF_RESKEY_CRM_meta_interval=-1",
                                   "OCF_RESKEY_CRM_meta_timeout=0"),
                               "monitor"),
                     OCF_SUCCESS);
    assert_says(out, " interval=0 level=0\n");
    assert_says(err, "OCF_CHECK_LEVEL: \"deep\" is not a number in range");
    assert_says(err, "OCF_RESKEY_CRM_meta_interval: \"-1\" is not a number in range");
    assert_says(err, "OCF_RESKEY_CRM_meta_timeout: \"0\" is not a number in range");
}

static void promotable_is_read_as_pacemaker_does(void **state)
{
    static const struct {
        const char *variable, *told;
    } cases[] = {
        {"OCF_RESKEY_CRM_meta_promotable=true", " promotable=1 "},
        {"OCF_RESKEY_CRM_meta_promotable=YES", " promotable=1 "},
        {"OCF_RESKEY_CRM_meta_promotable=y", " promotable=1 "},
        {"OCF_RESKEY_CRM_meta_promotable=on", " promotable=1 "},
        {"OCF_RESKEY_CRM_meta_promotable=1", " promotable=1 "},
        {"OCF_RESKEY_CRM_meta_promotable=false", " promotable=0 "},
        {"OCF_RESKEY_CRM_meta_promotable=0", " promotable=0 "},
        {"OCF_RESKEY_CRM_meta_promotable=2", " promotable=0 "},
        {"OCF_RESKEY_CRM_meta_promotable=", " promotable=0 "},
        {"OCF_RESKEY_CRM_meta_promoted_max=1", " promotable=1 "},
        {"OCF_RESKEY_CRM_meta_master_max=1", " promotable=1 "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(agent_run(ENV(cases[i].variable), "start"), OCF_SUCCESS);
        assert_says(out, cases[i].told);
    }
}

static void margin_is_a_tenth_within_bounds(void **state)
{
    static const int64_t cases[][2] = {
        {20000, 2000}, {10000, 1000}, {120000, 2000}, {1500, 200}, {300, 150}, {1, 0},
    };
    struct ocf_context context = {.agent = NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(margin_ms(cases[i][0]), cases[i][1]);
    assert_int_equal(setenv("OCF_RESKEY_CRM_meta_timeout", "3600000", 1), 0);
    context_read(&context, &sample_agent, "start");
    assert_int_equal(unsetenv("OCF_RESKEY_CRM_meta_timeout"), 0);
    assert_true(deadline_left_ms(context.deadline) <= 3598000);
    assert_true(deadline_left_ms(context.deadline) > 20000); /* the default was not taken */
    context_read(&context, &sample_agent, "start");
    assert_true(deadline_left_ms(context.deadline) <= 18000);
    assert_false(deadline_passed(context.deadline));
}

static void notify_is_read(void **state)
{
    struct ocf_notify notify = ocf_notify_read();

    (void)state;
    assert_string_equal(notify.type, "");
    assert_string_equal(notify.promoted_uname, "");
    setenv("OCF_RESKEY_CRM_meta_notify_type", "post", 1);
    setenv("OCF_RESKEY_CRM_meta_notify_operation", "promote", 1);
    setenv("OCF_RESKEY_CRM_meta_notify_promote_uname", "n2", 1);
    setenv("OCF_RESKEY_CRM_meta_notify_demote_uname", "n1 n3", 1);
    setenv("OCF_RESKEY_CRM_meta_notify_master_uname", "n1", 1);
    notify = ocf_notify_read();
    assert_string_equal(notify.type, "post");
    assert_string_equal(notify.operation, "promote");
    assert_string_equal(notify.promote_uname, "n2");
    assert_string_equal(notify.demote_uname, "n1 n3");
    assert_string_equal(notify.promoted_uname, "n1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_action_is_usage_and_2, scratch_empty),
        cmocka_unit_test_setup(unknown_action_is_usage_and_3, scratch_empty),
        cmocka_unit_test_setup(more_arguments_are_ignored, scratch_empty),
        cmocka_unit_test_setup(printing_needs_nothing, scratch_empty),
        cmocka_unit_test_setup(printing_to_a_full_disk_fails, scratch_empty),
        cmocka_unit_test_setup(nobody_may_validate_but_not_start, scratch_empty),
        cmocka_unit_test_setup(validation_makes_no_folder, scratch_empty),
        cmocka_unit_test_setup(instance_has_no_clone_number, scratch_empty),
        cmocka_unit_test_setup(instance_that_is_no_name_is_refused, scratch_empty),
        cmocka_unit_test_setup(folders_are_made_for_root_only, scratch_empty),
        cmocka_unit_test_setup(folder_that_cannot_be_made_fails_a_start, scratch_empty),
        cmocka_unit_test_setup(bad_parameter_refuses_what_begins_something, scratch_empty),
        cmocka_unit_test_setup(bad_reloadable_parameter_is_this_nodes_trouble_alone, scratch_empty),
        cmocka_unit_test_setup(bad_parameter_ends_nothing_that_runs, scratch_empty),
        cmocka_unit_test_setup(good_parameters_reach_the_action, scratch_empty),
        cmocka_unit_test_setup(environment_is_told, scratch_empty),
        cmocka_unit_test_setup(environment_that_is_no_number_is_told_of, scratch_empty),
        cmocka_unit_test_setup(promotable_is_read_as_pacemaker_does, scratch_empty),
        cmocka_unit_test(margin_is_a_tenth_within_bounds),
        cmocka_unit_test(notify_is_read),
    };

    return cmocka_run_group_tests_name("ocf", tests, agent_call_set_up, agent_call_tear_down);
}
