/* A value that does not follow raises a doubt, which the next value of the key settles: goes it on from what was seen, another program wrote; goes it
 * on from what should have been seen, the record between was altered. But who writes a key may also take its write back, and nothing tells that from
 * an altered record: where other breaks of the key show that somebody does write it, it is believed to be that; where none does, both are said. Nobody
 * can where both values are of one outbox entry, so of one transaction. */
#include "audit/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/blanks.h"
#include "audit/doubts.h"
#include "base/hash.h"

enum { RANGE_NONE = -3 };          /* stands for who said a value where nobody did */

/* A value that did not follow, and is not judged yet. */
struct broken {
    uint64_t key;
    struct chain_place place;
    struct fold_value wanted;      /* what the key holds behind it, if nobody else wrote */
    enum chain_kind account;
    chain_sum jump;                /* how much came by itself */
    int64_t was, says;             /* the number or price that was left there, and that this one says */
    bool undone;                   /* the next value goes on as if it had not been */
    bool alone;                    /* and no other program can have come between the two */
    bool returned;                 /* `back` is filled */
    struct finding finding, back;  /* as a foreign write, and the one that took it back */
};

struct chain {
    struct chain_options options;
    struct chain_account accounts[CHAIN_KINDS];
    struct doubts doubts;
    struct blanks blanks;
    struct broken *broken;
    size_t broken_count;
    uint64_t *written;             /* the keys of all breaks that show somebody writing, sorted; NULL: not known yet */
    size_t written_count;
    int64_t values, followed;
    struct observation seen[OBSERVATIONS_MAX];
};

int chain_new(struct chain **out, const struct chain_options *options)
{
    struct chain *chain = calloc(1, sizeof *chain);

    if (!chain)
        return -ENOMEM;
    chain->options = *options;
    chain->broken = calloc(options->kept, sizeof *chain->broken);
    if (!chain->broken || doubts_init(&chain->doubts)) {
        chain_free(chain);
        return -ENOMEM;
    }
    *out = chain;
    return 0;
}

struct chain *chain_free(struct chain *chain)
{
    if (chain) {
        doubts_deinit(&chain->doubts);
        blanks_deinit(&chain->blanks);
        free(chain->broken);
        free(chain->written);
        free(chain);
    }
    return NULL;
}

static char *put_name(char *out, const struct name *name)
{
    uint8_t size = name ? name->size : 0;

    *out++ = (char)size;
    if (size)
        memcpy(out, name->text, size);
    return out + size;
}

/* Never 0. */
static uint64_t key_of(const struct observation *of)
{
    static const struct hash_key unkeyed = {0, 0};
    char text[1 + 3 * (1 + NAME_MAX_SIZE)], *end = text;

    *end++ = (char)of->kind;
    end = put_name(end, of->owner);
    end = put_name(end, of->item);
    end = put_name(end, of->seller);
    return hash64(unkeyed, (struct bytes){text, (size_t)(end - text)}) | 1;
}

static struct blank_point point_of(const struct chain_place *place)
{
    return (struct blank_point){place->era, place->id, place->place};
}

static enum chain_kind account_of(enum view_key_kind kind)
{
    return kind == VIEW_FUNDS ? CHAIN_MONEY : kind == VIEW_STOCK ? CHAIN_STOCK : CHAIN_ITEMS;
}

/* What a value adds to its account: a number itself, a member one item. */
static int64_t weight(enum view_key_kind kind, enum view_state state, int64_t value)
{
    if (state != VIEW_PRESENT)
        return 0;
    return kind == VIEW_FUNDS || kind == VIEW_STOCK ? value : 1;
}

static int64_t number_of(enum view_state state, int64_t value)
{
    return state == VIEW_PRESENT ? value : 0;
}

/* How much came or went between two decisions. */
static chain_sum jump_of(const struct observation *seen, const struct fold_value *held)
{
    return (chain_sum)weight(seen->kind, seen->before, seen->before_value) - weight(seen->kind, held->state, held->value);
}

static bool is_number(enum view_key_kind kind)
{
    return kind == VIEW_FUNDS || kind == VIEW_STOCK;
}

static void put_value(char *out, size_t size, enum view_key_kind kind, enum view_state state, int64_t value)
{
    if (state == VIEW_MISSING)
        snprintf(out, size, "%s", kind == VIEW_FUNDS ? "0" : "nothing");
    else if (kind == VIEW_INVENTORY)
        snprintf(out, size, "the item");
    else
        snprintf(out, size, "%lld", (long long)value);
}

