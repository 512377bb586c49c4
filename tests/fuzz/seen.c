/* Elements of the seen list as Redis returns them: one that is refused leaves nothing behind, one that is taken is found again. */
#include "ledger/seen.h"

#include <stdlib.h>

#include "fuzz/fuzz.h"

enum { IDS = 100 };

static struct seen *empty(void)
{
    struct seen *seen;

    MUST(seen_new(&seen, (struct hash_key){1, 2}, IDS, 1000) == 0);
    return seen;
}

/* The records as they stand in the element, read once more; each key's last one is what the index must know. */
static void every_record_is_found(const struct seen *seen, struct reader reader, int64_t from, int64_t to, struct buffer *again)
{
    const struct seen_record *found = NULL;
    size_t count = 0;

    while (reader.at < reader.end) {
        struct bytes source = reader_sized(&reader), id = reader_sized(&reader);
        struct seen_record record = {.key = seen_key(seen, source, id), .offset = (int64_t)reader_varint(&reader)};

        record.time = (int64_t)(reader_varint(&reader) - 1);
        record.status = (enum status)reader_varint(&reader);
        record.digest = reader_varint(&reader);
        MUST(reader_error(&reader) == 0 && record.offset >= from && record.offset < to && record.status < STATUS_COUNT);
        seen_element_add(again, source, id, &record);
        found = seen_find(seen, record.key, record.time);
        count++;
        MUST(reader.at < reader.end || (found && found->offset == record.offset && found->digest == record.digest && found->status == record.status));
    }
    MUST(seen_records(seen) == (count < IDS ? count : IDS));
}

static void accepted(const struct seen *seen, struct bytes element)
{
    struct reader reader = reader_of(element);
    uint64_t version = reader_varint(&reader);
    int64_t from = (int64_t)reader_varint(&reader), to = (int64_t)reader_varint(&reader), end;
    struct seen *second = empty();
    struct buffer again;

    MUST(version == 1 && from >= 0 && to >= from && seen_elements(seen) == 1);
    buffer_init(&again, 1 << 20);
    seen_element_begin(&again, from, to);
    every_record_is_found(seen, reader, from, to, &again);
    MUST(seen_load(second, buffer_bytes(&again), from, &end) == 0 && end == to && seen_records(second) == seen_records(seen));
    buffer_deinit(&again);
    seen_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes element = input_of(data, size);
    struct reader reader = reader_of(element);
    struct seen *seen = empty();
    int64_t from, to = -1;
    int r;

    reader_varint(&reader);
    from = (int64_t)reader_varint(&reader);
    r = seen_load(seen, element, from, &to);
    MUST(r == 0 || r == -EBADMSG);
    if (r == 0)
        accepted(seen, element);
    else
        MUST(seen_records(seen) == 0 && seen_elements(seen) == 0);
    MUST(seen_load(seen, element, from == INT64_MAX ? 0 : from + 1, &to) != 0);
    seen_free(seen);
    return 0;
}
