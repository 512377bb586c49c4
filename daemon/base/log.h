/* The log: one line an event on stderr, "<N>" priority first, a sentence, then key=value pairs (sd-daemon(3)).
 *
 *     <6>took over topic=orders partition=3 next=120 done=118
 *
 * A struct log belongs to one daemon; the level is tested before any argument is formatted. Secrets never come here. */
#ifndef ORDERD_BASE_LOG_H
#define ORDERD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

struct log {
    enum log_level level;
    int fd;                                       /* where lines go: 2 */
    void (*sink)(void *context, const char *line); /* instead of fd, for tests; the line has its end */
    void *context;
};

/* "error", "warning", "notice", "info", "debug"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *level) MUST_CHECK;
const char *log_level_name(enum log_level level);

/* One line; control characters in the formatted text are replaced by '?', over-long lines are cut and end in "...".
 * Keeps errno. Call through the macros. */
void log_write(const struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_at(log, at, ...) ((log)->level >= (at) ? log_write((log), (at), __VA_ARGS__) : (void)0)
#define log_error(log, ...) log_at(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_at(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(log, ...) log_at(log, LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(log, ...) log_at(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_at(log, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