static struct finding finding_at(const struct chain_place *place, const struct observation *of)
{
    struct finding finding = {.range = (int64_t)place->range, .offset = place->offset, .topic = FINDING_OUTCOMES, .partition = place->partition, .at = place->at};

    if (place->at < 0)
        finding.topic = FINDING_NOWHERE;
    fold_key_text(finding.key, of->kind, of->owner, of->item, of->seller);
    return finding;
}

/* What the key holds after a decision that saw what it should have seen. False where that is what it really left, so nothing can be told apart. */
static bool wanted_after(const struct fold_value *held, const struct observation *seen, struct fold_value *wanted)
{
    int64_t before = held->state == VIEW_PRESENT ? held->value : 0;

    *wanted = *held;
    if (is_number(seen->kind) && seen->changed)
        return !__builtin_add_overflow(before, seen->after_value - (seen->before == VIEW_PRESENT ? seen->before_value : 0), &wanted->value) &&
               (wanted->state = VIEW_PRESENT, wanted->value != seen->after_value);
    if (is_number(seen->kind))
        return true;
    return !seen->changed && seen->kind == VIEW_MARKET && held->state == VIEW_PRESENT && seen->before == VIEW_PRESENT;
}

static void say_foreign(struct chain *chain, struct finding *finding, const struct chain_place *place, const struct observation *seen,
                        const struct fold_value *held)
{
    char was[32], found[32], by[300] = "at the start";

    *finding = finding_at(place, seen);
    finding->kind = held->range == RANGE_NONE ? FINDING_FOREIGN_FIRST : FINDING_FOREIGN_WRITE;
    finding->amounts = is_number(seen->kind);
    finding->was = weight(seen->kind, held->state, held->value);
    finding->became = weight(seen->kind, seen->before, seen->before_value);
    put_value(was, sizeof was, seen->kind, held->state, held->value);
    put_value(found, sizeof found, seen->kind, seen->before, seen->before_value);
    if (held->range == RANGE_NONE) {
        snprintf(finding->text, sizeof finding->text, "%s was found there, and no decision before it names the key", found);
        return;
    }
    if (held->range >= 0)
        snprintf(by, sizeof by, "by %s:%lld", chain->options.ranges[held->range].at, (long long)held->offset);
    snprintf(finding->text, sizeof finding->text, "%s was left there %s, and %s was found", was, by, found);
}

static chain_sum add_foreign(struct chain *chain, const struct observation *seen, const struct fold_value *held)
{
    struct chain_account *account = &chain->accounts[account_of(seen->kind)];
    chain_sum jump = jump_of(seen, held);

    account->foreign += jump;
    account->foreign_writes++;
    return jump;
}

/* Judged at once where there is no room to wait. */
static void take_break(struct chain *chain, const struct chain_place *place, const struct observation *seen, const struct fold_value *held, uint64_t key)
{
    struct broken one, *broken = chain->broken_count < chain->options.kept ? &chain->broken[chain->broken_count] : &one;

    *broken = (struct broken){.key = key, .place = *place, .account = account_of(seen->kind), .was = number_of(held->state, held->value),
                              .says = number_of(seen->before, seen->before_value)};
    broken->jump = add_foreign(chain, seen, held);
    say_foreign(chain, &broken->finding, place, seen, held);
    if (broken == &one) {
        findings_add(chain->options.findings, &broken->finding);
        return;
    }
    if (wanted_after(held, seen, &broken->wanted))
        (void)!doubts_put(&chain->doubts, key, chain->broken_count);
    chain->broken_count++;
}

/* Whether the value goes on as if the break had not been. Which of the two it was is judged at the end; until then it counts as two foreign writes,
 * there and back. `place` is NULL for what Redis holds. */
static bool undo(struct chain *chain, struct broken *broken, const struct chain_place *place, const struct observation *seen, const struct fold_value *held)
{
    if (fold_follows(held, seen) || !fold_follows(&broken->wanted, seen))
        return false;
    broken->undone = true;
    (void)add_foreign(chain, seen, held);
    if (!place)
        return true;
    broken->alone = place->era == broken->place.era && stream_id_compare(place->id, broken->place.id) == 0;
    broken->returned = true;
    say_foreign(chain, &broken->back, place, seen, held);
    return true;
}

/* Whether what the decision saw is accounted for: it follows, or nothing can be said of it. */
static bool is_settled(struct chain *chain, const struct chain_place *place, const struct observation *seen, const struct fold_value *held, uint64_t key)
{
    struct doubt *doubt = chain->doubts.count ? doubts_find(&chain->doubts, key) : NULL;
    struct chain_account *account = &chain->accounts[account_of(seen->kind)];
    size_t of;

    if (!doubt) {
        chain->followed++;
        return fold_follows(held, seen);
    }
    of = doubt->of;
    doubts_remove(&chain->doubts, doubt);
    if (of == DOUBT_UNKNOWN) {
        account->unknown += jump_of(seen, held);
        return true;
    }
    chain->followed++;
    return undo(chain, &chain->broken[of], place, seen, held) || fold_follows(held, seen);
}

