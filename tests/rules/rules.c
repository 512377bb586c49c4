/* The rules as a table: the market before | the event | what is decided | the market after.
 *
 * Market: "funds:27=125 holds:17/ItemM lists:ItemM.17=97 stock:lamp=3", "?" instead of a value: the key holds the wrong type.
 * What an event wants and is not named there is missing. Several events are one turn. */
#include "check.h"

#include <stdlib.h>

#include "base/number.h"
#include "rules/rules.h"

enum { MARKET_SIZE = 1024 };

static struct name name_of(const char *text, size_t size)
{
    struct name name = {.size = (uint8_t)size};

    memcpy(name.text, text, size);
    return name;
}

/* The value of "KIND:OWNER=" in the market text; false when it is not there. */
static bool market_find(const char *market, const char *key, const char **value)
{
    size_t size = strlen(key);

    for (const char *at = market; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strncmp(at, key, size) == 0 && (at[size] == '=' || at[size] == ' ' || at[size] == '\0')) {
            *value = at[size] == '=' ? at + size + 1 : "1";
            return true;
        }
    return false;
}

static void cell_key(char *out, const struct view_key *key, const struct view_cell *cell)
{
    static const char *const kinds[] = {"funds", "stock", "holds", "lists"};
    int n = sprintf(out, "%s:%.*s", kinds[key->kind], key->owner.size, key->owner.text);

    if (key->kind == VIEW_INVENTORY)
        sprintf(out + n, "/%.*s", cell->item.size, cell->item.text);
    if (key->kind == VIEW_MARKET)
        sprintf(out + n, "%.*s.%.*s", cell->item.size, cell->item.text, cell->seller.size, cell->seller.text);
}

static void load(struct view *view, const char *market)
{
    char text[256];
    const char *value;

    for (size_t k = 0; k < view_keys_count(view); k++)
        for (const struct view_cell *cell = view_key_at(view, k)->cells; cell; cell = cell->next) {
            cell_key(text, view_key_at(view, k), cell);
            if (!market_find(market, text, &value))
                view_load(view, cell, VIEW_MISSING, 0);
            else if (*value == '?')
                view_load(view, cell, VIEW_INVALID, 0);
            else
                view_load(view, cell, VIEW_PRESENT, strtoll(value, NULL, 10));
        }
}

/* What the view would write, in the same words: "funds:27=28", "-holds:17/ItemM". */
static void changes(const struct view *view, char *out)
{
    char text[256];

    *out = '\0';
    for (size_t k = 0; k < view_keys_count(view); k++)
        for (const struct view_cell *cell = view_key_at(view, k)->cells; cell; cell = cell->next) {
            if (!view_cell_changed(cell))
                continue;
            cell_key(text, view_key_at(view, k), cell);
            out += sprintf(out, "%s%s", cell->state == VIEW_MISSING ? "-" : "", text);
            if (cell->state == VIEW_PRESENT && view_key_at(view, k)->kind != VIEW_INVENTORY)
                out += sprintf(out, "=%lld", (long long)cell->value);
            *out++ = ' ';
            *out = '\0';
        }
    if (out[0] == '\0' && out[-1] == ' ')
        out[-1] = '\0';
}

/* "purchase 27 17 ItemM 97": the kind's fields in the order of EVENT_FIELDS. */
static struct event event_of(const char *text)
{
    struct event event = {0};
    char copy[256], *rest = copy, *word;
    struct name *names[] = {&event.buyer, &event.seller, &event.user, &event.item, &event.sku};
    int64_t *numbers[] = {&event.price, &event.quantity, &event.amount};

    strcpy(copy, text);
    word = strsep(&rest, " ");
    if (!rules_kind_parse(bytes_of(word), &event.kind))
        abort();
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++) {
        if (!rules_kind_requires(event.kind, (enum event_field)field))
            continue;
        word = strsep(&rest, " ");
        if (field < 5)
            *names[field] = name_of(word, strlen(word));
        else
            *numbers[field - 5] = strtoll(word, NULL, 10);
    }
    return event;
}

struct row {
    const char *before, *events, *decided, *after;
};

