#include "codec/record.h"

enum { RECORD_VERSION = 1 };

void record_begin(struct buffer *out, enum record_kind kind, int32_t partition, struct bytes key, size_t headers_count)
{
    ASSERT(headers_count <= RECORD_HEADERS_MAX && partition >= 0);
    buffer_put_varint(out, RECORD_VERSION);
    buffer_put_varint(out, (uint64_t)kind);
    buffer_put_varint(out, (uint64_t)partition);
    buffer_put_sized(out, key);
    buffer_put_varint(out, headers_count);
}

void record_header(struct buffer *out, struct bytes name, struct bytes value)
{
    buffer_put_sized(out, name);
    buffer_put_sized(out, value);
}

void record_end(struct buffer *out, struct bytes value)
{
    buffer_put_sized(out, value);
}

int record_next(struct reader *reader, struct record *out)
{
    uint64_t version = reader_varint(reader), kind = reader_varint(reader), partition = reader_varint(reader), count;

    out->key = reader_sized(reader);
    count = reader_varint(reader);
    if (reader_error(reader) || version != RECORD_VERSION || kind > RECORD_DEAD_LETTER || partition > INT32_MAX ||
        count > RECORD_HEADERS_MAX)
        return -EBADMSG;
    out->kind = (enum record_kind)kind;
    out->partition = (int32_t)partition;
    out->headers_count = (size_t)count;
    for (size_t i = 0; i < out->headers_count; i++) {
        out->headers[i].name = reader_sized(reader);
        out->headers[i].value = reader_sized(reader);
        if (!out->headers[i].name.data)
            return -EBADMSG;
    }
    out->value = reader_sized(reader);
    return reader_error(reader);
}

size_t record_size(struct bytes key, struct bytes value, const struct kafka_header *headers, size_t headers_count)
{
    size_t size = RECORD_OVERHEAD + key.size + value.size;

    for (size_t i = 0; i < headers_count; i++)
        size += RECORD_HEADER_OVERHEAD + headers[i].name.size + headers[i].value.size;
    return size;
}
