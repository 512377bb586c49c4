/* What an audit remembers of every event, in a file: 16 bytes an offset, read and written through two small blocks of memory a partition.
 *
 * Copies of an outcome may lie any distance apart, so nothing of it can be forgotten; and nearly all lie close together, so a block is seldom read
 * again. The file has holes where there are no events, and has no name: nothing of it is left behind. */
#ifndef ORDERD_AUDIT_SPILL_H
#define ORDERD_AUDIT_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct spill_slot {
    uint64_t digest;     /* of what was seen there; 0: nothing was */
    uint64_t place;      /* where, in whatever words the caller has */
};

struct spill;

enum { SPILL_LANE_BLOCKS = 2, SPILL_BLOCK_SLOTS = 512 };

/* Lanes of so many slots each, in a file in the folder, which must exist. Errors: -EACCES, -ENOSPC, -ENOMEM, -EIO with a sentence. */
int spill_new(struct spill **out, const char *folder, const uint64_t *slots, size_t lanes, struct error_text *error) MUST_CHECK;
struct spill *spill_free(struct spill *spill);
/* A slot of a lane, zeros where it was never written; to be read or written until the next call. Errors: -ENOSPC, -EIO, of writing another block
 * back. */
int spill_at(struct spill *spill, size_t lane, uint64_t number, struct spill_slot **slot) MUST_CHECK;
/* Bytes of the file so far. */
uint64_t spill_bytes(const struct spill *spill);

#endif
