// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A main for a fuzz target that is not linked with libFuzzer: it tries each file that it is given,
 * so that what once broke is tried again by any compiler, and then, with --random N, so many
 * mutations of them: cut off, spliced, with bytes changed and hostile words put in. The same seed
 * gives the same inputs. One that aborts the program is left in FUZZ-FAILED (sanitizers need
 * ASAN_OPTIONS=abort_on_error=1 for that). With clang: -fsanitize=fuzzer,address,undefined.
 */
#ifndef RHA_FUZZ_REPLAY_H
#define RHA_FUZZ_REPLAY_H

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLAY_MAX  (1 << 20)
#define MUTANT_MAX  4096
#define MUTATIONS   6 /* at most, of one input */
#define CORPUS_MAX  64
#define TELL_EVERY  100000
#define REPLAY_SEED 1
#define REPLAY_LEFT "FUZZ-FAILED"

struct replay_input {
    uint8_t *data;
    size_t size;
};

static struct {
    struct replay_input corpus[CORPUS_MAX];
    size_t count;
    uint64_t random;
    struct replay_input tried;
} replayed;

/* Numbers at the ends of their types, lengths that lie, and ends in the middle. */
static const char *const replay_hostile[] = {
    "*2147483647\r\n",
    "*-2147483648\r\n",
    "*4294967296\r\n",
    "*0\r\n",
    "*-1\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    "$2147483647\r\n",
    "$-1\r\n",
    "$-2\r\n",
    "$0\r\n\r\n",
    "$18446744073709551616\r\n",
    ":9223372036854775807\r\n",
    ":-9223372036854775808\r\n",
    ":99999999999999999999\r\n",
    "+\r\n",
    "-\r\n",
    "-ERR unknown command `x`, with args beginning with: `secret`\r\n",
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775808",
    "4294973675",
    "65536",
    "-1",
    "\r\n",
    "\n",
    ",",
    " ",
    "%s%n",
    "\xff\xfe",
    "\x1b[2J",
    "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n",
    "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$-1\r\n$-1\r\n",
    "leads ",
};

/* splitmix64 */
static uint64_t replay_draw(uint64_t below)
{
    uint64_t mixed = replayed.random += 0x9e3779b97f4a7c15;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return (mixed ^ (mixed >> 31)) % below;
}

/* Puts bytes in at a random place; what does not fit falls off the end. */
static void replay_insert(struct replay_input *mutant, const uint8_t *data, size_t size)
{
    size_t at = replay_draw(mutant->size + 1), kept;

    size = size > MUTANT_MAX - at ? MUTANT_MAX - at : size;
    kept = mutant->size - at;
    kept = kept > MUTANT_MAX - at - size ? MUTANT_MAX - at - size : kept;
    memmove(mutant->data + at + size, mutant->data + at, kept);
    memcpy(mutant->data + at, data, size);
    mutant->size = at + size + kept;
}

static void replay_splice(struct replay_input *mutant)
{
    const struct replay_input *other = &replayed.corpus[replay_draw(replayed.count)];
    size_t from = replay_draw(other->size + 1);

    replay_insert(mutant, other->data + from, replay_draw(other->size - from + 1));
}

static void replay_drop(struct replay_input *mutant)
{
    size_t at = replay_draw(mutant->size + 1), count = replay_draw(mutant->size - at + 1);

    memmove(mutant->data + at, mutant->data + at + count, mutant->size - at - count);
    mutant->size -= count;
}

static void replay_mutate(struct replay_input *mutant)
{
    const char *hostile = replay_hostile[replay_draw(sizeof(replay_hostile) / sizeof(char *))];
    uint8_t byte = (uint8_t)replay_draw(256);

    switch (replay_draw(5)) {
    case 0:
        mutant->size = replay_draw(mutant->size + 1);
        break;
    case 1:
        if (mutant->size)
            mutant->data[replay_draw(mutant->size)] = byte;
        break;
    case 2:
        replay_insert(mutant, (const uint8_t *)hostile, strlen(hostile));
        break;
    case 3:
        replay_splice(mutant);
        break;
    case 4:
        replay_drop(mutant);
        break;
    }
}

/* In memory of just its size, so that a byte beyond it is seen. */
static void replay_try(const struct replay_input *input)
{
    uint8_t *data = malloc(input->size ? input->size : 1);

    if (!data)
        exit(1);
    memcpy(data, input->data, input->size);
    replayed.tried = (struct replay_input){data, input->size};
    LLVMFuzzerTestOneInput(data, input->size);
    free(data);
}

static void replay_random(uint64_t count)
{
    static uint8_t data[MUTANT_MAX];

    for (uint64_t i = 0; i < count; i++) {
        const struct replay_input *from = &replayed.corpus[replay_draw(replayed.count)];
        struct replay_input mutant = {data, from->size < MUTANT_MAX ? from->size : MUTANT_MAX};

        memcpy(data, from->data, mutant.size);
        for (uint64_t left = replay_draw(MUTATIONS) + 1; left > 0; left--)
            replay_mutate(&mutant);
        replay_try(&mutant);
        if ((i + 1) % TELL_EVERY == 0)
            fprintf(stderr, "%llu of %llu\n", (unsigned long long)i + 1, (unsigned long long)count);
    }
}

static void replay_read(const char *path)
{
    struct replay_input *input = &replayed.corpus[replayed.count];
    FILE *in = fopen(path, "r");

    input->data = malloc(REPLAY_MAX);
    if (!input->data || !in || replayed.count == CORPUS_MAX - 1) {
        perror(path);
        exit(1);
    }
    input->size = fread(input->data, 1, REPLAY_MAX, in);
    fclose(in);
    replayed.count++;
    replay_try(input);
}

/* The next SIGABRT ends the program (SA_RESETHAND). */
static void replay_aborted(int signal_number)
{
    static const char words[] = "the input that did it is in " REPLAY_LEFT "\n";
    int fd = open(REPLAY_LEFT, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd >= 0 && write(fd, replayed.tried.data, replayed.tried.size) >= 0 &&
        write(STDERR_FILENO, words, sizeof(words) - 1) > 0)
        close(fd);
    raise(signal_number);
}

/* libFuzzer brings a strong one. */
__attribute__((weak)) int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = replay_aborted, .sa_flags = (int)SA_RESETHAND};
    uint64_t count = 0;

    sigaction(SIGABRT, &action, NULL);
    replayed.random = REPLAY_SEED;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--random") == 0 && i + 1 < argc)
            count = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            replayed.random = strtoull(argv[++i], NULL, 10);
        else
            replay_read(argv[i]);
    }
    if (replayed.count)
        replay_random(count);
    printf("%zu inputs, %llu mutations of them\n", replayed.count,
           (unsigned long long)(replayed.count ? count : 0));
    for (size_t i = 0; i < replayed.count; i++)
        free(replayed.corpus[i].data);
    return replayed.count ? 0 : 2;
}

#endif
