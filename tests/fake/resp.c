#include "fake/resp.h"

#include <stdlib.h>
#include <string.h>

void resp_error(struct buffer *out, const char *text)
{
    buffer_put_format(out, "-%s\r\n", text);
}

void resp_status(struct buffer *out, const char *text)
{
    buffer_put_format(out, "+%s\r\n", text);
}

void resp_int(struct buffer *out, int64_t value)
{
    buffer_put_format(out, ":%lld\r\n", (long long)value);
}

void resp_bulk(struct buffer *out, struct bytes value)
{
    if (!value.data) {
        buffer_put_text(out, "$-1\r\n");
        return;
    }
    buffer_put_format(out, "$%zu\r\n", value.size);
    buffer_put_bytes(out, value);
    buffer_put_text(out, "\r\n");
}

void resp_array(struct buffer *out, size_t count)
{
    buffer_put_format(out, "*%zu\r\n", count);
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

size_t resp_command(struct bytes *args, size_t max, const char **at)
{
    size_t count;

    ASSERT(**at == '*');
    ++*at;
    count = (size_t)number_line(at);
    ASSERT(count >= 1 && count <= max);
    for (size_t i = 0; i < count; i++) {
        ASSERT(**at == '$');
        ++*at;
        args[i].size = (size_t)number_line(at);
        args[i].data = *at;
        *at += args[i].size + 2;
    }
    return count;
}
