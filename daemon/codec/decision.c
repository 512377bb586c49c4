/* The library reads what decision_plain.c does not recognise. Of the members' places it tells nothing: they are looked up in the text, which is known
 * to be JSON by then, so our own members must stand there by their plain names, as every release wrote them. */
#include "codec/decision.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "codec/decision_plain.h"
#include "codec/text.h"
#include "rules/rules.h"
#include "seam/json.h"

enum { SHOWN_MAX = 64 };

/* A value while it is read by the library. */
struct reading {
    struct decision *out;
    struct json json;
    struct bytes value;
    struct error_text *error;
};

static bool bad(struct reading *reading, struct bytes place, const char *format, ...) PRINTF_LIKE(3, 4);

/* `place`: what is wrong, in the value; absent: the value as a whole. */
static bool bad(struct reading *reading, struct bytes place, const char *format, ...)
{
    char text[ERROR_TEXT_MAX / 2];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_clean(text);
    error_set(reading->error, 0, "byte %zu: %s", place.data ? (size_t)(place.data - reading->value.data) : 0, text);
    return false;
}

/* The member as it stands in the text, absent where it is not written with that plain name. */
static struct bytes raw_of(struct bytes object, const char *name)
{
    struct bytes raw = object.data ? text_member(object, name) : object;

    while (raw.size && strchr(" \t\r\n", raw.data[raw.size - 1]))
        raw.size--;
    return raw;
}

static int shown(struct bytes text)
{
    return text.size < SHOWN_MAX ? (int)text.size : SHOWN_MAX;
}

/* One of our own members, which must be there; its text is `*raw`. */
static bool want_any(struct reading *reading, const char *name, struct json_member *member, struct bytes *raw)
{
    static const struct bytes whole = {NULL, 0};

    *raw = raw_of(reading->value, name);
    if (!raw->data || !json_member_get(&reading->json, name, member))
        return bad(reading, whole, "%s is missing", name);
    return true;
}

static bool want(struct reading *reading, const char *name, enum json_type type, struct json_member *member, struct bytes *raw)
{
    if (!want_any(reading, name, member, raw))
        return false;
    if (member->type != type)
        return bad(reading, *raw, "%s is %s, it must be %s", name, json_type_name(member->type), json_type_name(type));
    return true;
}

/* An integer that is a member of one of our objects; `raw` is that object's text. */
static bool want_int(struct reading *reading, const struct json *json, struct bytes raw, const char *path, int64_t least, int64_t most, int64_t *out)
{
    const char *dot = strchr(path, '.'), *name = dot ? dot + 1 : path;
    struct json_member member;

    if (!json_member_get(json, name, &member))
        return bad(reading, raw, "%s is missing", path);
    raw = raw_of(raw, name);
    if (member.type != JSON_TYPE_INTEGER)
        return bad(reading, raw, "%s is %s, it must be an integer", path, json_type_name(member.type));
    if (member.integer < least || member.integer > most)
        return bad(reading, raw, "%s is %lld, it must be %lld to %lld", path, (long long)member.integer, (long long)least, (long long)most);
    *out = member.integer;
    return true;
}

static bool read_status(struct reading *reading)
{
    struct json_member member;
    struct bytes raw;

    if (!want(reading, "status", JSON_TYPE_STRING, &member, &raw))
        return false;
    if (!status_parse(member.text, &reading->out->status))
        return bad(reading, raw, "status \"%.*s\" is none that this release knows", shown(member.text), member.text.data);
    return true;
}

static bool read_reason(struct reading *reading)
{
    struct decision *out = reading->out;
    struct json_member member;
    struct bytes raw;

    out->reason = REASON_NONE;
    if (!want_any(reading, "reason", &member, &raw))
        return false;
    if (member.type != JSON_TYPE_NULL) {
        if (!want(reading, "reason", JSON_TYPE_STRING, &member, &raw))
            return false;
        if (!reason_parse(member.text, &out->reason))
            return bad(reading, raw, "reason \"%.*s\" is none that this release knows", shown(member.text), member.text.data);
    }
    if (reason_status(out->reason) != out->status)
        return bad(reading, raw, "reason %.*s does not go with status \"%s\"", shown(raw), raw.data, status_name(out->status));
    return true;
}

