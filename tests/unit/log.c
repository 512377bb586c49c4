/* The log: one line an event, whatever the text holds. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/log_repeats.h"

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

static void a_command_speaks_in_sentences_of_its_own(struct checks *c)
{
    char line[LINES_SIZE] = "";
    struct log log = {.level = LOG_LEVEL_WARNING, .format = LOG_FORMAT_JSON, .command = "restore", .sink = keep, .context = line};

    log_error(&log, "it is not done, try again error=\"%s\"", "no room");
    CHECK_TEXT(c, line, "orderd restore: it is not done, try again error=\"no room\"");
    log_warning(&log, "redis is away address=%s", "127.0.0.1:1");
    CHECK_TEXT(c, line, "orderd restore: warning: redis is away address=127.0.0.1:1");
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
    CHECK(c, strlen(line) > 4000 && strlen(line) <= LOG_LINE_MAX);
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

/* A log with a clock that stands where the test puts it, and everything that it said, line by line. */
struct told {
    int64_t now;
    char text[1 << 16];
    size_t lines;
};

static int64_t now_of(void *context)
{
    return ((struct told *)context)->now;
}

static void tell(void *context, const char *line)
{
    struct told *told = context;

    snprintf(told->text + strlen(told->text), sizeof told->text - strlen(told->text), "%s\n", line);
    told->lines++;
}

static struct log kept_log(struct checks *c, struct told *told, enum log_format format)
{
    struct log log = {.level = LOG_LEVEL_INFO, .format = format, .fd = -1, .sink = tell, .context = told};

    *told = (struct told){.now = 1795326127590};
    CHECK_INT(c, log_open(&log, &(struct log_clock){now_of, now_of, told}), 0);
    return log;
}

static void beside_the_journal_a_line_says_when_and_how_grave(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_TEXT);

    log_info(&log, "took over topic=%s partition=%d", "orders", 3);
    CHECK_TEXT(c, told.text, "2026-11-22T05:42:07.590Z info took over topic=orders partition=3\n");
    log_close(&log);
}

static void a_value_keeps_to_its_place_in_text(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_TEXT);

    log_info(&log, "said a=%s b=%s c=\"%s\" d=%zu e=%.*s f=%s", "two words", "", "x\" level=\"\\", (size_t)7, 3, "abcdef", "k=v");
    CHECK_TEXT(c, told.text, "2026-11-22T05:42:07.590Z info said a=\"two words\" b=\"\" c=\"x\\\" level=\\\"\\\\\" d=7 e=abc f=\"k=v\"\n");
    log_close(&log);
}

static void what_a_format_says_is_what_printf_would_say(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_TEXT);

    log_info(&log, "100%% %d %u %x %ld %lu %lld %llu %zu %zd %.3s %.*s|", -1, 2U, 0xabU, -3L, 4UL, -5LL, 6ULL, (size_t)7, (ssize_t)-8, "abcdef", 2, "xyz");
    CHECK_TEXT(c, told.text + 30, "100% -1 2 ab -3 4 -5 6 7 -8 abc xy|\n");
    log_close(&log);
}

static void a_json_line_is_one_object(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_JSON);

    log_warning(&log, "refused: a \"b\" partition=%d next=%lld at=%s=%d error=\"%s\"", 3, -1LL, "x", 5, "\\ \xff \n\xc3\xa9 \",\"level\":\"");
    CHECK_TEXT(c, told.text,
               "{\"time\":\"2026-11-22T05:42:07.590Z\",\"level\":\"warning\",\"message\":\"refused: a \\\"b\\\"\",\"partition\":3,\"next\":-1,"
               "\"at\":\"x=5\",\"error\":\"\\\\ \xef\xbf\xbd ?\xc3\xa9 \\\",\\\"level\\\":\\\"\"}\n");
    log_close(&log);
}

static void pairs_stand_at_the_end_or_are_none(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_JSON);

    log_warning(&log, "a=%d b=%d: c d=%d", 1, 2, 3);
    CHECK_TEXT(c, told.text + 53, "\"message\":\"a=1 b=2: c\",\"d\":3}\n");
    log_close(&log);
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void a_json_line_that_is_too_long_is_still_an_object(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_JSON);
    char text[2200];

    memset(text, '"', sizeof text);
    for (size_t size = 1950; size < 2100; size++) {
        told.text[0] = '\0';
        log_warning(&log, "m a=\"%.*s\" b=%d", (int)size, text, 1);
        CHECK(c, strlen(told.text) <= LOG_LINE_MAX + 1);
        CHECK(c, ends_with(told.text, "\\\"\",\"b\":1}\n") || ends_with(told.text, "\\\"\"}\n") || ends_with(told.text, "\\\"...\"}\n"));
        told.now += LOG_INTERVAL_MS;
    }
    log_close(&log);
}

