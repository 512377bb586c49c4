/* Histograms and the table of hot keys. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn/hot.h"
#include "turn/meters.h"

static struct name name_of(const char *text)
{
    struct name name = {.size = (uint8_t)strlen(text)};

    memcpy(name.text, text, name.size);
    return name;
}

static struct view *fresh_view(void)
{
    struct view *view;

    ASSERT(view_new(&view, 64, 256) == 0);
    return view;
}

/* A turn that reads one user's funds as `before` and leaves them as `after`. */
static void funds(struct view *view, const char *user, int64_t before, int64_t after)
{
    struct name name = name_of(user);

    view_reset(view);
    view_want_funds(view, &name);
    view_load(view, view_key_at(view, 0)->cells, VIEW_PRESENT, before);
    if (after != before)
        view_put_funds(view, &name, after);
}

/* The same of one listing. */
static void listing(struct view *view, const char *item, int64_t price)
{
    struct name name = name_of(item), seller = name_of("17");

    view_reset(view);
    view_want_listing(view, &name, &seller);
    view_load(view, view_key_at(view, 0)->cells, VIEW_PRESENT, price);
}

static void a_value_falls_into_the_first_bucket_that_holds_it(struct checks *c)
{
    struct meters meters;

    meters_init(&meters);
    histogram_add(&meters.turn_events, 1, 1);
    histogram_add(&meters.turn_events, 2, 1);
    histogram_add(&meters.turn_events, 3, 2);
    histogram_add(&meters.turn_events, 5000, 1);
    CHECK_INT(c, (int64_t)meters.turn_events.buckets[0], 1);
    CHECK_INT(c, (int64_t)meters.turn_events.buckets[1], 1);
    CHECK_INT(c, (int64_t)meters.turn_events.buckets[2], 2);
    CHECK_INT(c, (int64_t)meters.turn_events.buckets[meters.turn_events.bounds_count], 1);
    CHECK_INT(c, (int64_t)meters.turn_events.count, 5);
    CHECK_INT(c, meters.turn_events.sum, 1 + 2 + 6 + 5000);
}

static void the_key_that_is_written_most_comes_first(struct checks *c)
{
    struct hot_key top[HOT_TOP_MAX];
    struct view *view = fresh_view();
    struct hot *hot;
    char user[32];

    ASSERT(hot_new(&hot, 256) == 0);
    for (int i = 0; i < 3000; i++) {
        funds(view, "often", i, i + 1);
        hot_wrote(hot, view, -1, 5);
        snprintf(user, sizeof user, "once-%d", i);
        funds(view, user, 0, 1);
        hot_wrote(hot, view, -1, 5);
    }
    funds(view, "read-only", 7, 7);
    hot_wrote(hot, view, -1, 5);
    CHECK_INT(c, (int64_t)hot_top(hot, false, top, 6), 0);
    CHECK_INT(c, (int64_t)hot_top(hot, false, top, 5 + HOT_WINDOW_MS), HOT_TOP_MAX);
    CHECK(c, top[0].owner.size == 5 && memcmp(top[0].owner.text, "often", 5) == 0);
    CHECK_INT(c, (int64_t)(top[0].writes + 0.5), 300);
    CHECK_INT(c, (int64_t)hot_top(hot, false, top, 5 + 2 * HOT_WINDOW_MS), 0);
    hot_free(hot);
    view_free(view);
}

static void a_conflict_is_blamed_on_the_key_whose_value_changed(struct checks *c)
{
    struct hot_key top[HOT_TOP_MAX];
    struct view *view = fresh_view();
    struct hot *hot;

    ASSERT(hot_new(&hot, 256) == 0);
    funds(view, "27", 100, 50);
    hot_conflicted(hot, view, -1);
    funds(view, "27", 90, 40);
    hot_loaded(hot, view, -1, 1);
    hot_loaded(hot, view, -1, 1);      /* forgotten after the first */
    CHECK_INT(c, (int64_t)hot_top(hot, true, top, 1 + HOT_WINDOW_MS), 1);
    CHECK(c, top[0].kind == VIEW_FUNDS && memcmp(top[0].owner.text, "27", 2) == 0);
    CHECK_INT(c, (int64_t)(top[0].conflicts * (double)HOT_WINDOW_MS / 1000 + 0.5), 1);
    hot_free(hot);
    view_free(view);
}

static void a_conflict_without_a_changed_value_is_the_markets(struct checks *c)
{
    struct hot_key top[HOT_TOP_MAX];
    struct view *view = fresh_view();
    struct hot *hot;

    ASSERT(hot_new(&hot, 256) == 0);
    listing(view, "ItemM", 97);
    hot_conflicted(hot, view, -1);
    listing(view, "ItemM", 97);
    hot_loaded(hot, view, -1, 1);
    CHECK_INT(c, (int64_t)hot_top(hot, true, top, 1 + HOT_WINDOW_MS), 1);
    CHECK(c, top[0].kind == VIEW_MARKET);
    hot_free(hot);
    view_free(view);
}

static void a_turn_of_another_market_clears_nobody(struct checks *c)
{
    struct hot_key top[HOT_TOP_MAX];
    struct view *view = fresh_view();
    struct hot *hot;

    ASSERT(hot_new(&hot, 256) == 0);
    funds(view, "27", 100, 50);
    hot_conflicted(hot, view, 3);
    funds(view, "27", 90, 40);
    hot_loaded(hot, view, 4, 1);
    CHECK_INT(c, (int64_t)hot_top(hot, true, top, 1 + HOT_WINDOW_MS), 0);
    hot_loaded(hot, view, 3, 2 + HOT_WINDOW_MS);
    CHECK_INT(c, (int64_t)hot_top(hot, true, top, 3 + 2 * HOT_WINDOW_MS), 1);
    hot_free(hot);
    view_free(view);
}

TESTS({"a value falls into the first bucket that holds it", a_value_falls_into_the_first_bucket_that_holds_it},
      {"the key that is written most comes first", the_key_that_is_written_most_comes_first},
      {"a conflict is blamed on the key whose value changed", a_conflict_is_blamed_on_the_key_whose_value_changed},
      {"a conflict without a changed value is the market's", a_conflict_without_a_changed_value_is_the_markets},
      {"a turn of another market clears nobody", a_turn_of_another_market_clears_nobody})
