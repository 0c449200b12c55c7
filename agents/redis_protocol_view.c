// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is there and who leads, as the bus has told it. All watches of a ring hear the same messages
 * in the same order; what follows from messages alone is therefore the same on all of them. That is
 * why even the own state counts here only as it came back over the bus.
 */
#include "redis_protocol_rooms.h"

#include <stdio.h>
#include <string.h>

struct protocol_member *protocol_member(struct protocol *p, uint32_t id)
{
    for (size_t i = 0; i < p->member_count; i++)
        if (p->member[i].id == id)
            return &p->member[i];
    if (!id || p->member_count == REDIS_MEMBERS_MAX)
        return NULL;
    struct protocol_member *m = &p->member[p->member_count++];
    memset(m, 0, sizeof(*m));
    m->id = id;
    return m;
}

void protocol_view_init(struct protocol *p)
{
    for (size_t i = 0; i < p->config.node_count; i++) {
        struct protocol_member *m = protocol_member(p, p->config.nodes[i].id);
        if (m)
            snprintf(m->name, sizeof(m->name), "%s", p->config.nodes[i].name);
    }
    p->self = (size_t)(protocol_member(p, p->config.self) - p->member);
}

static bool is_listed(const struct protocol_members *members, uint32_t id)
{
    for (size_t i = 0; i < members->count; i++)
        if (members->id[i] == id)
            return true;
    return false;
}

static void forget_told(struct protocol_member *m)
{
    m->told = false;
    m->fresh = false;
}

/* To be called whenever what is known of the members has changed: everybody asks for it. */
static void find_primary(struct protocol *p)
{
    const struct protocol_member *best = NULL;

    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (m->in_group && m->told && m->last.role == MEMBER_ROLE_PRIMARY &&
            m->last.server == MEMBER_SERVER_ANSWERS && (!best || m->last.epoch > best->last.epoch))
            best = m;
    }
    p->primary = best ? (size_t)(best - p->member) + 1 : 0;
}

void protocol_ring(struct protocol *p, const struct protocol_members *members)
{
    for (size_t i = 0; i < members->count; i++)
        protocol_member(p, members->id[i]);
    for (size_t i = 0; i < p->member_count; i++) {
        struct protocol_member *m = &p->member[i];
        bool here = is_listed(members, m->id);
        m->fresh = false; /* what was told in another ring may be overtaken: say it again */
        if (here && !m->in_ring) {
            m->joined_ms = p->now_ms;
            m->fenced = false;
            forget_told(m);
        }
        if (!here && m->in_ring) {
            m->left_ms = p->now_ms;
            m->left = true;
            m->in_group = false;
            forget_told(m);
        }
        m->in_ring = here;
    }
    find_primary(p);
    p->on_bus = true;
    p->ring = members->ring;
    p->ring_ms = p->now_ms;
    if (members->quorum)
        p->quorum = members->quorum;
    /* Too small to be quorate: its callback comes later, and the others count from their ring. */
    if (members->count < p->quorum && protocol_has_rule(p, PROTOCOL_RULE_LINK_QUORUM))
        p->lease_ms = 0;
}

void protocol_group(struct protocol *p, const struct protocol_members *members)
{
    for (size_t i = 0; i < members->count; i++)
        protocol_member(p, members->id[i]);
    for (size_t i = 0; i < p->member_count; i++) {
        struct protocol_member *m = &p->member[i];
        bool here = is_listed(members, m->id);
        if (here != m->in_group) {
            forget_told(m);
            p->sent_any = false; /* a newcomer has heard nothing: everybody tells again */
            if (here)
                m->joined_ms = p->now_ms;
        }
        m->in_group = here;
    }
    find_primary(p);
}

/*
 * A primary that crashed, stopped or was demoted never leads again under the same epoch. Told on,
 * so that a watch which starts later does not wait for it.
 */
static void note_end(struct protocol *p, const struct protocol_member *m)
{
    const struct redis_timeline *newest = protocol_newest(p);
    bool over = m->last.server == MEMBER_SERVER_GONE || m->last.server == MEMBER_SERVER_STOPPED ||
                (m->last.server == MEMBER_SERVER_ANSWERS && m->last.role == MEMBER_ROLE_REPLICA &&
                 m->last.claim != newest->epoch); /* it is taking the role: not told yet */

    if (m->id == newest->primary && over && m->told && newest->epoch > p->ended)
        p->ended = newest->epoch;
    if (m->last.ended > p->ended)
        p->ended = m->last.ended;
}

void protocol_hear(struct protocol *p, uint32_t node, const struct redis_told *told)
{
    struct protocol_member *m = protocol_member(p, node);

    if (!m)
        return;
    m->last = *told;
    m->heard = true;
    m->left = false;
    /* A message that waited through a ring change tells of a time before it. */
    if (told->ring == p->ring && m->in_ring && m->in_group)
        m->told = m->fresh = true;
    find_primary(p);
    if (p->config.obeys == MEMBER_AUTHORITY_SENTINEL)
        return; /* epochs are Pacemaker's */
    protocol_absorb(p, m);
    note_end(p, m);
}

bool protocol_quorate(const struct protocol *p)
{
    return p->on_bus && p->quorate && p->quorum_ring == p->ring;
}

/* Its agent stopped server and watch, and it has not left the ring since: nothing to hear. */
static bool is_accounted_for(const struct protocol_member *m)
{
    return m->in_ring && !m->in_group && m->heard && !m->left &&
           m->last.server == MEMBER_SERVER_STOPPED;
}

bool protocol_everybody_heard(const struct protocol *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->member_count; i++) {
        count += is_accounted_for(&p->member[i]);
        if (!p->member[i].in_group)
            continue;
        if (!p->member[i].fresh)
            return false;
        count++;
    }
    return count >= p->quorum && count > 0;
}

size_t protocol_heard_count(const struct protocol *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->member_count; i++)
        count += (p->member[i].in_group && p->member[i].fresh) || is_accounted_for(&p->member[i]);
    return count;
}

const struct protocol_member *protocol_primary(const struct protocol *p)
{
    return p->primary ? &p->member[p->primary - 1] : NULL;
}

/* It leads the newest timeline that is known, and nobody is about to begin another. */
bool protocol_is_good(const struct protocol *p, const struct protocol_member *m)
{
    return m->last.epoch > 0 && m->last.epoch >= protocol_newest(p)->epoch &&
           protocol_open_claim(p).epoch <= m->last.epoch;
}

const struct protocol_member *protocol_good_primary(const struct protocol *p)
{
    const struct protocol_member *m = protocol_primary(p);
    return m && protocol_is_good(p, m) ? m : NULL;
}

/*
 * A primary whose watch does not run, or has not told yet since it came back: it may well be
 * sound, so nothing is done against it. Its agent's monitor starts the watch again, and Pacemaker
 * knows the node. One that had left the ring and is back without its watch was switched off: to
 * wait for it could make its own start wait for us (Pacemaker starts it after our promote).
 */
bool protocol_primary_unknown(const struct protocol *p)
{
    const struct redis_timeline *newest = protocol_newest(p);

    if (newest->epoch && p->ended >= newest->epoch)
        return false;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (!m->in_ring || m->told || (m->left && !m->in_group))
            continue;
        if (m->heard ? m->last.role == MEMBER_ROLE_PRIMARY &&
                           m->last.server == MEMBER_SERVER_ANSWERS && m->last.epoch >= newest->epoch
                     : newest->epoch && newest->primary == m->id)
            return true;
    }
    return false;
}

bool protocol_leads(const struct protocol *p)
{
    return p->answered && p->digest.role == MEMBER_ROLE_PRIMARY;
}
