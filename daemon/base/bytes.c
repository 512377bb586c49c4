#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

struct bytes bytes_of(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return (a.data == NULL) == (b.data == NULL) && a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool bytes_equal_text(struct bytes a, const char *text)
{
    return a.data && bytes_equal(a, bytes_of(text));
}

bool bytes_begin(struct bytes a, const char *text)
{
    size_t size = strlen(text);

    return a.size >= size && memcmp(a.data, text, size) == 0;
}

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_reset(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->error = 0;
}

int buffer_error(const struct buffer *buffer)
{
    return buffer->error;
}

static char *buffer_grow(struct buffer *buffer, size_t size)
{
    size_t wanted = buffer->size + size, capacity = buffer->capacity ? buffer->capacity : 256;
    char *data;

    if (size > buffer->limit || wanted > buffer->limit) {
        buffer->error = -ENOBUFS;
        return NULL;
    }
    while (capacity < wanted)
        capacity *= 2;
    if (capacity > buffer->limit)
        capacity = buffer->limit;
    data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->error = -ENOMEM;
        return NULL;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return data + buffer->size;
}

char *buffer_room(struct buffer *buffer, size_t size)
{
    if (buffer->error)
        return NULL;
    if (buffer->data && size <= buffer->capacity - buffer->size)
        return buffer->data + buffer->size;
    return buffer_grow(buffer, size);
}

void buffer_used(struct buffer *buffer, size_t size)
{
    ASSERT(size <= buffer->capacity - buffer->size);
    buffer->size += size;
}

void buffer_put_slowly(struct buffer *buffer, const void *data, size_t size)
{
    char *room = buffer_room(buffer, size);

    if (room && size) {
        memcpy(room, data, size);
        buffer->size += size;
    }
}

void buffer_put_int(struct buffer *buffer, int64_t value)
{
    char *room = buffer_room(buffer, NUMBER_TEXT_MAX);

    if (room)
        buffer->size += number_format(room, value);
}

void buffer_put_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    char text[1024];
    int size;

    va_start(arguments, format);
    size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0 && (size_t)size < sizeof text);
    buffer_put(buffer, text, (size_t)size);
}

struct bytes buffer_bytes(const struct buffer *buffer)
{
    return (struct bytes){buffer->data ? buffer->data : "", buffer->size};
}

const char *buffer_text(struct buffer *buffer)
{
    char *room = buffer_room(buffer, 1);

    if (!room)
        return "";
    *room = '\0';
    return buffer->data;
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
    char *room = buffer_room(buffer, 10);
    size_t size = 0;

    if (!room)
        return;
    for (; value >= 0x80; value >>= 7)
        room[size++] = (char)(value | 0x80);
    room[size++] = (char)value;
    buffer->size += size;
}

/* The size is stored plus one; 0 says absent. */
void buffer_put_sized(struct buffer *buffer, struct bytes bytes)
{
    buffer_put_varint(buffer, bytes.data ? (uint64_t)bytes.size + 1 : 0);
    if (bytes.data)
        buffer_put_bytes(buffer, bytes);
}

struct reader reader_of(struct bytes bytes)
{
    static const char none[1] = "";
    const char *data = bytes.data ? bytes.data : none;

    return (struct reader){data, data + bytes.size, 0};
}

uint64_t reader_varint(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && !reader->error; shift += 7) {
        unsigned char byte;

        if (reader->at == reader->end)
            break;
        byte = (unsigned char)*reader->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    reader->error = -EBADMSG;
    return 0;
}

struct bytes reader_sized(struct reader *reader)
{
    uint64_t size = reader_varint(reader);
    struct bytes bytes = {NULL, 0};

    if (reader->error || size == 0)
        return bytes;
    size--;
    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->error = -EBADMSG;
        return bytes;
    }
    bytes = (struct bytes){reader->at, (size_t)size};
    reader->at += size;
    return bytes;
}

int reader_error(const struct reader *reader)
{
    return reader->error;
}

int reader_end(const struct reader *reader)
{
    return reader->error || reader->at != reader->end ? -EBADMSG : 0;
}
