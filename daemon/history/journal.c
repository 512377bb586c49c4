/* A merge of the ranges' outcome partitions by sequence. A range shows two records: its head, and the one behind it, by which a damaged head is told.
 * A head is chosen only when every range that is not at its end shows one, so nothing that comes later can belong before it. Sources need no choice:
 * each is read up to the offset of the outcome that was chosen.
 *
 * Several source topics share the outcome partitions of equal numbers. Each range reads the partition for itself then, since how far apart the
 * outcomes of two topics lie has no bound. */
#include "history/journal_state.h"

enum { HEADERS_MAX = 32, PASSED_OVER_MAX = 10000 };

static void range_close_outcomes(struct range *range)
{
    if (range->outcomes_open)
        kafka_scan_close(range->outcomes, range->outcome_stream);
    range->outcomes_open = false;
}

static void range_close_source(struct journal *journal, struct range *range)
{
    if (range->source_open)
        kafka_scan_close(journal->sources, range->source_stream);
    range->source_open = false;
}

static int failed(struct kafka_message *message, struct error_text *error)
{
    int r = message->error;

    if (r == -ERANGE)
        error_set(error, r, "%s:%d: offset %lld is not in the log any more", message->topic, message->partition, (long long)message->offset);
    else
        error_set(error, r, "%s:%d cannot be read from offset %lld on: %s", message->topic, message->partition, (long long)message->offset,
                  message->reason);
    kafka_message_free(message);
    return r;
}

/* 1 and the stream's next message below `to`; 0: none will come. */
static int read_below(struct kafka_scan *scan, size_t stream, int64_t to, int timeout_ms, struct kafka_message *message, struct error_text *error)
{
    for (;;) {
        int r = kafka_scan_next(scan, stream, timeout_ms, message);

        if (r <= 0)
            return error_set(error, r ? r : -EAGAIN, r == -EACCES ? "the brokers refuse the login" : r ? "the brokers are away" : "nothing came");
        if (message->kind == KAFKA_FAILED)
            return failed(message, error);
        if (message->kind == KAFKA_MESSAGE && message->offset < to)
            return 1;
        if (message->offset >= to) {
            kafka_message_free(message);
            return 0;
        }
        kafka_message_free(message);
    }
}

/* The range that an outcome is of, -1: of none. Nearly always it is the reader's. */
static int64_t owner_of(const struct journal *journal, const struct range *reader, const struct decision_identity *identity)
{
    if (!bytes_equal_text(identity->incarnation, journal->incarnation))
        return -1;
    if (identity->partition == reader->said.partition && bytes_equal_text(identity->topic, reader->said.topic))
        return reader - journal->ranges;
    for (size_t i = 0; i < journal->count; i++)
        if (journal->ranges[i].said.partition == identity->partition && bytes_equal_text(identity->topic, journal->ranges[i].said.topic))
            return (int64_t)i;
    return -1;
}

/* A record is counted, and told to who wants it, by whoever of the partition's ranges sees it first. Returns the range that it is of. */
static int64_t recognise(struct journal *journal, struct range *reader, const struct kafka_message *message, struct decision_identity *identity)
{
    struct kafka_header headers[HEADERS_MAX];
    size_t count = kafka_message_headers(message, headers, HEADERS_MAX);
    bool readable = decision_identify(identity, headers, count < HEADERS_MAX ? count : HEADERS_MAX, NULL) == 0;
    int64_t owner = readable ? owner_of(journal, reader, identity) : -1;
    struct range *first = &journal->ranges[reader->first];

    if (message->offset < first->seen_to)
        return owner;
    first->seen_to = message->offset + 1;
    journal->counts.unreadable += !readable;
    journal->counts.foreign += readable && owner < 0;
    if (journal->record)
        journal->record(journal->context, message, owner);
    return owner;
}

/* Takes the message over. Behind a head that names a higher offset it takes the head's place. */
static void admit(struct journal *journal, struct range *range, struct kafka_message *message)
{
    struct held held = {.message = *message};
    bool ours = recognise(journal, range, message, &held.identity) == range - journal->ranges;
    int64_t offset = held.identity.offset;

    journal->counts.read++;
    if (!ours || range->past || offset <= range->last || (range->held_count && offset == range->held[0].identity.offset)) {
        journal->counts.copies += ours && !range->past && offset >= range->said.from;
        kafka_message_free(message);
        return;
    }
    if (range->held_count && offset < range->held[0].identity.offset) {
        journal->counts.displaced++;
        journal_drop_held(range);
    }
    range->held[range->held_count++] = held;
}

/* The range is behind its last offset: what its partition still holds is read only for those who want every record. */
static void pass(struct journal *journal, struct range *range)
{
    journal_drop_held(range);
    range->past = true;
    if (!journal->record)
        range_close_outcomes(range);
}

/* Until the range shows its head and the one behind it, or there is no more. Who asks is answered now and then also while much is passed over. */
static int look_ahead(struct journal *journal, struct range *range, int timeout_ms, struct error_text *error)
{
    struct kafka_message message;

    for (int passed = 0; range->outcomes_open && range->held_count < HELD; passed++) {
        int r = passed < PASSED_OVER_MAX ? 0 : error_set(error, -EAGAIN, "records are passed over");

        if (!r)
            r = read_below(range->outcomes, range->outcome_stream, range->said.outcomes_to, timeout_ms, &message, error);
        if (r < 0)
            return r;
        if (r && message.offset + 1 == range->said.outcomes_to)
            range_close_outcomes(range);
        if (r)
            admit(journal, range, &message);
        else
            range_close_outcomes(range);
        if (range->held_count == HELD && range->held[0].identity.offset >= range->said.to)
            pass(journal, range);
    }
    if (range->held_count && range->held[0].identity.offset >= range->said.to)
        pass(journal, range);
    return 0;
}

