/* A hash table of things that carry their own hash; emptied, it keeps its memory. */
#ifndef ORDERD_TESTS_SIM_AUDIT_TABLE_H
#define ORDERD_TESTS_SIM_AUDIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* The first member of everything that stands in a table. */
struct audit_hashed {
    uint64_t hash;
};

struct audit_table {
    struct audit_hashed **slots;
    size_t count, capacity;      /* capacity: a power of two */
};

static inline void audit_table_deinit(struct audit_table *table)
{
    free(table->slots);
    *table = (struct audit_table){NULL, 0, 0};
}

static inline void audit_table_reset(struct audit_table *table)
{
    if (table->count)
        memset(table->slots, 0, table->capacity * sizeof *table->slots);
    table->count = 0;
}

/* The first one with that hash for which `same` is true, or NULL. */
static inline void *audit_table_find(const struct audit_table *table, uint64_t hash, bool (*same)(const void *item, const void *wanted), const void *wanted)
{
    if (!table->capacity)
        return NULL;
    for (size_t at = (size_t)hash & (table->capacity - 1); table->slots[at]; at = (at + 1) & (table->capacity - 1))
        if (table->slots[at]->hash == hash && same(table->slots[at], wanted))
            return table->slots[at];
    return NULL;
}

static inline void audit_table_place(struct audit_table *table, struct audit_hashed *item)
{
    size_t at = (size_t)item->hash & (table->capacity - 1);

    while (table->slots[at])
        at = (at + 1) & (table->capacity - 1);
    table->slots[at] = item;
}

/* `item` begins with its hash. */
static inline void audit_table_add(struct audit_table *table, void *item)
{
    if (2 * (table->count + 1) > table->capacity) {
        struct audit_table old = *table;

        table->capacity = old.capacity ? 2 * old.capacity : 256;
        table->slots = calloc(table->capacity, sizeof *table->slots);
        ASSERT(table->slots);
        for (size_t i = 0; i < old.capacity; i++)
            if (old.slots[i])
                audit_table_place(table, old.slots[i]);
        free(old.slots);
    }
    audit_table_place(table, item);
    table->count++;
}

static inline uint64_t audit_hash(uint64_t seed, const void *data, size_t size)
{
    const unsigned char *p = data;
    uint64_t hash = seed ^ (size * 0x9e3779b97f4a7c15u);

    for (; size >= 8; p += 8, size -= 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        hash = (hash ^ word) * 0x9fb21c651e98df25u;
        hash ^= hash >> 32;
    }
    for (; size; p++, size--)
        hash = (hash ^ *p) * 0x100000001b3u;
    hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
    return hash ^ hash >> 32;
}

#endif
