#include "sim/audit_event.h"

#include <strings.h>

#include "base/number.h"

enum { HEADERS_MAX = 64, ID_MAX = 128, OWNER_MAX = 64, SOURCE_MAX = 256 };

#define NEEDS(field) (1u << AUDIT_FIELD_##field)

static const struct {
    const char *name;
    unsigned needs;
} kinds[AUDIT_KINDS] = {
    [AUDIT_KIND_LIST] = {"list", NEEDS(SELLER) | NEEDS(ITEM) | NEEDS(PRICE)},
    [AUDIT_KIND_UNLIST] = {"unlist", NEEDS(SELLER) | NEEDS(ITEM)},
    [AUDIT_KIND_PURCHASE] = {"purchase", NEEDS(BUYER) | NEEDS(SELLER) | NEEDS(ITEM) | NEEDS(PRICE)},
    [AUDIT_KIND_RESERVE] = {"reserve", NEEDS(SKU) | NEEDS(QUANTITY) | NEEDS(BUYER)},
    [AUDIT_KIND_RESTOCK] = {"restock", NEEDS(SKU) | NEEDS(QUANTITY)},
    [AUDIT_KIND_DEPOSIT] = {"deposit", NEEDS(USER) | NEEDS(AMOUNT)},
    [AUDIT_KIND_GRANT] = {"grant", NEEDS(USER) | NEEDS(ITEM)},
};

static const struct {
    const char *name;
    bool number;
} fields[AUDIT_FIELD_COUNT] = {
#define ROW(constant, name, number) {#name, number},
    AUDIT_FIELDS(ROW)
#undef ROW
};

/* What the envelope says, before the data are read. */
struct envelope {
    enum { PLAIN, BINARY, STRUCTURED } mode;
    struct bytes type, id;      /* absent: said by the data alone */
    unsigned seen[4];           /* specversion, id, type, source: how often */
    struct bytes version, content_type;
    bool strange;               /* structured, but not in JSON */
};

const char *audit_kind_name(enum audit_event_kind kind)
{
    return kinds[kind].name;
}

struct bytes audit_header_of(const struct audit_message *message, const char *name)
{
    for (size_t i = 0; i < message->headers_count; i++)
        if (bytes_equal_text(message->headers[i].name, name))
            return message->headers[i].value;
    return (struct bytes){NULL, 0};
}

static bool is_utf8(struct bytes text)
{
    const char *at = text.data, *end = at + text.size;

    while (at < end) {
        size_t size = (unsigned char)*at < 0x80 ? 1 : audit_utf8(at, end);

        if (!size)
            return false;
        at += size;
    }
    return true;
}

/* UTF-8, 1 to 128 bytes, no control characters. */
static bool is_id(struct bytes id)
{
    if (id.size < 1 || id.size > ID_MAX || !is_utf8(id))
        return false;
    for (size_t i = 0; i < id.size; i++) {
        unsigned char c = (unsigned char)id.data[i];

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)id.data[i + 1] < 0xa0))
            return false;
    }
    return true;
}

