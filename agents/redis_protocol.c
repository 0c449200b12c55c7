// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front of the protocol's state machine: an event changes what is known, then every room
 * settles, in a fixed order, the difference between what is and what should be.
 */
#include "redis_protocol_rooms.h"

#include <errno.h>
#include <string.h>

bool protocol_has_rule(const struct protocol *p, enum protocol_rule rule)
{
    return !(p->config.without >> rule & 1);
}

struct protocol_effect *protocol_add(struct protocol *p, enum protocol_effect_kind kind)
{
    /* What does not fit is asked for at the next event: every room compares anew. */
    static struct protocol_effect overflow;
    struct protocol_effects *effects = p->effects;
    struct protocol_effect *effect =
        effects->count < PROTOCOL_EFFECTS_MAX ? &effects->effect[effects->count++] : &overflow;

    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    return effect;
}

uint64_t protocol_order(struct protocol *p, enum protocol_effect_kind kind, uint32_t node)
{
    struct protocol_effect *effect = protocol_add(p, kind);

    effect->order = ++p->order;
    effect->node = node;
    return p->order;
}

void protocol_wake(struct protocol *p, uint64_t at_ms)
{
    if (at_ms <= p->now_ms)
        at_ms = p->now_ms + 1;
    if (at_ms < p->effects->wake_ms)
        p->effects->wake_ms = at_ms;
}

void protocol_note(struct protocol *p, enum protocol_note note, uint32_t node, uint64_t number)
{
    struct protocol_effect *effect = protocol_add(p, PROTOCOL_EFFECT_HISTORY);

    effect->note = note;
    effect->node = node;
    effect->number = number;
}

void protocol_init(struct protocol *p, const struct protocol_config *config)
{
    memset(p, 0, sizeof(*p));
    p->config = *config;
    p->backstop = -1;
    p->unheard = true; /* nothing is known yet: a primary found running must not write on */
    p->trouble = config->incarnation << 20; /* no number of an earlier watch comes again */
    p->refused_ms = config->refused_ms;
    protocol_view_init(p);
}

static void take_quorum(struct protocol *p, uint64_t ring, bool quorate)
{
    p->quorum_said = true;
    p->quorum_ring = ring;
    p->quorate = quorate;
    if (!quorate)
        p->lease_ms = 0;
}

static void take_message(struct protocol *p, const struct protocol_event *event)
{
    switch (event->message.kind) {
    case REDIS_MESSAGE_TICK:
        if (event->node == p->config.self)
            protocol_tick_back(p, event->message.tick_ms);
        break;
    case REDIS_MESSAGE_TELL:
        protocol_hear(p, event->node, &event->message.told);
        break;
    case REDIS_MESSAGE_HELLO: /* Sentinel's: no concern of ours */
        break;
    }
}

static void take_request(struct protocol *p, const struct protocol_event *event)
{
    if (p->config.obeys == MEMBER_AUTHORITY_SENTINEL) {
        protocol_follow_ask(p, event->request, event->deadline_ms);
        return;
    }
    switch (event->request) {
    case PROTOCOL_REQUEST_PROMOTE:
        protocol_claim_ask(p, event->deadline_ms);
        break;
    case PROTOCOL_REQUEST_FORCE:
        p->forced = true;
        break;
    case PROTOCOL_REQUEST_DEMOTE:
    case PROTOCOL_REQUEST_SWITCHOVER:
    case PROTOCOL_REQUEST_STOP:
        protocol_move_ask(p, event->request, event->to, event->deadline_ms);
        break;
    }
}

static void write_off(struct protocol *p, uint32_t node)
{
    struct redis_held *held = protocol_held(p, node);

    if (held && !held->written_off) {
        held->written_off = true;
        p->record.generation++;
    }
}

static void set_fenced(struct protocol *p, uint32_t node)
{
    struct protocol_member *m = protocol_member(p, node);

    if (m && !m->in_ring)
        m->fenced = true;
}

static void take_file(struct protocol *p, const struct protocol_event *event)
{
    if (event->kind == PROTOCOL_EVENT_FILE_WRITTEN) {
        protocol_file_written(p, event->number);
        return;
    }
    p->file_asked = 0;
    p->file_failed_ms = p->now_ms;
}

static void take_cib(struct protocol *p, const struct protocol_event *event)
{
    if (event->kind == PROTOCOL_EVENT_CIB_FAILED)
        p->cib_asked = 0;
    else if (event->number > p->cib_epoch)
        p->cib_epoch = event->number;
}

