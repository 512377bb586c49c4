#include "sim/audit_market.h"

#include <math.h>
#include <stdio.h>

#include "base/number.h"

enum { NUMBER_TEXT = 64 };

static const struct {
    const char *name;
    enum audit_type type;
} families[] = {{"users:", AUDIT_HASH}, {"stock:", AUDIT_STRING}, {"inventory:", AUDIT_SET}, {"market:", AUDIT_ZSET}};
enum { FAMILIES = sizeof families / sizeof *families };

static const struct bytes funds = {"funds", 5}, itself = {NULL, 0};

void audit_market_deinit(struct audit_market *market)
{
    audit_table_deinit(&market->keys);
    audit_table_deinit(&market->cells);
}

bool audit_key_fits(const struct audit_own_key *key)
{
    return key->type == AUDIT_NONE || key->type == families[key->family].type;
}

/* --- keys and what they hold */

static bool same_key(const void *item, const void *wanted)
{
    const struct audit_own_key *a = item, *b = wanted;

    return a->family == b->family && a->shard == b->shard && bytes_equal(a->owner, b->owner);
}

struct audit_own_key *audit_market_key(struct audit_market *market, int32_t shard, enum audit_family family, struct bytes owner)
{
    struct audit_own_key wanted = {.shard = shard, .family = family, .owner = owner}, *key;

    wanted.hashed.hash = audit_hash((uint64_t)family * 1000003 + (uint64_t)shard, owner.data, owner.size);
    key = audit_table_find(&market->keys, wanted.hashed.hash, same_key, &wanted);
    if (key)
        return key;
    key = arena_take(market->arena, sizeof *key);
    ASSERT(key);
    *key = wanted;
    key->owner = arena_copy(market->arena, owner);
    audit_table_add(&market->keys, key);
    return key;
}

static bool same_cell(const void *item, const void *wanted)
{
    const struct audit_cell *a = item, *b = wanted;

    return a->key == b->key && bytes_equal(a->member, b->member);
}

static uint64_t cell_hash(const struct audit_own_key *key, struct bytes member)
{
    return audit_hash(key->hashed.hash, member.data, member.size);
}

struct audit_cell *audit_market_find(struct audit_market *market, struct audit_own_key *key, struct bytes member)
{
    struct audit_cell wanted = {.key = key, .member = member};

    return audit_table_find(&market->cells, cell_hash(key, member), same_cell, &wanted);
}

static struct audit_cell *cell_of(struct audit_market *market, struct audit_own_key *key, struct bytes member)
{
    struct audit_cell *cell = audit_market_find(market, key, member);

    if (cell)
        return cell;
    cell = arena_take(market->arena, sizeof *cell);
    ASSERT(cell);
    cell->hashed.hash = cell_hash(key, member);
    cell->key = key;
    cell->member = arena_copy(market->arena, member);
    cell->next = key->cells;
    key->cells = cell;
    audit_table_add(&market->cells, cell);
    return cell;
}

/* What the cell means for money and items, put on or taken off the sums. */
static void account(const struct audit_cell *cell, audit_sum *money, uint64_t *items, int sign)
{
    const struct audit_own_key *key = cell->key;
    struct bytes item = cell->member;

    if (!cell->present || key->type != families[key->family].type)
        return;
    if (key->family == AUDIT_USERS && cell->integer && bytes_equal(item, funds))
        *money += sign * (audit_sum)cell->value;
    if (key->family != AUDIT_INVENTORY && key->family != AUDIT_LISTINGS)
        return;
    if (key->family == AUDIT_LISTINGS) {
        const char *dot = memchr(item.data, '.', item.size);

        item.size = dot ? (size_t)(dot - item.data) : item.size;
    }
    *items += (uint64_t)(int64_t)sign * audit_hash(1, item.data, item.size);
}

/* The cell is as `now` from here on; a key that was not there gets the type. */
static void cell_set(struct audit_market *market, struct audit_cell *cell, enum audit_type type, struct audit_cell now)
{
    struct audit_own_key *key = cell->key;

    account(cell, &market->money, &market->items, -1);
    key->held += (size_t)now.present - (size_t)cell->present;
    key->type = key->held ? key->type == AUDIT_NONE ? type : key->type : AUDIT_NONE;
    cell->present = now.present;
    cell->integer = now.integer;
    cell->value = now.value;
    cell->score = now.score;
    account(cell, &market->money, &market->items, 1);
}

void audit_market_drop(struct audit_market *market, struct audit_cell *cell)
{
    if (cell)
        cell_set(market, cell, AUDIT_NONE, (struct audit_cell){.present = false});
}

