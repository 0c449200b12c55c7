// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A main for a fuzz target that is not linked with libFuzzer: it tries each file that it is given,
 * so that what once broke is tried again by any compiler. With clang:
 * -fsanitize=fuzzer,address,undefined.
 */
#ifndef RHA_FUZZ_REPLAY_H
#define RHA_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLAY_MAX (1 << 20)

static void replay(const char *path)
{
    uint8_t *data = malloc(REPLAY_MAX);
    FILE *in = fopen(path, "r");
    size_t size;

    if (!data || !in) {
        perror(path);
        exit(1);
    }
    size = fread(data, 1, REPLAY_MAX, in);
    fclose(in);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

/* libFuzzer brings a strong one. */
__attribute__((weak)) int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%d inputs\n", argc - 1);
    return 0;
}

#endif
