/* From facts back to keys: what the rules did to the market is what their outcomes say of it, and what no rule would say is refused. */
#include "history/observe.h"

#include "unit/decided.h"

enum { HISTORIES = 20000 };

static const struct name nobody;

static bool is_name(const struct name *found, const struct name *wanted)
{
    return name_equal(found ? found : &nobody, wanted);
}

static const struct observation *observation_of(const struct observation *seen, int count, const struct view_key *key, const struct view_cell *cell)
{
    for (int i = 0; i < count; i++)
        if (seen[i].kind == key->kind && is_name(seen[i].owner, &key->owner) && is_name(seen[i].item, &cell->item) && is_name(seen[i].seller, &cell->seller))
            return &seen[i];
    return NULL;
}

/* Funds of nobody are 0. */
static bool is_value(enum view_key_kind kind, enum view_state state, int64_t value, enum view_state wanted, int64_t wanted_value)
{
    if (kind == VIEW_FUNDS && wanted == VIEW_MISSING)
        return state == VIEW_PRESENT && value == 0;
    return state == wanted && (kind == VIEW_INVENTORY || state != VIEW_PRESENT || value == wanted_value);
}

static bool cell_is_right(const struct observation *seen, enum view_key_kind kind, const struct view_cell *cell)
{
    if (!seen)
        return !view_cell_changed(cell);
    return is_value(kind, seen->before, seen->before_value, cell->loaded, cell->loaded_value) &&
           is_value(kind, seen->after, seen->after_value, cell->state, cell->value) && seen->changed == view_cell_changed(cell);
}

/* Every change of the view is seen, nothing else is said to have changed, and whatever is seen stood there. */
static bool is_what_happened(const struct view *view, const struct observation *seen, int count)
{
    int found = 0;

    for (size_t k = 0; k < view_keys_count(view); k++)
        for (const struct view_cell *cell = view_key_at(view, k)->cells; cell; cell = cell->next) {
            const struct observation *of = observation_of(seen, count, view_key_at(view, k), cell);

            found += of != NULL;
            if (!cell_is_right(of, view_key_at(view, k)->kind, cell))
                return false;
        }
    return found == count;
}

static void what_is_seen_is_what_the_rules_did(struct checks *c)
{
    struct decided *d = decided_new(c);
    int failed = 0, changed = 0, read = 0;

    for (int i = 0; i < HISTORIES && !failed; i++) {
        struct observation seen[OBSERVATIONS_MAX];
        struct decision decision;
        struct error_text error = {"not what happened"};
        struct record record;
        int count;

        decided_next(d, &record);
        count = decision_read(&decision, record.value, &error);
        count = count ? count : observe(&decision, seen, &error);
        failed += count < 0 || !is_what_happened(d->view, seen, count);
        if (failed)
            fprintf(stderr, "%s: %.*s\n", error.text, (int)record.value.size, record.value.data);
        for (int s = 0; s < count; s++) {
            changed += seen[s].changed;
            read += !seen[s].changed;
        }
    }
    CHECK_INT(c, failed, 0);
    CHECK(c, changed > HISTORIES / 10 && read > HISTORIES / 10);
    decided_free(d);
}

/* How a fact can be damaged; false: not this one. */
static bool damage(struct facts *facts, size_t at, int way)
{
    struct fact *fact = &facts->items[at];

    switch (way) {
    case 0:      /* it goes */
        memmove(fact, fact + 1, (facts->count - at - 1) * sizeof *fact);
        facts->count--;
        return true;
    case 1:      /* it comes twice, by another name */
        if (facts->count == FACTS_MAX)
            return false;
        facts->items[facts->count] = *fact;
        facts->items[facts->count++].name = facts_find(facts, "price") ? "stock" : "price";
        return true;
    case 2:      /* it is of another form */
        fact->type = fact->type == FACT_FLAG ? FACT_NULL : FACT_FLAG;
        return true;
    case 3:      /* what it leaves is another value */
        fact->after ^= 1;
        return fact->type == FACT_NUMBER_CHANGE || fact->type == FACT_NULL_CHANGE;
    case 4:      /* so is what it began with */
        fact->before ^= 1;
        return fact->type == FACT_NUMBER_CHANGE;
    case 5:      /* it is turned round */
        fact->before = !fact->before;
        fact->after = !fact->after;
        return fact->type == FACT_FLAG || fact->type == FACT_FLAG_CHANGE;
    default:
        fact->key[0]++;
        return fact->type == FACT_KEY;
    }
}

static void a_fact_that_goes_or_changes_is_noticed(struct checks *c)
{
    struct decided *d = decided_new(c);
    int damaged = 0, failed = 0;

    for (int i = 0; i < HISTORIES && !failed; i++) {
        struct observation seen[OBSERVATIONS_MAX];
        struct decision decision;
        struct error_text error;
        struct record record;

        decided_next(d, &record);
        if (decision_read(&decision, record.value, &error) || decision.facts.count == 0 ||
            !damage(&decision.facts, next(&d->state) % decision.facts.count, (int)(next(&d->state) % 7)))
            continue;
        damaged++;
        failed += observe(&decision, seen, &error) != -EBADMSG;
        if (failed)
            fprintf(stderr, "not noticed: %.*s\n", (int)record.value.size, record.value.data);
    }
    CHECK_INT(c, failed, 0);
    CHECK(c, damaged > HISTORIES / 10);
    decided_free(d);
}

