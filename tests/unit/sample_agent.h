// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A small agent with a parameter of each type: what the tests of the tables work on. Its actions
 * print what they were given.
 */
#ifndef RHA_TEST_SAMPLE_AGENT_H
#define RHA_TEST_SAMPLE_AGENT_H

#include "ocf.h"

struct sample_params {
    const char *config;
    const char *token;
    int64_t port;
    int64_t down_after;
    int64_t drain;
    int64_t max_lag;
    bool tls;
    int authority;
};

#define FIELD(name) offsetof(struct sample_params, name)

static const char *const sample_authorities[] = {"pacemaker", "sentinel", "nobody", NULL};

static const struct param sample_params[] = {
    {
        .name = "config",
        .type = PARAM_PATH,
        .offset = FIELD(config),
        .default_shown = "the distribution's sample.conf",
        .unique_group = "instance",
        .shortdesc = "Configuration",
        .longdesc =
            "A file with \"<quotes>\" & C:\\backslashes.\n\n.a line that begins with a dot\n"
            "'and one with an apostrophe, ~ ^ ` -- and all.",
    },
    {
        .name = "token",
        .type = PARAM_STRING,
        .offset = FIELD(token),
        .unique_group = "token",
        .reloadable = true,
        .shortdesc = "Any text",
        .longdesc = "Any text at all.",
    },
    {
        .name = "port",
        .type = PARAM_INTEGER,
        .offset = FIELD(port),
        .default_text = "6379",
        .min = 1,
        .max = 65535,
        .unique_group = "instance",
        .shortdesc = "Port",
        .longdesc = "Where it listens.",
    },
    {
        .name = "down_after",
        .type = PARAM_MS,
        .offset = FIELD(down_after),
        .default_text = "2s",
        .min = 100,
        .max = 60000,
        .reloadable = true,
        .shortdesc = "Patience",
        .longdesc = "How long no answer is no news.",
    },
    {
        .name = "drain",
        .type = PARAM_SECONDS,
        .offset = FIELD(drain),
        .default_text = "10",
        .min = 0,
        .max = 86400,
        .shortdesc = "Drain",
        .longdesc = "How long to wait for the last client.",
    },
    {
        .name = "max_lag",
        .type = PARAM_BYTES,
        .offset = FIELD(max_lag),
        .default_text = "0",
        .min = 0,
        .max = INT64_MAX,
        .shortdesc = "Lag",
        .longdesc = "How much may be missing.",
    },
    {
        .name = "tls",
        .type = PARAM_BOOLEAN,
        .offset = FIELD(tls),
        .default_text = "false",
        .shortdesc = "TLS",
        .longdesc = "Whether to speak TLS.",
    },
    {
        .name = "authority",
        .type = PARAM_CHOICE,
        .offset = FIELD(authority),
        .default_text = "pacemaker",
        .choices = sample_authorities,
        .shortdesc = "Authority",
        .longdesc = "Who decides.",
    },
    {.name = NULL},
};

#undef FIELD

static inline enum ocf_exit sample_tell(const struct ocf_context *context, const void *params)
{
    printf("action=%s instance=%s node=%s cluster=%d clone=%d promotable=%d probe=%d "
           "interval=%lld level=%d\n",
           context->action, context->instance, context->node ? context->node : "none",
           context->in_cluster, context->is_clone, context->is_promotable, context->is_probe,
           (long long)context->interval_ms, context->check_level);
    printf("run_dir=%s state_dir=%s\n", context->run_dir, context->state_dir);
    printf("params: valid=%d reloadable=%d\n", context->params_valid, context->params_name_server);
    for (const struct param *param = sample_params; param->name; param++) {
        cleanup_free char *text = param_text(param, params);

        printf("%s=%s\n", param->name, text);
    }
    return OCF_SUCCESS;
}

/* `token` says how the server is. */
static inline enum ocf_exit sample_monitor(const struct ocf_context *context, const void *params)
{
    const char *token = ((const struct sample_params *)params)->token;

    sample_tell(context, params);
    if (str_eq(token, "failed"))
        return ocf_fail(OCF_ERR_GENERIC, "the server has failed");
    return str_eq(token, "promoted") ? OCF_RUNNING_PROMOTED : OCF_SUCCESS;
}

static inline enum ocf_exit sample_fail(const struct ocf_context *context, const void *params)
{
    (void)params;
    ocf_fail(OCF_ERR_GENERIC, "the first reason");
    return ocf_fail(OCF_FAILED_PROMOTED, "%s: two\nlines", context->action);
}

static const struct ocf_action sample_actions[] = {
    {.name = "start", .run = sample_tell, .needs_valid_params = true, .timeout_s = 60},
    {.name = "stop", .run = sample_tell, .timeout_s = 90},
    {.name = "monitor",
     .run = sample_monitor,
     .timeout_s = 20,
     .interval_s = 3,
     .role = "Promoted"},
    {.name = "monitor", .run = sample_fail, .timeout_s = 20, .interval_s = 4, .role = "Unpromoted"},
    {.name = "monitor",
     .run = sample_fail,
     .timeout_s = 30,
     .interval_s = 31,
     .depth = 10,
     .role = "Promoted"},
    {.name = "promote", .run = sample_fail, .needs_valid_params = true},
    {.name = "reload-agent", .run = sample_tell, .timeout_s = 5},
    {.name = "validate-all", .run = sample_tell, .needs_valid_params = true, .timeout_s = 5},
    {.name = NULL},
};

static const struct ocf_agent sample_agent = {
    .name = "sample",
    .shortdesc = "A sample of <everything> - no more",
    .longdesc = "An agent for tests.\n\nIts second paragraph has an & in it.",
    .params = sample_params,
    .params_size = sizeof(struct sample_params),
    .actions = sample_actions,
};

#endif
