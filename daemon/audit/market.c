/* Values: each that Redis has is looked for in the fold, and marked there; what is left unmarked at the end Redis does not have. */
#include "audit/market.h"

#include <stdio.h>

#include "audit/market_inside.h"

enum { RANGE_CHECKED = -2 };       /* stands in the fold for who said the value */

struct check {
    const struct market_options *options;
    struct market_counts *counts;
    int error;
};

static struct observation observation_of(const struct snapshot_cell *cell)
{
    struct observation of = {.kind = cell->kind, .owner = &cell->owner, .item = &cell->item, .seller = &cell->seller};

    of.before = of.after = cell->state;
    of.before_value = of.after_value = cell->state == VIEW_PRESENT ? cell->value : 0;
    return of;
}

static bool is_number(enum view_key_kind kind)
{
    return kind == VIEW_FUNDS || kind == VIEW_STOCK;
}

static void put_value(char *out, size_t size, enum view_key_kind kind, enum view_state state, int64_t value)
{
    if (state == VIEW_INVALID)
        snprintf(out, size, "something of the wrong type, or no integer");
    else if (state == VIEW_MISSING)
        snprintf(out, size, "%s", kind == VIEW_FUNDS ? "0" : "nothing");
    else if (kind == VIEW_INVENTORY)
        snprintf(out, size, "the item");
    else
        snprintf(out, size, "%lld", (long long)value);
}

/* Whose word the log's value is. */
static void put_by(char *out, size_t size, const struct audit_range *ranges, const struct fold_value *held)
{
    if (held->range >= 0)
        snprintf(out, size, "by %s:%lld", ranges[held->range].at, (long long)held->offset);
    else
        snprintf(out, size, "at the start");
}

static void say_differs(struct check *check, const struct observation *found, const struct fold_value *held)
{
    struct finding finding = {.kind = FINDING_FOREIGN_WRITE, .range = -1, .offset = -1, .partition = -1, .at = -1};
    char was[32], became[64], by[KAFKA_TOPIC_MAX + 64];

    fold_key_text(finding.key, found->kind, found->owner, found->item, found->seller);
    finding.amounts = is_number(found->kind) && found->before != VIEW_INVALID;
    finding.was = held->state == VIEW_PRESENT ? held->value : 0;
    finding.became = found->before == VIEW_PRESENT ? found->before_value : 0;
    put_value(was, sizeof was, found->kind, held->state, held->value);
    put_value(became, sizeof became, found->kind, found->before, found->before_value);
    put_by(by, sizeof by, check->options->survey->ranges, held);
    findings_say(audit_findings(check->options->audit), &finding, "%s was left there %s, and Redis holds %s", was, by, became);
}

static void say_unnamed(struct check *check, const struct observation *found)
{
    struct finding finding = {.kind = FINDING_FOREIGN_KEY, .range = -1, .offset = -1, .partition = -1, .at = -1};
    char holds[64];

    if (found->kind == VIEW_FUNDS && found->before == VIEW_PRESENT && found->before_value == 0)
        return;
    check->counts->unnamed++;
    if (!check->options->whole)
        return;
    fold_key_text(finding.key, found->kind, found->owner, found->item, found->seller);
    finding.amounts = is_number(found->kind) && found->before == VIEW_PRESENT;
    finding.became = found->before_value;
    put_value(holds, sizeof holds, found->kind, found->before, found->before_value);
    findings_say(audit_findings(check->options->audit), &finding, "Redis holds %s, and no event ever named it", holds);
}

static void add_up(struct market_counts *counts, const struct observation *found)
{
    counts->values++;
    if (found->before != VIEW_PRESENT)
        return;
    if (found->kind == VIEW_FUNDS)
        counts->money += found->before_value;
    else if (found->kind == VIEW_STOCK)
        counts->stock += found->before_value;
    else
        counts->items++;
}

