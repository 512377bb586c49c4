#include "commands/shown.h"

#include "base/text.h"
#include "seam/json.h"

enum { HEX_LINE = 16, INDENT = 2 };

static void put_hex(struct buffer *out, const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        buffer_put_format(out, "\\x%02x", (unsigned)(unsigned char)at[i]);
}

/* One character, or one byte that is none; returns how many bytes it was. */
static size_t put_one(struct buffer *out, const char *at, const char *end)
{
    uint32_t point;
    size_t size = text_utf8(at, end, &point);

    if (size && !text_is_control(point)) {
        buffer_put(out, at, size);
        return size;
    }
    put_hex(out, at, size ? size : 1);
    return size ? size : 1;
}

void shown_put(struct buffer *out, struct bytes text)
{
    const char *at = text.data, *end = text.data ? text.data + text.size : NULL;

    while (at < end)
        at += put_one(out, at, end);
}

bool shown_is_text(struct bytes value)
{
    const char *at = value.data, *end = value.data ? value.data + value.size : NULL;

    while (at < end) {
        uint32_t point;
        size_t size = text_utf8(at, end, &point);

        if (!size || (text_is_control(point) && point != '\t' && point != '\n' && point != '\r'))
            return false;
        at += size;
    }
    return true;
}

static void put_line(struct buffer *out, int depth)
{
    buffer_put_char(out, '\n');
    for (int i = 0; i < depth * INDENT; i++)
        buffer_put_char(out, ' ');
}

/* A string with its quotes; returns what follows it. */
static const char *put_string(struct buffer *out, const char *at, const char *end)
{
    bool escaped = false;

    buffer_put_char(out, *at++);
    while (at < end && (escaped || *at != '"')) {
        escaped = !escaped && *at == '\\';
        at += put_one(out, at, end);
    }
    if (at < end)
        buffer_put_char(out, *at++);
    return at;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* Valid JSON, whose bytes stay in their order; only white space outside of strings is made anew. */
static void put_json(struct buffer *out, struct bytes value)
{
    const char *at = value.data, *end = value.data + value.size;
    int depth = 0;

    for (at = skip_space(at, end); at < end; at = skip_space(at, end)) {
        char c = *at;

        if (c == '"') {
            at = put_string(out, at, end);
            continue;
        }
        at = skip_space(at + 1, end);
        if ((c == '{' || c == '[') && at < end && (*at == '}' || *at == ']')) {
            buffer_put_char(out, c);
            buffer_put_char(out, *at++);
            continue;
        }
        if (c == '}' || c == ']')
            put_line(out, --depth);
        buffer_put_char(out, c);
        if (c == '{' || c == '[')
            put_line(out, ++depth);
        else if (c == ',')
            put_line(out, depth);
        else if (c == ':')
            buffer_put_char(out, ' ');
    }
    buffer_put_char(out, '\n');
}

static void put_dump(struct buffer *out, struct bytes value)
{
    for (size_t from = 0; from < value.size; from += HEX_LINE) {
        size_t size = value.size - from < HEX_LINE ? value.size - from : HEX_LINE;

        buffer_put_format(out, "%08zx ", from);
        for (size_t i = 0; i < HEX_LINE; i++)
            if (i < size)
                buffer_put_format(out, "%s%02x", i == HEX_LINE / 2 ? "  " : " ", (unsigned)(unsigned char)value.data[from + i]);
            else
                buffer_put_text(out, i == HEX_LINE / 2 ? "    " : "   ");
        buffer_put_text(out, "  ");
        for (size_t i = 0; i < size; i++) {
            char c = value.data[from + i];

            buffer_put_char(out, c >= 0x20 && c < 0x7f ? c : '.');
        }
        buffer_put_char(out, '\n');
    }
}

static void put_text(struct buffer *out, struct bytes value)
{
    const char *at = value.data, *end = value.data + value.size;

    for (; at < end; at++)
        if (*at != '\r')
            buffer_put_char(out, *at);
        else
            buffer_put_text(out, "\\x0d");
    if (value.size && end[-1] != '\n')
        buffer_put_char(out, '\n');
}

void shown_put_value(struct buffer *out, struct bytes value)
{
    struct bytes head = {value.data, value.size < SHOWN_MAX ? value.size : SHOWN_MAX};
    struct error_text error;
    struct json json;

    if (value.size <= SHOWN_MAX && json_object_parse(&json, value, &error) == JSON_OK) {
        json_release(&json);
        put_json(out, value);
    } else if (shown_is_text(head)) {
        put_text(out, head);
    } else {
        put_dump(out, head);
    }
    if (head.size < value.size)
        buffer_put_format(out, "... %zu bytes more\n", value.size - head.size);
}
