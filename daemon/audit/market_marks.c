/* Marks, outbox and seen lists against the log, partition by partition. */
#include <stdlib.h>
#include <string.h>

#include "audit/market_inside.h"
#include "base/number.h"

static const char seen_prefix[] = "orderd:seen:";

/* A partition being looked at. */
struct look {
    const struct market_options *options;
    size_t range;
    const struct audit_range *said;
    const struct survey_partition *found;
    struct finding finding;
};

static struct finding *finding_of(struct look *look, enum finding_kind kind)
{
    look->finding = (struct finding){.kind = kind, .range = (int64_t)look->range, .offset = -1, .partition = -1, .at = -1};
    return &look->finding;
}

static struct findings *findings_of(const struct look *look)
{
    return audit_findings(look->options->audit);
}

/* What outbox, seen list and topic say of `next`. */
static void check_next(struct look *look)
{
    const struct mark *mark = &look->found->mark->mark;
    int64_t published = audit_published_early(look->options->audit, look->range);

    if (look->found->next != mark->next)
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "its next is %lld, %lld would be right: there the seen list ends%s", (long long)mark->next,
                     (long long)look->found->next, look->found->entries ? ", and the outbox" : "");
    else if (published >= mark->next)
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "its next is %lld, and outcomes had been published up to offset %lld", (long long)mark->next,
                     (long long)published);
    if (mark->done > look->found->next)
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "its done is %lld, above next %lld", (long long)mark->done, (long long)look->found->next);
    if (mark->torn)
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "it is torn: a part of a transaction was applied and a part was not");
}

static void check_time(struct look *look)
{
    const struct mark *mark = &look->found->mark->mark;
    int64_t time = audit_time(look->options->audit, look->range);
    bool exact;

    (void)audit_window(look->options->audit, look->range, &exact);
    if (exact && mark->time != time)
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "its time is %lld, %lld would be right, by the timestamps of the messages up to there", (long long)mark->time,
                     (long long)time);
}

/* The message decided last is remembered by its hash. */
static int check_fingerprint(struct look *look)
{
    const struct market_options *options = look->options;
    const struct mark *mark = &look->found->mark->mark;
    char found[MARK_FINGERPRINT_SIZE];
    struct kafka_message message;
    int64_t last = audit_last_message(options->audit, look->range);
    int r;

    if (mark->fingerprint_offset < 0 && mark->seen_from == mark->next)      /* an operator made it new, and nothing was decided since */
        return 0;
    if (last >= 0 && mark->fingerprint_offset != last) {
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "its fp_offset is %lld, %lld would be right: the last message below next", (long long)mark->fingerprint_offset,
                     (long long)last);
        return 0;
    }
    if (last < 0 || !options->fetch)
        return 0;
    r = options->fetch(options->context, look->range, last, &message);
    if (r <= 0)
        return r;
    mark_fingerprint(found, message.timestamp, message.key, message.value);
    kafka_message_free(&message);
    if (strcmp(found, mark->fingerprint) != 0)
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "its fp is %s, %s would be right for the message at offset %lld", mark->fingerprint, found, (long long)last);
    return 0;
}

static void check_outbox(struct look *look)
{
    const struct survey *survey = look->options->survey;

    for (const struct survey_hole *hole = survey->holes; hole < survey->holes + survey->holes_count; hole++)
        if (hole->range == look->range)
            findings_say(findings_of(look), finding_of(look, FINDING_OUTBOX), "%s %s decided and not known to be delivered, and no entry has %s; or the mark's done %lld is too low",
                         number_offsets(hole->from, hole->to - 1).text, number_words(hole->to - hole->from, "is", "are"), number_words(hole->to - hole->from, "it", "them"),
                         (long long)look->found->mark->mark.done);
    if (look->found->overlap >= 0)
        findings_say(findings_of(look), finding_of(look, FINDING_OUTBOX), "an entry begins at offset %lld, before the end of the one before it", (long long)look->found->overlap);
    if (look->found->entries && look->found->first_from < look->found->mark->mark.done)
        findings_say(findings_of(look), finding_of(look, FINDING_OUTBOX), "its first entry begins at offset %lld, and the mark says that all below %lld has left: its done is too high, or an entry stayed",
                     (long long)look->found->first_from, (long long)look->found->mark->mark.done);
}

static void check_seen_ends(struct look *look)
{
    const struct mark *mark = &look->found->mark->mark;
    const struct survey_partition *found = look->found;

    if (found->unreadable)
        findings_say(findings_of(look), finding_of(look, FINDING_SEEN), "an element of its seen list cannot be read");
    else if (found->seen_gap >= 0)
        findings_say(findings_of(look), finding_of(look, FINDING_SEEN), "an element of its seen list begins at offset %lld, where the one before it does not end", (long long)found->seen_gap);
    else if (found->elements && found->seen_to != found->next)
        findings_say(findings_of(look), finding_of(look, FINDING_SEEN), "its seen list ends at offset %lld, and next is %lld", (long long)found->seen_to, (long long)found->next);
    else if (found->elements && found->seen_from != mark->seen_from)
        findings_say(findings_of(look), finding_of(look, FINDING_SEEN), "its seen list begins at offset %lld, and the mark's seen_from is %lld", (long long)found->seen_from,
                     (long long)mark->seen_from);
    else if (!found->elements && mark->seen_from != mark->next)
        findings_say(findings_of(look), finding_of(look, FINDING_SEEN), "its seen list is empty, and must hold %s", number_offsets(mark->seen_from, mark->next - 1).text);
}

