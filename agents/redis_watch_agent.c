// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watch's socket for agents. One request at a time is the protocol's, pings are answered
 * always.
 */
#include "redis_watch.h"

#include "callers.h"
#include "clock.h"
#include <inttypes.h>
#include <string.h>

#define MARK_FOLLOWS 1000 /* a sentinel-feed, as long as it lives; requests are below */

static void answer_ping(struct watch *watch, struct caller *caller)
{
    char why[CALLERS_LINE / 2];
    enum companion_state state = watch_state(watch, why, sizeof(why));
    cleanup_free char *line = xasprintf("done %s %s", companion_state_names[state], why);

    caller_answer(caller, line);
}

static const struct {
    const char *word;
    enum protocol_request request;
} requests[] = {
    {"promote", PROTOCOL_REQUEST_PROMOTE},
    {"demote", PROTOCOL_REQUEST_DEMOTE},
    {"stop", PROTOCOL_REQUEST_STOP},
};

/* How one who waits for the protocol's reply to a request is marked. */
static unsigned mark_of(enum protocol_request request)
{
    return (unsigned)request + 1;
}

static void order(struct watch *watch, struct caller *caller, enum protocol_request request,
                  int64_t ms)
{
    struct protocol_event event = {.kind = PROTOCOL_EVENT_REQUEST};

    event.request = request;
    event.deadline_ms = (uint64_t)(clock_ms() + ms);
    caller_mark(caller, mark_of(request));
    watch_event(watch, &event);
}

static void choose(struct watch *watch, struct caller *caller, const struct redis_hello *hello)
{
    caller_answer(caller, watch_news_choose(watch, hello)
                              ? "done"
                              : "refused the server here does not lead that epoch");
}

static void feed_said(void *data, struct caller *feed, const char *line)
{
    if (str_starts(line, "sees "))
        watch_sentinel_heard(data, line);
    else
        watch_witness_sentinel(data, feed, line);
}

static void feed_gone(void *data, const struct caller *feed)
{
    watch_sentinel_gone(data);
    watch_witness_sentinel_gone(data, feed);
}

static void take(void *data, struct caller *caller, const char *line)
{
    struct watch *watch = data;
    struct redis_hello hello;
    char word[32];
    int64_t ms = 0;

    if (str_eq(line, "ping")) {
        answer_ping(watch, caller);
        return;
    }
    if (str_eq(line, "reload")) {
        caller_answer(caller, watch_reload(watch) == 0
                                  ? "done"
                                  : "refused its parameters cannot be read; see its log");
        return;
    }
    if (str_eq(line, "follow")) {
        caller_mark(caller, MARK_FOLLOWS);
        caller_stay(caller, feed_said, feed_gone);
        watch_news_follow(watch, caller);
        return;
    }
    if (str_eq(line, "drop")) {
        caller_answer(caller, watch_news_drop(watch) ? "done" : "refused nobody else leads");
        return;
    }
    if (sscanf(line, "hello %" SCNu64 " %" SCNu64, &hello.epoch, &hello.number) == 2) {
        choose(watch, caller, &hello);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        if (sscanf(line, "%31s %" SCNd64, word, &ms) == 2 && str_eq(word, requests[i].word)) {
            order(watch, caller, requests[i].request, ms);
            return;
        }
    }
    caller_answer(caller, "refused this watch does not know that request; is it older than the "
                          "agent?");
}

/* The reason as an agent's exit reason goes on with it. Caller frees. */
static char *refusal(const struct watch *watch, const struct protocol_effect *effect)
{
    const char *node = effect->node ? watch_node_name(watch, effect->node) : "another node";

    switch (effect->reason) {
    case PROTOCOL_REASON_NONE:
        return xasprintf("refused %s", strerror(-effect->result));
    case PROTOCOL_REASON_NO_QUORUM:
        return xstrdup("refused this partition has no quorum");
    case PROTOCOL_REASON_PRIMARY_LIVES:
        return xasprintf("refused the primary on %s is alive and sound", node);
    case PROTOCOL_REASON_NOT_CHOSEN:
        return xasprintf("refused %s holds newer data", node);
    case PROTOCOL_REASON_CLAIMED:
        return xasprintf("refused %s claimed the role first", node);
    case PROTOCOL_REASON_DEADLINE:
        return xstrdup("refused not all that is needed came in time; see the watch's log");
    case PROTOCOL_REASON_SERVER:
        return xstrdup("refused the server is gone or did not do as it was told");
    case PROTOCOL_REASON_FILE:
        return xasprintf("refused %s/%s cannot be written; see disk and rights",
                         watch->context.state_dir, COMPANION_RECORD);
    case PROTOCOL_REASON_NOT_PRIMARY:
        return xstrdup("refused this server is not the primary");
    case PROTOCOL_REASON_NOT_REACHED:
        return xstrdup("refused no replica reached the last offset in time");
    case PROTOCOL_REASON_SENTINEL:
        return xasprintf("refused Sentinel decides, and names %s; see its log", node);
    case PROTOCOL_REASON_BUSY:
        return xstrdup("refused another request is under way");
    }
    return xstrdup("refused for a reason that is not known");
}

/* A demotion gets no answer that is a promote's. */
static struct caller *find_waiting(const struct watch *watch, bool to_promote)
{
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        enum protocol_request request = requests[i].request;
        struct caller *caller = callers_find(watch->callers, mark_of(request));

        if (caller && (request == PROTOCOL_REQUEST_PROMOTE) == to_promote)
            return caller;
    }
    return NULL;
}

/* The agent that asked may have been killed since. */
void watch_agent_reply(struct watch *watch, const struct protocol_effect *effect)
{
    cleanup_free char *text = effect->result == 0 ? xstrdup("done") : refusal(watch, effect);
    struct caller *caller = find_waiting(watch, effect->to_promote);

    if (effect->to_promote && effect->reason == PROTOCOL_REASON_SENTINEL)
        watch_sentinel_refused(watch);

    if (caller)
        caller_answer(caller, text);
}

void watch_agent_say_news(struct watch *watch, const char *line)
{
    callers_say(watch->callers, MARK_FOLLOWS, line);
}

int watch_agent_open(struct watch *watch)
{
    cleanup_free char *path = xasprintf("%s/%s", watch->context.run_dir, COMPANION_SOCKET);

    return callers_open(watch->loop, path, take, watch, &watch->callers);
}

void watch_agent_close(struct watch *watch)
{
    callers_close(watch->callers);
    watch->callers = NULL;
}
