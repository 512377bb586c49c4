/* A history that the real daemon made in the world of the stories, as the auditor wants it; a copy, so that forgers may work on it. */
#ifndef ORDERD_TESTS_SIM_TOLD_H
#define ORDERD_TESTS_SIM_TOLD_H

#include "base/arena.h"
#include "sim/auditor.h"

enum { TOLD_SOURCES = 2, TOLD_HAPPENINGS_MAX = 80, TOLD_ARGS_MAX = 6 };

/* Nothing of it is shared with the world that it was copied from: every pointer may be written through. */
struct told {
    struct arena *arena;
    struct audit_world world;
    struct audit_log sources[TOLD_SOURCES], outcomes[TOLD_SOURCES], letters[1];
    struct audit_happening happenings[TOLD_HAPPENINGS_MAX];
};

/* About `events` events of all kinds with everything that may be wrong with them, two partitions, foreign writers, a skipped event, and a crash in
 * the middle. The same seed makes the same history. `sharded`: a market for each partition. */
void told_begin(struct told *told, unsigned seed, int events, bool sharded);
void told_end(struct told *told);

/* Writable ones. */
struct audit_message *told_message(const struct audit_log *log, size_t index);
struct audit_header *told_header(struct audit_message *message, const char *name);
struct audit_key *told_key(struct told *told, const char *name);
struct audit_pair *told_field(struct audit_key *key, const char *name);
/* The outcome whose value holds the text, the `nth` of them from 0; NULL when there is none. */
struct audit_message *told_outcome(struct told *told, size_t partition, const char *text, int nth);
/* `from` replaced by `to` in its first place; both as they stand there. */
void told_replace(struct told *told, struct bytes *bytes, const char *from, const char *to);
/* Behind all others: a copy of it. */
void told_append(struct told *told, struct audit_log *log, const struct audit_message *message);
void told_remove(struct audit_log *log, size_t index);

#endif
