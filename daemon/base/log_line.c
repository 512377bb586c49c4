#include "base/log_line.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* TAIL: room that is kept for the end of a cut line: dots, quote, brace. NUMBER: the longest pair of a number besides its name. */
enum { TAIL = 8, NUMBER = 32, NAME_MAX_SIZE = 32 };

/* va_list may be an array: so it can be handed on and goes on where it stood. */
struct arguments {
    va_list list;
};

enum dress { DRESS_BARE, DRESS_QUOTED, DRESS_JSON };

struct pair {
    const char *name, *value, *end;      /* in the format; without quotes */
    size_t name_size;
    bool quoted;
};

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

/* A pair at `at`, which is a space; returns what follows it, NULL when there is none. */
static const char *pair_at(const char *at, struct pair *pair)
{
    if (*at != ' ')
        return NULL;
    pair->name = ++at;
    while (is_name(*at))
        at++;
    pair->name_size = (size_t)(at - pair->name);
    if (*at != '=' || !pair->name_size || pair->name_size > NAME_MAX_SIZE)
        return NULL;
    pair->quoted = at[1] == '"';
    pair->value = at + 1 + pair->quoted;
    pair->end = pair->value + strcspn(pair->value, pair->quoted ? "\"" : " ");
    at = pair->end + (pair->quoted && *pair->end);
    return *at == ' ' || !*at ? at : NULL;
}

static bool only_pairs(const char *at)
{
    struct pair pair;

    while (at && *at)
        at = pair_at(at, &pair);
    return at != NULL;
}

/* Where the sentence ends. */
static const char *pairs_of(const char *format)
{
    const char *at = format + strcspn(format, " ");

    while (*at && !only_pairs(at))
        at += 1 + strcspn(at + 1, " ");
    return at;
}

