#include "audit/blanks.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

static const struct blank_point never = {INT64_MAX, {UINT64_MAX, UINT64_MAX}, UINT32_MAX};

int blank_compare(struct blank_point a, struct blank_point b)
{
    int order;

    if (a.era != b.era)
        return a.era < b.era ? -1 : 1;
    order = stream_id_compare(a.id, b.id);
    if (order)
        return order;
    return a.place < b.place ? -1 : a.place > b.place;
}

void blanks_deinit(struct blanks *blanks)
{
    free(blanks->items);
    blanks->items = NULL;
    blanks->count = blanks->capacity = blanks->open = 0;
}

void blanks_add(struct blanks *blanks, uint64_t key, size_t range, struct blank_point after)
{
    if (blanks->count == BLANKS_MAX)
        return;
    if (blanks->count == blanks->capacity) {
        size_t capacity = blanks->capacity ? 2 * blanks->capacity : CAPACITY_MIN;
        struct blank *items = realloc(blanks->items, capacity * sizeof *items);

        if (!items)
            return;
        blanks->items = items;
        blanks->capacity = capacity;
    }
    blanks->items[blanks->count++] = (struct blank){key, range, after, never};
    blanks->open++;
    blanks->sorted = false;
}

void blanks_close(struct blanks *blanks, size_t range, struct blank_point before)
{
    for (size_t i = blanks->count; blanks->open && i-- > 0;) {
        struct blank *blank = &blanks->items[i];

        if (blank->range != range || blank_compare(blank->before, never) != 0)
            continue;
        blank->before = before;
        blanks->open--;
    }
}

static int compare(const void *left, const void *right)
{
    const struct blank *a = left, *b = right;

    return a->key < b->key ? -1 : a->key > b->key;
}

static size_t first_of(const struct blanks *blanks, uint64_t key)
{
    size_t low = 0, high = blanks->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (blanks->items[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool blanks_explain(struct blanks *blanks, uint64_t key, struct blank_point at)
{
    if (!blanks->sorted && blanks->count)
        qsort(blanks->items, blanks->count, sizeof *blanks->items, compare);
    blanks->sorted = true;
    for (size_t i = first_of(blanks, key); i < blanks->count && blanks->items[i].key == key; i++)
        if (blank_compare(blanks->items[i].after, at) < 0 && blank_compare(at, blanks->items[i].before) < 0)
            return true;
    return false;
}
