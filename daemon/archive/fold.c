/* A cache of cells over a table in a file. A key that is in the cache is as the cache says; else as the table says. When the cache is full, what of it the
 * table does not have goes there in the order of the keys, so that neighbours share their pages, and the cache begins empty. */
#include "archive/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/fold_cache.h"
#include "seam/table.h"

struct fold {
    struct fold_cache *cache;
    struct table *table;      /* NULL: all must fit into memory */
    bool spilled;             /* the table holds something */
};

int fold_new(struct fold **out, const char *folder, size_t memory, struct error_text *error)
{
    struct fold *fold = calloc(1, sizeof *fold);
    int r = fold ? fold_cache_new(&fold->cache, memory) : -ENOMEM;

    if (r)
        error_set(error, r, "there is no memory");
    else if (folder)
        r = table_new(&fold->table, folder, error);
    if (r) {
        fold_free(fold);
        return r;
    }
    *out = fold;
    return 0;
}

struct fold *fold_free(struct fold *fold)
{
    if (fold) {
        fold_cache_free(fold->cache);
        table_free(fold->table);
        free(fold);
    }
    return NULL;
}

/* Kind, then the names that the kind has with a zero between, which no name holds: so the order of the bytes is that of the names. */
static struct bytes key_of(char out[FOLD_KEY_MAX], const struct observation *of)
{
    const struct name *first = of->kind == VIEW_MARKET ? of->item : of->owner, *second = of->kind == VIEW_MARKET ? of->seller : of->item;
    size_t size = 1;

    out[0] = (char)of->kind;
    memcpy(out + size, first->text, first->size);
    size += first->size;
    if (of->kind == VIEW_INVENTORY || of->kind == VIEW_MARKET) {
        out[size++] = '\0';
        memcpy(out + size, second->text, second->size);
        size += second->size;
    }
    return (struct bytes){out, size};
}

static void name_set(struct name *name, const char *text, size_t size)
{
    name->size = (uint8_t)size;
    memcpy(name->text, text, size);
}

static void key_read(struct fold_key *out, struct bytes key)
{
    const char *end = key.data + key.size, *first = key.data + 1, *zero = memchr(first, '\0', key.size - 1);

    memset(out, 0, sizeof *out);
    out->kind = (enum view_key_kind)key.data[0];
    name_set(out->kind == VIEW_MARKET ? &out->item : &out->owner, first, (size_t)((zero ? zero : end) - first));
    if (zero)
        name_set(out->kind == VIEW_MARKET ? &out->seller : &out->item, zero + 1, (size_t)(end - zero - 1));
}

/* As the table holds it. */
struct stored {
    int64_t value, offset;
    int32_t range;
    uint8_t state, unused[3];
};

static int spill_cell(void *context, struct fold_cell *cell)
{
    struct stored stored = {.value = cell->value, .offset = cell->offset, .range = cell->range, .state = cell->state};

    return cell->dirty ? table_put(context, (struct bytes){cell->key, cell->key_size}, (struct bytes){(const char *)&stored, sizeof stored}) : 0;
}

static int spill(struct fold *fold)
{
    int r = fold->table ? fold_cache_each(fold->cache, spill_cell, fold->table) : -ENOMEM;

    if (r == 0) {
        fold_cache_clear(fold->cache);
        fold->spilled = true;
    }
    return r;
}

static int add(struct fold *fold, struct bytes key, struct fold_cell **out)
{
    int r = 0;

    *out = fold_cache_add(fold->cache, key);
    if (!*out) {
        r = spill(fold);
        *out = r ? NULL : fold_cache_add(fold->cache, key);
    }
    return r ? r : *out ? 0 : -ENOMEM;
}

/* The cell in the cache, where it is put if the table has it. -ENOENT: neither has. */
static int find(struct fold *fold, struct bytes key, struct fold_cell **out)
{
    struct stored stored;
    struct bytes found;
    int r;

    *out = fold_cache_find(fold->cache, key);
    if (*out)
        return 0;
    if (!fold->spilled)
        return -ENOENT;
    r = table_get(fold->table, key, &found);
    if (r)
        return r;
    ASSERT(found.size == sizeof stored);
    memcpy(&stored, found.data, sizeof stored);
    r = add(fold, key, out);
    if (r)
        return r;
    (*out)->value = stored.value;
    (*out)->offset = stored.offset;
    (*out)->range = stored.range;
    (*out)->state = stored.state;
    return 0;
}

