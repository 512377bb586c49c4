/* What the files of `orderd replay` share, and nobody else. */
#ifndef ORDERD_COMMANDS_REPLAY_H
#define ORDERD_COMMANDS_REPLAY_H

#include <stdio.h>

#include "commands/complain.h"
#include "commands/site.h"
#include "ledger/resolve.h"
#include "replay/replay.h"

/* What was asked for. */
struct replay_request {
    const char *file;
    const char *prefix, *address;        /* of the namespace; NULL: the configuration's */
    int64_t database;                    /* -1: the configuration's */
    struct resolve_froms from, to;
    char words_from[512], words_to[512]; /* as they were given, for the replay's record */
    const char *outcomes, *outcomes_file, *incarnation, *state, *differences;
    bool without_recorded, verify, json, help;
    int64_t rate, max_differences;
};

/* Exit code; with `help` it was printed. */
int replay_parse(int argc, char **argv, struct replay_request *request) MUST_CHECK;

/* One market's replay, ready to be begun. With shard = "partition" there is one a partition number. */
struct replay_job {
    const struct replay_request *request;
    struct site live, into;
    char no_durability[8];
    struct config into_config;           /* the configuration with the namespace's names; what it points to stays the live one's */
    struct sink_limits limits;           /* of the topic of --outcomes, else of the configuration's */
    bool live_up;                        /* the live market's Redis answers */
    struct kafka_in *in;
    struct snapshot *state;
    struct registry registry;            /* the live market's */
    bool has_registry;
    char *moved;                         /* its record of marks that were moved (ledger/moves.h); NULL: there is none */
    size_t moved_size;
    char *rules;                         /* and its record of dedupe settings that ruled before, likewise */
    size_t rules_size;
    char incarnation[CLOCK_UUID_SIZE];   /* whose order is followed; "": each partition's offset order */
    int32_t number;                      /* SHARD_NONE, or the partition number */
    char words[TARGET_WORDS_MAX];
    char outcomes_path[4096];            /* the file for this market's outcomes; "": none */
    struct journal_range *ranges;
    size_t ranges_count;
};

/* Configuration, both ends, and what needs no shard: refuses before anything is touched. Exit code. */
int replay_prepare(struct replay_job *job, struct config *config, const struct replay_request *request) MUST_CHECK;
/* The market of that number: its registry, the order, the ranges. Exit code. */
int replay_prepare_market(struct replay_job *job, int32_t number) MUST_CHECK;
/* The parts of the logs that the words name. Exit code. */
int replay_ranges(struct replay_job *job) MUST_CHECK;
void replay_unprepare(struct replay_job *job);

/* Differences and writes of others, as a person reads them and as JSON lines. */
struct replay_show {
    FILE *people;                        /* NULL: nobody reads */
    FILE *lines;                         /* NULL: no file was asked for */
    int64_t max, shown;                  /* in full; the rest is counted */
    const struct replay_job *job;
    bool part;                           /* events outside the range may have written, too */
    bool failed;                         /* the file could not be written */
};
void replay_show_difference(void *show, const struct verify_difference *difference);
void replay_show_write(void *show, const struct verify_write *write, bool first_seen);

/* What came of it. */
struct replay_report {
    const struct replay_job *job;
    const struct target *target;
    struct replay_counts counts;
    struct journal_counts read;
    const struct verify_counts *verified;   /* NULL: nothing was compared */
    int64_t ms;                          /* of this run */
    int64_t events;                      /* of this run */
    bool finished, resumed;
};
void replay_report_text(const struct replay_report *report, FILE *out);
void replay_report_json(const struct replay_report *report, struct buffer *out);
/* The counts as one line for the replay's record, and back; false: they cannot be read. */
void replay_counts_text(const struct replay_report *report, int64_t position, char *out, size_t size);
bool replay_counts_parse(const char *text, struct replay_counts *counts, struct verify_counts *verified, int64_t *position);

#endif
