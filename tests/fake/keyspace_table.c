#include "fake/keyspace_table.h"

#include <stdlib.h>

enum { WALKED_MAX = 8 };
#define GONE UINT32_MAX      /* an enumerator is an int */

uint32_t table_hash(struct bytes name)
{
    uint64_t hash = name.size * 0x9e3779b97f4a7c15u, word;
    const char *at = name.data;

    for (size_t left = name.size; left; at += sizeof word) {
        size_t size = left < sizeof word ? left : sizeof word;

        word = 0;
        memcpy(&word, at, size);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
        left -= size;
    }
    return (uint32_t)(hash ^ hash >> 29);
}

static bool is(const struct entry *entry, struct bytes name, uint32_t hash)
{
    return entry->hash == hash && entry->size == name.size && memcmp(entry->name, name.data, name.size) == 0;
}

/* The slot that holds the entry of that name, or NULL. */
static uint32_t *slot_of(const struct table *table, struct bytes name, uint32_t hash)
{
    for (uint32_t at = hash & table->mask; table->slots[at]; at = (at + 1) & table->mask)
        if (table->slots[at] != GONE && is(table->places[table->slots[at] - 1], name, hash))
            return &table->slots[at];
    return NULL;
}

struct entry *table_find(const struct table *table, struct bytes name, uint32_t hash)
{
    const uint32_t *slot;

    if (!table->slots) {
        for (uint32_t i = 0; i < table->used; i++)
            if (table->places[i] && is(table->places[i], name, hash))
                return table->places[i];
        return NULL;
    }
    slot = slot_of(table, name, hash);
    return slot ? table->places[*slot - 1] : NULL;
}

static void put_slot(struct table *table, uint32_t place)
{
    uint32_t at = table->places[place]->hash & table->mask;

    while (table->slots[at] && table->slots[at] != GONE)
        at = (at + 1) & table->mask;
    table->slots[at] = place + 1;
}

/* Closes the gaps, and doubles the room when there were few. */
static void make_room(struct table *table)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < table->used; i++)
        if (table->places[i])
            table->places[kept++] = table->places[i];
    table->used = kept;
    if (kept >= table->room - table->room / 4) {
        table->room = table->room ? 2 * table->room : 4;
        table->places = realloc(table->places, table->room * sizeof *table->places);
        ASSERT(table->places);
    }
    free(table->slots);
    table->slots = NULL;
    if (table->room <= WALKED_MAX)
        return;
    table->mask = 2 * table->room - 1;
    table->slots = calloc(2 * table->room, sizeof *table->slots);
    ASSERT(table->slots);
    for (uint32_t i = 0; i < kept; i++)
        put_slot(table, i);
}

void table_add(struct table *table, struct entry *entry)
{
    if (table->used == table->room)
        make_room(table);
    table->places[table->used++] = entry;
    table->count++;
    if (table->slots)
        put_slot(table, table->used - 1);
}

void table_take(struct table *table, const struct entry *entry)
{
    uint32_t place = 0;

    if (table->slots) {
        uint32_t *slot = slot_of(table, (struct bytes){entry->name, entry->size}, entry->hash);

        place = *slot - 1;
        *slot = GONE;
    } else {
        while (table->places[place] != entry)
            place++;
    }
    table->places[place] = NULL;
    table->count--;
    if (place + 1 == table->used)
        table->used--;
}

void table_deinit(struct table *table)
{
    free(table->places);
    free(table->slots);
    *table = (struct table){.count = 0};
}
