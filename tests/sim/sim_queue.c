// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is to come in a schedule, in exact order of time, then of asking. Events lie in buckets of
 * 2 ms, of which few hold more than one, and a bitmap finds the first: several times quicker than a
 * heap. Each watch has one waking, asked for anew at every event, so these have a place of their
 * own.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET_BITS   11 /* of microseconds */
#define SEQUENCE_BITS 24
#define NONE          UINT32_MAX

void queue_clear(struct sim_queue *queue)
{
    memset(queue->used, 0, sizeof(queue->used));
    queue->sequence = 0;
    queue->first_word = 0;
    queue->free = NONE;
    queue->fresh = 0;
    for (int i = 0; i < SIM_NODES; i++)
        queue->wake[i] = NEVER;
}

static uint64_t make_key(struct sim_queue *queue, uint64_t at)
{
    if (queue->sequence >> SEQUENCE_BITS || at >> (64 - SEQUENCE_BITS))
        abort();
    return at << SEQUENCE_BITS | queue->sequence++;
}

static uint32_t take_slot(struct sim_queue *queue)
{
    uint32_t slot = queue->free;

    if (slot != NONE) {
        queue->free = queue->slot[slot].next;
        return slot;
    }
    if (queue->fresh == SIM_EVENTS)
        abort();
    return queue->fresh++;
}

/* The event is in the queue on return; the caller may still fill a..d, nothing else. */
struct sim_event *sim_at(struct sim *sim, uint64_t at, enum sim_event_kind kind, int node)
{
    struct sim_queue *queue = &sim->queue;
    uint32_t number = take_slot(queue);
    struct sim_slot *slot = &queue->slot[number];
    size_t bucket = at >> BUCKET_BITS;

    if (bucket >= SIM_BUCKETS)
        bucket = SIM_BUCKETS - 1;
    size_t word = bucket / 64;
    uint64_t bit = 1ULL << bucket % 64;
    slot->key = make_key(queue, at);
    slot->event = (struct sim_event){.at = at, .kind = kind, .node = node};
    slot->next = queue->used[word] & bit ? queue->head[bucket] : NONE;
    queue->head[bucket] = number;
    queue->used[word] |= bit;
    if (word < queue->first_word)
        queue->first_word = word;
    return &slot->event;
}

/* The same once more, later. */
void sim_again(struct sim *sim, const struct sim_event *event, uint64_t at)
{
    struct sim_event *again = sim_at(sim, at, event->kind, event->node);

    again->a = event->a;
    again->b = event->b;
    again->c = event->c;
    again->d = event->d;
}

/* In place of any waking of this watch that was asked for before. */
void sim_wake(struct sim *sim, uint64_t at, int node)
{
    sim->queue.wake[node] = make_key(&sim->queue, at);
}

/* The bucket with the first event, or SIM_BUCKETS. */
static size_t first_bucket(struct sim_queue *queue)
{
    size_t word = queue->first_word;

    while (word < SIM_BUCKETS / 64 && !queue->used[word])
        word++;
    queue->first_word = word;
    return word < SIM_BUCKETS / 64 ? word * 64 + (size_t)__builtin_ctzll(queue->used[word])
                                   : SIM_BUCKETS;
}

/* Where the number of the first event of this bucket stands. */
static uint32_t *first_of(struct sim_queue *queue, size_t bucket)
{
    uint32_t *best = &queue->head[bucket];
    uint64_t key = queue->slot[*best].key;

    for (uint32_t *at = &queue->slot[*best].next; *at != NONE; at = &queue->slot[*at].next)
        if (queue->slot[*at].key < key) {
            best = at;
            key = queue->slot[*at].key;
        }
    return best;
}

static int first_wake(const struct sim *sim)
{
    int first = 0;

    for (int i = 1; i < sim->nodes; i++)
        if (sim->queue.wake[i] < sim->queue.wake[first])
            first = i;
    return first;
}

static void take_wake(struct sim_queue *queue, int node, struct sim_event *event)
{
    event->at = queue->wake[node] >> SEQUENCE_BITS;
    event->kind = EV_WATCH_WAKE;
    event->node = node;
    queue->wake[node] = NEVER;
}

bool sim_next(struct sim *sim, struct sim_event *event)
{
    struct sim_queue *queue = &sim->queue;
    size_t bucket = first_bucket(queue);
    int node = first_wake(sim);
    uint64_t wake = queue->wake[node];

    if (bucket == SIM_BUCKETS) {
        if (wake == NEVER)
            return false;
        take_wake(queue, node, event);
        return true;
    }
    uint32_t *link = first_of(queue, bucket), number = *link;
    struct sim_slot *slot = &queue->slot[number];
    if (wake < slot->key) {
        take_wake(queue, node, event);
        return true;
    }
    *event = slot->event;
    *link = slot->next;
    if (queue->head[bucket] == NONE)
        queue->used[bucket / 64] &= ~(1ULL << bucket % 64);
    slot->next = queue->free;
    queue->free = number;
    return true;
}
