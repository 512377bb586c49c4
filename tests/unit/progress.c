/* What people read of a long job: numbers, percents, the time that is left. */
#include "commands/progress.h"

#include "check.h"

static const char *text_of(char out[PROGRESS_TEXT_MAX], int64_t of, int64_t done, double per_s)
{
    struct progress progress = {.what = "replaying", .unit = "events", .of = of};

    progress_text(out, &progress, done, per_s);
    return out;
}

static void numbers_are_grouped_by_threes(struct checks *c)
{
    char out[PROGRESS_NUMBER_SIZE];

    CHECK_TEXT(c, progress_number(out, 0), "0");
    CHECK_TEXT(c, progress_number(out, 999), "999");
    CHECK_TEXT(c, progress_number(out, 1000), "1,000");
    CHECK_TEXT(c, progress_number(out, -1234567), "-1,234,567");
    CHECK_TEXT(c, progress_number(out, INT64_MIN), "-9,223,372,036,854,775,808");
}

static void a_line_tells_how_much_how_fast_and_how_long_yet(struct checks *c)
{
    char out[PROGRESS_TEXT_MAX];

    CHECK_TEXT(c, text_of(out, 5000, 1200, 81.3), "replaying 1,200 of 5,000 events, 24 %, 81/s, 0:47 left");
    CHECK_TEXT(c, text_of(out, 5000, 1200, 1), "replaying 1,200 of 5,000 events, 24 %, 1/s, 1:03:20 left");
    CHECK_TEXT(c, text_of(out, 5000, 5000, 100), "replaying 5,000 of 5,000 events, 100 %, 100/s");
}

static void what_is_not_known_is_left_out(struct checks *c)
{
    char out[PROGRESS_TEXT_MAX];

    CHECK_TEXT(c, text_of(out, 5000, 1200, 0), "replaying 1,200 of 5,000 events, 24 %, 0/s");
    CHECK_TEXT(c, text_of(out, 5000, 1200, -1), "replaying 1,200 of 5,000 events, 24 %");
    CHECK_TEXT(c, text_of(out, 0, 0, -1), "replaying 0 of 0 events");
    CHECK_TEXT(c, text_of(out, -1, 1200, 50), "replaying 1,200 events, 50/s");
}

TESTS({"numbers are grouped by threes", numbers_are_grouped_by_threes},
      {"a line tells how much, how fast, and how long yet", a_line_tells_how_much_how_fast_and_how_long_yet},
      {"what is not known is left out", what_is_not_known_is_left_out})
