/* Replies of the real server and of the model, held against each other byte for byte but for what may differ. */
#ifndef ORDERD_TESTS_DIFFER_REPLY_H
#define ORDERD_TESTS_DIFFER_REPLY_H

#include "base/bytes.h"

/* How two replies to one command are compared. */
enum compare {
    COMPARE_EXACT,
    COMPARE_TIME,        /* integers of which both are positive may lie some seconds apart */
    COMPARE_SET,         /* elements in any order */
    COMPARE_PAIRS,       /* the same, two by two */
    COMPARE_ANY          /* only its kind */
};

/* The size of the whole reply at the beginning of `bytes`; 0 when it is not all there. */
size_t reply_size(struct bytes bytes);
/* Of an error the first word counts, and for EXECABORT the one that it gives as its cause. */
bool reply_same(struct bytes a, struct bytes b, enum compare how);
/* An array's elements, each by its own rule. */
bool reply_same_each(struct bytes a, struct bytes b, const enum compare *how, size_t count);
/* The milliseconds of the latest stream id in the reply that lie within both; 0 when there is none. */
int64_t reply_clock(struct bytes reply, int64_t from, int64_t to);
bool reply_is(struct bytes reply, const char *text);

#endif
