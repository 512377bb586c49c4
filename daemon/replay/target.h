/* The namespace that a replay writes into: empty at first, then with the replay's own record in its registry, by which it is known again and gone on with.
 *
 * Its registry is halted for good, so that no daemon takes it for a market to work on. */
#ifndef ORDERD_REPLAY_TARGET_H
#define ORDERD_REPLAY_TARGET_H

#include "archive/snapshot_file.h"
#include "history/journal.h"
#include "ledger/gather.h"

enum { TARGET_WORDS_MAX = 2048 };

struct target_options {
    struct asker *redis;
    struct clock *clock;
    const struct log *log;
    const char *prefix;
    int32_t number;                          /* SHARD_NONE, or the number whose market this is */
    const char *cluster, *topics, *shard;    /* as in a registry */
    int64_t window_s, ids;
    const char *words;                       /* what makes it the same replay, on one line */
    const struct journal_range *ranges;      /* where it begins and ends, when it is made */
    size_t ranges_count;
    struct snapshot *state;                  /* the market that it begins with; NULL: an empty one */
    size_t market;                           /* of the snapshot */
};

struct target {
    struct shard shard;
    struct outbox_pool pool;
    struct partition **partitions;           /* by range, owned */
    struct journal_range *ranges;            /* as the record has them, `from` where it goes on */
    int64_t *begins;                         /* where each range began */
    size_t count;
    bool resumed;
    char counts[4096];                       /* what the last run left of its counts; "": nothing */
    struct target_options options;
};

/* Looks, makes, and takes over. Errors: -EEXIST: something else is there, with what would be right; -EAGAIN and others: Redis; -EBADMSG: what is there cannot
 * be read. With a sentence. */
int target_open(struct target *target, const struct target_options *options, struct error_text *error) MUST_CHECK;
void target_close(struct target *target);
/* Fences whoever else works here, and reads marks, outboxes and seen lists again. */
int target_take_over(struct target *target, struct error_text *error) MUST_CHECK;
/* Keeps counts for the next run; together with the marks, so that it can be seen whether they are complete. One line. */
int target_keep(struct target *target, const char *counts, struct error_text *error) MUST_CHECK;
/* The sum of all marks' `next`. */
int64_t target_position(const struct target *target);

#endif