static void run_row(struct checks *c, struct view *view, const struct row *row)
{
    char copy[512], decided[256] = "", after[MARKET_SIZE + 1] = "", *rest = copy, *text;
    struct event events[8];
    size_t count = 0;

    view_reset(view);
    strcpy(copy, row->events);
    while ((text = strsep(&rest, ";"))) {
        events[count] = event_of(text + (*text == ' '));
        rules_want(&events[count++], view);
    }
    load(view, row->before);
    for (size_t i = 0; i < count; i++) {
        struct facts facts = {0};
        enum reason reason = rules_decide(&events[i], view, &facts);

        strcat(decided, i ? " " : "");
        strcat(decided, reason ? reason_name(reason) : "applied");
    }
    changes(view, after + 1);
    CHECK_TEXT(c, decided, row->decided);
    CHECK_TEXT(c, after + 1, row->after);
}

static void run_rows(struct checks *c, const struct row *rows, size_t count)
{
    struct view *view = NULL;

    CHECK_INT(c, view_new(&view, 64, 64), 0);
    for (size_t i = 0; i < count; i++)
        run_row(c, view, &rows[i]);
    view_free(view);
}

#define ROWS(...)                                     \
    static const struct row rows[] = {__VA_ARGS__};   \
    run_rows(c, rows, sizeof rows / sizeof *rows)

static void lists(struct checks *c)
{
    ROWS({"holds:17/ItemM", "list 17 ItemM 97", "applied", "-holds:17/ItemM lists:ItemM.17=97"},
         {"", "list 17 ItemM 97", "not_held", ""},
         {"lists:ItemM.17=5", "list 17 ItemM 97", "not_held", ""},
         {"holds:17/ItemM lists:ItemM.17=5", "list 17 ItemM 97", "already_listed", ""},
         {"holds:17/ItemM=?", "list 17 ItemM 97", "state_invalid", ""},
         {"holds:17/ItemM lists:ItemM.17=?", "list 17 ItemM 97", "state_invalid", ""},
         {"holds:17/ItemM=? lists:ItemM.17=5", "list 17 ItemM 97", "state_invalid", ""},
         {"lists:ItemM.17=?", "list 17 ItemM 97", "state_invalid", ""},
         {"holds:18/ItemM", "list 17 ItemM 97", "not_held", ""},
         {"holds:17/ItemM lists:ItemM.18=5", "list 17 ItemM 97", "applied", "-holds:17/ItemM lists:ItemM.17=97"},
         {"holds:17/ItemM", "list 17 ItemM 1", "applied", "-holds:17/ItemM lists:ItemM.17=1"},
         {"holds:17/ItemM", "list 17 ItemM 9007199254740991", "applied", "-holds:17/ItemM lists:ItemM.17=9007199254740991"});
}

static void unlists(struct checks *c)
{
    ROWS({"lists:a.s=3", "unlist s a", "applied", "-lists:a.s holds:s/a"}, {"", "unlist s a", "not_listed", ""},
         {"holds:s/a", "unlist s a", "not_listed", ""}, {"lists:a.s=3 holds:s/a", "unlist s a", "already_held", ""},
         {"lists:a.t=3", "unlist s a", "not_listed", ""}, {"holds:s/a=?", "unlist s a", "state_invalid", ""},
         {"lists:a.s=?", "unlist s a", "state_invalid", ""}, {"lists:a.s=3 holds:s/a=?", "unlist s a", "state_invalid", ""});
}

