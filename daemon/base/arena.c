#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 1 << 18 };

struct chunk {
    struct chunk *next;
    size_t size;
    alignas(max_align_t) char data[];
};

struct arena {
    struct chunk *first, *current;
    size_t at;        /* in the current chunk */
    size_t before;    /* bytes in the chunks before it */
    size_t held, limit;
};

int arena_new(struct arena **out, size_t limit)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (!arena)
        return -ENOMEM;
    arena->limit = limit;
    *out = arena;
    return 0;
}

struct arena *arena_free(struct arena *arena)
{
    if (arena) {
        while (arena->first) {
            struct chunk *chunk = arena->first;

            arena->first = chunk->next;
            free(chunk);
        }
        free(arena);
    }
    return NULL;
}

/* Goes on to the next chunk that is large enough; makes one when there is none. */
static bool arena_advance(struct arena *arena, size_t size)
{
    struct chunk **link = arena->current ? &arena->current->next : &arena->first;

    while (*link && (*link)->size < size) {      /* too small: give it up rather than waste it every turn */
        struct chunk *small = *link;

        *link = small->next;
        arena->held -= small->size;
        free(small);
    }
    if (!*link) {
        size_t wanted = size > CHUNK_MIN ? size : CHUNK_MIN;

        if (wanted > arena->limit - arena->held)
            return false;
        *link = malloc(sizeof **link + wanted);
        if (!*link)
            return false;
        **link = (struct chunk){.size = wanted};
        arena->held += wanted;
    }
    arena->before += arena->current ? arena->at : 0;
    arena->current = *link;
    arena->at = 0;
    return true;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    void *memory;

    if (rounded < size || ((!arena->current || rounded > arena->current->size - arena->at) && !arena_advance(arena, rounded)))
        return NULL;
    memory = arena->current->data + arena->at;
    arena->at += rounded;
    memset(memory, 0, rounded);
    return memory;
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    char *copy = bytes.data ? arena_take(arena, bytes.size + 1) : NULL;

    if (!copy)
        return (struct bytes){NULL, 0};
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return (struct bytes){copy, bytes.size};
}

void arena_reset(struct arena *arena)
{
    arena->current = NULL;
    arena->at = arena->before = 0;
}

size_t arena_used(const struct arena *arena)
{
    return arena->before + arena->at;
}
