/* Texts that are nearly right: a seed in which some bytes were deleted, replaced or given company. */
#ifndef ORDERD_TESTS_UNIT_MUTATED_H
#define ORDERD_TESTS_UNIT_MUTATED_H

#include <stdint.h>
#include <string.h>

static inline uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

struct mutation {
    const char *const *seeds, *const *pieces;      /* a piece is put in */
    size_t seeds_count, pieces_count, size_max;
    uint32_t state;
};

/* `out` has room for size_max; returns the size. */
static inline size_t mutate(struct mutation *m, char *out)
{
    const char *seed = m->seeds[next(&m->state) % m->seeds_count];
    size_t size = strlen(seed);

    memcpy(out, seed, size);
    for (uint32_t changes = next(&m->state) % 4; changes; changes--) {
        const char *piece = m->pieces[next(&m->state) % m->pieces_count];
        size_t at = next(&m->state) % (size + 1), gone = next(&m->state) % 3, more = next(&m->state) % 3 ? strlen(piece) : 0;

        gone = gone > size - at ? size - at : gone;
        if (size - gone + more > m->size_max)
            continue;
        memmove(out + at + more, out + at + gone, size - at - gone);
        memcpy(out + at, piece, more);
        size = size - gone + more;
    }
    return size;
}

#endif
