#include "letters/batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MORE_MAX = BATCH_MAX };

int batch_new(struct batch *batch)
{
    *batch = (struct batch){.items = calloc(BATCH_MAX, sizeof *batch->items)};
    return batch->items ? 0 : -ENOMEM;
}

void batch_empty(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].box.kind != BOX_MISSING)
            kafka_message_free(&batch->items[i].box.message);
        free(batch->items[i].edited);
    }
    batch->count = batch->bytes = 0;
}

void batch_free(struct batch *batch)
{
    if (batch->items)
        batch_empty(batch);
    free(batch->items);
    batch->items = NULL;
}

int batch_fill(struct batch *batch, struct box *box)
{
    int r = 1;

    batch_empty(batch);
    while (r == 1 && batch->count < BATCH_MAX && batch->bytes < BATCH_BYTES_MAX) {
        struct batch_item *item = &batch->items[batch->count];

        *item = (struct batch_item){.at = -1};
        r = box_next(box, &item->box);
        if (r != 1)
            break;
        item->value = item->box.letter.value;
        batch->count++;
        batch->bytes += item->box.kind == BOX_MISSING ? 0 : item->box.message.value.size;
    }
    return r < 0 ? r : 0;
}

int batch_read(struct batch *batch, const struct book *book, struct error_text *error)
{
    struct book_entry *entries[BATCH_MAX];
    size_t count = 0;
    int r;

    for (size_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];

        if (item->box.kind != BOX_LETTER)
            continue;
        book_entry_of_letter(book, &item->entry, &item->box.letter);
        entries[count++] = &item->entry;
    }
    r = book_read(book, entries, count, error);
    for (size_t i = 0; !r && i < batch->count; i++)
        if (batch->items[i].box.kind == BOX_LETTER)
            book_record(&batch->items[i].entry, &batch->items[i].record);
    return r;
}

int batch_write(struct batch *batch, const struct book *book, struct book_entry *const *more, size_t more_count, struct error_text *error)
{
    struct book_entry *entries[BATCH_MAX + MORE_MAX];
    size_t count = 0;
    int r;

    ASSERT(more_count <= MORE_MAX);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].box.kind == BOX_LETTER && batch->items[i].entry.change != BOOK_KEEP)
            entries[count++] = &batch->items[i].entry;
    for (size_t i = 0; i < more_count; i++)
        if (more[i]->change != BOOK_KEEP)
            entries[count++] = more[i];
    r = book_write(book, entries, count, error);
    for (size_t i = 0; !r && i < batch->count; i++)
        if (batch->items[i].box.kind == BOX_LETTER)
            book_record(&batch->items[i].entry, &batch->items[i].record);
    return r;
}

void batch_say(struct batch_item *item, enum batch_result result, const char *format, ...)
{
    va_list arguments;

    item->result = result;
    va_start(arguments, format);
    vsnprintf(item->why, sizeof item->why, format, arguments);
    va_end(arguments);
}

bool batch_refuse_common(struct batch_item *item)
{
    if (item->box.kind == BOX_MISSING)
        batch_say(item, BATCH_REFUSED, "there is no record at this place");
    else if (item->box.kind == BOX_FOREIGN)
        batch_say(item, BATCH_REFUSED, "this record is no dead letter of orderd's: it lacks the dlq. headers");
    else if (!item->entry.registry)
        batch_say(item, BATCH_REFUSED, "there is no market at %s to keep a record beside; see orderd init", item->entry.meta);
    else if (item->record.state == LETTERS_UNREADABLE)
        batch_say(item, BATCH_REFUSED, "its record, field %s of %s, cannot be read: remove it if nothing was done with the letter", item->entry.field,
                  item->entry.key);
    else
        return false;
    return true;
}

static void discard(struct batch_item *item, const struct discard_options *options)
{
    struct letters_record record = {.state = LETTERS_DISCARDED, .time = options->now, .at = -1, .count = item->box.letter.redrives};

    if (batch_refuse_common(item))
        return;
    if (item->record.state == LETTERS_REDRIVEN) {
        batch_say(item, BATCH_REFUSED, "it was sent back already");
    } else if (item->record.state == LETTERS_SENDING) {
        batch_say(item, BATCH_REFUSED, "a redrive of it was begun and did not end: redrive it again, which ends that");
    } else if (item->record.state == LETTERS_DISCARDED) {
        batch_say(item, BATCH_BEFORE, "it was discarded already");
    } else {
        letter_place(record.place, options->letters, item->box.partition, item->box.offset);
        snprintf(record.who, sizeof record.who, "%s", options->who);
        snprintf(record.note, sizeof record.note, "%s", options->because);
        book_put(&item->entry, &record);
        batch_say(item, BATCH_DUE, "%s", "");
    }
}

static void reopen(struct batch_item *item, const struct discard_options *options)
{
    (void)options;
    if (batch_refuse_common(item))
        return;
    if (item->record.state == LETTERS_DISCARDED) {
        item->entry.change = BOOK_REMOVE;
        batch_say(item, BATCH_DUE, "%s", "");
    } else if (item->record.state == LETTERS_OPEN) {
        batch_say(item, BATCH_BEFORE, "it is open");
    } else {
        batch_say(item, BATCH_REFUSED, "only what was discarded can be opened again; it is %s", letters_state_name(item->record.state));
    }
}

static bool is_due(const struct batch_item *item)
{
    return item->box.kind == BOX_LETTER && item->result == BATCH_DUE;
}

/* Of copies the first one is dealt with. */
static bool is_copy(const struct batch *batch, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (is_due(&batch->items[i]) && strcmp(batch->items[i].entry.field, batch->items[index].entry.field) == 0)
            return true;
    return false;
}

static int settle(struct batch *batch, const struct discard_options *options, void (*one)(struct batch_item *, const struct discard_options *),
                  struct error_text *error)
{
    int r = batch_read(batch, &options->book, error);

    for (size_t i = 0; !r && i < batch->count; i++) {
        one(&batch->items[i], options);
        if (is_due(&batch->items[i]) && is_copy(batch, i)) {
            batch->items[i].entry.change = BOOK_KEEP;
            batch_say(&batch->items[i], BATCH_BEFORE, "it is a copy of a letter before it");
        }
    }
    if (r || options->dry)
        return r;
    r = batch_write(batch, &options->book, NULL, 0, error);
    for (size_t i = 0; !r && i < batch->count; i++)
        if (is_due(&batch->items[i]))
            batch->items[i].result = BATCH_DONE;
    return r;
}

int batch_discard(struct batch *batch, const struct discard_options *options, struct error_text *error)
{
    return settle(batch, options, discard, error);
}

int batch_reopen(struct batch *batch, const struct discard_options *options, struct error_text *error)
{
    return settle(batch, options, reopen, error);
}
