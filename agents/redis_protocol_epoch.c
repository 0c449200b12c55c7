// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Epochs: which promotion's data a server holds, who else held them, which claims were made; and
 * the file that keeps it. The epoch of data follows from their replication id alone, never from
 * what a watch remembers: so a server that was restarted with less, or nothing, says so.
 */
#include "redis_protocol_rooms.h"

#include <string.h>

const struct redis_timeline *protocol_newest(const struct protocol *p)
{
    static const struct redis_timeline none;
    const struct protocol_record *record = &p->record;
    return record->timeline_count ? &record->timelines[record->timeline_count - 1] : &none;
}

/*
 * A replica that resyncs partially takes the new replication id at once and the data a little
 * later: below the beginning of the timeline it still holds the one before.
 */
uint64_t protocol_epoch_of(const struct protocol *p, const struct redis_replid *replid,
                           uint64_t offset)
{
    size_t i = p->record.timeline_count;

    while (i > 0 && !redis_replid_equal(&p->record.timelines[i - 1].replid, replid))
        i--;
    while (i > 0 && p->record.timelines[i - 1].begin > offset)
        i--;
    return i > 0 ? p->record.timelines[i - 1].epoch : 0;
}

/*
 * Before it has loaded, and with AOF even then, a server knows no position; what was stored stands
 * in for it.
 */
static bool speaks_from_store(const struct protocol *p)
{
    if (p->answered ? p->digest.loading : !p->stopping)
        return p->record.stored_exact; /* stopped cleanly, loads: it will have what it had */
    return p->stored_run == p->digest.run && p->stored_run;
}

/*
 * To be called whenever something changed that the position of our data follows from. Every room
 * asks for it at every event, so it is not worked out anew each time.
 */
void protocol_find_own(struct protocol *p)
{
    struct protocol_position *own = &p->own;

    own->epoch = protocol_epoch_of(p, &p->digest.replid, p->digest.offset);
    own->offset = p->digest.offset;
    own->exact = true;
    if (!own->epoch && speaks_from_store(p)) {
        own->epoch = p->record.stored_epoch;
        own->offset = p->record.stored_offset;
        own->exact = p->record.stored_exact;
    }
    if (!protocol_has_rule(p, PROTOCOL_RULE_RESTART_EPOCH))
        for (size_t i = 0; i < p->record.held_count; i++)
            if (p->record.held[i].node == p->config.self && p->record.held[i].epoch > own->epoch)
                own->epoch = p->record.held[i].epoch;
}

static size_t place_of(const struct protocol *p, uint64_t epoch)
{
    size_t i = p->record.timeline_count;

    while (i > 0 && p->record.timelines[i - 1].epoch != epoch)
        i--;
    return i;
}

/* It may hold writes: its primary might write alone, or somebody was heard, or heard of, to follow.
 */
static bool is_written(const struct protocol *p, const struct redis_timeline *timeline)
{
    bool written = timeline->written;

    for (size_t i = 0; i < p->record.held_count; i++)
        written = written || (p->record.held[i].epoch == timeline->epoch &&
                              p->record.held[i].node != timeline->primary);
    return written;
}

/*
 * A timeline that nobody followed, and whose primary never might write alone, holds nothing new:
 * whoever has it has no more than the one before.
 */
uint64_t protocol_written_epoch(const struct protocol *p, uint64_t epoch)
{
    size_t i = place_of(p, epoch);

    if (!i)
        return epoch; /* none that we know */
    while (i > 0 && !is_written(p, &p->record.timelines[i - 1]))
        i--;
    return i > 0 ? p->record.timelines[i - 1].epoch : 0;
}

/* Claims that were given up leave gaps, so it is not one less. */
uint64_t protocol_epoch_before(const struct protocol *p, uint64_t epoch)
{
    size_t i = place_of(p, epoch);

    return i > 1 ? p->record.timelines[i - 2].epoch : 0;
}

uint64_t protocol_begin_of(const struct protocol *p, uint64_t epoch)
{
    size_t i = place_of(p, epoch);

    return i > 0 ? p->record.timelines[i - 1].begin : 0;
}

static void changed(struct protocol *p)
{
    p->record.generation++;
    protocol_find_own(p);
}

static struct redis_timeline *find_timeline(struct protocol *p, uint64_t epoch)
{
    for (size_t i = 0; i < p->record.timeline_count; i++)
        if (p->record.timelines[i].epoch == epoch)
            return &p->record.timelines[i];
    return NULL;
}