/* What is malformed has neither id nor kind nor event; everything else has them. */
static bool want_unless_malformed(struct reading *reading, const char *name, enum json_type type, struct json_member *member, struct bytes *raw)
{
    if (!want(reading, name, reading->out->status == STATUS_MALFORMED ? JSON_TYPE_NULL : type, member, raw))
        return false;
    if (member->type == JSON_TYPE_NULL)
        *raw = (struct bytes){NULL, 0};
    return true;
}

static bool read_head(struct reading *reading)
{
    struct decision *out = reading->out;
    struct json_member member;
    struct bytes raw;

    if (!read_status(reading) || !read_reason(reading) || !want_unless_malformed(reading, "id", JSON_TYPE_STRING, &member, &out->id) ||
        !want_unless_malformed(reading, "type", JSON_TYPE_STRING, &member, &raw))
        return false;
    if (raw.data && !rules_kind_parse(member.text, &out->event.kind))
        return bad(reading, raw, "type \"%.*s\" is no kind of event that this release knows", shown(member.text), member.text.data);
    out->detail = (struct bytes){NULL, 0};
    return out->status != STATUS_MALFORMED || want(reading, "detail", JSON_TYPE_STRING, &member, &out->detail);
}

static bool read_name(struct reading *reading, const struct json *event, const char *field, struct name *name)
{
    struct bytes raw = raw_of(reading->out->fields, field);
    struct json_member member;

    if (!json_member_get(event, field, &member))
        return bad(reading, reading->out->fields, "event.%s is missing", field);
    if (member.type != JSON_TYPE_STRING)
        return bad(reading, raw, "event.%s is %s, it must be a string", field, json_type_name(member.type));
    if (!name_parse(member.text, name))
        return bad(reading, raw, "event.%s is \"%.*s\", it must be 1 to 64 of A-Z a-z 0-9 _ -", field, shown(member.text), member.text.data);
    return true;
}

