#include "audit/doubts.h"

#include <stdlib.h>

enum { SLOTS = 2 * DOUBTS_MAX, MASK = SLOTS - 1 };

int doubts_init(struct doubts *doubts)
{
    doubts->count = 0;
    doubts->slots = calloc(SLOTS, sizeof *doubts->slots);
    return doubts->slots ? 0 : -ENOMEM;
}

void doubts_deinit(struct doubts *doubts)
{
    free(doubts->slots);
    doubts->slots = NULL;
}

/* The slot of the key, or the empty one where it would go. */
static struct doubt *slot_of(const struct doubts *doubts, uint64_t key)
{
    size_t at = (size_t)key & MASK;

    while (doubts->slots[at].key && doubts->slots[at].key != key)
        at = (at + 1) & MASK;
    return &doubts->slots[at];
}

struct doubt *doubts_find(const struct doubts *doubts, uint64_t key)
{
    struct doubt *slot = slot_of(doubts, key);

    return slot->key ? slot : NULL;
}

bool doubts_put(struct doubts *doubts, uint64_t key, size_t of)
{
    struct doubt *slot = slot_of(doubts, key);

    ASSERT(key);
    if (!slot->key && doubts->count == DOUBTS_MAX)
        return false;
    doubts->count += !slot->key;
    *slot = (struct doubt){key, of};
    return true;
}

/* Whoever came past the slot that goes is moved up. */
void doubts_remove(struct doubts *doubts, struct doubt *doubt)
{
    size_t gap = (size_t)(doubt - doubts->slots), at = gap;

    for (;;) {
        size_t home;

        at = (at + 1) & MASK;
        if (!doubts->slots[at].key)
            break;
        home = (size_t)doubts->slots[at].key & MASK;
        if (((at - home) & MASK) >= ((at - gap) & MASK)) {
            doubts->slots[gap] = doubts->slots[at];
            gap = at;
        }
    }
    doubts->slots[gap] = (struct doubt){0, 0};
    doubts->count--;
}
