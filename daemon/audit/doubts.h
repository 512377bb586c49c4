/* Keys of the market of which an audit does not know for the moment what they hold. Inside of audit/.
 *
 * Bounded: where there is no more room a key is believed again. */
#ifndef ORDERD_AUDIT_DOUBTS_H
#define ORDERD_AUDIT_DOUBTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { DOUBTS_MAX = 1 << 16 };
#define DOUBT_UNKNOWN ((size_t)-1)

struct doubt {
    uint64_t key;        /* hash of the key, not 0 */
    size_t of;           /* the caller's number of what raised it; DOUBT_UNKNOWN: the key begins anew */
};

struct doubts {
    struct doubt *slots;
    size_t count;
};

/* Errors: -ENOMEM. */
int doubts_init(struct doubts *doubts) MUST_CHECK;
void doubts_deinit(struct doubts *doubts);
/* NULL: there is none. Valid until the next change. */
struct doubt *doubts_find(const struct doubts *doubts, uint64_t key);
/* Replaces what there was; false when there is no room. */
bool doubts_put(struct doubts *doubts, uint64_t key, size_t of);
void doubts_remove(struct doubts *doubts, struct doubt *doubt);

#endif
