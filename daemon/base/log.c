#include "base/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/log_repeats.h"
#include "base/text.h"

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

bool log_format_parse(const char *text, enum log_format *format)
{
    *format = strcmp(text, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return *format == LOG_FORMAT_JSON || strcmp(text, "text") == 0;
}

void log_set(struct log *log, enum log_level level, enum log_format format)
{
    __atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
    __atomic_store_n(&log->format, format, __ATOMIC_RELAXED);
}

struct log_keeper {
    struct log_clock clock;
    bool journal, is_socket;
    pthread_mutex_t lock;              /* of what follows */
    struct log_repeats repeats;
    bool stuck, begun;                 /* the reader takes nothing; a line stands there without its end */
    unsigned long long lost;
    int64_t lost_since;                /* monotonic ms */
    struct log_recent recent[LOG_RECENT_MAX];
    size_t recent_count;               /* ever; the newest is the one before */
};

/* sd-daemon(3): systemd names the stream; who inherited the variable may have another stderr. */
bool log_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &status) == 0 && device == status.st_dev && inode == status.st_ino;
}

int log_open(struct log *log, const struct log_clock *clock)
{
    struct log_keeper *keeper = calloc(1, sizeof *keeper);
    struct stat status = {0};

    if (!keeper)
        return -ENOMEM;
    keeper->clock = *clock;
    keeper->journal = log_is_journal(log->fd);
    keeper->is_socket = fstat(log->fd, &status) == 0 && S_ISSOCK(status.st_mode);
    pthread_mutex_init(&keeper->lock, NULL);
    log_repeats_init(&keeper->repeats);
    log->keeper = keeper;
    return 0;
}

static void make(struct log_line *line, const struct log *log, enum log_level level, const char *format, va_list arguments)
{
    const struct log_keeper *keeper = log->keeper;
    struct log_head head = {.format = __atomic_load_n(&log->format, __ATOMIC_RELAXED), .level = level, .command = log->command, .priority = !keeper || keeper->journal,
                            .time = -1};

    if (log->command)
        head.format = LOG_FORMAT_TEXT;
    else if (keeper && (head.format == LOG_FORMAT_JSON || !head.priority))
        head.time = keeper->clock.realtime_ms(keeper->clock.context);
    log_line_make(line, &head, format, arguments);
}

/* Waits until something can be written, once for LOG_WAIT_MS and then not at all before the reader is back. */
static bool is_ready(struct log_keeper *keeper, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int r;

    do
        r = poll(&ready, 1, keeper->stuck ? 0 : LOG_WAIT_MS);
    while (r < 0 && errno == EINTR);
    keeper->stuck |= r <= 0;
    return r > 0;
}

/* Bytes taken, 0: none now; negative: none ever. A pipe that polls as writable takes PIPE_BUF at once. A socket polls as full when a quarter of it is, so it is
 * asked without waiting. */
static ssize_t write_some(struct log_keeper *keeper, int fd, const char *text, size_t size)
{
    ssize_t written = -1;

    errno = EAGAIN;
    if (keeper->is_socket)
        written = send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) {
        if (!is_ready(keeper, fd))
            return 0;
        written = keeper->is_socket ? send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, text, size);
    }
    return written;
}

