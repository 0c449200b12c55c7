// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long a message on the bus takes to come back to its sender, who gets it like every other
 * member: one after another, with nothing else of ours under way.
 */
#include "bus_probe.h"

#include <errno.h>
#include <string.h>

#define PINGS_MAX   100000
#define PING_PREFIX "#ping "

static struct {
    size_t wanted, count;
    int64_t sent_us;
    int64_t *took_us;
} pings;

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static void ping_send(struct bus *bus)
{
    int rc;

    pings.sent_us = now_us();
    rc = bus_send(bus, PING_PREFIX, sizeof(PING_PREFIX));
    if (rc)
        tell("pings rc=%d", rc);
}

static void ping_came(struct bus *bus)
{
    pings.took_us[pings.count++] = now_us() - pings.sent_us;
    if (pings.count < pings.wanted) {
        ping_send(bus);
        return;
    }
    qsort(pings.took_us, pings.count, sizeof(pings.took_us[0]), by_number);
    tell("pings count=%zu median_us=%lld p99_us=%lld max_us=%lld", pings.count,
         (long long)pings.took_us[pings.count / 2],
         (long long)pings.took_us[pings.count * 99 / 100],
         (long long)pings.took_us[pings.count - 1]);
    free(steal_pointer(&pings.took_us));
}

int ping_begin(struct bus *bus, size_t count)
{
    if (count == 0 || count > PINGS_MAX)
        return -EINVAL;
    pings.wanted = count;
    pings.count = 0;
    free(pings.took_us);
    pings.took_us = xcalloc(count, sizeof(pings.took_us[0]));
    ping_send(bus);
    return 0;
}

bool ping_heard(struct bus *bus, struct bus_member from, const void *bytes, size_t length)
{
    if (length != sizeof(PING_PREFIX) || memcmp(bytes, PING_PREFIX, length) != 0)
        return false;
    if (pings.took_us && from.pid == (uint32_t)getpid())
        ping_came(bus);
    return true;
}

void ping_forget(void)
{
    free(steal_pointer(&pings.took_us));
}
