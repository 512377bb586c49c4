#include "turn/hot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "ledger/shard.h"

enum { COUNT_WRITES, COUNT_CONFLICTS, COUNTS };

struct place {
    bool used;
    enum view_key_kind kind;
    struct name owner;
    int32_t shard;
    uint32_t now[COUNTS], last[COUNTS];      /* this window, and the one before */
};

/* What a turn in conflict had read: a table open to all sides, emptied by a new generation. */
struct suspect {
    uint32_t generation;
    uint64_t cell, value;
};

struct hot {
    struct place places[HOT_SETS][HOT_WAYS];
    uint32_t all_now[COUNTS], all_last[COUNTS];
    int64_t window_at, last_ms;              /* when this window began (-1: not yet), how long the one before took */
    struct suspect *suspects;
    size_t suspects_size, suspects_count;
    uint32_t generation;
    int32_t suspects_shard;
};

static const struct hash_key unkeyed = {0, 0};

int hot_new(struct hot **out, size_t cells_max)
{
    struct hot *hot = calloc(1, sizeof *hot);

    if (!hot)
        return -ENOMEM;
    for (hot->suspects_size = 64; hot->suspects_size < 2 * cells_max; hot->suspects_size *= 2)
        ;
    hot->suspects = calloc(hot->suspects_size, sizeof *hot->suspects);
    hot->generation = 1;
    hot->window_at = -1;
    if (!hot->suspects) {
        free(hot);
        return -ENOMEM;
    }
    *out = hot;
    return 0;
}

struct hot *hot_free(struct hot *hot)
{
    if (hot)
        free(hot->suspects);
    free(hot);
    return NULL;
}

/* A window is over: it becomes the last one. One that nobody looked at for long is none. */
static void window_roll(struct hot *hot, int64_t now)
{
    if (hot->window_at >= 0 && now - hot->window_at < HOT_WINDOW_MS)
        return;
    for (size_t i = 0; i < HOT_SETS * HOT_WAYS; i++) {
        struct place *place = &hot->places[0][0] + i;

        memcpy(place->last, place->now, sizeof place->last);
        memset(place->now, 0, sizeof place->now);
        place->used = place->last[COUNT_WRITES] || place->last[COUNT_CONFLICTS];
    }
    memcpy(hot->all_last, hot->all_now, sizeof hot->all_last);
    memset(hot->all_now, 0, sizeof hot->all_now);
    hot->last_ms = hot->window_at < 0 ? HOT_WINDOW_MS : now - hot->window_at;
    hot->window_at = now;
}

static uint64_t key_hash(const struct view_key *key, int32_t shard)
{
    return hash64((struct hash_key){(uint64_t)key->kind, (uint64_t)(uint32_t)shard}, (struct bytes){key->owner.text, key->owner.size});
}

static bool place_is(const struct place *place, const struct view_key *key, int32_t shard)
{
    return place->used && place->kind == key->kind && place->shard == shard && place->owner.size == key->owner.size &&
           memcmp(place->owner.text, key->owner.text, key->owner.size) == 0;
}

static uint64_t weight(const struct place *place)
{
    return place->used ? 1 + (uint64_t)place->now[COUNT_WRITES] + place->last[COUNT_WRITES] + 8 * ((uint64_t)place->now[COUNT_CONFLICTS] + place->last[COUNT_CONFLICTS]) : 0;
}

static void count(struct hot *hot, const struct view_key *key, int32_t shard, int what)
{
    struct place *set = hot->places[key_hash(key, shard) % HOT_SETS], *least = set;

    for (size_t i = 0; i < HOT_WAYS; i++) {
        if (place_is(&set[i], key, shard)) {
            set[i].now[what]++;
            return;
        }
        if (weight(&set[i]) < weight(least))
            least = &set[i];
    }
    *least = (struct place){.used = true, .kind = key->kind, .owner = key->owner, .shard = shard};
    least->now[what] = 1;
}

static bool key_changed(const struct view_key *key)
{
    for (const struct view_cell *cell = key->cells; cell; cell = cell->next)
        if (view_cell_changed(cell))
            return true;
    return false;
}

void hot_wrote(struct hot *hot, const struct view *view, int32_t shard, int64_t now)
{
    window_roll(hot, now);
    hot->all_now[COUNT_WRITES]++;
    for (size_t i = 0; i < view_keys_count(view); i++)
        if (key_changed(view_key_at(view, i)))
            count(hot, view_key_at(view, i), shard, COUNT_WRITES);
}

static uint64_t cell_hash(uint64_t key, const struct view_cell *cell)
{
    uint64_t item = hash64((struct hash_key){key, 1}, (struct bytes){cell->item.text, cell->item.size});

    return hash64((struct hash_key){item, 2}, (struct bytes){cell->seller.text, cell->seller.size});
}