/* Until the range shows its next source message, or there is no more. */
static int look_at_source(struct journal *journal, struct range *range, int timeout_ms, struct error_text *error)
{
    int r;

    if (range->source_held || !range->source_open)
        return 0;
    r = read_below(journal->sources, range->source_stream, range->said.to, timeout_ms, &range->source, error);
    if (r < 0)
        return r;
    range->source_held = r == 1;
    if (r == 0 || range->source.offset + 1 == range->said.to)
        range_close_source(journal, range);
    return 0;
}

/* Of the head and the one behind it the lower sequence; a head that has none keeps the place of the one before it. */
static void make_key(struct range *range)
{
    const struct decision_identity *head = &range->held[0].identity, *behind = &range->held[1].identity;

    if (!head->sequenced)
        return;
    range->key = *head;
    if (range->held_count == HELD && behind->sequenced && decision_compare(behind, head) < 0)
        range->key = *behind;
}

static bool comes_before(const struct journal *journal, size_t a, size_t b)
{
    int order = decision_compare(&journal->ranges[a].key, &journal->ranges[b].key);

    return order ? order < 0 : a < b;
}

static void heap_push(struct journal *journal, size_t range)
{
    size_t at = journal->heap_count++;

    for (; at && comes_before(journal, range, journal->heap[(at - 1) / 2]); at = (at - 1) / 2)
        journal->heap[at] = journal->heap[(at - 1) / 2];
    journal->heap[at] = range;
}

static void heap_pop(struct journal *journal)
{
    size_t last = journal->heap[--journal->heap_count], at = 0, child;

    while ((child = 2 * at + 1) < journal->heap_count) {
        child += child + 1 < journal->heap_count && comes_before(journal, journal->heap[child + 1], journal->heap[child]);
        if (comes_before(journal, last, journal->heap[child]))
            break;
        journal->heap[at] = journal->heap[child];
        at = child;
    }
    journal->heap[at] = last;
}

/* Until every range shows its head or is at its end. */
static int see_all(struct journal *journal, int timeout_ms, struct error_text *error)
{
    while (journal->blind_count) {
        size_t index = journal->blind[journal->blind_count - 1];
        struct range *range = &journal->ranges[index];
        int r = look_ahead(journal, range, timeout_ms, error);

        if (r)
            return r;
        journal->blind_count--;
        if (range->held_count) {
            make_key(range);
            heap_push(journal, index);
        }
    }
    return 0;
}

static void put_source(struct range *range, struct journal_event *out)
{
    out->sourced = true;
    out->source = range->source;
    out->offset = range->source.offset;
    range->source_held = false;
}

static void put_outcome(struct range *range, struct journal_event *out)
{
    out->recorded = true;
    out->outcome = range->held[0].message;
    out->identity = range->held[0].identity;
    out->offset = range->last = out->identity.offset;
    range->held[0] = range->held[1];
    range->held_count--;
}

/* The lowest head, or what lies before it in its source. */
static int next_recorded(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    size_t index = journal->heap[0];
    struct range *range = &journal->ranges[index];
    int64_t offset = range->held[0].identity.offset;
    int r = look_at_source(journal, range, timeout_ms, error);

    if (r)
        return r;
    if (range->source_held && range->source.offset <= offset)
        put_source(range, out);
    if (!out->sourced || out->offset == offset) {
        heap_pop(journal);
        put_outcome(range, out);
        journal->blind[journal->blind_count++] = index;
    }
    out->range = index;
    return 1;
}

/* What has no outcome. */
static int next_source(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    for (size_t i = 0; i <= journal->count; i++) {
        struct range *range = &journal->ranges[journal->turn];
        int r = journal->run < JOURNAL_RUN ? look_at_source(journal, range, timeout_ms, error) : 0;

        if (r)
            return r;
        if (journal->run < JOURNAL_RUN && range->source_held) {
            journal->run++;
            put_source(range, out);
            out->range = journal->turn;
            return 1;
        }
        journal->turn = (journal->turn + 1) % journal->count;
        journal->run = 0;
    }
    return 0;
}

int journal_merge(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    int r = see_all(journal, timeout_ms, error);

    *out = (struct journal_event){0};
    if (r)
        return r;
    return journal->heap_count ? next_recorded(journal, timeout_ms, out, error) : journal->count ? next_source(journal, timeout_ms, out, error) : 0;
}

static void count(struct journal *journal, const struct journal_event *event)
{
    journal->positions[event->range] = event->offset + 1;
    journal->events++;
    journal->recorded += event->recorded;
    if (event->sourced)
        journal->bytes += (int64_t)(event->source.key.size + event->source.value.size);
    if (event->recorded)
        journal->bytes += (int64_t)(event->outcome.key.size + event->outcome.value.size);
}

int journal_next(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    int r = journal->ahead ? ahead_next(journal->ahead, timeout_ms, out, error) : journal_merge(journal, timeout_ms, out, error);

    if (r == 1)
        count(journal, out);
    journal->over = r == 0;
    return r;
}

void journal_event_free(struct journal_event *event)
{
    if (event->sourced)
        kafka_message_free(&event->source);
    if (event->recorded)
        kafka_message_free(&event->outcome);
    event->sourced = event->recorded = false;
}

struct journal_counts journal_counts(const struct journal *journal)
{
    struct journal_counts counts = journal->ahead ? ahead_counts(journal->ahead) : journal->counts;

    counts.events = journal->events;
    counts.recorded = journal->recorded;
    counts.bytes = journal->bytes;
    return counts;
}

int64_t journal_position(const struct journal *journal, size_t range)
{
    int64_t position = journal->positions[range], to = journal->ranges[range].said.to;

    return journal->over && position < to ? to : position;
}
