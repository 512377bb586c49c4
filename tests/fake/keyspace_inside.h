/* What the files of the keyspace share: values, touching, and the replies that many commands give. */
#ifndef ORDERD_TESTS_FAKE_KEYSPACE_INSIDE_H
#define ORDERD_TESTS_FAKE_KEYSPACE_INSIDE_H

#include "fake/keyspace.h"
#include "fake/resp.h"

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_INTEGER "ERR value is not an integer or out of range"
#define ERROR_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

/* The tables of commands, one for each type; each ends with an entry without a name. */
extern const struct command keyspace_generic[], keyspace_strings[], keyspace_hashes[], keyspace_sets[], keyspace_zsets[], keyspace_lists[],
    keyspace_streams[];

void text_set(struct text *text, struct bytes bytes);
struct bytes text_bytes(const struct text *text);
struct bytes entry_bytes(const struct entry *entry);

/* The key, looked at: one whose time is over is gone. Made as KEY_NONE when it was never named. */
struct key *key_of(struct call *call, struct bytes name);
/* The same in a database. */
struct key *database_key(struct table *database, struct bytes name, int64_t now_ms);
/* Whoever WATCHes it gets nil. */
void key_touch(struct call *call, struct key *key);
/* Empties it, without a touch. */
void key_clear(struct key *key);
/* As KEY_NONE with all that it had, when nothing is left in it. Streams stay. */
void key_clear_if_empty(struct key *key);
/* All that `from` has, into an empty one; `from` is left with nothing. */
void key_move(struct key *to, struct key *from);

void keyspace_flush_database(struct table *database);

struct key_member *key_item(const struct key *key, struct bytes name);
/* Made when it is not there. */
struct key_member *key_item_put(struct key *key, struct bytes name, bool *made);
void key_item_take(struct key *key, struct key_member *item);
/* Room for one more element behind the last or, with `front`, before the first; returns where it goes. */
void *key_elements_room(struct key *key, size_t size, bool front);
/* HDEL, SREM, ZREM. */
void key_forget(struct call *call);
/* HLEN, SCARD, ZCARD, LLEN, XLEN. */
void key_length(struct call *call);

/* Strictly an integer; else the error is replied. */
bool call_integer(struct call *call, size_t at, int64_t *value) MUST_CHECK;
/* A word of any case. */
bool is_word(struct bytes bytes, const char *word);
/* From and to as LRANGE takes them, cut to [0, count): false when nothing is left. */
bool call_range(int64_t *from, int64_t *to, size_t count);
/* Looks args[1] up: false, with the error replied, when it is there and of another type. */
bool call_key(struct call *call, enum key_type type) MUST_CHECK;

#endif
