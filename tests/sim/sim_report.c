// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A schedule that broke a promise, as drawn, then the shortest part of it that still breaks the
 * same promise.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

/* Does the same promise still break without the faults that are marked? */
static bool breaks(struct sim *sim, uint64_t seed, const struct sim_options *options,
                   const struct sim_fault *faults, size_t count, const char *promise)
{
    sim_run(sim, seed, options, faults, count);
    return sim->broken && strcmp(sim->broken, promise) == 0;
}

/* Takes one fault after another out, as long as the same promise stays broken. */
static void shorten(struct sim *sim, uint64_t seed, const struct sim_options *options)
{
    struct sim_options quiet = *options;
    struct sim_fault faults[SIM_FAULTS];
    size_t count = sim->fault_count;
    const char *promise = sim->broken;
    bool again = true;

    quiet.trace = false;
    memcpy(faults, sim->drawn, sizeof(faults));
    while (again) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            if (faults[i].dropped)
                continue;
            faults[i].dropped = true;
            faults[i].dropped = breaks(sim, seed, &quiet, faults, count, promise);
            again = again || faults[i].dropped;
        }
    }
    breaks(sim, seed, options, faults, count, promise);
    printf("shortened:\n");
    fault_print(sim);
    printf("  %s broken, %s\n", sim->broken ? sim->broken : "nothing", sim->detail);
}

/* `sim`: as the run of that seed left it. */
void report_broken(struct sim *sim, uint64_t seed, const struct sim_options *options)
{
    printf("seed %llu: %s broken, %s\n", (unsigned long long)seed, sim->broken, sim->detail);
    fault_print(sim);
    shorten(sim, seed, options);
}
