/* The market as one turn sees it: wanting, loading, deciding, and what is left to write. */
#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rules/view.h"

static struct name name_of(const char *text)
{
    struct name name = {.size = (uint8_t)strlen(text)};

    memcpy(name.text, text, strlen(text));
    return name;
}

static const struct name buyer = {1, "b"}, item = {1, "i"}, seller = {1, "s"}, sku = {1, "k"};

static void load_all(struct view *view, enum view_state state, int64_t value)
{
    for (size_t k = 0; k < view_keys_count(view); k++)
        for (const struct view_cell *cell = view_key_at(view, k)->cells; cell; cell = cell->next)
            view_load(view, cell, state, value);
}

static struct view *view_made(size_t keys, size_t cells)
{
    struct view *view = NULL;

    ASSERT(view_new(&view, keys, cells) == 0);
    return view;
}

static void wanting_twice_is_wanting_once(struct checks *c)
{
    struct view *view = view_made(8, 16);
    struct name other = name_of("other");

    for (int i = 0; i < 3; i++) {
        view_want_funds(view, &buyer);
        view_want_holding(view, &buyer, &item);
        view_want_holding(view, &buyer, &other);
        view_want_listing(view, &item, &seller);
        view_want_stock(view, &sku);
    }
    CHECK_INT(c, view_keys_count(view), 4);
    CHECK_INT(c, view_key_at(view, 0)->kind, VIEW_FUNDS);
    CHECK_INT(c, view_key_at(view, 1)->kind, VIEW_INVENTORY);
    CHECK_INT(c, view_key_at(view, 1)->cells_count, 2);
    CHECK_INT(c, view_key_at(view, 2)->kind, VIEW_MARKET);
    CHECK_INT(c, view_key_at(view, 2)->owner.size, 0);
    CHECK_INT(c, view_key_at(view, 3)->kind, VIEW_STOCK);
    view_free(view);
}

/* users:x, stock:x and inventory:x are three keys, and a.b of c is not a of b.c. */
static void names_of_different_kinds_do_not_meet(struct checks *c)
{
    struct view *view = view_made(8, 16);
    struct name ab = name_of("ab"), a = name_of("a"), bc = name_of("bc"), cc = name_of("c");

    view_want_funds(view, &a);
    view_want_stock(view, &a);
    view_want_holding(view, &a, &a);
    view_want_listing(view, &ab, &cc);
    view_want_listing(view, &a, &bc);
    CHECK_INT(c, view_keys_count(view), 4);
    CHECK_INT(c, view_key_at(view, 3)->cells_count, 2);
    view_free(view);
}

static void a_write_is_seen_and_undone_writes_are_no_change(struct checks *c)
{
    struct view *view = view_made(8, 16);
    int64_t value = 0;

    view_want_funds(view, &buyer);
    load_all(view, VIEW_PRESENT, 10);
    CHECK(c, !view_cell_changed(view_key_at(view, 0)->cells));
    view_put_funds(view, &buyer, 15);
    CHECK(c, view_funds(view, &buyer, &value) == VIEW_PRESENT && value == 15 && view_cell_changed(view_key_at(view, 0)->cells));
    view_put_funds(view, &buyer, 10);
    CHECK(c, !view_cell_changed(view_key_at(view, 0)->cells));
    view_free(view);
}

static void what_comes_to_exist_or_goes_is_a_change(struct checks *c)
{
    struct view *view = view_made(8, 16);
    int64_t value = 0;

    view_want_stock(view, &sku);
    view_want_listing(view, &item, &seller);
    load_all(view, VIEW_MISSING, 0);
    view_put_stock(view, &sku, 0);      /* a stock of 0 exists, a missing one does not */
    CHECK(c, view_cell_changed(view_key_at(view, 0)->cells));
    view_put_listing(view, &item, &seller, 5);
    CHECK(c, view_listing(view, &item, &seller, &value) == VIEW_PRESENT && value == 5);
    CHECK(c, view_cell_changed(view_key_at(view, 1)->cells));
    view_remove_listing(view, &item, &seller);
    CHECK(c, view_listing(view, &item, &seller, &value) == VIEW_MISSING && !view_cell_changed(view_key_at(view, 1)->cells));
    view_free(view);
}

