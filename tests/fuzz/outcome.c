/* Outcome and dead letter of any message: JSON whatever it held, within the limit, read back as written, nothing cut in silence.
 *
 * Input: a line of numbers (status, reason, limit beyond the least, bytes put into key and value, offset, timestamp, attempts, facts),
 * then a mail. */
#include "codec/outcome.h"

#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "rules/rules.h"
#include "seam/json.h"

enum { TOPIC_LIMIT_MAX = 1 << 17, LARGE_MAX = 70000, SOURCE_HEADERS_MAX = EVENT_HEADERS_MAX, SEQUENCE_SIZE = 96 };

struct shape {
    unsigned status, reason, facts, beyond;
    size_t limit, key_size, pad;
    int64_t offset, timestamp;
};

static struct shape shape_read(struct bytes line)
{
    struct shape shape = {.status = (unsigned)input_number(&line, STATUS_DUPLICATE), .reason = (unsigned)input_number(&line, REASON_ID_REUSED)};

    shape.limit = OUTCOME_LIMIT_MIN + (size_t)input_number(&line, TOPIC_LIMIT_MAX);
    shape.key_size = (size_t)input_number(&line, LARGE_MAX);
    shape.pad = (size_t)input_number(&line, LARGE_MAX);
    shape.offset = (int64_t)input_number(&line, INT64_MAX);
    shape.timestamp = (int64_t)input_number(&line, INT64_MAX) - 1;
    shape.facts = (unsigned)input_number(&line, FACTS_MAX);
    shape.beyond = (unsigned)input_number(&line, 3);
    return shape;
}

static void put_many(struct buffer *out, size_t size)
{
    static const char many[] = "kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk kkkk ";

    for (; size >= sizeof many; size -= sizeof many - 1)
        buffer_put(out, many, sizeof many - 1);
    buffer_put(out, many, size);
}

/* The value with a member that orderd does not know, so large that it may not fit. */
static struct bytes padded(struct bytes value, size_t pad, struct buffer *out)
{
    if (!value.size || value.data[0] != '{' || !pad)
        return value;
    buffer_put_text(out, "{\"large\":\"");
    put_many(out, pad);
    buffer_put_text(out, "\",");
    buffer_put(out, value.data + 1, value.size - 1);
    return buffer_bytes(out);
}

static void put_facts(struct facts *facts, const struct shape *shape)
{
    static const struct name owner = {3, "abc"};

    for (unsigned i = 0; i < shape->facts; i++) {
        switch ((i + shape->reason) % 7) {
        case 0: facts_number(facts, "price", shape->offset); break;
        case 1: facts_number_change(facts, "funds", -shape->offset, shape->timestamp); break;
        case 2: facts_flag(facts, "held", 1); break;
        case 3: facts_flag_change(facts, "holds", 0, 1); break;
        case 4: facts_null(facts, "none"); break;
        case 5: facts_null_change(facts, "stock", 7); break;
        default: facts_key(facts, "key", "users:", &owner); break;
        }
    }
}

static void text_is(const struct json *json, const char *name, const char *wanted)
{
    struct json_member member;

    MUST(json_member_get(json, name, &member) && member.type == JSON_TYPE_STRING && bytes_equal_text(member.text, wanted));
}

/* The fields, type and id left out, as they were: what the outcome calls "event". */
static void value_is_right(struct bytes value, const struct outcome_input *input)
{
    struct json json, event, source;
    struct error_text error;
    struct json_member member;

    MUST(json_object_parse(&json, value, &error) == JSON_OK);
    text_is(&json, "status", status_name(input->status));
    if (input->status == STATUS_MALFORMED) {
        MUST(json_member_get(&json, "event", &member) && member.type == JSON_TYPE_NULL);
        MUST(json_member_get(&json, "id", &member) && member.type == JSON_TYPE_NULL);
    } else {
        MUST(json_member_object(&json, "event", &event) && !json_member_get(&event, "type", &member) && !json_member_get(&event, "id", &member));
        MUST(json_member_get(&json, "id", &member) && bytes_equal(member.text, (struct bytes){input->decoded->id, input->decoded->id_size}));
        text_is(&json, "type", rules_kind_name(input->decoded->event.kind));
    }
    MUST(json_member_object(&json, "source", &source) && json_member_get(&source, "offset", &member) && member.integer == input->offset);
    json_release(&json);
}

/* The header at this place from the end, if it has that name: a message may have headers of the same names, which stand before. */
static bool told(const struct record *record, size_t from_end, const char *name, struct bytes *value)
{
    const struct kafka_header *header = record->headers_count < from_end ? NULL : &record->headers[record->headers_count - from_end];

    if (!header || !bytes_equal_text(header->name, name))
        return false;
    *value = header->value;
    return true;
}

