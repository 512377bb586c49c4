#include "codec/outcome.h"

#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "codec/text.h"
#include "codec/trace.h"
#include "rules/rules.h"

enum { OUTCOME_HEADERS_MAX = 9, SEQUENCE_HEADER_SIZE = 96, SOURCE_SIZE = 64 };

static void put_key(struct buffer *out, const char *name)
{
    buffer_put_char(out, '"');
    buffer_put_text(out, name);
    buffer_put(out, "\":", 2);
}

static void put_flag(struct buffer *out, int64_t flag)
{
    buffer_put_text(out, flag ? "true" : "false");
}

static void put_fact(struct buffer *out, const struct fact *fact)
{
    bool change = fact->type == FACT_NUMBER_CHANGE || fact->type == FACT_FLAG_CHANGE || fact->type == FACT_NULL_CHANGE;

    put_key(out, fact->name);
    if (change)
        buffer_put_char(out, '[');
    if (fact->type == FACT_KEY)
        text_put_json(out, bytes_of(fact->key));
    else if (fact->type == FACT_NULL || fact->type == FACT_NULL_CHANGE)
        buffer_put_text(out, "null");
    else if (fact->type == FACT_FLAG || fact->type == FACT_FLAG_CHANGE)
        put_flag(out, fact->before);
    else
        buffer_put_int(out, fact->before);
    if (!change)
        return;
    buffer_put_char(out, ',');
    if (fact->type == FACT_FLAG_CHANGE)
        put_flag(out, fact->after);
    else
        buffer_put_int(out, fact->after);
    buffer_put_char(out, ']');
}

static void put_facts(struct buffer *out, const struct facts *facts)
{
    buffer_put_text(out, ",\"facts\":{");
    for (size_t i = 0; facts && i < facts->count; i++) {
        if (i)
            buffer_put_char(out, ',');
        put_fact(out, &facts->items[i]);
    }
    buffer_put_char(out, '}');
}

/* Only what the kind requires, for an event whose other fields would not fit. */
static void put_known_fields(struct buffer *out, const struct event *event)
{
    bool first = true;
    const struct {
        enum event_field field;
        const char *name;
        const struct name *text;
        int64_t number;
    } fields[] = {
#define FIELD_VALUE_name(value) &(value), 0
#define FIELD_VALUE_number(value) NULL, (value)
#define FIELD_ROW(constant, member, type) {FIELD_##constant, #member, FIELD_VALUE_##type(event->member)},
        EVENT_FIELDS(FIELD_ROW)
#undef FIELD_ROW
#undef FIELD_VALUE_name
#undef FIELD_VALUE_number
    };

    for (size_t i = 0; i < EVENT_FIELD_COUNT; i++) {
        if (!rules_kind_requires(event->kind, fields[i].field))
            continue;
        if (!first)
            buffer_put_char(out, ',');
        first = false;
        put_key(out, fields[i].name);
        if (fields[i].text)
            text_put_json(out, (struct bytes){fields[i].text->text, fields[i].text->size});
        else
            buffer_put_int(out, fields[i].number);
    }
}

static void put_event(struct buffer *out, const struct outcome_input *input, bool whole)
{
    if (input->status == STATUS_MALFORMED) {
        buffer_put_text(out, ",\"detail\":");
        text_put_json(out, bytes_of(input->decoded->detail));
        buffer_put_text(out, ",\"event\":null");
        return;
    }
    buffer_put_text(out, ",\"event\":{");
    if (whole)
        text_put_members(out, input->decoded->fields);
    else
        put_known_fields(out, &input->decoded->event);
    buffer_put_char(out, '}');
}

static void put_head(struct buffer *out, const struct outcome_input *input)
{
    buffer_put_text(out, "{\"id\":");
    if (input->status == STATUS_MALFORMED) {
        buffer_put_text(out, "null,\"type\":null");
    } else {
        text_put_json(out, (struct bytes){input->decoded->id, input->decoded->id_size});
        buffer_put_text(out, ",\"type\":\"");
        buffer_put_text(out, rules_kind_name(input->decoded->event.kind));
        buffer_put_char(out, '"');
    }
    buffer_put_text(out, ",\"status\":\"");
    buffer_put_text(out, status_name(input->status));
    buffer_put_text(out, input->reason ? "\",\"reason\":\"" : "\",\"reason\":null");
    if (input->reason) {
        buffer_put_text(out, reason_name(input->reason));
        buffer_put_char(out, '"');
    }
}

