#include "letters/trim.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/partition.h"
#include "store/scan.h"

enum { FIELDS_COUNT = 1000, REMOVED_AT_ONCE = 100 };

/* A record that may go unless a copy of its letter is found. */
struct candidate {
    char field[LETTER_ID_SIZE];
    int32_t partition;
    bool found;
};

/* Where a source partition begins, and up to where all was delivered. */
struct source {
    int64_t start, done;
};

struct trim {
    const struct trim_options *options;
    struct shard shard;
    struct kafka_bounds *bounds;       /* of the dead-letter topic */
    struct source *sources;            /* topic by topic, by partition */
    struct candidate *candidates;      /* TRIM_MAX of them */
    size_t count;
};

static const struct selection everything = {.since = -1, .until = -1, .source_partition = -1, .from = -1, .to = -1};

static int ask(const struct book *book, struct reply ***replies, struct error_text *error)
{
    int r = asker_ask(book->redis, replies);

    return r ? error_set(error, r, "the connection to redis was lost: %s", strerror(-r)) : store_replies_check(*replies, 1, error);
}

int trim_count(const struct book *book, int32_t market, int64_t *out, struct error_text *error)
{
    char key[SHARD_KEY_MAX];
    struct reply **replies;
    int r;

    letters_key(key, book->prefix, market);
    asker_begin(book->redis);
    command_texts(book->redis->commands, "HLEN", key, NULL);
    r = ask(book, &replies, error);
    *out = !r && replies[0]->type == REPLY_INTEGER ? replies[0]->integer : 0;
    return r;
}

/* --- how far Kafka and the marks are */

static int read_done(const struct trim *t, const char *topic, int32_t partition, int64_t *out, struct error_text *error)
{
    const struct book *book = &t->options->book;
    char key[PARTITION_KEY_MAX];
    struct reply **replies;
    struct mark mark;
    int r;

    partition_key(key, &t->shard, "mark", topic, partition);
    asker_begin(book->redis);
    command_texts(book->redis->commands, "HMGET", key, MARK_FIELDS, NULL);
    r = ask(book, &replies, error);
    *out = !r && mark_read(&mark, replies[0]) == 0 ? mark.done : 0;
    return r;
}

static int read_source(struct trim *t, const char *topic, int32_t partition, struct source *out, struct error_text *error)
{
    int64_t end;
    int r = read_done(t, topic, partition, &out->done, error);

    if (r)
        return r;
    r = kafka_in_bounds(t->options->in, topic, partition, &out->start, &end, t->options->timeout_ms);
    return r ? error_set(error, r, "kafka does not tell where %s:%d begins: %s", topic, partition, strerror(-r)) : 0;
}

/* The marks before the dead-letter topic's ends: what was delivered by then lies below those. */
static int read_sources(struct trim *t, struct error_text *error)
{
    const struct trim_options *o = t->options;
    size_t at = 0;
    int r = 0;

    for (size_t i = 0; i < o->topics_count; i++)
        for (int32_t n = 0; !r && n < o->topics[i].partitions; n++, at++)
            if (shard_has(&t->shard, n))
                r = read_source(t, o->topics[i].name, n, &t->sources[at], error);
    return r;
}

static int read_bounds(struct trim *t, struct error_text *error)
{
    const struct trim_options *o = t->options;
    int r = 0;

    for (int32_t i = 0; !r && i < o->letters_partitions; i++)
        r = kafka_in_bounds(o->in, o->letters, i, &t->bounds[i].start, &t->bounds[i].end, o->timeout_ms);
    return r ? error_set(error, r, "kafka does not tell where %s begins: %s", o->letters, strerror(-r)) : 0;
}

/* --- which records may go */

static const struct source *source_of(const struct trim *t, struct bytes topic, int32_t partition)
{
    const struct trim_options *o = t->options;
    size_t at = 0;

    for (size_t i = 0; i < o->topics_count; i++) {
        if (bytes_equal_text(topic, o->topics[i].name))
            return partition < o->topics[i].partitions ? &t->sources[at + (size_t)partition] : NULL;
        at += (size_t)o->topics[i].partitions;
    }
    return NULL;
}

/* Whether the dead letter that it was done to is deleted: "TOPIC/P/OFFSET". */
static bool letter_is_gone(const struct trim *t, const char *place)
{
    size_t size = strlen(t->options->letters);
    char wanted[LETTER_PLACE_SIZE];
    long long partition, offset;

    if (strncmp(place, t->options->letters, size) != 0 || place[size] != '/')
        return false;
    partition = strtoll(place + size + 1, NULL, 10);
    offset = strchr(place + size + 1, '/') ? strtoll(strchr(place + size + 1, '/') + 1, NULL, 10) : -1;
    if (partition < 0 || partition >= t->options->letters_partitions || offset < 0)
        return false;
    letter_place(wanted, t->options->letters, (int32_t)partition, offset);
    return strcmp(wanted, place) == 0 && offset < t->bounds[partition].start;
}

static void take_field(struct trim *t, struct bytes field, struct bytes value)
{
    struct candidate *candidate = &t->candidates[t->count];
    struct letters_record record;
    const struct source *source;
    struct bytes topic;
    int64_t offset;

    if (t->count == TRIM_MAX || field.size >= sizeof candidate->field || !letter_id_read(field, &topic, &candidate->partition, &offset))
        return;
    letters_read(&record, value);
    source = source_of(t, topic, candidate->partition);
    if (!source || offset >= source->start || offset >= source->done || (record.state != LETTERS_REDRIVEN && record.state != LETTERS_DISCARDED) ||
        !letter_is_gone(t, record.place))
        return;
    memcpy(candidate->field, field.data, field.size);
    candidate->field[field.size] = '\0';
    candidate->found = false;
    t->count++;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct candidate *)a)->field, ((const struct candidate *)b)->field);
}

