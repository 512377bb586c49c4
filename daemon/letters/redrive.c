#include "letters/redrive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/event.h"
#include "letters/look.h"
#include "rules/rules.h"

enum { GATE_MS = 10000, FULL_POLL_MS = 100 };

struct redrive {
    struct redrive_options options;
    struct kafka_out *out;                 /* NULL in a dry run */
    struct target targets[BATCH_MAX];
    size_t targets_count;
    const char *names[KAFKA_TOPICS_MAX];   /* of the source topics, as the producer takes them */
    char run[CLOCK_UUID_SIZE];             /* whose intents are this run's */
    const struct batch_item *only;         /* the letter that is sent alone; NULL: all together */
};

static void on_report(void *context, const struct kafka_report *report)
{
    struct batch_item *item = report->opaque;

    (void)context;
    item->error = report->error;
    item->at = report->offset;
    snprintf(item->trouble, sizeof item->trouble, "%s", report->reason);
}

/* Another producer under the name, which shuts out the one before. */
static int open_name(struct redrive *redrive, struct error_text *error)
{
    const struct redrive_options *o = &redrive->options;
    struct kafka_out_options producer = {
        .brokers = o->brokers, .topics = redrive->names, .topics_count = o->topics_count, .properties = o->properties, .log = o->log, .reported = on_report,
        .transaction = o->transaction,
    };
    int r;

    redrive->out = kafka_out_free(redrive->out);
    r = kafka_out_new(&redrive->out, &producer, error);
    return r ? r : kafka_transaction_open(redrive->out, o->timeout_ms, error);
}

int redrive_new(struct redrive **out, const struct redrive_options *options, struct error_text *error)
{
    struct redrive *redrive = calloc(1, sizeof *redrive);
    int r;

    if (!redrive)
        return error_set(error, -ENOMEM, "no memory");
    redrive->options = *options;
    for (size_t i = 0; i < options->topics_count; i++)
        redrive->names[i] = options->topics[i].name;
    clock_uuid(options->clock, redrive->run);
    r = options->dry ? 0 : open_name(redrive, error);
    if (r)
        redrive_free(redrive);
    else
        *out = redrive;
    return r;
}

struct redrive *redrive_free(struct redrive *redrive)
{
    if (redrive)
        kafka_out_free(redrive->out);
    free(redrive);
    return NULL;
}

/* The headers with which it would be sent: its lineage, then its own. */
static size_t put_headers(struct kafka_header *out, const struct lineage_out *lineage, const struct letter *letter)
{
    memcpy(out, lineage->headers, sizeof lineage->headers);
    if (letter->headers_count)
        memcpy(out + LETTER_LINEAGE, letter->headers, letter->headers_count * sizeof *out);
    return LETTER_LINEAGE + letter->headers_count;
}

bool redrive_decode(const struct letter *letter, struct bytes value, char *out, size_t size)
{
    struct kafka_header headers[LETTER_HEADERS_MAX + LETTER_LINEAGE];
    struct lineage_out lineage;
    struct decoded decoded;
    size_t count;

    lineage_put(&lineage, letter, "");
    count = put_headers(headers, &lineage, letter);
    event_decode(&decoded, value, headers, count < EVENT_HEADERS_MAX ? count : EVENT_HEADERS_MAX);
    if (!decoded.reason && count > EVENT_HEADERS_MAX)
        snprintf(out, size, "%s: it has %zu headers, with those of its lineage %zu; at most %d are read", reason_name(REASON_TOO_MANY_HEADERS),
                 letter->headers_count, count, EVENT_HEADERS_MAX);
    else if (decoded.reason)
        snprintf(out, size, "%s: %s", reason_name(decoded.reason), decoded.detail);
    else
        snprintf(out, size, "%s %.*s", rules_kind_name(decoded.event.kind), (int)decoded.id_size, decoded.id);
    return !decoded.reason && count <= EVENT_HEADERS_MAX;
}

