/* Headers are held one by one against those that must be there, in their order. */
#include "audit/form.h"

#include <string.h>

#include "base/text.h"
#include "codec/text.h"
#include "codec/trace.h"
#include "rules/rules.h"

enum { SHOWN = 80, FLAGS_AT = 53, SPAN_END = 52 };

/* Where in the outcome's headers the comparison stands. */
struct walk {
    const struct form *form;
    size_t at;
    struct error_text *error;
};

static int shown(struct bytes text)
{
    return text.size < SHOWN ? (int)text.size : SHOWN;
}

static struct bytes plain(struct bytes text)
{
    return text.data ? text : bytes_of("");
}

static bool say(struct walk *walk, const char *name, struct bytes wanted)
{
    const struct audit_record *outcome = walk->form->outcome;
    const struct kafka_header *found = walk->at < outcome->headers_count ? &outcome->headers[walk->at] : NULL;

    if (!found)
        error_set(walk->error, 0, "header %s is missing, \"%.*s\" would be right", name, shown(wanted), plain(wanted).data);
    else if (!bytes_equal_text(found->name, name))
        error_set(walk->error, 0, "header %.*s stands where %s should", shown(found->name), found->name.data, name);
    else
        error_set(walk->error, 0, "header %s is \"%.*s\", \"%.*s\" would be right", name, shown(found->value), plain(found->value).data, shown(wanted),
                  plain(wanted).data);
    text_clean(walk->error->text);
    return false;
}

static const struct kafka_header *next_named(const struct walk *walk, const char *name)
{
    const struct audit_record *outcome = walk->form->outcome;
    const struct kafka_header *header = &outcome->headers[walk->at];

    return walk->at < outcome->headers_count && bytes_equal_text(header->name, name) && header->value.data ? header : NULL;
}

static bool expect(struct walk *walk, const char *name, struct bytes value)
{
    const struct kafka_header *header = next_named(walk, name);

    if (!header || !bytes_equal(header->value, value))
        return say(walk, name, value);
    walk->at++;
    return true;
}

/* Whatever its value is: who identified the outcome has read it. */
static bool expect_read(struct walk *walk, const char *name)
{
    if (!next_named(walk, name))
        return say(walk, name, bytes_of("..."));
    walk->at++;
    return true;
}

static bool expect_subject(struct walk *walk)
{
    const struct decision *decision = walk->form->decision;
    const struct event *event = &decision->event;
    const struct name *name;

    if (decision->status == STATUS_MALFORMED)
        return true;
    name = rules_kind_requires(event->kind, FIELD_SKU) ? &event->sku : &event->item;
    return name->size == 0 || expect(walk, "ce_subject", (struct bytes){name->text, name->size});
}

/* decided_at, without its quotes. */
static bool expect_time(struct walk *walk)
{
    struct bytes at = walk->form->decision->decided_at;

    if (at.size >= 2 && at.data[0] == '"')
        at = (struct bytes){at.data + 1, at.size - 2};
    return expect(walk, "ce_time", at);
}

/* The same trace, a span of orderd's own, which is random, and the flags that are defined. */
static bool expect_parent(struct walk *walk, struct bytes parent)
{
    const unsigned char any[TRACE_SPAN_SIZE] = {0};
    char wanted[TRACE_PARENT_SIZE + 1];
    const struct kafka_header *header = next_named(walk, "traceparent");

    if (!trace_continue(wanted, parent, any))
        return !header || say(walk, "ce_sequence", bytes_of("..."));
    if (!header || header->value.size != TRACE_PARENT_SIZE || !trace_id(header->value).data)
        return say(walk, "traceparent", bytes_of(wanted));
    memcpy(wanted + SPAN_END - 16, header->value.data + SPAN_END - 16, 16);
    return expect(walk, "traceparent", bytes_of(wanted));
}

/* Of what an operator has quarantined nothing was read, not even its headers. */
static bool expect_trace(struct walk *walk)
{
    const struct form *form = walk->form;
    bool unread = form->decision->reason == REASON_QUARANTINED;
    char shortened[TRACE_STATE_MAX];
    struct bytes state;
    size_t before = walk->at;

    if (!form->source) {
        walk->at += next_named(walk, "traceparent") != NULL;
        walk->at += next_named(walk, "tracestate") != NULL;
        return true;
    }
    if (!expect_parent(walk, unread ? (struct bytes){NULL, 0} : form->decoded->traceparent))
        return false;
    state = trace_state(shortened, form->decoded->tracestate);
    return walk->at == before || !state.data || expect(walk, "tracestate", state);
}

