#include "letters/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE_MS = 200, HIDDEN_MS = 10000 };

/* Somebody was killed between sending and writing it down, or Redis lost what was written. */
static int write_down(const struct redrive_options *o, const struct target *target, const struct kafka_message *message,
                      const struct lineage_found *found, struct error_text *error)
{
    struct letters_record record;
    struct book_entry entry = {.change = BOOK_KEEP}, *entries[] = {&entry};
    int r;

    if (found->of.size >= sizeof record.place || !book_entry_of_id(&o->book, &entry, target->partition, found->source))
        return 0;
    r = book_read(&o->book, entries, 1, error);
    if (r)
        return r;
    book_record(&entry, &record);
    if (record.state == LETTERS_REDRIVEN || record.state == LETTERS_UNREADABLE)
        return 0;
    record = (struct letters_record){.state = LETTERS_REDRIVEN, .time = message->timestamp, .at = message->offset, .count = found->count};
    memcpy(record.place, found->of.data, found->of.size);
    for (char *c = record.place; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            *c = '?';
    snprintf(record.note, sizeof record.note, "found in the topic");
    book_put(&entry, &record);
    return book_write(&o->book, entries, 1, error);
}

/* One message: how far the partition is read by it. */
static int take(const struct redrive_options *o, const struct target *target, const struct kafka_message *message, int64_t *at,
                struct error_text *error)
{
    struct kafka_header headers[LETTER_LINEAGE];
    struct lineage_found found;

    if (message->kind == KAFKA_FAILED)
        return error_set(error, message->error == -ERANGE ? -EAGAIN : message->error, "%s:%d cannot be read from %lld on: %s", target->topic, target->partition,
                         (long long)message->offset, message->reason);
    *at = message->kind == KAFKA_MESSAGE ? message->offset + 1 : message->offset;
    if (message->kind != KAFKA_MESSAGE)
        return 0;
    if (!lineage_find(&found, headers, kafka_message_headers(message, headers, LETTER_LINEAGE)))
        return 0;
    return write_down(o, target, message, &found, error);
}

/* What has lasted too long without a step: silence, or a part that is hidden. */
static int stuck(const struct target *target, bool silent, struct error_text *error)
{
    if (silent)
        return error_set(error, -ETIMEDOUT, "%s:%d cannot be read, kafka is silent", target->topic, target->partition);
    return error_set(error, -EBUSY, "a transaction of some other producer is open in %s:%d, so that nobody knows yet what lies there; try again when it has ended",
                     target->topic, target->partition);
}

/* Up to `to`, where a consumer of ours comes only once every transaction before it is ended. */
static int read_up_to(const struct redrive_options *o, const struct target *target, int64_t from, int64_t to, struct error_text *error)
{
    int64_t at = -1, reached = -1, since = clock_monotonic_ms(o->clock);
    struct kafka_message message;

    while (at < to) {
        int r = kafka_reader_next(o->reader, SLICE_MS, &message);

        if (r < 0 && r != -EAGAIN)
            return error_set(error, r, "%s:%d cannot be read: %s", target->topic, target->partition, strerror(-r));
        if (r == 1) {
            r = take(o, target, &message, &at, error);
            kafka_message_free(&message);
            if (r)
                return r;
        }
        if (at > reached) {
            reached = at;
            since = clock_monotonic_ms(o->clock);
        } else if (clock_monotonic_ms(o->clock) - since >= (at < 0 ? o->timeout_ms : HIDDEN_MS)) {
            return stuck(target, at < 0, error);
        }
        if (o->looking && !o->looking(o->context, target->topic, target->partition, at < from ? 0 : at - from, to - from))
            return error_set(error, -EINTR, "stopped while %s:%d was looked through", target->topic, target->partition);
    }
    return 0;
}

static int read_range(const struct redrive_options *o, const struct target *target, int64_t from, int64_t to, bool *read, struct error_text *error)
{
    int64_t start, end;
    int r;

    if (from >= to)
        return 0;
    r = kafka_in_bounds(o->in, target->topic, target->partition, &start, &end, o->timeout_ms);
    if (r)
        return error_set(error, r, "kafka does not tell where %s:%d begins: %s", target->topic, target->partition, strerror(-r));
    if (from < start)
        from = start;
    if (from >= to)
        return 0;
    r = kafka_reader_open(o->reader, target->topic, target->partition, from);
    if (r)
        return error_set(error, r, "%s:%d cannot be read: %s", target->topic, target->partition, strerror(-r));
    r = read_up_to(o, target, from, to, error);
    kafka_reader_close(o->reader);
    *read = true;
    return r;
}

int look_through(const struct redrive_options *o, struct kafka_out *out, struct target *t, bool *read, struct error_text *error)
{
    struct letters_looked *looked = &t->looked;
    int64_t lowest = t->lowest;
    char run[SESSION_RUN_SIZE];
    int r = kafka_transaction_log_end(out, t->topic, t->partition, &t->end, o->timeout_ms);

    session_run(o->book.redis->session, run);
    if (r)
        return error_set(error, r, "kafka does not tell where %s:%d ends: %s", t->topic, t->partition, strerror(-r));
    letters_looked_read(looked, t->entry.there ? bytes_of(t->entry.raw) : (struct bytes){NULL, 0});
    if (!looked->known || looked->upto > t->end) {      /* never looked at, or the topic was made anew */
        r = read_range(o, t, lowest, t->end, read, error);
        *looked = (struct letters_looked){.floor = lowest < t->end ? lowest : t->end};
    } else {
        bool other = strcmp(looked->run, run) != 0;     /* Redis was restarted or replaced, so it may have lost what was written last */
        int64_t from = other ? looked->upto : t->unsure >= 0 ? t->unsure : t->end;

        if (lowest < looked->floor)
            r = read_range(o, t, lowest, looked->floor, read, error);
        if (!r && other && t->unsure >= 0 && t->unsure < from)
            from = t->unsure;
        if (!r)
            r = read_range(o, t, from, t->end, read, error);
        if (lowest < looked->floor)
            looked->floor = lowest;
    }
    looked->known = true;
    looked->upto = t->end;
    snprintf(looked->run, sizeof looked->run, "%s", run);
    t->entry.change = BOOK_PUT;
    letters_looked_format(t->entry.value, looked);
    return r;
}
