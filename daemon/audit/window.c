/* A ring of records, and buckets of chains through it. A chain leads from younger to older records, so it ends where the ring does, and nothing has
 * to be taken out of it. Most events are none that came before, so there are many more buckets than records, and most of those asked are empty.
 *
 * A bucket and a record name a record by its number + 1, of which they keep 32 bits: the number is the one of that kind which is not above the youngest.
 * What was not written for long may so lead anywhere, but it must lead to an older record each time, and keys are compared. */
#include "audit/window.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/seen.h"

enum { RING_MIN = 1024, BUCKETS = 4, ADVANCE_MAX_MS = 60000 };

struct window {
    struct hash_key key;
    size_t ids;
    int64_t window_ms;
    struct window_record *ring;
    uint32_t *buckets;             /* BUCKETS for each record; the youngest of the bucket */
    size_t mask;                   /* of the ring */
    uint64_t first, end;
};

int window_new(struct window **out, struct hash_key key, size_t ids, int64_t window_ms)
{
    struct window *window = calloc(1, sizeof *window);

    if (!window)
        return -ENOMEM;
    window->key = key;
    window->ids = ids;
    window->window_ms = window_ms;
    window->mask = RING_MIN - 1;
    window->ring = calloc(RING_MIN, sizeof *window->ring);
    window->buckets = calloc(BUCKETS * RING_MIN, sizeof *window->buckets);
    if (!window->ring || !window->buckets) {
        window_free(window);
        return -ENOMEM;
    }
    *out = window;
    return 0;
}

struct window *window_free(struct window *window)
{
    if (window) {
        free(window->ring);
        free(window->buckets);
        free(window);
    }
    return NULL;
}

static void let_go(struct window *window)
{
    if (window->end - window->first > window->ids)
        window->first = window->end - window->ids;
}

void window_set(struct window *window, size_t ids, int64_t window_ms)
{
    window->ids = ids;
    window->window_ms = window_ms;
    let_go(window);
}

struct hash128 window_key(const struct window *window, struct bytes source, struct bytes id)
{
    return seen_key_by(window->key, source, id);
}

const struct window_record *window_at(const struct window *window, uint64_t number)
{
    ASSERT(number >= window->first && number < window->end);
    return &window->ring[number & window->mask];
}

static uint32_t *bucket_of(const struct window *window, struct hash128 key)
{
    return &window->buckets[key.low & (BUCKETS * (window->mask + 1) - 1)];
}

/* How far below the youngest a record lies that is named so. */
static uint32_t age_of(const struct window *window, uint32_t name)
{
    return (uint32_t)window->end - name;
}

const struct window_record *window_latest(const struct window *window, struct hash128 key)
{
    uint32_t age = age_of(window, *bucket_of(window, key)), before;

    while (age < window->end - window->first) {
        const struct window_record *record = window_at(window, window->end - 1 - age);

        if (record->key.low == key.low && record->key.high == key.high)
            return record;
        before = age;
        age = age_of(window, record->older);
        if (age <= before)
            break;
    }
    return NULL;
}

const struct window_record *window_find(const struct window *window, struct hash128 key, int64_t now)
{
    const struct window_record *record = window_latest(window, key);

    if (record && record->time != WINDOW_TIME_NONE && now != WINDOW_TIME_NONE && now - record->time >= window->window_ms)
        return NULL;
    return record;
}

static void link_in(struct window *window, uint64_t number)
{
    struct window_record *record = &window->ring[number & window->mask];
    uint32_t *bucket = bucket_of(window, record->key);

    record->older = *bucket;
    *bucket = (uint32_t)(number + 1);
}

static int grow(struct window *window)
{
    size_t size = 2 * (window->mask + 1);
    struct window_record *ring = calloc(size, sizeof *ring);
    uint32_t *buckets = calloc(BUCKETS * size, sizeof *buckets);

    if (!ring || !buckets) {
        free(ring);
        free(buckets);
        return -ENOMEM;
    }
    for (uint64_t n = window->first; n < window->end; n++)
        ring[n & (size - 1)] = *window_at(window, n);
    free(window->ring);
    free(window->buckets);
    window->ring = ring;
    window->buckets = buckets;
    window->mask = size - 1;
    for (uint64_t n = window->first; n < window->end; n++)
        link_in(window, n);
    return 0;
}

int window_add(struct window *window, const struct window_record *record)
{
    int r = window->end - window->first > window->mask ? grow(window) : 0;

    if (r)
        return r;
    window->ring[window->end & window->mask] = *record;
    link_in(window, window->end);
    window->end++;
    let_go(window);
    return 0;
}

uint64_t window_first(const struct window *window)
{
    return window->first;
}

uint64_t window_end(const struct window *window)
{
    return window->end;
}

int64_t window_advance(int64_t time, int64_t timestamp)
{
    if (timestamp < 0 || timestamp <= time)
        return time;
    if (time == WINDOW_TIME_NONE || timestamp - time <= ADVANCE_MAX_MS)
        return timestamp;
    return time + ADVANCE_MAX_MS;
}