static void take_quorum_event(struct protocol *p, const struct protocol_event *event)
{
    bool is_lost = event->kind == PROTOCOL_EVENT_BUS_LOST;

    if (is_lost)
        p->on_bus = false;
    take_quorum(p, is_lost ? p->ring : event->ring, !is_lost && event->yes);
}

static void take_loss(struct protocol *p, const struct protocol_event *event)
{
    if (event->kind == PROTOCOL_EVENT_FENCED)
        set_fenced(p, event->of);
    else
        write_off(p, event->of);
}

static void take(struct protocol *p, const struct protocol_event *event)
{
    switch (event->kind) {
    case PROTOCOL_EVENT_WAKE:
        break;
    case PROTOCOL_EVENT_RECORD:
        protocol_record_loaded(p, &event->record);
        break;
    case PROTOCOL_EVENT_DIGEST:
        protocol_digest(p, &event->digest);
        break;
    case PROTOCOL_EVENT_SERVER_SILENT:
        protocol_silent(p, event->silent_ms);
        break;
    case PROTOCOL_EVENT_SERVER_GONE:
        protocol_gone(p);
        break;
    case PROTOCOL_EVENT_RING:
        protocol_ring(p, &event->members);
        break;
    case PROTOCOL_EVENT_GROUP:
        protocol_group(p, &event->members);
        break;
    case PROTOCOL_EVENT_QUORUM:
    case PROTOCOL_EVENT_BUS_LOST:
        take_quorum_event(p, event);
        break;
    case PROTOCOL_EVENT_MESSAGE:
        take_message(p, event);
        break;
    case PROTOCOL_EVENT_LINKS:
        protocol_links(p, &event->members, event->at_ms);
        break;
    case PROTOCOL_EVENT_FILE_WRITTEN:
    case PROTOCOL_EVENT_FILE_FAILED:
        take_file(p, event);
        break;
    case PROTOCOL_EVENT_CIB_ACCEPTED:
    case PROTOCOL_EVENT_CIB_FAILED:
        take_cib(p, event);
        break;
    case PROTOCOL_EVENT_CIB_CLAIM:
        protocol_promise(p, &event->claim);
        break;
    case PROTOCOL_EVENT_CONFIRMED:
        protocol_confirmed(p, event->number);
        break;
    case PROTOCOL_EVENT_WITNESS:
        protocol_witness(p, event->of, event->answer);
        break;
    case PROTOCOL_EVENT_SENTINEL:
        p->feed = event->feed;
        break;
    case PROTOCOL_EVENT_REQUEST:
        take_request(p, event);
        break;
    case PROTOCOL_EVENT_FENCED:
    case PROTOCOL_EVENT_WRITTEN_OFF:
        take_loss(p, event);
        break;
    }
}

/* The lease first: a loop that was held up must not act on a right that has run out. */
static void settle_by_pacemaker(struct protocol *p)
{
    protocol_settle_lease(p);
    protocol_settle_contest(p);
    protocol_settle_claim(p);
    protocol_settle_move(p);
    protocol_settle_pause(p);
    protocol_settle_orders(p);
    protocol_settle_backstop(p);
    protocol_settle_witness(p);
}

static void settle(struct protocol *p)
{
    if (p->config.obeys == MEMBER_AUTHORITY_PACEMAKER)
        settle_by_pacemaker(p);
    else
        protocol_settle_follow(p);
    protocol_settle_record(p);
    protocol_settle_priority(p);
    protocol_settle_authority(p);
    protocol_settle_score(p);
    protocol_settle_tell(p);
}

void protocol_event(struct protocol *p, const struct protocol_event *event,
                    struct protocol_effects *effects)
{
    effects->count = 0;
    effects->wake_ms = UINT64_MAX;
    p->effects = effects;
    if (event->now_ms > p->now_ms)
        p->now_ms = event->now_ms;
    take(p, event);
    protocol_find_own(p);
    if (p->loaded && !p->changing)
        settle(p);
    p->effects = NULL;
}

bool protocol_is_deposed(const struct protocol *p)
{
    return p->config.obeys == MEMBER_AUTHORITY_PACEMAKER && protocol_leads(p) &&
           p->own.epoch < protocol_newest(p)->epoch;
}

bool protocol_is_open(const struct protocol *p)
{
    return protocol_leads(p) && !p->pause && !p->pause_wanted;
}