/*
 * Two timelines of one number: of two claims neither's ring knew the other's. That takes a claim
 * which was in fewer files than a quorum's, and a CIB that lost it. With three nodes only the lone
 * primary had a file then, so nobody followed it, and nobody confirmed its writes: the other wins.
 * Of two alike all must take the same one for true, whatever they heard first.
 */
static void replace_twin(struct protocol *p, struct redis_timeline *known,
                         const struct redis_timeline *other)
{
    int order = memcmp(other->replid.byte, known->replid.byte, sizeof(known->replid.byte));
    bool later = other->begin > known->begin || (other->begin == known->begin && order > 0);

    if (other->in_files == known->in_files ? !later : !other->in_files)
        return;
    *known = *other;
    changed(p);
}

void protocol_timeline_add(struct protocol *p, const struct redis_timeline *timeline)
{
    struct protocol_record *record = &p->record;
    struct redis_timeline *known = find_timeline(p, timeline->epoch);
    size_t at = record->timeline_count;

    if (!timeline->epoch)
        return;
    if (known && !redis_replid_equal(&known->replid, &timeline->replid)) {
        replace_twin(p, known, timeline);
        return;
    }
    if (known) {
        if (timeline->written && !known->written) {
            known->written = true;
            changed(p);
        }
        if (timeline->in_files && !known->in_files) {
            known->in_files = true; /* ours is of a file of before this was known */
            changed(p);
        }
        return;
    }
    if (at == PROTOCOL_TIMELINES) {
        if (timeline->epoch < record->timelines[0].epoch)
            return;
        memmove(&record->timelines[0], &record->timelines[1],
                sizeof(record->timelines[0]) * (PROTOCOL_TIMELINES - 1));
        at--;
    }
    while (at > 0 && record->timelines[at - 1].epoch > timeline->epoch) {
        record->timelines[at] = record->timelines[at - 1];
        at--;
    }
    record->timelines[at] = *timeline;
    if (record->timeline_count < PROTOCOL_TIMELINES)
        record->timeline_count++;
    changed(p);
}

/*
 * The highest claim that may still become a primary: no timeline has come of it or of a later one,
 * and its maker has not said that it gave up. A maker that went silent may have given up or not.
 */
static struct redis_claim open_promise(const struct protocol *p)
{
    struct redis_claim none = {0};
    struct redis_claim claim = p->record.promised;

    if (claim.epoch <= protocol_newest(p)->epoch)
        return none;
    if (claim.node == p->config.self)
        return p->claim >= PROTOCOL_CLAIM_TOLD && p->claim_epoch == claim.epoch ? claim : none;
    for (size_t i = 0; i < p->member_count; i++) {
        const struct protocol_member *m = &p->member[i];
        if (m->id == claim.node && m->heard && m->last.claim != claim.epoch &&
            m->last.promised.epoch >= claim.epoch)
            return none;
    }
    return claim;
}

struct redis_claim protocol_open_claim(const struct protocol *p)
{
    struct redis_claim open = open_promise(p);

    /* A higher one that was given up says nothing of a lower one that somebody still pursues. */
    for (size_t i = 0; i < p->member_count && !open.epoch; i++) {
        const struct protocol_member *m = &p->member[i];
        if (i != p->self && m->heard && m->last.claim > protocol_newest(p)->epoch)
            open = (struct redis_claim){.epoch = m->last.claim, .node = m->id};
    }
    return open;
}

struct redis_held *protocol_held(struct protocol *p, uint32_t node)
{
    struct protocol_record *record = &p->record;

    for (size_t i = 0; i < record->held_count; i++)
        if (record->held[i].node == node)
            return &record->held[i];
    if (!node || record->held_count == REDIS_MEMBERS_MAX)
        return NULL;
    record->held[record->held_count] = (struct redis_held){.node = node};
    return &record->held[record->held_count++];
}

static void set_held(struct protocol *p, uint32_t node, uint64_t epoch, bool written_off)
{
    struct redis_held *held = protocol_held(p, node);

    if (held && (held->epoch != epoch || held->written_off != written_off)) {
        held->epoch = epoch;
        held->written_off = written_off;
        changed(p);
    }
}

/* What others know of absent holders: the higher epoch is believed, for it makes us wait. */
static void absorb_held(struct protocol *p, const struct redis_told *told)
{
    for (size_t i = 0; i < told->held_count; i++) {
        const struct redis_held *theirs = &told->held[i];
        const struct protocol_member *m = protocol_member(p, theirs->node);
        const struct redis_held *ours = protocol_held(p, theirs->node);
        if (!ours || !m || m->fresh)
            continue;
        if (theirs->epoch > ours->epoch)
            set_held(p, theirs->node, theirs->epoch, theirs->written_off);
        else if (theirs->epoch == ours->epoch && theirs->written_off)
            set_held(p, theirs->node, ours->epoch, true);
    }
}