static bool expect_end(struct walk *walk)
{
    const struct audit_record *outcome = walk->form->outcome;

    if (walk->at == outcome->headers_all)
        return true;
    error_set(walk->error, 0, "header %.*s is one that no outcome of this event has", shown(outcome->headers[walk->at].name), outcome->headers[walk->at].name.data);
    text_clean(walk->error->text);
    return false;
}

bool form_headers(const struct form *form, struct error_text *error)
{
    struct walk walk = {.form = form, .error = error};

    return expect(&walk, "ce_specversion", bytes_of("1.0")) && expect_read(&walk, "ce_id") && expect_read(&walk, "ce_source") &&
           expect_read(&walk, "ce_type") && expect_subject(&walk) && expect_time(&walk) && expect(&walk, "content-type", bytes_of("application/json")) &&
           expect_trace(&walk) && (!form->identity->sequenced || expect_read(&walk, "ce_sequence")) && expect_end(&walk);
}

bool form_key(const struct form *form, struct error_text *error)
{
    struct bytes key = form->outcome->key, wanted = form->source ? form->source->key : key;

    if (form->decision->key_truncated)
        wanted = (struct bytes){NULL, 0};
    if (bytes_equal(key, wanted) && !key.data == !wanted.data)
        return true;
    error_set(error, 0, "the key is %s%.*s%s, %s%.*s%s would be right", key.data ? "\"" : "", shown(key), key.data ? key.data : "null", key.data ? "\"" : "",
              wanted.data ? "\"" : "", wanted.data ? shown(wanted) : 4, wanted.data ? wanted.data : "null", wanted.data ? "\"" : "");
    text_clean(error->text);
    return false;
}

static bool differs(struct error_text *error, const char *what, struct bytes found, struct bytes wanted)
{
    error_set(error, 0, "%s is %.*s, %.*s would be right", what, found.data ? shown(found) : 4, found.data ? found.data : "null", wanted.data ? shown(wanted) : 4,
              wanted.data ? wanted.data : "null");
    text_clean(error->text);
    return false;
}

/* Of what was left out only the fields that the kind requires remain. */
static bool fields_equal(const struct event *a, const struct event *b)
{
    bool equal = a->kind == b->kind;

#define EQUAL_name(member) name_equal(&a->member, &b->member)
#define EQUAL_number(member) (a->member == b->member)
#define FIELD_ROW(constant, member, type) equal = equal && (!rules_kind_requires(a->kind, FIELD_##constant) || EQUAL_##type(member));
    EVENT_FIELDS(FIELD_ROW)
#undef FIELD_ROW
#undef EQUAL_name
#undef EQUAL_number
    return equal;
}

static bool carries_fields(const struct form *form, struct error_text *error)
{
    const struct decision *decision = form->decision;

    buffer_reset(form->scratch);
    buffer_put_char(form->scratch, '{');
    text_put_members(form->scratch, form->decoded->fields);
    buffer_put_char(form->scratch, '}');
    if (buffer_error(form->scratch) || bytes_equal(buffer_bytes(form->scratch), decision->fields))
        return true;
    if (decision->truncated && fields_equal(&decision->event, &form->decoded->event))
        return true;
    return differs(error, "its event", decision->fields, buffer_bytes(form->scratch));
}

static bool carries_id(const struct form *form, struct error_text *error)
{
    buffer_reset(form->scratch);
    text_put_json(form->scratch, (struct bytes){form->decoded->id, form->decoded->id_size});
    return bytes_equal(buffer_bytes(form->scratch), form->decision->id) || differs(error, "its id", form->decision->id, buffer_bytes(form->scratch));
}

static bool carries_timestamp(const struct form *form, struct error_text *error)
{
    if (form->decision->timestamp == form->source->timestamp || (form->decision->timestamp < 0 && form->source->timestamp < 0))
        return true;
    error_set(error, 0, "its source's timestamp is %lld, %lld would be right", (long long)form->decision->timestamp, (long long)form->source->timestamp);
    return false;
}

bool form_event(const struct form *form, struct error_text *error)
{
    const struct decision *decision = form->decision;

    if (!form->source)
        return true;
    if (!carries_timestamp(form, error))
        return false;
    if (decision->status == STATUS_MALFORMED || form->decoded->reason)
        return true;      /* whether it is, and so, is looked at by who knows the decoder */
    if (decision->event.kind != form->decoded->event.kind)
        return differs(error, "its type", bytes_of(rules_kind_name(decision->event.kind)), bytes_of(rules_kind_name(form->decoded->event.kind)));
    return carries_id(form, error) && carries_fields(form, error);
}