/* Its source partition's topic, as an index; false, said, when it may not or cannot be sent there. */
static bool find_topic(const struct redrive_options *o, struct batch_item *item, size_t *index)
{
    const struct letter *letter = &item->box.letter;
    size_t i = 0;

    while (i < o->topics_count && strcmp(o->topics[i].name, letter->topic) != 0)
        i++;
    *index = i;
    if (i == o->topics_count)
        batch_say(item, BATCH_REFUSED, "%s is none of kafka.topics, so this is another market's letter, or of a topic that left it", letter->topic);
    else if (letter->partition >= o->topics[i].partitions)
        batch_say(item, BATCH_REFUSED, o->topics[i].partitions ? "%s has no partition %d any more" : "topic %s does not exist any more", letter->topic, letter->partition);
    else
        return true;
    return false;
}

/* What was done with it before; true: nothing that ends it. */
static bool is_open(struct batch_item *item)
{
    const struct letters_record *record = &item->record;
    char time[TEXT_TIME_SIZE];

    text_time(time, record->time);
    if (record->state == LETTERS_REDRIVEN)
        batch_say(item, BATCH_BEFORE, "it was sent back to %s:%d:%lld at %s by %s", item->box.letter.topic, item->box.letter.partition,
                  (long long)record->at, time, record->who);
    else if (record->state == LETTERS_DISCARDED)
        batch_say(item, BATCH_REFUSED, "it was discarded at %s by %s: %s; orderd dead-letter reopen takes that back", time, record->who, record->note);
    else
        return true;
    return false;
}

static bool is_whole(struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;

    if (letter->cut_key || letter->cut_headers)
        batch_say(item, BATCH_REFUSED, "its %s did not fit into the dead-letter topic and cannot be sent as they were: have its producer send it again",
                  letter->cut_key ? "key" : "headers");
    else if (letter->cut_value && !item->edited)
        batch_say(item, BATCH_REFUSED, "its value was cut to %zu bytes; --value FILE gives it whole", letter->value.size);
    else
        return true;
    return false;
}

static void judge(const struct redrive_options *o, struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    char decoded[BATCH_WHY_SIZE - 160];
    size_t topic;
    bool good;

    if (batch_refuse_common(item) || !is_open(item) || !find_topic(o, item, &topic) || !is_whole(item))
        return;
    good = redrive_decode(letter, item->value, decoded, sizeof decoded);
    if (letter->redrives >= o->max)
        batch_say(item, BATCH_REFUSED, "it was sent back %lld times already; --max %lld allows no more", (long long)letter->redrives, (long long)o->max);
    else if (letter->headers_count + LETTER_LINEAGE > EVENT_HEADERS_MAX || (!good && !o->anyway))
        batch_say(item, BATCH_REFUSED, "it would be malformed again, %s", decoded);
    else
        batch_say(item, BATCH_DUE, good ? "it is read as %s" : "it will be malformed again, %s", decoded);
}

static bool is_due(const struct batch_item *item)
{
    return item->box.kind == BOX_LETTER && item->result == BATCH_DUE;
}

/* What is settled already stays so. */
static void judge_all(const struct redrive *redrive, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];

        if (item->result == BATCH_DONE || item->result == BATCH_FAILED)
            continue;
        judge(&redrive->options, item);
        for (size_t k = 0; k < i && is_due(item); k++)
            if ((is_due(&batch->items[k]) || batch->items[k].result == BATCH_DONE) && strcmp(batch->items[k].entry.field, item->entry.field) == 0)
                batch_say(item, BATCH_BEFORE, "it is a copy of %d:%lld", batch->items[k].box.partition, (long long)batch->items[k].box.offset);
    }
}

/* Due, and to be sent just now. */
static bool is_up(const struct redrive *redrive, const struct batch_item *item)
{
    return is_due(item) && (!redrive->only || redrive->only == item);
}

