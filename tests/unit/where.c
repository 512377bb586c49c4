/* Places and times on the command line: what is read, and what is refused because something else would have been meant. */
#include "commands/where.h"

#include "check.h"

static void a_place_is_topic_partition_and_offset(struct checks *c)
{
    struct resolve_place place;

    CHECK(c, where_place("orders:3", false, &place));
    CHECK_TEXT(c, place.topic, "orders");
    CHECK_INT(c, place.partition, 3);
    CHECK(c, where_place("shop.orders-v2:0:9007199254740993", true, &place));
    CHECK_TEXT(c, place.topic, "shop.orders-v2");
    CHECK_INT(c, place.offset, 9007199254740993);
}

static void what_is_no_place_is_refused(struct checks *c)
{
    static const char *const wrong[] = {"", ":", "orders", "orders:", ":3:4", "orders:3", "orders:-1:4", "orders:3:-4", "orders:3:", "orders:3:4x",
                                        "orders:3: 4", "orders:03:4", "orders:2147483648:4", "orders:3:9223372036854775808"};
    struct resolve_place place;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(c, !where_place(wrong[i], true, &place));
    CHECK(c, !where_place("orders", false, &place));
}

static void a_time_is_utc_to_the_second(struct checks *c)
{
    int64_t ms;

    CHECK(c, where_time("1970-01-01T00:00:00Z", &ms));
    CHECK_INT(c, ms, 0);
    CHECK(c, where_time("2026-11-22T05:42:07Z", &ms));
    CHECK_INT(c, ms, 1795326127000);
}

static void days_that_are_none_are_refused(struct checks *c)
{
    static const char *const wrong[] = {"2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T05:42:07",
                                        "2026-11-22T05:42:07+01:00", "2026-11-22 05:42:07Z", "2026-11-22T05:42:07Z ", "2026-11-22"};
    int64_t ms;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(c, !where_time(wrong[i], &ms));
}

static void words_are_taken_in_order(struct checks *c)
{
    struct resolve_froms froms = {.count = 0};

    CHECK(c, where_add("start", &froms) && where_add("end", &froms) && where_add("1970-01-01T00:00:01Z", &froms) && where_add("orders:1:7", &froms));
    CHECK(c, !where_add("begin", &froms) && !where_add("orders:1", &froms));
    CHECK_INT(c, froms.count, 4);
    CHECK_INT(c, froms.items[0].kind, FROM_START);
    CHECK_INT(c, froms.items[1].kind, FROM_END);
    CHECK_INT(c, froms.items[2].kind, FROM_TIME);
    CHECK_INT(c, froms.items[2].value, 1000);
    CHECK_INT(c, froms.items[3].kind, FROM_OFFSET);
    CHECK_INT(c, froms.items[3].value, 7);
    CHECK_TEXT(c, froms.items[3].topic, "orders");
}

static void no_more_words_than_there_is_room_for(struct checks *c)
{
    struct resolve_froms froms = {.count = 0};

    for (int i = 0; i < RESOLVE_FROM_MAX; i++)
        CHECK(c, where_add("end", &froms));
    CHECK(c, !where_add("end", &froms));
    CHECK_INT(c, froms.count, RESOLVE_FROM_MAX);
}

TESTS({"a place is topic, partition and offset", a_place_is_topic_partition_and_offset},
      {"what is no place is refused", what_is_no_place_is_refused},
      {"a time is UTC, to the second", a_time_is_utc_to_the_second},
      {"days that are none are refused", days_that_are_none_are_refused},
      {"words are taken in order", words_are_taken_in_order},
      {"no more words than there is room for", no_more_words_than_there_is_room_for})
