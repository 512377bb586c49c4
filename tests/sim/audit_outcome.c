#include "sim/audit_own.h"


enum { SHOWN_MAX = 300, UUID_SIZE = 36, TIME_SIZE = 24, PARENT_SIZE = 55, SPAN_AT = 36, SPAN_SIZE = 16 };

static const char source_prefix[] = "/orderd/";

static const struct audit_log *log_of(const struct audit *audit, const struct audit_outcome *outcome)
{
    return audit->sources[outcome->source].log;
}

static const struct audit_message *message_of(const struct audit *audit, const struct audit_outcome *outcome)
{
    return &log_of(audit, outcome)->messages[outcome->index];
}

static int shown(struct bytes text)
{
    return text.size > SHOWN_MAX ? SHOWN_MAX : (int)text.size;
}

static const char *or_none(struct bytes text)
{
    return text.data ? text.data : "(none)";
}

static void differs(struct audit *audit, const struct audit_outcome *outcome, enum audit_violation_kind kind, const char *what, struct bytes found,
                    struct bytes expected)
{
    audit_found(audit->report, kind, AUDIT_AT ": its outcome (offset %lld of partition %d) has %s %.*s, expected %.*s",
                AUDIT_AT_ARGS(log_of(audit, outcome), message_of(audit, outcome)->offset), (long long)outcome->record->offset, (int)outcome->partition,
                what, found.data ? shown(found) : 6, or_none(found), expected.data ? shown(expected) : 6, or_none(expected));
}

/* --- headers */

/* As "dddd-dd-ddTdd:dd:dd.dddZ". */
static bool looks_like(struct bytes text, const char *form)
{
    if (text.size != strlen(form))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        if (form[i] == 'd' ? c < '0' || c > '9' : form[i] == 'x' ? !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) : c != form[i])
            return false;
    }
    return true;
}

static bool all_zeros(const char *at, size_t size)
{
    while (size && *at == '0')
        at++, size--;
    return size == 0;
}

/* A trace of version 00 with ids that are not zero. */
static bool is_trace(struct bytes parent)
{
    return looks_like(parent, "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx") && !all_zeros(parent.data + 3, 32) &&
           !all_zeros(parent.data + SPAN_AT, SPAN_SIZE);
}

/* The next header must have this name; `value` absent: whatever. Returns what is there. */
static struct bytes expect_header(struct audit *audit, const struct audit_outcome *outcome, size_t *at, const char *name, struct bytes value)
{
    const struct audit_message *record = outcome->record;
    struct bytes found = {NULL, 0};

    if (*at < record->headers_count && bytes_equal_text(record->headers[*at].name, name)) {
        found = record->headers[(*at)++].value;
        if (value.data && !bytes_equal(found, value))
            differs(audit, outcome, AUDIT_HEADERS, name, found, value);
    } else {
        differs(audit, outcome, AUDIT_HEADERS, "at the place of a header that should be there",
                *at < record->headers_count ? record->headers[*at].name : found, bytes_of(name));
    }
    return found;
}

static void check_trace(struct audit *audit, const struct audit_outcome *outcome, size_t *at, const struct audit_event *event)
{
    struct bytes found;

    if (!event->traceparent.data || !is_trace(event->traceparent))
        return;
    found = expect_header(audit, outcome, at, "traceparent", (struct bytes){NULL, 0});
    if (!is_trace(found) || memcmp(found.data, event->traceparent.data, SPAN_AT) != 0 ||
        memcmp(found.data + SPAN_AT + SPAN_SIZE, event->traceparent.data + SPAN_AT + SPAN_SIZE, PARENT_SIZE - SPAN_AT - SPAN_SIZE) != 0 ||
        memcmp(found.data + SPAN_AT, event->traceparent.data + SPAN_AT, SPAN_SIZE) == 0)
        differs(audit, outcome, AUDIT_TRACE, "traceparent", found, event->traceparent);
    if (event->tracestate.size)
        expect_header(audit, outcome, at, "tracestate", event->tracestate);
}

static struct bytes id_of(struct audit *audit, const struct audit_outcome *outcome)
{
    buffer_reset(&audit->text);
    buffer_put_text(&audit->text, log_of(audit, outcome)->topic);
    buffer_put_char(&audit->text, '/');
    buffer_put_int(&audit->text, log_of(audit, outcome)->partition);
    buffer_put_char(&audit->text, '/');
    buffer_put_int(&audit->text, message_of(audit, outcome)->offset);
    return buffer_bytes(&audit->text);
}