static struct target *target_of(struct redrive *redrive, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    struct target *target = redrive->targets;
    struct target *end = target + redrive->targets_count;

    while (target < end && (target->partition != letter->partition || strcmp(target->topic, letter->topic) != 0))
        target++;
    if (target == end) {
        *target = (struct target){.topic = letter->topic, .partition = letter->partition, .lowest = letter->offset, .unsure = -1};
        book_entry_of_looked(&redrive->options.book, &target->entry, target->topic, target->partition);
        redrive->targets_count++;
    }
    return target;
}

/* The source partitions that the batch's letters go to. Topics' names are the letters'. */
static void list_targets(struct redrive *redrive, const struct batch *batch)
{
    redrive->targets_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        struct target *target;

        if (!is_up(redrive, item))
            continue;
        target = target_of(redrive, item);
        if (item->box.letter.offset < target->lowest)
            target->lowest = item->box.letter.offset;
        if (item->record.state == LETTERS_SENDING && (target->unsure < 0 || item->record.at < target->unsure))
            target->unsure = item->record.at;
    }
}

/* After this the records tell all that was ever sent back. */
static int look(struct redrive *redrive, struct batch *batch, struct error_text *error)
{
    struct book_entry *entries[BATCH_MAX];
    bool read = false;
    int r;

    list_targets(redrive, batch);
    for (size_t i = 0; i < redrive->targets_count; i++)
        entries[i] = &redrive->targets[i].entry;
    r = book_read(&redrive->options.book, entries, redrive->targets_count, error);
    for (size_t i = 0; !r && i < redrive->targets_count; i++)
        r = look_through(&redrive->options, redrive->out, &redrive->targets[i], &read, error);
    if (r || !read)
        return r;
    r = batch_read(batch, &redrive->options.book, error);
    if (!r)
        judge_all(redrive, batch);
    return r;
}

static bool any_is_up(const struct redrive *redrive, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (is_up(redrive, &batch->items[i]))
            return true;
    return false;
}

static void put_record(const struct redrive *redrive, struct batch_item *item, enum letters_state state, int64_t at)
{
    const struct redrive_options *o = &redrive->options;
    struct letters_record record = {.state = state, .time = clock_realtime_ms(o->clock), .at = at, .count = item->box.letter.redrives + 1};

    letter_place(record.place, o->letters, item->box.partition, item->box.offset);
    snprintf(record.who, sizeof record.who, "%s", o->who);
    snprintf(record.note, sizeof record.note, "%s", state == LETTERS_SENDING ? redrive->run : item->edited ? "edited" : "");
    book_put(&item->entry, &record);
}

/* What is meant is written before anything is sent, and as durable as configured. */
static int write_intents(struct redrive *redrive, struct batch *batch, struct error_text *error)
{
    const struct redrive_options *o = &redrive->options;
    struct book_entry *looked[BATCH_MAX];
    int r;

    for (size_t i = 0; i < redrive->targets_count; i++)
        looked[i] = &redrive->targets[i].entry;
    for (size_t i = 0; i < batch->count; i++)
        if (is_up(redrive, &batch->items[i]))
            put_record(redrive, &batch->items[i], LETTERS_SENDING, target_of(redrive, &batch->items[i])->end);
    r = batch_write(batch, &o->book, looked, redrive->targets_count, error);
    if (!r)
        r = session_gate_wait(o->book.redis->session, o->book.redis->arena, GATE_MS);
    return r == -EAGAIN ? error_set(error, r, "redis does not confirm that it keeps what was written (redis.durability)") : r;
}

