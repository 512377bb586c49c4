#include "fake/resp.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static void put_line(struct buffer *out, char sign, const char *text)
{
    buffer_put_char(out, sign);
    buffer_put_text(out, text);
    buffer_put(out, "\r\n", 2);
}

static void put_number(struct buffer *out, char sign, int64_t number)
{
    char *room = buffer_room(out, NUMBER_TEXT_MAX + 3), *at = room;

    ASSERT(room);
    *at++ = sign;
    at += number_format(at, number);
    *at++ = '\r';
    *at++ = '\n';
    buffer_used(out, (size_t)(at - room));
}

void resp_error(struct buffer *out, const char *text)
{
    put_line(out, '-', text);
}

void resp_status(struct buffer *out, const char *text)
{
    put_line(out, '+', text);
}

void resp_int(struct buffer *out, int64_t value)
{
    put_number(out, ':', value);
}

void resp_bulk(struct buffer *out, struct bytes value)
{
    put_number(out, '$', value.data ? (int64_t)value.size : -1);
    if (!value.data)
        return;
    buffer_put_bytes(out, value);
    buffer_put(out, "\r\n", 2);
}

void resp_array(struct buffer *out, size_t count)
{
    put_number(out, '*', (int64_t)count);
}

void resp_nil_array(struct buffer *out)
{
    buffer_put(out, "*-1\r\n", 5);
}

/* The number behind the type's sign; `*at` moves behind the line's end. */
static int64_t number_line(const char **at)
{
    char *end;
    int64_t number = strtoll(*at, &end, 10);

    *at = end + 2;
    return number;
}

static struct bytes text_line(struct arena *arena, const char **at)
{
    size_t size = strcspn(*at, "\r");
    struct bytes text = arena_copy(arena, (struct bytes){*at, size});

    *at += size + 2;
    return text;
}

struct reply *resp_read(struct arena *arena, const char **at)
{
    struct reply *reply = arena_take(arena, sizeof *reply);
    char sign = *(*at)++;
    int64_t size;

    if (!reply)
        return NULL;
    if (sign == '+' || sign == '-') {
        *reply = (struct reply){.type = sign == '+' ? REPLY_STATUS : REPLY_ERROR, .text = text_line(arena, at)};
        return reply;
    }
    size = number_line(at);
    if (sign == ':') {
        *reply = (struct reply){.type = REPLY_INTEGER, .integer = size};
    } else if (size < 0) {
        *reply = (struct reply){.type = REPLY_NIL};
    } else if (sign == '$') {
        *reply = (struct reply){.type = REPLY_STRING, .text = arena_copy(arena, (struct bytes){*at, (size_t)size})};
        *at += size + 2;
    } else {
        *reply = (struct reply){.type = REPLY_ARRAY, .count = (size_t)size};
        reply->elements = arena_take(arena, ((size_t)size + 1) * sizeof *reply->elements);
        for (int64_t i = 0; reply->elements && i < size; i++)
            reply->elements[i] = resp_read(arena, at);
    }
    return reply;
}

/* "*3\r\n" of the sign, up to `end`: false when it is not whole. */
static bool head_line(char sign, const char **at, const char *end, size_t *number)
{
    const char *p = *at;

    if (p == end)
        return false;
    ASSERT(*p == sign);
    *number = 0;
    for (p++; p < end && *p >= '0' && *p <= '9'; p++)
        *number = *number * 10 + (size_t)(*p - '0');
    if (end - p < 2)
        return false;
    ASSERT(p[0] == '\r' && p[1] == '\n');
    *at = p + 2;
    return true;
}

size_t resp_command(struct bytes *args, size_t max, const char **at, const char *end)
{
    const char *p = *at;
    size_t count;

    if (!head_line('*', &p, end, &count))
        return 0;
    ASSERT(count >= 1 && count <= max);
    for (size_t i = 0; i < count; i++) {
        if (!head_line('$', &p, end, &args[i].size) || (size_t)(end - p) < args[i].size + 2)
            return 0;
        args[i].data = p;
        p += args[i].size + 2;
    }
    *at = p;
    return count;
}
