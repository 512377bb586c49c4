#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "codec/outcome.h"

enum { OWN_HEADERS_MAX = 8, NUMBER_SIZE = NUMBER_TEXT_MAX + 1 };

/* The lineage headers with their texts. */
struct lineage {
    struct kafka_header headers[OWN_HEADERS_MAX];
    size_t count;
    char partition[NUMBER_SIZE], offset[NUMBER_SIZE], timestamp[NUMBER_SIZE], truncated[32], digest[33];
};

static struct bytes put_number(char out[NUMBER_SIZE], int64_t value)
{
    return (struct bytes){out, number_format(out, value)};
}

static void add(struct lineage *lineage, const char *name, struct bytes value)
{
    lineage->headers[lineage->count++] = (struct kafka_header){bytes_of(name), value};
}

static void lineage_make(struct lineage *lineage, const struct outcome_input *from)
{
    lineage->count = 0;
    add(lineage, "dlq.original.topic", bytes_of(from->topic));
    add(lineage, "dlq.original.partition", put_number(lineage->partition, from->partition));
    add(lineage, "dlq.original.offset", put_number(lineage->offset, from->offset));
    add(lineage, "dlq.original.timestamp", put_number(lineage->timestamp, from->timestamp));
    add(lineage, "dlq.reason", bytes_of(reason_name(from->reason)));
    add(lineage, "dlq.message", bytes_of(from->decoded->detail));
}

static void lineage_cut(struct lineage *lineage, struct bytes value, bool headers, bool body, bool key)
{
    static const struct hash_key unkeyed = {0, 0};

    snprintf(lineage->truncated, sizeof lineage->truncated, "%s%s%s%s%s", headers ? "headers" : "",
             headers && (body || key) ? " " : "", body ? "value" : "", body && key ? " " : "", key ? "key" : "");
    hash128_text(hash128(unkeyed, value), lineage->digest);
    add(lineage, "dlq.truncated", bytes_of(lineage->truncated));
    add(lineage, "dlq.digest", bytes_of(lineage->digest));
}

/* What still fits: headers go first, from the end; then the value is cut; a key that alone is too large goes last. */
struct fit {
    struct bytes key, value;
    size_t headers_count;
};

static struct fit fit_into(const struct dead_letter_input *input, const struct lineage *lineage)
{
    struct fit fit = {input->outcome->key, input->outcome->value, input->headers_count};
    size_t own = record_size((struct bytes){NULL, 0}, (struct bytes){NULL, 0}, lineage->headers, lineage->count) + 160;
    size_t room = input->limit > own ? input->limit - own : 0;

    if (fit.headers_count > RECORD_HEADERS_MAX - OWN_HEADERS_MAX)
        fit.headers_count = RECORD_HEADERS_MAX - OWN_HEADERS_MAX;
    while (fit.headers_count && record_size(fit.key, fit.value, input->headers, fit.headers_count) - RECORD_OVERHEAD > room)
        fit.headers_count--;
    if (fit.key.size + fit.value.size > room && fit.headers_count == 0) {
        if (fit.key.size > room)
            fit.key = (struct bytes){NULL, 0};
        if (fit.value.size > room - fit.key.size)
            fit.value.size = room - fit.key.size;
    }
    return fit;
}

void dead_letter_put(struct buffer *out, const struct dead_letter_input *input)
{
    const struct outcome_input *from = input->outcome;
    struct lineage lineage;
    struct fit fit;
    bool headers_cut;

    lineage_make(&lineage, from);
    fit = fit_into(input, &lineage);
    headers_cut = fit.headers_count < input->headers_count || input->headers_beyond;
    if (headers_cut || fit.value.size < from->value.size || fit.key.size < from->key.size)
        lineage_cut(&lineage, from->value, headers_cut, fit.value.size < from->value.size,
                    fit.key.size < from->key.size);
    record_begin(out, RECORD_DEAD_LETTER, from->partition % input->partitions, fit.key, fit.headers_count + lineage.count);
    for (size_t i = 0; i < fit.headers_count; i++)
        record_header(out, input->headers[i].name, input->headers[i].value);
    for (size_t i = 0; i < lineage.count; i++)
        record_header(out, lineage.headers[i].name, lineage.headers[i].value);
    record_end(out, fit.value);
}
