#include "ledger/evidence.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

void commit_note_format(char out[KAFKA_METADATA_MAX + 1], const struct commit_note *note)
{
    snprintf(out, KAFKA_METADATA_MAX + 1, "orderd1 %s %lld %llu-%llu %lld %lld", note->incarnation, (long long)note->era,
             (unsigned long long)note->last.ms, (unsigned long long)note->last.seq, (long long)note->handed,
             (long long)note->reached);
}

/* Letters, digits and dashes that fit a registry's field: what else stands there was not written by an orderd. */
static bool is_incarnation(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '-')
            return false;
    return text.size >= 1 && text.size < CLOCK_UUID_SIZE;
}

bool commit_note_parse(const char *text, struct commit_note *note)
{
    struct commit_note found = {.era = 0};
    char again[KAFKA_METADATA_MAX + 1];
    long long era, handed, reached;
    unsigned long long ms, seq;

    *note = found;
    if (sscanf(text, "orderd1 %36s %lld %llu-%llu %lld %lld", found.incarnation, &era, &ms, &seq, &handed, &reached) != 6 || era < 1 ||
        handed < 0 || reached < 0 || !is_incarnation(bytes_of(found.incarnation)))
        return false;
    found.era = era;
    found.last = (struct stream_id){ms, seq};
    found.handed = handed;
    found.reached = reached;
    commit_note_format(again, &found);
    if (strcmp(again, text) != 0)      /* scanf also takes what we do not write: signs, spaces, one word run into the next */
        return false;
    *note = found;
    return true;
}

/* The source offset in an outcome's ce_id, when it is of this partition; -1 otherwise. */
static int64_t offset_in_id(struct bytes id, const char *topic, int32_t partition)
{
    char prefix[KAFKA_TOPIC_MAX + 16];
    size_t size = (size_t)snprintf(prefix, sizeof prefix, "%s/%d/", topic, partition);
    int64_t offset;

    if (!id.data || id.size <= size || memcmp(id.data, prefix, size) != 0 ||
        !number_parse((struct bytes){id.data + size, id.size - size}, &offset))
        return -1;
    return offset;
}

static struct bytes header_value(const struct kafka_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_text(headers[i].name, name))
            return headers[i].value;
    return (struct bytes){NULL, 0};
}

/* An incarnation that this registry does not know. */
static void note_third(struct evidence *out, const struct evidence_source *source, struct bytes incarnation)
{
    snprintf(out->third, sizeof out->third, "%.*s", (int)incarnation.size, incarnation.data);
    if (source->collect)
        registry_add_former(source->collect, out->third);
}

/* What one record of the outcome partition proves. */
static void weigh(struct evidence *out, const struct evidence_source *from, const struct kafka_message *message, const char *topic,
                  int32_t partition, const struct registry *registry)
{
    static const char prefix[] = "/orderd/";
    struct kafka_header headers[16];
    size_t count = kafka_message_headers(message, headers, 16);
    struct bytes source;
    int64_t offset;

    if (count > 16)
        count = 16;
    offset = offset_in_id(header_value(headers, count, "ce_id"), topic, partition);
    source = header_value(headers, count, "ce_source");
    if (offset < 0 || !source.data || source.size <= sizeof prefix - 1 || memcmp(source.data, prefix, sizeof prefix - 1) != 0)
        return;
    source.data += sizeof prefix - 1;
    source.size -= sizeof prefix - 1;
    if (!is_incarnation(source))
        return;
    if (offset > out->published_any)
        out->published_any = offset;
    if (registry && bytes_equal_text(source, registry->incarnation)) {
        if (offset > out->published)
            out->published = offset;
    } else if (!registry || !registry_is_former(registry, source)) {
        note_third(out, from, source);
    }
}

/* Which question Kafka left open. */
static int unanswered(const struct evidence_source *source, int r, const char *what, const char *topic, int32_t partition)
{
    return error_set(source->why, r, "kafka does not tell %s of %s:%d: %s", what, topic, partition,
                     r == -EAGAIN ? "whoever could is away or does not yet lead" : strerror(-r));
}

static int read_up_to(const struct evidence_source *source, int64_t end, struct evidence *out, const char *topic,
                      int32_t partition, const struct registry *registry)
{
    struct kafka_message message;
    int64_t at = -1;

    while (at < end) {
        int r = kafka_reader_next(source->reader, source->timeout_ms, &message);

        if (r < 0)
            return r;
        if (r == 0)
            return -ETIMEDOUT;
        r = message.kind == KAFKA_FAILED ? message.error : 0;
        at = message.kind == KAFKA_MESSAGE ? message.offset + 1 : message.offset;
        if (message.kind == KAFKA_MESSAGE)
            weigh(out, source, &message, topic, partition, registry);
        if (message.kind == KAFKA_END && at < end)
            at = end;      /* the rest are control records */
        kafka_message_free(&message);
        if (r)
            return r == -ERANGE ? -EAGAIN : r;
    }
    return 0;
}

