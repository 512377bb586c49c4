#include "codec/cloudevent.h"

#include <string.h>
#include <strings.h>

#include "codec/text.h"

static bool begins_like(struct bytes text, const char *start)
{
    size_t size = strlen(start);

    return text.data && text.size >= size && strncasecmp(text.data, start, size) == 0;
}

static bool media_type_is(struct bytes text, const char *type)
{
    size_t size = strlen(type);

    return begins_like(text, type) && (text.size == size || text.data[size] == ';' || text.data[size] == ' ');
}

static bool bad(struct decoded *out, const char *detail)
{
    event_condemn(out, REASON_CLOUDEVENT_INVALID, detail);
    return false;
}

/* A header that may be given once. */
static bool header_once(struct bytes *found, const struct kafka_header *header)
{
    bool first = !found->data;

    *found = header->value.data ? header->value : (struct bytes){"", 0};
    return first;
}

/* A header that is not believed when it is given twice. */
static void once_of(struct bytes *found, size_t *count, struct bytes value)
{
    *found = ++*count == 1 ? value : (struct bytes){NULL, 0};
}

static bool binary_is_whole(struct decoded *out, const struct cloudevent *envelope, struct bytes version)
{
    if (!bytes_equal_text(version, "1.0"))
        return bad(out, "header ce_specversion must be 1.0");
    if (!envelope->id.data || !envelope->type.data)
        return bad(out, "headers ce_id and ce_type are required");
    if (!envelope->source.data || envelope->source.size == 0)
        return bad(out, "header ce_source is required");
    return true;
}

bool cloudevent_headers(struct decoded *out, struct cloudevent *envelope, const struct kafka_header *headers, size_t count)
{
    struct bytes version = {NULL, 0}, content = {NULL, 0};
    size_t parents = 0, states = 0;
    bool once = true;

    *envelope = (struct cloudevent){CLOUDEVENT_NONE, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    for (size_t i = 0; i < count; i++) {
        struct bytes name = headers[i].name;

        if (bytes_equal_text(name, "ce_specversion"))
            once &= header_once(&version, &headers[i]);
        else if (bytes_equal_text(name, "ce_id"))
            once &= header_once(&envelope->id, &headers[i]);
        else if (bytes_equal_text(name, "ce_type"))
            once &= header_once(&envelope->type, &headers[i]);
        else if (bytes_equal_text(name, "ce_source"))
            once &= header_once(&envelope->source, &headers[i]);
        else if (name.size == 12 && strncasecmp(name.data, "content-type", 12) == 0)
            content = headers[i].value;
        else if (bytes_equal_text(name, "traceparent"))
            once_of(&out->traceparent, &parents, headers[i].value);
        else if (bytes_equal_text(name, "tracestate"))
            once_of(&out->tracestate, &states, headers[i].value);
    }
    if (begins_like(content, "application/cloudevents")) {
        envelope->mode = CLOUDEVENT_STRUCTURED;
        envelope->id = envelope->type = envelope->source = (struct bytes){NULL, 0};
        return media_type_is(content, "application/cloudevents+json") || media_type_is(content, "application/cloudevents") ||
               bad(out, "content-type must be application/cloudevents+json: no other format, no batch");
    }
    if (!version.data && !(envelope->id.data && envelope->type.data)) {
        envelope->id = envelope->type = envelope->source = (struct bytes){NULL, 0};
        return true;
    }
    envelope->mode = CLOUDEVENT_BINARY;
    return once ? binary_is_whole(out, envelope, version) : bad(out, "a ce_ header is given twice");
}

static bool take_string(const struct json *json, const char *name, struct bytes *out)
{
    struct json_member member;

    if (!json_member_get(json, name, &member) || member.type != JSON_TYPE_STRING)
        return false;
    *out = member.text;
    return true;
}

bool cloudevent_envelope(struct decoded *out, struct cloudevent *envelope, const struct json *json, struct bytes text,
                         struct json *data)
{
    struct json_member base64;
    struct bytes version;

    if (!take_string(json, "specversion", &version) || !bytes_equal_text(version, "1.0"))
        return bad(out, "specversion must be \"1.0\"");
    if (!take_string(json, "id", &envelope->id) || !take_string(json, "type", &envelope->type) ||
        !take_string(json, "source", &envelope->source) || envelope->source.size == 0)
        return bad(out, "id, type and source are required strings");
    if (json_member_get(json, "data_base64", &base64))
        return bad(out, "data must be a JSON object, data_base64 is not read");
    if (!json_member_object(json, "data", data))
        return bad(out, "data must be a JSON object");
    out->fields = text_member(text, "data");
    return out->fields.data || bad(out, "the member data must be named without escapes");
}