#define READ_FIELD_name(member) read_name(reading, &event, #member, &out->event.member)
#define READ_FIELD_number(member) want_int(reading, &event, out->fields, "event." #member, 1, NUMBER_SAFE_MAX, &out->event.member)
#define READ_FIELD(constant, member, type)                                                           \
    if (rules_kind_requires(out->event.kind, FIELD_##constant) && !READ_FIELD_##type(member))        \
        return false;

static bool read_event(struct reading *reading)
{
    struct decision *out = reading->out;
    struct json_member member;
    struct json event;

    if (!want_unless_malformed(reading, "event", JSON_TYPE_OBJECT, &member, &out->fields))
        return false;
    if (!json_member_object(&reading->json, "event", &event))
        return true;
    EVENT_FIELDS(READ_FIELD)
    return !json_member_get(&event, "deadline_ms", &member) ||
           want_int(reading, &event, out->fields, "event.deadline_ms", 1, NUMBER_SAFE_MAX, &out->event.deadline_ms);
}

#undef READ_FIELD
#undef READ_FIELD_number
#undef READ_FIELD_name

static bool fact_of_array(struct fact *fact, const struct json *facts)
{
    struct json_member before, after;

    if (json_member_size(facts, fact->name) != 2)
        return false;
    json_element_get(facts, fact->name, 0, &before);
    json_element_get(facts, fact->name, 1, &after);
    fact->before = before.type == JSON_TYPE_NULL ? 0 : before.integer;
    fact->after = after.integer;
    fact->type = before.type == JSON_TYPE_BOOLEAN   ? FACT_FLAG_CHANGE
                 : before.type == JSON_TYPE_INTEGER ? FACT_NUMBER_CHANGE
                                                    : FACT_NULL_CHANGE;
    return after.type == (fact->type == FACT_FLAG_CHANGE ? JSON_TYPE_BOOLEAN : JSON_TYPE_INTEGER) &&
           (fact->type != FACT_NULL_CHANGE || before.type == JSON_TYPE_NULL);
}

static bool fact_of(struct fact *fact, const struct json_member *member, const struct json *facts)
{
    fact->before = fact->after = member->type == JSON_TYPE_INTEGER || member->type == JSON_TYPE_BOOLEAN ? member->integer : 0;
    fact->type = member->type == JSON_TYPE_NULL ? FACT_NULL : member->type == JSON_TYPE_BOOLEAN ? FACT_FLAG : FACT_NUMBER;
    if (member->type == JSON_TYPE_ARRAY)
        return fact_of_array(fact, facts);
    if (member->type != JSON_TYPE_STRING)
        return member->type == JSON_TYPE_NULL || member->type == JSON_TYPE_BOOLEAN || member->type == JSON_TYPE_INTEGER;
    fact->type = FACT_KEY;
    if (member->text.size >= FACT_KEY_MAX)
        return false;
    memcpy(fact->key, member->text.data, member->text.size);
    fact->key[member->text.size] = '\0';
    return true;
}

struct facts_reading {
    struct reading *reading;
    struct json facts;
};

static bool read_fact(void *context, struct bytes name, const struct json_member *member)
{
    struct facts_reading *from = context;
    struct decision *out = from->reading->out;
    const char *known = facts_name_find(name);
    struct fact *fact = &out->facts.items[out->facts.count];

    if (!known)
        return bad(from->reading, out->facts_text, "fact \"%.*s\" is none that this release knows", shown(name), name.data);
    if (out->facts.count == FACTS_MAX)
        return bad(from->reading, out->facts_text, "there are more than %d facts", FACTS_MAX);
    out->facts.count++;
    fact->name = known;
    return fact_of(fact, member, &from->facts) ||
           bad(from->reading, raw_of(out->facts_text, known), "facts.%s is neither a value nor a value before and after", known);
}

static bool read_facts(struct reading *reading)
{
    struct facts_reading from = {.reading = reading};
    struct json_member member;

    reading->out->facts.count = 0;
    return want(reading, "facts", JSON_TYPE_OBJECT, &member, &reading->out->facts_text) && json_member_object(&reading->json, "facts", &from.facts) &&
           json_each(&from.facts, read_fact, &from);
}

static bool read_first(struct reading *reading)
{
    struct decision *out = reading->out;
    struct json_member member;
    struct json first;
    struct bytes raw;

    out->first_offset = 0;
    out->first_status = STATUS_APPLIED;
    if (out->status != STATUS_DUPLICATE)
        return !json_member_get(&reading->json, "first", &member) ||
               bad(reading, raw_of(reading->value, "first"), "first is there, but the status is \"%s\"", status_name(out->status));
    if (!want(reading, "first", JSON_TYPE_OBJECT, &member, &raw) || !json_member_object(&reading->json, "first", &first) ||
        !want_int(reading, &first, raw, "first.offset", 0, INT64_MAX, &out->first_offset))
        return false;
    if (!json_member_get(&first, "status", &member) || member.type != JSON_TYPE_STRING || !status_parse(member.text, &out->first_status) ||
        out->first_status > STATUS_EXPIRED)
        return bad(reading, raw, "first.status is not one of applied, rejected and expired");
    return true;
}

static bool read_source(struct reading *reading)
{
    struct decision *out = reading->out;
    struct json_member member;
    struct json source;
    struct bytes raw;
    int64_t partition;

    if (!want(reading, "source", JSON_TYPE_OBJECT, &member, &raw) || !json_member_object(&reading->json, "source", &source) ||
        !want_int(reading, &source, raw, "source.partition", 0, INT32_MAX, &partition) ||
        !want_int(reading, &source, raw, "source.offset", 0, INT64_MAX, &out->offset))
        return false;
    out->partition = (int32_t)partition;
    out->topic = raw_of(raw, "topic");
    if (out->topic.size < 2 || *out->topic.data != '"' || !decision_is_topic((struct bytes){out->topic.data + 1, out->topic.size - 2}))
        return bad(reading, raw, "source.topic is not the name of a topic");
    out->topic = (struct bytes){out->topic.data + 1, out->topic.size - 2};
    out->timestamp = -1;
    return (json_member_get(&source, "timestamp", &member) && member.type == JSON_TYPE_NULL) ||
           want_int(reading, &source, raw, "source.timestamp", 0, INT64_MAX, &out->timestamp);
}

static bool read_mark(struct reading *reading, const char *name, bool *out)
{
    struct json_member member;

    *out = false;
    if (!json_member_get(&reading->json, name, &member))
        return true;
    if (member.type != JSON_TYPE_BOOLEAN)
        return bad(reading, raw_of(reading->value, name), "%s is %s, it must be a boolean", name, json_type_name(member.type));
    *out = member.integer;
    return true;
}

static bool read_tail(struct reading *reading)
{
    struct decision *out = reading->out;
    struct json_member member;
    int64_t attempts;

    if (!want(reading, "decided_at", JSON_TYPE_STRING, &member, &out->decided_at) ||
        !want_int(reading, &reading->json, reading->value, "attempts", 1, INT32_MAX, &attempts) ||
        !read_mark(reading, "truncated", &out->truncated) || !read_mark(reading, "key_truncated", &out->key_truncated))
        return false;
    out->attempts = (int32_t)attempts;
    return true;
}

static int read_by_library(struct decision *out, struct bytes value, struct error_text *error)
{
    struct reading reading = {.out = out, .value = value, .error = error};
    bool good;

    if (json_object_parse(&reading.json, value, error) != JSON_OK) {
        if (error)
            text_clean(error->text);
        return -EBADMSG;
    }
    memset(&out->event, 0, sizeof out->event);
    good = read_head(&reading) && read_event(&reading) && read_facts(&reading) && read_first(&reading) && read_source(&reading) && read_tail(&reading);
    json_release(&reading.json);
    return good ? 0 : -EBADMSG;
}

int decision_read(struct decision *out, struct bytes value, struct error_text *error)
{
    if (!value.data)
        return error_set(error, -EBADMSG, "there is no value");
    if (decision_plain(out, value))
        return 0;
    return read_by_library(out, value, error);
}

static bool same_json(struct bytes a, struct bytes b)
{
    return bytes_equal(a, b) || (a.data && b.data && json_same(a, b));
}

static bool same_facts(const struct facts *a, const struct facts *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct fact *one = &a->items[i], *other = facts_find(b, one->name);

        if (!other || one->type != other->type || (one->type == FACT_KEY && strcmp(one->key, other->key) != 0) ||
            one->before != other->before || one->after != other->after)
            return false;
    }
    return true;
}

#define SAME_FIELD_name(member) name_equal(&a->member, &b->member)
#define SAME_FIELD_number(member) (a->member == b->member)
#define SAME_FIELD(constant, member, type) &&SAME_FIELD_##type(member)

/* Of those fields that the kind requires. */
static bool same_event(const struct event *a, const struct event *b)
{
    return a->kind == b->kind EVENT_FIELDS(SAME_FIELD);
}

#undef SAME_FIELD
#undef SAME_FIELD_number
#undef SAME_FIELD_name

bool decision_same(struct bytes a, struct bytes b)
{
    struct decision one, other;

    if (decision_read(&one, a, NULL) || decision_read(&other, b, NULL))
        return false;
    return one.status == other.status && one.reason == other.reason && one.first_offset == other.first_offset &&
           one.first_status == other.first_status && one.timestamp == other.timestamp && one.partition == other.partition &&
           one.offset == other.offset && bytes_equal(one.topic, other.topic) && same_event(&one.event, &other.event) &&
           same_facts(&one.facts, &other.facts) && same_json(one.id, other.id) && same_json(one.detail, other.detail) &&
           (one.truncated || other.truncated || same_json(one.fields, other.fields));
}