static struct fold_value value_of(const struct fold_cell *cell)
{
    return (struct fold_value){.state = (enum view_state)cell->state, .value = cell->value, .range = cell->range, .offset = cell->offset};
}

int fold_get(struct fold *fold, const struct observation *of, struct fold_value *out)
{
    char text[FOLD_KEY_MAX];
    struct fold_cell *cell;
    int r = find(fold, key_of(text, of), &cell);

    if (r == 0)
        *out = value_of(cell);
    return r;
}

int fold_put(struct fold *fold, const struct observation *of, int32_t range, int64_t offset)
{
    char text[FOLD_KEY_MAX];
    struct bytes key = key_of(text, of);
    struct fold_cell *cell = fold_cache_find(fold->cache, key);
    int r = cell ? 0 : add(fold, key, &cell);

    if (r)
        return r;
    cell->value = of->after == VIEW_PRESENT ? of->after_value : 0;
    cell->state = (uint8_t)of->after;
    cell->range = range;
    cell->offset = offset;
    cell->dirty = true;
    return 0;
}

bool fold_follows(const struct fold_value *held, const struct observation *seen)
{
    if (seen->kind == VIEW_FUNDS)
        return held->state != VIEW_INVALID && seen->before != VIEW_INVALID &&
               (held->state == VIEW_PRESENT ? held->value : 0) == (seen->before == VIEW_PRESENT ? seen->before_value : 0);
    return held->state == seen->before && (held->state != VIEW_PRESENT || seen->kind == VIEW_INVENTORY || held->value == seen->before_value);
}

struct walk {
    int (*each)(void *context, const struct fold_key *key, const struct fold_value *value);
    void *context;
};

static int walk_cell(void *context, struct fold_cell *cell)
{
    const struct walk *walk = context;
    struct fold_value value = value_of(cell);
    struct fold_key key;

    key_read(&key, (struct bytes){cell->key, cell->key_size});
    return walk->each(walk->context, &key, &value);
}

static int walk_stored(void *context, struct bytes found, struct bytes bytes)
{
    const struct walk *walk = context;
    struct fold_value value;
    struct stored stored;
    struct fold_key key;

    ASSERT(bytes.size == sizeof stored);
    memcpy(&stored, bytes.data, sizeof stored);
    value = (struct fold_value){.state = (enum view_state)stored.state, .value = stored.value, .range = stored.range, .offset = stored.offset};
    key_read(&key, found);
    return walk->each(walk->context, &key, &value);
}

int fold_each(struct fold *fold, int (*each)(void *context, const struct fold_key *key, const struct fold_value *value), void *context)
{
    struct walk walk = {each, context};
    int r;

    if (!fold->spilled)
        return fold_cache_each(fold->cache, walk_cell, &walk);
    r = spill(fold);
    return r ? r : table_each(fold->table, walk_stored, &walk);
}

void fold_key_text(char out[FOLD_KEY_TEXT_MAX], enum view_key_kind kind, const struct name *owner, const struct name *item, const struct name *seller)
{
    switch (kind) {
    case VIEW_FUNDS:
        snprintf(out, FOLD_KEY_TEXT_MAX, "users:%.*s funds", owner->size, owner->text);
        break;
    case VIEW_STOCK:
        snprintf(out, FOLD_KEY_TEXT_MAX, "stock:%.*s", owner->size, owner->text);
        break;
    case VIEW_INVENTORY:
        snprintf(out, FOLD_KEY_TEXT_MAX, "inventory:%.*s %.*s", owner->size, owner->text, item->size, item->text);
        break;
    case VIEW_MARKET:
        snprintf(out, FOLD_KEY_TEXT_MAX, "market: %.*s.%.*s", item->size, item->text, seller->size, seller->text);
        break;
    }
}
