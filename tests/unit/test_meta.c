// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Meta-data and man page of the sample agent, judged by the tools that read them: xmllint with
 * ocf-tester's DTD and pcs's schema, and man.
 */
#include "sample_agent.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants setjmp, stdarg and stddef before it
#include <cmocka.h>

#define DTD_DIR "/usr/share/resource-agents"
#define RNG     "/usr/share/pcs/data/ocf-1.1.rng"

enum {
    NO_SUCH_TOOL = 127
};

static char *xml, *page;

static char *printed(void (*print)(const struct ocf_agent *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    print(&sample_agent, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void fd_open(int fd, const char *path, int flags)
{
    cleanup_close int file = open(path, flags, 0600);

    if (file < 0 || dup2(file, fd) < 0)
        _exit(NO_SUCH_TOOL);
}

static void tool_exec(const char *dir, const char *input, const char *output,
                      const char *const *argv)
{
    scratch_forget();
    fd_open(STDIN_FILENO, input, O_RDONLY);
    fd_open(STDOUT_FILENO, output, O_CREAT | O_TRUNC | O_WRONLY);
    dup2(STDOUT_FILENO, STDERR_FILENO);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("MANWIDTH", "200", 1);
    if (chdir(dir) == 0)
        execvp(argv[0], (char *const *)argv);
    _exit(NO_SUCH_TOOL);
}

/* Gives `text` to the tool's standard input; its exit code, and all it said in *said. */
static int tool_run(const char *dir, const char *text, const char *const *argv, char **said)
{
    cleanup_free char *input = scratch_path("input");
    cleanup_free char *output = scratch_path("output");
    pid_t pid;
    int status;

    assert_int_equal(file_write_atomic(input, text, 0600), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        tool_exec(dir, input, output, argv);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    *said = scratch_text("output");
    return WEXITSTATUS(status);
}

static void assert_tool_is_content(const char *dir, const char *text, const char *const *argv)
{
    cleanup_free char *said = NULL;
    int code = tool_run(dir, text, argv, &said);

    if (code == NO_SUCH_TOOL) {
        print_message("%s is not installed\n", argv[0]);
        skip();
    }
    if (code)
        fail_msg("%s: %d: %s", argv[0], code, said);
}

static void assert_in(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void xml_is_valid_by_the_dtd(void **state)
{
    const char *const argv[] = {"xmllint", "--noout", "--valid", "-", NULL};

    (void)state;
    if (access(DTD_DIR "/ra-api-1.dtd", R_OK))
        skip();
    assert_tool_is_content(DTD_DIR, xml, argv);
}

static void xml_is_valid_by_pcs_schema(void **state)
{
    const char *const argv[] = {"xmllint", "--noout", "--relaxng", RNG, "-", NULL};

    (void)state;
    if (access(RNG, R_OK))
        skip();
    assert_tool_is_content("/", xml, argv);
}

static void xml_names_agent_and_api(void **state)
{
    (void)state;
    assert_in(xml, "<resource-agent name=\"sample\" version=\"");
    assert_in(xml, "\n  <version>1.1</version>\n");
    assert_in(xml, "<shortdesc lang=\"en\">A sample of &lt;everything&gt; - no more</shortdesc>");
    /* crmsh gives its parser decoded text, which may not name an encoding. */
    assert_null(strstr(xml, "encoding"));
}

static void xml_escapes_text(void **state)
{
    (void)state;
    assert_in(xml, "A file with &quot;&lt;quotes&gt;&quot; &amp; C:\\backslashes.");
    assert_null(strstr(xml, "<quotes"));
}

static void xml_has_each_parameter(void **state)
{
    (void)state;
    for (const struct param *param = sample_params; param->name; param++) {
        cleanup_free char *opening = xasprintf("<parameter name=\"%s\"", param->name);

        assert_in(xml, opening);
    }
    assert_in(xml, "<content type=\"integer\" default=\"6379\"/>");
    assert_in(xml, "<content type=\"string\" default=\"2s\"/>");
    assert_in(xml, "<content type=\"boolean\" default=\"false\"/>");
    assert_in(xml, "Expected: 1 to 65535.</longdesc>");
    assert_in(xml, "Expected: pacemaker, sentinel or nobody.</longdesc>");
    /* Words are no value that a tool could set. */
    assert_in(xml, "\nDefault: the distribution's sample.conf.</longdesc>");
    assert_null(strstr(xml, "default=\"the"));
}

static void xml_tells_unique_groups_and_reloadable(void **state)
{
    (void)state;
    assert_in(xml, "name=\"config\" unique-group=\"instance\" unique=\"0\" required=\"0\" "
                   "reloadable=\"0\"");
    assert_in(xml, "name=\"port\" unique-group=\"instance\" unique=\"0\" required=\"0\" "
                   "reloadable=\"0\"");
    assert_in(xml, "name=\"token\" unique-group=\"token\" unique=\"1\" required=\"0\" "
                   "reloadable=\"1\"");
    assert_in(xml, "name=\"down_after\" unique=\"0\" required=\"0\" reloadable=\"1\"");
}

static void xml_has_every_row_of_the_actions(void **state)
{
    (void)state;
    assert_in(xml, "  <actions>\n"
                   "    <action name=\"start\" timeout=\"60s\"/>\n"
                   "    <action name=\"stop\" timeout=\"90s\"/>\n"
                   "    <action name=\"monitor\" timeout=\"20s\" interval=\"3s\" "
                   "role=\"Promoted\"/>\n"
                   "    <action name=\"monitor\" timeout=\"20s\" interval=\"4s\" "
                   "role=\"Unpromoted\"/>\n"
                   "    <action name=\"monitor\" timeout=\"30s\" interval=\"31s\" depth=\"10\" "
                   "role=\"Promoted\"/>\n"
                   "    <action name=\"promote\" timeout=\"20s\"/>\n"
                   "    <action name=\"reload-agent\" timeout=\"5s\"/>\n"
                   "    <action name=\"validate-all\" timeout=\"5s\"/>\n"
                   "    <action name=\"meta-data\" timeout=\"5s\"/>\n"
                   "  </actions>\n");
}

/* The page as man shows it. Skips the test where there is no man. */
static char *page_shown(void)
{
    const char *const argv[] = {"man", "-l", "--warnings", "-E", "UTF-8", "-", NULL};
    char *shown = NULL;
    int code = tool_run("/", page, argv, &shown);

    if (code == NO_SUCH_TOOL) {
        free(shown);
        print_message("man is not installed\n");
        skip();
    }
    assert_int_equal(code, 0);
    return shown;
}

static void page_is_shown_without_a_warning(void **state)
{
    cleanup_free char *shown = page_shown();

    (void)state;
    assert_null(strstr(shown, "warning"));
    assert_in(shown, "OCF_REDIS-HA_SAMPLE(7)");
    assert_in(shown, "ocf_redis-ha_sample - A sample of <everything> - no more\n");
}

static void page_shows_text_as_it_was_written(void **state)
{
    cleanup_free char *shown = page_shown();

    (void)state;
    assert_in(shown, "A file with \"<quotes>\" & C:\\backslashes.\n");
    assert_in(shown,
              " .a line that begins with a dot 'and one with an apostrophe, ~ ^ ` -- and all.\n");
    assert_in(shown, "An agent for tests.\n\n");
    assert_in(page,
              "\\-\\- and all."); /* elsewhere than on Debian a bare one is shown as a hyphen */
    assert_in(shown, "  Its second paragraph has an & in it.\n");
}

static void page_tells_parameters_actions_and_codes(void **state)
{
    cleanup_free char *shown = page_shown();

    (void)state;
    assert_in(shown, "(integer: 1 to 65535; default: 6379; unique in group instance)\n");
    assert_in(shown, "default: 2s; reloadable)\n");
    assert_in(shown, "default: the distribution's sample.conf; unique in group instance)\n");
    assert_in(shown,
              "Timeout: at least 30 s; interval: 31 s; role: Promoted; OCF_CHECK_LEVEL: 10.\n");
    assert_in(shown,
              "{ start | stop | monitor | promote | reload-agent | validate-all | meta-data | "
              "usage }\n");
    assert_in(shown, "\n       190    Running, but not as it should");
}

static int group_set_up(void **state)
{
    if (scratch_make(state))
        return -1;
    xml = printed(ocf_print_metadata);
    page = printed(ocf_print_man);
    return 0;
}

static int group_tear_down(void **state)
{
    free(xml);
    free(page);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml_is_valid_by_the_dtd),
        cmocka_unit_test(xml_is_valid_by_pcs_schema),
        cmocka_unit_test(xml_names_agent_and_api),
        cmocka_unit_test(xml_escapes_text),
        cmocka_unit_test(xml_has_each_parameter),
        cmocka_unit_test(xml_tells_unique_groups_and_reloadable),
        cmocka_unit_test(xml_has_every_row_of_the_actions),
        cmocka_unit_test(page_is_shown_without_a_warning),
        cmocka_unit_test(page_shows_text_as_it_was_written),
        cmocka_unit_test(page_tells_parameters_actions_and_codes),
    };

    return cmocka_run_group_tests_name("meta", tests, group_set_up, group_tear_down);
}
