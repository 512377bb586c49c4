/* The log: one line an event on stderr, a sentence, then key=value pairs.
 *
 *     <6>took over topic=orders partition=3 next=120 done=118                           where stderr is the journal (sd-daemon(3))
 *     2026-11-22T05:42:07.590Z info took over topic=orders partition=3 next=120 done=118                       where it is not
 *     {"time":"2026-11-22T05:42:07.590Z","level":"info","message":"took over","topic":"orders","partition":3,"next":120,"done":118}
 *     orderd restore: warning: redis is away address=127.0.0.1:6379        of a command that somebody waits for; without "warning: " it is an error
 *
 * What is a pair is told by the format alone, which ends in them: " name=%d" is a number in JSON, anything else a string. So no foreign
 * text can make a pair or a line. A struct log belongs to one daemon; the level is tested before any argument is formatted. Any thread may
 * call. Secrets never come here. */
#ifndef ORDERD_BASE_LOG_H
#define ORDERD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_keeper;

struct log {
    enum log_level level;
    enum log_format format;
    const char *command;                           /* whose lines these are: "restore"; NULL: a daemon's */
    int fd;                                        /* where lines go: 2 */
    void (*sink)(void *context, const char *line); /* instead of fd, for tests; the line has its end */
    void *context;
    struct log_keeper *keeper;                     /* NULL: lines as for the journal, none is counted, none is given up */
};

/* "error", "warning", "notice", "info", "debug"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *level) MUST_CHECK;
const char *log_level_name(enum log_level level);
/* Whether the file is the stream that systemd made for this process, whose lines begin with "<N>". */
bool log_is_journal(int fd);
/* "text", "json"; false for anything else. */
bool log_format_parse(const char *text, enum log_format *format) MUST_CHECK;
/* Changes level and format while other threads log. */
void log_set(struct log *log, enum log_level level, enum log_format format);

/* The time, ms since 1970, and one that never goes back; from any thread. */
struct log_clock {
    int64_t (*realtime_ms)(void *context), (*monotonic_ms)(void *context);
    void *context;
};

/* Gives `log`, whose fd is set, what it needs to run for long: times where fd is not the journal; of one call site's lines, debug ones apart, at
 * most LOG_BURST in an interval, and LOG_FLOOD while that goes on, the rest counted; and a reader that takes nothing is waited for once for
 * LOG_WAIT_MS, then lines are counted instead, so that no reader can hold the daemon. Both counts are said. Errors: -ENOMEM. */
enum { LOG_BURST = 200, LOG_FLOOD = 10, LOG_INTERVAL_MS = 10000, LOG_WAIT_MS = 200 };
int log_open(struct log *log, const struct log_clock *clock) MUST_CHECK;
/* Says the counts whose interval is over. Cheap: called by the daemon's loop. */
void log_tend(const struct log *log);
/* Says every count and frees the keeper; nobody else may log meanwhile. */
void log_close(struct log *log);

/* What went wrong last: the latest warnings and errors as text without time and priority, the newest first, up to `max`. From any thread. Without
 * log_open there are none. */
enum { LOG_RECENT_MAX = 32, LOG_RECENT_TEXT = 400 };
struct log_recent {
    int64_t time;                                  /* ms since 1970 */
    enum log_level level;
    char text[LOG_RECENT_TEXT];
};
size_t log_recent(const struct log *log, struct log_recent *out, size_t max);

/* One line; control characters in the formatted text are replaced by '?', over-long lines are cut and end in "...".
 * Keeps errno. Call through the macros. */
void log_write(const struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_at(log, at, ...) (__atomic_load_n(&(log)->level, __ATOMIC_RELAXED) >= (at) ? log_write((log), (at), __VA_ARGS__) : (void)0)
#define log_error(log, ...) log_at(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_at(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(log, ...) log_at(log, LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(log, ...) log_at(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_at(log, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
