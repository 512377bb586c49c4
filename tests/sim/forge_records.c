/* Forgeries of outcomes: their order, copies, headers and values. */
#include "sim/forge.h"

#include <stdio.h>

struct audit_message *outcome(struct told *told, size_t index)
{
    return told_message(&told->outcomes[0], index);
}

struct audit_message *saying(struct told *told, const char *text)
{
    struct audit_message *found = told_outcome(told, 0, text, 0);

    found = found ? found : told_outcome(told, 1, text, 0);
    if (!found)
        fprintf(stderr, "no outcome says %s\n", text);
    ASSERT(found);
    return found;
}

static void reword(struct told *told, const char *where, const char *from, const char *to)
{
    told_replace(told, &saying(told, where)->value, from, to);
}

void set_header(struct audit_message *message, const char *name, const char *value)
{
    told_header(message, name)->value = bytes_of(value);
}

void drop_header(struct audit_message *message, const char *name)
{
    struct audit_header *header = told_header(message, name);

    memmove(header, header + 1, (size_t)(message->headers + message->headers_count - header - 1) * sizeof *header);
    message->headers_count--;
}

static void add_header(struct audit_message *message, const char *name, const char *value)
{
    struct audit_header *headers = (struct audit_header *)(uintptr_t)message->headers;

    headers[message->headers_count++] = (struct audit_header){bytes_of(name), bytes_of(value)};
}

static struct audit_message *copy_of(struct told *told, size_t index)
{
    told_append(told, &told->outcomes[0], outcome(told, index));
    return outcome(told, told->outcomes[0].count - 1);
}

void an_outcome_is_missing(struct told *told)
{
    told_remove(&told->outcomes[0], 2);
}

void two_outcomes_change_places(struct told *told)
{
    struct audit_message first = *outcome(told, 3);

    *outcome(told, 3) = *outcome(told, 4);
    *outcome(told, 4) = first;
}

void a_copy_has_another_value(struct told *told)
{
    told_replace(told, &copy_of(told, 4)->value, "\"attempts\":1", "\"attempts\":2");
}

void a_copy_has_another_key(struct told *told)
{
    copy_of(told, 4)->key = bytes_of("other");
}

void a_copy_has_another_header(struct told *told)
{
    set_header(copy_of(told, 4), "ce_time", "2023-11-14T22:13:20.999Z");
}

void a_copy_lies_elsewhere(struct told *told)
{
    told_append(told, &told->outcomes[1], outcome(told, 4));
}

void an_outcome_lies_elsewhere(struct told *told)
{
    told_append(told, &told->outcomes[1], outcome(told, 2));
    told_remove(&told->outcomes[0], 2);
}

void an_outcome_has_another_key(struct told *told)
{
    outcome(told, 4)->key = bytes_of("other");
}

void an_outcome_has_no_key(struct told *told)
{
    saying(told, "\"status\":\"applied\"")->key = bytes_of("");
}

void an_outcome_names_no_event(struct told *told)
{
    set_header(outcome(told, 4), "ce_id", "orders/0/99999");
}

void an_outcome_names_another_topic(struct told *told)
{
    set_header(outcome(told, 4), "ce_id", "others/0/4");
}

void an_event_is_decided_twice(struct told *told)
{
    struct audit_message *second = copy_of(told, 4);

    set_header(second, "ce_source", "/orderd/00000000-0000-4000-8000-000000000000");
    set_header(second, "ce_sequence", "0000000001-00000000000099999999-00000000000000000000-000000");
}

void a_sequence_is_no_number(struct told *told)
{
    set_header(outcome(told, 4), "ce_sequence", "1-2-3-4");
}

void a_sequence_is_given_twice(struct told *told)
{
    told_header(outcome(told, 5), "ce_sequence")->value = told_header(outcome(told, 4), "ce_sequence")->value;
}

void sequences_fall(struct told *told)
{
    struct bytes first = told_header(outcome(told, 4), "ce_sequence")->value;

    told_header(outcome(told, 4), "ce_sequence")->value = told_header(outcome(told, 5), "ce_sequence")->value;
    told_header(outcome(told, 5), "ce_sequence")->value = first;
}

/* Its effects are seen by those before it. */
void a_sequence_is_too_early(struct told *told)
{
    set_header(told_outcome(told, 1, "\"type\":\"deposit\",\"status\":\"applied\"", 2), "ce_sequence",
               "0000000001-00000000000000000000-00000000000000000001-000000");
}

void a_status_is_wrong(struct told *told)
{
    reword(told, "\"status\":\"rejected\"", "\"status\":\"rejected\"", "\"status\":\"applied\"");
}

void a_duplicate_is_decided_anew(struct told *told)
{
    reword(told, "\"status\":\"duplicate\"", "\"status\":\"duplicate\"", "\"status\":\"applied\"");
}

void the_window_is_too_short(struct told *told)
{
    told->world.window_ms = 1;
}

void the_window_holds_too_little(struct told *told)
{
    told->world.ids = 1;
}

void a_reason_is_wrong(struct told *told)
{
    reword(told, "\"reason\":\"not_listed\"", "not_listed", "price_changed");
}

void a_reused_id_is_called_the_same(struct told *told)
{
    reword(told, "\"reason\":\"id_reused\"", "id_reused", "delivered_again");
}

