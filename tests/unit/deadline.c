/* Deadlines: the shorter of the event's own and its kind's, on a clock that stands still while Redis or Kafka is away. */
#include "check.h"

#include "turn/deadline.h"

static void a_deadline_is_over_at_its_length(struct checks *c)
{
    static const struct { int64_t kind_ms, own_ms, watched_at, now; bool over; } rows[] = {
        {100, 0, 1000, 1099, false}, {100, 0, 1000, 1100, true}, {100, 0, 1000, 9999, true}, {0, 0, 1000, 999999, false},
        {100, 50, 1000, 1049, false},
        {100, 50, 1000, 1050, true}, {100, 500, 1000, 1100, true}, {0, 50, 1000, 1050, true}, {0, 50, 1000, 1049, false},
        {100, 0, -1, 999999, false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t limits[EVENT_KIND_COUNT] = {[EVENT_PURCHASE] = rows[i].kind_ms};
        struct item item = {.watched_at = rows[i].watched_at, .decoded = {.event = {.kind = EVENT_PURCHASE, .deadline_ms = rows[i].own_ms}}};

        CHECK_INT(c, deadline_over(&item, limits, rows[i].now), rows[i].over);
    }
}

static void a_malformed_message_has_none(struct checks *c)
{
    int64_t limits[EVENT_KIND_COUNT] = {1, 1, 1, 1, 1, 1, 1};
    struct item item = {.watched_at = 0, .decoded = {.reason = REASON_NOT_JSON}};

    CHECK(c, !deadline_over(&item, limits, 1000000));
}

static void time_away_does_not_count(struct checks *c)
{
    struct deadline deadline;

    deadline_init(&deadline);
    CHECK_INT(c, deadline_now(&deadline, 500), 500);
    deadline_mark(&deadline, true, 600);
    CHECK_INT(c, deadline_now(&deadline, 900), 600);
    deadline_mark(&deadline, true, 900);        /* still away */
    CHECK_INT(c, deadline_now(&deadline, 1000), 600);
    deadline_mark(&deadline, false, 1000);
    CHECK_INT(c, deadline_now(&deadline, 1000), 600);
    deadline_mark(&deadline, false, 1100);      /* still there */
    CHECK_INT(c, deadline_now(&deadline, 1250), 850);
    deadline_mark(&deadline, true, 1300);
    deadline_mark(&deadline, false, 1310);
    CHECK_INT(c, deadline_now(&deadline, 1400), 990);
}

TESTS({"a deadline is over at its length", a_deadline_is_over_at_its_length}, {"a malformed message has none", a_malformed_message_has_none},
      {"time away does not count", time_away_does_not_count})
