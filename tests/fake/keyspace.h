/* A model of Redis's data: databases, keys, their types and times to live, and the commands on them with their errors and replies.
 * Knows no connection; what WATCH compares is the version of every key. */
#ifndef ORDERD_TESTS_FAKE_KEYSPACE_H
#define ORDERD_TESTS_FAKE_KEYSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "fake/keyspace_table.h"

enum key_type { KEY_NONE, KEY_STRING, KEY_HASH, KEY_SET, KEY_ZSET, KEY_LIST, KEY_STREAM };
enum { DATABASES = 16 };

/* Bytes of our own. */
struct text {
    char *data;
    size_t size, room;
};

/* A field, a member. */
struct key_member {
    struct entry entry;
    double score;              /* of a sorted set's member */
    struct text value;         /* of a hash's field */
    char name[];
};

/* An entry of a stream: its fields and values, as the array that a reply has. */
struct stream_entry {
    uint64_t ms, seq;
    struct text fields;
};

/* Once named, a key stays until the keyspace ends, as KEY_NONE while it is not there: a WATCH may point to it. */
struct key {
    struct entry entry;
    enum key_type type;
    int64_t expires;           /* ms; 0: never */
    uint64_t version;          /* moves at every touch */
    struct text string;
    struct table items;        /* hash, set, sorted set */
    void *elements;            /* list: struct text; stream: struct stream_entry; from `head` to `end` */
    size_t head, end, room;
    uint64_t last_ms, last_seq;   /* stream: the last id ever given */
    char name[];
};

/* Empty when it is all zeros. */
struct keyspace {
    struct table databases[DATABASES];
    int major, minor;          /* of the Redis that is modelled; 0: 7.0 */
};

/* One command while it is run. */
struct call {
    struct keyspace *keyspace;
    const struct bytes *args;
    size_t count;
    int64_t now_ms;
    struct buffer *out;
    int database;
    struct key *key;           /* of args[1] where the command has one */
    int64_t dirty;             /* how much it changed; 0: there is nothing to tell a replica */
};

enum command_flag {
    COMMAND_WRITE = 1, COMMAND_DENYOOM = 2, COMMAND_STALE = 4, COMMAND_LOADING = 8, COMMAND_BUSY = 16,
    COMMAND_NOW = 32           /* not queued between MULTI and EXEC */
};

struct command {
    const char *name;
    int arity;                 /* the name among them; negative: at least */
    unsigned flags;
    enum key_type type;        /* that args[1] must have or be missing; KEY_NONE: it does not matter */
    void (*run)(struct call *call);
};

/* The tables of the commands on data; each ends with one without a name. */
const struct command *const *keyspace_tables(size_t *count);
/* Frees all; it may be used anew. */
void keyspace_deinit(struct keyspace *keyspace);
/* The key of database 0, made as KEY_NONE when it was never named. */
struct key *keyspace_key(struct keyspace *keyspace, struct bytes name);
/* How many items or elements the key has; of a string, 1. */
size_t key_count(const struct key *key);
/* Runs one data command, whose number of arguments fits, and appends its reply; `call` has everything but the key. */
void keyspace_run(struct call *call, const struct command *command);
/* What another program does: a text with spaces, which must not fail. */
void keyspace_do(struct keyspace *keyspace, const char *command);
/* Every key of database 0 but orderd's own, in the order of their names: "market:{a.s=9} stock:k=3 users:b{funds=0}". */
void keyspace_text(const struct keyspace *keyspace, struct buffer *out);
/* Field and value, member and score, id and the entry's fields (an array, as a reply has it); of a list and a string the value alone. */
void key_each(const struct key *key, void (*each)(void *context, struct bytes name, struct bytes value), void *context);
/* Empties it, as FLUSHALL; keys that were there are touched. */
void keyspace_flush(struct keyspace *keyspace);
/* All of `from`'s data into an empty one: a snapshot, or back from it. */
void keyspace_copy(struct keyspace *to, const struct keyspace *from);

#endif
