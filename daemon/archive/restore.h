/* A market brought back into an empty namespace: as a snapshot holds it, or empty at the beginning of its logs (then the log alone tells what comes).
 *
 * What is written stands under a halt, "restore: …", which turn/reapply.h ends when it has applied what was published since. Written in chunks of one EXEC
 * each, together with how far it is: whoever is killed goes on there. */
#ifndef ORDERD_ARCHIVE_RESTORE_H
#define ORDERD_ARCHIVE_RESTORE_H

#include "archive/snapshot_file.h"
#include "ledger/start.h"

/* What the registry's field `restore` tells: which restore it is, and how far it is. */
#define RESTORE_FIELD "restore"
#define RESTORE_HALT "restore"
/* Of a market that is whole, as of its marks (ledger/compare.h knows it too). */
#define RESTORE_HALT_WRITTEN RESTORE_HALT ": written, and what was published since is being applied"
enum { RESTORE_VALUE_MAX = 96 };

struct restore {
    struct start start;                  /* both ends, and names, as the configuration has them */
    struct snapshot *snapshot;           /* NULL: from the log */
    bool dry;
    void (*say)(void *context, const char *line);
    bool (*stopped)(void *context);      /* NULL: never */
    void (*progress)(void *context, int64_t done, int64_t of);   /* values; NULL: not wanted */
    void *context;
    /* Found by restore_check where there is no snapshot: the incarnation of each market's outcomes (allocated there, freed by restore_deinit), and the highest
     * era that a commit shows. */
    char (*incarnations)[CLOCK_UUID_SIZE];
    int64_t era;
};

void restore_deinit(struct restore *restore);
/* Whether it can be done, before anything is touched: that the namespace is empty, or holds this same restore; that snapshot and configuration fit, and Kafka
 * still holds what comes after the marks. Says what will be done, line by line. Errors: -EPROTO with a refusal; those of Redis, Kafka and the file, with a
 * sentence. */
int restore_check(struct restore *restore, struct refusal *refusal, struct error_text *error) MUST_CHECK;
/* Writes it, or goes on with it. Errors: -ESTALE: somebody else writes here; -ECANCELED: stopped; those of Redis and of the file. A sentence for each. */
int restore_write(struct restore *restore, struct error_text *error) MUST_CHECK;
/* What was published is applied: the registry notes what it was restored from, and when. */
int restore_finish(struct restore *restore, struct error_text *error) MUST_CHECK;

#endif
