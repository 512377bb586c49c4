/* What a fold holds in memory: cells by key, in a table of bounded size that is emptied as a whole when it is full.
 *
 * Allocated as it grows, and kept when it is emptied. */
#ifndef ORDERD_ARCHIVE_FOLD_CACHE_H
#define ORDERD_ARCHIVE_FOLD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct fold_cell {
    int64_t value, offset;
    int32_t range;
    uint32_t hash;
    uint8_t state;            /* enum view_state */
    bool dirty;               /* not yet in the file */
    uint8_t key_size;
    char key[];
};

struct fold_cache;

/* `memory` bounds all that it allocates, from FOLD_MEMORY_MIN on. Errors: -ENOMEM. */
enum { FOLD_MEMORY_MIN = 256 << 10, FOLD_KEY_MAX = 1 + 3 * 65 };
int fold_cache_new(struct fold_cache **out, size_t memory) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct fold_cache *fold_cache_free(struct fold_cache *cache);

/* NULL: it is not there. */
struct fold_cell *fold_cache_find(const struct fold_cache *cache, struct bytes key);
/* Adds a key of at most FOLD_KEY_MAX bytes that is not there; everything but hash and key is zero. NULL: it is full. */
struct fold_cell *fold_cache_add(struct fold_cache *cache, struct bytes key);
/* Every cell in the order of the keys' bytes, until `each` returns other than 0, which is returned then. Nothing is added meanwhile. Errors: -ENOMEM. */
int fold_cache_each(const struct fold_cache *cache, int (*each)(void *context, struct fold_cell *cell), void *context) MUST_CHECK;
void fold_cache_clear(struct fold_cache *cache);

#endif