void a_malformed_reason_is_wrong(struct told *told)
{
    reword(told, "\"status\":\"malformed\",\"reason\":\"not_json\"", "not_json", "not_object");
}

void nothing_says_why_it_is_malformed(struct told *told)
{
    struct audit_message *found = saying(told, "\"reason\":\"not_json\",\"detail\":\"");
    const char *at = (const char *)memmem(found->value.data, found->value.size, "\"detail\":\"", 10) + 10;
    char text[256];

    snprintf(text, sizeof text, "\"detail\":\"%.*s\"", (int)strcspn(at, "\""), at);
    told_replace(told, &found->value, text, "\"detail\":\"\"");
}

void a_fact_is_wrong(struct told *told)
{
    reword(told, "\"type\":\"deposit\",\"status\":\"applied\"", "\"facts\":{\"funds\":[", "\"facts\":{\"funds\":[1");
}

void a_fact_is_missing(struct told *told)
{
    reword(told, "\"facts\":{\"price\":null}", "\"price\":null", "");
}

void another_key_is_called_invalid(struct told *told)
{
    reword(told, "\"invalid\":\"", "\"invalid\":\"", "\"invalid\":\"x");
}

void a_duplicate_names_another_first(struct told *told)
{
    reword(told, "\"first\":{\"offset\":", "\"first\":{\"offset\":", "\"first\":{\"offset\":9");
}

void an_event_is_not_carried(struct told *told)
{
    reword(told, "\"event\":{\"seller\"", "\"event\":{\"seller\"", "\"event\":{\"salesman\"");
}

void an_unknown_field_is_not_carried(struct told *told)
{
    reword(told, "1.50", "1.50", "1.5");
}

void an_id_is_wrong(struct told *told)
{
    reword(told, "{\"id\":\"e-", "{\"id\":\"e-", "{\"id\":\"f-");
}

void a_value_is_cut(struct told *told)
{
    outcome(told, 4)->value.size -= 3;
}

void a_value_is_null(struct told *told)
{
    outcome(told, 4)->value = (struct bytes){NULL, 0};
}

void a_value_has_white_space(struct told *told)
{
    told_replace(told, &outcome(told, 4)->value, "\"facts\":", "\"facts\": ");
}

void a_timestamp_is_wrong(struct told *told)
{
    told_replace(told, &outcome(told, 4)->value, "\"timestamp\":1", "\"timestamp\":2");
}

void a_time_has_no_milliseconds(struct told *told)
{
    set_header(outcome(told, 4), "ce_time", "2023-11-14T22:13:20Z");
}

void two_times_of_decision(struct told *told)
{
    told_replace(told, &outcome(told, 4)->value, "\"decided_at\":\"2", "\"decided_at\":\"3");
}

void no_attempt_was_made(struct told *told)
{
    told_replace(told, &outcome(told, 4)->value, "\"attempts\":1}", "\"attempts\":0}");
}

void a_header_is_missing(struct told *told)
{
    drop_header(outcome(told, 4), "content-type");
}

void a_header_is_one_too_many(struct told *told)
{
    add_header(outcome(told, 4), "x", "y");
}

void a_subject_is_wrong(struct told *told)
{
    set_header(saying(told, "\"type\":\"restock\""), "ce_subject", "other");
}

void an_incarnation_is_none(struct told *told)
{
    set_header(outcome(told, 4), "ce_source", "/orderd/x");
}

static struct audit_message *traced(struct told *told)
{
    size_t index = 0;

    while (!told_header(outcome(told, index), "traceparent"))
        index++;
    return outcome(told, index);
}

void a_trace_is_broken_off(struct told *told)
{
    set_header(traced(told), "traceparent", "00-00000000000000000000000000000001-00f067aa0ba902b8-01");
}

void a_trace_keeps_its_span(struct told *told)
{
    set_header(traced(told), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

void a_tracestate_is_dropped(struct told *told)
{
    drop_header(traced(told), "tracestate");
}

static void expire(struct told *told, const char *where, const char *status)
{
    struct audit_message *found = saying(told, where);

    told_replace(told, &found->value, status, "\"status\":\"expired\",\"reason\":\"deadline\"");
}

/* The facts are wrong then too, but that is not what is asked here. */
void an_event_without_a_deadline_expires(struct told *told)
{
    for (int kind = 0; kind < AUDIT_KINDS; kind++)
        told->world.deadline_ms[kind] = 0;
    expire(told, "\"status\":\"rejected\",\"reason\":\"not_held\"", "\"status\":\"rejected\",\"reason\":\"not_held\"");
}

static int64_t never(void *context, size_t source, int64_t offset)
{
    return context && source && offset > 0 ? 0 : -1;
}

void an_event_expires_without_a_conflict(struct told *told)
{
    told->world.in_conflict_ms = never;
    expire(told, "\"status\":\"rejected\",\"reason\":\"not_held\"", "\"status\":\"rejected\",\"reason\":\"not_held\"");
}

/* The operator has meant another one. */
void an_event_is_skipped_unasked(struct told *told)
{
    for (size_t i = 0; i < told->world.happenings_count; i++)
        if (told->happenings[i].kind == AUDIT_SKIPPED)
            told->happenings[i].from++;
}

void a_malformed_event_is_called_skipped(struct told *told)
{
    reword(told, "\"reason\":\"not_json\"", "\"reason\":\"not_json\"", "\"reason\":\"skipped\"");
}
