/* Opening a journal: which partitions are read by which reader, and from where to where. */
#include <stdlib.h>
#include <string.h>

#include "history/journal_state.h"

void journal_drop_held(struct range *range)
{
    for (size_t i = 0; i < range->held_count; i++)
        kafka_message_free(&range->held[i].message);
    range->held_count = 0;
}

static void lay_out(struct journal *journal, const struct journal_options *options)
{
    for (size_t i = 0; i < journal->count; i++) {
        struct range *range = &journal->ranges[i], *first = range;

        range->said = options->ranges[i];
        range->last = range->said.from - 1;
        journal->positions[i] = range->said.from;
        range->past = range->said.from >= range->said.to;
        journal->blind[journal->blind_count++] = journal->count - 1 - i;
        for (first = journal->ranges; first->said.partition != range->said.partition; first++)
            ;
        range->first = (size_t)(first - journal->ranges);
        if (range->said.outcomes_from < first->said.outcomes_from)
            first->said.outcomes_from = range->said.outcomes_from;
        if (range->said.outcomes_to > first->said.outcomes_to)
            first->said.outcomes_to = range->said.outcomes_to;
    }
    for (size_t i = 0; i < journal->count; i++) {
        struct range *range = &journal->ranges[i];
        const struct range *first = &journal->ranges[range->first];

        range->said.outcomes_from = first->said.outcomes_from;
        range->said.outcomes_to = first->said.outcomes_to;
        range->seen_to = range->said.outcomes_from;
    }
}

/* The reader of the outcomes of this range's topic, made by the first of them. */
static int scan_of(struct journal *journal, const struct journal_options *options, size_t kbytes, struct range *range, struct error_text *error)
{
    size_t streams = 0;
    int r;

    for (const struct range *other = journal->ranges; other < range; other++)
        if (strcmp(other->said.topic, range->said.topic) == 0)
            range->outcomes = other->outcomes;
    if (range->outcomes)
        return 0;
    for (size_t i = 0; i < journal->count; i++)
        streams += strcmp(journal->ranges[i].said.topic, range->said.topic) == 0;
    r = kafka_scan_new(&journal->scans[journal->scans_count], &options->kafka, streams, kbytes * streams, error);
    if (!r)
        range->outcomes = journal->scans[journal->scans_count++];
    return r;
}

static int open_outcomes(struct journal *journal, const struct journal_options *options, size_t kbytes, struct error_text *error)
{
    int r = 0;

    for (struct range *range = journal->ranges; !r && range < journal->ranges + journal->count; range++) {
        if (range->said.outcomes_from >= range->said.outcomes_to || (range->past && !journal->record))
            continue;
        r = scan_of(journal, options, kbytes, range, error);
        if (r)
            return r;
        r = kafka_scan_open(range->outcomes, journal->outcomes, range->said.partition, range->said.outcomes_from, &range->outcome_stream);
        range->outcomes_open = r == 0;
        if (r)
            error_set(error, r, "%s:%d cannot be opened: %s", journal->outcomes, range->said.partition, strerror(-r));
    }
    return r;
}

static int open_sources(struct journal *journal, const struct journal_options *options, size_t kbytes, struct error_text *error)
{
    int r = kafka_scan_new(&journal->sources, &options->kafka, journal->count, kbytes * journal->count, error);

    for (struct range *range = journal->ranges; !r && range < journal->ranges + journal->count; range++) {
        if (range->said.from >= range->said.to)
            continue;
        r = kafka_scan_open(journal->sources, range->said.topic, range->said.partition, range->said.from, &range->source_stream);
        range->source_open = r == 0;
        if (r)
            error_set(error, r, "%s:%d cannot be opened: %s", range->said.topic, range->said.partition, strerror(-r));
    }
    return r;
}

static int open_all(struct journal *journal, const struct journal_options *options, struct error_text *error)
{
    size_t readers = journal->count * ((options->outcomes != NULL) + (size_t)options->sources), kbytes = readers ? options->kbytes / readers : 0;
    int r = options->outcomes ? open_outcomes(journal, options, kbytes, error) : 0;

    return r || !options->sources ? r : open_sources(journal, options, kbytes, error);
}

static int next(void *context, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    return journal_merge(context, timeout_ms, out, error);
}

static struct journal_counts counts(void *context)
{
    const struct journal *journal = context;

    return journal->counts;
}

static int read_ahead(struct journal *journal, struct error_text *error)
{
    const struct ahead_source source = {next, counts, journal};
    int r = ahead_new(&journal->ahead, &source);

    return r ? error_set(error, r, "no thread can be begun: %s", strerror(-r)) : 0;
}

int journal_new(struct journal **out, const struct journal_options *options, struct error_text *error)
{
    struct journal *journal = calloc(1, sizeof *journal);
    size_t room = options->ranges_count + 1;
    int r;

    ASSERT(!options->outcomes || options->incarnation);
    if (!journal)
        return -ENOMEM;
    journal->record = options->record;
    journal->context = options->context;
    journal->count = options->ranges_count;
    journal->ranges = calloc(room, sizeof *journal->ranges);
    journal->scans = calloc(room, sizeof *journal->scans);
    journal->heap = calloc(room, sizeof *journal->heap);
    journal->blind = calloc(room, sizeof *journal->blind);
    journal->positions = calloc(room, sizeof *journal->positions);
    journal->outcomes = strdup(options->outcomes ? options->outcomes : "");
    journal->incarnation = strdup(options->incarnation ? options->incarnation : "");
    if (!journal->ranges || !journal->scans || !journal->heap || !journal->blind || !journal->positions || !journal->outcomes ||
        !journal->incarnation) {
        r = -ENOMEM;
    } else {
        lay_out(journal, options);
        r = open_all(journal, options, error);
    }
    if (!r && options->ahead)
        r = read_ahead(journal, error);
    if (r)
        journal = journal_free(journal);
    *out = journal;
    return r;
}

struct journal *journal_free(struct journal *journal)
{
    if (!journal)
        return NULL;
    journal->ahead = ahead_free(journal->ahead);
    for (size_t i = 0; journal->ranges && i < journal->count; i++) {
        journal_drop_held(&journal->ranges[i]);
        if (journal->ranges[i].source_held)
            kafka_message_free(&journal->ranges[i].source);
    }
    for (size_t i = 0; i < journal->scans_count; i++)
        kafka_scan_free(journal->scans[i]);
    kafka_scan_free(journal->sources);
    free(journal->scans);
    free(journal->ranges);
    free(journal->heap);
    free(journal->blind);
    free(journal->positions);
    free(journal->outcomes);
    free(journal->incarnation);
    free(journal);
    return NULL;
}
