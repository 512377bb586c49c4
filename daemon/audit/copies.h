/* Every record of the outcome topic as it lies there: whose it is, whether it lies where it belongs, and whether copies are the same bytes.
 *
 * What the records say is looked at where they are handed out in order (audit.h); here each is seen once, copies too, as its partition is read: by another thread, if the caller likes. What is
 * asked of an event meanwhile has its answer as soon as its record was taken. */
#ifndef ORDERD_AUDIT_COPIES_H
#define ORDERD_AUDIT_COPIES_H

#include "audit/finding.h"
#include "audit/range.h"
#include "audit/record.h"
#include "audit/spill.h"
#include "ledger/shard.h"

struct copies_options {
    const struct audit_range *ranges;
    size_t ranges_count;
    const char *incarnation;             /* whose outcomes are audited */
    const struct registry *registry;     /* knows the former ones; NULL: any other incarnation is taken for a former one */
    struct findings *findings;
    const char *folder;                  /* for what is remembered of every event */
    uint64_t seed;                       /* random */
};

struct copies_counts {
    int64_t records, bytes;
    int64_t firsts, copies;              /* of the ranges and the incarnation audited */
    int64_t former, others;              /* of former incarnations; of events outside of the ranges */
};

struct copies;

int copies_new(struct copies **out, const struct copies_options *options, struct error_text *error) MUST_CHECK;
struct copies *copies_free(struct copies *copies);
/* The next record of its partition. Errors: of the file. */
int copies_take(struct copies *copies, const struct audit_record *record) MUST_CHECK;
/* All were taken. */
struct copies_counts copies_counts(const struct copies *copies);

/* The highest offset of a range that has an outcome so far; -1: none. */
int64_t copies_highest(struct copies *copies, size_t range);
/* The same, of those that the topic had before audit_range.outcomes_early, once all were taken. */
int64_t copies_early(const struct copies *copies, size_t range);
/* What is known of an event's outcome: whether there is one, the digest of its first copy, where that lies, and whether a former incarnation decided
 * the event too. */
struct copies_seen {
    bool here, former;
    uint64_t digest;
    int64_t at;
};
int copies_of(struct copies *copies, size_t range, int64_t offset, struct copies_seen *out) MUST_CHECK;
/* The digest of a record, as the one above. */
uint64_t copies_digest(const struct copies *copies, struct bytes key, const struct kafka_header *headers, size_t count, struct bytes value);
/* The index of a source partition's range; -1: none. */
int64_t copies_range(const struct copies *copies, struct bytes topic, int32_t partition);
uint64_t copies_file_bytes(const struct copies *copies);

#endif