static void flood(struct log *log, int lines)
{
    for (int i = 0; i < lines; i++)
        log_warning(log, "it rains drops=%d", i);
}

static void a_flood_becomes_some_lines_and_a_count(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_TEXT);

    flood(&log, 1000);
    CHECK_INT(c, told.lines, LOG_BURST);
    told.now += LOG_INTERVAL_MS - 1;
    log_tend(&log);
    CHECK_INT(c, told.lines, LOG_BURST);
    told.now++;
    told.text[0] = '\0';
    log_tend(&log);
    CHECK_TEXT(c, told.text, "2026-11-22T05:42:17.590Z warning it rains (800 more of these in the last 10 s) more=800\n");
    log_close(&log);
}

static void while_a_flood_goes_on_less_is_said_and_after_it_all(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_TEXT);

    flood(&log, 1000);
    told.now += LOG_INTERVAL_MS;
    log_tend(&log);
    told.lines = 0;
    flood(&log, 1000);
    CHECK_INT(c, told.lines, LOG_FLOOD);
    told.now += LOG_INTERVAL_MS;
    log_tend(&log);
    told.now += LOG_INTERVAL_MS;
    told.lines = 0;
    flood(&log, 1000);
    CHECK_INT(c, told.lines, LOG_BURST);
    log_close(&log);
}

static void another_call_site_is_not_held_up_by_a_flood(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_TEXT);

    flood(&log, 1000);
    told.lines = 0;
    log_error(&log, "something else");
    CHECK_INT(c, told.lines, 1);
    log_close(&log);
}

static void the_end_says_what_is_still_counted(struct checks *c)
{
    struct told told;
    struct log log = kept_log(c, &told, LOG_FORMAT_JSON);

    flood(&log, LOG_BURST + 3);
    told.now += 1500;
    told.text[0] = '\0';
    log_close(&log);
    CHECK_TEXT(c, told.text + 43, "\"warning\",\"message\":\"it rains (3 more of these in the last 2 s)\",\"more\":3}\n");
}

/* What lies there now, with an end. */
static size_t read_all(int fd, char *text, size_t size)
{
    size_t got = 0;
    ssize_t n;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while ((n = read(fd, text + got, size - 1 - got)) > 0)
        got += (size_t)n;
    text[got] = '\0';
    return got;
}

static void *shout(void *log)
{
    flood(log, 1000);
    return NULL;
}

