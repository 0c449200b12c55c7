// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What companions stand on, by hand: one loop with bus, quorum, links, attributes, permanent
 * attributes and failures. Reads a command a line, writes an event a line, so that a test (or a
 * person) can see what each library part tells in a real cluster:
 *
 *     bus_probe GROUP
 *     send TEXT | flood COUNT | ping COUNT | links | set NAME VALUE | unset NAME | repeat
 *     write NODE NAME VALUE | erase NODE NAME | read NODE NAME
 *     fail NODE RESOURCE INSTANCE PROVIDER AGENT | lag | quit
 */
#include "attr_manager.h"
#include "bus.h"
#include "cib_attr.h"
#include "failure.h"
#include "links.h"
#include "quorum.h"

#include "bus_probe.h"
#include "clock.h"
#include "util.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX  8
#define BEAT_MS    10
#define LINKS_MS   300
#define PROGRAM_MS 10000

static struct loop *loop;
static struct bus *bus;
static struct links *links;
static struct attr_manager *attributes;
static struct cib_attr *cib;
static struct failure *failure;

static struct loop_timer *beat;
static int64_t beat_us, lag_us;

static int64_t set_us;

int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void tell(const char *format, ...)
{
    va_list args;

    printf("%lld ", (long long)clock_ms());
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static const char *list_of(const uint32_t *nodes, size_t count)
{
    static char text[512];
    size_t length = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count && length + 12 < sizeof(text); i++)
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "%s%u", i ? "," : "", nodes[i]);
    return text;
}

/* --- how long the loop did not come round --- */

static void beat_passed(void *data)
{
    int64_t now = now_us();

    (void)data;
    if (beat_us && now - beat_us - BEAT_MS * 1000 > lag_us)
        lag_us = now - beat_us - BEAT_MS * 1000;
    beat_us = now;
    loop_timer_start(beat, BEAT_MS);
}

/* --- bus --- */

static void bus_came_up(void *data, struct bus_member self)
{
    (void)data;
    tell("bus up node=%u", self.node);
}

static void bus_went_down(void *data, int rc)
{
    (void)data;
    tell("bus down rc=%d", rc);
}

static void bus_ring(void *data, struct ring ring, const uint32_t *nodes, size_t count)
{
    (void)data;
    tell("bus ring=%llu nodes=%s", (unsigned long long)ring_key(ring), list_of(nodes, count));
}

static void bus_members(void *data, const struct bus_members *members)
{
    uint32_t nodes[BUS_MEMBERS_MAX];

    (void)data;
    for (size_t i = 0; i < members->count; i++)
        nodes[i] = members->member[i].node;
    tell("bus members=%s", list_of(nodes, members->count));
}

static void bus_message(void *data, struct bus_member from, const void *bytes, size_t length)
{
    (void)data;
    if (ping_heard(bus, from, bytes, length))
        return;
    tell("bus message from=%u text=%.*s", from.node, (int)length, (const char *)bytes);
}

/* --- quorum, links --- */

static void quorum_change(void *data, const struct quorum_view *view)
{
    (void)data;
    tell("quorum quorate=%d ring=%llu nodes=%s", view->quorate,
         (unsigned long long)ring_key(view->ring), list_of(view->node, view->count));
}

static void quorum_unknown(void *data, int rc)
{
    (void)data;
    tell("quorum unknown rc=%d", rc);
}

static void links_read(void *data, const struct links_reading *reading)
{
    uint32_t up[LINKS_NODES_MAX];
    size_t count = 0;

    (void)data;
    for (size_t i = 0; i < reading->count; i++)
        if (reading->node[i].state == LINK_UP)
            up[count++] = reading->node[i].node;
    tell("links rc=%d took_ms=%lld known=%zu up=%s", reading->rc,
         (long long)(clock_ms() - reading->asked_ms), reading->count, list_of(up, count));
}

/* --- Pacemaker --- */

static void attributes_up(void *data)
{
    (void)data;
    tell("attributes up");
}

static void attributes_down(void *data, int rc)
{
    (void)data;
    tell("attributes down rc=%d", rc);
}

static void attribute_written(void *data, const char *name, const char *value, int rc)
{
    (void)data;
    tell("attributes written %s=%s rc=%d took_us=%lld settled=%d", name, value ? value : "-", rc,
         (long long)(now_us() - set_us), attr_manager_is_settled(attributes));
}

static void cib_told(void *data, int rc, const char *value, const char *text)
{
    (void)data;
    tell("cib rc=%d value=%s text=%s", rc, value ? value : "-", text);
}

static void failure_told(void *data, int rc)
{
    (void)data;
    tell("failure rc=%d took_us=%lld", rc, (long long)(now_us() - set_us));
}

/* --- commands --- */

static int command_flood(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int rc = bus_send(bus, "flood", 5);

        if (rc) {
            tell("flood sent=%zu rc=%d under_way=%zu", i, rc, bus_under_way(bus));
            return 0;
        }
    }
    tell("flood sent=%zu rc=0 under_way=%zu", count, bus_under_way(bus));
    return 0;
}

