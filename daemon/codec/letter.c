#include "codec/letter.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"

#define HEADER_OF "dlq.redrive.of"
#define HEADER_SOURCE "dlq.redrive.source"
#define HEADER_COUNT "dlq.redrive.count"

/* What the daemon writes, in this order; the last two only where something was cut. */
static const char *const own[] = {"dlq.original.topic", "dlq.original.partition", "dlq.original.offset", "dlq.original.timestamp",
                                  "dlq.reason",         "dlq.message",            "dlq.truncated",       "dlq.digest"};
enum { OWN_TOPIC, OWN_PARTITION, OWN_OFFSET, OWN_TIMESTAMP, OWN_REASON, OWN_MESSAGE, OWN_TRUNCATED, OWN_WHOLE = OWN_TRUNCATED, OWN_CUT = 8 };

/* Where the daemon's own headers begin: the last ones. A message that somebody sent to a source with such headers has them before. */
static const struct kafka_header *own_headers(const struct kafka_header *headers, size_t count, size_t *own_count)
{
    for (size_t size = OWN_WHOLE; size <= OWN_CUT; size += OWN_CUT - OWN_WHOLE) {
        const struct kafka_header *first = headers + count - size;
        size_t same = 0;

        while (count >= size && same < size && bytes_equal_text(first[same].name, own[same]) && first[same].value.data)
            same++;
        *own_count = size;
        if (same == size)
            return first;
    }
    return NULL;
}

static bool take_text(struct bytes from, char *out, size_t size)
{
    if (from.size < 1 || from.size >= size || memchr(from.data, 0, from.size))
        return false;
    memcpy(out, from.data, from.size);
    out[from.size] = '\0';
    return true;
}

static bool has_word(struct bytes text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static bool take_own(struct letter *out, const struct kafka_header *header, size_t count)
{
    int64_t partition;

    if (!take_text(header[OWN_TOPIC].value, out->topic, sizeof out->topic) || !number_parse(header[OWN_PARTITION].value, &partition) ||
        partition < 0 || partition > INT32_MAX || !number_parse(header[OWN_OFFSET].value, &out->offset) || out->offset < 0 ||
        !number_parse(header[OWN_TIMESTAMP].value, &out->timestamp) || !take_text(header[OWN_REASON].value, out->reason, sizeof out->reason))
        return false;
    out->partition = (int32_t)partition;
    out->detail = header[OWN_MESSAGE].value;
    if (count > OWN_TRUNCATED) {
        out->cut_headers = has_word(header[OWN_TRUNCATED].value, "headers");
        out->cut_value = has_word(header[OWN_TRUNCATED].value, "value");
        out->cut_key = has_word(header[OWN_TRUNCATED].value, "key");
    }
    return true;
}

/* One header of the lineage; false when it is another. */
static bool take_lineage(const struct kafka_header *header, struct lineage_found *out)
{
    int64_t count;

    if (bytes_equal_text(header->name, HEADER_OF))
        out->of = header->value;
    else if (bytes_equal_text(header->name, HEADER_SOURCE))
        out->source = header->value;
    else if (!bytes_equal_text(header->name, HEADER_COUNT))
        return false;
    else if (number_parse(header->value, &count) && count > out->count)
        out->count = count;
    return true;
}

int letter_read(struct letter *out, struct bytes key, struct bytes value, const struct kafka_header *headers, size_t count)
{
    size_t own_count;
    const struct kafka_header *first = count <= LETTER_HEADERS_MAX ? own_headers(headers, count, &own_count) : NULL;
    struct lineage_found lineage = {.count = 0};

    *out = (struct letter){.key = key, .value = value};
    if (!first || !take_own(out, first, own_count))
        return -EBADMSG;
    for (const struct kafka_header *header = headers; header < first; header++)
        if (!take_lineage(header, &lineage))
            out->headers[out->headers_count++] = *header;
    out->redrives = lineage.count;
    out->of = lineage.of;
    return 0;
}

void letter_id(const struct letter *letter, char out[LETTER_ID_SIZE])
{
    snprintf(out, LETTER_ID_SIZE, "%s:%d:%lld@%lld", letter->topic, letter->partition, (long long)letter->offset, (long long)letter->timestamp);
}

/* What stands behind the last of these signs, taken off the text. */
static bool take_last(struct bytes *text, char sign, int64_t *out)
{
    const char *at = text->size ? memrchr(text->data, sign, text->size) : NULL;
    size_t size = at ? (size_t)(at - text->data) : 0;
    bool good = at && number_parse((struct bytes){at + 1, text->size - size - 1}, out);

    text->size = size;
    return good;
}

bool letter_id_read(struct bytes id, struct bytes *topic, int32_t *partition, int64_t *offset)
{
    int64_t timestamp, number;

    if (!take_last(&id, '@', &timestamp) || !take_last(&id, ':', offset) || !take_last(&id, ':', &number) || number < 0 || number > INT32_MAX || *offset < 0)
        return false;
    *topic = id;
    *partition = (int32_t)number;
    return id.size > 0;
}

void letter_place(char out[LETTER_PLACE_SIZE], const char *topic, int32_t partition, int64_t offset)
{
    snprintf(out, LETTER_PLACE_SIZE, "%s/%d/%lld", topic, partition, (long long)offset);
}

void lineage_put(struct lineage_out *out, const struct letter *letter, const char *place)
{
    snprintf(out->of, sizeof out->of, "%s", place);
    letter_id(letter, out->source);
    snprintf(out->count, sizeof out->count, "%lld", (long long)letter->redrives + 1);
    out->headers[0] = (struct kafka_header){bytes_of(HEADER_OF), bytes_of(out->of)};
    out->headers[1] = (struct kafka_header){bytes_of(HEADER_SOURCE), bytes_of(out->source)};
    out->headers[2] = (struct kafka_header){bytes_of(HEADER_COUNT), bytes_of(out->count)};
}

bool lineage_find(struct lineage_found *out, const struct kafka_header *headers, size_t count)
{
    *out = (struct lineage_found){.count = 0};
    for (size_t i = 0; i < LETTER_LINEAGE && i < count; i++)
        take_lineage(&headers[i], out);
    return out->of.data && out->source.data && out->count > 0;
}
