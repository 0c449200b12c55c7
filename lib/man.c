// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The manual page of an agent in roff (man(7) macros), from its tables.
 */
#include "ocf.h"

#include "config.h"

#include <ctype.h>
#include <string.h>

static const struct {
    enum ocf_exit code;
    const char *meaning;
} exit_codes[] = {
    {OCF_SUCCESS, "The action succeeded; of monitor: running, and in good order."},
    {OCF_ERR_GENERIC, "The action failed, or the state could not be found out."},
    {OCF_ERR_ARGS,
     "Something is wrong on this node, such as a file that is not there; another node "
     "may do."},
    {OCF_ERR_UNIMPLEMENTED, "There is no such action."},
    {OCF_ERR_PERM, "Permission was denied."},
    {OCF_ERR_INSTALLED, "A program is not installed on this node."},
    {OCF_ERR_CONFIGURED, "A parameter is wrong, on whatever node."},
    {OCF_NOT_RUNNING, "Cleanly stopped."},
    {OCF_RUNNING_PROMOTED, "Running in the promoted role."},
    {OCF_FAILED_PROMOTED, "In the promoted role, and failed."},
    {OCF_DEGRADED, "Running, but not as it should; no recovery is wanted."},
    {OCF_DEGRADED_PROMOTED, "The same in the promoted role."},
};

static const struct {
    const char *name, *meaning;
} action_meanings[] = {
    {"start", "Starts the resource, and returns once it answers."},
    {"stop", "Stops the resource, by force if need be."},
    {"monitor", "Tells the resource's state."},
    {"promote", "Gives the running resource the promoted role."},
    {"demote", "Takes the promoted role from the resource, which runs on."},
    {"notify", "Hears of actions on the clone's other instances."},
    {"reload-agent", "Puts changed reloadable parameters in force, without a restart."},
    {"reload", "Makes the service read its own configuration again."},
    {"validate-all", "Checks the parameters, and changes nothing."},
    {"meta-data", "Prints what the agent is and takes, as XML."},
    {"usage", "Prints the actions in one line."},
};

/* Hyphens become minus signs, which can be searched for and copied; what roff would take for a
 * request or an escape is kept from it. `line_start`: the next character begins a line. */
static void char_print(FILE *out, char c, bool line_start)
{
    if (line_start && (c == '.' || c == '\''))
        fputs("\\&", out);
    switch (c) {
    case '\\':
        fputs("\\e", out);
        break;
    case '-':
        fputs("\\-", out);
        break;
    case '\'':
        fputs("\\(aq", out);
        break;
    case '`':
        fputs("\\(ga", out);
        break;
    case '^':
        fputs("\\(ha", out);
        break;
    case '~':
        fputs("\\(ti", out);
        break;
    default: /* a character, no state */
        fputc(c, out);
    }
}

/* Text of one paragraph on one line, blanks and line breaks each as one blank. */
static void word_print(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++)
        char_print(out, *c, c == text);
}

/* Text as filled paragraphs; an empty line begins a new one with `macro`. */
static void text_print(FILE *out, const char *text, const char *macro)
{
    bool line_start = true;

    for (const char *c = text; *c; c++) {
        if (*c == '\n') {
            if (!line_start)
                fputc('\n', out);
            else if (c != text && c[1])
                fprintf(out, "%s\n", macro);
            line_start = true;
        } else if (!line_start || !isspace((unsigned char)*c)) {
            char_print(out, *c, line_start);
            line_start = false;
        }
    }
    if (!line_start)
        fputc('\n', out);
}

static void heading_print(FILE *out, const struct ocf_agent *agent)
{
    fputs(".TH OCF_REDIS\\-HA_", out);
    for (const char *c = agent->name; *c; c++)
        char_print(out, (char)toupper((unsigned char)*c), false);
    fprintf(out, " 7 \"\" \"redis\\-ha\\-agents %s\" \"OCF resource agents\"\n", PACKAGE_VERSION);
    fputs(".SH NAME\nocf_redis\\-ha_", out);
    word_print(out, agent->name);
    fputs(" \\- ", out);
    word_print(out, agent->shortdesc);
    fputs("\n", out);
}

static void synopsis_print(FILE *out, const struct ocf_agent *agent)
{
    fputs(".SH SYNOPSIS\n.B ", out);
    word_print(out, agent->name);
    fputs("\n{ ", out);
    for (const struct ocf_action *action = agent->actions; action->name; action++) {
        if (ocf_action_find(agent, action->name) != action)
            continue; /* one more monitor */
        word_print(out, action->name);
        fputs(" | ", out);
    }
    fputs("meta\\-data | usage }\n", out);
}

static void param_facts_print(FILE *out, const struct param *param)
{
    const char *shown = param_default_shown(param);
    cleanup_free char *expected = param_expected(param);
    cleanup_free char *facts = xasprintf(
        "(%s: %s; default: %s%s%s%s)", param_ocf_type(param), expected, shown ? shown : "none",
        param->unique_group ? "; unique in group " : "",
        param->unique_group ? param->unique_group : "", param->reloadable ? "; reloadable" : "");

    text_print(out, facts, ".IP");
}

static void params_print(FILE *out, const struct ocf_agent *agent)
{
    fputs(".SH PARAMETERS\n", out);
    for (const struct param *param = agent->params; param->name; param++) {
        fputs(".TP\n.B ", out);
        word_print(out, param->name);
        fputs("\n", out);
        text_print(out, param->longdesc, ".IP");
        fputs(".IP\n", out);
        param_facts_print(out, param);
    }
}

static void action_meaning_print(FILE *out, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(action_meanings); i++)
        if (str_eq(action_meanings[i].name, name))
            text_print(out, action_meanings[i].meaning, ".IP");
}

static void action_print(FILE *out, const struct ocf_action *action)
{
    fputs(".TP\n.B ", out);
    word_print(out, action->name);
    fputs("\n", out);
    action_meaning_print(out, action->name);
    fprintf(out, "Timeout: at least %d s", ocf_action_timeout_s(action));
    if (action->interval_s)
        fprintf(out, "; interval: %d s", action->interval_s);
    if (action->role) {
        fputs("; role: ", out);
        word_print(out, action->role);
    }
    if (action->depth)
        fprintf(out, "; OCF_CHECK_LEVEL: %d", action->depth);
    fputs(".\n", out);
}

static void actions_print(FILE *out, const struct ocf_agent *agent)
{
    fputs(".SH ACTIONS\n", out);
    for (const struct ocf_action *action = agent->actions; action->name; action++)
        action_print(out, action);
    for (const struct ocf_action *action = ocf_printed_actions; action->name; action++)
        action_print(out, action);
}

static void exit_status_print(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(exit_codes); i++) {
        fprintf(out, ".TP\n.B %d\n", (int)exit_codes[i].code);
        text_print(out, exit_codes[i].meaning, ".IP");
    }
}

void ocf_print_man(const struct ocf_agent *agent, FILE *out)
{
    heading_print(out, agent);
    synopsis_print(out, agent);
    fputs(".SH DESCRIPTION\n", out);
    text_print(out, agent->longdesc, ".PP");
    params_print(out, agent);
    actions_print(out, agent);
    exit_status_print(out);
    fputs(".SH SEE ALSO\n"
          ".BR redis\\-ha (8),\n"
          ".BR pcs (8),\n"
          ".BR crm (8),\n"
          ".BR crm_resource (8)\n",
          out);
}