void chain_begin(struct chain *chain, const struct observation *of)
{
    chain->accounts[account_of(of->kind)].first += weight(of->kind, of->before, of->before_value);
}

/* No decision has named the key so far. Where the log should hold all of them, nothing is what is there. */
static bool take_first(struct chain *chain, const struct observation *seen, struct fold_value *held)
{
    struct doubt *doubt = chain->doubts.count ? doubts_find(&chain->doubts, key_of(seen)) : NULL;
    int64_t found = weight(seen->kind, seen->before, seen->before_value);

    *held = (struct fold_value){.state = VIEW_MISSING, .range = RANGE_NONE, .offset = -1};
    if (doubt) {
        doubts_remove(&chain->doubts, doubt);
        chain->accounts[account_of(seen->kind)].unknown += found;
        return false;
    }
    if (chain->options.whole)
        return !fold_follows(held, seen);
    chain->accounts[account_of(seen->kind)].first += found;
    return false;
}

static int take_value(struct chain *chain, const struct chain_place *place, const struct observation *seen)
{
    struct chain_account *account = &chain->accounts[account_of(seen->kind)];
    struct fold_value held;
    uint64_t key = 0;
    bool breaks;
    int r = fold_get(chain->options.fold, seen, &held);

    if (r && r != -ENOENT)
        return r;
    chain->values++;
    if (r == -ENOENT) {
        breaks = take_first(chain, seen, &held);
    } else if (chain->doubts.count) {
        key = key_of(seen);
        breaks = !is_settled(chain, place, seen, &held, key);
    } else {
        chain->followed++;
        breaks = !fold_follows(&held, seen);
    }
    if (breaks)
        take_break(chain, place, seen, &held, key ? key : key_of(seen));
    account->decided += (chain_sum)weight(seen->kind, seen->after, seen->after_value) - weight(seen->kind, seen->before, seen->before_value);
    return fold_put(chain->options.fold, seen, (int32_t)place->range, place->offset);
}

int chain_take(struct chain *chain, const struct chain_place *place, const struct decision *decision, struct error_text *error)
{
    int count = observe(decision, chain->seen, error), r = 0;

    if (count < 0)
        return count;
    for (int i = 0; !r && i < count; i++)
        r = take_value(chain, place, &chain->seen[i]);
    return r;
}

static void doubt_key(struct chain *chain, const struct observation *of, size_t range, const struct blank_point *after)
{
    uint64_t key = key_of(of);

    (void)!doubts_put(&chain->doubts, key, DOUBT_UNKNOWN);
    if (after)
        blanks_add(&chain->blanks, key, range, *after);
}

/* The keys that an event of its kind may change. */
static void doubt_keys(struct chain *chain, const struct event *e, size_t range, const struct blank_point *after)
{
    struct observation listing = {.kind = VIEW_MARKET, .item = &e->item, .seller = &e->seller};
    struct observation holding = {.kind = VIEW_INVENTORY, .owner = &e->seller, .item = &e->item};
    struct observation funds = {.kind = VIEW_FUNDS, .owner = &e->user}, stock = {.kind = VIEW_STOCK, .owner = &e->sku};

    switch (e->kind) {
    case EVENT_PURCHASE:
        holding.owner = &e->buyer;
        funds.owner = &e->buyer;
        doubt_key(chain, &funds, range, after);
        funds.owner = &e->seller;
        doubt_key(chain, &funds, range, after);
        doubt_key(chain, &listing, range, after);
        doubt_key(chain, &holding, range, after);
        break;
    case EVENT_LIST:
    case EVENT_UNLIST:
        doubt_key(chain, &listing, range, after);
        doubt_key(chain, &holding, range, after);
        break;
    case EVENT_RESERVE:
    case EVENT_RESTOCK:
        doubt_key(chain, &stock, range, after);
        break;
    case EVENT_DEPOSIT:
        doubt_key(chain, &funds, range, after);
        break;
    case EVENT_GRANT:
        holding.owner = &e->user;
        doubt_key(chain, &holding, range, after);
        break;
    case EVENT_KIND_COUNT:
        break;
    }
}

void chain_doubt(struct chain *chain, const struct event *event)
{
    doubt_keys(chain, event, 0, NULL);
}

