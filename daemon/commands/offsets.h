/* `orderd offsets` from the inside: what Kafka and Redis hold of each partition, read once, side by side.
 *
 * A daemon may be at work meanwhile: commits are read first, then marks, then the logs' ends, so that what comes later is never behind. */
#ifndef ORDERD_COMMANDS_OFFSETS_H
#define ORDERD_COMMANDS_OFFSETS_H

#include <stdio.h>

#include "commands/site.h"
#include "ledger/resolve.h"
#include "seam/kafka_look.h"

enum { OFFSETS_NAME_MAX = 128 };

/* Whose commit it is, by its note (ledger/evidence.h). */
enum offsets_commit { COMMIT_NONE, COMMIT_CURRENT, COMMIT_FORMER, COMMIT_UNKNOWN, COMMIT_NOT_OURS };

struct offsets_row {
    const char *topic;                   /* the configuration's */
    int32_t partition;
    size_t registry;                     /* index of its registry */
    int64_t start, end, outcomes_end;    /* -1: Kafka did not tell */
    int64_t committed;                   /* -1: none */
    enum offsets_commit commit;
    struct commit_note note;             /* of all but COMMIT_NONE and COMMIT_NOT_OURS */
    int64_t next, done;                  /* -1: there is no mark that can be read */
    bool torn, paused;
    char member[OFFSETS_NAME_MAX], client[OFFSETS_NAME_MAX], host[OFFSETS_NAME_MAX];   /* "": nobody has it */
};

struct offsets_registry {
    int32_t shard;                       /* SHARD_NONE or the number */
    char key[SHARD_KEY_MAX];
    int read;                            /* what registry_read said: 0, -ENOENT, -EBADMSG */
    struct registry *registry;
    struct buffer moved;                 /* ledger/moves.h */
};

struct offsets {
    struct site *site;
    struct kafka_in *in;
    struct kafka_look *look;
    struct kafka_group group;
    struct offsets_registry *registries;
    struct offsets_row *rows;
    size_t registries_count, rows_count;
    const char *away;                    /* what did not answer, where looking fails */
};

/* Both clients, and a row for each partition; `site` has asked Kafka and is connected. Exit code, 0 for success. */
int offsets_open(struct offsets *offsets, struct site *site) MUST_CHECK;
void offsets_close(struct offsets *offsets);
/* Reads it all. Errors: -EACCES, -EAGAIN, -ETIMEDOUT, -EIO or a lost connection; of what, in `away`. */
int offsets_look(struct offsets *offsets) MUST_CHECK;
/* Who has one partition, for resolve_move. */
int offsets_owner(void *offsets, const struct resolve_place *place, char who[RESOLVE_OWNER_MAX]) MUST_CHECK;

/* Log end − next and next − done; -1: not known. */
int64_t offsets_lag(const struct offsets_row *row);
int64_t offsets_undelivered(const struct offsets_row *row);

/* A table for people, one object for programs (conf/schemas/reports/offsets.json). */
void offsets_print(const struct offsets *offsets, FILE *out);
void offsets_put_json(struct buffer *out, const struct offsets *offsets);

#endif
