/* The library has checked that the text is JSON without members given twice; here the members are held against the fields
 * that the kind requires (rules/rules.h). Each failure names its reason, the member, and what would be right. */
#include "codec/event.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/number.h"
#include "codec/cloudevent.h"
#include "codec/text.h"
#include "rules/rules.h"
#include "seam/json.h"

enum field_type { FIELD_TYPE_name, FIELD_TYPE_number };

static const struct field {
    const char *name;
    enum field_type type;
    size_t place;
} fields[EVENT_FIELD_COUNT] = {
#define FIELD_ROW(constant, member, type) [FIELD_##constant] = {#member, FIELD_TYPE_##type, offsetof(struct event, member)},
    EVENT_FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

#define KIND_NAME(constant, name, deadline_ms) " " #name
#define KINDS EVENT_KINDS(KIND_NAME)

static bool bad(struct decoded *out, enum reason reason, const char *format, ...) PRINTF_LIKE(3, 4);

static bool bad(struct decoded *out, enum reason reason, const char *format, ...)
{
    va_list arguments;

    out->reason = reason;
    va_start(arguments, format);
    vsnprintf(out->detail, sizeof out->detail, format, arguments);
    va_end(arguments);
    return false;
}

void event_condemn(struct decoded *out, enum reason reason, const char *detail)
{
    bad(out, reason, "%s", detail);
}

static bool take_name(struct decoded *out, const char *field, const struct json_member *member, struct name *name)
{
    if (member->type != JSON_TYPE_STRING)
        return bad(out, REASON_WRONG_TYPE, "%s is %s, it must be a string", field, json_type_name(member->type));
    if (member->text.size < 1 || member->text.size > NAME_MAX_SIZE)
        return bad(out, REASON_INVALID_NAME, "%s has %zu bytes, it must have 1 to 64", field, member->text.size);
    for (size_t i = 0; i < member->text.size; i++) {
        char c = member->text.data[i];

        if (!name_has(c))
            return bad(out, REASON_INVALID_NAME, "%s holds byte 0x%02x, only A-Z a-z 0-9 _ - are allowed", field, (unsigned char)c);
    }
    name->size = (uint8_t)member->text.size;
    memcpy(name->text, member->text.data, member->text.size);
    return true;
}

static bool take_number(struct decoded *out, const char *field, const struct json_member *member, int64_t *number)
{
    if (member->type != JSON_TYPE_INTEGER)
        return bad(out, REASON_WRONG_TYPE, "%s is %s, it must be an integer", field, json_type_name(member->type));
    if (member->integer < 1 || member->integer > NUMBER_SAFE_MAX)
        return bad(out, REASON_NUMBER_OUT_OF_RANGE, "%s is %lld, it must be 1 to 9007199254740991", field, (long long)member->integer);
    *number = member->integer;
    return true;
}

static bool take_field(struct decoded *out, const struct json *json, const struct field *field)
{
    void *place = (char *)&out->event + field->place;
    struct json_member member;

    if (!json_member_get(json, field->name, &member))
        return bad(out, REASON_MISSING_FIELD, "%s is missing, %s requires it", field->name, rules_kind_name(out->event.kind));
    if (field->type == FIELD_TYPE_name)
        return take_name(out, field->name, &member, place);
    return take_number(out, field->name, &member, place);
}

static bool take_fields(struct decoded *out, const struct json *json)
{
    struct json_member member;

    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++)
        if (rules_kind_requires(out->event.kind, (enum event_field)i) && !take_field(out, json, &fields[i]))
            return false;
    if (json_member_get(json, "deadline_ms", &member))
        return take_number(out, "deadline_ms", &member, &out->event.deadline_ms);
    return true;
}

static bool take_id(struct decoded *out, struct bytes id)
{
    const char *at = id.data, *end = id.data + id.size;
    uint32_t point;

    if (id.size < 1 || id.size > EVENT_ID_MAX)
        return bad(out, REASON_INVALID_ID, "id has %zu bytes, it must have 1 to 128", id.size);
    while (at < end) {
        size_t size = text_utf8(at, end, &point);

        if (size == 0)
            return bad(out, REASON_INVALID_ID, "id is no UTF-8");
        if (point < 0x20 || (point >= 0x7f && point < 0xa0))
            return bad(out, REASON_INVALID_ID, "id holds control character U+%04X", (unsigned)point);
        at += size;
    }
    out->id_size = (uint8_t)id.size;
    memcpy(out->id, id.data, id.size);
    return true;
}