static int check_partition(struct look *look)
{
    if (!look->found->mark) {
        findings_say(findings_of(look), finding_of(look, FINDING_MARK), "there is none");
        return 0;
    }
    check_next(look);
    check_outbox(look);
    check_seen_ends(look);
    if (look->found->next != look->found->mark->mark.next)
        return 0;
    check_time(look);
    return check_fingerprint(look);
}

/* Where the record at an offset stands in the window: its number, or the end. */
static uint64_t number_of(const struct window *window, int64_t offset)
{
    uint64_t low = window_first(window), high = window_end(window);

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (window_at(window, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void say_seen(struct look *look, int64_t offset, const char *what)
{
    struct finding *finding = finding_of(look, FINDING_SEEN);

    finding->offset = offset;
    findings_say(findings_of(look), finding, "%s", what);
}

/* A record of the list against the one that the log makes. */
static void check_record(struct look *look, const struct window *window, struct bytes source, struct bytes id, const struct window_record *found)
{
    uint64_t number = number_of(window, found->offset);
    const struct window_record *wanted = number < window_end(window) ? window_at(window, number) : NULL;
    struct hash128 key = window_key(window, source, id);

    if (number == window_first(window) && (!wanted || wanted->offset > found->offset))
        return;      /* older than what the rule uses: the list may hold more */
    if (!wanted || wanted->offset != found->offset)
        say_seen(look, found->offset, "the seen list has it, and the log says that it is malformed, a duplicate or not there");
    else if (wanted->key.low != key.low || wanted->key.high != key.high)
        say_seen(look, found->offset, "the seen list has it under another id or source");
    else if (wanted->time != found->time)
        say_seen(look, found->offset, "the seen list has it with another time");
    else if (wanted->digest != found->digest)
        say_seen(look, found->offset, "the seen list has it with another digest of its content");
    else if (wanted->status != STATUS_COUNT && wanted->status != found->status)
        say_seen(look, found->offset, "the seen list has it with another status");
}

/* What the list lacks between two of its records. */
static void check_lacking(struct look *look, const struct window *window, int64_t from, int64_t to)
{
    for (uint64_t n = number_of(window, from); n < window_end(window) && window_at(window, n)->offset < to; n++)
        say_seen(look, window_at(window, n)->offset, "the seen list lacks it");
}

/* Its records, in the order of their offsets. */
static void check_element(struct look *look, struct survey_element *element)
{
    const struct window *window;
    struct window_record record;
    struct bytes source, id;
    int64_t at = element->from;
    bool exact;
    int r;

    window = audit_window(look->options->audit, look->range, &exact);
    if (!exact)
        return;
    while ((r = survey_record_next(element, &source, &id, &record)) == 1) {
        check_lacking(look, window, at, record.offset);
        check_record(look, window, source, id, &record);
        at = record.offset + 1;
    }
    if (r < 0)
        findings_say(findings_of(look), finding_of(look, FINDING_SEEN), "an element of its seen list, of %s, cannot be read to its end",
                     number_offsets(element->from, element->to - 1).text);
    else
        check_lacking(look, window, at, element->to);
}

static bool list_range(const struct survey *survey, const struct snapshot_value *value, size_t *range)
{
    int64_t found;

    if (value->type != SNAPSHOT_LIST || value->key.size < sizeof seen_prefix || memcmp(value->key.data, seen_prefix, sizeof seen_prefix - 1) != 0)
        return false;
    found = survey_range(survey->ranges, survey->ranges_count, (struct bytes){value->key.data + sizeof seen_prefix - 1, value->key.size - (sizeof seen_prefix - 1)});
    *range = (size_t)found;
    return found >= 0;
}

static struct look look_at(const struct market_options *options, size_t range)
{
    return (struct look){.options = options, .range = range, .said = &options->survey->ranges[range], .found = &options->survey->partitions[range]};
}

/* A waiting record that the topic has already must be the same bytes there, with its ce_sequence. */
static int check_waiting(struct look *look, const struct outbox_stored *entry, struct record *record, const struct decision_identity *identity, uint32_t place)
{
    char sequence[SEQUENCE_TEXT_SIZE];
    struct copies_seen seen;
    int r;

    if (identity->offset < look->said->from || identity->offset >= look->said->log_end)
        return 0;
    r = audit_published(look->options->audit, look->range, identity->offset, &seen);
    if (r || !seen.here)
        return r;
    sequence_text(sequence, entry->era, entry->sequence, place);
    record->headers[record->headers_count] = (struct kafka_header){bytes_of("ce_sequence"), bytes_of(sequence)};
    if (audit_digest(look->options->audit, record->key, record->headers, record->headers_count + 1, record->value) == seen.digest)
        return 0;
    finding_of(look, FINDING_OUTBOX)->offset = identity->offset;
    findings_say(findings_of(look), &look->finding, "its outcome waits in the outbox with other bytes than are published");
    return 0;
}

/* The records of an entry, each handed to one of the two that want them. */
typedef int take_record(struct look *look, const struct outbox_stored *entry, struct record *record, const struct decision_identity *identity, uint32_t place);

static int each_record(struct look *look, const struct outbox_stored *entry, take_record *take, int (*letter)(struct audit *audit, const struct record *record))
{
    struct reader reader = reader_of(entry->records);
    struct decision_identity identity;
    struct record record;
    int r = 0;

    for (uint32_t place = 0; !r && reader.at < reader.end; place++) {
        if (record_next(&reader, &record)) {
            findings_say(findings_of(look), finding_of(look, FINDING_OUTBOX), "an entry of %s cannot be read", number_offsets(entry->from, entry->to - 1).text);
            return 0;
        }
        if (record.kind == RECORD_DEAD_LETTER)
            r = letter ? letter(look->options->audit, &record) : 0;
        else if (take && decision_identify(&identity, record.headers, record.headers_count, NULL) == 0)
            r = take(look, entry, &record, &identity, place);
    }
    return r;
}

static int take_entry(const struct market_options *options, const struct outbox_stored *entry, take_record *take, int (*letter)(struct audit *audit, const struct record *record))
{
    int64_t range = survey_range(options->survey->ranges, options->survey->ranges_count, entry->at);
    struct look look;

    if (range < 0 || entry->lost)
        return 0;
    look = look_at(options, (size_t)range);
    return each_record(&look, entry, take, letter);
}

int market_check_marks(const struct market_options *options, struct error_text *error)
{
    struct snapshot_value value;
    struct survey_element element;
    struct look look;
    size_t of, range;
    int r = snapshot_rewind(options->snapshot);

    for (size_t i = 0; !r && i < options->survey->ranges_count; i++) {
        look = look_at(options, i);
        r = check_partition(&look);
    }
    while (!r && (r = snapshot_next(options->snapshot, &of, &value, error)) == 1) {
        r = 0;
        if (of != options->market)
            continue;
        if (value.type == SNAPSHOT_ENTRY) {
            r = take_entry(options, &value.entry, check_waiting, NULL);
        } else if (list_range(options->survey, &value, &range) && survey_element_read(value.value, &element)) {
            look = look_at(options, range);
            check_element(&look, &element);
        }
    }
    return r;
}

static int add_waiting(struct look *look, const struct outbox_stored *entry, struct record *record, const struct decision_identity *identity, uint32_t place)
{
    const struct blank_point at = {entry->era, entry->sequence, place};

    if (entry->from == entry->to || identity->offset < look->said->from || identity->offset >= look->said->to)
        return 0;
    return audit_waiting(look->options->audit, look->range, identity->offset, record, &at);
}

int market_waiting(struct audit *audit, struct snapshot *snapshot, size_t market, const struct survey *survey, struct error_text *error)
{
    const struct market_options options = {.audit = audit, .snapshot = snapshot, .market = market, .survey = survey};
    struct snapshot_value value;
    size_t of;
    int r = snapshot_rewind(snapshot);

    while (!r && (r = snapshot_next(snapshot, &of, &value, error)) == 1)
        r = of == market && value.type == SNAPSHOT_ENTRY ? take_entry(&options, &value.entry, add_waiting, NULL) : 0;
    return r;
}

int market_letters(const struct market_options *options, struct error_text *error)
{
    struct snapshot_value value;
    size_t of;
    int r = snapshot_rewind(options->snapshot);

    while (!r && (r = snapshot_next(options->snapshot, &of, &value, error)) == 1)
        r = of == options->market && value.type == SNAPSHOT_ENTRY ? take_entry(options, &value.entry, NULL, audit_letter_waiting) : 0;
    return r;
}

int market_begin_seen(struct audit *audit, const struct survey *survey, const struct snapshot_value *value)
{
    struct survey_element element;
    struct window_record record;
    const struct window *window;
    struct bytes source, id;
    size_t range;
    bool exact;
    int r = 0;

    if (!list_range(survey, value, &range) || !survey_element_read(value->value, &element))
        return 0;
    while (!r && survey_record_next(&element, &source, &id, &record) == 1) {
        window = audit_window(audit, range, &exact);
        record.key = window_key(window, source, id);
        r = audit_seen_before(audit, range, &record);
    }
    return r;
}
