/* The market as the log tells it: of every key that a decision named, the value after the last one that did.
 *
 * Grows with the number of distinct keys, not of events; what is beyond a bound of memory lies in a file (seam/table.h). */
#ifndef ORDERD_ARCHIVE_FOLD_H
#define ORDERD_ARCHIVE_FOLD_H

#include "history/observe.h"

struct fold_value {
    enum view_state state;
    int64_t value;
    /* Who said so last: range and offset of the decision, as fold_put was told (the caller's numbers). */
    int32_t range;
    int64_t offset;
};

struct fold;

/* `memory` bytes for values, at least 256 KiB, taken as they are needed (some 60 bytes a key); what does not fit goes into a file in the folder, which
 * must exist (some 100 bytes a key). NULL: it must fit, else a put is -ENOMEM. Errors: -ENOMEM, and table_new's. */
int fold_new(struct fold **out, const char *folder, size_t memory, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct fold *fold_free(struct fold *fold);
/* The value held: 0, or -ENOENT: no decision has named it. Errors of this and the two below: -ENOMEM, -ENOSPC, -EIO. */
int fold_get(struct fold *fold, const struct observation *of, struct fold_value *out) MUST_CHECK;
/* Holds `after` of the observation from now on. */
int fold_put(struct fold *fold, const struct observation *of, int32_t range, int64_t offset) MUST_CHECK;
/* Whether what an observation saw before it is what is held: funds 0 and no user are the same. */
bool fold_follows(const struct fold_value *held, const struct observation *seen);
/* Every value held, in the order of their keys: kind, then owner, then item and seller; until `each` returns other than 0, which is returned then.
 * Missing ones too. Nothing is put or asked meanwhile. */
struct fold_key {
    enum view_key_kind kind;
    struct name owner, item, seller;      /* of no size where the kind has none */
};
int fold_each(struct fold *fold, int (*each)(void *context, const struct fold_key *key, const struct fold_value *value), void *context) MUST_CHECK;
/* The key as people know it: "users:27 funds", "inventory:27 ItemM", "market: ItemM.17", "stock:S1". */
enum { FOLD_KEY_TEXT_MAX = 200 };
void fold_key_text(char out[FOLD_KEY_TEXT_MAX], enum view_key_kind kind, const struct name *owner, const struct name *item, const struct name *seller);

#endif
