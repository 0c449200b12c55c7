// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sim: what is asked for on the command line. A campaign runs schedules, stops at the first broken
 * promise and prints its schedule, shortened.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rule_names[PROTOCOL_RULE_COUNT] = {
    "seal",          "all-sealed",    "seal-cause",    "rank-epoch",    "rank-offset",
    "priority-zero", "holders",       "known-ahead",   "restart-epoch", "claim-check",
    "claim-acks",    "lease-wait",    "tick-age",      "tick-ring",     "lease",
    "link-quorum",   "resume-told",   "higher-epoch",  "pause-first",   "stop-server",
    "backstop",      "two-witnesses", "move-catch-up", "link-lease",
};

static int find_rule(const char *name)
{
    for (int i = 0; i < PROTOCOL_RULE_COUNT; i++)
        if (strcmp(rule_names[i], name) == 0)
            return i;
    fprintf(stderr, "--without: no rule '%s'; --list names them\n", name);
    exit(2);
}

static void list_rules(void)
{
    for (int i = 0; i < PROTOCOL_RULE_COUNT; i++)
        puts(rule_names[i]);
    exit(0);
}

static int usage(void)
{
    fputs("usage: sim --seeds FROM-TO --nodes 3|5 [--jobs N] [--without RULE]... [--aim RULE] "
          "[--keep-going]\n"
          "       sim --schedule SEED --nodes 3|5 [--without RULE]... [--aim RULE]\n"
          "       sim --list\n",
          stderr);
    return 2;
}

/* `text` is one number, or two with a `-` between. */
static bool take_seeds(const char *text, struct sim_campaign *asked)
{
    unsigned long long from, to;
    int end = -1;

    if (sscanf(text, "%llu-%llu%n", &from, &to, &end) == 2 && end >= 0 && !text[end]) {
        asked->from = from;
        asked->to = to;
        return from <= to;
    }
    return false;
}

static bool take_number(const char *text, uint64_t *number)
{
    char *end;

    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end;
}

static bool take_jobs(const char *text, struct sim_campaign *asked)
{
    uint64_t jobs;

    if (!take_number(text, &jobs) || jobs < 1 || jobs > SIM_JOBS) {
        fprintf(stderr, "--jobs: '%s' is not a number from 1 to %d\n", text, SIM_JOBS);
        return false;
    }
    asked->jobs = (int)jobs;
    return true;
}

static bool take_nodes(const char *text, struct sim_options *options)
{
    options->nodes = text[0] - '0';
    return (options->nodes == 3 || options->nodes == 5) && !text[1];
}

/* With every step printed. */
static int run_schedule(uint64_t seed, const struct sim_options *options)
{
    static struct sim sim;

    sim_run(&sim, seed, options, NULL, 0);
    if (sim.broken)
        report_broken(&sim, seed, options);
    return sim.broken ? 1 : 0;
}

/* An option with its value; false: to be refused. */
static bool take_option(const char *name, const char *value, struct sim_campaign *asked,
                        uint64_t *schedule)
{
    struct sim_options *options = &asked->options;

    if (strcmp(name, "--seeds") == 0)
        return take_seeds(value, asked);
    if (strcmp(name, "--nodes") == 0)
        return take_nodes(value, options);
    if (strcmp(name, "--jobs") == 0)
        return take_jobs(value, asked);
    if (strcmp(name, "--without") == 0) {
        options->without |= 1ULL << find_rule(value);
    } else if (strcmp(name, "--aim") == 0) {
        options->aim = find_rule(value);
    } else if (strcmp(name, "--schedule") == 0) {
        options->trace = true;
        return take_number(value, schedule);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct sim_campaign asked = {
        .from = 1, .to = 1000, .jobs = 1, .options = {.nodes = 3, .aim = -1}};
    uint64_t schedule = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            list_rules();
        else if (strcmp(argv[i], "--keep-going") == 0)
            asked.keep_going = true;
        else if (i + 1 < argc && take_option(argv[i], argv[i + 1], &asked, &schedule))
            i++;
        else
            return usage();
    }
    return asked.options.trace ? run_schedule(schedule, &asked.options) : campaign_run(&asked);
}
