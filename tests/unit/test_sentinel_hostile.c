// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fuzz target of Sentinel's words, on replies that a Sentinel gives, cut, spliced and changed
 * at random; the same ones in every run. HOSTILE=COUNT tries more of them.
 */
#include "util.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants setjmp, stdarg, stddef and stdint before it
#include <cmocka.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* tests/fuzz/fuzz_sentinel.c */

#define TRIES 20000
#define ROOM  1024

static const char *const samples[] = {
    "*12\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$10\r\n192.0.2.11\r\n$4\r\nport\r\n$"
    "4\r\n6379"
    "\r\n$5\r\nflags\r\n$20\r\ns_down,o_down,master\r\n$6\r\nquorum\r\n$1\r\n2\r\n$12\r\nconfig-"
    "epoch"
    "\r\n$19\r\n9223372036854775807\r\n",
    "*2\r\n*12\r\n$4\r\nname\r\n$1\r\nx\r\n$2\r\nip\r\n$10\r\n192.0.2.12\r\n$4\r\nport\r\n$"
    "4\r\n6379\r\n"
    "$5\r\nflags\r\n$5\r\nslave\r\n$11\r\nmaster-host\r\n$10\r\n192.0.2.11\r\n$14\r\nslave-"
    "priority\r\n"
    "$3\r\n100\r\n*6\r\n$4\r\nname\r\n$1\r\ny\r\n$5\r\nrunid\r\n$40\r\n"
    "0123456789012345678901234567890123456789\r\n$2\r\nip\r\n$-1\r\n",
    "+OK 3 usable Sentinels. Quorum and failover authorization can be reached\r\n",
    "-NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the majority\r\n",
    "$46\r\n# Sentinel\r\nsentinel_masters:1\r\nsentinel_tilt:1\r\n\r\n",
    "leads 192.0.2.11 6379 7 12 here",
    "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$14\r\n+switch-master\r\n"
    "$46\r\nmymaster 192.0.2.11 6379 192.0.2.12 6379 extra\r\n",
    "*-1\r\n",
    ":-9223372036854775808\r\n",
};

static uint64_t state = 1;

static size_t below(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % limit);
}

static size_t splice(uint8_t *data, size_t length)
{
    const char *sample = samples[below(ARRAY_SIZE(samples))];
    size_t from = below(4) ? 0 : below(strlen(sample));
    size_t count = below(3) ? strlen(sample) - from : below(strlen(sample) - from + 1);

    if (count > ROOM - length)
        count = ROOM - length;
    memcpy(data + length, sample + from, count);
    return length + count;
}

static void try_one(void)
{
    uint8_t data[ROOM];
    size_t length = splice(data, 0);

    if (below(3) == 0)
        length = splice(data, below(length + 1));
    for (size_t i = below(6); length && i > 0; i--) {
        uint8_t *at = &data[below(length)];

        *at = below(2) ? (uint8_t)below(256) : (uint8_t) "0123456789*$+-:\r\n,"[below(18)];
    }
    LLVMFuzzerTestOneInput(data, length);
}

static void whatever_a_sentinel_says_does_no_harm(void **unused)
{
    const char *asked = getenv("HOSTILE");
    long tries = asked ? strtol(asked, NULL, 10) : TRIES;

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        LLVMFuzzerTestOneInput((const uint8_t *)samples[i], strlen(samples[i]));
    for (long i = 0; i < tries; i++)
        try_one();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_sentinel_says_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
