/* `orderd audit` from the inside: what was asked for, one market after the other, and what is told of each. */
#ifndef ORDERD_COMMANDS_AUDIT_H
#define ORDERD_COMMANDS_AUDIT_H

#include <stdatomic.h>
#include <stdio.h>

#include "archive/snapshot.h"
#include "audit/look.h"
#include "audit/market.h"
#include "commands/interrupt.h"
#include "commands/progress.h"
#include "commands/site.h"
#include "history/ranges.h"

enum { AUDIT_SHOWN_DEFAULT = 20, AUDIT_SHOWN_MAX = 10000, AUDIT_MEMORY = 256 << 20, AUDIT_READ_AHEAD_KB = 32 << 10 };

struct audit_words {
    const char *file, *state, *incarnation, *work;
    struct resolve_froms from, to;
    size_t shown;                        /* findings of a kind */
    bool redis, strict, json, help;
};

struct audit_command {
    struct site *site;
    struct audit_words *words;
    struct kafka_in *in;
    struct interrupt interrupt;
    struct progress progress;
    char work[4096], taken[4200];        /* the folder; the snapshot that was taken there, "": none */
    struct snapshot *now, *state;        /* of --redis and --state; NULL: not wanted, or what stands in Redis is of no one moment */
    struct look look;                    /* why */
    bool compacted[KAFKA_TOPICS_MAX];    /* by topic of the site */
    int64_t *outcomes_early;             /* by partition: where the outcome topic ended before Redis was looked at */
    int32_t outcomes_partitions;
    struct buffer json;                  /* the markets so far */
    size_t wrong, foreign;               /* findings so far */
    int64_t decided;                     /* outcomes that were audited so far, without copies */
    bool told;                           /* one market was */
};

/* Whether an incarnation was asked for of which there is no outcome: then nothing is proved. */
static inline bool audit_of_nothing(const struct audit_command *command)
{
    return command->words->incarnation && !command->decided;
}

/* Where a market's audit begins. */
enum audit_begin { AUDIT_FROM_EMPTY, AUDIT_FROM_SNAPSHOT, AUDIT_FROM_FIRST_SEEN };

/* One market: the only one, or that of one partition number. */
struct audit_market {
    struct audit_command *command;
    int32_t number;
    size_t now_index, state_index;       /* in the snapshots */
    struct registry registry;
    bool registered;
    bool stated;                         /* the snapshot that it begins with holds it */
    char incarnation[CLOCK_UUID_SIZE];
    const char *incarnation_by;          /* who says so */
    struct journal_range *ranges;
    struct audit_range *said;
    size_t count;
    struct audit_gap *gaps;
    size_t gaps_count;
    struct audit_rule *rules;
    size_t rules_count;
    int64_t window_s, ids;
    enum audit_begin begin;
    struct survey now, state;
    struct fold *fold;
    struct audit *audit;
    struct journal *journal;
    atomic_int failed;                   /* of a record that the journal handed up: by its thread */
    int64_t letters_start[4096], letters_early[4096];   /* by partition */
    int32_t letters_partitions;
    struct market_counts redis;
    int64_t began_at, read_at, ended_at; /* monotonic ms: when reading began and ended, and all */
};

/* How many partitions of the outcome topic count: as many as the largest source has. */
int32_t audit_partitions(const struct audit_command *command);
/* audit_prepare.c: registry, incarnation, ranges and all that is known before anything is read. Exit code; so for all here. */
int audit_prepare(struct audit_market *market) MUST_CHECK;
/* audit_run.c: reads it all. */
int audit_run(struct audit_market *market) MUST_CHECK;
void audit_market_deinit(struct audit_market *market);

/* audit_report.c: a text for people; audit_json.c: the market's object into command->json. */
void audit_print(const struct audit_market *market, FILE *out);
void audit_print_end(const struct audit_command *command, FILE *out);
void audit_put_json(const struct audit_market *market);
/* Digits of a sum. */
enum { AUDIT_SUM_SIZE = 64 };
const char *audit_sum_text(char out[AUDIT_SUM_SIZE], chain_sum sum);
/* "orders:3:17", and where the record lies; "": none. */
void audit_place_text(char *out, size_t size, const struct audit_market *market, const struct finding *finding);
void audit_record_text(char *out, size_t size, const struct audit_market *market, const struct finding *finding);

#endif
