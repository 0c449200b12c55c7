// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Simulated agents: start, stop, promote and demote, with their watch or without it.
 */
#include "sim.h"

static void finish(struct sim *sim, int node, bool good)
{
    struct sim_node *n = &sim->node[node];
    enum sim_act act = n->act;

    if (act == ACT_NONE)
        return;
    sim_trace(sim, node, "agent: act %d %s", act, good ? "done" : "FAILED");
    n->act = ACT_NONE;
    n->act_token++;
    if (!good) {
        n->failed = true;
    } else if (act == ACT_START) {
        n->started = true;
        n->failed = n->promoted = false;
    } else if (act == ACT_STOP) {
        n->started = n->promoted = n->failed = false;
    } else {
        n->promoted = act == ACT_PROMOTE;
    }
    pacemaker_kick(sim, node);
}

static void step_later(struct sim *sim, int node, uint64_t delay)
{
    sim_at(sim, sim->now + delay, EV_ACT_STEP, node)->a = sim->node[node].act_token;
}

static void request(struct sim *sim, int node, enum protocol_request request, uint64_t deadline)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    event.request = request;
    event.deadline_ms = watch_clock(sim, node) + deadline / MS;
    watch_event(sim, node, &event);
}

void pacemaker_reply(struct sim *sim, int node, const struct protocol_effect *effect)
{
    struct sim_node *n = &sim->node[node];

    sim_trace(sim, node, "reply %d reason %d node %u (act %d)", effect->result, effect->reason,
              effect->node, n->act);
    if (n->act == ACT_NONE || n->act == ACT_START || n->act_step != 1)
        return;
    n->act_step = 2;
    n->act_result = effect->result;
    step_later(sim, node, sim_delay(sim, 100, MS));
}

static void start_server(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    if (!n->server.up)
        server_start(sim, node);
    if (!n->watch.running)
        watch_start(sim, node);
}

/* Without its watch the agent can still end the server's being a primary. */
static void demote_alone(struct sim *sim, int node)
{
    struct sim_node *n = &sim->node[node];

    if (n->server.up && !server_runs(sim, node))
        server_end(sim, node, false, false);
    else if (n->server.up && n->server.script)
        server_end(sim, node, false, false);
    else if (n->server.up)
        server_seal(sim, node);
    if (!n->server.up)
        server_start(sim, node);
}

void agent_begin(struct sim *sim, int node, enum sim_act act)
{
    struct sim_node *n = &sim->node[node];
    bool watch = n->watch.running && n->server.up;

    n->act = act;
    n->act_token++;
    n->act_step = 1;
    n->act_deadline = sim->now + 6 * SECOND;
    sim_trace(sim, node, "agent: act %d begins", act);
    step_later(sim, node, act == ACT_STOP ? 2500 * MS : 5 * SECOND);
    switch (act) {
    case ACT_NONE:
        break;
    case ACT_START:
        start_server(sim, node);
        finish(sim, node, true);
        break;
    case ACT_STOP:
        if (watch)
            request(sim, node, PROTOCOL_REQUEST_STOP, 2 * SECOND);
        else
            step_later(sim, node, MS);
        break;
    case ACT_DEMOTE:
        if (watch)
            request(sim, node, PROTOCOL_REQUEST_DEMOTE, 3 * SECOND);
        else
            step_later(sim, node, MS);
        break;
    case ACT_PROMOTE:
        if (watch)
            request(sim, node, PROTOCOL_REQUEST_PROMOTE, 4 * SECOND);
        else
            finish(sim, node, false); /* no bus: promote fails */
        break;
    }
}

/* The watch answered, or did not in time. */
void agent_step(struct sim *sim, const struct sim_event *event)
{
    int node = event->node;
    struct sim_node *n = &sim->node[node];

    if (n->act == ACT_NONE || event->a != n->act_token || !n->up)
        return;
    if (n->frozen) {
        step_later(sim, node, 100 * MS);
        return;
    }
    bool answered = n->act_step == 2;
    switch (n->act) {
    case ACT_NONE:
    case ACT_START:
        finish(sim, node, true);
        break;
    case ACT_STOP:
        /* A script holds SHUTDOWN and SIGTERM up until the agent kills. */
        server_end(sim, node, server_runs(sim, node) && !n->server.script, false);
        watch_end(sim, node);
        finish(sim, node, true);
        break;
    case ACT_DEMOTE:
        if (!answered || n->act_result)
            demote_alone(sim, node);
        finish(sim, node, true);
        break;
    case ACT_PROMOTE:
        finish(sim, node, answered && !n->act_result);
        break;
    }
}
