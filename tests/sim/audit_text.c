/* Text of JSON: what a string means, how one is written, and tokens without the white space between them. */
#include "sim/audit_json.h"

const struct audit_member *audit_json_member(const struct audit_members *members, const char *name)
{
    for (size_t i = 0; i < members->count; i++)
        if (bytes_equal_text(members->items[i].name, name))
            return &members->items[i];
    return NULL;
}

static uint32_t unit_of(const char *digits)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        value = value * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t put_point(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* `*at` stands behind the backslash, and then behind the escape. */
static size_t put_escape(char *out, const char **at)
{
    static const char names[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *name;
    uint32_t point;

    if (**at != 'u') {
        name = strchr(names, **at);
        *out = name ? meant[name - names] : **at;
        ++*at;
        return 1;
    }
    point = unit_of(*at + 1);
    *at += 5;
    if (point >= 0xd800 && point <= 0xdbff) {
        point = 0x10000 + ((point - 0xd800) << 10) + (unit_of(*at + 2) - 0xdc00);
        *at += 6;
    }
    return put_point(out, point);
}

struct bytes audit_json_text(struct arena *arena, struct bytes span)
{
    const char *at = span.data + 1, *end = span.data + span.size - 1;
    size_t size = 0;
    char *out;

    if (!memchr(at, '\\', (size_t)(end - at)))
        return (struct bytes){at, (size_t)(end - at)};
    out = arena_take(arena, span.size);
    ASSERT(out);
    while (at < end)
        if (*at == '\\') {
            at++;
            size += put_escape(out + size, &at);
        } else {
            out[size++] = *at++;
        }
    return (struct bytes){out, size};
}

void audit_json_compact(struct buffer *out, struct bytes span)
{
    const char *at = span.data, *end = at + span.size, *from = at;
    bool quoted = false;

    for (; at < end; at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (quoted) {
            at += *at == '\\';
        } else if (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') {
            buffer_put(out, from, (size_t)(at - from));
            from = at + 1;
        }
    }
    buffer_put(out, from, (size_t)(end - from));
}

void audit_json_quote(struct buffer *out, struct bytes text)
{
    buffer_put_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '"' || c == '\\')
            buffer_put_char(out, '\\');
        if (c < 0x20)
            buffer_put_format(out, "\\u%04x", c);
        else
            buffer_put_char(out, (char)c);
    }
    buffer_put_char(out, '"');
}
