// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * redis-watch INSTANCE NODE: the resident companion of ocf:redis-ha:redis. Launched, asked and
 * ended by the agent. Events come from the rooms, go through the protocol, and its effects go back
 * to the rooms.
 */
#include "redis_watch.h"

#include "clock.h"
#include "companion_run.h"
#include "config.h"
#include "log.h"
#include "proc.h"
#include "redis_authority.h"
#include "redis_companion.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define BEFORE_MS 2000 /* an agent launches us well within this time of starting the server */

const char *watch_node_name(const struct watch *watch, uint32_t id)
{
    static char number[16];

    for (size_t i = 0; i < watch->nodes.count; i++) {
        if (watch->nodes.node[i].id == id)
            return watch->nodes.node[i].name;
    }
    snprintf(number, sizeof(number), "node %u", id);
    return number;
}

static void note_history(const struct watch *watch, const struct protocol_effect *effect)
{
    const char *node = watch_node_name(watch, effect->node);

    switch (effect->note) {
    case PROTOCOL_NOTE_PROMOTED:
        log_notice("promoted: this server is the primary of epoch %llu",
                   (unsigned long long)effect->number);
        break;
    case PROTOCOL_NOTE_CRASHED:
        log_error("the primary here ended by itself; see its log and the kernel's");
        break;
    case PROTOCOL_NOTE_HUNG:
        log_error("the primary on %s gives no answer, say two witnesses", node);
        break;
    case PROTOCOL_NOTE_UNCOVERED:
        log_warning(
            "promoted although %s, which is absent, was last known at offset %llu: what lies "
            "between is not here",
            node, (unsigned long long)effect->number);
        break;
    case PROTOCOL_NOTE_STOPPED:
        log_error("the server did not confirm the pause of writes in time, so it was stopped");
        break;
    }
}

/* What a watch knows and holds under one authority is of no use under the other, so it begins anew,
 * as one that was killed would. */
static void change_authority(struct watch *watch, enum member_authority authority)
{
    bool sentinel = authority == MEMBER_AUTHORITY_SENTINEL;
    int rc =
        redis_authority_note(&watch->context, sentinel ? AUTHORITY_SENTINEL : AUTHORITY_PACEMAKER);

    if (rc)
        log_error("the authority cannot be noted in %s (%s), so it does not change",
                  watch->context.state_dir, strerror(-rc));
    else
        log_notice("from now on %s decides which server is the primary",
                   sentinel ? "Sentinel" : "Pacemaker");
    watch->begins_anew = true;
    loop_stop(watch->loop);
}

static void carry_out(struct watch *watch, const struct protocol_effect *effect)
{
    switch (effect->kind) {
    case PROTOCOL_EFFECT_SEAL:
    case PROTOCOL_EFFECT_FOLLOW:
    case PROTOCOL_EFFECT_TAKE_ROLE:
    case PROTOCOL_EFFECT_PAUSE:
    case PROTOCOL_EFFECT_RESUME:
    case PROTOCOL_EFFECT_BACKSTOP:
    case PROTOCOL_EFFECT_DROP_CLIENTS:
    case PROTOCOL_EFFECT_PRIORITY:
        watch_redis_order(watch, effect);
        break;
    case PROTOCOL_EFFECT_STOP:
        watch_redis_signal(watch, SIGSTOP);
        break;
    case PROTOCOL_EFFECT_CONTINUE:
        watch_redis_signal(watch, SIGCONT);
        break;
    case PROTOCOL_EFFECT_KILL:
        watch_redis_signal(watch, SIGKILL);
        break;
    case PROTOCOL_EFFECT_ASK_SERVER:
        watch_redis_ask(watch);
        break;
    case PROTOCOL_EFFECT_ASK_LINKS:
        watch_ring_ask_links(watch);
        break;
    case PROTOCOL_EFFECT_ASK_WITNESS:
        watch_witness_ask(watch, effect->node);
        break;
    case PROTOCOL_EFFECT_WRITE_FILE:
        watch_store_write(watch, effect->number);
        break;
    case PROTOCOL_EFFECT_WRITE_CIB:
        watch_cib_claim(watch, effect->number);
        break;
    case PROTOCOL_EFFECT_TELL:
        watch_ring_tell(watch);
        break;
    case PROTOCOL_EFFECT_TICK:
        watch_ticks_send(watch);
        break;
    case PROTOCOL_EFFECT_SCORE:
        watch_attributes_score(watch, effect->score);
        break;
    case PROTOCOL_EFFECT_STATUS:
        watch_attributes_status(watch, effect->status);
        break;
    case PROTOCOL_EFFECT_REPLY:
        watch_agent_reply(watch, effect);
        break;
    case PROTOCOL_EFFECT_HISTORY:
        note_history(watch, effect);
        break;
    case PROTOCOL_EFFECT_FAILOVER:
        watch_sentinel_failover(watch, effect->node);
        break;
    case PROTOCOL_EFFECT_AUTHORITY:
        change_authority(watch, effect->authority);
        break;
    }
}

void watch_event(struct watch *watch, struct protocol_event *event)
{
    struct protocol_effects effects;
    int64_t left;

    event->now_ms = (uint64_t)clock_ms();
    protocol_event(&watch->protocol, event, &effects);
    watch_journal(watch);
    /* Before the effects, one of which may come back here with an event, and a wake, of its own. */
    left = effects.wake_ms == UINT64_MAX ? PROTOCOL_TELL_MS
                                         : (int64_t)(effects.wake_ms - event->now_ms);
    (void)loop_timer_start(watch->wake, left > 0 ? left : 1);
    for (size_t i = 0; i < effects.count; i++)
        carry_out(watch, &effects.effect[i]);
    watch_cib_held(watch);
    watch_news_update(watch);
}

