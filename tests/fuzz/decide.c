/* The decision functions against the auditor's: any market, also of wrong types, odd integers and numbers at their limits, and a turn of any
 * events. Both must give the same reasons and facts, and leave the same market.
 *
 * Each byte of the input makes one choice, so that nearly every input is a market and its events. */
#include <stdio.h>

#include "base/number.h"
#include "fuzz/fuzz.h"
#include "rules/rules.h"
#include "sim/audit_market.h"

enum { NAMES = 3, EVENTS_MAX = 12, PAIRS_MAX = NAMES * NAMES, MEMORY_MAX = 1 << 24, TEXT_MAX = 512, CELLS_MAX = 64 };

static const char *const names[NAMES] = {"a", "b", "c"};
static const char *const integers[] = {"0", "1", "2", "97", "98", "-5", "9007199254740991", "9007199254740992", "9223372036854775807",
                                       "9223372036854775806", "9214364837600034816", "9214364837600034817", "-9223372036854775808",
                                       "-9223372036854775807", "9223372036854775808", "-9223372036854775809", "017", "+5", " 5", "5 ", "-0", "", "x", "1.0"};
static const char *const scores[] = {"1", "2", "97", "98", "0", "-3", "1.5", "9007199254740991", "9007199254740990", "-9007199254740991",
                                     "9007199254740992", "9.0071992547409920e+15", "1e+12", "1e+16", "inf", "-inf"};
static const int64_t amounts[] = {1, 2, 97, 98, 1000000000000, 9007199254740990, 9007199254740991};

#define PICK(left, table) ((table)[choose((left), sizeof(table) / sizeof *(table))])

/* A choice among so many; the first one when the input is used up. */
static size_t choose(struct bytes *left, size_t count)
{
    size_t chosen;

    if (!left->size)
        return 0;
    chosen = (unsigned char)*left->data % count;
    left->data++;
    left->size--;
    return chosen;
}

/* The market as Redis would show it, and what the text is kept in. */
struct shown {
    struct audit_key keys[3 * NAMES + 1];
    struct audit_pair pairs[3 * NAMES + 1][PAIRS_MAX];
    char keys_text[3 * NAMES + 1][32], members[PAIRS_MAX][8];
    size_t count;
};

static struct audit_key *show_key(struct shown *shown, const char *family, const char *owner, enum audit_type type)
{
    struct audit_key *key = &shown->keys[shown->count];

    snprintf(shown->keys_text[shown->count], sizeof shown->keys_text[0], "%s%s", family, owner);
    *key = (struct audit_key){bytes_of(shown->keys_text[shown->count]), type, shown->pairs[shown->count], 0};
    shown->count++;
    return key;
}

static void show_pair(struct audit_key *key, const char *field, const char *value)
{
    struct audit_pair *pairs = (struct audit_pair *)(uintptr_t)key->pairs;

    pairs[key->count++] = (struct audit_pair){bytes_of(field), bytes_of(value)};
}

/* Not there, of its own type, or of another one, which holds something that looks right. */
static struct audit_key *show_family(struct shown *shown, struct bytes *left, const char *family, const char *owner, enum audit_type type)
{
    static const enum audit_type others[] = {AUDIT_STRING, AUDIT_HASH, AUDIT_SET, AUDIT_ZSET, AUDIT_LIST, AUDIT_STREAM};
    size_t chosen = choose(left, 12);
    struct audit_key *key;

    if (chosen == 0)
        return NULL;
    key = show_key(shown, family, owner, chosen == 1 ? PICK(left, others) : type);
    if (key->type == type)
        return key;
    show_pair(key, "funds", "5");
    return NULL;
}

static void show_owner(struct shown *shown, struct bytes *left, const char *owner)
{
    struct audit_key *key = show_family(shown, left, "users:", owner, AUDIT_HASH);

    if (key)
        show_pair(key, choose(left, 16) ? "funds" : "name", PICK(left, integers));
    key = show_family(shown, left, "stock:", owner, AUDIT_STRING);
    if (key)
        show_pair(key, "", PICK(left, integers));
    key = show_family(shown, left, "inventory:", owner, AUDIT_SET);
    for (size_t i = 0; i < NAMES && key; i++)
        if (choose(left, 2))
            show_pair(key, names[i], "");
}

static void show_market(struct shown *shown, struct bytes *left)
{
    struct audit_key *key;

    shown->count = 0;
    for (size_t i = 0; i < NAMES; i++)
        show_owner(shown, left, names[i]);
    key = show_family(shown, left, "market:", "", AUDIT_ZSET);
    for (size_t i = 0; i < PAIRS_MAX && key; i++) {
        snprintf(shown->members[i], sizeof shown->members[i], "%s.%s", names[i / NAMES], names[i % NAMES]);
        if (choose(left, 2))
            show_pair(key, shown->members[i], PICK(left, scores));
    }
}

