// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The skeleton of an OCF resource agent: from argv and environment to one action, and from there to
 * one exit code and one exit reason.
 */
#include "ocf.h"

#include "config.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What ocf-tester and Pacemaker give an action for which nobody set a timeout. */
#define TIMEOUT_DEFAULT_MS 20000

static const char *run_root = RHA_RUN_DIR;
static const char *state_root = RHA_STATE_DIR;

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return str_is_empty(value) ? NULL : value;
}

static int64_t env_number(const char *name, int64_t min, int64_t max, int64_t missing)
{
    const char *text = env(name);
    int64_t value;

    if (!text)
        return missing;
    if (parse_int64(text, min, max, &value) == 0)
        return value;
    log_warning("%s: \"%s\" is not a number in range, and not used; expected %" PRId64
                " to %" PRId64,
                name, text, min, max);
    return missing;
}

static bool env_bool(const char *name)
{
    bool value = false;

    return parse_bool(env(name), &value) == 0 && value;
}

static const char *param_from_env(const char *name, void *data)
{
    cleanup_free char *variable = xasprintf("OCF_RESKEY_%s", name);

    (void)data;
    return getenv(variable);
}

enum ocf_exit ocf_fail(enum ocf_exit code, const char *format, ...)
{
    cleanup_free char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    /* Pacemaker takes what follows the last prefix, up to the end of its line (128 bytes of it). */
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    log_error("%s", text);
    fprintf(stderr, "ocf-exit-reason:%s\n", text);
    return code;
}

const struct ocf_action ocf_printed_actions[] = {
    [OCF_PRINTED_META_DATA] = {.name = "meta-data", .timeout_s = 5},
    [OCF_PRINTED_USAGE] = {.name = "usage", .timeout_s = 5},
    {.name = NULL},
};

int ocf_action_timeout_s(const struct ocf_action *action)
{
    return action->timeout_s ? action->timeout_s : TIMEOUT_DEFAULT_MS / 1000;
}

const struct ocf_action *ocf_action_find(const struct ocf_agent *agent, const char *name)
{
    for (const struct ocf_action *action = agent->actions; action->name; action++)
        if (str_eq(action->name, name))
            return action;
    return NULL;
}

void ocf_print_usage(const struct ocf_agent *agent, FILE *out)
{
    fprintf(out, "usage: %s {", agent->name);
    for (const struct ocf_action *action = agent->actions; action->name; action++)
        if (ocf_action_find(agent, action->name) == action)
            fprintf(out, "%s|", action->name);
    fprintf(out, "meta-data|usage}\n"
                 "An OCF resource agent: parameters are read from OCF_RESKEY_NAME, the resource's\n"
                 "name from OCF_RESOURCE_INSTANCE. `meta-data` lists the parameters.\n");
}

static enum ocf_exit print(const struct ocf_agent *agent,
                           void (*what)(const struct ocf_agent *, FILE *))
{
    what(agent, stdout);
    if (fflush(stdout) || ferror(stdout))
        return ocf_fail(OCF_ERR_GENERIC, "standard output cannot be written: %s", strerror(errno));
    return OCF_SUCCESS;
}

/* What is answered for anybody, anywhere, before a word of the environment is read. */
static bool print_action(const struct ocf_agent *agent, const char *name, enum ocf_exit *code)
{
    if (str_eq(name, "meta-data"))
        *code = print(agent, ocf_print_metadata);
    else if (str_eq(name, "usage"))
        *code = print(agent, ocf_print_usage);
    else if (str_eq(name, "man"))
        *code = print(agent, ocf_print_man);
    else
        return false;
    return true;
}

/* Pacemaker names an instance of an anonymous clone "redis:0". Caller frees. */
static char *instance_read(const struct ocf_agent *agent)
{
    const char *given = getenv("OCF_RESOURCE_INSTANCE");

    if (!given) /* by hand */
        given = agent->name;
    return xasprintf("%.*s", (int)strcspn(given, ":"), given);
}

/* The name becomes a folder's. */
static enum ocf_exit instance_check(const char *instance)
{
    if (!*instance || strchr(instance, '/') || str_eq(instance, ".") || str_eq(instance, ".."))
        return ocf_fail(OCF_ERR_ARGS,
                        "OCF_RESOURCE_INSTANCE: \"%s\" is not a resource's name; expected one "
                        "without /",
                        instance);
    return OCF_SUCCESS;
}

/* Time to answer is kept back: a tenth, 200 ms to 2 s, but never more than half of it all. */
static int64_t margin_ms(int64_t timeout_ms)
{
    int64_t margin = timeout_ms / 10;

    if (margin > 2000)
        margin = 2000;
    if (margin < 200)
        margin = 200;
    return margin < timeout_ms / 2 ? margin : timeout_ms / 2;
}

static struct deadline deadline_read(void)
{
    int64_t timeout = env_number("OCF_RESKEY_CRM_meta_timeout", 1, INT64_MAX, TIMEOUT_DEFAULT_MS);

    return deadline_in(timeout - margin_ms(timeout));
}

static void context_read(struct ocf_context *context, const struct ocf_agent *agent,
                         const char *action)
{
    context->agent = agent->name;
    context->action = action;
    context->node = env("OCF_RESKEY_CRM_meta_on_node");
    context->in_cluster = context->node != NULL;
    context->is_clone = env("OCF_RESKEY_CRM_meta_clone") != NULL;
    /* Pacemaker (2.1.5 looked at) tells a promotable clone by how many may be promoted. */
    context->is_promotable = env_bool("OCF_RESKEY_CRM_meta_promotable") ||
                             env("OCF_RESKEY_CRM_meta_promoted_max") ||
                             env("OCF_RESKEY_CRM_meta_master_max");
    /* Pacemaker passes no interval at all to a probe. */
    context->interval_ms = env_number("OCF_RESKEY_CRM_meta_interval", 0, INT64_MAX, 0);
    context->is_probe = str_eq(action, "monitor") && context->interval_ms == 0;
    context->check_level = (int)env_number("OCF_CHECK_LEVEL", 0, INT_MAX, 0);
    context->deadline = deadline_read();
}

