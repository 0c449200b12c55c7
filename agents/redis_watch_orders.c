// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol's orders to the local server, as Redis's commands.
 */
#include "redis_watch.h"

#include "log.h"
#include "node_address.h"
#include "redis_start.h"
#include "redis_watch_digest.h"
#include <inttypes.h>

#define FOR_EVER_MS         "315360000000" /* ten years: only an UNPAUSE ends the pause */
#define BACKLOG_TTL_DEFAULT "3600"         /* Redis's own */

static void order_follow(struct watch *watch, const struct protocol_effect *effect)
{
    char host[REDIS_HOST_SIZE], port[16];
    int number;

    if (watch_peer_address(watch, effect->node, host, sizeof(host), &number) < 0) {
        log_error("the address of the server on %s is not known, so it cannot be followed",
                  watch_node_name(watch, effect->node));
        return;
    }
    snprintf(port, sizeof(port), "%d", number);
    log_notice("following %s (%s:%s)", watch_node_name(watch, effect->node), host, port);
    watch_redis_send(watch, effect, (const char *const[]){"REPLICAOF", host, port, NULL});
}

static void order_seal(struct watch *watch, const struct protocol_effect *effect)
{
    char port[16];

    snprintf(port, sizeof(port), "%d", REDIS_NOWHERE_PORT);
    log_notice("sealing: the server is detached from its primary");
    watch_redis_send(watch, effect,
                     (const char *const[]){"REPLICAOF", REDIS_NOWHERE_HOST, port, NULL});
}

static void order_pause(struct watch *watch, const struct protocol_effect *effect)
{
    char ms[24] = FOR_EVER_MS;

    if (effect->number)
        snprintf(ms, sizeof(ms), "%" PRIu64, effect->number);
    log_notice("writes are paused");
    watch_redis_send(watch, effect, (const char *const[]){"CLIENT", "PAUSE", ms, "WRITE", NULL});
}

static void set(struct watch *watch, const char *key, const char *value)
{
    watch_redis_say(watch, (const char *const[]){"CONFIG", "SET", key, value, NULL});
}

static void order_backstop(struct watch *watch, const struct protocol_effect *effect)
{
    char replicas[16];

    snprintf(replicas, sizeof(replicas), "%d", (int)effect->number);
    set(watch, "min-replicas-max-lag", "2");
    watch_redis_send(
        watch, effect,
        (const char *const[]){"CONFIG", "SET", "min-replicas-to-write", replicas, NULL});
}

static const char *user_value(const struct watch *watch, const char *key, const char *fallback)
{
    const char *value = watch->server.conf ? redis_conf_value(watch->server.conf, key) : NULL;

    return value ? value : fallback;
}

/* What Pacemaker's authority holds is the user's again where Sentinel decides: what a backstop
 * refuses there, and for how long, is not ours to say. */
static void give_back(struct watch *watch)
{
    uint64_t run = watch->protocol.digest.run;

    if (watch->given_back == run || watch->protocol.config.obeys != MEMBER_AUTHORITY_SENTINEL)
        return;
    watch->given_back = run;
    set(watch, "min-replicas-to-write", user_value(watch, "min-replicas-to-write", "0"));
    set(watch, "min-replicas-max-lag", user_value(watch, "min-replicas-max-lag", "10"));
    watch_redis_say(watch, (const char *const[]){"CLIENT", "UNPAUSE", NULL});
}

/*
 * The backlog's time goes with it, as the mark of our 0 should CONFIG REWRITE write it
 * (redis_priority.c); besides, a server whose backlog is freed has no position
 * (redis_watch_backlog.c).
 */
static void order_priority(struct watch *watch, const struct protocol_effect *effect)
{
    const char *ttl = user_value(watch, "repl-backlog-ttl", "0");
    char priority[16];

    snprintf(priority, sizeof(priority), "%d", effect->number ? watch->server.priority : 0);
    give_back(watch);
    log_info("replica-priority is to be %s", priority);
    if (effect->number && str_eq(ttl, "0"))
        ttl = BACKLOG_TTL_DEFAULT;
    set(watch, "repl-backlog-ttl", effect->number ? ttl : "0");
    watch_redis_send(watch, effect,
                     (const char *const[]){"CONFIG", "SET", "replica-priority", priority, NULL});
}

void watch_redis_order(struct watch *watch, const struct protocol_effect *effect)
{
    if (!watch_redis_is_up(watch))
        return; /* the protocol gives it again */
    switch (effect->kind) {
    case PROTOCOL_EFFECT_SEAL:
        order_seal(watch, effect);
        break;
    case PROTOCOL_EFFECT_FOLLOW:
        order_follow(watch, effect);
        break;
    case PROTOCOL_EFFECT_TAKE_ROLE:
        log_notice("taking the role of the primary");
        watch_redis_send(watch, effect, (const char *const[]){"REPLICAOF", "NO", "ONE", NULL});
        break;
    case PROTOCOL_EFFECT_PAUSE:
        order_pause(watch, effect);
        break;
    case PROTOCOL_EFFECT_RESUME:
        log_notice("writes go on");
        watch_redis_send(watch, effect, (const char *const[]){"CLIENT", "UNPAUSE", NULL});
        break;
    case PROTOCOL_EFFECT_BACKSTOP:
        order_backstop(watch, effect);
        break;
    case PROTOCOL_EFFECT_DROP_CLIENTS:
        watch_redis_send(
            watch, effect,
            (const char *const[]){"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", NULL});
        break;
    case PROTOCOL_EFFECT_PRIORITY:
        order_priority(watch, effect);
        break;
    default: /* an order, but not to the server */
        return;
    }
    watch_redis_ask_anew(watch);
}