static uint64_t value_hash(const struct view_cell *cell)
{
    int64_t value = cell->loaded == VIEW_PRESENT ? cell->loaded_value : 0;

    return hash64(unkeyed, (struct bytes){(const char *)&value, sizeof value}) + (uint64_t)cell->loaded;
}

/* Where the cell is, or where it would go; NULL: the table is full. */
static struct suspect *suspect_find(struct hot *hot, uint64_t cell)
{
    for (size_t i = 0; i < hot->suspects_size; i++) {
        struct suspect *suspect = &hot->suspects[(cell + i) & (hot->suspects_size - 1)];

        if (suspect->generation != hot->generation || suspect->cell == cell)
            return suspect;
    }
    return NULL;
}

void hot_conflicted(struct hot *hot, const struct view *view, int32_t shard)
{
    hot->generation++;
    hot->suspects_count = 0;
    hot->suspects_shard = shard;
    for (size_t i = 0; i < view_keys_count(view); i++) {
        const struct view_key *key = view_key_at(view, i);
        uint64_t hash = key_hash(key, shard);

        for (const struct view_cell *cell = key->cells; cell; cell = cell->next) {
            uint64_t of_cell = cell_hash(hash, cell);
            struct suspect *suspect = suspect_find(hot, of_cell);

            if (suspect)
                *suspect = (struct suspect){hot->generation, of_cell, value_hash(cell)};
            hot->suspects_count++;
        }
    }
}

static bool key_is_guilty(struct hot *hot, const struct view_key *key, int32_t shard)
{
    uint64_t hash = key_hash(key, shard);

    for (const struct view_cell *cell = key->cells; cell; cell = cell->next) {
        const struct suspect *suspect = suspect_find(hot, cell_hash(hash, cell));

        if (suspect && suspect->generation == hot->generation && suspect->value != value_hash(cell))
            return true;
    }
    return false;
}

void hot_loaded(struct hot *hot, const struct view *view, int32_t shard, int64_t now)
{
    const struct view_key *market = NULL;
    bool found = false;

    if (!hot->suspects_count || hot->suspects_shard != shard)
        return;
    window_roll(hot, now);
    hot->all_now[COUNT_CONFLICTS]++;
    for (size_t i = 0; i < view_keys_count(view); i++) {
        const struct view_key *key = view_key_at(view, i);

        if (key->kind == VIEW_MARKET)
            market = key;
        if (key_is_guilty(hot, key, shard)) {
            count(hot, key, shard, COUNT_CONFLICTS);
            found = true;
        }
    }
    if (!found && market)
        count(hot, market, shard, COUNT_CONFLICTS);
    hot->suspects_count = 0;
}

static void top_insert(struct hot_key top[HOT_TOP_MAX], size_t *count_of_top, struct hot_key key, bool by_conflicts)
{
    size_t at = *count_of_top;
    double value = by_conflicts ? key.conflicts : key.writes;

    while (at > 0 && (by_conflicts ? top[at - 1].conflicts : top[at - 1].writes) < value)
        at--;
    if (at == HOT_TOP_MAX)
        return;
    if (*count_of_top < HOT_TOP_MAX)
        ++*count_of_top;
    memmove(top + at + 1, top + at, (*count_of_top - at - 1) * sizeof *top);
    top[at] = key;
}

static double share(const struct hot *hot, const struct place *place, int what)
{
    return hot->all_last[what] ? (double)place->last[what] / hot->all_last[what] : 0;
}

static struct hot_key shown(const struct hot *hot, const struct place *place)
{
    double seconds = (double)hot->last_ms / 1000;

    return (struct hot_key){
        .kind = place->kind, .owner = place->owner, .shard = place->shard,
        .writes = place->last[COUNT_WRITES] / seconds, .conflicts = place->last[COUNT_CONFLICTS] / seconds,
        .writes_share = share(hot, place, COUNT_WRITES), .conflicts_share = share(hot, place, COUNT_CONFLICTS),
    };
}

size_t hot_top(struct hot *hot, bool by_conflicts, struct hot_key top[HOT_TOP_MAX], int64_t now)
{
    size_t found = 0;

    window_roll(hot, now);
    for (size_t i = 0; i < HOT_SETS * HOT_WAYS; i++) {
        const struct place *place = &hot->places[0][0] + i;

        if (place->used && place->last[by_conflicts ? COUNT_CONFLICTS : COUNT_WRITES])
            top_insert(top, &found, shown(hot, place), by_conflicts);
    }
    return found;
}

void hot_key_text(char out[HOT_KEY_TEXT_MAX], const struct hot_key *key)
{
    char tag[16] = "";

    if (key->shard >= 0)
        snprintf(tag, sizeof tag, "{%d}", key->shard);
    snprintf(out, HOT_KEY_TEXT_MAX, "%s%s%.*s", tag, shard_market_word(key->kind), (int)key->owner.size, key->owner.text);
}
