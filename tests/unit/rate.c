/* The bucket that limits the rate, and what stands in orderd:paused. */
#include "check.h"

#include "ledger/pause.h"
#include "turn/rate.h"

/* So many events in a second, looked at every `step_ms`. */
static int64_t in_a_second(int64_t per_s, int64_t step_ms)
{
    struct rate rate;
    int64_t events = 0;

    rate_set(&rate, per_s, 5000);
    for (int64_t now = 5000; now <= 6000; now += step_ms) {
        size_t allowed = rate_allows(&rate, now);

        rate_used(&rate, allowed);
        events += (int64_t)allowed;
    }
    return events;
}

static void a_second_lets_through_what_the_rate_says(struct checks *c)
{
    CHECK_INT(c, in_a_second(1, 1), 1);
    CHECK_INT(c, in_a_second(7, 3), 6);       /* the seventh is due when the second is over, and nobody looks just then */
    CHECK_INT(c, in_a_second(1000, 1), 1000);
    CHECK_INT(c, in_a_second(250, 1), 250);
    CHECK_INT(c, in_a_second(1000000, 20), 1000000);
}

static void nothing_is_given_before_a_turn_is_worth_it(struct checks *c)
{
    struct rate rate;

    rate_set(&rate, 1000, 0);
    CHECK_INT(c, (int64_t)rate_allows(&rate, 9), 0);
    CHECK_INT(c, (int64_t)rate_allows(&rate, 10), 10);
}

static void a_long_rest_is_not_made_up_for(struct checks *c)
{
    struct rate rate;

    rate_set(&rate, 1000, 0);
    CHECK_INT(c, (int64_t)rate_allows(&rate, INT64_MAX / 2), 100);
    rate_set(&rate, 3, 0);
    CHECK_INT(c, (int64_t)rate_allows(&rate, 3600000), 1);
}

static void without_a_rate_there_is_no_limit(struct checks *c)
{
    struct rate rate;

    rate_set(&rate, 0, 0);
    rate_used(&rate, 1000000);
    CHECK(c, rate_allows(&rate, 0) == SIZE_MAX);
}

static struct pause read_text(const char *text)
{
    struct reply reply = {.type = text ? REPLY_STRING : REPLY_NIL, .text = bytes_of(text ? text : "")};
    struct pause pause;

    pause_read(&pause, &reply);
    return pause;
}

static void a_pause_is_read_as_it_was_written(struct checks *c)
{
    struct pause pause = {.set = true, .since = 1795326127590, .note = "ann: look at it"};
    char value[PAUSE_VALUE_SIZE];

    CHECK_INT(c, (int64_t)pause_format(value, &pause), (int64_t)strlen(value));
    pause = read_text(value);
    CHECK(c, pause.set);
    CHECK_INT(c, pause.since, 1795326127590);
    CHECK_TEXT(c, pause.note, "ann: look at it");
}

static void whatever_stands_there_is_a_pause(struct checks *c)
{
    CHECK(c, !read_text(NULL).set);
    CHECK(c, read_text("").set);
    CHECK_TEXT(c, read_text("by hand").note, "by hand");
    CHECK_INT(c, read_text("by hand").since, 0);
    CHECK_INT(c, read_text("17").since, 17);
    CHECK_TEXT(c, read_text("17").note, "");
}

TESTS({"a second lets through what the rate says", a_second_lets_through_what_the_rate_says},
      {"nothing is given before a turn is worth it", nothing_is_given_before_a_turn_is_worth_it},
      {"a long rest is not made up for", a_long_rest_is_not_made_up_for},
      {"without a rate there is no limit", without_a_rate_there_is_no_limit},
      {"a pause is read as it was written", a_pause_is_read_as_it_was_written},
      {"whatever stands there is a pause", whatever_stands_there_is_a_pause})
