/* Foreign bytes by pointer and length, and a growing buffer to build our own. */
#ifndef ORDERD_BASE_BYTES_H
#define ORDERD_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* A view of bytes that somebody else owns. `data == NULL` is "absent" (Kafka's null), distinct from empty. */
struct bytes {
    const char *data;
    size_t size;
};

/* The bytes of a C string, without its end. The string stays the caller's. */
struct bytes bytes_of(const char *text);
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_text(struct bytes a, const char *text);
/* Whether they begin with the text. */
bool bytes_begin(struct bytes a, const char *text);

/* A buffer that grows up to `limit` bytes. Errors stick: after the first failure every put does nothing, and
 * buffer_error() says what went wrong (-ENOMEM, -ENOBUFS when the limit is passed); so a writer checks once, at its end. */
struct buffer {
    char *data;
    size_t size, capacity, limit;
    int error;
};

void buffer_init(struct buffer *buffer, size_t limit);
/* Frees the memory; the buffer is empty and usable again. */
void buffer_deinit(struct buffer *buffer);
/* Empties it and forgets the error; keeps the memory. */
void buffer_reset(struct buffer *buffer);
/* 0, or the first error since the last reset. */
int buffer_error(const struct buffer *buffer) MUST_CHECK;
/* Makes room for `size` more bytes and returns where they go (to be confirmed with buffer_used), NULL on error. */
char *buffer_room(struct buffer *buffer, size_t size);
void buffer_used(struct buffer *buffer, size_t size);
/* Where there is room already, as nearly always, a put is a copy in place: literals then cost a few moves. */
void buffer_put_slowly(struct buffer *buffer, const void *data, size_t size);

static inline void buffer_put(struct buffer *buffer, const void *data, size_t size)
{
    if (buffer->error || size == 0 || size > buffer->capacity - buffer->size) {
        buffer_put_slowly(buffer, data, size);
    } else {
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
}

static inline void buffer_put_bytes(struct buffer *buffer, struct bytes bytes)
{
    buffer_put(buffer, bytes.data, bytes.size);
}

static inline void buffer_put_text(struct buffer *buffer, const char *text)
{
    buffer_put(buffer, text, strlen(text));
}

static inline void buffer_put_char(struct buffer *buffer, char c)
{
    buffer_put(buffer, &c, 1);
}

/* Decimal, as 0|-?[1-9][0-9]*. */
void buffer_put_int(struct buffer *buffer, int64_t value);
void buffer_put_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
struct bytes buffer_bytes(const struct buffer *buffer);
/* The text with an end put behind it (not counted in size); "" after an error. Valid until the next put. */
const char *buffer_text(struct buffer *buffer);

/* Unsigned LEB128 and length-prefixed bytes (absent distinct from empty), for the records we keep in Redis. */
void buffer_put_varint(struct buffer *buffer, uint64_t value);
void buffer_put_sized(struct buffer *buffer, struct bytes bytes);

/* Reads what the two above wrote. Errors stick: after a bad byte every take returns 0 or absent and reader_error()
 * returns -EBADMSG. Takes never read past the end; the bytes taken point into the input. */
struct reader {
    const char *at, *end;
    int error;
};

struct reader reader_of(struct bytes bytes);
uint64_t reader_varint(struct reader *reader);
struct bytes reader_sized(struct reader *reader);
/* 0 when everything was well formed and the input is used up, else -EBADMSG. */
int reader_end(const struct reader *reader) MUST_CHECK;
int reader_error(const struct reader *reader) MUST_CHECK;

#endif
