// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the rooms of the protocol's state machine (redis_protocol*.c) show each other, and nobody
 * else. Each has one `protocol_settle_...`, called in a fixed order after every event.
 */
#ifndef RHA_REDIS_PROTOCOL_ROOMS_H
#define RHA_REDIS_PROTOCOL_ROOMS_H

#include "redis_protocol.h"

/* redis_protocol.c */
bool protocol_has_rule(const struct protocol *p, enum protocol_rule rule);
struct protocol_effect *protocol_add(struct protocol *p, enum protocol_effect_kind kind);
uint64_t protocol_order(struct protocol *p, enum protocol_effect_kind kind, uint32_t node);
void protocol_wake(struct protocol *p, uint64_t at_ms);
void protocol_note(struct protocol *p, enum protocol_note note, uint32_t node, uint64_t number);

/* redis_protocol_view.c: who is there, who leads */
struct protocol_member *protocol_member(struct protocol *p, uint32_t id); /* NULL: table full */
void protocol_view_init(struct protocol *p);
void protocol_ring(struct protocol *p, const struct protocol_members *members);
void protocol_group(struct protocol *p, const struct protocol_members *members);
void protocol_hear(struct protocol *p, uint32_t node, const struct redis_told *told);
bool protocol_quorate(const struct protocol *p); /* in the ring that stands now */
bool protocol_everybody_heard(const struct protocol *p);
size_t protocol_heard_count(const struct protocol *p);
const struct protocol_member *protocol_primary(const struct protocol *p); /* told; NULL */
bool protocol_is_good(const struct protocol *p, const struct protocol_member *m);
const struct protocol_member *protocol_good_primary(const struct protocol *p);
bool protocol_primary_unknown(const struct protocol *p);
bool protocol_leads(const struct protocol *p); /* our server has the role of primary */

/* redis_protocol_epoch.c: timelines, claims on record, the file */
const struct redis_timeline *protocol_newest(const struct protocol *p);    /* epoch 0 if none */
uint64_t protocol_written_epoch(const struct protocol *p, uint64_t epoch); /* at or before it */
uint64_t protocol_epoch_before(const struct protocol *p, uint64_t epoch);  /* 0: none */
uint64_t protocol_begin_of(const struct protocol *p, uint64_t epoch);      /* offset */
void protocol_timeline_add(struct protocol *p, const struct redis_timeline *timeline);
uint64_t protocol_epoch_of(const struct protocol *p, const struct redis_replid *replid,
                           uint64_t offset);
void protocol_find_own(struct protocol *p);
struct redis_claim protocol_open_claim(const struct protocol *p);
struct redis_held *protocol_held(struct protocol *p, uint32_t node);
void protocol_promise(struct protocol *p, const struct redis_claim *claim);
void protocol_absorb(struct protocol *p, const struct protocol_member *m);
void protocol_record_loaded(struct protocol *p, const struct protocol_record *record);
void protocol_file_written(struct protocol *p, uint64_t generation);
void protocol_store_position(struct protocol *p, bool exact);
void protocol_settle_record(struct protocol *p);

/* redis_protocol_lease.c: the right to take writes */
void protocol_tick_back(struct protocol *p, uint64_t sent_ms);
void protocol_links(struct protocol *p, const struct protocol_members *members, uint64_t at_ms);
void protocol_confirmed(struct protocol *p, uint64_t order);
void protocol_order_backstop(struct protocol *p, int replicas);
bool protocol_lease_holds(const struct protocol *p);
bool protocol_pause_stands(const struct protocol *p); /* confirmed, and the position read after */
void protocol_pause_forget(struct protocol *p);       /* another process */
void protocol_settle_lease(struct protocol *p);
void protocol_settle_pause(struct protocol *p);
void protocol_settle_backstop(struct protocol *p);

/* redis_protocol_server.c: our own server */
void protocol_digest(struct protocol *p, const struct protocol_digest *digest);
void protocol_silent(struct protocol *p, uint64_t silent_ms);
void protocol_gone(struct protocol *p);
void protocol_trust_store(struct protocol *p);
void protocol_witness(struct protocol *p, uint32_t of, enum member_answer answer);
bool protocol_has_just_answered(struct protocol *p); /* else it is asked */
void protocol_settle_witness(struct protocol *p);

/* redis_protocol_contest.c: seal, rank, follow */
uint64_t protocol_cause(const struct protocol *p);
bool protocol_sealed(const struct protocol *p);
void protocol_settle_contest(struct protocol *p);
void protocol_settle_orders(struct protocol *p);
int protocol_own_rank(const struct protocol *p); /* RANK_SCORE_... */
/* Has our server follow that one. false: it does, or was told so a moment ago. */
bool protocol_order_follow(struct protocol *p, const struct protocol_member *primary);

/* redis_protocol_claim.c: taking the role */
void protocol_claim_ask(struct protocol *p, uint64_t deadline_ms);
void protocol_claim_drop(struct protocol *p, enum protocol_reason reason, uint32_t node);
void protocol_settle_claim(struct protocol *p);

/* redis_protocol_move.c: planned changes */
void protocol_move_ask(struct protocol *p, enum protocol_request request, uint32_t to,
                       uint64_t deadline_ms);
void protocol_settle_move(struct protocol *p);

/* redis_protocol_authority.c: which one is in force */
void protocol_settle_authority(struct protocol *p);
void protocol_settle_priority(struct protocol *p);
void protocol_retire_record(struct protocol *p); /* Sentinel's authority begins */

/* redis_protocol_follow.c: authority=sentinel */
void protocol_follow_ask(struct protocol *p, enum protocol_request request, uint64_t deadline_ms);
void protocol_settle_follow(struct protocol *p);
int protocol_follow_score(struct protocol *p);
bool protocol_asks_to_lead(const struct protocol *p);

/* redis_protocol_tell.c: what goes out */
void protocol_settle_score(struct protocol *p);
void protocol_settle_tell(struct protocol *p);

#endif