static void purchases(struct checks *c)
{
    ROWS({"funds:27=125 funds:17=43 lists:ItemM.17=97", "purchase 27 17 ItemM 97", "applied",
          "-lists:ItemM.17 funds:27=28 funds:17=140 holds:27/ItemM"},
         {"funds:b=97 lists:a.s=97", "purchase b s a 97", "applied", "-lists:a.s funds:b=0 funds:s=97 holds:b/a"},
         {"funds:b=96 lists:a.s=97", "purchase b s a 97", "insufficient_funds", ""},
         {"lists:a.s=1", "purchase b s a 1", "insufficient_funds", ""},
         {"funds:b=100", "purchase b s a 97", "not_listed", ""},
         {"funds:b=100 lists:a.s=98", "purchase b s a 97", "price_changed", ""},
         {"funds:b=100 lists:a.s=97 holds:b/a", "purchase b s a 97", "already_held", ""},
         {"funds:b=1 lists:a.s=97 holds:b/a", "purchase b s a 97", "insufficient_funds", ""},
         {"funds:b=97 funds:s=9223372036854775710 lists:a.s=97", "purchase b s a 97", "applied",
          "-lists:a.s funds:b=0 funds:s=9223372036854775807 holds:b/a"},
         {"funds:b=97 funds:s=9223372036854775711 lists:a.s=97", "purchase b s a 97", "limit_exceeded", ""},
         {"funds:b=? lists:a.s=97", "purchase b s a 97", "state_invalid", ""},
         {"funds:b=97 funds:s=? lists:a.s=97", "purchase b s a 97", "state_invalid", ""},
         {"funds:b=97 lists:a.s=? ", "purchase b s a 97", "state_invalid", ""},
         {"funds:b=97 lists:a.s=97 holds:b/a=?", "purchase b s a 97", "state_invalid", ""},
         {"funds:b=?", "purchase b s a 97", "state_invalid", ""},
         {"funds:b=100 lists:a.s=96", "purchase b s a 97", "price_changed", ""},
         {"funds:b=98 lists:a.s=97", "purchase b s a 97", "applied", "-lists:a.s funds:b=1 funds:s=97 holds:b/a"},
         {"funds:b=-5 lists:a.s=1", "purchase b s a 1", "insufficient_funds", ""},
         {"funds:b=-9223372036854775808 lists:a.s=1", "purchase b s a 1", "insufficient_funds", ""},
         {"funds:b=1 funds:s=-9223372036854775808 lists:a.s=1", "purchase b s a 1", "applied",
          "-lists:a.s funds:b=0 funds:s=-9223372036854775807 holds:b/a"},
         {"funds:b=9007199254740991 lists:a.s=9007199254740991", "purchase b s a 9007199254740991", "applied",
          "-lists:a.s funds:b=0 funds:s=9007199254740991 holds:b/a"},
         {"funds:b=9007199254740990 lists:a.s=9007199254740991", "purchase b s a 9007199254740991", "insufficient_funds", ""},
         {"funds:b=9223372036854775807 lists:a.s=1", "purchase b s a 1", "applied", "-lists:a.s funds:b=9223372036854775806 funds:s=1 holds:b/a"},
         {"funds:b=100 lists:a.t=97", "purchase b s a 97", "not_listed", ""});
}

/* One after the other, as DESIGN 2.2 has them: each row mends what the row before was refused for. */
static void refusals_have_an_order(struct checks *c)
{
    ROWS({"funds:b=? holds:b/a", "purchase b s a 97", "state_invalid", ""}, {"funds:b=5 holds:b/a", "purchase b s a 97", "not_listed", ""},
         {"funds:b=5 holds:b/a lists:a.s=98", "purchase b s a 97", "price_changed", ""},
         {"funds:b=5 holds:b/a lists:a.s=97", "purchase b s a 97", "insufficient_funds", ""},
         {"funds:b=97 funds:s=9223372036854775807 holds:b/a lists:a.s=97", "purchase b s a 97", "already_held", ""},
         {"funds:b=97 funds:s=9223372036854775807 lists:a.s=97", "purchase b s a 97", "limit_exceeded", ""},
         {"holds:s/a=? lists:a.s=5", "list s a 9", "state_invalid", ""}, {"lists:a.s=5", "list s a 9", "not_held", ""},
         {"holds:s/a lists:a.s=5", "list s a 9", "already_listed", ""}, {"holds:s/a", "unlist s a", "not_listed", ""},
         {"", "reserve b lamp 1", "unknown_sku", ""}, {"stock:lamp=0", "reserve b lamp 1", "out_of_stock", ""});
}

static void a_seller_may_buy_from_himself(struct checks *c)
{
    ROWS({"funds:s=97 lists:a.s=97", "purchase s s a 97", "applied", "-lists:a.s holds:s/a"},
         {"funds:s=96 lists:a.s=97", "purchase s s a 97", "insufficient_funds", ""},
         {"funds:s=9223372036854775807 lists:a.s=97", "purchase s s a 97", "applied", "-lists:a.s holds:s/a"});
}