static bool is_name(struct bytes name)
{
    if (name.size < 1 || name.size > OWNER_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool same_letters(struct bytes text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

static void take_header(struct envelope *e, struct audit_event *out, const struct audit_header *header)
{
    if (bytes_equal_text(header->name, "ce_specversion")) {
        e->seen[0]++;
        e->version = header->value;
    } else if (bytes_equal_text(header->name, "ce_id")) {
        e->seen[1]++;
        e->id = header->value;
    } else if (bytes_equal_text(header->name, "ce_type")) {
        e->seen[2]++;
        e->type = header->value;
    } else if (bytes_equal_text(header->name, "ce_source")) {
        e->seen[3]++;
        out->source = header->value;
    } else if (same_letters(header->name, "content-type")) {
        e->content_type = e->content_type.data ? e->content_type : header->value;
    } else if (bytes_equal_text(header->name, "traceparent")) {
        out->traceparent = out->traceparent.data ? out->traceparent : header->value;
    } else if (bytes_equal_text(header->name, "tracestate")) {
        out->tracestate = out->tracestate.data ? out->tracestate : header->value;
    }
}

/* A CloudEvent's envelope must be whole. */
static const char *check_binary(const struct envelope *e, const struct audit_event *out)
{
    for (int i = 0; i < 4; i++)
        if (e->seen[i] != 1)
            return "cloudevent_invalid";
    if (!bytes_equal_text(e->version, "1.0") || !e->id.data || !e->type.data || !out->source.size)
        return "cloudevent_invalid";
    return NULL;
}

/* At most 256 bytes of UTF-8. */
static const char *check_source(struct bytes source)
{
    return source.size > SOURCE_MAX ? "cloudevent_invalid" : is_utf8(source) ? NULL : "invalid_utf8";
}

static const char *read_envelope(struct envelope *e, struct audit_event *out, const struct audit_message *message)
{
    static const char cloudevents[] = "application/cloudevents";
    const size_t size = sizeof cloudevents - 1;

    for (size_t i = 0; i < message->headers_count; i++)
        take_header(e, out, &message->headers[i]);
    if (message->headers_count > HEADERS_MAX)
        return "too_many_headers";
    if (e->content_type.size >= size && strncasecmp(e->content_type.data, cloudevents, size) == 0) {
        const char *rest = e->content_type.data + size, *end = e->content_type.data + e->content_type.size;

        if (end - rest >= 5 && strncasecmp(rest, "+json", 5) == 0)
            rest += 5;
        e->mode = STRUCTURED;
        out->source = e->id = e->type = (struct bytes){NULL, 0};
        e->strange = rest != end && *rest != ';' && *rest != ' ';
        return NULL;
    }
    if (e->seen[0] || (e->seen[1] && e->seen[2])) {
        e->mode = BINARY;
        return check_binary(e, out);
    }
    e->id = e->type = out->source = (struct bytes){NULL, 0};
    return NULL;
}

static bool take_text(const struct audit_members *members, struct arena *arena, const char *name, struct bytes *out)
{
    const struct audit_member *member = audit_json_member(members, name);

    if (!member || member->type != AUDIT_JSON_STRING)
        return false;
    *out = audit_json_text(arena, member->value);
    return true;
}

/* The envelope in the value; `members` become those of its data. */
static const char *open_structured(struct envelope *e, struct audit_event *out, struct audit_members *members, struct arena *arena)
{
    const struct audit_member *data = audit_json_member(members, "data");
    struct bytes version;

    if (e->strange || !take_text(members, arena, "specversion", &version) || !take_text(members, arena, "type", &e->type) ||
        !take_text(members, arena, "id", &e->id) || !take_text(members, arena, "source", &out->source) || !bytes_equal_text(version, "1.0") ||
        !out->source.size)
        return "cloudevent_invalid";
    if (!data || data->type != AUDIT_JSON_OBJECT || !bytes_equal_text(data->raw_name, "\"data\"") || audit_json_member(members, "data_base64"))
        return "cloudevent_invalid";
    return audit_json_object(members, arena, data->value);
}

/* `type` or `id`, which the envelope may have said already: then the data say the same or nothing. */
static const char *take_said(const struct audit_members *members, struct arena *arena, const char *name, struct bytes said, struct bytes *out)
{
    const struct audit_member *member = audit_json_member(members, name);

    *out = said;
    if (!member)
        return said.data ? NULL : "missing_field";
    if (member->type != AUDIT_JSON_STRING)
        return "wrong_type";
    *out = audit_json_text(arena, member->value);
    return said.data && !bytes_equal(said, *out) ? "envelope_conflict" : NULL;
}

/* A JSON integer from 1 to 2^53 - 1. */
static const char *take_number(const struct audit_member *member, int64_t *out)
{
    if (member->type != AUDIT_JSON_INTEGER)
        return "wrong_type";
    return number_parse(member->value, out) && *out >= 1 && *out <= NUMBER_SAFE_MAX ? NULL : "number_out_of_range";
}

static const char *take_field(struct audit_event *out, struct arena *arena, const struct audit_member *member, enum audit_field field)
{
    if (!member)
        return "missing_field";
    if (fields[field].number)
        return take_number(member, &out->numbers[field]);
    if (member->type != AUDIT_JSON_STRING)
        return "wrong_type";
    out->names[field] = audit_json_text(arena, member->value);
    return is_name(out->names[field]) ? NULL : "invalid_name";
}

static const char *take_fields(struct audit_event *out, const struct audit_members *members, struct arena *arena)
{
    const struct audit_member *deadline = audit_json_member(members, "deadline_ms");
    const char *reason;

    for (unsigned field = 0; field < AUDIT_FIELD_COUNT; field++) {
        if (!(kinds[out->kind].needs & 1u << field))
            continue;
        reason = take_field(out, arena, audit_json_member(members, fields[field].name), (enum audit_field)field);
        if (reason)
            return reason;
    }
    return deadline ? take_number(deadline, &out->deadline_ms) : NULL;
}

static bool take_kind(struct audit_event *out, struct bytes type)
{
    for (unsigned kind = 0; kind < AUDIT_KINDS; kind++)
        if (bytes_equal_text(type, kinds[kind].name)) {
            out->kind = (enum audit_event_kind)kind;
            return true;
        }
    return false;
}

static const char *read_data(struct audit_event *out, const struct envelope *e, const struct audit_members *members, struct arena *arena)
{
    struct bytes type;
    const char *reason = take_said(members, arena, "type", e->type, &type);

    if (!reason)
        reason = take_said(members, arena, "id", e->id, &out->id);
    if (!reason && !is_id(out->id))
        reason = "invalid_id";
    if (!reason && !take_kind(out, type))
        reason = "unknown_type";
    if (!reason)
        reason = check_source(out->source);
    return reason ? reason : take_fields(out, members, arena);
}

/* Every member but type and id, as it came, without white space. */
static void carry(struct audit_event *out, const struct audit_members *members, struct arena *arena)
{
    struct buffer text = {.data = arena_take(arena, members->span.size + 2), .capacity = members->span.size + 2, .limit = SIZE_MAX};

    ASSERT(text.data);
    for (size_t i = 0; i < members->count; i++) {
        const struct audit_member *member = &members->items[i];

        if (bytes_equal_text(member->name, "type") || bytes_equal_text(member->name, "id"))
            continue;
        buffer_put_char(&text, text.size ? ',' : '{');
        buffer_put_bytes(&text, member->raw_name);
        buffer_put_char(&text, ':');
        audit_json_compact(&text, member->value);
    }
    if (!text.size)
        buffer_put_char(&text, '{');
    buffer_put_char(&text, '}');
    out->carried = buffer_bytes(&text);
}

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return (hash ^ size) * 0x9e3779b97f4a7c15u;
}

static uint64_t content_of(const struct audit_event *event)
{
    uint64_t hash = mix(0xcbf29ce484222325u, &event->kind, sizeof event->kind);

    for (unsigned field = 0; field < AUDIT_FIELD_COUNT; field++)
        if (kinds[event->kind].needs & 1u << field)
            hash = fields[field].number ? mix(hash, &event->numbers[field], sizeof event->numbers[field])
                                        : mix(hash, event->names[field].data, event->names[field].size);
    return hash;
}

void audit_event_decode(struct audit_event *out, struct audit_members *members, struct arena *arena, const struct audit_message *message)
{
    struct envelope e = {.mode = PLAIN};

    memset(out, 0, sizeof *out);
    out->reason = read_envelope(&e, out, message);
    if (!out->reason && !message->value.data)
        out->reason = "no_value";
    if (!out->reason)
        out->reason = audit_json_object(members, arena, message->value);
    if (!out->reason && e.mode == STRUCTURED)
        out->reason = open_structured(&e, out, members, arena);
    if (!out->reason)
        out->reason = read_data(out, &e, members, arena);
    if (out->reason)
        return;
    carry(out, members, arena);
    out->content = content_of(out);
}
