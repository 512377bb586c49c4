#include "replay/emit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "codec/text.h"

enum { ENTRIES_MAX = 1000, BYTES_MAX = 64 << 20, LINES_MAX = 256 << 20, WRITE_AT = 1 << 20, SYNC_MS = 250, READ_SIZE = 1 << 20, LINE_MAX_SIZE = 64 << 20 };

struct emit {
    struct emit_options options;
    int fd;
    struct buffer lines;
    int64_t *written;               /* by partition: the highest offset in the file */
    struct stream_id last, synced;  /* of the entries whose lines are made; are on the disk */
    int64_t synced_at, records;
};

/* What the file knows of an event: {"partition":0,"key":"k","headers":{…,"ce_id":"orders/0/17",…. In a string the quotes of that name would have
 * backslashes before them. */
static bool place_of(struct bytes line, struct bytes *topic, int64_t *partition, int64_t *offset)
{
    static const char name[] = "\"ce_id\":\"";
    const char *at = memmem(line.data, line.size, name, sizeof name - 1), *end, *slash, *second;

    if (!at)
        return false;
    at += sizeof name - 1;
    end = memchr(at, '"', (size_t)(line.data + line.size - at));
    second = end ? memrchr(at, '/', (size_t)(end - at)) : NULL;
    slash = second ? memrchr(at, '/', (size_t)(second - at)) : NULL;
    if (!slash)
        return false;
    *topic = (struct bytes){at, (size_t)(slash - at)};
    return number_parse((struct bytes){slash + 1, (size_t)(second - slash - 1)}, partition) &&
           number_parse((struct bytes){second + 1, (size_t)(end - second - 1)}, offset);
}

/* An outcome of another market says of this one's events nothing: not even that they need not be written. */
static bool is_of(struct bytes line, const char *incarnation)
{
    char source[64];
    int size = snprintf(source, sizeof source, "\"ce_source\":\"/orderd/%s\"", incarnation);

    return memmem(line.data, line.size, source, (size_t)size) != NULL;
}

static int take_line(struct emit *e, struct bytes line)
{
    struct bytes topic;
    int64_t partition, offset;

    if (!place_of(line, &topic, &partition, &offset))
        return -EBADMSG;
    for (size_t i = 0; i < e->options.partitions_count; i++) {
        const struct partition *p = e->options.partitions[i];

        if (p->number == partition && bytes_equal_text(topic, p->topic) && is_of(line, p->shard->registry.incarnation)) {
            if (offset > e->written[i])
                e->written[i] = offset;
            return 0;
        }
    }
    return -EBADMSG;
}

/* Whole lines of what was read; the rest stays for the next time. */
static int take_lines(struct emit *e, struct buffer *text, int64_t *good)
{
    size_t at = 0;
    const char *end;
    int r = 0;

    while (!r && (end = memchr(text->data + at, '\n', text->size - at))) {
        r = take_line(e, (struct bytes){text->data + at, (size_t)(end - text->data) - at});
        if (!r)
            *good += end + 1 - (text->data + at);
        at = (size_t)(end + 1 - text->data);
    }
    memmove(text->data, text->data + at, text->size - at);
    text->size -= at;
    return r;
}

static int read_back(struct emit *e, int64_t *good)
{
    struct buffer text;
    char *chunk = malloc(READ_SIZE);
    ssize_t got = 1;
    int r = chunk ? 0 : -ENOMEM;

    buffer_init(&text, LINE_MAX_SIZE);
    while (!r && got > 0) {
        got = read(e->fd, chunk, READ_SIZE);
        if (got < 0)
            r = -errno;
        if (got > 0)
            buffer_put(&text, chunk, (size_t)got);
        if (!r)
            r = buffer_error(&text);
        if (!r && text.size)
            r = take_lines(e, &text, good);
    }
    buffer_deinit(&text);
    free(chunk);
    return r;
}

/* What left the outbox must be in the file. */
static const struct partition *lacking(const struct emit *e)
{
    for (size_t i = 0; i < e->options.partitions_count; i++) {
        const struct partition *p = e->options.partitions[i];

        if (p->mark.fingerprint_offset >= 0 && p->mark.fingerprint_offset < p->mark.done && e->written[i] < p->mark.fingerprint_offset)
            return p;
    }
    return NULL;
}

