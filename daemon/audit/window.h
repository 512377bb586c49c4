/* The rule of duplicates, applied once more: what an audit remembers of a source partition (PROTOCOL.md 8).
 *
 * Of its own making, apart from ledger/seen.h which the daemon decides by. */
#ifndef ORDERD_AUDIT_WINDOW_H
#define ORDERD_AUDIT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "rules/outcome.h"

#define WINDOW_TIME_NONE ((int64_t)-1)

struct window_record {
    struct hash128 key;        /* of source and id */
    int64_t offset, time;      /* time: T(offset), ms; WINDOW_TIME_NONE: none */
    uint64_t digest;           /* of the content */
    enum status status;        /* as recorded; STATUS_COUNT: not known */
    uint32_t older;            /* inside: the record before it whose key lies in the same bucket */
};

struct window;

/* `ids` and `window_ms` are the rule's; `key` hashes foreign ids. Grows with what is added, up to 64 bytes for each of `ids`. Errors: -ENOMEM. */
int window_new(struct window **out, struct hash_key key, size_t ids, int64_t window_ms) MUST_CHECK;
struct window *window_free(struct window *window);
/* Another rule from here on. What the former one has let go stays gone. */
void window_set(struct window *window, size_t ids, int64_t window_ms);
struct hash128 window_key(const struct window *window, struct bytes source, struct bytes id);
/* What makes an event at time `now` a duplicate, or NULL. Valid until the next add. */
const struct window_record *window_find(const struct window *window, struct hash128 key, int64_t now);
/* The latest of the key, also one that is no longer in the window of time: for a window whose times are not known exactly. */
const struct window_record *window_latest(const struct window *window, struct hash128 key);
int window_add(struct window *window, const struct window_record *record) MUST_CHECK;
/* Records are numbered from the first that was ever added. */
uint64_t window_first(const struct window *window);
uint64_t window_end(const struct window *window);
const struct window_record *window_at(const struct window *window, uint64_t number);

/* T moves with the largest timestamp, by a minute an event at most. */
int64_t window_advance(int64_t time, int64_t timestamp);

#endif
