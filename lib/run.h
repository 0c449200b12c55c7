// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a program by argv, without a shell, under a deadline, and gives its output back. The program
 * and all of its group are killed when the deadline passes.
 */
#ifndef RHA_RUN_H
#define RHA_RUN_H

#include "clock.h"

struct run_result {
    int exit_code; /* of the program; 128 + signal if one ended it */
    char *output;  /* standard output and error together, the first 64 KiB; freed by run_clear */
};

/*
 * argv[0] is a path, or a name that is looked up in PATH; standard input is /dev/null. 0 (whatever
 * the exit code), -ETIMEDOUT, -errno (exec's included). *result is to be cleared in any case; after
 * -ETIMEDOUT it holds what the program had said. The program ends with us if we are killed.
 */
int run_program(const char *const *argv, struct deadline deadline, struct run_result *result);
void run_clear(struct run_result *result);

#endif
