/* Where in the order of decisions something is missing, and which keys it may have changed. Inside of audit/.
 *
 * A decision that is not there has no sequence: all that is known is between which two decisions of its partition it was taken. Whatever its keys
 * seem to have done by themselves in between may have been it. */
#ifndef ORDERD_AUDIT_BLANKS_H
#define ORDERD_AUDIT_BLANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/sequence.h"

/* A point in the order of decisions. */
struct blank_point {
    int64_t era;
    struct stream_id id;
    uint32_t place;
};

struct blank {
    uint64_t key;                  /* hash */
    size_t range;
    struct blank_point after, before;
};

enum { BLANKS_MAX = 1 << 16 };

struct blanks {
    struct blank *items;           /* those that nothing has closed yet are the last of their ranges */
    size_t count, capacity;
    size_t open;                   /* how many wait for the next decision of their range */
    bool sorted;
};

void blanks_deinit(struct blanks *blanks);
/* Beyond the bound, or without memory, it is left out. */
void blanks_add(struct blanks *blanks, uint64_t key, size_t range, struct blank_point after);
/* The range's next decision: what waits for it lies before. */
void blanks_close(struct blanks *blanks, size_t range, struct blank_point before);
/* Whether something that is missing may have changed the key at this point. */
bool blanks_explain(struct blanks *blanks, uint64_t key, struct blank_point at);

/* Negative, 0 or positive, as strcmp. */
int blank_compare(struct blank_point a, struct blank_point b);

#endif
