// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the protocol wants, carried out on a simulated server, file, bus and cluster; each with its
 * delay.
 */
#include "sim.h"

static void give_order(struct sim *sim, int node, const struct protocol_effect *effect)
{
    struct sim_watch *watch = &sim->node[node].watch;

    if (watch->order_count == SIM_ORDERS)
        return;
    size_t slot = (watch->order_head + watch->order_count++) % SIM_ORDERS;
    watch->orders[slot] = *effect;
    watch->order_run[slot] = watch->protocol.digest.run;
    uint64_t at = sim->now + sim_delay(sim, 100, MS);
    if (at <= watch->order_at)
        at = watch->order_at + 1;
    watch->order_at = at;
    sim_at(sim, at, EV_ORDER, node)->a = watch->generation;
}

static void write_file(struct sim *sim, int node, const struct protocol_effect *effect)
{
    struct sim_watch *watch = &sim->node[node].watch;
    uint64_t length = sim_delay(sim, MS, 12 * MS) + sim_below(sim, sim->slow_file);
    struct sim_event *event = sim_at(sim, sim->now + length, EV_FILE, node);

    event->a = watch->generation;
    event->b = effect->number;
}

static void ask(struct sim *sim, int node, const struct protocol_effect *effect)
{
    bool server = effect->kind == PROTOCOL_EFFECT_ASK_SERVER;
    bool links = effect->kind == PROTOCOL_EFFECT_ASK_LINKS;
    uint64_t delay = server  ? sim_delay(sim, 200, MS)
                     : links ? sim_delay(sim, MS, 5 * MS)
                             : sim_delay(sim, MS, 300 * MS);
    struct sim_event *event = sim_at(sim, sim->now + delay,
                                     server  ? EV_DIGEST
                                     : links ? EV_LINKS
                                             : EV_WITNESS,
                                     node);

    event->a = sim->node[node].watch.generation;
    event->b = effect->node;
}

void effect_carry_out(struct sim *sim, int node, const struct protocol_effect *effect)
{
    struct sim_watch *watch = &sim->node[node].watch;
    struct sim_event *event;

    switch (effect->kind) {
    case PROTOCOL_EFFECT_SEAL:
    case PROTOCOL_EFFECT_FOLLOW:
    case PROTOCOL_EFFECT_TAKE_ROLE:
    case PROTOCOL_EFFECT_PAUSE:
    case PROTOCOL_EFFECT_RESUME:
    case PROTOCOL_EFFECT_BACKSTOP:
    case PROTOCOL_EFFECT_PRIORITY:
        sim_trace(sim, node, "order %llu kind %d node %u number %llu",
                  (unsigned long long)effect->order, effect->kind, effect->node,
                  (unsigned long long)effect->number);
        if (effect->kind == PROTOCOL_EFFECT_PAUSE)
            check_pause(sim, node);
        give_order(sim, node, effect);
        break;
    case PROTOCOL_EFFECT_DROP_CLIENTS:
        break;
    case PROTOCOL_EFFECT_STOP:
    case PROTOCOL_EFFECT_CONTINUE:
    case PROTOCOL_EFFECT_KILL:
        event = sim_at(sim, sim->now + sim_delay(sim, 50, 500), EV_SIGNAL, node);
        event->a = watch->generation;
        event->b = effect->kind;
        event->c = sim->node[node].server.run;
        break;
    case PROTOCOL_EFFECT_ASK_SERVER:
    case PROTOCOL_EFFECT_ASK_LINKS:
    case PROTOCOL_EFFECT_ASK_WITNESS:
        ask(sim, node, effect);
        break;
    case PROTOCOL_EFFECT_WRITE_FILE:
        write_file(sim, node, effect);
        break;
    case PROTOCOL_EFFECT_WRITE_CIB:
        event = sim_at(sim, sim->now + sim_delay(sim, 5 * MS, 60 * MS), EV_CIB, node);
        event->a = watch->generation;
        event->b = effect->number;
        break;
    case PROTOCOL_EFFECT_TELL:
        ring_tell(sim, node, &watch->protocol.told);
        break;
    case PROTOCOL_EFFECT_TICK:
        ring_tick(sim, node, watch_clock(sim, node));
        break;
    case PROTOCOL_EFFECT_SCORE:
        pacemaker_score(sim, node, effect->score);
        break;
    case PROTOCOL_EFFECT_STATUS:
        break;
    case PROTOCOL_EFFECT_REPLY:
        pacemaker_reply(sim, node, effect);
        break;
    case PROTOCOL_EFFECT_HISTORY:
        sim_trace(sim, node, "history: note %d node %u number %llu", effect->note, effect->node,
                  (unsigned long long)effect->number);
        if (effect->note == PROTOCOL_NOTE_PROMOTED)
            server_promoted(sim, node);
        break;
    case PROTOCOL_EFFECT_FAILOVER: /* of authority=sentinel, which is not played here */
    case PROTOCOL_EFFECT_AUTHORITY:
        break;
    }
}