static void put_tail(struct buffer *out, const struct outcome_input *input)
{
    if (input->status == STATUS_DUPLICATE) {
        buffer_put_text(out, ",\"first\":{\"offset\":");
        buffer_put_int(out, input->first_offset);
        buffer_put_text(out, ",\"status\":\"");
        buffer_put_text(out, status_name(input->first_status));
        buffer_put_text(out, "\"}");
    }
    buffer_put_text(out, ",\"source\":{\"topic\":\"");
    buffer_put_text(out, input->topic);
    buffer_put_text(out, "\",\"partition\":");
    buffer_put_int(out, input->partition);
    buffer_put_text(out, ",\"offset\":");
    buffer_put_int(out, input->offset);
    buffer_put_text(out, ",\"timestamp\":");
    if (input->timestamp < 0)
        buffer_put_text(out, "null");
    else
        buffer_put_int(out, input->timestamp);
    buffer_put_text(out, "},\"decided_at\":\"");
    buffer_put_text(out, input->decided_at);
    buffer_put_text(out, "\",\"attempts\":");
    buffer_put_int(out, input->attempts);
}

static struct bytes put_value(struct buffer *out, const struct outcome_input *input, bool whole, bool keyed)
{
    buffer_reset(out);
    put_head(out, input);
    put_event(out, input, whole);
    put_facts(out, input->facts);
    put_tail(out, input);
    if (!whole)
        buffer_put_text(out, ",\"truncated\":true");
    if (!keyed)
        buffer_put_text(out, ",\"key_truncated\":true");
    buffer_put_char(out, '}');
    return buffer_bytes(out);
}

struct texts {
    char id[KAFKA_TOPIC_MAX + 40], source[SOURCE_SIZE], trace[TRACE_PARENT_SIZE + 1], state[TRACE_STATE_MAX];
};

static struct bytes subject_of(const struct outcome_input *input)
{
    const struct event *event = &input->decoded->event;
    const struct name *name = rules_kind_requires(event->kind, FIELD_SKU) ? &event->sku : &event->item;

    if (input->status == STATUS_MALFORMED || name->size == 0)
        return (struct bytes){NULL, 0};
    return (struct bytes){name->text, name->size};
}

static struct bytes put_id(char *out, const struct outcome_input *input)
{
    size_t size = strlen(input->topic);

    memcpy(out, input->topic, size);
    out[size++] = '/';
    size += number_format(out + size, input->partition);
    out[size++] = '/';
    size += number_format(out + size, input->offset);
    return (struct bytes){out, size};
}

static struct bytes put_source(char out[SOURCE_SIZE], const char *incarnation)
{
    static const char start[] = "/orderd/";
    size_t size = strlen(incarnation);

    ASSERT(sizeof start - 1 + size <= SOURCE_SIZE);
    memcpy(out, start, sizeof start - 1);
    memcpy(out + sizeof start - 1, incarnation, size);
    return (struct bytes){out, sizeof start - 1 + size};
}

static size_t make_headers(struct kafka_header *headers, struct texts *texts, const struct outcome_input *input)
{
    struct bytes subject = subject_of(input);
    struct bytes state;
    size_t n = 0;

    headers[n++] = (struct kafka_header){bytes_of("ce_specversion"), bytes_of("1.0")};
    headers[n++] = (struct kafka_header){bytes_of("ce_id"), put_id(texts->id, input)};
    headers[n++] = (struct kafka_header){bytes_of("ce_source"), put_source(texts->source, input->incarnation)};
    headers[n++] = (struct kafka_header){bytes_of("ce_type"), bytes_of("orderd.outcome")};
    if (subject.data)
        headers[n++] = (struct kafka_header){bytes_of("ce_subject"), subject};
    headers[n++] = (struct kafka_header){bytes_of("ce_time"), bytes_of(input->decided_at)};
    headers[n++] = (struct kafka_header){bytes_of("content-type"), bytes_of("application/json")};
    if (trace_continue(texts->trace, input->decoded->traceparent, input->span)) {
        headers[n++] = (struct kafka_header){bytes_of("traceparent"), bytes_of(texts->trace)};
        state = trace_state(texts->state, input->decoded->tracestate);
        if (state.data)
            headers[n++] = (struct kafka_header){bytes_of("tracestate"), state};
    }
    return n;
}

void outcome_put(struct buffer *out, struct buffer *scratch, const struct outcome_input *input)
{
    struct kafka_header headers[OUTCOME_HEADERS_MAX];
    struct texts texts;
    size_t count = make_headers(headers, &texts, input), limit = input->limit - SEQUENCE_HEADER_SIZE;
    struct bytes key = input->key, value = put_value(scratch, input, true, true);

    ASSERT(input->limit >= OUTCOME_LIMIT_MIN);
    if (record_size(key, value, headers, count) > limit)
        value = put_value(scratch, input, false, true);
    if (record_size(key, value, headers, count) > limit) {
        key = (struct bytes){NULL, 0};
        value = put_value(scratch, input, false, false);
    }
    if (buffer_error(scratch) && !out->error)
        out->error = scratch->error;
    record_begin(out, RECORD_OUTCOME, input->partition, key, count);
    for (size_t i = 0; i < count; i++)
        record_header(out, headers[i].name, headers[i].value);
    record_end(out, value);
}
