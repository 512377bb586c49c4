#include "codec/text.h"

#include <string.h>

static bool plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

static size_t put_special(struct buffer *out, const char *at, const char *end)
{
    uint32_t point;
    size_t size = text_utf8(at, end, &point);

    if (size == 0) {
        buffer_put_text(out, "\xef\xbf\xbd");
        return 1;
    }
    if (size > 1)
        buffer_put(out, at, size);
    else if (*at == '"' || *at == '\\')
        buffer_put(out, (char[]){'\\', *at}, 2);
    else
        buffer_put_format(out, "\\u%04x", (unsigned)point);
    return size;
}

void text_put_json(struct buffer *out, struct bytes text)
{
    const char *at = text.data, *end = text.data + text.size;

    buffer_put_char(out, '"');
    while (at < end) {
        const char *start = at;

        while (at < end && plain(*at))
            at++;
        buffer_put(out, start, (size_t)(at - start));
        if (at < end)
            at += put_special(out, at, end);
    }
    buffer_put_char(out, '"');
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Past the closing quote of the string that begins at `at`. */
static const char *string_end(const char *at)
{
    for (at++; *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at + 1;
}

static const char *space_end(const char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

/* Copies one value without its white space; returns where it ended. The text is valid, so nothing else is checked. What lies between
 * two white spaces is copied at once. */
static const char *put_value(struct buffer *out, const char *at)
{
    const char *start = at;
    int depth = 0;

    do {
        if (*at == '"') {
            at = string_end(at);
        } else {
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at++;
        }
        if (is_space(*at)) {
            buffer_put(out, start, (size_t)(at - start));
            start = at = space_end(at);
        }
    } while (depth > 0 || (*at != ',' && *at != '}' && *at != ']'));
    buffer_put(out, start, (size_t)(at - start));
    return at;
}

/* Names that may be written with escapes are compared in their plain form only: "ty\u0070e" stands for itself and is carried. */
static bool is_envelope(const char *name, const char *end)
{
    size_t size = (size_t)(end - name);

    return (size == 6 && memcmp(name, "\"type\"", 6) == 0) || (size == 4 && memcmp(name, "\"id\"", 4) == 0);
}

void text_put_members(struct buffer *out, struct bytes object)
{
    const char *at = space_end(object.data);
    bool first = true;

    ASSERT(*at == '{');
    at = space_end(at + 1);
    while (*at != '}') {
        const char *name = at, *name_end = string_end(at);
        size_t before = out->size;

        at = space_end(space_end(name_end) + 1);
        if (!first)
            buffer_put_char(out, ',');
        buffer_put(out, name, (size_t)(name_end - name));
        buffer_put_char(out, ':');
        at = put_value(out, at);
        if (is_envelope(name, name_end))
            out->size = before;
        else
            first = false;
        if (*at == ',')
            at = space_end(at + 1);
    }
}

struct bytes text_member(struct bytes object, const char *wanted)
{
    const char *at = space_end(object.data);
    size_t size = strlen(wanted);

    ASSERT(*at == '{');
    at = space_end(at + 1);
    while (*at != '}') {
        const char *name = at, *name_end = string_end(at), *start;
        int depth = 0;

        start = at = space_end(space_end(name_end) + 1);
        do {
            if (*at == '"') {
                at = string_end(at);
            } else {
                depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
                at++;
            }
            at = space_end(at);
        } while (depth > 0 || (*at != ',' && *at != '}'));
        if ((size_t)(name_end - name) == size + 2 && memcmp(name + 1, wanted, size) == 0)
            return (struct bytes){start, (size_t)(at - start)};
        if (*at == ',')
            at = space_end(at + 1);
    }
    return (struct bytes){NULL, 0};
}