static enum ocf_exit folder_make(const char *path)
{
    int rc = dir_make(path, 0700);

    if (!rc)
        return OCF_SUCCESS;
    return ocf_fail(rc == -EACCES || rc == -EPERM ? OCF_ERR_PERM : OCF_ERR_GENERIC,
                    "%s cannot be made: %s; agents run as root", path, strerror(-rc));
}

/*
 * stop and probes go on without the folders: a full disk or a read-only one must not end in
 * fencing. validate-all changes nothing: an administrator may run it as anybody, pcs does for an
 * instance "test".
 */
static enum ocf_exit folders_make(const struct ocf_context *context)
{
    enum ocf_exit code;

    if (str_eq(context->action, "validate-all"))
        return OCF_SUCCESS;
    code = folder_make(context->run_dir);
    return code ? code : folder_make(context->state_dir);
}

static enum ocf_exit action_prepare(const struct ocf_context *context, bool must_be_valid,
                                    const char *problems)
{
    enum ocf_exit code;

    /* A reloadable value may go bad while the servers of all nodes run: 6 would end them all. */
    if (problems && must_be_valid)
        return ocf_fail(context->params_name_server ? OCF_ERR_ARGS : OCF_ERR_CONFIGURED, "%s",
                        problems);
    if (problems)
        log_warning("%s goes on although %s", context->action, problems);
    code = folders_make(context);
    return must_be_valid ? code : OCF_SUCCESS;
}

/*
 * A bad value may reach a server that runs: Pacemaker gives a reloadable one to reload-agent, and
 * to each monitor from then on. A failure of either would end what serves, and it could not be
 * started with that value (seen with 190 from reload-agent too, on 2.1.5, at the next transition).
 * So the reload succeeds and changes nothing, and the monitor of a healthy server tells why.
 */
static enum ocf_exit reload_refuse(const char *problem)
{
    return ocf_fail(OCF_SUCCESS, "not reloaded, what runs goes on as before: %s", problem);
}

static enum ocf_exit monitor_judge(const char *problem, enum ocf_exit code)
{
    if (code == OCF_SUCCESS)
        return ocf_fail(OCF_DEGRADED, "%s", problem);
    if (code == OCF_RUNNING_PROMOTED)
        return ocf_fail(OCF_DEGRADED_PROMOTED, "%s", problem);
    return code;
}

static bool is_recurring(const struct ocf_context *context)
{
    return str_eq(context->action, "monitor") && !context->is_probe;
}

static enum ocf_exit action_run(const struct ocf_agent *agent, const struct ocf_action *action,
                                struct ocf_context *context)
{
    cleanup_free char *run_dir = xasprintf("%s/%s/%s", run_root, agent->name, context->instance);
    cleanup_free char *state_dir =
        xasprintf("%s/%s/%s", state_root, agent->name, context->instance);
    cleanup_free void *params = xcalloc(1, agent->params_size);
    cleanup_free char *problems = NULL;
    enum ocf_exit code;

    context->run_dir = run_dir;
    context->state_dir = state_dir;
    context->params_valid =
        params_parse(agent->params, params, param_from_env, NULL, &problems) == 0;
    context->params_name_server =
        context->params_valid || params_bad_are_reloadable(agent->params, param_from_env, NULL);
    if (problems)
        problems[strcspn(problems, "\n")] = '\0'; /* an exit reason is one line: the first tells */
    if (problems && str_eq(context->action, "reload-agent"))
        return reload_refuse(problems);
    code = action_prepare(context, action->needs_valid_params && !context->is_probe, problems);
    if (!code)
        code = action->run(context, params);
    return problems && is_recurring(context) ? monitor_judge(problems, code) : code;
}

static enum ocf_exit action_start(const struct ocf_agent *agent, const struct ocf_action *action)
{
    cleanup_free char *instance = instance_read(agent);
    cleanup_free char *tag = xasprintf("%s(%s)", agent->name, instance);
    struct ocf_context context = {.instance = instance};
    enum ocf_exit code;

    log_open(tag, env_bool("HA_debug"));
    context_read(&context, agent, action->name);
    code = instance_check(instance);
    if (!code)
        code = action_run(agent, action, &context);
    log_close();
    return code;
}

int ocf_main(const struct ocf_agent *agent, int argc, char **argv)
{
    const char *name = argc > 1 && argv ? argv[1] : NULL;
    const struct ocf_action *action = name ? ocf_action_find(agent, name) : NULL;
    enum ocf_exit code;

    log_open(agent->name, false);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored by a parent, it would take our children's exit codes */
    if (!name) {
        ocf_print_usage(agent, stderr);
        return OCF_ERR_ARGS;
    }
    if (print_action(agent, name, &code))
        return code;
    if (!action) {
        ocf_print_usage(agent, stderr);
        return OCF_ERR_UNIMPLEMENTED;
    }
    return action_start(agent, action);
}

static const char *notify_env(const char *name)
{
    cleanup_free char *variable = xasprintf("OCF_RESKEY_CRM_meta_notify_%s", name);
    const char *value = env(variable);

    return value ? value : "";
}

struct ocf_notify ocf_notify_read(void)
{
    return (struct ocf_notify){
        .type = notify_env("type"),
        .operation = notify_env("operation"),
        .promote_uname = notify_env("promote_uname"),
        .demote_uname = notify_env("demote_uname"),
        .promoted_uname = notify_env("master_uname"),
    };
}
