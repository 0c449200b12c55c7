// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chance, and what is said of a simulated schedule.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

/* splitmix64 */
uint64_t sim_random(struct sim *sim)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

uint64_t sim_below(struct sim *sim, uint64_t limit)
{
    return limit ? sim_random(sim) % limit : 0;
}

bool sim_chance(struct sim *sim, unsigned percent)
{
    return sim_below(sim, 100) < percent;
}

uint64_t sim_delay(struct sim *sim, uint64_t low, uint64_t high)
{
    return low + sim_below(sim, high - low + 1);
}

void sim_trace(struct sim *sim, int node, const char *format, ...)
{
    va_list arguments;

    if (!sim->options.trace)
        return;
    printf("%10.3f ", (double)sim->now / 1e6);
    if (node >= 0)
        printf("n%d ", node + 1);
    else
        printf("   ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* The first broken promise counts; what follows may follow from it. */
void sim_break(struct sim *sim, const char *promise, const char *format, ...)
{
    va_list arguments;

    if (sim->broken)
        return;
    sim->broken = promise;
    int length = snprintf(sim->detail, sizeof(sim->detail), "at %.3f s: ", (double)sim->now / 1e6);
    va_start(arguments, format);
    vsnprintf(sim->detail + length, sizeof(sim->detail) - (size_t)length, format, arguments);
    va_end(arguments);
    sim_trace(sim, -1, "BROKEN %s: %s", promise, sim->detail);
}
