/* The log: one line an event, whatever the text holds. */
#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

enum { LINES_SIZE = 8192 };

static void keep(void *context, const char *line)
{
    snprintf(context, LINES_SIZE, "%s", line);
}

static void lines_carry_their_priority(struct checks *c)
{
    char line[LINES_SIZE] = "";
    struct log log = {.level = LOG_LEVEL_DEBUG, .sink = keep, .context = line};

    log_error(&log, "a key=%d", 1);
    CHECK_TEXT(c, line, "<3>a key=1");
    log_warning(&log, "b");
    CHECK_TEXT(c, line, "<4>b");
    log_notice(&log, "c");
    CHECK_TEXT(c, line, "<5>c");
    log_info(&log, "d");
    CHECK_TEXT(c, line, "<6>d");
    log_debug(&log, "e");
    CHECK_TEXT(c, line, "<7>e");
}

static int touched(int *count)
{
    return ++*count;
}

static void below_the_level_nothing_is_even_formatted(struct checks *c)
{
    char line[LINES_SIZE] = "";
    struct log log = {.level = LOG_LEVEL_WARNING, .sink = keep, .context = line};
    int count = 0;

    log_notice(&log, "%d", touched(&count));
    CHECK_INT(c, count, 0);
    CHECK_TEXT(c, line, "");
    log_warning(&log, "%d", touched(&count));
    CHECK_INT(c, count, 1);
}

static void foreign_text_cannot_make_a_second_line(struct checks *c)
{
    char line[LINES_SIZE] = "";
    struct log log = {.level = LOG_LEVEL_INFO, .sink = keep, .context = line};

    log_info(&log, "id=%s", "a\n<0>forged\r\t\x1b[31m\x7f");
    CHECK_TEXT(c, line, "<6>id=a?<0>forged???[31m?");
}

static void a_line_that_is_too_long_is_cut_and_says_so(struct checks *c)
{
    char line[LINES_SIZE] = "", *text = malloc(5000);
    struct log log = {.level = LOG_LEVEL_INFO, .sink = keep, .context = line};

    memset(text, 'x', 4999);
    text[4999] = '\0';
    log_info(&log, "%s", text);
    CHECK(c, strlen(line) > 1000 && strlen(line) < 2100);
    CHECK_TEXT(c, line + strlen(line) - 4, "x...");
    free(text);
}

static void without_a_sink_the_line_goes_to_the_descriptor(struct checks *c)
{
    struct log log = {.level = LOG_LEVEL_INFO};
    char got[64] = "";
    int ends[2];

    CHECK_INT(c, pipe(ends), 0);
    log.fd = ends[1];
    errno = 77;
    log_info(&log, "hello");
    CHECK_INT(c, errno, 77);
    CHECK_INT(c, read(ends[0], got, sizeof got - 1), 9);
    CHECK_TEXT(c, got, "<6>hello\n");
    close(ends[0]);
    close(ends[1]);
}

static void levels_have_names(struct checks *c)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    enum log_level level;

    for (size_t i = 0; i < 5; i++) {
        CHECK(c, log_level_parse(names[i], &level));
        CHECK_TEXT(c, log_level_name(level), names[i]);
    }
    CHECK(c, !log_level_parse("Info", &level) && !log_level_parse("", &level) && !log_level_parse("warn", &level));
}

static void an_error_is_a_code_and_a_sentence(struct checks *c)
{
    struct error_text error = {""};

    CHECK_INT(c, error_set(&error, -5, "at %d", 7), -5);
    CHECK_TEXT(c, error.text, "at 7");
    CHECK_INT(c, error_set(NULL, -6, "nobody listens"), -6);
}

TESTS({"lines carry their priority", lines_carry_their_priority},
      {"below the level nothing is even formatted", below_the_level_nothing_is_even_formatted},
      {"foreign text cannot make a second line", foreign_text_cannot_make_a_second_line},
      {"a line that is too long is cut and says so", a_line_that_is_too_long_is_cut_and_says_so},
      {"without a sink the line goes to the descriptor", without_a_sink_the_line_goes_to_the_descriptor}, {"levels have names", levels_have_names},
      {"an error is a code and a sentence", an_error_is_a_code_and_a_sentence})
