/* The registry's record of dedupe settings that ruled before: its field `dedupe_until`, "window_s=3600 ids=100000 orders:0=17 orders:1=4", up to which offset of
 * each partition they did; a change behind the other, the oldest first. */
#ifndef ORDERD_LEDGER_DEDUPE_H
#define ORDERD_LEDGER_DEDUPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* What ruled one partition. */
struct dedupe_ruled {
    struct bytes at;           /* "orders:0" */
    int64_t until, window_s, ids;
};

/* A walk over the field; begins with its text and zeros. */
struct dedupe_walk {
    struct bytes rest;
    int64_t window_s, ids;     /* of the change that is being read */
};

/* The next partition of a change. False: there is none left. Words that no orderd writes are passed over. */
bool dedupe_next(struct dedupe_walk *walk, struct dedupe_ruled *out) MUST_CHECK;

#endif
