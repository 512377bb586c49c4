/* Cells lie one behind the other in chunks, so that a cell is as long as its key; slots hold where. Both count towards the bound, and so does the list
 * that is sorted when the cells are wanted in order. */
#include "archive/fold_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"

enum { CHUNK = 64 << 10, UNIT = 8, UNITS = CHUNK / UNIT, SLOTS_MIN = 1 << 10 };

struct fold_cache {
    size_t memory;
    char **chunks;
    size_t chunks_max, chunks_made, chunk, used;    /* `used` bytes of the one that is filled now */
    uint32_t *slots;                                /* place + 1; 0: empty */
    size_t slots_count, count;
    struct hash_key hash_key;                       /* of its own: users choose their names */
};

static size_t size_of(size_t key_size)
{
    return (offsetof(struct fold_cell, key) + key_size + UNIT - 1) / UNIT * UNIT;
}

static struct fold_cell *cell_at(const struct fold_cache *cache, uint32_t place)
{
    return (struct fold_cell *)(void *)(cache->chunks[place / UNITS] + (size_t)(place % UNITS) * UNIT);
}

int fold_cache_new(struct fold_cache **out, size_t memory)
{
    struct fold_cache *cache = calloc(1, sizeof *cache);

    if (!cache)
        return -ENOMEM;
    cache->memory = memory > FOLD_MEMORY_MIN ? memory : FOLD_MEMORY_MIN;
    cache->chunks_max = cache->memory / CHUNK;
    if (cache->chunks_max > UINT32_MAX / UNITS)
        cache->chunks_max = UINT32_MAX / UNITS;
    cache->chunks = calloc(cache->chunks_max, sizeof *cache->chunks);
    cache->slots_count = SLOTS_MIN;
    cache->slots = calloc(cache->slots_count, sizeof *cache->slots);
    if (getrandom(&cache->hash_key, sizeof cache->hash_key, GRND_NONBLOCK) < 0)
        cache->hash_key = (struct hash_key){(uintptr_t)cache, (uintptr_t)out};      /* early at boot: hard enough to guess */
    if (!cache->chunks || !cache->slots) {
        fold_cache_free(cache);
        return -ENOMEM;
    }
    *out = cache;
    return 0;
}

struct fold_cache *fold_cache_free(struct fold_cache *cache)
{
    if (cache) {
        for (size_t i = 0; i < cache->chunks_made; i++)
            free(cache->chunks[i]);
        free(cache->chunks);
        free(cache->slots);
        free(cache);
    }
    return NULL;
}

static uint32_t hash_of(const struct fold_cache *cache, struct bytes key)
{
    return (uint32_t)hash64(cache->hash_key, key);
}

/* The slot that holds the key, or the empty one where it would go. */
static size_t slot_of(const struct fold_cache *cache, uint32_t hash, struct bytes key)
{
    size_t slot = hash & (cache->slots_count - 1);

    for (; cache->slots[slot]; slot = (slot + 1) & (cache->slots_count - 1)) {
        const struct fold_cell *cell = cell_at(cache, cache->slots[slot] - 1);

        if (cell->hash == hash && cell->key_size == key.size && memcmp(cell->key, key.data, key.size) == 0)
            break;
    }
    return slot;
}

struct fold_cell *fold_cache_find(const struct fold_cache *cache, struct bytes key)
{
    uint32_t place = cache->slots[slot_of(cache, hash_of(cache, key), key)];

    return place ? cell_at(cache, place - 1) : NULL;
}

/* With so many slots and chunks, and the list for sorting as many cells as the slots may hold: half of them. */
static bool fits(const struct fold_cache *cache, size_t slots, size_t chunks)
{
    return chunks <= cache->chunks_max && slots * sizeof *cache->slots * 3 / 2 + chunks * CHUNK + cache->chunks_max * sizeof *cache->chunks <= cache->memory;
}

/* Twice as many, filled from the old ones. */
static bool grow_slots(struct fold_cache *cache)
{
    size_t count = 2 * cache->slots_count;
    uint32_t *old = cache->slots, *slots;

    if (!fits(cache, count, cache->chunks_made) || !(slots = calloc(count, sizeof *slots)))
        return false;
    for (size_t i = 0; i < cache->slots_count; i++)
        if (old[i]) {
            size_t slot = cell_at(cache, old[i] - 1)->hash & (count - 1);

            while (slots[slot])
                slot = (slot + 1) & (count - 1);
            slots[slot] = old[i];
        }
    free(old);
    cache->slots = slots;
    cache->slots_count = count;
    return true;
}

/* Room for a cell: in this chunk, in one that was filled before the cache was emptied, or in a new one. */
static bool make_room(struct fold_cache *cache, size_t size)
{
    if (cache->chunks_made && cache->used + size <= CHUNK)
        return true;
    if (cache->chunks_made && cache->chunk + 1 < cache->chunks_made) {
        cache->chunk++;
    } else {
        char *chunk = fits(cache, cache->slots_count, cache->chunks_made + 1) ? malloc(CHUNK) : NULL;

        if (!chunk)
            return false;
        cache->chunk = cache->chunks_made;
        cache->chunks[cache->chunks_made++] = chunk;
    }
    cache->used = 0;
    return true;
}

struct fold_cell *fold_cache_add(struct fold_cache *cache, struct bytes key)
{
    size_t size = size_of(key.size);
    uint32_t hash = hash_of(cache, key), place;
    struct fold_cell *cell;

    ASSERT(key.size >= 1 && key.size <= FOLD_KEY_MAX);
    if ((2 * (cache->count + 1) > cache->slots_count && !grow_slots(cache)) || !make_room(cache, size))
        return NULL;
    place = (uint32_t)(cache->chunk * UNITS + cache->used / UNIT);
    cell = cell_at(cache, place);
    *cell = (struct fold_cell){.hash = hash, .key_size = (uint8_t)key.size};
    memcpy(cell->key, key.data, key.size);
    cache->slots[slot_of(cache, hash, key)] = place + 1;
    cache->used += size;
    cache->count++;
    return cell;
}

static int by_key(const void *a, const void *b, void *context)
{
    const struct fold_cell *left = cell_at(context, *(const uint32_t *)a - 1), *right = cell_at(context, *(const uint32_t *)b - 1);
    size_t size = left->key_size < right->key_size ? left->key_size : right->key_size;
    int order = memcmp(left->key, right->key, size);

    return order ? order : left->key_size - right->key_size;
}

int fold_cache_each(const struct fold_cache *cache, int (*each)(void *context, struct fold_cell *cell), void *context)
{
    uint32_t *places = malloc((cache->count + 1) * sizeof *places);
    size_t count = 0;
    int result = 0;

    if (!places)
        return -ENOMEM;
    for (size_t i = 0; i < cache->slots_count; i++)
        if (cache->slots[i])
            places[count++] = cache->slots[i];
    qsort_r(places, count, sizeof *places, by_key, (void *)(uintptr_t)cache);
    for (size_t i = 0; i < count && result == 0; i++)
        result = each(context, cell_at(cache, places[i] - 1));
    free(places);
    return result;
}

void fold_cache_clear(struct fold_cache *cache)
{
    memset(cache->slots, 0, cache->slots_count * sizeof *cache->slots);
    cache->count = cache->chunk = cache->used = 0;
}
