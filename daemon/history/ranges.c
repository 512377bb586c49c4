#include "history/ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCKS_MS = 3600 * 1000, LOOKED_AT_MAX = 100000, HEADERS_MAX = 32, SLICE_MS = 200, READER_KBYTES = 4096 };

/* Looks for the outcomes of one range after the other. */
struct finder {
    const struct ranges_options *options;
    struct kafka_scan *scan;
    struct error_text *error;
};

static int refuse_topics(const struct ranges_options *options, const struct resolve_from *from, const char *option, struct error_text *error)
{
    char names[256] = "";

    for (size_t i = 0; i < options->topics_count; i++) {
        size_t size = strlen(names);

        if (strcmp(options->topics[i].name, from->topic) == 0)
            return error_set(error, -EPROTO, "%s %s:%d:%lld: there is no such partition, %s has %d", option, from->topic, from->partition,
                             (long long)from->value, from->topic, options->topics[i].partitions);
        snprintf(names + size, sizeof names - size, "%s%s", size ? ", " : "", options->topics[i].name);
    }
    return error_set(error, -EPROTO, "%s %s:%d:%lld: this topic is not read; there are: %s", option, from->topic, from->partition, (long long)from->value,
                     names);
}

/* Each place that is named is one of those that are read. */
static int check_places(const struct ranges_options *options, const struct resolve_froms *froms, const char *option, struct error_text *error)
{
    for (size_t i = 0; froms && i < froms->count; i++) {
        const struct resolve_from *from = &froms->items[i];
        bool known = from->kind != FROM_OFFSET;

        for (size_t t = 0; !known && t < options->topics_count; t++)
            known = strcmp(options->topics[t].name, from->topic) == 0 && from->partition < options->topics[t].partitions;
        if (!known)
            return refuse_topics(options, from, option, error);
        if (from->kind == FROM_OFFSET && options->number != SHARD_NONE && from->partition != options->number)
            return error_set(error, -EPROTO, "%s %s:%d:%lld: only partitions of number %d are read", option, from->topic, from->partition,
                             (long long)from->value, options->number);
    }
    return 0;
}

static int check_counts(const struct ranges_options *options, struct error_text *error)
{
    for (size_t t = 0; options->registry && t < options->topics_count; t++) {
        int32_t registered = registry_partitions(options->registry, options->topics[t].name);

        if (registered < 0)
            return error_set(error, -EPROTO, "topic %s is not registered; orderd init --add-topic registers it", options->topics[t].name);
        if (registered != options->topics[t].partitions)
            return error_set(error, -EPROTO, "topic %s has %d partitions, but %d are registered; orderd init --accept-repartition registers them",
                             options->topics[t].name, options->topics[t].partitions, registered);
    }
    return 0;
}

static int lay_out(struct journal_range **out, size_t *count, const struct ranges_options *options)
{
    size_t room = 1;

    for (size_t t = 0; t < options->topics_count; t++)
        room += (size_t)options->topics[t].partitions;
    *out = calloc(room, sizeof **out);
    *count = 0;
    for (size_t t = 0; *out && t < options->topics_count; t++)
        for (int32_t p = 0; p < options->topics[t].partitions; p++) {
            struct journal_range *range = &(*out)[*count];

            if (options->number != SHARD_NONE && p != options->number)
                continue;
            range->partition = p;
            snprintf(range->topic, sizeof range->topic, "%s", options->topics[t].name);
            (*count)++;
        }
    return *out ? 0 : -ENOMEM;
}

/* The place of the range's log in the list, which is made longer where it is not there yet: several topics share their outcome partitions. */
static size_t bounds_of(struct kafka_bounds *list, size_t *count, const char *topic, int32_t partition)
{
    size_t i = 0;

    while (i < *count && (list[i].partition != partition || strcmp(list[i].topic, topic) != 0))
        i++;
    if (i < *count)
        return i;
    snprintf(list[i].topic, sizeof list[i].topic, "%s", topic);
    list[i].partition = partition;
    return (*count)++;
}

static int ask(struct kafka_bounds *list, size_t count, const struct ranges_options *options, struct error_text *error)
{
    int r = count ? kafka_in_bounds_of_many(options->in, list, count, options->timeout_ms) : 0;

    if (r)
        return error_set(error, r, "Kafka does not say where logs begin and end: %s", strerror(-r));
    for (size_t i = 0; i < count; i++)
        if (list[i].start < 0 || list[i].end < 0)
            return error_set(error, -EAGAIN, "Kafka does not say where the log of %s:%d begins and ends; is there such a partition?", list[i].topic,
                             list[i].partition);
    return 0;
}