static void wake(void *data)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_WAKE};

    watch_event(data, &event);
}

/* Larger than any before it: the wall clock in milliseconds is, unless it was set back. */
static uint64_t incarnation(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A primary by the agents' note, that was not started together with this watch by the same agent.
 */
static bool has_led_before(const struct watch *watch)
{
    struct proc_id id;

    return redis_server_was_promoted(&watch->server) &&
           proc_load(watch->server.process_path, &id) == 0 && proc_check(&id) == PROC_ALIVE &&
           proc_age_ms(&id) >= BEFORE_MS;
}

static enum member_authority member_authority(int authority)
{
    return authority == AUTHORITY_SENTINEL ? MEMBER_AUTHORITY_SENTINEL : MEMBER_AUTHORITY_PACEMAKER;
}

static int protocol_open(struct watch *watch)
{
    struct protocol_config config = {
        .incarnation = incarnation(),
        .down_after_ms = (uint32_t)watch->params.down_after_ms,
        .max_lag = (uint64_t)watch->params.max_lag_bytes,
        .led_before = has_led_before(watch),
        .refused_ms = watch_sentinel_refused_ms(watch),
        .wants = member_authority(watch->params.authority),
        .obeys = member_authority((int)redis_authority_in_force(&watch->context))};
    int rc = nodes_read(&watch->nodes);

    if (rc || watch->nodes.local >= watch->nodes.count)
        return rc ? rc : -ENOENT;
    config.self = watch->nodes.node[watch->nodes.local].id;
    config.ring_change_ms = watch->nodes.ring_change_ms;
    for (size_t i = 0; i < watch->nodes.count && i < REDIS_MEMBERS_MAX; i++) {
        config.nodes[i].id = watch->nodes.node[i].id;
        snprintf(config.nodes[i].name, sizeof(config.nodes[i].name), "%.63s",
                 watch->nodes.node[i].name);
        config.node_count = i + 1;
    }
    protocol_init(&watch->protocol, &config);
    return 0;
}

static const struct {
    const char *name;
    int (*open)(struct watch *watch);
    void (*close)(struct watch *watch);
} rooms[] = {
    {"attributes", watch_attributes_open, watch_attributes_close},
    {"agent", watch_agent_open, watch_agent_close},
    {"witness", watch_witness_open, watch_witness_close},
    {"backlog", watch_backlog_open, watch_backlog_close},
    {"redis", watch_redis_open, watch_redis_close},
    {"ring", watch_ring_open, watch_ring_close},
    {"ticks", watch_ticks_open, watch_ticks_close},
    {"store", watch_store_open, watch_store_close},
    {"cib", watch_cib_open, watch_cib_close},
};

static int rooms_open(struct watch *watch)
{
    for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
        int rc = rooms[i].open(watch);

        if (rc) {
            log_error("redis-watch cannot run: %s: %s", rooms[i].name, strerror(-rc));
            return rc;
        }
    }
    return 0;
}

static int params_read(const struct watch *watch, struct redis_params *params)
{
    const struct companion self = companion_watch(&watch->context);

    return companion_params_read(&self, redis_param_table, params);
}

int watch_reload(struct watch *watch)
{
    struct redis_params fresh = {0};
    int rc = params_read(watch, &fresh);

    if (rc)
        return rc;
    watch->params.down_after_ms = fresh.down_after_ms;
    watch_redis_hold(watch);
    watch->params.max_lag_bytes = fresh.max_lag_bytes;
    watch->params.authority = fresh.authority;
    watch->protocol.config.wants = member_authority(fresh.authority);
    watch->protocol.config.down_after_ms = (uint32_t)fresh.down_after_ms;
    watch->protocol.config.max_lag = (uint64_t)fresh.max_lag_bytes;
    log_notice("from now on down_after is %lld ms, max_lag %lld bytes, authority %s is wanted",
               (long long)fresh.down_after_ms, (long long)fresh.max_lag_bytes,
               fresh.authority == AUTHORITY_SENTINEL ? "sentinel" : "pacemaker");
    wake(watch);
    return 0;
}

static int watch_open(void *data)
{
    struct watch *watch = data;
    int rc;

    watch->wake = loop_timer_new(watch->loop, LOOP_HIGH, wake, watch);
    rc = watch->wake ? protocol_open(watch) : -ENOMEM;
    return rc ? rc : rooms_open(watch);
}

static void watch_close(void *data)
{
    struct watch *watch = data;

    for (size_t i = ARRAY_SIZE(rooms); i-- > 0;)
        rooms[i].close(watch);
    loop_timer_free(watch->wake);
}

int main(int argc, char **argv)
{
    static struct watch watch;
    int rc;

    if (argc != 3) {
        fprintf(stderr, "usage: redis-watch INSTANCE NODE\n"
                        "The companion of ocf:redis-ha:redis; the agent launches it.\n");
        return 2;
    }
    log_open_resident("redis-watch");
    watch.context = companion_context("redis", argv[1], argv[2]);
    if (params_read(&watch, &watch.params) < 0)
        return 1;
    redis_server_open(&watch.server, &watch.context, &watch.params);
    watch.loop = loop_new();
    rc = watch.loop ? companion_run(watch.loop, watch_open, watch_close, &watch) : -ENOMEM;
    loop_free(watch.loop);
    redis_server_close(&watch.server);
    if (watch.begins_anew) { /* as the same process, which the agent knows */
        rc = proc_become(RHA_LIBEXEC_DIR "/redis-watch", argv);
        log_error("redis-watch could not begin anew: %s", strerror(-rc));
    }
    return rc ? 1 : 0;
}
