/* The market as one turn sees it: the values read under WATCH, with the writes of the turn's earlier events on top.
 *
 * Three phases. Wanting: every rule names what its event reads or writes, which makes the read set. Loading: whoever read
 * Redis says what was found. Deciding: rules read and put; a rule that touches what it did not want is a bug and asserts.
 * Then the net changes are the write set. Knows no Redis, no clock, no JSON. */
#ifndef ORDERD_RULES_VIEW_H
#define ORDERD_RULES_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rules/name.h"

struct view;

enum { VIEW_KEYS_PER_EVENT_MAX = 4 };   /* what the greediest rule (purchase) names */

/* `keys_max` distinct keys and `cells_max` values; both are allocated here and never grow. Errors: -ENOMEM. */
int view_new(struct view **out, size_t keys_max, size_t cells_max) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct view *view_free(struct view *view);
/* Empty again: nothing wanted, nothing loaded. O(what was wanted), not O(capacity). */
void view_reset(struct view *view);
/* Whether another event's wants fit, whatever they are. */
bool view_has_room(const struct view *view);

/* Wanting. Twice the same is once. */
void view_want_funds(struct view *view, const struct name *user);                                 /* users:USER funds */
void view_want_stock(struct view *view, const struct name *sku);                                  /* stock:SKU */
void view_want_holding(struct view *view, const struct name *user, const struct name *item);      /* inventory:USER has item */
void view_want_listing(struct view *view, const struct name *item, const struct name *seller);    /* market: ITEM.SELLER */

/* What stands under a key now. INVALID: the wrong type, or no integer. */
enum view_state { VIEW_MISSING, VIEW_PRESENT, VIEW_INVALID };

/* Deciding. `value` is set when PRESENT. A missing user is MISSING here: that it counts as 0 is the rules' business. */
enum view_state view_funds(const struct view *view, const struct name *user, int64_t *value);
enum view_state view_stock(const struct view *view, const struct name *sku, int64_t *value);
enum view_state view_listing(const struct view *view, const struct name *item, const struct name *seller, int64_t *price);
enum view_state view_holding(const struct view *view, const struct name *user, const struct name *item);
void view_put_funds(struct view *view, const struct name *user, int64_t value);
void view_put_stock(struct view *view, const struct name *sku, int64_t value);
void view_put_listing(struct view *view, const struct name *item, const struct name *seller, int64_t price);
void view_put_holding(struct view *view, const struct name *user, const struct name *item);
void view_remove_listing(struct view *view, const struct name *item, const struct name *seller);
void view_remove_holding(struct view *view, const struct name *user, const struct name *item);

/* The keys and cells behind it, for those who load it and who write its changes. Keys in the order in which they were first
 * wanted, a key's cells in that order too. */
enum view_key_kind { VIEW_FUNDS, VIEW_STOCK, VIEW_INVENTORY, VIEW_MARKET };

struct view_cell {
    struct name item, seller;      /* inventory: item; market: item and seller */
    enum view_state loaded, state; /* as read, and now */
    int64_t loaded_value, value;   /* funds, stock, price (PRESENT only) */
    const struct view_cell *next;  /* of the same key */
};

struct view_key {
    enum view_key_kind kind;
    struct name owner;             /* user or sku; size 0 for the market */
    const struct view_cell *cells;
    size_t cells_count;
};

size_t view_keys_count(const struct view *view);
const struct view_key *view_key_at(const struct view *view, size_t index);

/* Loading: what was found for a cell of one of the view's keys. A key of the wrong type is INVALID in each cell. */
void view_load(struct view *view, const struct view_cell *cell, enum view_state state, int64_t value);

/* Whether a cell must be written: its value changed, or it came to exist. (A deposit and a purchase that cancel out in one
 * turn still leave a user with funds 0 where none was.) */
bool view_cell_changed(const struct view_cell *cell);

#endif