static void put(struct log_line *line, const char *text, size_t size)
{
    if (line->cut || line->size + size > LOG_LINE_MAX - TAIL) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct log_line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* For what must come, in the room that is kept. */
static void put_tail(struct log_line *line, const char *text)
{
    size_t size = strlen(text);

    ASSERT(line->size + size <= LOG_LINE_MAX);
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

/* Foreign text stays one line and one value: no control character, no broken UTF-8, no quote that ends it. */
static void put_clean(struct log_line *line, const char *text, size_t size, enum dress dress)
{
    const char *end = text + size;

    while (text < end) {
        uint32_t point = 0;
        size_t length = text_utf8(text, end, &point);

        if (length == 0)
            put_text(line, dress == DRESS_JSON ? "\xef\xbf\xbd" : "?");
        else if (text_is_control(point))
            put_text(line, "?");
        else if (dress != DRESS_BARE && (*text == '"' || *text == '\\'))
            put(line, (char[]){'\\', *text}, 2);
        else
            put(line, text, length);
        text += length ? length : 1;
    }
    if (line->cut)
        put_tail(line, "...");
}

struct conversion {
    size_t longs, precision;             /* precision SIZE_MAX: none */
    bool size, star;                     /* z; .* */
    char kind;
};

static const char *conversion_parse(const char *at, struct conversion *conversion)
{
    *conversion = (struct conversion){.precision = SIZE_MAX};
    if (*at == '.' && at[1] == '*') {
        conversion->star = true;
        at += 2;
    } else if (*at == '.') {
        conversion->precision = 0;
        for (at++; *at >= '0' && *at <= '9'; at++)
            conversion->precision = 10 * conversion->precision + (size_t)(*at - '0');
    }
    for (; *at == 'l'; at++)
        conversion->longs++;
    conversion->size = *at == 'z';
    at += conversion->size;
    conversion->kind = *at;
    return at + 1;
}

static long long take_signed(const struct conversion *conversion, struct arguments *arguments)
{
    if (conversion->size)
        return va_arg(arguments->list, ssize_t);
    return conversion->longs == 2 ? va_arg(arguments->list, long long) : conversion->longs ? va_arg(arguments->list, long) : va_arg(arguments->list, int);
}

static unsigned long long take_unsigned(const struct conversion *conversion, struct arguments *arguments)
{
    if (conversion->size)
        return va_arg(arguments->list, size_t);
    return conversion->longs == 2 ? va_arg(arguments->list, unsigned long long)
           : conversion->longs    ? va_arg(arguments->list, unsigned long)
                                  : va_arg(arguments->list, unsigned);
}

static void append(char *out, size_t size, size_t *at, const char *text, size_t length)
{
    size_t room = size - *at;

    if (length > room)
        length = room;
    memcpy(out + *at, text, length);
    *at += length;
}

static void expand_one(char *out, size_t size, size_t *at, struct conversion *conversion, struct arguments *arguments)
{
    char number[NUMBER];
    const char *text = number;
    int precision = conversion->star ? va_arg(arguments->list, int) : 0, written = 1;

    if (conversion->star)
        conversion->precision = precision > 0 ? (size_t)precision : 0;
    switch (conversion->kind) {
    case 's':
        text = va_arg(arguments->list, const char *);
        text = text ? text : "";
        append(out, size, at, text, strnlen(text, conversion->precision));
        return;
    case 'd':
        written = snprintf(number, sizeof number, "%lld", take_signed(conversion, arguments));
        break;
    case 'u':
        written = snprintf(number, sizeof number, "%llu", take_unsigned(conversion, arguments));
        break;
    case 'x':
        written = snprintf(number, sizeof number, "%llx", take_unsigned(conversion, arguments));
        break;
    default:
        ASSERT(conversion->kind == '%');
        number[0] = '%';
    }
    append(out, size, at, number, (size_t)written);
}

/* A piece of the format with its arguments; what `size` has no room for is left out. */
static size_t expand(char *out, size_t size, const char *format, const char *end, struct arguments *arguments)
{
    struct conversion conversion;
    size_t at = 0;

    while (format < end) {
        const char *percent = memchr(format, '%', (size_t)(end - format));

        append(out, size, &at, format, (size_t)((percent ? percent : end) - format));
        if (!percent)
            break;
        format = conversion_parse(percent + 1, &conversion);
        expand_one(out, size, &at, &conversion, arguments);
    }
    return at;
}

static bool is_number(const struct pair *pair)
{
    struct conversion conversion;

    return !pair->quoted && *pair->value == '%' && conversion_parse(pair->value + 1, &conversion) == pair->end &&
           (conversion.kind == 'd' || conversion.kind == 'u');
}

static bool needs_quotes(const char *text, size_t size)
{
    return size == 0 || memchr(text, ' ', size) || memchr(text, '"', size) || memchr(text, '=', size);
}

/* A pair is begun only where a number has room to its end; a text is cut where the room is over. */
static void put_pair(struct log_line *line, const struct pair *pair, enum log_format format, struct arguments *arguments)
{
    char value[LOG_LINE_MAX];
    size_t size = expand(value, sizeof value, pair->value, pair->end, arguments);
    bool json = format == LOG_FORMAT_JSON, quoted = json ? !is_number(pair) : pair->quoted || needs_quotes(value, size);

    if (line->size + pair->name_size + NUMBER > LOG_LINE_MAX - TAIL)
        line->cut = true;
    if (line->cut)
        return;
    put_text(line, json ? ",\"" : " ");
    put(line, pair->name, pair->name_size);
    put_text(line, json ? "\":" : "=");
    if (quoted)
        put(line, "\"", 1);
    put_clean(line, value, size, json ? DRESS_JSON : quoted ? DRESS_QUOTED : DRESS_BARE);
    if (quoted)
        put_tail(line, "\"");
}

/* Of an error its sentence alone. */
static void put_command(struct log_line *line, const struct log_head *head)
{
    *line = (struct log_line){.size = 0};
    put_text(line, "orderd ");
    put_text(line, head->command);
    put_text(line, ": ");
    if (head->level > LOG_LEVEL_ERROR) {
        put_text(line, log_level_name(head->level));
        put_text(line, ": ");
    }
}

static void put_head(struct log_line *line, const struct log_head *head)
{
    bool json = head->format == LOG_FORMAT_JSON;
    char time[TEXT_TIME_SIZE] = "";

    *line = (struct log_line){.size = 0};
    if (head->priority)
        put(line, (char[]){'<', (char)('0' + head->level), '>'}, 3);
    if (head->time >= 0)
        text_time(time, head->time);
    put_text(line, json ? "{" : "");
    put_text(line, json && time[0] ? "\"time\":\"" : "");
    put_text(line, time);
    put_text(line, json && time[0] ? "\"," : time[0] ? " " : "");
    if (json || !head->priority) {
        put_text(line, json ? "\"level\":\"" : "");
        put_text(line, log_level_name(head->level));
        put_text(line, json ? "\",\"message\":\"" : " ");
    }
}

void log_line_make(struct log_line *line, const struct log_head *head, const char *format, va_list list)
{
    bool json = head->format == LOG_FORMAT_JSON;
    const char *at = pairs_of(format);
    char sentence[LOG_LINE_MAX];
    struct arguments arguments;
    struct pair pair;
    size_t size;

    va_copy(arguments.list, list);
    if (head->command)
        put_command(line, head);
    else
        put_head(line, head);
    size = expand(sentence, sizeof sentence, format, at, &arguments);
    put_clean(line, sentence, size, json ? DRESS_JSON : DRESS_BARE);
    put_tail(line, json ? "\"" : "");
    for (; *at && !line->cut; put_pair(line, &pair, head->format, &arguments))
        at = pair_at(at, &pair);
    put_tail(line, json ? "}" : "");
    va_end(arguments.list);
    line->text[line->size] = '\0';
}

void log_line_sentence(char *out, size_t size, const char *format)
{
    const char *end = pairs_of(format);
    struct conversion conversion;
    size_t at = 0;

    while (format < end) {
        const char *percent = memchr(format, '%', (size_t)(end - format));

        append(out, size - 1, &at, format, (size_t)((percent ? percent : end) - format));
        if (!percent)
            break;
        format = conversion_parse(percent + 1, &conversion);
        append(out, size - 1, &at, conversion.kind == '%' ? "%" : "...", conversion.kind == '%' ? 1 : 3);
    }
    out[at] = '\0';
}
