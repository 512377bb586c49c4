/* A hash table of named things, in the order in which they came. A thing begins with its entry and belongs to whoever put it in. */
#ifndef ORDERD_TESTS_FAKE_KEYSPACE_TABLE_H
#define ORDERD_TESTS_FAKE_KEYSPACE_TABLE_H

#include "base/bytes.h"

struct entry {
    const char *name;      /* of `size` bytes, anywhere as long as the thing lives */
    uint32_t size, hash;
};

/* Empty when it is all zeros. */
struct table {
    struct entry **places; /* NULL where one was taken out */
    uint32_t *slots;       /* places by hash, counted from one; none for a table of a few, which is walked */
    uint32_t count, used, room, mask;
};

uint32_t table_hash(struct bytes name);
/* NULL when there is none. */
struct entry *table_find(const struct table *table, struct bytes name, uint32_t hash);
/* `entry` has name, size and hash, and no other of its name is there. */
void table_add(struct table *table, struct entry *entry);
void table_take(struct table *table, const struct entry *entry);
/* Frees the table, not the things. */
void table_deinit(struct table *table);

#define TABLE_EACH(table, entry)                                                             \
    for (uint32_t entry##_at = 0; entry##_at < (table)->used; entry##_at++)                  \
        for (struct entry *entry = (table)->places[entry##_at]; entry; entry = NULL)

#endif