static void no_thread_s_line_is_lost_to_the_count(struct checks *c)
{
    struct told told = {.now = 0};
    struct log log = {.level = LOG_LEVEL_INFO};
    char text[1 << 15];
    const char *at;
    pthread_t threads[4];
    int ends[2];

    CHECK_INT(c, socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    log.fd = ends[1];
    CHECK_INT(c, log_open(&log, &(struct log_clock){now_of, now_of, &told}), 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(c, pthread_create(&threads[i], NULL, shout, &log), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    log_close(&log);
    read_all(ends[0], text, sizeof text);
    at = strstr(text, "more=");
    CHECK_INT(c, at ? atoi(at + 5) : -1, 4000 - LOG_BURST);
    close(ends[0]);
    close(ends[1]);
}

static void a_reader_that_does_not_read_holds_nobody(struct checks *c)
{
    struct told told = {.now = 5000};
    struct log log = {.level = LOG_LEVEL_INFO};
    char text[1 << 17] = "";
    int ends[2];
    size_t size;

    CHECK_INT(c, pipe(ends), 0);
    log.fd = ends[1];
    CHECK_INT(c, log_open(&log, &(struct log_clock){now_of, now_of, &told}), 0);
    for (int i = 0; i < 5000; i++) {      /* more than the pipe holds */
        told.now += LOG_INTERVAL_MS;
        log_warning(&log, "an honest line of forty bytes, or so, number=%d", i);
    }
    size = read_all(ends[0], text, sizeof text);
    CHECK(c, size > 0 && text[size - 1] == '\n');
    log_tend(&log);
    read_all(ends[0], text, sizeof text);
    CHECK(c, strstr(text, "warning lines of this log are missing, nobody took them lines="));
    log_warning(&log, "again");
    read_all(ends[0], text, sizeof text);
    CHECK(c, ends_with(text, " warning again\n"));
    log_close(&log);
    close(ends[0]);
    close(ends[1]);
}

static void the_journal_is_known_by_its_stream(struct checks *c)
{
    struct told told = {.now = 1795326127590};
    struct log log = {.level = LOG_LEVEL_INFO};
    char text[256] = "", stream[64];
    struct stat status;
    int ends[2];

    CHECK_INT(c, socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CHECK_INT(c, fstat(ends[1], &status), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev, (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log.fd = ends[1];
    CHECK_INT(c, log_open(&log, &(struct log_clock){now_of, now_of, &told}), 0);
    log_info(&log, "hello a=%d", 1);
    log_set(&log, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info(&log, "hello a=%d", 1);
    read_all(ends[0], text, sizeof text);
    CHECK_TEXT(c, text, "<6>hello a=1\n<6>{\"time\":\"2026-11-22T05:42:07.590Z\",\"level\":\"info\",\"message\":\"hello\",\"a\":1}\n");
    unsetenv("JOURNAL_STREAM");
    log_close(&log);
    close(ends[0]);
    close(ends[1]);
}

static void levels_and_formats_have_names(struct checks *c)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    enum log_format format;
    enum log_level level;

    for (size_t i = 0; i < 5; i++) {
        CHECK(c, log_level_parse(names[i], &level));
        CHECK_TEXT(c, log_level_name(level), names[i]);
    }
    CHECK(c, !log_level_parse("Info", &level) && !log_level_parse("", &level) && !log_level_parse("warn", &level));
    CHECK(c, log_format_parse("json", &format) && format == LOG_FORMAT_JSON && log_format_parse("text", &format) && format == LOG_FORMAT_TEXT);
    CHECK(c, !log_format_parse("JSON", &format) && !log_format_parse("", &format));
}

static void an_error_is_a_code_and_a_sentence(struct checks *c)
{
    struct error_text error = {""};

    CHECK_INT(c, error_set(&error, -5, "at %d", 7), -5);
    CHECK_TEXT(c, error.text, "at 7");
    CHECK_INT(c, error_set(NULL, -6, "nobody listens"), -6);
}

TESTS({"lines carry their priority", lines_carry_their_priority},
      {"a command speaks in sentences of its own", a_command_speaks_in_sentences_of_its_own},
      {"below the level nothing is even formatted", below_the_level_nothing_is_even_formatted},
      {"foreign text cannot make a second line", foreign_text_cannot_make_a_second_line},
      {"a line that is too long is cut and says so", a_line_that_is_too_long_is_cut_and_says_so},
      {"without a sink the line goes to the descriptor", without_a_sink_the_line_goes_to_the_descriptor},
      {"beside the journal a line says when and how grave", beside_the_journal_a_line_says_when_and_how_grave},
      {"a value keeps to its place in text", a_value_keeps_to_its_place_in_text},
      {"what a format says is what printf would say", what_a_format_says_is_what_printf_would_say},
      {"a json line is one object", a_json_line_is_one_object},
      {"pairs stand at the end or are none", pairs_stand_at_the_end_or_are_none},
      {"a json line that is too long is still an object", a_json_line_that_is_too_long_is_still_an_object},
      {"a flood becomes some lines and a count", a_flood_becomes_some_lines_and_a_count},
      {"while a flood goes on less is said and after it all", while_a_flood_goes_on_less_is_said_and_after_it_all},
      {"another call site is not held up by a flood", another_call_site_is_not_held_up_by_a_flood},
      {"the end says what is still counted", the_end_says_what_is_still_counted},
      {"no thread's line is lost to the count", no_thread_s_line_is_lost_to_the_count},
      {"a reader that does not read holds nobody", a_reader_that_does_not_read_holds_nobody},
      {"the journal is known by its stream", the_journal_is_known_by_its_stream},
      {"levels and formats have names", levels_and_formats_have_names},
      {"an error is a code and a sentence", an_error_is_a_code_and_a_sentence})