void audit_market_put(struct audit_market *market, struct audit_own_key *key, struct bytes member, int64_t value)
{
    cell_set(market, cell_of(market, key, member), families[key->family].type,
             (struct audit_cell){.present = true, .integer = true, .value = value, .score = (double)value});
}

static struct audit_cell by_text(struct bytes text)
{
    struct audit_cell cell = {.present = true};

    cell.integer = number_parse(text, &cell.value);
    return cell;
}

static struct audit_cell by_score(double score)
{
    struct audit_cell cell = {.present = true, .score = score};

    cell.integer = fabs(score) <= (double)NUMBER_SAFE_MAX && score == floor(score);
    cell.value = cell.integer ? (int64_t)score : 0;
    return cell;
}

bool audit_score_of(struct bytes text, double *score)
{
    char copy[NUMBER_TEXT], *end;

    if (!text.size || text.size >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *score = strtod(copy, &end);
    return *end == '\0' && !isnan(*score);
}

void audit_market_put_text(struct audit_market *market, struct audit_own_key *key, enum audit_type type, struct bytes member, struct bytes text)
{
    cell_set(market, cell_of(market, key, member), type, by_text(text));
}

void audit_market_put_score(struct audit_market *market, struct audit_own_key *key, struct bytes member, double score)
{
    cell_set(market, cell_of(market, key, member), AUDIT_ZSET, by_score(score));
}

static struct audit_cell as_stored(enum audit_type type, struct bytes value)
{
    double score;

    if (type == AUDIT_ZSET)
        return by_score(audit_score_of(value, &score) ? score : INFINITY);
    return type == AUDIT_HASH || type == AUDIT_STRING ? by_text(value) : (struct audit_cell){.present = true};
}

void audit_market_wipe(struct audit_market *market, struct audit_own_key *key)
{
    for (struct audit_cell *cell = key->cells; cell; cell = cell->next)
        if (cell->present)
            audit_market_drop(market, cell);
    key->type = AUDIT_NONE;
}

/* --- names of keys */

/* "PREFIX{3}users:27"; false when it is no key of a market. */
static bool parse_key(const struct audit_market *market, struct bytes name, int32_t *shard, enum audit_family *family, struct bytes *owner)
{
    const char *at = name.data, *end = at + name.size;
    size_t size = strlen(market->prefix);

    *shard = 0;
    if (name.size < size || memcmp(at, market->prefix, size) != 0)
        return false;
    at += size;
    if (market->sharded) {
        int64_t number;
        const char *close = end > at && *at == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;

        if (!close || !number_parse((struct bytes){at + 1, (size_t)(close - at - 1)}, &number))
            return false;
        *shard = (int32_t)number;
        at = close + 1;
    }
    for (unsigned i = 0; i < FAMILIES; i++) {
        size = strlen(families[i].name);
        *family = (enum audit_family)i;
        *owner = (struct bytes){at + size, (size_t)(end - at) - size};
        if ((size_t)(end - at) >= size && memcmp(at, families[i].name, size) == 0 && (i != AUDIT_LISTINGS || !owner->size))
            return true;
    }
    return false;
}

struct audit_own_key *audit_market_named(struct audit_market *market, struct bytes name)
{
    enum audit_family family;
    struct bytes owner;
    int32_t shard;

    return parse_key(market, name, &shard, &family, &owner) ? audit_market_key(market, shard, family, owner) : NULL;
}

/* --- from Redis, and back */

static void load_key(struct audit_market *market, struct audit_own_key *key, const struct audit_key *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct bytes member = from->type == AUDIT_STRING ? itself : from->type == AUDIT_LIST ? from->pairs[i].value : from->pairs[i].field;

        cell_set(market, cell_of(market, key, member), from->type, as_stored(from->type, from->pairs[i].value));
    }
    key->type = from->type;
}

void audit_market_load(struct audit_market *market, struct audit_keys keys, int32_t shard)
{
    if (shard < 0) {
        audit_table_reset(&market->keys);
        audit_table_reset(&market->cells);
        market->money = 0;
        market->items = 0;
    }
    for (size_t i = 0; i < market->keys.capacity; i++) {
        struct audit_own_key *key = (struct audit_own_key *)market->keys.slots[i];

        if (key && key->shard == shard)
            audit_market_wipe(market, key);
    }
    for (size_t i = 0; i < keys.count; i++) {
        struct audit_own_key *key = keys.items[i].type == AUDIT_NONE ? NULL : audit_market_named(market, keys.items[i].name);

        if (key && (shard < 0 || key->shard == shard))
            load_key(market, key, &keys.items[i]);
    }
}

