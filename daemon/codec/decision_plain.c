/* Whoever reads a log reads millions of outcomes, and nearly all have one layout: the members in the order in which codec/outcome.c puts them, no
 * white space, no escapes but two, integers of up to 18 digits, an event that is not nested deeply. That layout is taken here byte by byte. It never
 * refuses: at the first byte that it does not expect it gives up, and the library reads the whole value (tests/unit/decision.c holds both against
 * each other). Measured: 0.3 instead of 9 microseconds on a busy machine. */
#include "codec/decision_plain.h"

#include <stddef.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "rules/rules.h"

enum { DIGITS_MAX = 18, NAMES_MAX = 16, DEPTH_MAX = 6 };

struct scan {
    const char *at, *end;
};

static inline bool take(struct scan *scan, const char *text, size_t size)
{
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, text, size) != 0)
        return false;
    scan->at += size;
    return true;
}

#define TAKE(scan, literal) take(scan, literal, sizeof literal - 1)

static inline bool next_is(const struct scan *scan, char c)
{
    return scan->at < scan->end && *scan->at == c;
}

/* What stands between two quotes, printable ASCII without escapes; the first quote was taken. */
static bool take_text(struct scan *scan, struct bytes *out)
{
    const char *start = scan->at, *at = start, *end = scan->end;

    while (at < end && *at != '"') {
        if (*at < 0x20 || *at > 0x7e || *at == '\\')
            return false;
        at++;
    }
    if (at == end)
        return false;
    *out = (struct bytes){start, (size_t)(at - start)};
    scan->at = at + 1;
    return true;
}

/* How long the character is that is not plain: UTF-8, or one of the two escapes that are nothing but the character itself. 0: another. */
static size_t special_size(const char *at, const char *end)
{
    uint32_t point;

    if (*at == '\\')
        return end - at >= 2 && (at[1] == '"' || at[1] == '\\') ? 2 : 0;
    return *at >= 0 ? 0 : text_utf8(at, end, &point);
}

/* A string of any characters, left as it stands, with its quotes. Two that differ in their bytes differ in what they say. */
static bool take_raw(struct scan *scan, struct bytes *out)
{
    const char *at = scan->at, *end = scan->end;

    if (at == end || *at++ != '"')
        return false;
    while (at < end && *at != '"') {
        size_t size = *at >= 0x20 && *at < 0x7f && *at != '\\' ? 1 : special_size(at, end);

        if (size == 0)
            return false;
        at += size;
    }
    if (at == end)
        return false;
    *out = (struct bytes){scan->at, (size_t)(++at - scan->at)};
    scan->at = at;
    return true;
}

static bool take_int(struct scan *scan, int64_t *out)
{
    const char *start, *at = scan->at, *end = scan->end;
    bool negative = at < end && *at == '-';
    uint64_t sum = 0;

    at += negative;
    for (start = at; at < end && *at >= '0' && *at <= '9'; at++)
        sum = 10 * sum + (uint64_t)(*at - '0');      /* wraps where it is too long, and is not used then */
    if (at == start || at - start > DIGITS_MAX || (*start == '0' && at - start > 1))
        return false;
    *out = negative ? -(int64_t)sum : (int64_t)sum;
    scan->at = at;
    return true;
}

static bool take_between(struct scan *scan, int64_t least, int64_t most, int64_t *out)
{
    return take_int(scan, out) && *out >= least && *out <= most;
}

static bool take_bool(struct scan *scan, int64_t *out)
{
    *out = next_is(scan, 't');
    return *out ? TAKE(scan, "true") : TAKE(scan, "false");
}

static bool take_head(struct scan *scan, struct decision *out)
{
    struct bytes text;

    if (TAKE(scan, "{\"id\":null,\"type\":null,\"status\":\"malformed\",\"reason\":\"")) {
        out->status = STATUS_MALFORMED;
        out->id = (struct bytes){NULL, 0};
        return take_text(scan, &text) && reason_parse(text, &out->reason);
    }
    if (!TAKE(scan, "{\"id\":") || !take_raw(scan, &out->id) || !TAKE(scan, ",\"type\":\"") || !take_text(scan, &text) ||
        !rules_kind_parse(text, &out->event.kind) || !TAKE(scan, ",\"status\":\"") || !take_text(scan, &text) || !status_parse(text, &out->status) ||
        out->status == STATUS_MALFORMED)
        return false;
    out->reason = REASON_NONE;
    if (TAKE(scan, ",\"reason\":null"))
        return true;
    return TAKE(scan, ",\"reason\":\"") && take_text(scan, &text) && reason_parse(text, &out->reason);
}

/* The names of an object's members, with their quotes, as far as they were read. */
struct names {
    size_t count;
    struct bytes items[NAMES_MAX];
};

/* False where the name was there before, which the library refuses. */
static bool names_add(struct names *names, struct bytes name)
{
    for (size_t i = 0; i < names->count; i++)
        if (bytes_equal(names->items[i], name))
            return false;
    if (names->count == NAMES_MAX)
        return false;
    names->items[names->count++] = name;
    return true;
}