/* --- what the daemon reads of it */

static const struct audit_key *find_key(const struct shown *shown, const char *family, const struct name *owner)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof text, "%s%.*s", family, owner->size, owner->text);
    for (size_t i = 0; i < shown->count; i++)
        if (bytes_equal_text(shown->keys[i].name, text))
            return &shown->keys[i];
    return NULL;
}

static const struct bytes *find_pair(const struct audit_key *key, const char *field)
{
    for (size_t i = 0; i < key->count; i++)
        if (bytes_equal_text(key->pairs[i].field, field))
            return &key->pairs[i].value;
    return NULL;
}

static const struct {
    const char *name;
    enum audit_type type;
} families[] = {[VIEW_FUNDS] = {"users:", AUDIT_HASH}, [VIEW_STOCK] = {"stock:", AUDIT_STRING}, [VIEW_INVENTORY] = {"inventory:", AUDIT_SET},
                [VIEW_MARKET] = {"market:", AUDIT_ZSET}};

/* What stands in a key for this cell: a field's or member's name. */
static const char *member_of(const struct view_key *key, const struct view_cell *cell, char out[TEXT_MAX])
{
    if (key->kind == VIEW_FUNDS)
        return "funds";
    snprintf(out, TEXT_MAX, "%.*s", cell->item.size, cell->item.text);
    if (key->kind == VIEW_MARKET)
        snprintf(out, TEXT_MAX, "%.*s.%.*s", cell->item.size, cell->item.text, cell->seller.size, cell->seller.text);
    return key->kind == VIEW_STOCK ? "" : out;
}

static void load_cell(struct view *view, const struct shown *shown, const struct view_key *key, const struct view_cell *cell)
{
    const struct audit_key *found = find_key(shown, families[key->kind].name, &key->owner);
    const struct bytes *value = NULL;
    char member[TEXT_MAX];
    int64_t number = 1;
    bool fits = true;

    if (found && found->type == families[key->kind].type)
        value = find_pair(found, member_of(key, cell, member));
    if (found && found->type != families[key->kind].type)
        fits = false;
    else if (value && key->kind == VIEW_MARKET)
        fits = number_parse_score(*value, &number);
    else if (value && key->kind != VIEW_INVENTORY)
        fits = number_parse(*value, &number);
    view_load(view, cell, !fits ? VIEW_INVALID : value ? VIEW_PRESENT : VIEW_MISSING, number);
}

static void load(struct view *view, const struct shown *shown)
{
    for (size_t k = 0; k < view_keys_count(view); k++)
        for (const struct view_cell *cell = view_key_at(view, k)->cells; cell; cell = cell->next)
            load_cell(view, shown, view_key_at(view, k), cell);
}

/* --- events in both forms */

static void both_names(struct bytes *left, struct name *name, struct bytes *text)
{
    const char *chosen = PICK(left, names);

    *text = bytes_of(chosen);
    name->size = (uint8_t)text->size;
    memcpy(name->text, chosen, text->size);
}

static void both_events(struct bytes *left, struct event *event, struct audit_event *naive)
{
    struct name *const owners[] = {&event->buyer, &event->seller, &event->user, &event->item, &event->sku};
    int64_t *const numbers[] = {&event->price, &event->quantity, &event->amount};

    memset(event, 0, sizeof *event);
    memset(naive, 0, sizeof *naive);
    event->kind = (enum event_kind)choose(left, EVENT_KIND_COUNT);
    naive->kind = (enum audit_event_kind)event->kind;
    MUST(strcmp(rules_kind_name(event->kind), audit_kind_name(naive->kind)) == 0);
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++) {
        if (!rules_kind_requires(event->kind, (enum event_field)field))
            continue;
        if (field < FIELD_PRICE)
            both_names(left, owners[field], &naive->names[field]);
        else
            *numbers[field - FIELD_PRICE] = naive->numbers[field] = PICK(left, amounts);
    }
}

/* --- what they say */

static void put_fact(struct buffer *out, const struct fact *fact)
{
    static const char *const flags[] = {"false", "true"};

    buffer_put_format(out, "%s\"%s\":", out->size ? "," : "", fact->name);
    switch (fact->type) {
    case FACT_NUMBER:
        buffer_put_format(out, "%lld", (long long)fact->before);
        break;
    case FACT_NUMBER_CHANGE:
        buffer_put_format(out, "[%lld,%lld]", (long long)fact->before, (long long)fact->after);
        break;
    case FACT_FLAG:
        buffer_put_text(out, flags[fact->before]);
        break;
    case FACT_FLAG_CHANGE:
        buffer_put_format(out, "[%s,%s]", flags[fact->before], flags[fact->after]);
        break;
    case FACT_NULL:
        buffer_put_text(out, "null");
        break;
    case FACT_NULL_CHANGE:
        buffer_put_format(out, "[null,%lld]", (long long)fact->after);
        break;
    case FACT_KEY:
        buffer_put_text(out, fact->key);
        break;
    }
}