static int command_fail(char **words)
{
    const struct failed_resource failed = {words[1], words[2], words[3], words[4], words[5]};

    set_us = now_us();
    return failure_report(failure, &failed, PROGRAM_MS, failure_told, NULL);
}

static int command_lag(void)
{
    tell("lag us=%lld", (long long)lag_us);
    lag_us = 0;
    return 0;
}

static int command_of_cluster(char **words, size_t count)
{
    const char *verb = words[0];

    set_us = now_us();
    if (str_eq(verb, "set") && count == 3)
        return attr_manager_set(attributes, words[1], words[2]);
    if (str_eq(verb, "gather") && count == 4)
        return attr_manager_set_gathered(attributes, words[1], words[2], (unsigned)atoi(words[3]));
    if (str_eq(verb, "unset") && count == 2)
        return attr_manager_set(attributes, words[1], NULL);
    if (str_eq(verb, "repeat") && count == 1)
        return attr_manager_repeat(attributes), 0;
    if (str_eq(verb, "write") && count == 4)
        return cib_attr_write(cib, words[1], words[2], words[3], PROGRAM_MS, cib_told, NULL);
    if (str_eq(verb, "erase") && count == 3)
        return cib_attr_write(cib, words[1], words[2], NULL, PROGRAM_MS, cib_told, NULL);
    if (str_eq(verb, "read") && count == 3)
        return cib_attr_read(cib, words[1], words[2], PROGRAM_MS, cib_told, NULL);
    if (str_eq(verb, "fail") && count == 6)
        return command_fail(words);
    return -EINVAL;
}

static int command_run(char **words, size_t count)
{
    const char *verb = words[0];

    if (str_eq(verb, "quit"))
        return loop_stop(loop), 0;
    if (str_eq(verb, "send") && count == 2)
        return bus_send(bus, words[1], strlen(words[1]));
    if (str_eq(verb, "flood") && count == 2)
        return command_flood(strtoul(words[1], NULL, 10));
    if (str_eq(verb, "ping") && count == 2)
        return ping_begin(bus, strtoul(words[1], NULL, 10));
    if (str_eq(verb, "links") && count == 1)
        return links_ask(links, LINKS_MS);
    if (str_eq(verb, "lag") && count == 1)
        return command_lag();
    return command_of_cluster(words, count);
}

static void line_run(char *line)
{
    char *words[WORDS_MAX], *rest = NULL;
    size_t count = 0;
    int rc;

    for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (count == 0)
        return;
    rc = command_run(words, count);
    tell("did %s rc=%d", words[0], rc);
}

static void input_ready(void *data, short events)
{
    static char line[1024];
    static size_t length;
    char byte;

    (void)data;
    (void)events;
    /* One byte a call is quick enough for a probe and cannot block. */
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        loop_stop(loop);
        return;
    }
    if (byte != '\n') {
        if (length + 1 < sizeof(line))
            line[length++] = byte;
        return;
    }
    line[length] = '\0';
    length = 0;
    line_run(line);
}

static void signal_came(void *data, int number)
{
    (void)data;
    (void)number;
    loop_stop(loop);
}

int main(int argc, char **argv)
{
    static const struct bus_events bus_events = {bus_came_up, bus_went_down, bus_ring, bus_members,
                                                 bus_message};
    static const struct quorum_events quorum_events = {quorum_change, quorum_unknown};
    static const struct attr_manager_events attr_events = {attributes_up, attributes_down,
                                                           attribute_written};
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct loop_signals *signals;
    struct loop_watch *input;
    struct quorum *quorum;

    if (argc != 2) {
        fprintf(stderr, "usage: %s GROUP\n", argv[0]);
        return 2;
    }
    loop = loop_new();
    if (!loop ||
        loop_signals_new(loop, numbers, ARRAY_SIZE(numbers), signal_came, NULL, &signals) ||
        loop_watch_new(loop, LOOP_NORMAL, STDIN_FILENO, POLLIN, input_ready, NULL, &input) ||
        quorum_open(loop, &quorum_events, NULL, &quorum) ||
        bus_open(loop, argv[1], &bus_events, NULL, &bus) ||
        links_open(loop, links_read, NULL, &links) ||
        attr_manager_open(loop, &attr_events, NULL, &attributes) || cib_attr_open(loop, &cib) ||
        failure_open(loop, &failure)) {
        perror(argv[0]);
        return 1;
    }
    beat = loop_timer_new(loop, LOOP_HIGH, beat_passed, NULL);
    beat_passed(NULL);
    loop_run(loop);
    loop_timer_free(beat);
    loop_watch_free(input);
    loop_signals_free(signals);
    bus_close(bus);
    quorum_close(quorum);
    links_close(links);
    attr_manager_close(attributes);
    cib_attr_close(cib);
    failure_close(failure);
    loop_free(loop);
    ping_forget();
    return 0;
}
