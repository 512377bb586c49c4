/* Stored records: any bytes are refused, or read as records that are written and read again the same. */
#include "codec/record.h"

#include "fuzz/fuzz.h"

static bool within(struct bytes part, struct bytes whole)
{
    return !part.data || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void same(const struct record *a, const struct record *b)
{
    MUST(a->kind == b->kind && a->partition == b->partition && a->headers_count == b->headers_count);
    MUST(bytes_equal(a->key, b->key) && bytes_equal(a->value, b->value));
    for (size_t i = 0; i < a->headers_count; i++)
        MUST(bytes_equal(a->headers[i].name, b->headers[i].name) && bytes_equal(a->headers[i].value, b->headers[i].value));
}

static void write_and_read(const struct record *record)
{
    static struct record again;
    struct buffer out;
    struct reader reader;

    buffer_init(&out, 1 << 22);
    record_begin(&out, record->kind, record->partition, record->key, record->headers_count);
    for (size_t i = 0; i < record->headers_count; i++)
        record_header(&out, record->headers[i].name, record->headers[i].value);
    record_end(&out, record->value);
    reader = reader_of(buffer_bytes(&out));
    MUST(buffer_error(&out) == 0 && record_next(&reader, &again) == 0 && reader_end(&reader) == 0);
    same(record, &again);
    MUST(record_size(record->key, record->value, record->headers, record->headers_count) >= out.size);
    buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record record;
    struct bytes whole = input_of(data, size);
    struct reader reader = reader_of(whole);
    int r = 0;

    while (!r && reader.at < reader.end) {
        r = record_next(&reader, &record);
        MUST(r == 0 || r == -EBADMSG);
        if (r)
            break;
        MUST(record.partition >= 0 && record.headers_count <= RECORD_HEADERS_MAX && within(record.key, whole) && within(record.value, whole));
        for (size_t i = 0; i < record.headers_count; i++)
            MUST(record.headers[i].name.data && within(record.headers[i].name, whole) && within(record.headers[i].value, whole));
        write_and_read(&record);
    }
    return 0;
}