/* Redis has it, and that is all. */
static int mark_unsaid(struct fold *fold, const struct observation *found)
{
    struct observation marked = *found;

    marked.after = VIEW_MISSING;
    return fold_put(fold, &marked, RANGE_CHECKED, 0);
}

/* A key of the wrong type stands for all its members at once, which are then missing one by one as well. */
static int check_value(struct check *check, const struct snapshot_cell *cell)
{
    const struct market_options *options = check->options;
    struct observation found = observation_of(cell), marked;
    struct fold_value held;
    int r = chain_compare(audit_chain(options->audit), &found, &held);

    add_up(check->counts, &found);
    if (r == -ENOENT) {
        say_unnamed(check, &found);
        return 0;
    }
    if (r < 0)
        return r;
    if (r == CHAIN_UNSAID)
        return mark_unsaid(options->fold, &found);
    if (r == CHAIN_DIFFERS)
        say_differs(check, &found, &held);
    else
        check->counts->equal++;
    marked = found;
    marked.after = held.state == VIEW_PRESENT ? VIEW_PRESENT : VIEW_MISSING;
    marked.after_value = held.value;
    return fold_put(options->fold, &marked, RANGE_CHECKED, 0);
}

static int check_values(struct check *check, struct error_text *error)
{
    const struct market_options *options = check->options;
    struct snapshot_value value;
    struct snapshot_cell cell;
    size_t of;
    int r = snapshot_rewind(options->snapshot);

    while (!r && (r = snapshot_next(options->snapshot, &of, &value, error)) == 1) {
        r = 0;
        if (of == options->market && snapshot_cell_of(&value, &cell))
            r = check_value(check, &cell);
    }
    return r;
}

static int check_left(void *context, const struct fold_key *key, const struct fold_value *value)
{
    struct check *check = context;
    struct observation found = {.kind = key->kind, .owner = &key->owner, .item = &key->item, .seller = &key->seller, .before = VIEW_MISSING, .after = VIEW_MISSING};
    struct fold_value held;
    int r;

    if (value->range == RANGE_CHECKED || value->state != VIEW_PRESENT || (key->kind == VIEW_FUNDS && value->value == 0))
        return 0;
    r = chain_compare(audit_chain(check->options->audit), &found, &held);
    if (r == CHAIN_DIFFERS)
        say_differs(check, &found, &held);
    return r < 0 && r != -ENOENT ? r : 0;
}

int market_check(const struct market_options *options, struct market_counts *counts, struct error_text *error)
{
    struct check check = {.options = options, .counts = counts};
    int r;

    *counts = (struct market_counts){0};
    error_set(error, 0, "the values of the log cannot be read");
    r = market_check_marks(options, error);
    if (!r)
        r = check_values(&check, error);
    return r ? r : fold_each(options->fold, check_left, &check);
}

static int begin_value(struct audit *audit, struct fold *fold, const struct snapshot_value *value)
{
    struct snapshot_cell cell;
    struct observation of;

    if (!snapshot_cell_of(value, &cell) || cell.state != VIEW_PRESENT)
        return 0;
    of = observation_of(&cell);
    chain_begin(audit_chain(audit), &of);
    return fold_put(fold, &of, -1, 0);
}

int market_begin(struct audit *audit, struct fold *fold, struct snapshot *snapshot, size_t market, const struct survey *survey, struct error_text *error)
{
    struct snapshot_value value;
    size_t of;
    int r = snapshot_rewind(snapshot);

    while (!r && (r = snapshot_next(snapshot, &of, &value, error)) == 1) {
        r = of == market ? begin_value(audit, fold, &value) : 0;
        if (!r && of == market && value.type == SNAPSHOT_LIST)
            r = market_begin_seen(audit, survey, &value);
    }
    for (size_t i = 0; !r && i < survey->ranges_count; i++)
        if (survey->partitions[i].mark)
            audit_time_before(audit, i, survey->partitions[i].mark->mark.time);
    return r;
}