static bool pass_value(struct scan *scan, int depth);

/* The first character was looked at. */
static bool pass_number(struct scan *scan)
{
    const char *start = scan->at;
    int64_t number;

    if (!take_int(scan, &number) || !next_is(scan, '.'))
        return scan->at > start;
    start = ++scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > start && scan->at - start <= DIGITS_MAX;
}

static bool pass_array(struct scan *scan, int depth)
{
    if (TAKE(scan, "]"))
        return true;
    do
        if (!pass_value(scan, depth))
            return false;
    while (TAKE(scan, ","));
    return TAKE(scan, "]");
}

static bool pass_object(struct scan *scan, int depth)
{
    struct names names;
    struct bytes name;

    names.count = 0;
    if (TAKE(scan, "}"))
        return true;
    do
        if (!take_raw(scan, &name) || !names_add(&names, name) || !TAKE(scan, ":") || !pass_value(scan, depth))
            return false;
    while (TAKE(scan, ","));
    return TAKE(scan, "}");
}

/* A value that nobody wants, which is JSON all the same. */
static bool pass_value(struct scan *scan, int depth)
{
    struct bytes text;
    int64_t flag;

    if (next_is(scan, '"'))
        return take_raw(scan, &text);
    if (next_is(scan, 'n'))
        return TAKE(scan, "null");
    if (next_is(scan, 't') || next_is(scan, 'f'))
        return take_bool(scan, &flag);
    if (depth < DEPTH_MAX && TAKE(scan, "{"))
        return pass_object(scan, depth + 1);
    if (depth < DEPTH_MAX && TAKE(scan, "["))
        return pass_array(scan, depth + 1);
    return pass_number(scan);
}

/* The members of the event as far as they were read. */
struct members {
    uint32_t seen;            /* by place in `fields` */
    struct names others;
};

enum { TYPE_name, TYPE_number, DEADLINE = EVENT_FIELD_COUNT };

static const struct field {
    const char *name;
    size_t size, place;
    int type;
} fields[EVENT_FIELD_COUNT + 1] = {
#define FIELD_ROW(constant, member, type) [FIELD_##constant] = {#member, sizeof #member - 1, offsetof(struct event, member), TYPE_##type},
    EVENT_FIELDS(FIELD_ROW)
#undef FIELD_ROW
    [DEADLINE] = {"deadline_ms", sizeof "deadline_ms" - 1, offsetof(struct event, deadline_ms), TYPE_number},
};

static size_t field_find(struct bytes name)
{
    size_t i = 0;

    while (i <= DEADLINE && (fields[i].size != name.size || memcmp(fields[i].name, name.data, name.size) != 0))
        i++;
    return i;
}

static bool take_member(struct scan *scan, struct decision *out, struct members *members)
{
    struct bytes name, text;
    size_t i;

    if (!take_raw(scan, &name) || !TAKE(scan, ":"))
        return false;
    i = field_find((struct bytes){name.data + 1, name.size - 2});
    if (i > DEADLINE)
        return names_add(&members->others, name) && pass_value(scan, 0);
    if (members->seen >> i & 1)
        return false;
    members->seen |= 1u << i;
    if (i != DEADLINE && !rules_kind_requires(out->event.kind, (enum event_field)i))
        return pass_value(scan, 0);
    if (fields[i].type == TYPE_number)
        return take_between(scan, 1, NUMBER_SAFE_MAX, (int64_t *)(void *)((char *)&out->event + fields[i].place));
    return TAKE(scan, "\"") && take_text(scan, &text) && name_parse(text, (struct name *)(void *)((char *)&out->event + fields[i].place));
}

static bool take_event(struct scan *scan, struct decision *out)
{
    const char *start = scan->at;
    struct members members;

    members.seen = 0;
    members.others.count = 0;
    if (!TAKE(scan, "{"))
        return false;
    if (!next_is(scan, '}'))
        do
            if (!take_member(scan, out, &members))
                return false;
        while (TAKE(scan, ","));
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++)
        if (rules_kind_requires(out->event.kind, (enum event_field)i) && !(members.seen >> i & 1))
            return false;
    if (!TAKE(scan, "}"))
        return false;
    out->fields = (struct bytes){start, (size_t)(scan->at - start)};
    return true;
}

static bool take_body(struct scan *scan, struct decision *out)
{
    out->detail = out->fields = (struct bytes){NULL, 0};
    if (out->status == STATUS_MALFORMED)
        return TAKE(scan, ",\"detail\":") && take_raw(scan, &out->detail) && TAKE(scan, ",\"event\":null");
    return TAKE(scan, ",\"event\":") && take_event(scan, out);
}

/* Both values of a change, behind the bracket. */
static bool take_change(struct scan *scan, struct fact *fact)
{
    fact->type = FACT_NUMBER_CHANGE;
    fact->before = 0;
    if (next_is(scan, 't') || next_is(scan, 'f')) {
        fact->type = FACT_FLAG_CHANGE;
        return take_bool(scan, &fact->before) && TAKE(scan, ",") && take_bool(scan, &fact->after) && TAKE(scan, "]");
    }
    if (TAKE(scan, "null"))
        fact->type = FACT_NULL_CHANGE;
    else if (!take_int(scan, &fact->before))
        return false;
    return TAKE(scan, ",") && take_int(scan, &fact->after) && TAKE(scan, "]");
}

