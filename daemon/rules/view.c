/* Two tables of fixed size: keys by (kind, owner), cells by (key, item, seller), both open-addressed. Keys and cells
 * themselves lie in arrays in the order in which they were wanted; only the slots that were used are cleared at reset, so
 * an empty turn costs nothing. */
#include "rules/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct key {
    struct view_key shown;
    struct view_cell *last;
    uint32_t slot;
};

struct cell {
    struct view_cell shown;
    uint32_t key;
    uint32_t slot;
};

struct view {
    struct key *keys;
    struct cell *cells;
    size_t keys_max, keys_count, cells_max, cells_count;
    uint32_t *key_slots, *cell_slots;      /* index + 1; 0: empty */
    uint32_t key_mask, cell_mask;
};

static const struct name nobody;

static uint32_t table_size(size_t entries)
{
    uint32_t size = 16;

    while (size < 2 * entries)
        size *= 2;
    return size;
}

int view_new(struct view **out, size_t keys_max, size_t cells_max)
{
    struct view *view = calloc(1, sizeof *view);

    if (!view)
        return -ENOMEM;
    view->keys_max = keys_max;
    view->cells_max = cells_max;
    view->key_mask = table_size(keys_max) - 1;
    view->cell_mask = table_size(cells_max) - 1;
    view->keys = calloc(keys_max, sizeof *view->keys);
    view->cells = calloc(cells_max, sizeof *view->cells);
    view->key_slots = calloc((size_t)view->key_mask + 1, sizeof *view->key_slots);
    view->cell_slots = calloc((size_t)view->cell_mask + 1, sizeof *view->cell_slots);
    if (!view->keys || !view->cells || !view->key_slots || !view->cell_slots) {
        view_free(view);
        return -ENOMEM;
    }
    *out = view;
    return 0;
}

struct view *view_free(struct view *view)
{
    if (view) {
        free(view->keys);
        free(view->cells);
        free(view->key_slots);
        free(view->cell_slots);
        free(view);
    }
    return NULL;
}

void view_reset(struct view *view)
{
    for (size_t i = 0; i < view->keys_count; i++)
        view->key_slots[view->keys[i].slot] = 0;
    for (size_t i = 0; i < view->cells_count; i++)
        view->cell_slots[view->cells[i].slot] = 0;
    view->keys_count = view->cells_count = 0;
}

bool view_has_room(const struct view *view)
{
    return view->keys_max - view->keys_count >= VIEW_KEYS_PER_EVENT_MAX && view->cells_max - view->cells_count >= VIEW_KEYS_PER_EVENT_MAX;
}

