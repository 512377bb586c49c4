/* A market opened for a resolution: registry and marks read under WATCH, and the writes that will change them in one EXEC.
 *
 * Shared by the files of ledger/resolve.h and by nobody else. */
#ifndef ORDERD_LEDGER_OPENED_H
#define ORDERD_LEDGER_OPENED_H

#include "ledger/gather.h"
#include "ledger/resolve.h"

/* What of a market a plan looks at. Nothing else is WATCHed: partitions that are worked meanwhile would change their marks all the time. */
struct opened_scope {
    const char *topic;            /* NULL: every topic's partitions */
    int32_t partition;            /* -1: every partition */
    bool missing;                 /* of the others than those that have no mark only that they have one */
};
#define EVERYTHING ((struct opened_scope){NULL, -1, false})

/* Of one offset and of several, before "passed over". */
#define DELETED_ONE  "was deleted before it was decided and is"
#define DELETED_MANY "were deleted before they were decided and are"

struct opened_partition {
    struct partition *partition;
    int mark;                     /* what mark_read said: 0, -ENOENT, -EBADMSG, -EIO */
    bool configured;              /* its topic is in the file, with that many partitions */
};

struct opened {
    struct opened_scope scope;
    struct shard shard;           /* with the registry, where it could be read */
    int registry;                 /* what registry_read said */
    bool outbox;                  /* the outbox is a stream */
    struct opened_partition *items;
    struct partition **partitions; /* the same, for ledger/gather.h */
    struct gathered *gathered;
    size_t count;
    struct outbox_pool pool;
    struct commands writes;       /* MULTI first, EXEC is added at the end */
    struct buffer text;           /* what is said when it was done */
    int64_t era;                  /* the highest that anybody has shown */
};

/* What a resolution does with an opened market: puts its writes and says its lines; -EPROTO with a refusal: nothing is written. */
typedef int (*resolve_plan)(struct resolve *resolve, struct opened *opened, void *argument);

/* Opens the registry of a shard, lets the plan work, and executes it; from the beginning when somebody changed a mark meanwhile. */
int opened_run(struct resolve *resolve, int32_t shard, struct opened_scope scope, resolve_plan plan, void *argument) MUST_CHECK;
/* The same for each shard of the configuration. One that refuses, because it has nothing to resolve or is resolved already, does not hold up the
 * others: it is a refusal only when all refuse. */
int opened_run_all(struct resolve *resolve, struct opened_scope scope, resolve_plan plan, void *argument) MUST_CHECK;

/* The partition, NULL when it is none of this market. */
struct opened_partition *opened_find(struct opened *opened, const char *topic, int32_t partition);
/* Reads outbox and seen lists of all whose marks can be read; one shard's registry must be known or filled in. */
int opened_gather(struct resolve *resolve, struct opened *opened) MUST_CHECK;
/* The same of one partition. */
int opened_gather_one(struct resolve *resolve, struct opened *opened, const struct opened_partition *item) MUST_CHECK;
/* The partition of a place, with a readable registry and mark; refuses otherwise. */
int opened_need(struct resolve *resolve, struct opened *opened, const struct resolve_place *place, struct opened_partition **out) MUST_CHECK;
/* WATCHes a mark that the scope left out, and reads it once more. Errors: -EAGAIN: it is gone. */
int opened_watch(struct resolve *resolve, struct opened_partition *item) MUST_CHECK;
/* Kafka's evidence of one partition; raises opened->era and adds foreign incarnations to `collect`. */
int opened_evidence(struct resolve *resolve, struct opened *opened, const struct opened_partition *item, struct registry *collect,
                    struct evidence *out) MUST_CHECK;

/* A line for a person. */
void opened_say(struct opened *opened, const char *format, ...) PRINTF_LIKE(2, 3);
/* Refuses the resolution with a line; returns -EPROTO. */
int opened_refuse(struct resolve *resolve, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with what was found, and the resolution that comes first. */
int opened_refuse_found(struct resolve *resolve, const struct refusal *refusal);
/* Writes that every resolution ends with: the era rises. */
void opened_raise_era(struct opened *opened);
/* A mark made new at `next`: everything below it is done. */
void opened_put_mark(struct resolve *resolve, struct opened *opened, const struct partition *partition, int64_t next);
/* An entry without records over [from, to), marked lost. */
void opened_put_lost(struct opened *opened, const struct partition *partition, int64_t from, int64_t to);
/* The outbox as a stream without entries, where there is none. */
void opened_put_outbox(struct opened *opened);
void opened_put_field(struct opened *opened, const char *key, const char *field, int64_t value);
/* An empty element over [next, to), so that the seen list goes on without a hole. */
int opened_put_seen_gap(struct opened *opened, const struct partition *partition, int64_t to) MUST_CHECK;
/* A fresh epoch into every mark that there is. */
void opened_renew_epochs(struct resolve *resolve, struct opened *opened);
/* A new incarnation; the old one becomes a former one, with all others that Kafka showed. `fresh`: the registry, changed. */
void opened_put_incarnation(struct resolve *resolve, struct opened *opened, struct registry *fresh);
/* A field of the registry that is none of struct registry; absent: {NULL, 0}. Lives until Redis is asked again. Errors: those of Redis. */
int opened_read_field(struct resolve *resolve, const struct opened *opened, const char *field, struct bytes *out) MUST_CHECK;
/* A line in the registry's record of moved marks (ledger/moves.h): from `next`, or another offset that was given up, to `to`. */
int opened_put_move(struct resolve *resolve, struct opened *opened, const struct partition *partition, int64_t from, int64_t to,
                    const char *reason) MUST_CHECK;

/* Where a partition without a mark begins: where the operator said, else at its log's start. */
int opened_begin_at(struct resolve *resolve, const struct resolve_froms *froms, const struct partition *partition, const struct evidence *evidence,
                    int64_t *next) MUST_CHECK;

#endif