static bool take_key(struct scan *scan, struct fact *fact)
{
    struct bytes text;

    fact->type = FACT_KEY;
    if (!take_text(scan, &text) || text.size >= FACT_KEY_MAX)
        return false;
    memcpy(fact->key, text.data, text.size);
    fact->key[text.size] = '\0';
    return true;
}

static bool take_fact_value(struct scan *scan, struct fact *fact)
{
    fact->before = fact->after = 0;
    if (TAKE(scan, "["))
        return take_change(scan, fact);
    if (TAKE(scan, "\""))
        return take_key(scan, fact);
    fact->type = FACT_NULL;
    if (next_is(scan, 'n'))
        return TAKE(scan, "null");
    fact->type = next_is(scan, 't') || next_is(scan, 'f') ? FACT_FLAG : FACT_NUMBER;
    if (!(fact->type == FACT_FLAG ? take_bool(scan, &fact->before) : take_int(scan, &fact->before)))
        return false;
    fact->after = fact->before;
    return true;
}

static bool take_fact(struct scan *scan, struct facts *facts)
{
    struct fact *fact = &facts->items[facts->count];
    struct bytes name;

    if (facts->count == FACTS_MAX || !TAKE(scan, "\"") || !take_text(scan, &name) || !TAKE(scan, ":"))
        return false;
    fact->name = facts_name_find(name);
    for (size_t i = 0; i < facts->count; i++)
        if (facts->items[i].name == fact->name)
            return false;
    facts->count++;
    return fact->name && take_fact_value(scan, fact);
}

static bool take_facts(struct scan *scan, struct decision *out)
{
    const char *start;

    out->facts.count = 0;
    if (!TAKE(scan, ",\"facts\":"))
        return false;
    start = scan->at;
    if (!TAKE(scan, "{"))
        return false;
    if (!next_is(scan, '}'))
        do
            if (!take_fact(scan, &out->facts))
                return false;
        while (TAKE(scan, ","));
    if (!TAKE(scan, "}"))
        return false;
    out->facts_text = (struct bytes){start, (size_t)(scan->at - start)};
    return true;
}

static bool take_first(struct scan *scan, struct decision *out)
{
    struct bytes text;

    out->first_offset = 0;
    out->first_status = STATUS_APPLIED;
    if (out->status != STATUS_DUPLICATE)
        return true;
    return TAKE(scan, ",\"first\":{\"offset\":") && take_between(scan, 0, INT64_MAX, &out->first_offset) && TAKE(scan, ",\"status\":\"") &&
           take_text(scan, &text) && status_parse(text, &out->first_status) && out->first_status <= STATUS_EXPIRED && TAKE(scan, "}");
}

bool decision_is_topic(struct bytes topic)
{
    if (topic.size < 1 || topic.size > KAFKA_TOPIC_MAX)
        return false;
    for (size_t i = 0; i < topic.size; i++)
        if (!name_has(topic.data[i]) && topic.data[i] != '.')
            return false;
    return true;
}

static bool take_source(struct scan *scan, struct decision *out)
{
    int64_t partition;

    if (!TAKE(scan, ",\"source\":{\"topic\":\"") || !take_text(scan, &out->topic) || !decision_is_topic(out->topic) || !TAKE(scan, ",\"partition\":") ||
        !take_between(scan, 0, INT32_MAX, &partition) || !TAKE(scan, ",\"offset\":") || !take_between(scan, 0, INT64_MAX, &out->offset) ||
        !TAKE(scan, ",\"timestamp\":"))
        return false;
    out->partition = (int32_t)partition;
    out->timestamp = -1;
    return (TAKE(scan, "null") || take_between(scan, 0, INT64_MAX, &out->timestamp)) && TAKE(scan, "}");
}

static bool take_tail(struct scan *scan, struct decision *out)
{
    int64_t attempts;

    if (!TAKE(scan, ",\"decided_at\":") || !take_raw(scan, &out->decided_at) || !TAKE(scan, ",\"attempts\":") ||
        !take_between(scan, 1, INT32_MAX, &attempts))
        return false;
    out->attempts = (int32_t)attempts;
    out->truncated = TAKE(scan, ",\"truncated\":true");
    out->key_truncated = TAKE(scan, ",\"key_truncated\":true");
    return TAKE(scan, "}") && scan->at == scan->end;
}

bool decision_plain(struct decision *out, struct bytes value)
{
    struct scan scan = {value.data, value.data + value.size};

    memset(&out->event, 0, sizeof out->event);
    return take_head(&scan, out) && reason_status(out->reason) == out->status && take_body(&scan, out) && take_facts(&scan, out) &&
           take_first(&scan, out) && take_source(&scan, out) && take_tail(&scan, out);
}