/* Names are short and checked; a multiplicative hash over 8-byte words is enough for tables of a few hundred. */
static uint64_t mix(uint64_t hash, const struct name *name)
{
    uint64_t word;
    size_t at = 0;

    hash = (hash ^ name->size) * 0x9e3779b97f4a7c15u;
    for (; at + 8 <= name->size; at += 8) {
        memcpy(&word, name->text + at, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, name->text + at, name->size - at);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* The slot that holds the key, or the empty one where it would go. */
static uint32_t key_slot(const struct view *view, enum view_key_kind kind, const struct name *owner)
{
    uint32_t slot = (uint32_t)mix((uint64_t)kind + 1, owner) & view->key_mask;

    for (; view->key_slots[slot]; slot = (slot + 1) & view->key_mask) {
        const struct view_key *key = &view->keys[view->key_slots[slot] - 1].shown;

        if (key->kind == kind && name_equal(&key->owner, owner))
            break;
    }
    return slot;
}

static uint32_t cell_slot(const struct view *view, uint32_t key, const struct name *item, const struct name *seller)
{
    uint32_t slot = (uint32_t)mix(mix((uint64_t)key + 1, item), seller) & view->cell_mask;

    for (; view->cell_slots[slot]; slot = (slot + 1) & view->cell_mask) {
        const struct cell *cell = &view->cells[view->cell_slots[slot] - 1];

        if (cell->key == key && name_equal(&cell->shown.item, item) && name_equal(&cell->shown.seller, seller))
            break;
    }
    return slot;
}

static uint32_t want_key(struct view *view, enum view_key_kind kind, const struct name *owner)
{
    uint32_t slot = key_slot(view, kind, owner);
    struct key *key;

    if (view->key_slots[slot])
        return view->key_slots[slot] - 1;
    ASSERT(view->keys_count < view->keys_max);
    key = &view->keys[view->keys_count++];
    *key = (struct key){.shown = {.kind = kind, .owner = *owner}, .slot = slot};
    view->key_slots[slot] = (uint32_t)view->keys_count;
    return (uint32_t)view->keys_count - 1;
}

static void want(struct view *view, enum view_key_kind kind, const struct name *owner, const struct name *item,
                 const struct name *seller)
{
    uint32_t index = want_key(view, kind, owner), slot = cell_slot(view, index, item, seller);
    struct key *key = &view->keys[index];
    struct cell *cell;

    if (view->cell_slots[slot])
        return;
    ASSERT(view->cells_count < view->cells_max);
    cell = &view->cells[view->cells_count++];
    *cell = (struct cell){.shown = {.item = *item, .seller = *seller}, .key = index, .slot = slot};
    view->cell_slots[slot] = (uint32_t)view->cells_count;
    if (key->last)
        key->last->next = &cell->shown;
    else
        key->shown.cells = &cell->shown;
    key->last = &cell->shown;
    key->shown.cells_count++;
}

void view_want_funds(struct view *view, const struct name *user)
{
    want(view, VIEW_FUNDS, user, &nobody, &nobody);
}

void view_want_stock(struct view *view, const struct name *sku)
{
    want(view, VIEW_STOCK, sku, &nobody, &nobody);
}

void view_want_holding(struct view *view, const struct name *user, const struct name *item)
{
    want(view, VIEW_INVENTORY, user, item, &nobody);
}

void view_want_listing(struct view *view, const struct name *item, const struct name *seller)
{
    want(view, VIEW_MARKET, &nobody, item, seller);
}

/* The cell; a rule that did not want it first is wrong. */
static struct view_cell *cell_of(const struct view *view, enum view_key_kind kind, const struct name *owner,
                                 const struct name *item, const struct name *seller)
{
    uint32_t key = view->key_slots[key_slot(view, kind, owner)], cell;

    ASSERT(key);
    cell = view->cell_slots[cell_slot(view, key - 1, item, seller)];
    ASSERT(cell);
    return &view->cells[cell - 1].shown;
}

static enum view_state cell_read(const struct view_cell *cell, int64_t *value)
{
    if (cell->state == VIEW_PRESENT)
        *value = cell->value;
    return cell->state;
}

static void cell_write(struct view_cell *cell, int64_t value)
{
    ASSERT(cell->state != VIEW_INVALID);
    cell->state = VIEW_PRESENT;
    cell->value = value;
}

enum view_state view_funds(const struct view *view, const struct name *user, int64_t *value)
{
    return cell_read(cell_of(view, VIEW_FUNDS, user, &nobody, &nobody), value);
}

enum view_state view_stock(const struct view *view, const struct name *sku, int64_t *value)
{
    return cell_read(cell_of(view, VIEW_STOCK, sku, &nobody, &nobody), value);
}

enum view_state view_listing(const struct view *view, const struct name *item, const struct name *seller, int64_t *price)
{
    return cell_read(cell_of(view, VIEW_MARKET, &nobody, item, seller), price);
}

enum view_state view_holding(const struct view *view, const struct name *user, const struct name *item)
{
    return cell_of(view, VIEW_INVENTORY, user, item, &nobody)->state;
}

void view_put_funds(struct view *view, const struct name *user, int64_t value)
{
    cell_write(cell_of(view, VIEW_FUNDS, user, &nobody, &nobody), value);
}

void view_put_stock(struct view *view, const struct name *sku, int64_t value)
{
    cell_write(cell_of(view, VIEW_STOCK, sku, &nobody, &nobody), value);
}

void view_put_listing(struct view *view, const struct name *item, const struct name *seller, int64_t price)
{
    cell_write(cell_of(view, VIEW_MARKET, &nobody, item, seller), price);
}

void view_put_holding(struct view *view, const struct name *user, const struct name *item)
{
    cell_write(cell_of(view, VIEW_INVENTORY, user, item, &nobody), 1);
}

static void cell_remove(struct view_cell *cell)
{
    ASSERT(cell->state == VIEW_PRESENT);
    cell->state = VIEW_MISSING;
}

void view_remove_listing(struct view *view, const struct name *item, const struct name *seller)
{
    cell_remove(cell_of(view, VIEW_MARKET, &nobody, item, seller));
}

void view_remove_holding(struct view *view, const struct name *user, const struct name *item)
{
    cell_remove(cell_of(view, VIEW_INVENTORY, user, item, &nobody));
}

size_t view_keys_count(const struct view *view)
{
    return view->keys_count;
}

const struct view_key *view_key_at(const struct view *view, size_t index)
{
    ASSERT(index < view->keys_count);
    return &view->keys[index].shown;
}

void view_load(struct view *view, const struct view_cell *cell, enum view_state state, int64_t value)
{
    struct view_cell *found = &((struct cell *)((char *)view->cells + ((const char *)cell - (const char *)view->cells)))->shown;

    found->loaded = found->state = state;
    found->loaded_value = found->value = value;
}

bool view_cell_changed(const struct view_cell *cell)
{
    return cell->state != cell->loaded || (cell->state == VIEW_PRESENT && cell->value != cell->loaded_value);
}