static void reserves_and_restocks(struct checks *c)
{
    ROWS({"stock:lamp=3", "reserve b lamp 3", "applied", "stock:lamp=0"}, {"stock:lamp=3", "reserve b lamp 4", "out_of_stock", ""},
         {"stock:lamp=0", "reserve b lamp 1", "out_of_stock", ""}, {"", "reserve b lamp 1", "unknown_sku", ""},
         {"stock:lamp=-5", "reserve b lamp 1", "out_of_stock", ""}, {"stock:lamp=?", "reserve b lamp 1", "state_invalid", ""},
         {"", "restock lamp 5", "applied", "stock:lamp=5"}, {"stock:lamp=-5", "restock lamp 5", "applied", "stock:lamp=0"},
         {"stock:lamp=9223372036854775806", "restock lamp 1", "applied", "stock:lamp=9223372036854775807"},
         {"stock:lamp=9223372036854775807", "restock lamp 1", "limit_exceeded", ""},
         {"stock:lamp=9007199254740991", "reserve b lamp 9007199254740991", "applied", "stock:lamp=0"},
         {"stock:lamp=9007199254740990", "reserve b lamp 9007199254740991", "out_of_stock", ""},
         {"stock:lamp=9223372036854775807", "reserve b lamp 1", "applied", "stock:lamp=9223372036854775806"},
         {"stock:lamp=-9223372036854775808", "reserve b lamp 1", "out_of_stock", ""},
         {"stock:lamp=-9223372036854775808", "restock lamp 1", "applied", "stock:lamp=-9223372036854775807"},
         {"stock:lamp=0", "restock lamp 9007199254740991", "applied", "stock:lamp=9007199254740991"},
         {"stock:lamp=?", "restock lamp 1", "state_invalid", ""});
}

static void deposits_and_grants(struct checks *c)
{
    ROWS({"", "deposit u 5", "applied", "funds:u=5"}, {"funds:u=-9", "deposit u 5", "applied", "funds:u=-4"},
         {"funds:u=9223372036854775807", "deposit u 1", "limit_exceeded", ""}, {"funds:u=?", "deposit u 1", "state_invalid", ""},
         {"funds:u=9223372036854775806", "deposit u 1", "applied", "funds:u=9223372036854775807"},
         {"funds:u=-9223372036854775808", "deposit u 9007199254740991", "applied", "funds:u=-9214364837600034817"},
         {"", "deposit u 9007199254740991", "applied", "funds:u=9007199254740991"}, {"holds:v/a", "grant u a", "applied", "holds:u/a"},
         {"", "grant u a", "applied", "holds:u/a"}, {"holds:u/a", "grant u a", "already_held", ""},
         {"holds:u/a=?", "grant u a", "state_invalid", ""});
}

static void a_turn_sees_its_own_writes(struct checks *c)
{
    ROWS({"funds:b=9 funds:d=9 lists:a.s=9", "purchase b s a 9; purchase d s a 9", "applied not_listed",
          "-lists:a.s funds:b=0 funds:s=9 holds:b/a"},
         {"funds:b=9 holds:s/a", "list s a 9; purchase b s a 9", "applied applied", "-holds:s/a funds:b=0 funds:s=9 holds:b/a"},
         {"lists:a.s=5", "deposit b 5; purchase b s a 5", "applied applied", "funds:b=0 -lists:a.s funds:s=5 holds:b/a"},
         {"", "restock lamp 2; reserve b lamp 2; reserve b lamp 1", "applied applied out_of_stock", "stock:lamp=0"},
         {"holds:s/a", "list s a 9; unlist s a", "applied applied", ""},
         {"stock:lamp=1", "reserve b lamp 1; reserve d lamp 1", "applied out_of_stock", "stock:lamp=0"},
         {"", "grant u a; grant u a", "applied already_held", "holds:u/a"},
         {"", "restock lamp 1; reserve b lamp 1", "applied applied", "stock:lamp=0"},
         {"funds:b=9 holds:s/a", "purchase b s a 9; list s a 9", "not_listed applied", "lists:a.s=9 -holds:s/a"},
         {"funds:b=20 lists:a.s=9", "purchase b s a 9; list b a 11; purchase s b a 9", "applied applied price_changed",
          "-lists:a.s lists:a.b=11 funds:b=11 funds:s=9"},
         {"funds:b=9 funds:s=0 lists:a.s=9", "purchase b s a 9; list b a 9; purchase s b a 9", "applied applied applied", "-lists:a.s holds:s/a"},
         {"lists:a.s=9 funds:b=9", "unlist s a; purchase b s a 9", "applied not_listed", "-lists:a.s holds:s/a"},
         {"funds:b=9223372036854775807", "deposit b 1; deposit b 1", "limit_exceeded limit_exceeded", ""},
         {"stock:lamp=?", "restock lamp 1; reserve b lamp 1", "state_invalid state_invalid", ""});
}

