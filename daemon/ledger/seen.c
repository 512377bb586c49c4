/* A ring of records in the order in which they were decided, and a hash table from key to the latest record of that key.
 *
 * Records are numbered from the first ever added (the ordinal), so "among the last ids records" is a subtraction, and the
 * rule holds event by event inside a turn too. A slot holds the ordinal with 16 bits of the key's hash above it, so that looking for a
 * key that is not there, as nearly every event's is not, touches no record. Eviction only saves memory: it happens at confirm, never while tentative
 * records might still be rolled back. The elements of the list are kept as (to, records) pairs, for the trimming. */
#include "ledger/seen.h"

#include <stdlib.h>
#include <string.h>

enum { RING_MIN = 1024, ELEMENTS_MIN = 64, ELEMENT_VERSION = 1, DROP_MAX = 64, TAG_SHIFT = 48 };

struct element {
    int64_t from, to;
    uint64_t begin, end;   /* the ordinals of its records */
    int64_t time;          /* of its last record */
};

struct seen {
    struct hash_key key;
    uint64_t ids;
    int64_t window_ms;
    struct seen_record *ring;
    size_t ring_mask;
    uint64_t first, confirmed, end;   /* ordinals: [first, confirmed) are for good, [confirmed, end) tentative */
    uint64_t *table;                  /* tag and ordinal + 1; 0: empty */
    size_t table_mask;
    struct element *elements;         /* a ring too */
    size_t elements_mask, elements_first, elements_end;
    bool cut;                         /* a record left by count that time would have kept */
};

int seen_new(struct seen **out, struct hash_key key, size_t ids, int64_t window_ms)
{
    struct seen *seen = calloc(1, sizeof *seen);

    if (!seen)
        return -ENOMEM;
    seen->key = key;
    seen->ids = ids;
    seen->window_ms = window_ms;
    seen->ring = calloc(RING_MIN, sizeof *seen->ring);
    seen->table = calloc(2 * RING_MIN, sizeof *seen->table);
    seen->elements = calloc(ELEMENTS_MIN, sizeof *seen->elements);
    if (!seen->ring || !seen->table || !seen->elements) {
        seen_free(seen);
        return -ENOMEM;
    }
    seen->ring_mask = RING_MIN - 1;
    seen->table_mask = 2 * RING_MIN - 1;
    seen->elements_mask = ELEMENTS_MIN - 1;
    *out = seen;
    return 0;
}

struct seen *seen_free(struct seen *seen)
{
    if (seen) {
        free(seen->ring);
        free(seen->table);
        free(seen->elements);
        free(seen);
    }
    return NULL;
}

struct hash128 seen_key_by(struct hash_key key, struct bytes source, struct bytes id)
{
    char text[2 + 256 + 128];
    size_t source_size = source.size < 256 ? source.size : 256;
    size_t id_size = id.size < 128 ? id.size : 128;

    text[0] = (char)(source_size & 0xff);
    text[1] = (char)(source_size >> 8);
    if (source_size)
        memcpy(text + 2, source.data, source_size);
    if (id_size)
        memcpy(text + 2 + source_size, id.data, id_size);
    return hash128(key, (struct bytes){text, 2 + source_size + id_size});
}

struct hash128 seen_key(const struct seen *seen, struct bytes source, struct bytes id)
{
    return seen_key_by(seen->key, source, id);
}

static struct seen_record *record_at(const struct seen *seen, uint64_t ordinal)
{
    ASSERT(ordinal >= seen->first && ordinal < seen->end);
    return &seen->ring[ordinal & seen->ring_mask];
}