static int open_file(struct emit *e, struct error_text *error)
{
    const struct partition *lack;
    int64_t good = 0;
    int r = 0;

    e->fd = open(e->options.path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (e->fd < 0)
        r = -errno;
    if (!r)
        r = read_back(e, &good);
    if (r == -EBADMSG)
        return error_set(error, r, "%s holds lines that are none of this replay's outcomes: another file, or an empty one, would be right", e->options.path);
    if (r)
        return error_set(error, r, "%s: %s", e->options.path, strerror(-r));
    lack = lacking(e);
    if (lack)
        return error_set(error, -EBADMSG, "%s lacks outcomes that were written to it, up to %s offset %lld: the file of the first run would be right", e->options.path,
                         lack->at, (long long)lack->mark.fingerprint_offset);
    if (ftruncate(e->fd, good) || lseek(e->fd, good, SEEK_SET) < 0)
        return error_set(error, -errno, "%s: %s", e->options.path, strerror(errno));
    return 0;
}

static void put_text(struct buffer *out, struct bytes text)
{
    if (text.data)
        text_put_json(out, text);
    else
        buffer_put_text(out, "null");
}

/* A key is anything; what is no text is written in hexadecimal, so that nothing of it is lost. */
static void put_key(struct buffer *out, struct bytes key)
{
    bool text = true;
    uint32_t point;

    for (size_t at = 0, size; text && at < key.size; at += size)
        text = (size = text_utf8(key.data + at, key.data + key.size, &point)) > 0;
    buffer_put_text(out, text ? ",\"key\":" : ",\"key_hex\":\"");
    if (text) {
        put_text(out, key);
        return;
    }
    for (size_t i = 0; i < key.size; i++) {
        static const char digits[] = "0123456789abcdef";

        buffer_put_char(out, digits[(unsigned char)key.data[i] >> 4]);
        buffer_put_char(out, digits[key.data[i] & 15]);
    }
    buffer_put_char(out, '"');
}

static void put_line(struct buffer *out, const struct record *record, const char *sequence)
{
    buffer_put_text(out, "{\"partition\":");
    buffer_put_int(out, record->partition);
    put_key(out, record->key);
    buffer_put_text(out, ",\"headers\":{");
    for (size_t i = 0; i < record->headers_count; i++) {
        text_put_json(out, record->headers[i].name);
        buffer_put_char(out, ':');
        put_text(out, record->headers[i].value);
        buffer_put_char(out, ',');
    }
    buffer_put_text(out, "\"ce_sequence\":\"");
    buffer_put_text(out, sequence);
    buffer_put_text(out, "\"},\"value\":");
    buffer_put_bytes(out, record->value);
    buffer_put_text(out, "}\n");
}

/* Entries that an earlier run applied and did not see written: all partitions' in the order of their ids, one at a time. */
static struct outbox_entry *next_entry(const struct emit *e, struct stream_id after, size_t *partition)
{
    struct outbox_entry *first = NULL;

    for (size_t i = 0; i < e->options.partitions_count; i++)
        for (struct outbox_entry *entry = e->options.partitions[i]->outbox.head; entry; entry = entry->next)
            if (stream_id_compare(entry->id, after) > 0 && (!first || stream_id_compare(entry->id, first->id) < 0)) {
                first = entry;
                *partition = i;
            }
    return first;
}

static int put_entry(struct emit *e, const struct outbox_entry *entry, size_t partition)
{
    struct reader reader = reader_of(buffer_bytes(&entry->records));
    char sequence[SEQUENCE_TEXT_SIZE];
    struct record record;
    int r = 0;

    for (uint32_t place = 0; !r && reader.at < reader.end; place++) {
        struct buffer line;
        struct bytes topic;
        int64_t number, offset;

        r = record_next(&reader, &record);
        if (r)
            break;
        buffer_init(&line, LINE_MAX_SIZE);
        sequence_text(sequence, entry->era, entry->sequence, place);
        put_line(&line, &record, sequence);
        if (place_of(buffer_bytes(&line), &topic, &number, &offset) && offset > e->written[partition]) {
            buffer_put_bytes(&e->lines, buffer_bytes(&line));
            e->written[partition] = offset;
            e->records++;
        }
        r = buffer_error(&line);
        buffer_deinit(&line);
    }
    return r;
}

static int put_leftovers(struct emit *e)
{
    struct outbox_entry *entry;
    size_t partition = 0;
    int r = 0;

    while (!r && (entry = next_entry(e, e->last, &partition))) {
        r = put_entry(e, entry, partition);
        e->last = entry->id;
    }
    return r;
}

int emit_new(struct emit **out, const struct emit_options *options, struct error_text *error)
{
    struct emit *e = calloc(1, sizeof *e);
    int r = 0;

    if (!e)
        return -ENOMEM;
    e->options = *options;
    e->fd = -1;
    buffer_init(&e->lines, LINES_MAX);
    e->written = calloc(options->partitions_count ? options->partitions_count : 1, sizeof *e->written);
    if (!e->written)
        r = -ENOMEM;
    for (size_t i = 0; !r && i < options->partitions_count; i++)
        e->written[i] = -1;
    if (!r && options->path)
        r = open_file(e, error);
    if (!r && options->path)
        r = put_leftovers(e);
    if (r) {
        emit_free(e);
        return r;
    }
    *out = e;
    return 0;
}

struct emit *emit_free(struct emit *e)
{
    if (e) {
        if (e->fd >= 0)
            close(e->fd);
        buffer_deinit(&e->lines);
        free(e->written);
        free(e);
    }
    return NULL;
}

void emit_reported(void *context, const struct sink_report *report)
{
    struct emit *e = *(struct emit **)context;
    struct outbox_entry *entry = report->opaque;

    if (!e)
        return;
    if (report->delivered) {
        outbox_delivered(e->options.pool, entry, report->offset);
        e->records++;
    } else {
        outbox_abandoned(e->options.pool, entry);
    }
}

int emit_done(struct emit *e, const struct playback_done *done)
{
    char sequence[SEQUENCE_TEXT_SIZE];

    if (!e->options.path)
        return 0;
    e->last = done->id;
    if (done->event->offset <= e->written[done->event->range] || !done->outcome)
        return 0;
    sequence_text(sequence, done->partition->shard->registry.era, done->id, done->place);
    put_line(&e->lines, done->outcome, sequence);
    e->written[done->event->range] = done->event->offset;
    e->records++;
    return buffer_error(&e->lines);
}

static int write_lines(struct emit *e)
{
    size_t at = 0;

    while (at < e->lines.size) {
        ssize_t n = write(e->fd, e->lines.data + at, e->lines.size - at);

        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    buffer_reset(&e->lines);
    return 0;
}

/* What is on the disk may leave the outbox. */
static int serve_file(struct emit *e, bool everything)
{
    int64_t now = clock_monotonic_ms(e->options.clock);
    int r = 0;

    if (e->lines.size >= WRITE_AT || everything)
        r = write_lines(e);
    if (r || stream_id_compare(e->last, e->synced) == 0 || (!everything && !emit_is_full(e) && now - e->synced_at < SYNC_MS))
        return r;
    r = write_lines(e);
    if (!r && fdatasync(e->fd) && errno != EINVAL)      /* what is no file, such as a pipe, has no disk */
        r = -errno;
    for (size_t i = 0; !r && i < e->options.partitions_count; i++)
        outbox_settle(&e->options.partitions[i]->outbox, e->last);
    e->synced = e->last;
    e->synced_at = now;
    return r;
}

static int serve_topic(struct emit *e)
{
    int64_t handed = 0;
    int r = 0;

    sink_poll(e->options.sink, 0);
    if (sink_renewed(e->options.sink))
        return 1;
    if (sink_is_down(e->options.sink))
        return 0;
    for (size_t i = 0; !r && i < e->options.partitions_count; i++)
        r = outbox_publish(&e->options.partitions[i]->outbox, e->options.sink, &handed);
    return r == -EAGAIN ? 0 : r;
}

int emit_serve(struct emit *e, bool everything, struct error_text *error)
{
    int r = e->options.path ? serve_file(e, everything) : serve_topic(e);

    if (!r && everything && e->options.sink && sink_in_flight(e->options.sink))
        sink_hurry(e->options.sink, 1);
    return r < 0 ? error_set(error, r, "%s: %s", e->options.path ? e->options.path : "an outcome cannot be sent", strerror(-r)) : r;
}

int emit_again(struct emit *e)
{
    e->synced = (struct stream_id){0, 0};
    return e->options.path ? put_leftovers(e) : 0;
}

bool emit_is_full(const struct emit *e)
{
    size_t bytes = e->lines.size;

    for (size_t i = 0; i < e->options.partitions_count; i++) {
        const struct outbox *outbox = &e->options.partitions[i]->outbox;

        bytes += outbox->bytes;
        if (outbox->entries >= ENTRIES_MAX)
            return true;
    }
    return bytes >= BYTES_MAX;
}

bool emit_is_idle(const struct emit *e)
{
    for (size_t i = 0; i < e->options.partitions_count; i++)
        if (e->options.partitions[i]->outbox.finished < e->options.partitions[i]->outbox.entries)
            return false;
    return e->lines.size == 0;
}

int64_t emit_records(const struct emit *e)
{
    return e->records;
}
