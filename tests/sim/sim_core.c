// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chance, time and the queue of events of one simulated schedule.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

/* The event is in the queue on return; the caller may still fill a..d, nothing else. */
struct sim_event *sim_at(struct sim *sim, uint64_t at, enum sim_event_kind kind, int node)
{
    size_t i = sim->heap_count++;
    struct sim_event event = {.at = at, .sequence = sim->sequence++, .kind = kind, .node = node};

    if (sim->heap_count > SIM_EVENTS)
        abort();
    while (i > 0 && earlier(&event, &sim->heap[(i - 1) / 2])) {
        sim->heap[i] = sim->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->heap[i] = event;
    return &sim->heap[i];
}

bool sim_next(struct sim *sim, struct sim_event *event)
{
    if (!sim->heap_count)
        return false;
    *event = sim->heap[0];
    struct sim_event last = sim->heap[--sim->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= sim->heap_count)
            break;
        if (child + 1 < sim->heap_count && earlier(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!earlier(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    sim->heap[i] = last;
    return true;
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
