/* What is decided and waits in the outbox: its values are due in its place in the order, its message comes when the log is at its end. */
#include <stdlib.h>
#include <string.h>

#include "audit/bearing.h"
#include "audit/inside.h"

enum { CAPACITY_MIN = 64, RECORD_BYTES_MAX = 1 << 30 };

static int grow(struct audit *audit)
{
    size_t capacity = audit->waiting_capacity ? 2 * audit->waiting_capacity : CAPACITY_MIN;
    struct waiting **waiting = realloc(audit->waiting, capacity * sizeof(struct waiting *));

    if (!waiting)
        return -ENOMEM;
    audit->waiting = waiting;
    audit->waiting_capacity = capacity;
    return 0;
}

static struct waiting *waiting_new(size_t range, int64_t offset, const struct blank_point *at)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);

    if (waiting) {
        *waiting = (struct waiting){.range = range, .offset = offset, .at = *at};
        buffer_init(&waiting->bytes, RECORD_BYTES_MAX);
    }
    return waiting;
}

static void destroy(struct waiting *waiting)
{
    buffer_deinit(&waiting->bytes);
    free(waiting);
}

/* A copy of all of it, whose pieces are found by their places. */
static int copy_record(struct waiting *waiting, const struct record *record)
{
    struct record copy;
    struct reader reader;
    int r;

    record_begin(&waiting->bytes, record->kind, record->partition, record->key, record->headers_count);
    for (size_t i = 0; i < record->headers_count; i++)
        record_header(&waiting->bytes, record->headers[i].name, record->headers[i].value);
    record_end(&waiting->bytes, record->value);
    r = buffer_error(&waiting->bytes);
    if (r)
        return r;
    reader = reader_of(buffer_bytes(&waiting->bytes));
    r = record_next(&reader, &copy);
    waiting->record = (struct audit_record){.partition = copy.partition, .offset = -1, .timestamp = -1, .key = copy.key, .value = copy.value,
                                            .headers_count = copy.headers_count, .headers_all = copy.headers_count};
    memcpy(waiting->record.headers, copy.headers, copy.headers_count * sizeof copy.headers[0]);
    return r;
}

static int take(struct audit *audit, struct waiting *waiting, const struct record *record, bool *kept)
{
    struct finding finding = {.kind = FINDING_OUTBOX, .range = (int64_t)waiting->range, .offset = waiting->offset, .partition = -1, .at = -1};
    struct error_text why;
    int r = copy_record(waiting, record);

    if (r)
        return r;
    *kept = decision_identify(&waiting->identity, waiting->record.headers, waiting->record.headers_count, &why) == 0;
    if (!*kept)
        findings_say(audit->findings, &finding, "its outcome waits in the outbox and cannot be read: %s", why.text);
    return 0;
}

/* By offset, behind those that are there. */
static void link_in(struct track *track, struct waiting *waiting)
{
    struct waiting **link = &track->waiting;

    while (*link && (*link)->offset <= waiting->offset)
        link = &(*link)->next;
    waiting->next = *link;
    *link = waiting;
}

/* Events come in the order of their offsets, so what lies below is not asked for again. */
struct waiting *waiting_of(struct track *track, int64_t offset)
{
    while (track->waiting && track->waiting->offset < offset)
        track->waiting = track->waiting->next;
    return track->waiting && track->waiting->offset == offset ? track->waiting : NULL;
}

int audit_waiting(struct audit *audit, size_t range, int64_t offset, const struct record *record, const struct blank_point *at)
{
    struct waiting *waiting = waiting_new(range, offset, at);
    bool kept = false;
    int r = waiting ? take(audit, waiting, record, &kept) : -ENOMEM;

    if (!r && kept && audit->waiting_count == audit->waiting_capacity)
        r = grow(audit);
    if (!r && kept) {
        audit->waiting[audit->waiting_count++] = waiting;
        link_in(&audit->tracks[range], waiting);
    } else if (waiting) {
        destroy(waiting);
    }
    return r;
}

static int compare(const void *left, const void *right)
{
    struct waiting *const *a = left, *const *b = right;

    return blank_compare((*a)->at, (*b)->at);
}

/* Those that were published meanwhile came with their events. */
static int chain(struct audit *audit, struct waiting *waiting)
{
    const struct track *track = &audit->tracks[waiting->range];
    const struct chain_place place = place_of(track, waiting->offset, &waiting->at, &waiting->record);
    struct error_text why;
    int r;

    waiting->chained = true;
    if (track->last_offset >= waiting->offset || decision_read(&audit->decision, waiting->record.value, &why))
        return 0;
    if (!bearing_check(&audit->decision, &why) || (audit->decision.status != STATUS_APPLIED && audit->decision.status != STATUS_REJECTED))
        return 0;
    r = chain_take(audit->chain, &place, &audit->decision, &why);
    return r == -EBADMSG ? 0 : r;
}

static void sort(struct audit *audit)
{
    qsort(audit->waiting, audit->waiting_count, sizeof(struct waiting *), compare);
    audit->waiting_sorted = true;
}

int waiting_before(struct audit *audit, const struct blank_point *at)
{
    int r = 0;

    if (!audit->waiting_count)
        return 0;
    if (!audit->waiting_sorted)
        sort(audit);
    while (!r && audit->waiting_next < audit->waiting_count && blank_compare(audit->waiting[audit->waiting_next]->at, *at) < 0)
        r = chain(audit, audit->waiting[audit->waiting_next++]);
    return r;
}

void waiting_free(struct audit *audit)
{
    for (size_t i = 0; i < audit->waiting_count; i++)
        destroy(audit->waiting[i]);
    free(audit->waiting);
}