static bool key_equal(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

/* 2^48 ordinals: at a million events a second that is nine years of one owner. */
static uint64_t slot_value(struct hash128 key, uint64_t ordinal)
{
    return key.high << TAG_SHIFT | (ordinal + 1);
}

static uint64_t slot_ordinal(uint64_t value)
{
    return (value & (((uint64_t)1 << TAG_SHIFT) - 1)) - 1;
}

static bool slot_holds(const struct seen *seen, uint64_t value, struct hash128 key)
{
    return value >> TAG_SHIFT == (key.high & UINT16_MAX) && key_equal(record_at(seen, slot_ordinal(value))->key, key);
}

/* The slot that holds the key, or the empty one where it would go. */
static size_t slot_of(const struct seen *seen, struct hash128 key)
{
    size_t slot = (size_t)key.low & seen->table_mask;

    while (seen->table[slot] && !slot_holds(seen, seen->table[slot], key))
        slot = (slot + 1) & seen->table_mask;
    return slot;
}

/* Takes the slot out and closes the gap, so that no tombstones gather. */
static void slot_clear(struct seen *seen, size_t slot)
{
    size_t gap = slot, at = slot;

    for (;;) {
        size_t home;

        at = (at + 1) & seen->table_mask;
        if (!seen->table[at])
            break;
        home = (size_t)record_at(seen, slot_ordinal(seen->table[at]))->key.low & seen->table_mask;
        if (((at - home) & seen->table_mask) >= ((at - gap) & seen->table_mask)) {
            seen->table[gap] = seen->table[at];
            gap = at;
        }
    }
    seen->table[gap] = 0;
}

static bool outside_time(const struct seen *seen, int64_t then, int64_t now)
{
    return then != SEEN_TIME_NONE && now != SEEN_TIME_NONE && now - then >= seen->window_ms;
}

const struct seen_record *seen_find(const struct seen *seen, struct hash128 key, int64_t now)
{
    uint64_t found = seen->table[slot_of(seen, key)];
    const struct seen_record *record;

    if (!found || seen->end - slot_ordinal(found) > seen->ids)
        return NULL;
    record = record_at(seen, slot_ordinal(found));
    return outside_time(seen, record->time, now) ? NULL : record;
}

static int grow(struct seen *seen)
{
    size_t size = 2 * (seen->ring_mask + 1);
    struct seen_record *ring = calloc(size, sizeof *ring);
    uint64_t *table = calloc(2 * size, sizeof *table);

    if (!ring || !table) {
        free(ring);
        free(table);
        return -ENOMEM;
    }
    for (uint64_t o = seen->first; o < seen->end; o++)
        ring[o & (size - 1)] = *record_at(seen, o);
    free(seen->ring);
    free(seen->table);
    seen->ring = ring;
    seen->ring_mask = size - 1;
    seen->table = table;
    seen->table_mask = 2 * size - 1;
    for (uint64_t o = seen->first; o < seen->end; o++)
        seen->table[slot_of(seen, record_at(seen, o)->key)] = slot_value(record_at(seen, o)->key, o);   /* the latest of a key wins */
    return 0;
}

int seen_add(struct seen *seen, const struct seen_record *record)
{
    size_t slot;
    int r = seen->end - seen->first > seen->ring_mask ? grow(seen) : 0;

    if (r)
        return r;
    slot = slot_of(seen, record->key);
    seen->ring[seen->end & seen->ring_mask] = *record;
    seen->ring[seen->end & seen->ring_mask].shadowed = seen->table[slot] ? slot_ordinal(seen->table[slot]) + 1 : 0;
    seen->table[slot] = slot_value(record->key, seen->end);
    seen->end++;
    return 0;
}

void seen_rollback(struct seen *seen)
{
    while (seen->end > seen->confirmed) {
        struct seen_record *record = record_at(seen, seen->end - 1);
        size_t slot = slot_of(seen, record->key);

        if (record->shadowed > seen->first)
            seen->table[slot] = slot_value(record->key, record->shadowed - 1);
        else
            slot_clear(seen, slot);
        seen->end--;
    }
}

bool seen_was_cut(struct seen *seen)
{
    bool cut = seen->cut;

    seen->cut = false;
    return cut;
}

/* Forgets records that no rule can reach any more. */
static void evict(struct seen *seen)
{
    if (seen->end - seen->first > seen->ids)
        seen->cut |= !outside_time(seen, record_at(seen, seen->first)->time, record_at(seen, seen->end - 1)->time);
    while (seen->end - seen->first > seen->ids) {
        struct seen_record *record = record_at(seen, seen->first);
        size_t slot = slot_of(seen, record->key);

        if (slot_ordinal(seen->table[slot]) == seen->first)
            slot_clear(seen, slot);
        seen->first++;
    }
}

static struct element *element_at(const struct seen *seen, size_t index)
{
    return &seen->elements[index & seen->elements_mask];
}

size_t seen_elements(const struct seen *seen)
{
    return seen->elements_end - seen->elements_first;
}

size_t seen_records(const struct seen *seen)
{
    return (size_t)(seen->confirmed - seen->first);
}

/* Whether no record of the element can make a duplicate any more. */
static bool element_outside(const struct seen *seen, const struct element *element, int64_t now)
{
    return element->end == element->begin || seen->end - (element->end - 1) > seen->ids ||
           outside_time(seen, element->time, now);
}

struct seen_change seen_plan(const struct seen *seen, int64_t from, int64_t now)
{
    struct seen_change change = {.from = from, .element_from = from};
    size_t kept = seen_elements(seen);

    for (; kept && change.drop < DROP_MAX; kept--) {
        if (!element_outside(seen, element_at(seen, seen->elements_first + change.drop), now))
            break;
        change.drop++;
    }
    if (kept) {
        const struct element *last = element_at(seen, seen->elements_end - 1);

        change.from = element_at(seen, seen->elements_first + change.drop)->from;
        if (seen->end == seen->confirmed && last->end == last->begin) {
            change.merge = true;
            change.element_from = last->from;
        }
    }
    return change;
}

static int elements_grow(struct seen *seen)
{
    size_t size = 2 * (seen->elements_mask + 1);
    struct element *elements = calloc(size, sizeof *elements);

    if (!elements)
        return -ENOMEM;
    for (size_t i = seen->elements_first; i < seen->elements_end; i++)
        elements[i & (size - 1)] = *element_at(seen, i);
    free(seen->elements);
    seen->elements = elements;
    seen->elements_mask = size - 1;
    return 0;
}

/* The time of the tentative records' last one, which is their latest. A record from before any timestamp leaves the window by count
 * alone, and so does an element that holds one. */
static int64_t element_time(const struct seen *seen)
{
    if (seen->end == seen->confirmed || record_at(seen, seen->confirmed)->time == SEEN_TIME_NONE)
        return SEEN_TIME_NONE;
    return record_at(seen, seen->end - 1)->time;
}

static int element_append(struct seen *seen, int64_t from, int64_t to)
{
    int r = seen_elements(seen) > seen->elements_mask ? elements_grow(seen) : 0;

    if (r)
        return r;
    *element_at(seen, seen->elements_end++) = (struct element){from, to, seen->confirmed, seen->end, element_time(seen)};
    return 0;
}

int seen_confirm(struct seen *seen, const struct seen_change *change, int64_t to)
{
    int r = 0;

    seen->elements_first += change->drop;
    if (change->merge)
        element_at(seen, seen->elements_end - 1)->to = to;
    else
        r = element_append(seen, change->element_from, to);
    seen->confirmed = seen->end;
    evict(seen);
    return r;
}

void seen_element_begin(struct buffer *out, int64_t from, int64_t to)
{
    buffer_put_varint(out, ELEMENT_VERSION);
    buffer_put_varint(out, (uint64_t)from);
    buffer_put_varint(out, (uint64_t)to);
}

void seen_element_add(struct buffer *out, struct bytes source, struct bytes id, const struct seen_record *record)
{
    buffer_put_sized(out, source.data ? source : (struct bytes){"", 0});
    buffer_put_sized(out, id);
    buffer_put_varint(out, (uint64_t)record->offset);
    buffer_put_varint(out, (uint64_t)record->time + 1);
    buffer_put_varint(out, (uint64_t)record->status);
    buffer_put_varint(out, record->digest);
}

static int load_record(struct seen *seen, struct reader *reader, int64_t from, int64_t to)
{
    struct bytes source = reader_sized(reader), id = reader_sized(reader);
    struct seen_record record = {.offset = (int64_t)reader_varint(reader)};
    uint64_t status;

    record.time = (int64_t)(reader_varint(reader) - 1);
    status = reader_varint(reader);
    record.digest = reader_varint(reader);
    if (reader_error(reader) || !source.data || !id.data || source.size > 256 || id.size > 128 || record.offset < from ||
        record.offset >= to || record.time < SEEN_TIME_NONE || status >= STATUS_COUNT)
        return -EBADMSG;
    record.status = (enum status)status;
    record.key = seen_key(seen, source, id);
    return seen_add(seen, &record);
}

/* The part before the records. */
static int load_head(struct reader *reader, int64_t *from, int64_t *to)
{
    uint64_t version = reader_varint(reader);

    *from = (int64_t)reader_varint(reader);
    *to = (int64_t)reader_varint(reader);
    return reader_error(reader) || version != ELEMENT_VERSION || *from < 0 || *to < *from ? -EBADMSG : 0;
}

int seen_element_read(struct bytes element, int64_t *from, int64_t *to, bool *holds)
{
    struct reader reader = reader_of(element);
    int r = load_head(&reader, from, to);

    *holds = !r && reader.at < reader.end;
    return r;
}

int seen_load(struct seen *seen, struct bytes element, int64_t expected, int64_t *to)
{
    struct reader reader = reader_of(element);
    int64_t from;
    int r = load_head(&reader, &from, to);

    if (r)
        return r;
    if (from != expected)
        return -ERANGE;
    while (!r && reader.at < reader.end)
        r = load_record(seen, &reader, from, *to);
    if (r) {
        seen_rollback(seen);
        return r;
    }
    r = element_append(seen, from, *to);
    seen->confirmed = seen->end;
    evict(seen);
    return r;
}