static void a_relisted_item_at_another_price_is_a_change(struct checks *c)
{
    struct view *view = view_made(8, 16);

    view_want_listing(view, &item, &seller);
    load_all(view, VIEW_PRESENT, 5);
    view_remove_listing(view, &item, &seller);
    view_put_listing(view, &item, &seller, 6);
    CHECK(c, view_cell_changed(view_key_at(view, 0)->cells));
    view_remove_listing(view, &item, &seller);
    view_put_listing(view, &item, &seller, 5);
    CHECK(c, !view_cell_changed(view_key_at(view, 0)->cells));
    view_free(view);
}

static void room_ends_before_the_next_event_might_not_fit(struct checks *c)
{
    struct view *keys = view_made(VIEW_KEYS_PER_EVENT_MAX + 1, 100), *cells = view_made(100, VIEW_KEYS_PER_EVENT_MAX + 1);
    struct name other = name_of("other");

    CHECK(c, view_has_room(keys) && view_has_room(cells));
    view_want_funds(keys, &buyer);
    view_want_holding(cells, &buyer, &item);
    CHECK(c, view_has_room(keys) && view_has_room(cells));
    view_want_funds(keys, &other);
    view_want_holding(cells, &buyer, &other);
    CHECK(c, !view_has_room(keys) && !view_has_room(cells));
    view_reset(keys);
    CHECK(c, view_has_room(keys));
    view_free(keys);
    view_free(cells);
}

/* Full tables, many times over: whatever a reset forgot would be found again, or asked for in vain. */
static void a_reset_view_remembers_nothing(struct checks *c)
{
    enum { KEYS = 300 };
    struct view *view = view_made(KEYS, KEYS);

    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < KEYS; i++) {
            char text[32];
            struct name name;

            snprintf(text, sizeof text, "%d-%d", round, i);
            name = name_of(text);
            view_want_funds(view, &name);
            view_want_funds(view, &name);
        }
        CHECK_INT(c, view_keys_count(view), KEYS);
        load_all(view, VIEW_PRESENT, round);
        view_reset(view);
        CHECK_INT(c, view_keys_count(view), 0);
    }
    view_free(view);
}

static void read_what_was_not_wanted(struct view *view)
{
    int64_t value;

    (void)view_funds(view, &seller, &value);
}

static void write_what_is_invalid(struct view *view)
{
    load_all(view, VIEW_INVALID, 0);
    view_put_funds(view, &buyer, 5);
}

static void take_what_is_not_there(struct view *view)
{
    load_all(view, VIEW_MISSING, 0);
    view_remove_holding(view, &buyer, &item);
}

static bool aborts(void (*misuse)(struct view *))
{
    pid_t child;
    int status = 0;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct view *view = view_made(8, 16);

        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        view_want_funds(view, &buyer);
        view_want_holding(view, &buyer, &item);
        misuse(view);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_rule_that_touches_what_it_did_not_want_ends_the_process(struct checks *c)
{
    CHECK(c, aborts(read_what_was_not_wanted));
    CHECK(c, aborts(write_what_is_invalid));
    CHECK(c, aborts(take_what_is_not_there));
}

TESTS({"wanting twice is wanting once", wanting_twice_is_wanting_once},
      {"names of different kinds do not meet", names_of_different_kinds_do_not_meet},
      {"a write is seen, and undone writes are no change", a_write_is_seen_and_undone_writes_are_no_change},
      {"what comes to exist or goes is a change", what_comes_to_exist_or_goes_is_a_change},
      {"a relisted item at another price is a change", a_relisted_item_at_another_price_is_a_change},
      {"room ends before the next event might not fit", room_ends_before_the_next_event_might_not_fit},
      {"a reset view remembers nothing", a_reset_view_remembers_nothing},
      {"a rule that touches what it did not want ends the process", a_rule_that_touches_what_it_did_not_want_ends_the_process})
