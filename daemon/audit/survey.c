#include "audit/survey.h"

#include <stdlib.h>

enum { ELEMENT_VERSION = 1 };

static const char seen_prefix[] = "orderd:seen:";

int64_t survey_range(const struct audit_range *ranges, size_t count, struct bytes at)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_text(at, ranges[i].at))
            return (int64_t)i;
    return -1;
}

bool survey_element_read(struct bytes element, struct survey_element *out)
{
    uint64_t version;

    out->records = reader_of(element);
    version = reader_varint(&out->records);
    out->from = (int64_t)reader_varint(&out->records);
    out->to = (int64_t)reader_varint(&out->records);
    return !reader_error(&out->records) && version == ELEMENT_VERSION && out->from >= 0 && out->to >= out->from;
}

int survey_record_next(struct survey_element *element, struct bytes *source, struct bytes *id, struct window_record *out)
{
    uint64_t status;

    if (element->records.at >= element->records.end)
        return 0;
    *out = (struct window_record){0};
    *source = reader_sized(&element->records);
    *id = reader_sized(&element->records);
    out->offset = (int64_t)reader_varint(&element->records);
    out->time = (int64_t)(reader_varint(&element->records) - 1);
    status = reader_varint(&element->records);
    out->digest = reader_varint(&element->records);
    if (reader_error(&element->records) || !source->data || !id->data || status >= STATUS_COUNT)
        return -EBADMSG;
    out->status = (enum status)status;
    return 1;
}

static void add_hole(struct survey *survey, size_t range, int64_t from, int64_t to)
{
    if (survey->holes_count < SURVEY_HOLES_MAX)
        survey->holes[survey->holes_count++] = (struct survey_hole){range, from, to};
}

/* Entries come in the order of their ids; one of the width zero, that a resolution carried over, and one that fills a hole may stand later in the
 * stream than in the log. */
static void take_entry(struct survey *survey, const struct outbox_stored *entry)
{
    int64_t range = survey_range(survey->ranges, survey->ranges_count, entry->at);
    struct survey_partition *p;

    if (range < 0) {
        survey->strangers++;
        return;
    }
    p = &survey->partitions[range];
    if (entry->from == entry->to || entry->lost)
        return;
    if (!p->entries)
        p->first_from = entry->from;
    else if (entry->from > p->last_to)
        add_hole(survey, (size_t)range, p->last_to, entry->from);
    else if (entry->from < p->last_to && p->overlap < 0)
        p->overlap = entry->from;
    p->entries++;
    p->last_to = entry->to;
}

/* What was given up by --accept-loss fills its hole. */
static void fill_hole(struct survey *survey, const struct outbox_stored *entry)
{
    int64_t range = survey_range(survey->ranges, survey->ranges_count, entry->at);

    for (size_t i = 0; i < survey->holes_count; i++) {
        struct survey_hole *hole = &survey->holes[i];

        if ((int64_t)hole->range != range || entry->from > hole->from || entry->to < hole->to)
            continue;
        *hole = survey->holes[--survey->holes_count];
        return;
    }
}

static void take_element(struct survey *survey, struct bytes key, struct bytes value)
{
    struct bytes at = {key.data + sizeof seen_prefix - 1, key.size - (sizeof seen_prefix - 1)};
    int64_t range = survey_range(survey->ranges, survey->ranges_count, at);
    struct survey_partition *p = range < 0 ? NULL : &survey->partitions[range];
    struct survey_element element;

    if (!p)
        return;
    if (!survey_element_read(value, &element)) {
        p->unreadable = true;
        return;
    }
    if (!p->elements)
        p->seen_from = element.from;
    else if (element.from != p->seen_to && p->seen_gap < 0)
        p->seen_gap = element.from;
    p->elements++;
    p->seen_to = element.to;
}

static bool is_seen_list(const struct snapshot_value *value)
{
    return value->type == SNAPSHOT_LIST && value->key.size > sizeof seen_prefix - 1 && memcmp(value->key.data, seen_prefix, sizeof seen_prefix - 1) == 0;
}

static int read_values(struct survey *survey, struct snapshot *snapshot, size_t market, bool lost, struct error_text *error)
{
    struct snapshot_value value;
    size_t of;
    int r = snapshot_rewind(snapshot);

    while (!r && (r = snapshot_next(snapshot, &of, &value, error)) == 1) {
        r = 0;
        if (of != market)
            continue;
        if (lost && value.type == SNAPSHOT_ENTRY && value.entry.lost)
            fill_hole(survey, &value.entry);
        else if (!lost && value.type == SNAPSHOT_ENTRY)
            take_entry(survey, &value.entry);
        else if (!lost && is_seen_list(&value))
            take_element(survey, value.key, value.value);
    }
    return r;
}

/* The mark is believed, unless seen list and outbox agree on another place. */
static void settle(struct survey *survey, size_t range)
{
    struct survey_partition *p = &survey->partitions[range];
    const struct mark *mark = &p->mark->mark;

    p->next = mark->next;
    if (p->elements && !p->unreadable && p->seen_gap < 0 && p->seen_to != mark->next && (!p->entries || p->last_to == p->seen_to))
        p->next = p->seen_to;
    if (p->entries && p->first_from > mark->done)
        add_hole(survey, range, mark->done, p->first_from);
    if (p->entries && p->last_to < p->next)
        add_hole(survey, range, p->last_to, p->next);
    if (!p->entries && mark->done < p->next)
        add_hole(survey, range, mark->done, p->next);
}

int survey_read(struct survey *survey, struct snapshot *snapshot, size_t market, const struct audit_range *ranges, size_t ranges_count, struct error_text *error)
{
    int r;

    *survey = (struct survey){.ranges = ranges, .ranges_count = ranges_count};
    survey->partitions = calloc(ranges_count + 1, sizeof *survey->partitions);
    if (!survey->partitions)
        return error_set(error, -ENOMEM, "no memory");
    for (size_t i = 0; i < ranges_count; i++) {
        struct survey_partition *p = &survey->partitions[i];

        p->mark = snapshot_mark_of(snapshot, ranges[i].topic, ranges[i].partition);
        p->seen_gap = p->overlap = -1;
    }
    r = read_values(survey, snapshot, market, false, error);
    for (size_t i = 0; !r && i < ranges_count; i++)
        if (survey->partitions[i].mark)
            settle(survey, i);
    if (!r && survey->holes_count)
        r = read_values(survey, snapshot, market, true, error);
    return r;
}

void survey_deinit(struct survey *survey)
{
    free(survey->partitions);
    survey->partitions = NULL;
}
