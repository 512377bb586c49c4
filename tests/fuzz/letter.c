/* Headers of a dead letter, and values of orderd:letters: what is read is written again to the same, and nothing else is believed. */
#include "codec/letter.h"
#include "ledger/letters.h"

#include "fuzz/fuzz.h"

/* Name and value in turn. */
static size_t take_headers(struct reader *reader, struct kafka_header *headers, size_t max)
{
    size_t count = 0;

    while (count < max && reader->at < reader->end && !reader_error(reader)) {
        struct bytes name = reader_sized(reader), value = reader_sized(reader);

        if (reader_error(reader) || !name.data)
            break;
        headers[count++] = (struct kafka_header){name, value};
    }
    return count;
}

static void a_letter(const struct kafka_header *headers, size_t count, struct bytes value)
{
    struct kafka_header again[LETTER_LINEAGE];
    struct lineage_found found;
    struct lineage_out lineage;
    struct letter letter;
    char id[LETTER_ID_SIZE];

    if (letter_read(&letter, value, value, headers, count))
        return;
    MUST(letter.partition >= 0 && letter.offset >= 0 && letter.redrives >= 0 && letter.headers_count + 6 <= count);
    letter_id(&letter, id);
    if (letter.redrives == INT64_MAX)
        return;
    lineage_put(&lineage, &letter, "dead/0/1");
    memcpy(again, lineage.headers, sizeof again);
    MUST(lineage_find(&found, again, LETTER_LINEAGE) && found.count == letter.redrives + 1 && bytes_equal_text(found.source, id));
}

static void a_record(struct bytes value)
{
    char text[LETTERS_VALUE_SIZE], twice[LETTERS_VALUE_SIZE];
    struct letters_record record, again;
    struct letters_looked looked;

    letters_read(&record, value);
    MUST(record.state != LETTERS_OPEN || !value.data);
    if (record.state == LETTERS_SENDING || record.state == LETTERS_REDRIVEN || record.state == LETTERS_DISCARDED) {
        letters_format(text, &record);
        letters_read(&again, bytes_of(text));
        letters_format(twice, &again);
        MUST(again.state == record.state && strcmp(text, twice) == 0);
    }
    letters_looked_read(&looked, value);
    MUST(!looked.known || (looked.floor >= 0 && looked.upto >= looked.floor));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = input_of(data, size);
    struct reader reader = reader_of(input);
    struct kafka_header headers[LETTER_HEADERS_MAX];
    size_t count = take_headers(&reader, headers, LETTER_HEADERS_MAX);

    a_letter(headers, count, input);
    a_record(input);
    return 0;
}