void chain_miss(struct chain *chain, const struct chain_place *after, size_t range, const struct event *event)
{
    const struct blank_point from = after ? point_of(after) : (struct blank_point){0};

    doubt_keys(chain, event, range, &from);
}

void chain_reached(struct chain *chain, const struct chain_place *place)
{
    if (chain->blanks.open)
        blanks_close(&chain->blanks, place->range, point_of(place));
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return *a < *b ? -1 : *a > *b;
}

static bool is_explained(struct chain *chain, const struct broken *broken)
{
    return blanks_explain(&chain->blanks, broken->key, point_of(&broken->place));
}

/* What was there at the start need not have been written since. */
static bool shows_a_writer(struct chain *chain, const struct broken *broken)
{
    return !broken->undone && broken->finding.kind == FINDING_FOREIGN_WRITE && !is_explained(chain, broken);
}

/* Without memory for it, nobody is known to write. */
static void note_written(struct chain *chain)
{
    free(chain->written);
    chain->written_count = 0;
    chain->written = calloc(chain->broken_count + 1, sizeof *chain->written);
    for (size_t i = 0; chain->written && i < chain->broken_count; i++)
        if (shows_a_writer(chain, &chain->broken[i]))
            chain->written[chain->written_count++] = chain->broken[i].key;
    if (chain->written_count)
        qsort(chain->written, chain->written_count, sizeof *chain->written, compare_keys);
}

/* How many breaks of the key do. */
static size_t times_written(const struct chain *chain, uint64_t key)
{
    size_t low = 0, high = chain->written_count, times = 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (chain->written[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + times < chain->written_count && chain->written[low + times] == key)
        times++;
    return times;
}

/* Whether Redis holds what it would if the key's last break had not been, and no other break shows somebody who writes the key. */
static bool is_undone(struct chain *chain, struct broken *broken, const struct observation *found, const struct fold_value *held)
{
    if (!chain->written)
        note_written(chain);
    return times_written(chain, broken->key) <= (size_t)shows_a_writer(chain, broken) && undo(chain, broken, NULL, found, held);
}

int chain_compare(struct chain *chain, const struct observation *found, struct fold_value *held)
{
    int r = fold_get(chain->options.fold, found, held);
    struct doubt *doubt = chain->doubts.count ? doubts_find(&chain->doubts, key_of(found)) : NULL;
    size_t of = doubt ? doubt->of : 0;

    if (r && r != -ENOENT)
        return r;
    if (doubt)
        doubts_remove(&chain->doubts, doubt);
    if (doubt && of == DOUBT_UNKNOWN)
        return CHAIN_UNSAID;
    if (r)
        return r;
    if (doubt && is_undone(chain, &chain->broken[of], found, held))
        return CHAIN_EQUAL;
    return fold_follows(held, found) ? CHAIN_EQUAL : CHAIN_DIFFERS;
}

/* Nobody is seen to write there. Whoever did, and took it back before anybody looked, left the same behind as who alters a record. */
static void say_altered(struct chain *chain, const struct broken *broken)
{
    struct finding finding = broken->finding;

    chain->accounts[broken->account].foreign_writes -= 2;
    finding.kind = FINDING_FACTS_BREAK;
    findings_say(chain->options.findings, &finding, "of %s it says %lld, where %lld was left before it, and what comes after goes on from that: %s", finding.key,
                 (long long)broken->says, (long long)broken->was,
                 broken->alone ? "the record was altered" : "the record was altered, or another program wrote there and took it back before anybody looked");
}

static void judge(struct chain *chain, const struct broken *broken)
{
    struct chain_account *account = &chain->accounts[broken->account];

    if (broken->undone && (broken->alone || !times_written(chain, broken->key))) {
        say_altered(chain, broken);
    } else if (!broken->undone && is_explained(chain, broken)) {
        account->foreign -= broken->jump;
        account->unknown += broken->jump;
        account->foreign_writes--;
    } else {
        findings_add(chain->options.findings, &broken->finding);
        if (broken->returned)
            findings_add(chain->options.findings, &broken->back);
    }
}

void chain_finish(struct chain *chain)
{
    note_written(chain);
    for (size_t i = 0; i < chain->broken_count; i++)
        judge(chain, &chain->broken[i]);
    chain->broken_count = 0;
}

const struct chain_account *chain_account(const struct chain *chain, enum chain_kind kind)
{
    return &chain->accounts[kind];
}

int64_t chain_values(const struct chain *chain)
{
    return chain->values;
}

int64_t chain_followed(const struct chain *chain)
{
    return chain->followed;
}
