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
         {"holds:17/ItemM", "list 17 ItemM 9007199254740991", "applied", "-holds:17/ItemM lists:ItemM.17=9007199254740991"});
}

static void unlists(struct checks *c)
{
    ROWS({"lists:a.s=3", "unlist s a", "applied", "-lists:a.s holds:s/a"}, {"", "unlist s a", "not_listed", ""},
         {"holds:s/a", "unlist s a", "not_listed", ""}, {"lists:a.s=3 holds:s/a", "unlist s a", "already_held", ""},
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
         {"funds:b=? ", "purchase b s a 97", "state_invalid", ""});
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
         {"stock:lamp=?", "restock lamp 1", "state_invalid", ""});
}

static void deposits_and_grants(struct checks *c)
{
    ROWS({"", "deposit u 5", "applied", "funds:u=5"}, {"funds:u=-9", "deposit u 5", "applied", "funds:u=-4"},
         {"funds:u=9223372036854775807", "deposit u 1", "limit_exceeded", ""}, {"funds:u=?", "deposit u 1", "state_invalid", ""},
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
         {"stock:lamp=1", "reserve b lamp 1; reserve d lamp 1", "applied out_of_stock", "stock:lamp=0"});
}

TESTS({"list", lists}, {"unlist", unlists}, {"purchase", purchases}, {"a seller may buy from himself", a_seller_may_buy_from_himself},
      {"reserve and restock", reserves_and_restocks}, {"deposit and grant", deposits_and_grants},
      {"a turn sees its own writes", a_turn_sees_its_own_writes})