int evidence_tail(const struct evidence_source *source, const char *topic, int32_t partition,
                  const struct registry *registry, int64_t *reached, struct evidence *out)
{
    int64_t start, end, from = *reached;
    int r = kafka_in_bounds(source->in, source->outcomes, partition, &start, &end, source->timeout_ms);

    if (r)
        return unanswered(source, r, "the bounds", source->outcomes, partition);
    if (source->tail_max && from < end - source->tail_max)
        from = end - source->tail_max;
    if (from < start)
        from = start;
    if (from < end) {
        r = kafka_reader_open(source->reader, source->outcomes, partition, from);
        if (!r)
            r = read_up_to(source, end, out, topic, partition, registry);
        kafka_reader_close(source->reader);
        if (r)
            return unanswered(source, r, "the last outcomes", source->outcomes, partition);
    }
    *reached = end;
    return 0;
}

/* Whether the message that was decided last is still the one that Redis remembers. */
static int read_fingerprint(struct evidence *out, const struct evidence_source *source, const char *topic,
                            int32_t partition, const struct mark *mark)
{
    char found[MARK_FINGERPRINT_SIZE];
    struct kafka_message message;
    int r;

    out->fingerprint = FINGERPRINT_GONE;
    if (mark->fingerprint_offset < out->log_start || mark->fingerprint_offset >= out->log_end)
        return 0;
    r = kafka_reader_open(source->reader, topic, partition, mark->fingerprint_offset);
    if (!r)
        r = kafka_reader_next(source->reader, source->timeout_ms, &message);
    if (r == 1) {
        if (message.kind == KAFKA_MESSAGE && message.offset == mark->fingerprint_offset) {
            mark_fingerprint(found, message.timestamp, message.key, message.value);
            out->fingerprint = strcmp(found, mark->fingerprint) == 0 ? FINGERPRINT_SAME : FINGERPRINT_DIFFERS;
        }
        kafka_message_free(&message);
        r = 0;
    } else if (r == 0) {
        r = -ETIMEDOUT;
    }
    kafka_reader_close(source->reader);
    return r ? unanswered(source, r, "the message decided last", topic, partition) : 0;
}

static int read_commit(struct evidence *out, const struct evidence_source *source, const char *topic, int32_t partition,
                       const struct registry *registry)
{
    struct kafka_position position = {.partition = partition};
    int r;

    snprintf(position.topic, sizeof position.topic, "%s", topic);
    r = kafka_in_committed(source->in, &position, 1, source->timeout_ms);
    if (r)
        return unanswered(source, r, "the commit", topic, partition);
    out->committed = position.offset;
    if (position.offset == KAFKA_OFFSET_NONE || !commit_note_parse(position.metadata, &out->note))
        return 0;
    if (registry && strcmp(out->note.incarnation, registry->incarnation) == 0)
        out->noted = true;
    else if (!registry || !registry_is_former(registry, bytes_of(out->note.incarnation)))
        note_third(out, source, bytes_of(out->note.incarnation));
    return 0;
}

static void nothing_yet(struct evidence *out)
{
    *out = (struct evidence){.committed = KAFKA_OFFSET_NONE, .published = -1, .published_any = -1, .fingerprint = FINGERPRINT_GONE};
}

int evidence_of_outcomes(struct evidence *out, const struct evidence_source *source, const char *topic, int32_t partition, const struct registry *registry)
{
    int r;

    nothing_yet(out);
    r = read_commit(out, source, topic, partition, registry);
    if (r)
        return r;
    out->from_start = !out->noted;
    out->reached = out->noted ? out->note.reached : 0;
    return evidence_tail(source, topic, partition, registry, &out->reached, out);
}

int evidence_read(struct evidence *out, const struct evidence_source *source, const char *topic, int32_t partition,
                  const struct registry *registry, const struct mark *mark)
{
    int64_t start, end;
    int r;

    nothing_yet(out);
    r = kafka_in_bounds(source->in, topic, partition, &start, &end, source->timeout_ms);
    if (r)
        return unanswered(source, r, "the bounds", topic, partition);
    r = evidence_of_outcomes(out, source, topic, partition, registry);
    out->log_start = start;
    out->log_end = end;
    if (!r && mark)
        r = read_fingerprint(out, source, topic, partition, mark);
    return r;
}
