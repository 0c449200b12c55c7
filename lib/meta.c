// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Meta-data of an agent as XML, from its tables: OCF 1.1 (ra-api.rng of ClusterLabs' OCF-spec),
 * with declarations of its own for what the DTD of 2009 that ocf-tester uses does not know.
 */
#include "ocf.h"

#include "config.h"

#include <string.h>

static void text_print(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default: /* a character, no state */
            fputc(*c, out);
        }
    }
}

static void attribute_print(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    text_print(out, value);
    fputc('"', out);
}

static void element_print(FILE *out, const char *indent, const char *name, const char *text)
{
    fprintf(out, "%s<%s lang=\"en\">", indent, name);
    text_print(out, text);
    fprintf(out, "</%s>\n", name);
}

static void prologue_print(FILE *out)
{
    fputs("<?xml version=\"1.0\"?>\n"
          "<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\" [\n"
          "<!ATTLIST parameter reloadable (1|0) \"0\">\n"
          "<!ATTLIST parameter unique-group CDATA #IMPLIED>\n"
          "<!ATTLIST action name NMTOKEN #REQUIRED>\n"
          "]>\n",
          out);
}

/*
 * OCF 1.0's `unique` speaks of one parameter, and crmsh warns of each by itself: it is true only of
 * the one member of a group.
 */
static bool param_is_unique_alone(const struct param *table, const struct param *param)
{
    if (!param->unique_group)
        return false;
    for (const struct param *other = table; other->name; other++)
        if (other != param && str_eq(other->unique_group, param->unique_group))
            return false;
    return true;
}

/* What `type` cannot say. "" where there is nothing. Caller frees. */
static char *expectation_note(const struct param *param)
{
    cleanup_free char *expected = param_expected(param);

    switch (param->type) {
    case PARAM_STRING:
    case PARAM_PATH:
    case PARAM_BOOLEAN:
        return xstrdup("");
    case PARAM_INTEGER:
    case PARAM_MS:
    case PARAM_SECONDS:
    case PARAM_BYTES:
    case PARAM_CHOICE:
        return xasprintf("\nExpected: %s.", expected);
    }
    return xstrdup("");
}

/* A default in words stands here: tools take `default` for a value that could be set. */
static void param_longdesc_print(FILE *out, const struct param *param)
{
    const char *words = param->default_shown;
    cleanup_free char *note = expectation_note(param);
    cleanup_free char *text =
        xasprintf("%s%s%s%s%s", param->longdesc, note, words ? "\nDefault: " : "",
                  words ? words : "", words ? "." : "");

    element_print(out, "      ", "longdesc", text);
}

static void param_print(FILE *out, const struct param *table, const struct param *param)
{
    fputs("    <parameter", out);
    attribute_print(out, "name", param->name);
    if (param->unique_group)
        attribute_print(out, "unique-group", param->unique_group);
    attribute_print(out, "unique", param_is_unique_alone(table, param) ? "1" : "0");
    attribute_print(out, "required", "0");
    attribute_print(out, "reloadable", param->reloadable ? "1" : "0");
    fputs(">\n", out);
    param_longdesc_print(out, param);
    element_print(out, "      ", "shortdesc", param->shortdesc);
    fputs("      <content", out);
    attribute_print(out, "type", param_ocf_type(param));
    if (param->default_text)
        attribute_print(out, "default", param->default_text);
    fputs("/>\n    </parameter>\n", out);
}

static void action_print(FILE *out, const struct ocf_action *action)
{
    fputs("    <action", out);
    attribute_print(out, "name", action->name);
    fprintf(out, " timeout=\"%ds\"", ocf_action_timeout_s(action));
    if (action->interval_s)
        fprintf(out, " interval=\"%ds\"", action->interval_s);
    if (action->depth)
        fprintf(out, " depth=\"%d\"", action->depth);
    if (action->role)
        attribute_print(out, "role", action->role);
    fputs("/>\n", out);
}

void ocf_print_metadata(const struct ocf_agent *agent, FILE *out)
{
    prologue_print(out);
    fputs("<resource-agent", out);
    attribute_print(out, "name", agent->name);
    attribute_print(out, "version", PACKAGE_VERSION);
    fputs(">\n  <version>1.1</version>\n", out);
    element_print(out, "  ", "longdesc", agent->longdesc);
    element_print(out, "  ", "shortdesc", agent->shortdesc);
    fputs("  <parameters>\n", out);
    for (const struct param *param = agent->params; param->name; param++)
        param_print(out, agent->params, param);
    fputs("  </parameters>\n  <actions>\n", out);
    for (const struct ocf_action *action = agent->actions; action->name; action++)
        action_print(out, action);
    /* usage is left out: pcs writes what it finds here into the CIB, as an operation of each
     * resource. */
    action_print(out, &ocf_printed_actions[OCF_PRINTED_META_DATA]);
    fputs("  </actions>\n</resource-agent>\n", out);
}
