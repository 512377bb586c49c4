#include "letters/box.h"

#include <stdlib.h>
#include <string.h>

int box_open(struct box *box, const struct box_options *options)
{
    size_t count = (size_t)options->partitions;
    int r;

    *box = (struct box){.options = *options, .bounds = calloc(count + 1, sizeof *box->bounds)};
    if (!box->bounds)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        memcpy(box->bounds[i].topic, options->topic, strlen(options->topic) + 1);
        box->bounds[i].partition = (int32_t)i;
    }
    r = kafka_in_bounds_of_many(options->in, box->bounds, count, options->timeout_ms);
    for (size_t i = 0; !r && i < count; i++)
        if (box->bounds[i].start < 0 || box->bounds[i].end < 0)
            r = -EAGAIN;
    return r;
}

void box_close(struct box *box)
{
    free(box->bounds);
    box->bounds = NULL;
}

static bool is_meant(const struct selection *selection, const struct box_item *item)
{
    const struct letter *letter = &item->letter;
    int64_t time = item->message.timestamp;
    bool named = selection->reasons_count == 0;

    for (size_t i = 0; !named && i < selection->reasons_count; i++)
        named = strcmp(selection->reasons[i], letter->reason) == 0;
    return named && (selection->since < 0 || time >= selection->since) && (selection->until < 0 || time < selection->until) &&
           (!selection->source[0] || strcmp(selection->source, letter->topic) == 0) &&
           (selection->source_partition < 0 || selection->source_partition == letter->partition) &&
           (selection->from < 0 || letter->offset >= selection->from) && (selection->to < 0 || letter->offset <= selection->to);
}

/* The next message of the open partition: 1, or 0 at the end that it had when it was opened. What lies there now and not yet then is left. */
static int read_on(struct box *box, int64_t end, struct kafka_message *message)
{
    const struct box_options *o = &box->options;
    int64_t until = clock_monotonic_ms(o->clock) + o->timeout_ms;
    int r;

    for (;;) {
        r = kafka_reader_next(o->reader, 200, message);
        if (r < 0 && r != -EAGAIN)
            return r;
        if (r != 1 && clock_monotonic_ms(o->clock) >= until)
            return r ? r : -ETIMEDOUT;
        if (r != 1)
            continue;
        if (message->kind == KAFKA_MESSAGE && message->offset < end)
            return 1;
        r = message->kind == KAFKA_FAILED ? message->error : 0;
        kafka_message_free(message);
        return r;
    }
}

static void take(struct box_item *out, const struct kafka_message *message)
{
    struct kafka_header headers[LETTER_HEADERS_MAX];
    size_t count = kafka_message_headers(message, headers, LETTER_HEADERS_MAX);

    out->message = *message;
    out->partition = message->partition;
    out->offset = message->offset;
    out->kind = letter_read(&out->letter, message->key, message->value, headers, count) ? BOX_FOREIGN : BOX_LETTER;
}

/* Opens a partition at `from`, or where its log begins: 1, or 0 when nothing lies there. */
static int open_at(struct box *box, int32_t partition, int64_t from)
{
    const struct box_options *o = &box->options;
    int64_t start = box->bounds[partition].start, end = box->bounds[partition].end;
    int r;

    if (from > start)
        start = from;
    if (start >= end)
        return 0;
    r = kafka_reader_open(o->reader, o->topic, partition, start);
    return r ? r : 1;
}

static int open_partition(struct box *box)
{
    const struct box_options *o = &box->options;
    int32_t partition = (int32_t)box->at;
    int64_t from = 0;
    int r = o->selection->since >= 0 ? kafka_in_offset_at(o->in, o->topic, partition, o->selection->since, &from, o->timeout_ms) : 0;

    if (!r)
        r = open_at(box, partition, from);
    box->open = r == 1;
    box->at += r == 0;
    return r < 0 ? r : 0;
}

static void close_partition(struct box *box)
{
    kafka_reader_close(box->options.reader);
    box->open = false;
    box->at++;
}

static int next_place(struct box *box, struct box_item *out)
{
    const struct box_place *place = &box->options.selection->places[box->at++];
    struct kafka_message message;
    int r = place->partition < box->options.partitions ? open_at(box, place->partition, place->offset) : 0;

    out->kind = BOX_MISSING;
    out->partition = place->partition;
    out->offset = place->offset;
    if (r == 1) {
        r = read_on(box, box->bounds[place->partition].end, &message);
        kafka_reader_close(box->options.reader);
    }
    if (r == 1 && message.offset != place->offset)
        kafka_message_free(&message);
    else if (r == 1)
        take(out, &message);
    return r < 0 ? r : 1;
}

int box_next(struct box *box, struct box_item *out)
{
    const struct selection *selection = box->options.selection;
    struct kafka_message message;
    int r = 0;

    if (selection->places_count)
        return box->at < selection->places_count ? next_place(box, out) : 0;
    while (!r && box->at < (size_t)box->options.partitions) {
        if (!box->open) {
            r = open_partition(box);
            continue;
        }
        r = read_on(box, box->bounds[box->at].end, &message);
        if (r == 0)
            close_partition(box);
        if (r != 1)
            continue;
        take(out, &message);
        box->foreign += out->kind == BOX_FOREIGN;
        if (out->kind == BOX_LETTER && is_meant(selection, out))
            return 1;
        kafka_message_free(&out->message);
        r = 0;
    }
    return r;
}