static void a_refusal_changes_nothing_for_those_behind_it(struct checks *c)
{
    ROWS({"funds:b=5 funds:d=9 lists:a.s=9", "purchase b s a 9; purchase d s a 9", "insufficient_funds applied",
          "-lists:a.s funds:s=9 funds:d=0 holds:d/a"},
         {"stock:lamp=3", "reserve b lamp 4; reserve b lamp 3", "out_of_stock applied", "stock:lamp=0"});
}

/* What a decision rested on, as the outcome will show it. */
static void facts_text(const struct facts *facts, char *out)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *f = &facts->items[i];

        out += sprintf(out, "%s%s=", i ? " " : "", f->name);
        if (f->type == FACT_KEY)
            out += sprintf(out, "%s", f->key);
        else if (f->type == FACT_NULL)
            out += sprintf(out, "null");
        else if (f->type == FACT_NULL_CHANGE)
            out += sprintf(out, "null>%lld", (long long)f->after);
        else if (f->type == FACT_NUMBER || f->type == FACT_FLAG)
            out += sprintf(out, "%lld", (long long)f->before);
        else
            out += sprintf(out, "%lld>%lld", (long long)f->before, (long long)f->after);
    }
}

static void decisions_say_what_they_rested_on(struct checks *c)
{
    static const struct { const char *before, *event, *facts; } rows[] = {
        {"funds:27=125 funds:17=43 lists:ItemM.17=97", "purchase 27 17 ItemM 97", "price=97 buyer_funds=125>28 seller_funds=43>140"},
        {"funds:b=96 lists:a.s=97", "purchase b s a 97", "price=97 buyer_funds=96"}, {"lists:a.s=98", "purchase b s a 97", "price=98"},
        {"", "purchase b s a 97", "price=null"}, {"funds:b=99 holds:b/a lists:a.s=97", "purchase b s a 97", "price=97 buyer_funds=99 buyer_holds=1"},
        {"funds:b=97 funds:s=9223372036854775807 lists:a.s=97", "purchase b s a 97", "price=97 buyer_funds=97 seller_funds=9223372036854775807"},
        {"funds:b=?", "purchase b s a 97", "invalid=users:b"}, {"funds:s=?", "purchase b s a 97", "invalid=users:s"},
        {"holds:b/a=?", "purchase b s a 97", "invalid=inventory:b"}, {"lists:a.s=?", "purchase b s a 97", "invalid=market:"},
        {"stock:k=7", "reserve b k 2", "stock=7>5"}, {"stock:k=1", "reserve b k 2", "stock=1"}, {"", "reserve b k 2", "stock=null"},
        {"stock:k=?", "reserve b k 2", "invalid=stock:k"}, {"", "restock k 2", "stock=null>2"}, {"stock:k=7", "restock k 2", "stock=7>9"},
        {"funds:u=7", "deposit u 2", "funds=7>9"}, {"funds:u=9223372036854775807", "deposit u 2", "funds=9223372036854775807"}};
    struct view *view = NULL;

    CHECK_INT(c, view_new(&view, 64, 64), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = event_of(rows[i].event);
        struct facts facts = {0};
        char text[512] = "";

        view_reset(view);
        rules_want(&event, view);
        load(view, rows[i].before);
        rules_decide(&event, view, &facts);
        facts_text(&facts, text);
        CHECK_TEXT(c, text, rows[i].facts);
    }
    view_free(view);
}

static void kinds_are_found_by_their_whole_name(struct checks *c)
{
    enum event_kind kind;

    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
        CHECK(c, rules_kind_parse(bytes_of(rules_kind_name((enum event_kind)i)), &kind) && (unsigned)kind == i);
    CHECK(c, !rules_kind_parse(bytes_of("purchas"), &kind) && !rules_kind_parse(bytes_of("purchases"), &kind) &&
          !rules_kind_parse(bytes_of(""), &kind));
    CHECK(c, !rules_kind_parse((struct bytes){NULL, 0}, &kind));
}

TESTS({"list", lists}, {"unlist", unlists}, {"purchase", purchases}, {"refusals have an order", refusals_have_an_order},
      {"a seller may buy from himself", a_seller_may_buy_from_himself}, {"reserve and restock", reserves_and_restocks},
      {"deposit and grant", deposits_and_grants}, {"a turn sees its own writes", a_turn_sees_its_own_writes},
      {"a refusal changes nothing for those behind it", a_refusal_changes_nothing_for_those_behind_it},
      {"decisions say what they rested on", decisions_say_what_they_rested_on},
      {"kinds are found by their whole name", kinds_are_found_by_their_whole_name})
