/* Memory of one turn: taken piece by piece, given back all at once.
 *
 * Chunks are kept over a reset, so that after the first large turns nothing is allocated any more. Not thread-safe. */
#ifndef ORDERD_BASE_ARENA_H
#define ORDERD_BASE_ARENA_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"

struct arena;

/* `limit` bounds all bytes ever held at once. Errors: -ENOMEM. */
int arena_new(struct arena **out, size_t limit) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct arena *arena_free(struct arena *arena);
/* Zeroed memory aligned for any type, valid until the next reset; NULL when the limit is reached or memory is out. */
void *arena_take(struct arena *arena, size_t size) MUST_CHECK;
/* A copy of the bytes with an end behind it; absent stays absent. `data` is NULL too when the arena is full. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
/* Gives everything back; every pointer taken before is dead. */
void arena_reset(struct arena *arena);
/* Bytes taken since the last reset. */
size_t arena_used(const struct arena *arena);

#endif