static void check_incarnation(struct audit *audit, const struct audit_outcome *outcome, struct bytes name)
{
    const size_t size = sizeof source_prefix - 1;

    if (name.size != size + UUID_SIZE || memcmp(name.data, source_prefix, size) != 0 ||
        !looks_like((struct bytes){name.data + size, UUID_SIZE}, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
        differs(audit, outcome, AUDIT_HEADERS, "ce_source", name, bytes_of("/orderd/ and a uuid"));
}

void audit_check_headers(struct audit *audit, const struct audit_outcome *outcome, const struct audit_event *event)
{
    static const struct bytes any = {NULL, 0};
    struct bytes subject = event->names[AUDIT_FIELD_SKU].data ? event->names[AUDIT_FIELD_SKU] : event->names[AUDIT_FIELD_ITEM], time;
    size_t at = 0;

    expect_header(audit, outcome, &at, "ce_specversion", (struct bytes){"1.0", 3});
    expect_header(audit, outcome, &at, "ce_id", id_of(audit, outcome));
    check_incarnation(audit, outcome, expect_header(audit, outcome, &at, "ce_source", any));
    expect_header(audit, outcome, &at, "ce_type", bytes_of("orderd.outcome"));
    if (!event->reason && subject.data)
        expect_header(audit, outcome, &at, "ce_subject", subject);
    time = expect_header(audit, outcome, &at, "ce_time", any);
    if (!looks_like(time, "dddd-dd-ddTdd:dd:dd.dddZ"))
        differs(audit, outcome, AUDIT_TIME, "ce_time", time, bytes_of("a time of UTC with milliseconds"));
    expect_header(audit, outcome, &at, "content-type", bytes_of("application/json"));
    check_trace(audit, outcome, &at, event);
    expect_header(audit, outcome, &at, "ce_sequence", any);
    if (at != outcome->record->headers_count)
        differs(audit, outcome, AUDIT_HEADERS, "one more header, and that is", outcome->record->headers[at].name, any);
}

/* --- the value */

static void put_head(struct buffer *out, const struct audit_event *event, bool malformed)
{
    buffer_put_text(out, "{\"id\":");
    if (malformed) {
        buffer_put_text(out, "null,\"type\":null,\"status\":");
        return;
    }
    audit_json_quote(out, event->id);
    buffer_put_text(out, ",\"type\":\"");
    buffer_put_text(out, audit_kind_name(event->kind));
    buffer_put_text(out, "\",\"status\":");
}

bool audit_claims(struct audit *audit, const struct audit_outcome *outcome, const struct audit_event *event, const char *status)
{
    struct bytes value = outcome->record->value;
    bool malformed = strncmp(status, "malformed", strlen("malformed")) == 0;

    buffer_reset(&audit->expected);
    put_head(&audit->expected, event, malformed);
    buffer_put_char(&audit->expected, '"');
    buffer_put_text(&audit->expected, status);
    return value.size > audit->expected.size && memcmp(value.data, audit->expected.data, audit->expected.size) == 0;
}

/* A string that stands where the expectation ends now, as it is; NULL when there is none. */
static const char *string_here(const struct buffer *expected, struct bytes value, size_t *size)
{
    const char *at, *end, *from;

    if (expected->size >= value.size || memcmp(expected->data, value.data, expected->size) != 0 || value.data[expected->size] != '"')
        return NULL;
    from = value.data + expected->size;
    at = from + 1;
    end = value.data + value.size;
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    *size = (size_t)(at + 1 - from);
    return at < end ? from : NULL;
}

static void put_detail(struct audit *audit, const struct audit_outcome *outcome)
{
    size_t size;
    const char *detail;

    buffer_put_text(&audit->expected, ",\"detail\":");
    detail = string_here(&audit->expected, outcome->record->value, &size);
    if (detail && size > 2)
        buffer_put(&audit->expected, detail, size);
    else
        buffer_put_text(&audit->expected, "\"(a word about why)\"");
}

/* Which of several wrong keys is named is not said by the design. */
static void put_invalid(struct audit *audit, const struct audit_outcome *outcome, const struct audit_decision *decision)
{
    const char *key = decision->invalid[0], *found;
    size_t size;

    buffer_put_text(&audit->expected, "\"invalid\":");
    found = string_here(&audit->expected, outcome->record->value, &size);
    for (size_t i = 0; i < decision->invalid_count && found; i++)
        if (size == strlen(decision->invalid[i]) + 2 && memcmp(found + 1, decision->invalid[i], size - 2) == 0)
            key = decision->invalid[i];
    audit_json_quote(&audit->expected, bytes_of(key));
}

static void put_first(struct audit *audit, const struct audit_outcome *outcome, const struct audit_verdict *verdict)
{
    struct buffer *out = &audit->expected;
    const char *found;
    size_t size;

    buffer_put_text(out, ",\"first\":{\"offset\":");
    buffer_put_int(out, verdict->first_offset);
    buffer_put_text(out, ",\"status\":");
    found = verdict->first_status ? NULL : string_here(out, outcome->record->value, &size);
    if (found)
        buffer_put(out, found, size);
    else
        audit_json_quote(out, bytes_of(verdict->first_status ? verdict->first_status : "applied"));
    buffer_put_char(out, '}');
}

static void put_source(struct buffer *out, const struct audit_log *log, const struct audit_message *message)
{
    buffer_put_text(out, ",\"source\":{\"topic\":\"");
    buffer_put_text(out, log->topic);
    buffer_put_text(out, "\",\"partition\":");
    buffer_put_int(out, log->partition);
    buffer_put_text(out, ",\"offset\":");
    buffer_put_int(out, message->offset);
    buffer_put_text(out, ",\"timestamp\":");
    if (message->timestamp < 0)
        buffer_put_text(out, "null");
    else
        buffer_put_int(out, message->timestamp);
    buffer_put_char(out, '}');
}

/* The number that the value ends with, if that is one from 1 on. */
static struct bytes attempts_in(struct bytes value)
{
    const char *end, *at;

    if (value.size < 2 || value.data[value.size - 1] != '}')
        return bytes_of("1");
    end = at = value.data + value.size - 1;
    while (at > value.data && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return at < end && *at != '0' && end - at < 10 ? (struct bytes){at, (size_t)(end - at)} : bytes_of("1");
}

static void put_value(struct audit *audit, const struct audit_outcome *outcome, const struct audit_verdict *verdict)
{
    struct buffer *out = &audit->expected;
    const struct audit_decision *decision = &verdict->decision;
    bool malformed = verdict->event->reason != NULL;

    buffer_reset(out);
    put_head(out, verdict->event, malformed);
    audit_json_quote(out, bytes_of(decision->status));
    buffer_put_text(out, ",\"reason\":");
    if (decision->reason)
        audit_json_quote(out, bytes_of(decision->reason));
    else
        buffer_put_text(out, "null");
    if (malformed)
        put_detail(audit, outcome);
    buffer_put_text(out, ",\"event\":");
    if (malformed)
        buffer_put_text(out, "null");
    else
        buffer_put_bytes(out, verdict->event->carried);
    buffer_put_text(out, ",\"facts\":{");
    if (decision->invalid_count)
        put_invalid(audit, outcome, decision);
    buffer_put(out, decision->facts, decision->facts_size);
    buffer_put_char(out, '}');
    if (verdict->duplicate)
        put_first(audit, outcome, verdict);
    put_source(out, log_of(audit, outcome), message_of(audit, outcome));
    buffer_put_text(out, ",\"decided_at\":\"");
    buffer_put_bytes(out, audit_header_of(outcome->record, "ce_time"));
    buffer_put_text(out, "\",\"attempts\":");
    buffer_put_bytes(out, attempts_in(outcome->record->value));
    buffer_put_char(out, '}');
    ASSERT(buffer_error(out) == 0);
}

/* --- what differs, in words */

static const struct {
    const char *member;
    enum audit_violation_kind kind;
} by_member[] = {{"status", AUDIT_STATUS}, {"reason", AUDIT_REASON}, {"detail", AUDIT_DETAIL}, {"facts", AUDIT_FACTS}, {"first", AUDIT_FIRST},
                 {"id", AUDIT_EVENT}, {"type", AUDIT_EVENT}, {"event", AUDIT_EVENT}, {"decided_at", AUDIT_TIME}, {"attempts", AUDIT_ATTEMPTS}};

static struct bytes value_in(const struct audit_members *members, const char *name)
{
    const struct audit_member *member = audit_json_member(members, name);

    return member ? member->value : (struct bytes){NULL, 0};
}

static void explain(struct audit *audit, const struct audit_outcome *outcome)
{
    struct bytes value = outcome->record->value, expected = buffer_bytes(&audit->expected);

    if (!value.data || audit_json_object(&audit->found_members, audit->arena, value) || audit_json_object(&audit->members, audit->arena, expected)) {
        differs(audit, outcome, AUDIT_VALUE, "the value", value, expected);
        return;
    }
    for (size_t i = 0; i < sizeof by_member / sizeof *by_member; i++) {
        struct bytes is = value_in(&audit->found_members, by_member[i].member), should = value_in(&audit->members, by_member[i].member);

        if (!bytes_equal(is, should)) {
            differs(audit, outcome, by_member[i].kind, by_member[i].member, is, should);
            return;
        }
    }
    differs(audit, outcome, AUDIT_VALUE, "the value", value, expected);
}

void audit_check_outcome(struct audit *audit, const struct audit_outcome *outcome, const struct audit_verdict *verdict)
{
    audit_check_headers(audit, outcome, verdict->event);
    put_value(audit, outcome, verdict);
    if (!bytes_equal(outcome->record->value, buffer_bytes(&audit->expected)))
        explain(audit, outcome);
}