static int send_one(struct redrive *redrive, struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    struct kafka_header headers[LETTER_HEADERS_MAX + LETTER_LINEAGE];
    char place[LETTER_PLACE_SIZE];
    struct lineage_out lineage;
    struct kafka_record record = {.partition = letter->partition, .key = letter->key, .value = item->value, .headers = headers, .opaque = item};
    int r;

    letter_place(place, redrive->options.letters, item->box.partition, item->box.offset);
    lineage_put(&lineage, letter, place);
    record.headers_count = put_headers(headers, &lineage, letter);
    while (strcmp(redrive->names[record.topic], letter->topic) != 0)
        record.topic++;
    item->error = -EINPROGRESS;
    while ((r = kafka_out_send(redrive->out, &record)) == -ENOBUFS)
        kafka_out_poll(redrive->out, FULL_POLL_MS);
    if (r) {
        item->error = r;
        snprintf(item->trouble, sizeof item->trouble, "%s", strerror(-r));
    }
    return r;
}

/* Sends what is up, together: 0; -ECANCELED, nothing of it was sent. */
static int send_together(struct redrive *redrive, struct batch *batch, struct error_text *error)
{
    struct error_text ignored;
    int r = kafka_transaction_begin(redrive->out, error), a;

    for (size_t i = 0; !r && i < batch->count; i++)
        if (is_up(redrive, &batch->items[i]) && send_one(redrive, &batch->items[i]))
            r = error_set(error, -ECANCELED, "%s", batch->items[i].trouble);
    if (!r)
        r = kafka_transaction_commit(redrive->out, error);
    if (r != -ECANCELED)
        return r;
    a = kafka_transaction_abort(redrive->out, &ignored);
    return a ? error_set(error, a, "%s", ignored.text) : r;
}

static int write_sent(struct redrive *redrive, struct batch *batch, struct error_text *error)
{
    for (size_t i = 0; i < batch->count; i++)
        if (is_up(redrive, &batch->items[i]))
            put_record(redrive, &batch->items[i], LETTERS_REDRIVEN, batch->items[i].at);
    return batch_write(batch, &redrive->options.book, NULL, 0, error);
}

/* The whole way, from the records on: 0, or -ECANCELED, nothing was sent. */
static int attempt(struct redrive *redrive, struct batch *batch, struct error_text *error)
{
    int r = batch_read(batch, &redrive->options.book, error);

    if (r)
        return r;
    judge_all(redrive, batch);
    if (redrive->options.dry || !any_is_up(redrive, batch))
        return 0;
    r = look(redrive, batch, error);
    if (r || !any_is_up(redrive, batch))
        return r;
    r = write_intents(redrive, batch, error);
    if (!r)
        r = send_together(redrive, batch, error);
    if (!r)
        r = write_sent(redrive, batch, error);
    for (size_t i = 0; !r && i < batch->count; i++)
        if (is_up(redrive, &batch->items[i]))
            batch->items[i].result = BATCH_DONE;
    return r;
}

/* Alone, whatever Kafka says is about this letter: where that is no, it is open again. */
static int attempt_alone(struct redrive *redrive, struct batch *batch, struct batch_item *item, struct error_text *error)
{
    int r;

    redrive->only = item;
    r = attempt(redrive, batch, error);
    if (r != -ECANCELED)
        return r;
    if (!item->error || item->error == -ECANCELED || item->error == -EINPROGRESS)
        return -EAGAIN;
    item->entry.change = BOOK_REMOVE;
    item->at = -1;
    batch_say(item, BATCH_FAILED, "kafka does not take it: %s", item->trouble);
    r = batch_write(batch, &redrive->options.book, NULL, 0, error);
    return r ? r : open_name(redrive, error);
}

/* What is sent together fails together, and a broker does not say which one of a request it minds. A producer whose transaction failed is not
 * used again (librdkafka 2.0.2 goes on with wrong sequence numbers); and who opens the name anew begins from the records again, since somebody
 * else may have had it meanwhile. */
int redrive_batch(struct redrive *redrive, struct batch *batch, struct error_text *error)
{
    int r;

    redrive->only = NULL;
    r = attempt(redrive, batch, error);
    if (r != -ECANCELED)
        return r;
    r = open_name(redrive, error);
    for (size_t i = 0; !r && i < batch->count; i++)
        if (is_due(&batch->items[i]))
            r = attempt_alone(redrive, batch, &batch->items[i], error);
    return r;
}
