/* What the witness's parts share. */
#ifndef ORDERD_TESTS_SIM_WITNESS_OWN_H
#define ORDERD_TESTS_SIM_WITNESS_OWN_H

#include "base/arena.h"
#include "sim/keys.h"
#include "sim/witness.h"

enum { SOURCES_MAX = 8, UNSAID_MAX = 64 };

/* A line that the operator must read: how it begins, and words of it. */
struct unsaid {
    char begin[128];
    const char *words;
};

/* Redis came back older than an outcome that lies in Kafka, and every connection was closed: nobody may decide anything before a halt. */
struct older {
    bool due;                         /* neither a halt nor a resolution has come yet */
    size_t source;                    /* whose outcome it is, where it lies, the offset that it is of, and where the mark came back to */
    int64_t at, of, next;
};

/* A log as the auditor wants it, which grows as the model's does. */
struct record_log {
    struct audit_log log;
    struct audit_message *messages;
    int64_t *arrived;                 /* each of them, virtual ms */
    size_t capacity;
    size_t taken;                     /* of the model's log */
    int64_t base;                     /* where it begins, when others of that name were before it */
};

struct witness {
    const struct plan *plan;
    struct arena *arena;
    struct record_log sources[SOURCES_MAX], outcomes[LOG_PARTITIONS_MAX], letters[LOG_PARTITIONS_MAX];
    struct audit_log source_logs[SOURCES_MAX], outcome_logs[LOG_PARTITIONS_MAX], letter_logs[LOG_PARTITIONS_MAX];
    int64_t looked[SOURCES_MAX];      /* the commit that was looked at last */
    unsigned execs_looked;
    uint64_t changes_looked;
    struct audit_happening *happenings;
    int64_t *positions;               /* of the data's journal, when each of them was */
    size_t happenings_count, happenings_capacity;
    struct audit_place before_restore[PLAN_PARTITIONS_MAX];
    bool restored[PLAN_PARTITIONS_MAX], went_on[PLAN_PARTITIONS_MAX];      /* each market: it was put back, and was worked since; until what it lost was applied again */
    struct older older[PLAN_PARTITIONS_MAX];      /* each market */
    struct audit_world world;
    struct keys_mark marks[SOURCES_MAX];      /* as the operator has seen them */
    struct unsaid unsaid[UNSAID_MAX];
    size_t unsaid_count;
    struct finding finding;
};

/* Index of the source. */
size_t witness_source(const struct witness *witness, const char *topic, int32_t partition);
/* In the order of what Redis did. */
void witness_happened(struct witness *witness, const struct audit_happening *happening);
/* The number of markets, each with its shard's number. */
int32_t witness_shards(const struct witness *witness);

/* witness_older.c: whether each market, as it was put back, must be halted before anything is decided (PROTOCOL 5); `closed` as in witness_restored(). */
void witness_older_look(struct witness *witness, bool closed);
/* A transaction in that market was applied; and one that decides this partition's events. */
void witness_older_executed(struct witness *witness, int32_t shard, bool by_operator);
void witness_older_decided(struct witness *witness, int32_t shard, const char *topic, int32_t partition);
/* The outcomes are about to go. */
void witness_older_unknown(struct witness *witness);

#endif