/* Where the log of each range begins and ends: of `topic` where it is given, of each range's own else. To be freed. */
static int ask_bounds(struct kafka_bounds **out, const struct journal_range *ranges, size_t count, const char *topic, const struct ranges_options *options,
                      struct error_text *error)
{
    struct kafka_bounds *list = calloc(count + 1, sizeof *list), *bounds = calloc(count + 1, sizeof *bounds);
    size_t asked = 0;
    int r = list && bounds ? 0 : -ENOMEM;

    for (size_t i = 0; !r && i < count; i++)
        bounds_of(list, &asked, topic ? topic : ranges[i].topic, ranges[i].partition);
    if (!r)
        r = ask(list, asked, options, error);
    for (size_t i = 0; !r && i < count; i++)
        bounds[i] = list[bounds_of(list, &asked, topic ? topic : ranges[i].topic, ranges[i].partition)];
    free(list);
    *out = bounds;
    return r;
}

static const struct resolve_from *fitting(const struct resolve_froms *froms, const struct journal_range *range)
{
    const struct resolve_from *found = NULL;

    for (size_t i = 0; froms && i < froms->count; i++) {
        const struct resolve_from *from = &froms->items[i];

        if (from->kind != FROM_OFFSET || (from->partition == range->partition && strcmp(from->topic, range->topic) == 0))
            found = from;
    }
    return found;
}

/* One end of a range. Of what retention has eaten and of what is not there yet only a named offset can speak. */
static int place(int64_t *out, const struct ranges_options *options, const struct resolve_from *from, const char *option, const struct kafka_bounds *log,
                 struct error_text *error)
{
    int r;

    switch (from->kind) {
    case FROM_START:
    case FROM_FOUND:
        *out = log->start;
        return 0;
    case FROM_END:
        *out = log->end;
        return 0;
    case FROM_TIME:
        r = kafka_in_offset_at(options->in, log->topic, log->partition, from->value, out, options->timeout_ms);
        *out = r || *out < log->end ? *out : log->end;
        return r ? error_set(error, r, "Kafka does not say where in %s:%d a time is: %s", log->topic, log->partition, strerror(-r)) : 0;
    case FROM_OFFSET:
        break;
    }
    *out = from->value;
    if (*out < log->start)
        return error_set(error, -EPROTO, "%s %s:%d:%lld: retention has deleted it, the log begins at %lld; %s %s:%d:%lld would be the earliest", option,
                         log->topic, log->partition, (long long)*out, (long long)log->start, option, log->topic, log->partition, (long long)log->start);
    if (*out > log->end)
        return error_set(error, -EPROTO, "%s %s:%d:%lld: the log ends at %lld; %s %s:%d:%lld would be the latest", option, log->topic, log->partition,
                         (long long)*out, (long long)log->end, option, log->topic, log->partition, (long long)log->end);
    return 0;
}

static int place_both(struct journal_range *range, const struct ranges_options *options, const struct kafka_bounds *log, struct error_text *error)
{
    static const struct resolve_from start = {.kind = FROM_START}, end = {.kind = FROM_END};
    const struct resolve_from *from = fitting(options->from, range), *to = fitting(options->to, range);
    int r = place(&range->from, options, from ? from : &start, "--from", log, error);

    if (!r)
        r = place(&range->to, options, to ? to : &end, "--to", log, error);
    if (!r && range->from > range->to)
        r = error_set(error, -EPROTO, "%s:%d: --from is offset %lld, which lies behind --to, offset %lld", range->topic, range->partition,
                      (long long)range->from, (long long)range->to);
    return r;
}

/* The stream's next message; 0: it is at its end. In slices, within the time of a question. */
static int next(struct finder *finder, size_t stream, struct kafka_message *message)
{
    int r = 0;

    for (int waited = 0; r != 1 && waited < finder->options->timeout_ms; waited += SLICE_MS) {
        r = kafka_scan_next(finder->scan, stream, SLICE_MS, message);
        if (r < 0 && r != -EAGAIN)
            return error_set(finder->error, r, "outcomes cannot be looked for: %s", strerror(-r));
    }
    if (r != 1)
        return error_set(finder->error, -ETIMEDOUT, "Kafka does not answer while outcomes are looked for");
    if (message->kind == KAFKA_MESSAGE)
        return 1;
    r = message->kind == KAFKA_END ? 0
                                   : error_set(finder->error, message->error, "%s:%d cannot be read from offset %lld on: %s", message->topic,
                                               message->partition, (long long)message->offset, message->reason);
    kafka_message_free(message);
    return r;
}

/* When the first message of the range was sent, -1: nobody knows. */
static int time_of(struct finder *finder, const struct journal_range *range, int64_t *ms)
{
    struct kafka_message message;
    size_t stream;
    int r = kafka_scan_open(finder->scan, range->topic, range->partition, range->from, &stream);

    *ms = -1;
    if (r)
        return error_set(finder->error, r, "%s:%d cannot be read", range->topic, range->partition);
    r = next(finder, stream, &message);
    if (r == 1) {
        *ms = message.timestamp;
        kafka_message_free(&message);
    }
    kafka_scan_close(finder->scan, stream);
    return r < 0 ? r : 0;
}

