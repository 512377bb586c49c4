/* What every decision says of the market, held against the decision before it on the same key, in the order in which they took effect.
 *
 * Where a value does not follow, another program has written it: that is legal, and told with key and amount. Where it does not follow and the next
 * decision goes on as if it had, the record was altered, or the write was taken back: which of the two shows only where another program is seen to write
 * that key elsewhere, too. Where a decision is missing or cannot be believed, its keys begin anew. */
#ifndef ORDERD_AUDIT_CHAIN_H
#define ORDERD_AUDIT_CHAIN_H

#include "archive/fold.h"
#include "audit/finding.h"
#include "audit/range.h"
#include "codec/decision.h"

/* Sums may be larger than what they are made of. */
__extension__ typedef __int128 chain_sum;

/* Of one kind of value, money, items or stock: where it came from. */
struct chain_account {
    chain_sum first;               /* there before the log says anything of it */
    chain_sum decided;             /* by deposits, grants, restocks and reserves */
    chain_sum foreign;             /* by other programs */
    chain_sum unknown;             /* by decisions that are missing or cannot be believed */
    int64_t foreign_writes;
};

enum chain_kind { CHAIN_MONEY, CHAIN_ITEMS, CHAIN_STOCK, CHAIN_KINDS };

struct chain_options {
    struct fold *fold;             /* what is known at the start; the caller's */
    struct findings *findings;
    const struct audit_range *ranges;
    bool whole;                    /* the log has the whole of the market's history, or the fold its state at the start: a first value that is not
                                    * empty is another program's */
    size_t kept;                   /* so many breaks are kept until it is known what they are */
};

/* Where a decision stands. */
struct chain_place {
    size_t range;
    int64_t offset;
    int64_t era;
    struct stream_id id;
    uint32_t place;
    int32_t partition;             /* of the outcome topic, and the offset in it; -1: the outbox */
    int64_t at;
};

struct chain;

int chain_new(struct chain **out, const struct chain_options *options) MUST_CHECK;
struct chain *chain_free(struct chain *chain);
/* A value of the fold as it is at the start counts as there before. */
void chain_begin(struct chain *chain, const struct observation *of);
/* A decision that is believed. Errors: -EBADMSG with a sentence: its facts are not those of such a decision; and of the fold. */
int chain_take(struct chain *chain, const struct chain_place *place, const struct decision *decision, struct error_text *error) MUST_CHECK;
/* Decisions about this event that cannot be believed stand in its place: its keys begin anew. */
void chain_doubt(struct chain *chain, const struct event *event);
/* The same where its place is not known: it is somewhere behind `after` (NULL: the beginning) and before the next decision of its range that
 * chain_reached tells. */
void chain_miss(struct chain *chain, const struct chain_place *after, size_t range, const struct event *event);
void chain_reached(struct chain *chain, const struct chain_place *place);
/* What Redis holds for a key of the fold at the end of all, against what the log says, which is put into `held`. Errors: -ENOENT: no decision has named
 * the key; and of the fold. */
enum { CHAIN_EQUAL, CHAIN_DIFFERS, CHAIN_UNSAID /* what is missing or cannot be believed may have changed it */ };
int chain_compare(struct chain *chain, const struct observation *found, struct fold_value *held) MUST_CHECK;
/* Nothing more comes: breaks that nothing explains become findings. */
void chain_finish(struct chain *chain);

const struct chain_account *chain_account(const struct chain *chain, enum chain_kind kind);
/* Values seen, and how many of them could be held against a former one. */
int64_t chain_values(const struct chain *chain);
int64_t chain_followed(const struct chain *chain);

#endif