/*
 * A claim heard of by whatever way. The CIB's copy matters where a member of the ring had no watch
 * when the claim was made: its CIB has it, and its watch, started later, would not.
 */
void protocol_promise(struct protocol *p, const struct redis_claim *claim)
{
    if (claim->epoch <= p->record.promised.epoch)
        return;
    p->record.promised = *claim;
    changed(p);
}

void protocol_absorb(struct protocol *p, const struct protocol_member *m)
{
    const struct redis_told *told = &m->last;
    struct redis_claim claim = {.epoch = told->claim, .node = m->id};

    protocol_promise(p, &claim);
    protocol_promise(p, &told->promised);
    protocol_timeline_add(p, &told->newest);
    uint64_t newest = protocol_newest(p)->epoch;
    struct redis_timeline *timeline = find_timeline(p, told->epoch);
    if (timeline && timeline->primary != m->id && !timeline->written) {
        timeline->written = true; /* a follower holds it, so its primary may have taken writes */
        changed(p);
    }
    if (m->fresh && told->server == MEMBER_SERVER_ANSWERS && told->link != MEMBER_LINK_SYNCING)
        /* of a timeline that nobody was told of, nobody can hold anything */
        set_held(p, m->id, told->epoch < newest ? told->epoch : newest, false);
    absorb_held(p, told);
}

void protocol_record_loaded(struct protocol *p, const struct protocol_record *record)
{
    p->record = *record;
    p->saved = *record;
    p->loaded = true;
    if (p->config.obeys == MEMBER_AUTHORITY_SENTINEL)
        protocol_retire_record(p);
    if (p->config.led_before && protocol_newest(p)->primary == p->config.self)
        p->led_last = protocol_newest(p)->epoch;
    protocol_trust_store(p);
    p->began_ms = p->now_ms;
    for (size_t i = 0; i < p->member_count; i++)
        if (p->member[i].heard &&
            p->config.obeys == MEMBER_AUTHORITY_PACEMAKER) /* while the file was being read */
            protocol_absorb(p, &p->member[i]);
}

void protocol_file_written(struct protocol *p, uint64_t generation)
{
    if (generation != p->file_asked)
        return;
    p->file_asked = 0;
    p->saved = p->writing;
}

void protocol_store_position(struct protocol *p, bool exact)
{
    struct protocol_record *record = &p->record;
    struct protocol_position own = p->own;

    if (record->stored_epoch == own.epoch && record->stored_exact == exact &&
        (!exact || record->stored_offset == own.offset))
        return;
    record->stored_epoch = own.epoch;
    record->stored_offset = own.offset;
    record->stored_exact = exact;
    changed(p);
}

/*
 * A server that keeps no position itself: what it held a while ago (long enough to be on its disk)
 * is stored now and then. Not its position after a crash, but no less than that.
 */
static void keep_position(struct protocol *p)
{
    if (p->record.stored_exact || p->record.stored_epoch != p->own.epoch) {
        protocol_store_position(p, false);
        p->record.stored_offset = 0;
        protocol_find_own(p);
        p->kept_ms = p->now_ms;
        p->kept_offset = p->own.offset;
        return;
    }
    if (!p->digest.aof || p->now_ms < p->kept_ms + PROTOCOL_KEEP_MS)
        return;
    if (p->digest.aof_behind) {
        p->kept_offset = 0; /* nothing of what it holds now is surely there */
        return;
    }
    if (p->kept_offset > p->record.stored_offset) {
        p->record.stored_offset = p->kept_offset;
        changed(p);
    }
    p->kept_ms = p->now_ms;
    p->kept_offset = p->own.offset;
}

void protocol_settle_record(struct protocol *p)
{
    bool live = p->answered && p->live_run == p->digest.run;

    if (live && !p->stopping && p->own.epoch)
        keep_position(p);
    if (p->record.generation == p->saved.generation)
        return;
    bool lost = p->file_asked && p->now_ms >= p->file_asked_ms + 1000;
    if (p->file_asked && !lost && p->file_asked == p->record.generation)
        return;
    if (p->file_failed_ms && p->now_ms < p->file_failed_ms + PROTOCOL_RETRY_MS)
        return;
    if (p->file_asked && !lost)
        return; /* one write at a time; the next has all that came meanwhile */
    p->writing = p->record;
    p->file_asked = p->record.generation;
    p->file_asked_ms = p->now_ms;
    protocol_add(p, PROTOCOL_EFFECT_WRITE_FILE)->number = p->record.generation;
}