/* Whether the message is an outcome of the range's partition; then of which offset. */
static bool is_of(const struct finder *finder, const struct journal_range *range, const struct kafka_message *message, int64_t *offset)
{
    struct kafka_header headers[HEADERS_MAX];
    size_t count = kafka_message_headers(message, headers, HEADERS_MAX);
    struct decision_identity identity;

    if (decision_identify(&identity, headers, count < HEADERS_MAX ? count : HEADERS_MAX, NULL))
        return false;
    *offset = identity.offset;
    return identity.partition == range->partition && bytes_equal_text(identity.topic, range->topic) &&
           bytes_equal_text(identity.incarnation, finder->options->incarnation);
}

/* Whether the first of the range's outcomes that lies at or behind this place is of an offset at or below the range's first; so the outcomes of all that
 * follow it lie behind the place too, as outcomes rise with their offsets. */
static int proves(struct finder *finder, const struct journal_range *range, int64_t at, bool *proved)
{
    struct kafka_message message;
    int64_t offset = INT64_MAX;
    bool found = false;
    size_t stream;
    int r = kafka_scan_open(finder->scan, finder->options->outcomes, range->partition, at, &stream);

    if (r)
        return error_set(finder->error, r, "%s:%d cannot be read", finder->options->outcomes, range->partition);
    for (int looked = 0; !found && looked < LOOKED_AT_MAX && (r = next(finder, stream, &message)) == 1; looked++) {
        found = is_of(finder, range, &message, &offset);
        kafka_message_free(&message);
    }
    kafka_scan_close(finder->scan, stream);
    *proved = found && offset <= range->from;
    return r < 0 ? r : 0;
}

static int find(struct finder *finder, struct journal_range *range)
{
    const struct ranges_options *options = finder->options;
    int64_t ms = -1, at;
    bool proved = false;
    int r = time_of(finder, range, &ms);

    if (r || ms < 0)
        return r;
    r = kafka_in_offset_at(options->in, options->outcomes, range->partition, ms - CLOCKS_MS, &at, options->timeout_ms);
    if (r)
        return error_set(finder->error, r, "Kafka does not say where in %s:%d a time is: %s", options->outcomes, range->partition, strerror(-r));
    if (at <= range->outcomes_from || at >= range->outcomes_to)
        return 0;
    r = proves(finder, range, at, &proved);
    if (!r && proved)
        range->outcomes_from = at;
    return r;
}

static int find_all(struct journal_range *ranges, size_t count, const struct kafka_bounds *sources, const struct ranges_options *options,
                    struct error_text *error)
{
    struct finder finder = {.options = options, .error = error};
    int r = 0;

    for (size_t i = 0; !r && i < count; i++) {
        if (ranges[i].from <= sources[i].start || ranges[i].from >= ranges[i].to)
            continue;
        if (!finder.scan)
            r = kafka_scan_new(&finder.scan, &options->kafka, 1, READER_KBYTES, error);
        if (!r)
            r = find(&finder, &ranges[i]);
    }
    kafka_scan_free(finder.scan);
    return r;
}

int ranges_find_outcomes(struct journal_range *ranges, size_t count, const struct ranges_options *options, struct error_text *error)
{
    struct kafka_bounds *sources = NULL, *outcomes = NULL;
    int r = ask_bounds(&sources, ranges, count, NULL, options, error);

    if (!r)
        r = ask_bounds(&outcomes, ranges, count, options->outcomes, options, error);
    for (size_t i = 0; !r && i < count; i++) {
        ranges[i].outcomes_from = outcomes[i].start;
        ranges[i].outcomes_to = outcomes[i].end;
    }
    if (!r)
        r = find_all(ranges, count, sources, options, error);
    free(sources);
    free(outcomes);
    return r;
}

int ranges_make(struct journal_range **out, size_t *count, const struct ranges_options *options, struct error_text *error)
{
    struct kafka_bounds *bounds = NULL;
    int r = check_places(options, options->from, "--from", error);

    *out = NULL;
    *count = 0;
    if (!r)
        r = check_places(options, options->to, "--to", error);
    if (!r)
        r = check_counts(options, error);
    if (!r)
        r = lay_out(out, count, options);
    if (!r)
        r = ask_bounds(&bounds, *out, *count, NULL, options, error);
    for (size_t i = 0; !r && i < *count; i++)
        r = place_both(&(*out)[i], options, &bounds[i], error);
    free(bounds);
    if (!r && options->outcomes)
        r = ranges_find_outcomes(*out, *count, options, error);
    if (r) {
        free(*out);
        *out = NULL;
        *count = 0;
    }
    return r;
}
