/* What Kafka shows at take-over: the commit's note and the headers of outcomes, which anybody may have written.
 *
 * Input: a line of numbers (committed offset plus one, end of the source's log), the commit's metadata, then outcomes as mails, with a line
 * "%" between; the outcome partition begins at 0. */
#include "ledger/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "fuzz/fuzz.h"

#define OURS "11111111-2222-4333-8444-555555555555"
#define FORMER "99999999-2222-4333-8444-555555555555"

enum { OUTCOMES_MAX = 8 };

/* Kafka, as far as it is asked. */
static struct topic {
    struct mail outcomes[OUTCOMES_MAX];
    size_t count, at;
    bool source;           /* the reader is in the source topic */
    int64_t committed, log_end;
    char metadata[KAFKA_METADATA_MAX + 1];
} topic;

int kafka_in_bounds(struct kafka_in *in, const char *name, int32_t partition, int64_t *start, int64_t *end, int timeout_ms)
{
    (void)in, (void)partition, (void)timeout_ms;
    *start = 0;
    *end = strcmp(name, "out") == 0 ? (int64_t)topic.count : topic.log_end;
    return 0;
}

int kafka_in_committed(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    (void)in, (void)timeout_ms;
    MUST(count == 1);
    positions->offset = topic.committed < 0 ? KAFKA_OFFSET_NONE : topic.committed;
    memcpy(positions->metadata, topic.metadata, sizeof topic.metadata);
    return 0;
}

int kafka_reader_open(struct kafka_reader *reader, const char *name, int32_t partition, int64_t offset)
{
    (void)reader, (void)partition;
    topic.source = strcmp(name, "out") != 0;
    topic.at = (size_t)offset;
    return 0;
}

int kafka_reader_next(struct kafka_reader *reader, int timeout_ms, struct kafka_message *message)
{
    (void)reader, (void)timeout_ms;
    *message = (struct kafka_message){.kind = KAFKA_MESSAGE, .offset = (int64_t)topic.at, .timestamp = 5, .value = bytes_of("v")};
    if (topic.source)
        return 1;
    if (topic.at >= topic.count) {
        message->kind = KAFKA_END;
        return 1;
    }
    message->handle = &topic.outcomes[topic.at++];
    return 1;
}

void kafka_reader_close(struct kafka_reader *reader)
{
    (void)reader;
}

size_t kafka_message_headers(const struct kafka_message *message, struct kafka_header *headers, size_t max)
{
    const struct mail *mail = message->handle;

    for (size_t i = 0; i < mail->count && i < max; i++)
        headers[i] = mail->headers[i];
    return mail->count;
}

void kafka_message_free(struct kafka_message *message)
{
    message->handle = NULL;
}

/* The highest offset that an outcome of this source names, by the text of DESIGN 2.3: ce_id = TOPIC/P/OFFSET, the first of that name. */
static int64_t highest(const char *source)
{
    int64_t found = -1;

    for (size_t i = 0; i < topic.count; i++) {
        const struct mail *mail = &topic.outcomes[i];
        const struct bytes *id = NULL, *from = NULL;
        int64_t offset;

        for (size_t k = 0; k < mail->count && k < 16; k++) {
            if (!id && bytes_equal_text(mail->headers[k].name, "ce_id"))
                id = &mail->headers[k].value;
            if (!from && bytes_equal_text(mail->headers[k].name, "ce_source"))
                from = &mail->headers[k].value;
        }
        if (id && from && id->size > 9 && memcmp(id->data, "orders/0/", 9) == 0 && bytes_equal_text(*from, source) &&
            number_parse((struct bytes){id->data + 9, id->size - 9}, &offset) && offset > found)
            found = offset;
    }
    return found;
}

static void evidence_is_right(const struct evidence *e, const struct registry *registry)
{
    int64_t ours = highest("/orderd/" OURS);

    MUST(e->noted ? e->published <= ours : e->published == ours);
    MUST(e->published_any >= e->published && e->reached >= 0);
    MUST(memchr(e->third, '\0', sizeof e->third) && strcmp(e->third, OURS) != 0);
    MUST(!e->noted || strcmp(e->note.incarnation, registry->incarnation) == 0);
    MUST(registry->former_count >= 1 && registry->former_count <= SHARD_FORMER_MAX);
}

static void outcomes_read(struct bytes left)
{
    while (left.size && topic.count < OUTCOMES_MAX) {
        const char *end = memmem(left.data, left.size, "\n%\n", 3);
        struct bytes one = {left.data, end ? (size_t)(end - left.data) : left.size};

        mail_read(&topic.outcomes[topic.count++], one);
        left.data += one.size + (end ? 3 : 0);
        left.size -= one.size + (end ? 3 : 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct registry registry, collected;
    struct bytes left = input_of(data, size), line = input_take(&left, '\n'), metadata;
    struct evidence_source source = {.outcomes = "out", .timeout_ms = 1, .collect = &collected};
    struct mark mark = {.fingerprint_offset = 0, .fingerprint = "no such fingerprint"};
    struct evidence evidence;

    memset(&topic, 0, sizeof topic);
    topic.committed = (int64_t)input_number(&line, INT64_MAX) - 1;
    topic.log_end = (int64_t)input_number(&line, INT64_MAX);
    metadata = input_take(&left, '\n');
    if (metadata.size)
        memcpy(topic.metadata, metadata.data, metadata.size < KAFKA_METADATA_MAX ? metadata.size : KAFKA_METADATA_MAX);
    outcomes_read(left);
    registry = (struct registry){.era = 1, .incarnation = OURS};
    registry_add_former(&registry, FORMER);
    collected = registry;
    MUST(evidence_read(&evidence, &source, "orders", 0, &registry, &mark) == 0);
    evidence_is_right(&evidence, &collected);
    MUST(evidence_read(&evidence, &source, "orders", 0, NULL, NULL) == 0 && evidence.published == -1);
    for (size_t i = 0; i < topic.count; i++)
        mail_free(&topic.outcomes[i]);
    return 0;
}
