/* One market that a snapshot is being taken of: what was read so far, in a table on disk. Shared by the files of archive/snapshot.h and nobody else.
 *
 * The table holds, under a class letter each and so in the order of the file: hashes of orderd's own, outbox entries, elements of seen lists, values of the
 * market; and, for the log's repair, the marks of each chunk. */
#ifndef ORDERD_ARCHIVE_TAKE_H
#define ORDERD_ARCHIVE_TAKE_H

#include "archive/snapshot.h"
#include "history/observe.h"
#include "ledger/partition.h"
#include "seam/table.h"

enum take_class { TAKE_CHUNK = 'c', TAKE_LEDGER = 'l', TAKE_ENTRY = 'o', TAKE_SEEN = 's', TAKE_MARKET = 'v' };

/* What of a seen list is held: elements that join each other. */
struct take_seen {
    int64_t *froms;                      /* where each begins, ascending */
    size_t count, capacity;
    int64_t to;                          /* where the last one ends */
    int64_t seen_from;                   /* where the list began when it was last looked at */
    size_t overlap;                      /* how many elements that are held are read once more, since the list may lose so many meanwhile */
};

struct take_partition {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t number;
    char at[PARTITION_KEY_MAX], mark_key[PARTITION_KEY_MAX], seen_key[PARTITION_KEY_MAX];
    struct mark begin, end;              /* before anything was read; at the moment that the snapshot shows */
    int64_t next;                        /* as of the last chunk */
    struct take_seen seen;
};

struct take {
    const struct snapshot_options *options;
    struct snapshot_taken *taken;
    struct error_text *error;
    struct shard shard;                  /* the registry as it was at the beginning */
    struct take_partition *partitions;
    size_t count;
    struct kafka_bounds *begins, *befores, *ends;   /* of the outcome partitions: before the first mark was read, before the moment, after it */
    size_t outcomes_count;
    struct table *table;
    uint32_t chunk;                      /* number of the marks that the last chunk was read with */
    struct stream_id last;               /* the highest id of an entry */
    struct buffer key, record, text, entry;   /* working memory */
    int64_t read;                        /* values */
};

/* take.c */
/* Whether somebody wants an end: -ECANCELED. */
int take_go_on(const struct take *take) MUST_CHECK;
/* Begins a chunk: MULTI, registry and marks. The caller puts its reads behind it. */
void take_chunk_begin(struct take *take);
/* EXEC. `*replies` are those to the caller's reads, `count` of them; they live until the next chunk. Errors: -ESTALE: the market changed so that a snapshot must
 * begin anew. */
int take_chunk_end(struct take *take, size_t count, struct reply ***replies) MUST_CHECK;
/* The commands that were put by take_chunk_begin or asker_begin, checked for errors. */
int take_ask(struct take *take, struct reply ***replies) MUST_CHECK;

/* take_value.c: a value as it is kept */
struct take_value {
    struct snapshot_value shown;
    bool gone;                           /* the log says that it went */
    uint32_t chunk;                      /* of which marks it was read; 0: it is from the log, decided at: */
    struct stream_id id;
    uint32_t place;
};
/* Reads what a table holds under a key. Errors: -EBADMSG (never, but for a defect). */
int take_value_read(struct take_value *out, struct bytes record) MUST_CHECK;
/* A value that was read with the last chunk. `index`: of an element in its list. */
int take_value_put(struct take *take, enum take_class class, const struct snapshot_value *value, int64_t index) MUST_CHECK;
/* What a decision saw and left, for the partition's offset; `identity` gives its place in the order. */
int take_value_observe(struct take *take, size_t partition, const struct decision_identity *identity, const struct observation *of) MUST_CHECK;
int take_entry_put(struct take *take, const struct outbox_stored *entry) MUST_CHECK;
int take_entry_remove(struct take *take, struct stream_id id) MUST_CHECK;
int take_seen_put(struct take *take, size_t partition, struct bytes key, int64_t from, struct bytes element) MUST_CHECK;
int take_seen_remove(struct take *take, size_t partition, int64_t from) MUST_CHECK;
/* The marks of the partitions, as of the last chunk, under a number of their own where they changed. */
int take_marks_put(struct take *take) MUST_CHECK;

/* take_scan.c: every value of the market, and hashes and lists that stand beside the marks. */
int take_scan(struct take *take) MUST_CHECK;
/* take_seen.c: the seen lists up to now; called until they reach the moment's marks, then their ends are cut there. */
int take_seen_lists(struct take *take) MUST_CHECK;
int take_seen_finish(struct take *take) MUST_CHECK;
/* take_moment.c: the outbox up to now; then the moment itself: registry, marks and outbox in one. */
int take_outbox(struct take *take) MUST_CHECK;
int take_moment(struct take *take) MUST_CHECK;
/* Whether an entry was still there at the moment. */
bool take_entry_waits(const struct take *take, const struct outbox_stored *entry);
/* take_log.c: what was decided between what was read and the moment. */
int take_log(struct take *take) MUST_CHECK;

#endif
