// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One word in a file.
 */
#include "redis_authority.h"

#include "util.h"

#define WORD_SIZE 16

static char *path_in(const char *folder)
{
    return xasprintf("%s/authority", folder);
}

enum redis_authority redis_authority_in_force(const struct ocf_context *context)
{
    cleanup_free char *path = path_in(context->state_dir);
    cleanup_free char *word = NULL;

    return file_read(path, WORD_SIZE, &word) == 0 && str_starts(word, "sentinel")
               ? AUTHORITY_SENTINEL
               : AUTHORITY_PACEMAKER;
}

int redis_authority_note(const struct ocf_context *context, enum redis_authority authority)
{
    const char *word = authority == AUTHORITY_SENTINEL ? "sentinel\n" : "pacemaker\n";
    cleanup_free char *lasting = path_in(context->state_dir);
    cleanup_free char *shown = path_in(context->run_dir);
    int rc = file_write_atomic(lasting, word, 0600);

    return rc ? rc : file_write_atomic(shown, word, 0600);
}
