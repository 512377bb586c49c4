/* The market as the log tells it: the last value of every key, in order, and the same whether it fits into memory or not. */
#include "archive/fold.h"

#include <stdlib.h>
#include <unistd.h>

#include "archive/fold_cache.h"
#include "check.h"

enum { KEYS = 20000, PUTS = 60000 };

static struct name name_of(const char *text)
{
    struct name name = {.size = (uint8_t)strlen(text)};

    memcpy(name.text, text, name.size);
    return name;
}

/* An observation with names of its own. */
struct seen {
    struct name owner, item, seller;
    struct observation seen;
};

static void seen_set(struct seen *s, enum view_key_kind kind, const char *first, const char *second, int64_t after)
{
    *s = (struct seen){.owner = name_of(kind == VIEW_MARKET ? "" : first), .item = name_of(kind == VIEW_MARKET ? first : second), .seller = name_of(second)};
    s->seen = (struct observation){.kind = kind, .owner = kind == VIEW_MARKET ? NULL : &s->owner,
                                   .item = kind == VIEW_INVENTORY || kind == VIEW_MARKET ? &s->item : NULL,
                                   .seller = kind == VIEW_MARKET ? &s->seller : NULL, .after = VIEW_PRESENT, .after_value = after};
}

static struct fold *fold_of(struct checks *c, const char *folder, size_t memory)
{
    struct error_text error = {""};
    struct fold *fold = NULL;

    CHECK_INT(c, fold_new(&fold, folder, memory, &error), 0);
    CHECK_TEXT(c, error.text, "");
    return fold;
}

static void a_key_holds_what_was_said_of_it_last(struct checks *c)
{
    struct fold *fold = fold_of(c, NULL, 1 << 20);
    struct fold_value value;
    struct seen s;

    seen_set(&s, VIEW_FUNDS, "27", "", 5);
    CHECK_INT(c, fold_get(fold, &s.seen, &value), -ENOENT);
    CHECK_INT(c, fold_put(fold, &s.seen, 3, 120), 0);
    CHECK_INT(c, fold_get(fold, &s.seen, &value), 0);
    CHECK(c, value.state == VIEW_PRESENT && value.value == 5 && value.range == 3 && value.offset == 120);
    s.seen.after = VIEW_MISSING;
    CHECK_INT(c, fold_put(fold, &s.seen, -1, 0), 0);
    CHECK_INT(c, fold_get(fold, &s.seen, &value), 0);
    CHECK(c, value.state == VIEW_MISSING && value.value == 0 && value.range == -1);
    seen_set(&s, VIEW_STOCK, "27", "", 5);
    CHECK_INT(c, fold_get(fold, &s.seen, &value), -ENOENT);
    fold_free(fold);
}

static int append(void *context, const struct fold_key *key, const struct fold_value *value)
{
    char text[FOLD_KEY_TEXT_MAX];

    fold_key_text(text, key->kind, &key->owner, &key->item, &key->seller);
    buffer_put_format(context, "%s=%d|", text, (int)value->value);
    return value->value == 99 ? 7 : 0;
}

static void keys_come_by_kind_and_then_by_their_names(struct checks *c)
{
    static const struct { enum view_key_kind kind; const char *first, *second; } keys[] = {
        {VIEW_MARKET, "ItemM", "17"}, {VIEW_INVENTORY, "27", "b"}, {VIEW_INVENTORY, "2", "c"}, {VIEW_INVENTORY, "27", "a"},
        {VIEW_INVENTORY, "2-7", "a"}, {VIEW_STOCK, "S1", ""}, {VIEW_FUNDS, "27", ""}, {VIEW_FUNDS, "2", ""}, {VIEW_MARKET, "Item", "27"},
    };
    struct fold *fold = fold_of(c, NULL, 1 << 20);
    struct buffer text;
    struct seen s;

    buffer_init(&text, 10000);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        seen_set(&s, keys[i].kind, keys[i].first, keys[i].second, (int64_t)i);
        CHECK_INT(c, fold_put(fold, &s.seen, 0, 0), 0);
    }
    CHECK_INT(c, fold_each(fold, append, &text), 0);
    CHECK_TEXT(c, buffer_text(&text), "users:2 funds=7|users:27 funds=6|stock:S1=5|inventory:2 c=2|inventory:2-7 a=4|inventory:27 a=3|inventory:27 b=1|"
                        "market: Item.27=8|market: ItemM.17=0|");
    seen_set(&s, VIEW_STOCK, "S1", "", 99);
    CHECK_INT(c, fold_put(fold, &s.seen, 0, 0), 0);
    buffer_reset(&text);
    CHECK_INT(c, fold_each(fold, append, &text), 7);
    CHECK_TEXT(c, buffer_text(&text), "users:2 funds=7|users:27 funds=6|stock:S1=99|");
    buffer_deinit(&text);
    fold_free(fold);
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void any_key(struct seen *s, uint32_t *state)
{
    char first[20], second[20];

    snprintf(first, sizeof first, "%u", next(state) % (KEYS / 4));
    snprintf(second, sizeof second, "%s", next(state) % 2 ? "a-very-long-name" : "b");
    seen_set(s, (enum view_key_kind)(next(state) % 4), first, second, next(state) % 1000);
    s->seen.after = next(state) % 8 ? VIEW_PRESENT : VIEW_MISSING;
}

