#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 2048 };

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},
};

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(text, levels[i].name) == 0) {
            *level = levels[i].level;
            return true;
        }
    return false;
}

const char *log_level_name(enum log_level level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].level == level)
            return levels[i].name;
    return "?";
}

/* A line is a line: what foreign text might break it is taken out. */
static size_t line_clean(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    return size;
}

void log_write(const struct log *log, enum log_level level, const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    int saved = errno, start = snprintf(line, sizeof line, "<%d>", (int)level), size;
    size_t end;
    va_list arguments;

    va_start(arguments, format);
    size = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, arguments);
    va_end(arguments);
    end = (size_t)start + (size < 0 ? 0 : (size_t)size);
    if (end > sizeof line - 2) {
        end = sizeof line - 2;
        memcpy(line + end - 3, "...", 3);
    }
    end = (size_t)start + line_clean(line + start, end - (size_t)start);
    line[end] = '\n';
    line[end + 1] = '\0';
    if (log->sink) {
        line[end] = '\0';
        log->sink(log->context, line);
    } else if (write(log->fd, line, end + 1) < 0) {
        errno = saved;      /* nowhere left to say it */
    }
    errno = saved;
}