/* HSCAN may give a field twice. */
static void sort(struct trim *t)
{
    size_t count = 0;

    qsort(t->candidates, t->count, sizeof *t->candidates, compare);
    for (size_t i = 0; i < t->count; i++)
        if (!count || compare(&t->candidates[count - 1], &t->candidates[i]) != 0)
            t->candidates[count++] = t->candidates[i];
    t->count = count;
}

static int list(struct trim *t, struct error_text *error)
{
    const struct book *book = &t->options->book;
    char key[SHARD_KEY_MAX];
    struct reply **replies;
    const struct reply *fields;
    struct scan scan;
    int r;

    letters_key(key, book->prefix, t->shard.number);
    scan_begin(&scan, "", "");
    do {
        asker_begin(book->redis);
        command_begin(book->redis->commands, 5);
        command_text(book->redis->commands, "HSCAN");
        command_text(book->redis->commands, key);
        command_text(book->redis->commands, scan.cursor);
        command_text(book->redis->commands, "COUNT");
        command_int(book->redis->commands, FIELDS_COUNT);
        r = ask(book, &replies, error);
        if (!r && scan_take(&scan, replies[0], &fields))
            r = error_set(error, -EPROTO, "redis does not answer HSCAN as it should");
        for (size_t i = 0; !r && i + 1 < fields->count; i += 2)
            take_field(t, fields->elements[i]->text, fields->elements[i + 1]->text);
    } while (!r && t->count < TRIM_MAX && !scan_is_over(&scan));
    if (!r)
        sort(t);
    return r;
}

/* --- whether a copy is left */

static void mark_found(struct trim *t, const struct letter *letter)
{
    struct candidate wanted, *found;

    letter_id(letter, wanted.field);
    found = bsearch(&wanted, t->candidates, t->count, sizeof *t->candidates, compare);
    if (found)
        found->found = true;
}

static int look_for_copies(struct trim *t, struct error_text *error)
{
    const struct trim_options *o = t->options;
    struct box_options options = {.in = o->in, .reader = o->reader, .clock = o->clock, .topic = o->letters, .partitions = o->letters_partitions,
                                  .selection = &everything, .timeout_ms = o->timeout_ms};
    struct box_item item;
    struct box box;
    int r = box_open(&box, &options);

    while (!r && (r = box_next(&box, &item)) == 1) {
        mark_found(t, &item.letter);
        kafka_message_free(&item.message);
        r = o->stopped(o->context) ? -EINTR : 0;
    }
    if (r && box.open)
        kafka_reader_close(o->reader);
    box_close(&box);
    return r ? error_set(error, r, "%s cannot be read: %s", o->letters, strerror(-r)) : 0;
}

/* --- taking them out */

/* Those that somebody else changes meanwhile stay. */
static int remove_some(const struct trim *t, struct book_entry *const *entries, size_t count, int64_t *removed, struct error_text *error)
{
    const struct book *book = &t->options->book;
    int r = book_read(book, entries, count, error);

    for (size_t i = 0; !r && i < count; i++)
        entries[i]->change = entries[i]->there ? BOOK_REMOVE : BOOK_KEEP;
    if (!r)
        r = book_write(book, entries, count, error);
    if (!r)
        *removed += (int64_t)count;
    return r == -ESTALE ? 0 : r;
}

static int remove_all(const struct trim *t, int64_t *removed, struct error_text *error)
{
    struct book_entry *entries = calloc(REMOVED_AT_ONCE, sizeof *entries), *wanted[REMOVED_AT_ONCE];
    size_t count = 0;
    int r = entries ? 0 : error_set(error, -ENOMEM, "no memory");

    for (size_t i = 0; !r && i < t->count; i++) {
        const struct candidate *candidate = &t->candidates[i];

        if (!candidate->found && book_entry_of_id(&t->options->book, &entries[count], candidate->partition, bytes_of(candidate->field))) {
            wanted[count] = &entries[count];
            count++;
        }
        if (count == REMOVED_AT_ONCE || (count && i + 1 == t->count)) {
            r = remove_some(t, wanted, count, removed, error);
            count = 0;
        }
    }
    free(entries);
    return r;
}

/* --- all of it */

static int run(struct trim *t, int64_t *removed, struct error_text *error)
{
    int r = read_sources(t, error);

    if (!r)
        r = read_bounds(t, error);
    if (!r)
        r = list(t, error);
    if (r || !t->count)
        return r;
    r = look_for_copies(t, error);
    return r ? r : remove_all(t, removed, error);
}

int trim_market(const struct trim_options *options, int32_t market, int64_t *removed, struct error_text *error)
{
    struct trim t = {.options = options};
    size_t sources = 0;
    int r;

    *removed = 0;
    shard_init(&t.shard, options->book.prefix, market);
    for (size_t i = 0; i < options->topics_count; i++)
        sources += (size_t)options->topics[i].partitions;
    t.bounds = calloc((size_t)options->letters_partitions + 1, sizeof *t.bounds);
    t.sources = calloc(sources + 1, sizeof *t.sources);
    t.candidates = calloc(TRIM_MAX + 1, sizeof *t.candidates);
    r = t.bounds && t.sources && t.candidates ? run(&t, removed, error) : error_set(error, -ENOMEM, "no memory");
    free(t.bounds);
    free(t.sources);
    free(t.candidates);
    return r;
}
