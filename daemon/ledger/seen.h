/* The duplicate window of one source partition: which (source, id) were decided lately, and how (DESIGN 4.8).
 *
 * The records lie in a list in Redis, an element a turn; only the partition's owner writes it, so the owner asks this
 * index in memory and Redis nothing. A turn adds tentatively: what EXEC did not confirm is rolled back. */
#ifndef ORDERD_LEDGER_SEEN_H
#define ORDERD_LEDGER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "rules/outcome.h"

/* No timestamp was ever seen. */
#define SEEN_TIME_NONE ((int64_t)-1)

struct seen_record {
    struct hash128 key;       /* of source and id, keyed */
    int64_t offset, time;     /* time: T(offset), ms; SEEN_TIME_NONE: none */
    uint64_t digest;          /* of the content */
    enum status status;       /* how it was decided */
    uint64_t shadowed;        /* the older record of this key (ordinal + 1), for the rollback; 0: none */
};

struct seen;

/* `ids` records and `window_ms` bound the window; `key` keys the hash of foreign ids. Errors: -ENOMEM. */
int seen_new(struct seen **out, struct hash_key key, size_t ids, int64_t window_ms) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct seen *seen_free(struct seen *seen);

/* Whether `ids` has ended the window of a record before `window_ms` did; true once, then from the next such record on. */
bool seen_was_cut(struct seen *seen);

struct hash128 seen_key(const struct seen *seen, struct bytes source, struct bytes id);
/* The same for whoever keeps a window of his own. */
struct hash128 seen_key_by(struct hash_key key, struct bytes source, struct bytes id);
/* The record that makes an event at time `now` a duplicate, or NULL. Valid until the next add. */
const struct seen_record *seen_find(const struct seen *seen, struct hash128 key, int64_t now);
/* Adds a record tentatively. Errors: -ENOMEM. */
int seen_add(struct seen *seen, const struct seen_record *record) MUST_CHECK;
/* Takes every tentative record back. */
void seen_rollback(struct seen *seen);

/* What the turn's EXEC does to the list in Redis. `drop` elements leave at its head, so that it begins at `from`; with
 * `merge` the new element replaces the last one (both hold no record) and begins where that began. */
struct seen_change {
    size_t drop;
    int64_t from;      /* seen_from after it */
    bool merge;
    int64_t element_from;
};

/* Plans the change for an element that begins at `from` and holds the tentative records, at time `now`. */
struct seen_change seen_plan(const struct seen *seen, int64_t from, int64_t now);
/* EXEC confirmed the plan: the records count from now on. Errors: -ENOMEM. */
int seen_confirm(struct seen *seen, const struct seen_change *change, int64_t to) MUST_CHECK;

/* The length of the list that Redis must hold, and where it must begin (`next` when empty). */
size_t seen_elements(const struct seen *seen);
/* Records in the window, and whether the count ends it before the time does (said once by the caller). */
size_t seen_records(const struct seen *seen);

/* The element in Redis: version, from, to, then source, id and the rest of each record. */
void seen_element_begin(struct buffer *out, int64_t from, int64_t to);
void seen_element_add(struct buffer *out, struct bytes source, struct bytes id, const struct seen_record *record);
/* Where a stored element begins and ends, and whether it holds a record. Errors: -EBADMSG. */
int seen_element_read(struct bytes element, int64_t *from, int64_t *to, bool *holds) MUST_CHECK;
/* Adds a stored element to the index; elements come in the order of the list. Errors: -EBADMSG (not ours, or damaged),
 * -ERANGE (does not begin at `expected`), -ENOMEM. `*to` is where it ends. */
int seen_load(struct seen *seen, struct bytes element, int64_t expected, int64_t *to) MUST_CHECK;

#endif