/* Every value of one fold, in turn held against the next of another. */
struct pair {
    struct fold_key *keys;
    struct fold_value *values;
    size_t count, at;
    bool same;
};

static int note(void *context, const struct fold_key *key, const struct fold_value *value)
{
    struct pair *pair = context;

    pair->keys[pair->count] = *key;
    pair->values[pair->count++] = *value;
    return 0;
}

static int hold_against(void *context, const struct fold_key *key, const struct fold_value *value)
{
    struct pair *pair = context;
    const struct fold_value *other = &pair->values[pair->at];

    pair->same = pair->same && pair->at < pair->count && memcmp(key, &pair->keys[pair->at], sizeof *key) == 0 && value->state == other->state &&
                 value->value == other->value && value->range == other->range && value->offset == other->offset;
    pair->at++;
    return 0;
}

static bool same_answer(struct fold *a, struct fold *b, const struct observation *of)
{
    struct fold_value one = {0}, other = {0};
    int r = fold_get(a, of, &one);

    return fold_get(b, of, &other) == r && one.state == other.state && one.value == other.value && one.range == other.range && one.offset == other.offset;
}

/* The small one holds some thousand keys, and has far more of them. */
static void more_keys_than_memory_give_the_same(struct checks *c)
{
    char folder[] = "/tmp/orderd-unit-fold-XXXXXX";
    struct pair pair = {.keys = calloc(2 * KEYS, sizeof *pair.keys), .values = calloc(2 * KEYS, sizeof *pair.values), .same = true};
    struct fold *large = fold_of(c, NULL, 64 << 20), *small;
    uint32_t state = 20261126;
    int failed = 0;
    struct seen s;

    CHECK(c, mkdtemp(folder) != NULL);
    small = fold_of(c, folder, 0);
    for (int i = 0; i < PUTS; i++) {
        any_key(&s, &state);
        failed += !same_answer(large, small, &s.seen);
        failed += fold_put(large, &s.seen, i % 7, i) != 0 || fold_put(small, &s.seen, i % 7, i) != 0;
    }
    CHECK_INT(c, failed, 0);
    CHECK_INT(c, fold_each(large, note, &pair), 0);
    CHECK_INT(c, fold_each(small, hold_against, &pair), 0);
    CHECK(c, pair.same && pair.at == pair.count && pair.count > KEYS);
    fold_free(large);
    fold_free(small);
    free(pair.keys);
    free(pair.values);
    rmdir(folder);
}

static void without_a_folder_what_does_not_fit_is_refused(struct checks *c)
{
    struct fold *fold = fold_of(c, NULL, 0);
    uint32_t state = 1;
    struct seen s;
    int r = 0, i = 0;

    for (; i < PUTS && r == 0; i++) {
        any_key(&s, &state);
        r = fold_put(fold, &s.seen, 0, 0);
    }
    CHECK_INT(c, r, -ENOMEM);
    CHECK(c, i > 1000);
    fold_free(fold);
}

static void a_value_follows_where_the_rules_see_the_same(struct checks *c)
{
    static const struct { enum view_key_kind kind; enum view_state held; int64_t held_value; enum view_state before; int64_t before_value; bool follows; } rows[] = {
        {VIEW_FUNDS, VIEW_PRESENT, 5, VIEW_PRESENT, 5, true},     {VIEW_FUNDS, VIEW_PRESENT, 5, VIEW_PRESENT, 6, false},
        {VIEW_FUNDS, VIEW_MISSING, 0, VIEW_PRESENT, 0, true},     {VIEW_FUNDS, VIEW_PRESENT, 0, VIEW_MISSING, 0, true},
        {VIEW_FUNDS, VIEW_MISSING, 0, VIEW_PRESENT, 1, false},    {VIEW_FUNDS, VIEW_INVALID, 0, VIEW_PRESENT, 0, false},
        {VIEW_STOCK, VIEW_MISSING, 0, VIEW_PRESENT, 0, false},    {VIEW_STOCK, VIEW_MISSING, 0, VIEW_MISSING, 0, true},
        {VIEW_STOCK, VIEW_PRESENT, 7, VIEW_PRESENT, 7, true},     {VIEW_MARKET, VIEW_PRESENT, 7, VIEW_PRESENT, 8, false},
        {VIEW_INVENTORY, VIEW_PRESENT, 1, VIEW_PRESENT, 0, true}, {VIEW_INVENTORY, VIEW_PRESENT, 0, VIEW_MISSING, 0, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fold_value held = {.state = rows[i].held, .value = rows[i].held_value};
        struct observation seen = {.kind = rows[i].kind, .before = rows[i].before, .before_value = rows[i].before_value};

        CHECK_INT(c, fold_follows(&held, &seen), rows[i].follows);
    }
}

TESTS({"a key holds what was said of it last", a_key_holds_what_was_said_of_it_last},
      {"keys come by kind and then by their names", keys_come_by_kind_and_then_by_their_names},
      {"more keys than memory give the same", more_keys_than_memory_give_the_same},
      {"without a folder what does not fit is refused", without_a_folder_what_does_not_fit_is_refused},
      {"a value follows where the rules see the same", a_value_follows_where_the_rules_see_the_same})