/* Whether all of it was taken. */
static bool deliver(struct log_keeper *keeper, int fd, const char *text, size_t size)
{
    size_t whole = size;

    while (size) {
        ssize_t written = write_some(keeper, fd, text, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        text += written;
        size -= (size_t)written;
    }
    if (size < whole)
        keeper->begun = size > 0;
    return size == 0;
}

static bool deliver_line(struct log_keeper *keeper, int fd, struct log_line *line)
{
    if (keeper->begun && !deliver(keeper, fd, "\n", 1))
        return false;
    line->text[line->size] = '\n';
    return deliver(keeper, fd, line->text, line->size + 1);
}

static void say_lost(const struct log *log, const char *format, ...) PRINTF_LIKE(2, 3);

/* Past the limits, with the lock held. */
static void say_lost(const struct log *log, const char *format, ...)
{
    struct log_line line;
    va_list arguments;

    va_start(arguments, format);
    make(&line, log, LOG_LEVEL_WARNING, format, arguments);
    va_end(arguments);
    if (deliver_line(log->keeper, log->fd, &line)) {
        log->keeper->lost = 0;
        log->keeper->stuck = false;
    }
}

static void tell_lost(const struct log *log)
{
    struct log_keeper *keeper = log->keeper;

    if (keeper->lost)
        say_lost(log, "lines of this log are missing, nobody took them lines=%llu seconds=%lld", keeper->lost,
                 (long long)(keeper->clock.monotonic_ms(keeper->clock.context) - keeper->lost_since) / 1000);
}

static void emit_kept(const struct log *log, struct log_line *line)
{
    struct log_keeper *keeper = log->keeper;

    pthread_mutex_lock(&keeper->lock);
    tell_lost(log);
    if (keeper->lost || !deliver_line(keeper, log->fd, line)) {
        if (!keeper->lost)
            keeper->lost_since = keeper->clock.monotonic_ms(keeper->clock.context);
        keeper->lost++;
    }
    pthread_mutex_unlock(&keeper->lock);
}

static void emit(const struct log *log, struct log_line *line)
{
    if (log->sink) {
        log->sink(log->context, line->text);
    } else if (log->keeper) {
        emit_kept(log, line);
    } else {
        ssize_t written;

        line->text[line->size] = '\n';
        written = write(log->fd, line->text, line->size + 1);
        (void)written;      /* nowhere left to say it */
    }
}

static bool admit(const struct log *log, enum log_level level, const char *format)
{
    struct log_keeper *keeper = log->keeper;
    bool admitted;

    if (!keeper || level == LOG_LEVEL_DEBUG)
        return true;
    pthread_mutex_lock(&keeper->lock);
    admitted = log_repeats_admit(&keeper->repeats, format, level, keeper->clock.monotonic_ms(keeper->clock.context));
    pthread_mutex_unlock(&keeper->lock);
    return admitted;
}

static void say(const struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

/* Past the limits. */
static void say(const struct log *log, enum log_level level, const char *format, ...)
{
    struct log_line line;
    va_list arguments;

    va_start(arguments, format);
    make(&line, log, level, format, arguments);
    va_end(arguments);
    emit(log, &line);
}

static bool next_count(struct log_keeper *keeper, bool all, struct log_count *count)
{
    bool due;

    pthread_mutex_lock(&keeper->lock);
    due = log_repeats_due(&keeper->repeats, keeper->clock.monotonic_ms(keeper->clock.context), all, count);
    pthread_mutex_unlock(&keeper->lock);
    return due;
}

static void say_counts(const struct log *log, bool all)
{
    struct log_count count;
    char sentence[ERROR_TEXT_MAX];

    while (next_count(log->keeper, all, &count)) {
        log_line_sentence(sentence, sizeof sentence, count.format);
        say(log, count.level, "%s (%llu more of these in the last %lld s) more=%llu", sentence, count.more, (long long)count.seconds, count.more);
    }
}

void log_tend(const struct log *log)
{
    struct log_keeper *keeper = log->keeper;

    if (!keeper)
        return;
    say_counts(log, false);
    if (!log->sink) {
        pthread_mutex_lock(&keeper->lock);
        tell_lost(log);
        pthread_mutex_unlock(&keeper->lock);
    }
}

void log_close(struct log *log)
{
    if (!log->keeper)
        return;
    say_counts(log, true);
    log_tend(log);
    pthread_mutex_destroy(&log->keeper->lock);
    free(log->keeper);
    log->keeper = NULL;
}

/* In its own form, whatever the log's is. */
static void keep_recent(struct log_keeper *keeper, enum log_level level, const char *format, va_list arguments)
{
    struct log_head head = {.format = LOG_FORMAT_TEXT, .level = level, .time = -1};
    struct log_recent *recent;
    struct log_line line;

    log_line_make(&line, &head, format, arguments);
    pthread_mutex_lock(&keeper->lock);
    recent = &keeper->recent[keeper->recent_count++ % LOG_RECENT_MAX];
    recent->time = keeper->clock.realtime_ms(keeper->clock.context);
    recent->level = level;
    text_copy(recent->text, sizeof recent->text, line.text, line.size);
    pthread_mutex_unlock(&keeper->lock);
}

size_t log_recent(const struct log *log, struct log_recent *out, size_t max)
{
    struct log_keeper *keeper = log->keeper;
    size_t count;

    if (!keeper)
        return 0;
    pthread_mutex_lock(&keeper->lock);
    count = keeper->recent_count < LOG_RECENT_MAX ? keeper->recent_count : LOG_RECENT_MAX;
    count = count < max ? count : max;
    for (size_t i = 0; i < count; i++)
        out[i] = keeper->recent[(keeper->recent_count - 1 - i) % LOG_RECENT_MAX];
    pthread_mutex_unlock(&keeper->lock);
    return count;
}

void log_write(const struct log *log, enum log_level level, const char *format, ...)
{
    struct log_line line;
    int saved = errno;
    va_list arguments;

    if (!admit(log, level, format))
        return;
    if (log->keeper && level <= LOG_LEVEL_WARNING) {
        va_start(arguments, format);
        keep_recent(log->keeper, level, format, arguments);
        va_end(arguments);
    }
    va_start(arguments, format);
    make(&line, log, level, format, arguments);
    va_end(arguments);
    emit(log, &line);
    errno = saved;
}
