/* Where a crashing pipeline stood. Called from a signal handler: reads and copies only, no stdio, no allocation. */
#include <string.h>

#include "turn/state.h"

struct note {
    char *out;
    size_t size, limit;
};

static void put(struct note *note, const char *text)
{
    size_t size = strlen(text);

    if (size > note->limit - note->size)
        size = note->limit - note->size;
    memcpy(note->out + note->size, text, size);
    note->size += size;
}

static void put_number(struct note *note, int64_t value)
{
    char digits[NUMBER_TEXT_MAX + 1];

    digits[number_format(digits, value)] = '\0';
    put(note, digits);
}

static void put_place(struct note *note, const char *topic, int32_t partition, int64_t offset)
{
    put(note, topic);
    put(note, ":");
    put_number(note, partition);
    put(note, ":");
    put_number(note, offset);
}

static void put_run(struct note *note, const struct run *run)
{
    const struct item *item = run->first;

    put(note, " turn=");
    put_place(note, run->lane->partition->topic, run->lane->partition->number, item->message.offset);
    for (size_t i = 1; i < run->count; i++)
        item = item->next;
    put(note, "-");
    put_number(note, item->message.offset);
}

size_t pipeline_crash_note(const struct pipeline *p, char *out, size_t size)
{
    const struct turn *turn = &p->turns[p->at];
    struct note note = {out, 0, size};
    const struct kafka_message *at = p->decoding ? p->decoding : p->decide.deciding ? &p->decide.deciding->message : NULL;

    if (at) {
        put(&note, p->decoding ? "decoding=" : "deciding=");
        put_place(&note, at->topic, at->partition, at->offset);
    } else {
        put(&note, "outside of an event");
    }
    for (size_t i = 0; i < turn->runs_count; i++)
        if (turn->runs[i].count)
            put_run(&note, &turn->runs[i]);
    if (at) {
        put(&note, " quarantine=\"orderd init -c ");
        put(&note, p->options.file);
        put(&note, " --quarantine ");
        put_place(&note, at->topic, at->partition, at->offset);
        put(&note, "\" (should it crash there again)");
    }
    return note.size;
}
