/* A model of Redis's data: the commands that orderd uses, with their types, errors and replies, and a version of every key, which is
 * what WATCH compares. Knows no connection. */
#ifndef ORDERD_TESTS_FAKE_KEYSPACE_H
#define ORDERD_TESTS_FAKE_KEYSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum key_type { KEY_NONE, KEY_STRING, KEY_HASH, KEY_SET, KEY_ZSET, KEY_LIST, KEY_STREAM };

/* field and value, member and score, id and the entry's fields; a list and a string use `value` alone. Both are the key's own. */
struct pair {
    struct bytes field, value;
};

struct key {
    struct bytes name;
    enum key_type type;
    struct pair *pairs;
    size_t count, capacity;
    uint64_t version;          /* of the last change */
    uint64_t last_ms, last_seq;   /* stream: the last id ever given */
};

struct keyspace {
    struct key **keys;         /* one that was deleted stays, as KEY_NONE */
    size_t count, capacity;
    uint64_t version;
};

void keyspace_deinit(struct keyspace *keyspace);
/* The key, made as KEY_NONE when it was never named. */
struct key *keyspace_key(struct keyspace *keyspace, struct bytes name);
/* Runs one data command and appends its reply. An unknown one is an error reply. */
void keyspace_run(struct keyspace *keyspace, const struct bytes *args, size_t count, int64_t now_ms, struct buffer *out);
/* As keyspace_run, from a text with spaces: what another program does. */
void keyspace_do(struct keyspace *keyspace, const char *command);
/* Every key but orderd's own, in the order of their names: "market:{a.s=9} stock:k=3 users:b{funds=0}". */
void keyspace_text(const struct keyspace *keyspace, struct buffer *out);
/* Empties it, as FLUSHALL. */
void keyspace_flush(struct keyspace *keyspace);
/* All of `from`'s data into an empty one: a snapshot, or back from it. */
void keyspace_copy(struct keyspace *to, const struct keyspace *from);

#endif
