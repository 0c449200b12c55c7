// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sim --seeds FROM-TO --nodes 3|5 [--without RULE] [--schedule SEED] [--list]: runs schedules,
 * stops at the first broken promise and prints its schedule, shortened.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const rule_names[PROTOCOL_RULE_COUNT] = {
    "seal",          "all-sealed",    "seal-cause",    "rank-epoch",    "rank-offset",
    "priority-zero", "holders",       "known-ahead",   "restart-epoch", "claim-check",
    "claim-acks",    "lease-wait",    "tick-age",      "tick-ring",     "lease",
    "link-quorum",   "resume-told",   "higher-epoch",  "pause-first",   "stop-server",
    "backstop",      "two-witnesses", "move-catch-up", "link-lease",
};

static struct sim sim;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Does the same promise still break without the faults that are marked? */
static bool breaks(uint64_t seed, const struct sim_options *options, const struct sim_fault *faults,
                   size_t count, const char *promise)
{
    sim_run(&sim, seed, options, faults, count);
    return sim.broken && strcmp(sim.broken, promise) == 0;
}

/* Takes one fault after another out, as long as the same promise stays broken. */
static void shorten(uint64_t seed, const struct sim_options *options)
{
    struct sim_options quiet = {
        .nodes = options->nodes, .without = options->without, .aim = options->aim};
    struct sim_fault faults[SIM_FAULTS];
    size_t count = sim.fault_count;
    const char *promise = sim.broken;
    bool again = true;

    memcpy(faults, sim.drawn, sizeof(faults));
    while (again) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            if (faults[i].dropped)
                continue;
            faults[i].dropped = true;
            faults[i].dropped = breaks(seed, &quiet, faults, count, promise);
            again = again || faults[i].dropped;
        }
    }
    breaks(seed, options, faults, count, promise);
    printf("shortened:\n");
    fault_print(&sim);
    printf("  %s broken, %s\n", sim.broken ? sim.broken : "nothing", sim.detail);
}

static void report(uint64_t seed, const struct sim_options *options)
{
    printf("seed %llu: %s broken, %s\n", (unsigned long long)seed, sim.broken, sim.detail);
    fault_print(&sim);
    shorten(seed, options);
}

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
    fputs("usage: sim --seeds FROM-TO --nodes 3|5 [--without RULE]... [--aim RULE] [--keep-going]\n"
          "       sim --schedule SEED --nodes 3|5 [--without RULE]\n"
          "       sim --list\n",
          stderr);
    return 2;
}

static int run_all(uint64_t from, uint64_t to, const struct sim_options *options, bool keep_going)
{
    double begin = seconds();
    uint64_t broken = 0, events = 0, totals[3] = {0}, run = 0;

    for (uint64_t seed = from; seed <= to; seed++) {
        sim_run(&sim, seed, options, NULL, 0);
        run++;
        events += sim.events;
        for (int i = 0; i < 3; i++)
            totals[i] += sim.counters[i];
        if (!sim.broken)
            continue;
        broken++;
        if (keep_going) {
            printf("seed %llu: %s, %s\n", (unsigned long long)seed, sim.broken, sim.detail);
            continue;
        }
        report(seed, options);
        break;
    }
    double took = seconds() - begin;
    printf(
        "%llu schedules on %d nodes, %llu broken, %.0f schedules/s, %.0f events each; "
        "%llu promotions, %llu writes confirmed by WAIT, %llu of them lost to several failures\n",
        (unsigned long long)run, options->nodes, (unsigned long long)broken, (double)run / took,
        (double)events / (double)run, (unsigned long long)totals[0], (unsigned long long)totals[1],
        (unsigned long long)totals[2]);
    return broken ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct sim_options options = {.nodes = 3, .aim = -1};
    unsigned long long from = 1, to = 1000;
    bool keep_going = false;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--list") == 0)
            list_rules();
        else if (strcmp(argv[i], "--keep-going") == 0)
            keep_going = true;
        else if (strcmp(argv[i], "--seeds") == 0 && sscanf(value, "%llu-%llu", &from, &to) == 2)
            i++;
        else if (strcmp(argv[i], "--nodes") == 0 && (*value == '3' || *value == '5') && ++i)
            options.nodes = *value - '0';
        else if (strcmp(argv[i], "--without") == 0 && ++i)
            options.without |= 1ULL << find_rule(value);
        else if (strcmp(argv[i], "--aim") == 0 && ++i)
            options.aim = find_rule(value);
        else if (strcmp(argv[i], "--schedule") == 0 && sscanf(value, "%llu", &from) == 1 && ++i) {
            to = from;
            options.trace = true;
        } else
            return usage();
    }
    return run_all(from, to, &options, keep_going);
}