static void describe(char out[NUMBER_TEXT], const struct audit_cell *cell)
{
    if (!cell->present)
        snprintf(out, NUMBER_TEXT, "nothing");
    else if (cell->integer)
        snprintf(out, NUMBER_TEXT, "%lld", (long long)cell->value);
    else
        snprintf(out, NUMBER_TEXT, "no integer");
}

static void compare_cell(const struct audit_key *found, struct audit_cell *cell, struct audit_cell now, struct audit_report *report)
{
    char is[NUMBER_TEXT], should[NUMBER_TEXT];
    bool number = cell->key->family != AUDIT_INVENTORY && (cell->key->family != AUDIT_USERS || bytes_equal(cell->member, funds));

    describe(is, &now);
    describe(should, cell);
    if (cell->key->family == AUDIT_STOCK && now.integer && now.value < 0 && cell->integer && cell->value >= 0)
        audit_found(report, AUDIT_STOCK_NEGATIVE, "%.*s is %s, the replay has %s", (int)found->name.size, found->name.data, is, should);
    else if (!cell->present)
        audit_found(report, AUDIT_MARKET, "%.*s holds \"%.*s\" (%s), the replay has no such thing", (int)found->name.size, found->name.data,
                    (int)cell->member.size, cell->member.data ? cell->member.data : "", is);
    else if (number && (now.integer != cell->integer || now.value != cell->value))
        audit_found(report, AUDIT_MARKET, "%.*s: \"%.*s\" is %s, the replay has %s", (int)found->name.size, found->name.data, (int)cell->member.size,
                    cell->member.data ? cell->member.data : "", is, should);
}

/* A user with 0 and a user who is not there are the same to every rule, so 0 that nobody wrote down is no difference. */
static bool is_nothing(const struct audit_cell *cell)
{
    return cell->key->family == AUDIT_USERS && cell->integer && cell->value == 0;
}

static void compare_key(struct audit_market *market, struct audit_own_key *key, const struct audit_key *found, struct audit_report *report,
                        audit_sum *money, uint64_t *items)
{
    bool same_type = key->type == found->type || (key->type == AUDIT_NONE && found->type == families[key->family].type);

    key->seen = true;
    if (!same_type)
        audit_found(report, AUDIT_MARKET, "%.*s has another type than in the replay", (int)found->name.size, found->name.data);
    if (found->type != families[key->family].type)
        return;
    for (size_t i = 0; i < found->count; i++) {
        struct audit_cell *cell = cell_of(market, key, found->type == AUDIT_STRING ? itself : found->pairs[i].field);
        struct audit_cell now = as_stored(found->type, found->pairs[i].value), as_found = now;
        struct audit_own_key there = *key;

        there.type = found->type;
        as_found.key = &there;
        as_found.member = cell->member;
        account(&as_found, money, items, 1);
        cell->seen = true;
        if (same_type && !(is_nothing(&as_found) && !cell->present))
            compare_cell(found, cell, now, report);
    }
}

static void compare_absent(const struct audit_own_key *key, const struct audit_cell *cell, struct audit_report *report)
{
    char should[NUMBER_TEXT];

    if (!cell->present || cell->seen || is_nothing(cell))
        return;
    describe(should, cell);
    audit_found(report, AUDIT_MARKET, "%s%.*s (market %d) does not hold \"%.*s\", the replay has %s", families[key->family].name, (int)key->owner.size,
                key->owner.data ? key->owner.data : "", (int)key->shard, (int)cell->member.size, cell->member.data ? cell->member.data : "", should);
}

void audit_market_compare(struct audit_market *market, struct audit_keys keys, struct audit_report *report, audit_sum *money, uint64_t *items)
{
    *money = 0;
    *items = 0;
    for (size_t i = 0; i < keys.count; i++) {
        struct audit_own_key *key = keys.items[i].type == AUDIT_NONE ? NULL : audit_market_named(market, keys.items[i].name);

        if (key)
            compare_key(market, key, &keys.items[i], report, money, items);
    }
    for (size_t i = 0; i < market->keys.capacity; i++) {
        const struct audit_own_key *key = (const struct audit_own_key *)market->keys.slots[i];

        if (!key || key->type == AUDIT_NONE)
            continue;
        if (!key->seen && key->type != families[key->family].type)
            audit_found(report, AUDIT_MARKET, "%s%.*s is not there, the replay has it with another type", families[key->family].name,
                        (int)key->owner.size, key->owner.data ? key->owner.data : "");
        if (key->type == families[key->family].type)
            for (const struct audit_cell *cell = key->cells; cell; cell = cell->next)
                compare_absent(key, cell, report);
    }
}
