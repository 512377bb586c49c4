#include "service/pen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { ITEM_MAX = 256, GAP = 2 };

/* Characters that the text takes, and where it must be cut to take no more than `most`. */
static int measure(const char *text, int most, size_t *cut)
{
    const char *end = text + strlen(text), *at = text;
    int columns = 0;

    while (at < end && columns < most) {
        uint32_t point;
        size_t size = text_utf8(at, end, &point);

        at += size ? size : 1;
        columns++;
    }
    *cut = (size_t)(at - text);
    return columns;
}

void pen_line(struct pen *pen)
{
    buffer_put_char(pen->out, '\n');
    pen->column = pen->indent = 0;
}

static void put_spaces(struct pen *pen, int count)
{
    for (int i = 0; i < count; i++)
        buffer_put_char(pen->out, ' ');
    pen->column += count > 0 ? count : 0;
}

/* Foreign bytes: what would move the terminal's cursor is not passed on. */
static void put_clean(struct pen *pen, const char *text, size_t size)
{
    const char *end = text + size;

    while (text < end) {
        uint32_t point = 0;
        size_t length = text_utf8(text, end, &point);

        if (length == 0 || text_is_control(point))
            buffer_put_char(pen->out, '?');
        else
            buffer_put(pen->out, text, length);
        text += length ? length : 1;
    }
}

static void put_styled(struct pen *pen, enum pen_style style, const char *text, size_t size)
{
    static const char *const codes[] = {[PEN_BOLD] = "\033[1m", [PEN_DIM] = "\033[2m", [PEN_GOOD] = "\033[32m", [PEN_WARN] = "\033[33m", [PEN_BAD] = "\033[1;31m"};
    size_t cut;

    if (pen->colour && style != PEN_PLAIN)
        buffer_put_text(pen->out, codes[style]);
    put_clean(pen, text, size);
    if (pen->colour && style != PEN_PLAIN)
        buffer_put_text(pen->out, "\033[0m");
    pen->column += measure(text, (int)size, &cut);
}

void pen_put(struct pen *pen, enum pen_style style, const char *text)
{
    put_styled(pen, style, text, strlen(text));
}

void pen_label(struct pen *pen, const char *label)
{
    char padded[32];

    snprintf(padded, sizeof padded, "%-12s ", label);
    pen_put(pen, PEN_BOLD, padded);
    pen->indent = pen->column;
}

static void wrap(struct pen *pen)
{
    int indent = pen->indent;

    pen_line(pen);
    put_spaces(pen, indent);
    pen->indent = indent;
}

void pen_item(struct pen *pen, enum pen_style style, const char *format, ...)
{
    char text[ITEM_MAX];
    va_list arguments;
    size_t cut;
    int columns;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    columns = measure(text, ITEM_MAX, &cut);
    if (pen->column > pen->indent) {
        if (pen->column + GAP + columns > pen->width)
            wrap(pen);
        else
            put_spaces(pen, GAP);
    }
    pen_cut(pen, style, text);
}

void pen_words(struct pen *pen, enum pen_style style, const char *text)
{
    bool first = true;

    while (*text) {
        size_t size = strcspn(text, " "), cut;
        char word[ITEM_MAX];
        int columns;

        snprintf(word, sizeof word, "%.*s", (int)(size < ITEM_MAX ? size : ITEM_MAX - 1), text);
        columns = measure(word, ITEM_MAX, &cut);
        if (!first && pen->column + 1 + columns > pen->width)
            wrap(pen);
        else if (!first)
            put_spaces(pen, 1);
        pen_cut(pen, style, word);
        text += size;
        text += strspn(text, " ");
        first = false;
    }
}

void pen_cut(struct pen *pen, enum pen_style style, const char *text)
{
    int room = pen->width - pen->column;
    size_t whole, cut;

    if (room <= 3)
        return;
    measure(text, room, &whole);
    if (!text[whole]) {
        put_styled(pen, style, text, whole);
        return;
    }
    measure(text, room - 3, &cut);
    put_styled(pen, style, text, cut);
    put_styled(pen, style, "...", 3);
}

void pen_cell(struct pen *pen, enum pen_style style, int width, bool right, const char *text)
{
    size_t cut, whole;
    int columns = measure(text, width, &whole);

    put_spaces(pen, pen->column ? GAP : 0);
    if (right)
        put_spaces(pen, width - columns);
    if (!text[whole]) {
        put_styled(pen, style, text, whole);
    } else {
        measure(text, width - 1, &cut);
        put_styled(pen, style, text, cut);
        put_styled(pen, style, "~", 1);
    }
    if (!right)
        put_spaces(pen, width - columns);
}

const char *pen_count(char out[PEN_NUMBER_SIZE], int64_t value)
{
    char digits[PEN_NUMBER_SIZE];
    size_t size, used = 0;

    if (value < 0)
        return "?";
    size = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value);
    for (size_t i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *pen_rate(char out[PEN_NUMBER_SIZE], double value)
{
    if (value < 0)
        return "?";
    if (value >= 99.95 || value < 0.0005)
        return pen_count(out, (int64_t)(value + 0.5));
    snprintf(out, PEN_NUMBER_SIZE, value < 0.095 ? "%.2f" : "%.1f", value);
    return out;
}

const char *pen_duration(char out[PEN_NUMBER_SIZE], double ms)
{
    long long minutes = (long long)(ms / 60000);

    if (ms < 0)
        return "?";
    if (ms < 10)
        snprintf(out, PEN_NUMBER_SIZE, ms > 0 && ms < 9.95 ? "%.1f ms" : "%.0f ms", ms);
    else if (ms < 999.5)
        snprintf(out, PEN_NUMBER_SIZE, "%.0f ms", ms);
    else if (ms < 60000)
        snprintf(out, PEN_NUMBER_SIZE, ms < 9950 ? "%.1f s" : "%.0f s", ms / 1000);
    else if (minutes < 60)
        snprintf(out, PEN_NUMBER_SIZE, "%lld min", minutes);
    else if (minutes < 48 * 60)
        snprintf(out, PEN_NUMBER_SIZE, "%lld h %02lld min", minutes / 60, minutes % 60);
    else
        snprintf(out, PEN_NUMBER_SIZE, "%lld d %lld h", minutes / 1440, minutes / 60 % 24);
    return out;
}