/* A member of the data that repeats the envelope must say the same; without an envelope it must be there. */
static bool take_text(struct decoded *out, const struct json *json, const char *name, struct bytes *text)
{
    struct json_member member;

    if (!json_member_get(json, name, &member))
        return text->data || bad(out, REASON_MISSING_FIELD, "%s is missing", name);
    if (member.type != JSON_TYPE_STRING)
        return bad(out, REASON_WRONG_TYPE, "%s is %s, it must be a string", name, json_type_name(member.type));
    if (text->data && !bytes_equal(*text, member.text))
        return bad(out, REASON_ENVELOPE_CONFLICT, "%s in the data differs from the CloudEvent's", name);
    *text = member.text;
    return true;
}

static bool take_source(struct decoded *out, struct bytes source)
{
    const char *at = source.data, *end = source.data + source.size;
    uint32_t point;

    if (source.size > EVENT_SOURCE_MAX)
        return bad(out, REASON_CLOUDEVENT_INVALID, "source has %zu bytes, at most 256 are kept", source.size);
    for (size_t size; at < end; at += size)
        if ((size = text_utf8(at, end, &point)) == 0)
            return bad(out, REASON_INVALID_UTF8, "the CloudEvent's source is no UTF-8");
    out->source_size = (uint16_t)source.size;
    if (source.size)
        memcpy(out->source, source.data, source.size);
    return true;
}

static bool take_event(struct decoded *out, struct cloudevent *envelope, const struct json *data)
{
    if (!take_text(out, data, "type", &envelope->type) || !take_text(out, data, "id", &envelope->id) ||
        !take_source(out, envelope->source) || !take_id(out, envelope->id))
        return false;
    if (!rules_kind_parse(envelope->type, &out->event.kind))
        return bad(out, REASON_UNKNOWN_TYPE, "type \"%.*s\" is no kind of event, there are:" KINDS,
                   (int)(envelope->type.size < 64 ? envelope->type.size : 64), envelope->type.data);
    return take_fields(out, data);
}

/* Of kind and required fields, so that neither white space nor order nor unknown fields count. */
uint64_t event_digest(const struct event *event)
{
    static const struct hash_key unkeyed = {0, 0};
    char text[16 + EVENT_FIELD_COUNT * (NAME_MAX_SIZE + 24)];
    struct buffer out = {.data = text, .capacity = sizeof text, .limit = sizeof text};

    buffer_put_text(&out, rules_kind_name(event->kind));
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        const void *place = (const char *)event + fields[i].place;

        if (!rules_kind_requires(event->kind, (enum event_field)i))
            continue;
        buffer_put_char(&out, ' ');
        if (fields[i].type == FIELD_TYPE_name)
            buffer_put(&out, ((const struct name *)place)->text, ((const struct name *)place)->size);
        else
            buffer_put_int(&out, *(const int64_t *)place);
    }
    return hash64(unkeyed, buffer_bytes(&out));
}

static bool say_fault(struct decoded *out, enum json_fault fault, const struct error_text *error)
{
    static const enum reason reasons[] = {
        [JSON_OK] = REASON_NONE,          [JSON_NOT_OBJECT] = REASON_NOT_OBJECT, [JSON_SYNTAX] = REASON_NOT_JSON,
        [JSON_TRAILING] = REASON_TRAILING_BYTES, [JSON_DUPLICATE] = REASON_DUPLICATE_FIELD, [JSON_UTF8] = REASON_INVALID_UTF8,
        [JSON_NUMBER] = REASON_NUMBER_OUT_OF_RANGE, [JSON_TOO_DEEP] = REASON_NOT_JSON, [JSON_MEMORY] = REASON_NOT_JSON,
    };

    return bad(out, reasons[fault], "%s", error->text);
}

void event_decode(struct decoded *out, struct bytes value, const struct kafka_header *headers, size_t headers_count)
{
    struct cloudevent envelope;
    struct error_text error;
    struct json json, data;
    bool structured;
    enum json_fault fault;

    memset(out, 0, sizeof *out);
    if (!cloudevent_headers(out, &envelope, headers, headers_count))
        return;
    if (!value.data) {
        bad(out, REASON_NO_VALUE, "the message has no value");
        return;
    }
    fault = json_object_parse(&json, value, &error);
    if (fault) {
        say_fault(out, fault, &error);
        return;
    }
    structured = envelope.mode == CLOUDEVENT_STRUCTURED;
    out->fields = value;
    if ((!structured || cloudevent_envelope(out, &envelope, &json, value, &data)) && take_event(out, &envelope, structured ? &data : &json))
        out->digest = event_digest(&out->event);
    json_release(&json);
}