static bool says(struct bytes value, const char *text)
{
    return memmem(value.data, value.size, text, strlen(text)) != NULL;
}

static void outcome_is_right(const struct record *record, const struct outcome_input *input)
{
    MUST(record->kind == RECORD_OUTCOME && record->partition == input->partition);
    MUST(record_size(record->key, record->value, record->headers, record->headers_count) + SEQUENCE_SIZE <= input->limit);
    MUST(bytes_equal(record->key, input->key) || says(record->value, ",\"key_truncated\":true}"));
    MUST(record->headers_count >= 6 && bytes_equal_text(record->headers[0].name, "ce_specversion"));
    MUST(bytes_equal_text(record->headers[1].name, "ce_id") && bytes_equal_text(record->headers[2].name, "ce_source"));
    value_is_right(record->value, input);
}

/* Byte for byte, or it says what was cut. */
static void letter_is_right(const struct record *record, const struct dead_letter_input *input)
{
    const struct outcome_input *from = input->outcome;
    struct bytes cut = {"", 0}, text;
    size_t own = told(record, 2, "dlq.truncated", &cut) ? 8 : 6, theirs = record->headers_count - own;

    MUST(record->kind == RECORD_DEAD_LETTER && record->partition == from->partition % input->partitions);
    MUST(record_size(record->key, record->value, record->headers, record->headers_count) <= input->limit);
    MUST(told(record, own - 4, "dlq.reason", &text) && bytes_equal_text(text, reason_name(from->reason)));
    MUST(says(cut, "key") || bytes_equal(record->key, from->key));
    MUST(says(cut, "value") || bytes_equal(record->value, from->value));
    MUST(says(cut, "headers") || (theirs == input->headers_count && !input->headers_beyond));
    MUST(record->value.size <= from->value.size && theirs <= input->headers_count);
    MUST(!record->value.size || memcmp(record->value.data, from->value.data, record->value.size) == 0);
    for (size_t i = 0; i < theirs; i++)
        MUST(bytes_equal(record->headers[i].name, input->headers[i].name) && bytes_equal(record->headers[i].value, input->headers[i].value));
}

static void encode_and_check(const struct dead_letter_input *letter)
{
    const struct outcome_input *input = letter->outcome;
    struct buffer out, scratch;
    struct record record;
    struct reader reader;

    buffer_init(&out, 4 << 20);
    buffer_init(&scratch, 4 << 20);
    outcome_put(&out, &scratch, input);
    if (input->status == STATUS_MALFORMED)
        dead_letter_put(&out, letter);
    MUST(buffer_error(&out) == 0);
    reader = reader_of(buffer_bytes(&out));
    MUST(record_next(&reader, &record) == 0);
    outcome_is_right(&record, input);
    if (input->status == STATUS_MALFORMED) {
        MUST(record_next(&reader, &record) == 0);
        letter_is_right(&record, letter);
    }
    MUST(reader_end(&reader) == 0);
    buffer_deinit(&out);
    buffer_deinit(&scratch);
}

static void run(const struct shape *shape, const struct mail *mail, struct bytes value, struct bytes key)
{
    static const unsigned char span[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static struct decoded decoded;
    struct facts facts = {0};
    struct outcome_input input = {.decoded = &decoded, .topic = "orders", .partition = 3, .offset = shape->offset, .timestamp = shape->timestamp,
                                  .key = key, .value = value, .status = (enum status)shape->status, .reason = (enum reason)shape->reason,
                                  .facts = &facts, .first_offset = 1, .first_status = STATUS_APPLIED, .attempts = 1,
                                  .decided_at = "2026-11-22T05:42:07.590Z", .incarnation = "11111111-2222-4333-8444-555555555555",
                                  .span = span, .limit = shape->limit};
    struct dead_letter_input letter = {&input, mail->headers, mail->count, shape->limit, 2, shape->beyond};

    if (letter.headers_count > SOURCE_HEADERS_MAX)
        letter.headers_count = SOURCE_HEADERS_MAX;
    event_decode(&decoded, value, mail->headers, letter.headers_count);
    put_facts(&facts, shape);
    if (decoded.reason) {
        input.status = STATUS_MALFORMED;
        input.reason = decoded.reason;
    }
    encode_and_check(&letter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = input_of(data, size);
    struct shape shape = shape_read(input_take(&left, '\n'));
    struct buffer value, key;
    struct mail mail;

    buffer_init(&value, 1 << 20);
    buffer_init(&key, 1 << 20);
    mail_read(&mail, left);
    put_many(&key, shape.key_size);
    run(&shape, &mail, padded(mail.value, shape.pad, &value), shape.key_size ? buffer_bytes(&key) : (struct bytes){NULL, 0});
    buffer_deinit(&value);
    buffer_deinit(&key);
    mail_free(&mail);
    return 0;
}
