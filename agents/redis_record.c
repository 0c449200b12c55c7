// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes and reads the epoch file's text.
 */
#include "redis_record.h"

#include "util.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define HEAD   "redis-ha-epochs"
#define FORMAT 1
#define DIGITS (2 * sizeof(struct redis_replid))

static void put_replid(FILE *out, const struct redis_replid *replid)
{
    for (size_t i = 0; i < sizeof(replid->byte); i++)
        fprintf(out, "%02x", replid->byte[i]);
}

static void put_timeline(FILE *out, const struct redis_timeline *timeline)
{
    fprintf(out, "timeline %" PRIu64 " %" PRIu32 " %" PRIu64 " %d ", timeline->epoch,
            timeline->primary, timeline->begin, timeline->written);
    put_replid(out, &timeline->replid);
    fprintf(out, " %d\n", timeline->in_files);
}

char *redis_record_format(const struct protocol_record *record)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    fprintf(out, HEAD " %d\n", FORMAT);
    fprintf(out, "generation %" PRIu64 "\n", record->generation);
    fprintf(out, "promised %" PRIu64 " %" PRIu32 "\n", record->promised.epoch,
            record->promised.node);
    fprintf(out, "stored %" PRIu64 " %" PRIu64 " %d\n", record->stored_epoch, record->stored_offset,
            record->stored_exact);
    for (size_t i = 0; i < record->timeline_count; i++)
        put_timeline(out, &record->timelines[i]);
    for (size_t i = 0; i < record->held_count; i++)
        fprintf(out, "held %" PRIu32 " %" PRIu64 " %d\n", record->held[i].node,
                record->held[i].epoch, record->held[i].written_off);
    fputs("end\n", out);
    if (fclose(out))
        abort();
    return text;
}

static bool take_timeline(const char *line, struct protocol_record *record)
{
    struct redis_timeline timeline;
    char replid[DIGITS + 1];
    int written, in_files = 0; /* the latter is missing in files of before it was known */

    if (record->timeline_count == PROTOCOL_TIMELINES ||
        sscanf(line, "timeline %" SCNu64 " %" SCNu32 " %" SCNu64 " %d %40[0-9a-f] %d",
               &timeline.epoch, &timeline.primary, &timeline.begin, &written, replid,
               &in_files) < 5 ||
        redis_replid_parse(replid, &timeline.replid) < 0)
        return false;
    timeline.written = written;
    timeline.in_files = in_files;
    record->timelines[record->timeline_count++] = timeline;
    return true;
}

static bool take_held(const char *line, struct protocol_record *record)
{
    struct redis_held held;
    int written_off;

    if (record->held_count == REDIS_MEMBERS_MAX ||
        sscanf(line, "held %" SCNu32 " %" SCNu64 " %d", &held.node, &held.epoch, &written_off) != 3)
        return false;
    held.written_off = written_off;
    record->held[record->held_count++] = held;
    return true;
}

static bool take_stored(const char *line, struct protocol_record *record)
{
    int exact;

    if (sscanf(line, "stored %" SCNu64 " %" SCNu64 " %d", &record->stored_epoch,
               &record->stored_offset, &exact) != 3)
        return false;
    record->stored_exact = exact;
    return true;
}

static bool take_line(const char *line, struct protocol_record *record)
{
    if (str_starts(line, "timeline "))
        return take_timeline(line, record);
    if (str_starts(line, "held "))
        return take_held(line, record);
    if (str_starts(line, "stored "))
        return take_stored(line, record);
    if (str_starts(line, "promised "))
        return sscanf(line, "promised %" SCNu64 " %" SCNu32, &record->promised.epoch,
                      &record->promised.node) == 2;
    return sscanf(line, "generation %" SCNu64, &record->generation) == 1;
}

static int fail(struct protocol_record *record, unsigned number, unsigned *line, int rc)
{
    memset(record, 0, sizeof(*record));
    *line = number;
    return rc;
}

int redis_record_parse(const char *text, struct protocol_record *record, unsigned *line)
{
    cleanup_free char *copy = xstrdup(text);
    char *state = NULL, *word = strtok_r(copy, "\n", &state);
    unsigned number = 1;
    int format;

    memset(record, 0, sizeof(*record));
    if (!word || sscanf(word, HEAD " %d", &format) != 1)
        return fail(record, number, line, -EBADMSG);
    if (format != FORMAT)
        return fail(record, number, line, -EPROTONOSUPPORT);
    while ((word = strtok_r(NULL, "\n", &state))) {
        number++;
        if (str_eq(word, "end"))
            return 0;
        if (!take_line(word, record))
            return fail(record, number, line, -EBADMSG);
    }
    return fail(record, 0, line, -EBADMSG);
}
