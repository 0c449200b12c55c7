// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our own server: what its INFO says, when it is gone, and when it counts as hung.
 */
#include "redis_protocol_rooms.h"

#include <string.h>

/* Another process under the same name: nothing that was ordered of the old one holds for it. */
static void meet_process(struct protocol *p)
{
    p->answered = true;
    p->stopping = false;
    p->yields = false;
    p->role_order = 0;
    p->sealing = false;
    p->live_run = 0;
    p->stored_run = 0;
    bool stopped = p->stopped;
    protocol_pause_forget(p);
    p->stopped =
        stopped; /* its answer was on the way when it was stopped: it is to go on some time */
}

/*
 * A process with AOF has loaded what it has, and nothing came over a link yet: what was stored of
 * its position stands in for it. To be looked at when both are known, the data and the file.
 */
void protocol_trust_store(struct protocol *p)
{
    const struct protocol_digest *digest = &p->digest;

    if (p->loaded && p->answered && !digest->loading && digest->aof && !digest->empty &&
        digest->role == MEMBER_ROLE_REPLICA && p->live_run != digest->run && p->record.stored_epoch)
        p->stored_run = digest->run;
}

/*
 * Data that are other than when this process was first seen came over a link, though no look fell
 * into the time when it was up.
 */
static bool has_moved(struct protocol *p, const struct protocol_digest *digest)
{
    if (p->first_run != digest->run) {
        p->first_run = digest->run;
        p->first_replid = digest->replid;
        p->first_offset = digest->offset;
    }
    return digest->offset != p->first_offset ||
           !redis_replid_equal(&digest->replid, &p->first_replid);
}

static void note_trouble(struct protocol *p, bool was_sound)
{
    bool sound = protocol_leads(p) && p->server == MEMBER_SERVER_ANSWERS;

    if (sound != was_sound)
        p->trouble++;
}

static bool is_sound(const struct protocol *p)
{
    return protocol_leads(p) && p->server == MEMBER_SERVER_ANSWERS;
}

void protocol_digest(struct protocol *p, const struct protocol_digest *digest)
{
    bool was_sound = is_sound(p);

    if (!p->answered || p->digest.run != digest->run)
        meet_process(p);
    p->digest = *digest;
    p->digest_ms = p->now_ms;
    p->silent = false;
    p->server = digest->loading ? MEMBER_SERVER_LOADING : MEMBER_SERVER_ANSWERS;
    if (!digest->loading) {
        bool linked = digest->role == MEMBER_ROLE_REPLICA && digest->link == MEMBER_LINK_UP;
        bool leads = digest->role == MEMBER_ROLE_PRIMARY;
        /* AOF keeps no replication id, so one that belongs to a timeline came over a link. */
        bool given = digest->aof && protocol_epoch_of(p, &digest->replid, digest->offset);
        if (has_moved(p, digest) || given || linked || leads)
            p->live_run = digest->run;
        if (linked || leads)
            p->yields = p->forced = false;
        protocol_trust_store(p);
        if (linked)
            p->stored_run = 0; /* its data are the primary's now */
    }
    note_trouble(p, was_sound);
}

/* Another watch, or Sentinel's quorum, has looked at our server, and found this. */
static bool another_says(const struct protocol *p, enum member_answer answer)
{
    if (p->sentinel == answer)
        return true;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (m->told && m->last.suspect == p->config.self && i != p->self &&
            m->last.suspect_answers == answer)
            return true;
    }
    return false;
}

/*
 * No answer. That takes a primary's role away, and a replica out of the ranks, so a second witness
 * must have found the same: the watch's own connection may be what is ill. It must find the same
 * as long as that stands, too, for the server may have come back while our connection has not.
 */
void protocol_silent(struct protocol *p, uint64_t silent_ms)
{
    bool was_sound = is_sound(p);
    bool second =
        another_says(p, MEMBER_ANSWER_NO) || !protocol_has_rule(p, PROTOCOL_RULE_TWO_WITNESSES);

    p->silent = silent_ms * 2 >= p->config.down_after_ms;
    if (p->server == MEMBER_SERVER_HUNG && !second && another_says(p, MEMBER_ANSWER_YES))
        p->server = !p->answered        ? MEMBER_SERVER_UNKNOWN
                    : p->digest.loading ? MEMBER_SERVER_LOADING
                                        : MEMBER_SERVER_ANSWERS;
    bool alive = p->server != MEMBER_SERVER_GONE && p->server != MEMBER_SERVER_STOPPED;
    if (alive && silent_ms >= p->config.down_after_ms && second &&
        p->server != MEMBER_SERVER_HUNG) {
        p->server = MEMBER_SERVER_HUNG;
        if (protocol_leads(p))
            protocol_note(p, PROTOCOL_NOTE_HUNG, p->config.self, p->own.epoch);
    }
    note_trouble(p, was_sound);
}

void protocol_gone(struct protocol *p)
{
    bool was_sound = is_sound(p);

    if (p->answered && protocol_leads(p) && !p->stopping) {
        protocol_note(p, PROTOCOL_NOTE_CRASHED, p->config.self, p->own.epoch);
        p->crashed_ms = p->now_ms;
    }
    p->server = p->stopping ? MEMBER_SERVER_STOPPED : MEMBER_SERVER_GONE;
    p->answered = p->silent = false;
    protocol_pause_forget(p);
    note_trouble(p, was_sound);
}

/*
 * An order that waits in the socket of a server which hangs, or that a script refuses, can only be
 * taken back by killing a server whose memory may be the last copy; so it is given to one that has
 * answered just now.
 */
bool protocol_has_just_answered(struct protocol *p)
{
    if (protocol_leads(p) || p->now_ms <= p->digest_ms + PROTOCOL_JUST_MS)
        return true;
    if (p->now_ms >= p->asked_ms + PROTOCOL_JUST_MS) {
        p->asked_ms = p->now_ms;
        protocol_add(p, PROTOCOL_EFFECT_ASK_SERVER);
    }
    return false;
}

void protocol_witness(struct protocol *p, uint32_t of, enum member_answer answer)
{
    if (!of) {
        p->sentinel = answer;
        return;
    }
    p->witness.node = of;
    p->witness.answer = answer;
}

/* Somebody's watch gets no answer from its server: look from here. */
void protocol_settle_witness(struct protocol *p)
{
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (i == p->self || !m->in_group || !m->told || m->last.suspect != m->id)
            continue;
        if (p->witness.node != m->id)
            p->witness.answer = MEMBER_ANSWER_UNKNOWN;
        if (p->witness.node == m->id && p->now_ms < p->witness.asked_ms + PROTOCOL_RETRY_MS)
            return;
        p->witness.node = m->id;
        p->witness.asked_ms = p->now_ms;
        protocol_add(p, PROTOCOL_EFFECT_ASK_WITNESS)->node = m->id;
        return;
    }
    p->witness.node = 0;
    p->witness.answer = MEMBER_ANSWER_UNKNOWN;
}