#define SOURCE "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":1},\"decided_at\":\"x\",\"attempts\":1}"
#define SAYS(kind, status, reason, event, facts) "{\"id\":\"a\",\"type\":\"" kind "\",\"status\":\"" status "\",\"reason\":" reason ",\"event\":" event ",\"facts\":" facts "," SOURCE
#define BUY "{\"buyer\":\"b\",\"seller\":\"s\",\"item\":\"i\",\"price\":97}"
#define BUY_OF_ONESELF "{\"buyer\":\"s\",\"seller\":\"s\",\"item\":\"i\",\"price\":97}"
#define RESERVE "{\"sku\":\"k\",\"quantity\":5,\"buyer\":\"b\"}"

static void what_no_rule_would_say_is_refused(struct checks *c)
{
    static const struct { const char *value, *error; } rows[] = {
        {SAYS("purchase", "applied", "null", BUY, "{\"price\":97,\"buyer_funds\":[125,29],\"seller_funds\":[43,140]}"),
         "facts.buyer_funds contradicts the event: it changes by another amount"},
        {SAYS("purchase", "applied", "null", BUY, "{\"price\":97,\"buyer_funds\":[96,-1],\"seller_funds\":[43,140]}"),
         "facts.buyer_funds contradicts the event: they are less than the price"},
        {SAYS("purchase", "applied", "null", BUY, "{\"price\":96,\"buyer_funds\":[125,28],\"seller_funds\":[43,140]}"),
         "facts.price contradicts the event: it is another price"},
        {SAYS("purchase", "applied", "null", BUY_OF_ONESELF, "{\"price\":97,\"buyer_funds\":[125,125],\"seller_funds\":[126,126]}"),
         "facts.seller_funds contradicts the event: buyer and seller are the same user"},
        {SAYS("purchase", "applied", "null", BUY, "{\"price\":97,\"buyer_funds\":[125,28]}"),
         "facts.seller_funds is not [integer, integer], as it must be in a decision \"applied\" of a purchase"},
        {SAYS("purchase", "rejected", "\"price_changed\"", BUY, "{\"price\":97}"), "facts.price contradicts the event: it is the same"},
        {SAYS("purchase", "rejected", "\"insufficient_funds\"", BUY, "{\"price\":97,\"buyer_funds\":97}"),
         "facts.buyer_funds contradicts the event: they are enough"},
        {SAYS("purchase", "rejected", "\"limit_exceeded\"", BUY, "{\"price\":97,\"buyer_funds\":97,\"seller_funds\":97}"),
         "facts.seller_funds contradicts the event: the price fits"},
        {SAYS("purchase", "rejected", "\"out_of_stock\"", BUY, "{\"stock\":1}"), "a purchase is never rejected as \"out_of_stock\""},
        {SAYS("purchase", "rejected", "\"state_invalid\"", BUY, "{\"invalid\":\"users:b2\"}"),
         "facts.invalid contradicts the event: it names a key that has nothing to do with it"},
        {SAYS("reserve", "applied", "null", RESERVE, "{\"stock\":[4,-1]}"), "facts.stock contradicts the event: it is less than the quantity"},
        {SAYS("reserve", "rejected", "\"out_of_stock\"", RESERVE, "{\"stock\":5}"), "facts.stock contradicts the event: it is enough"},
        {SAYS("reserve", "rejected", "\"unknown_sku\"", RESERVE, "{\"stock\":null,\"funds\":1}"),
         "there are 2 facts, a decision \"unknown_sku\" has 1"},
        {SAYS("reserve", "expired", "\"deadline\"", RESERVE, "{\"stock\":1}"), "there are 1 facts, a decision \"deadline\" has 0"},
        {SAYS("restock", "applied", "null", RESERVE, "{\"stock\":[null,4]}"), "facts.stock contradicts the event: it begins with another quantity"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct observation seen[OBSERVATIONS_MAX];
        struct decision decision;
        struct error_text error = {""};

        CHECK_INT(c, decision_read(&decision, bytes_of(rows[i].value), &error), 0);
        CHECK_TEXT(c, error.text, "");
        CHECK_INT(c, observe(&decision, seen, &error), -EBADMSG);
        CHECK_TEXT(c, error.text, rows[i].error);
    }
}

static void buyer_and_seller_in_one_person_are_seen_once(struct checks *c)
{
    static const char value[] = SAYS("purchase", "applied", "null", BUY_OF_ONESELF, "{\"price\":97,\"buyer_funds\":[125,125],\"seller_funds\":[125,125]}");
    struct observation seen[OBSERVATIONS_MAX];
    struct decision decision;
    struct error_text error;

    CHECK_INT(c, decision_read(&decision, bytes_of(value), &error), 0);
    CHECK_INT(c, observe(&decision, seen, &error), 3);
    for (int i = 0; i < 3; i++)
        CHECK(c, seen[i].changed == (seen[i].kind != VIEW_FUNDS));
}

TESTS({"what is seen is what the rules did", what_is_seen_is_what_the_rules_did},
      {"a fact that goes or changes is noticed", a_fact_that_goes_or_changes_is_noticed},
      {"what no rule would say is refused", what_no_rule_would_say_is_refused},
      {"buyer and seller in one person are seen once", buyer_and_seller_in_one_person_are_seen_once})