static void compare_facts(const struct facts *facts, const struct audit_decision *naive)
{
    struct buffer text;
    bool known = naive->invalid_count == 0, same;

    buffer_init(&text, TEXT_MAX);
    for (size_t i = 0; i < facts->count && !naive->invalid_count; i++)
        put_fact(&text, &facts->items[i]);
    for (size_t i = 0; i < naive->invalid_count; i++)
        known = known || (facts->count == 1 && facts->items[0].type == FACT_KEY && strcmp(facts->items[0].key, naive->invalid[i]) == 0);
    MUST(known);
    same = text.size == naive->facts_size && memcmp(buffer_text(&text), naive->facts, text.size) == 0;
    if (!same)
        fprintf(stderr, "facts %s, naively %.*s\n", buffer_text(&text), (int)naive->facts_size, naive->facts);
    MUST(same);
    buffer_deinit(&text);
}

static void compare_decisions(const struct event *event, enum reason reason, const struct facts *facts, const struct audit_decision *naive)
{
    bool same = strcmp(reason_name(reason), naive->reason ? naive->reason : "") == 0;

    if (!same)
        fprintf(stderr, "%s: \"%s\", naively \"%s\"\n", rules_kind_name(event->kind), reason_name(reason), naive->reason ? naive->reason : "");
    MUST(same);
    MUST((reason == REASON_NONE) == (strcmp(naive->status, "applied") == 0));
    compare_facts(facts, naive);
}

/* The cell holds in both what it held, or was made to hold. */
static void compare_cell(struct audit_market *market, const struct view_key *key, const struct view_cell *cell)
{
    static const enum audit_family naive_families[] = {[VIEW_FUNDS] = AUDIT_USERS, [VIEW_STOCK] = AUDIT_STOCK, [VIEW_INVENTORY] = AUDIT_INVENTORY,
                                                       [VIEW_MARKET] = AUDIT_LISTINGS};
    struct audit_own_key *naive = audit_market_key(market, 0, naive_families[key->kind], (struct bytes){key->owner.text, key->owner.size});
    struct bytes member = {NULL, 0};
    const struct audit_cell *found;
    char text[TEXT_MAX];
    bool present;

    if (key->kind != VIEW_STOCK)
        member = bytes_of(member_of(key, cell, text));
    found = audit_market_find(market, naive, member);
    present = found && found->present && audit_key_fits(naive);
    if (cell->state == VIEW_INVALID) {
        MUST(!audit_key_fits(naive) || (present && !found->integer));
        return;
    }
    MUST(audit_key_fits(naive) && present == (cell->state == VIEW_PRESENT));
    MUST(!present || key->kind == VIEW_INVENTORY || (found->integer && found->value == cell->value));
}

static void decide_all(struct bytes left, struct audit_market *market, struct view *view, const struct shown *shown)
{
    struct event events[EVENTS_MAX];
    struct audit_event naive[EVENTS_MAX];
    size_t count = 1 + choose(&left, EVENTS_MAX);

    for (size_t i = 0; i < count; i++) {
        both_events(&left, &events[i], &naive[i]);
        rules_want(&events[i], view);
    }
    load(view, shown);
    for (size_t i = 0; i < count; i++) {
        struct facts facts = {.count = 0};
        struct audit_decision decision;
        enum reason reason = rules_decide(&events[i], view, &facts);

        audit_decide(&decision, market, 0, &naive[i]);
        compare_decisions(&events[i], reason, &facts, &decision);
    }
    for (size_t k = 0; k < view_keys_count(view); k++)
        for (const struct view_cell *cell = view_key_at(view, k)->cells; cell; cell = cell->next)
            compare_cell(market, view_key_at(view, k), cell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = input_of(data, size);
    struct audit_market market = {.prefix = ""};
    struct shown shown;
    struct view *view;

    MUST(view_new(&view, CELLS_MAX, CELLS_MAX) == 0 && arena_new(&market.arena, MEMORY_MAX) == 0);
    show_market(&shown, &left);
    audit_market_load(&market, (struct audit_keys){shown.keys, shown.count}, -1);
    decide_all(left, &market, view, &shown);
    audit_market_deinit(&market);
    arena_free(market.arena);
    view_free(view);
    return 0;
}
