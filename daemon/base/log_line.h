/* One line of the log, from its format and arguments to bytes. Inside of base/ only, and for tests. */
#ifndef ORDERD_BASE_LOG_LINE_H
#define ORDERD_BASE_LOG_LINE_H

#include <stdarg.h>
#include <stddef.h>

#include "base/log.h"

/* With its line feed no longer than PIPE_BUF: one write is one line, whoever else writes there. */
enum { LOG_LINE_MAX = 4095 };

struct log_line {
    char text[LOG_LINE_MAX + 1];      /* with an end */
    size_t size;
    bool cut;                         /* there was no room for all of it */
};

struct log_head {
    enum log_format format;
    enum log_level level;
    const char *command;              /* comes first, as in "orderd restore: "; NULL: none. Then there is no format but text */
    bool priority;                    /* "<N>" comes first */
    int64_t time;                     /* ms since 1970; -1: not shown */
};

/* Makes the line, without its line feed. Of printf's conversions it knows %s, %.*s, %.Ns, %d, %u, %x with l, ll and z, and %%. */
void log_line_make(struct log_line *line, const struct log_head *head, const char *format, va_list arguments);
/* The sentence of a format, with "..." in the place of arguments. */
void log_line_sentence(char *out, size_t size, const char *format);

#endif
