/* Prints what the daemon's own code makes of events, a JSON object a line: {"key":…,"headers":{…},"value":…}, "letter" instead of "value"
 * for a dead letter. Every kind is decided in every market that differs for it, and becomes expired and duplicate too; messages of every
 * fault become malformed. The schemas of conf/ are held against it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/outcome.h"
#include "codec/text.h"
#include "rules/rules.h"

static const char *const events[] = {
    "{\"id\":\"a1\",\"type\":\"list\",\"seller\":\"s\",\"item\":\"i\",\"price\":97}",
    "{\"id\":\"a2\",\"type\":\"unlist\",\"seller\":\"s\",\"item\":\"i\",\"deadline_ms\":9007199254740991}",
    "{\"id\":\"a3\",\"type\":\"purchase\",\"buyer\":\"b\",\"seller\":\"s\",\"item\":\"i\",\"price\":97,\"note\":{\"a b\":[1.5, \"\\u00e9\"]}}",
    "{\"id\":\"a4\",\"type\":\"purchase\",\"buyer\":\"s\",\"seller\":\"s\",\"item\":\"i\",\"price\":97}",
    "{\"id\":\"\xc3\xa9\\\"\",\"type\":\"reserve\",\"sku\":\"k\",\"quantity\":2,\"buyer\":\"b\"}",
    "{\"id\":\"a6\",\"type\":\"restock\",\"sku\":\"k\",\"quantity\":9007199254740991}",
    "{\"id\":\"a7\",\"type\":\"deposit\",\"user\":\"b\",\"amount\":1}",
    "{\"id\":\"a8\",\"ty\\u0070e\":\"grant\",\"user\":\"b\",\"item\":\"i\"}",
};

static const char *const faults[] = {
    "", "{", "[]", "{} {}", "\"\xff\"", "{\"id\":1,\"id\":2}", "{\"type\":\"grant\"}", "{\"type\":1}", "{\"id\":\"a\",\"type\":\"\x7f\xc2\x9b\"}",
    "{\"id\":\"\",\"type\":\"grant\"}", "{\"id\":\"a\",\"type\":\"grant\",\"user\":\"u.v\"}", "{\"id\":\"a\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":0}",
};

static const int64_t values[] = {INT64_MIN, 0, 1, 97, 98, 9007199254740991, INT64_MAX};
enum { VALUES = sizeof values / sizeof *values, STATES = VALUES + 2 };

static const unsigned char span[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void check(bool right)
{
    if (!right)
        abort();
}

static void put_headers(struct buffer *out, const struct record *record)
{
    buffer_put_text(out, ",\"headers\":{");
    for (size_t i = 0; i < record->headers_count; i++) {
        if (i)
            buffer_put_char(out, ',');
        text_put_json(out, record->headers[i].name);
        buffer_put_char(out, ':');
        text_put_json(out, record->headers[i].value);
    }
    buffer_put_char(out, '}');
}

static void print(struct buffer *stored)
{
    struct reader reader = reader_of(buffer_bytes(stored));
    struct record record;
    struct buffer out;

    buffer_init(&out, 1 << 20);
    check(record_next(&reader, &record) == 0 && reader_end(&reader) == 0);
    buffer_put_text(&out, "{\"key\":");
    text_put_json(&out, record.key);
    put_headers(&out, &record);
    buffer_put_text(&out, record.kind == RECORD_OUTCOME ? ",\"value\":" : ",\"letter\":");
    if (record.kind == RECORD_OUTCOME)
        buffer_put_bytes(&out, record.value);
    else
        text_put_json(&out, record.value.data ? record.value : bytes_of(""));
    buffer_put_char(&out, '}');
    puts(buffer_text(&out));
    buffer_deinit(&out);
}

static struct outcome_input input_of_event(const struct decoded *decoded, struct bytes value, const struct facts *facts)
{
    return (struct outcome_input){.decoded = decoded, .topic = "orders", .partition = 3, .offset = 4, .timestamp = 1795326127590, .key = bytes_of("k"),
                                  .value = value, .facts = facts, .decided_at = "2026-11-22T05:42:07.590Z", .attempts = 1,
                                  .incarnation = "01234567-89ab-4cde-8f01-23456789abcd", .span = span, .limit = 1000000};
}

static void tell(struct outcome_input input, enum status status, enum reason reason)
{
    struct buffer out, scratch;

    input.status = status;
    input.reason = reason;
    buffer_init(&out, 1 << 20);
    buffer_init(&scratch, 1 << 20);
    outcome_put(&out, &scratch, &input);
    print(&out);
    if (status == STATUS_MALFORMED) {
        struct kafka_header header = {bytes_of("shop"), bytes_of("eu")};
        struct dead_letter_input letter = {&input, &header, 1, 1000000, 2, 0};

        buffer_reset(&out);
        dead_letter_put(&out, &letter);
        print(&out);
    }
    buffer_deinit(&out);
    buffer_deinit(&scratch);
}

/* The market of this number, a digit for what each wanted cell holds; false: there are no more. */
static bool load(struct view *view, size_t number)
{
    for (size_t k = 0; k < view_keys_count(view); k++) {
        const struct view_key *key = view_key_at(view, k);

        for (const struct view_cell *cell = key->cells; cell; cell = cell->next) {
            size_t states = key->kind == VIEW_INVENTORY ? 3 : STATES, state = number % states;
            int64_t value = state < 2 ? 0 : values[state - 2];

            if (key->kind == VIEW_MARKET && (value < -9007199254740991 || value > 9007199254740991))
                value = 97;      /* a score is a double */
            view_load(view, cell, state == 0 ? VIEW_MISSING : state == 1 ? VIEW_INVALID : VIEW_PRESENT, value);
            number /= states;
        }
    }
    return number == 0;
}

static void decide(const struct decoded *decoded, struct bytes value)
{
    struct view *view = NULL;

    check(view_new(&view, 8, 8) == 0);
    for (size_t number = 0;; number++) {
        struct facts facts = {0};
        enum reason reason;

        view_reset(view);
        rules_want(&decoded->event, view);
        if (!load(view, number))
            break;
        reason = rules_decide(&decoded->event, view, &facts);
        tell(input_of_event(decoded, value, &facts), reason ? STATUS_REJECTED : STATUS_APPLIED, reason);
    }
    view_free(view);
}

static void tell_event(const char *text)
{
    static const struct kafka_header trace[] = {{{"traceparent", 11}, {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 55}},
                                                {{"tracestate", 10}, {"a=b", 3}}};
    struct facts none = {0};
    struct decoded decoded;
    struct outcome_input input;

    event_decode(&decoded, bytes_of(text), trace, 2);
    check(decoded.reason == REASON_NONE);
    decide(&decoded, bytes_of(text));
    input = input_of_event(&decoded, bytes_of(text), &none);
    tell(input, STATUS_EXPIRED, REASON_DEADLINE);
    input.first_offset = 2;
    for (int status = STATUS_APPLIED; status <= STATUS_EXPIRED; status++) {
        input.first_status = (enum status)status;
        tell(input, STATUS_DUPLICATE, REASON_DELIVERED_AGAIN);
        tell(input, STATUS_DUPLICATE, REASON_ID_REUSED);
    }
    input.timestamp = -1;
    input.attempts = INT32_MAX;
    tell(input, STATUS_EXPIRED, REASON_DEADLINE);
}

static void tell_fault(struct bytes value, const struct kafka_header *headers, size_t count, enum reason condemned)
{
    struct facts none = {0};
    struct decoded decoded;

    event_decode(&decoded, value, headers, count);
    if (condemned)
        event_condemn(&decoded, condemned, "said by somebody else");
    check(decoded.reason != REASON_NONE);
    tell(input_of_event(&decoded, value, &none), STATUS_MALFORMED, decoded.reason);
}

/* Both bounds: fields that are left out, and a key that is. */
static void tell_truncated(void)
{
    struct facts none = {0};
    struct decoded decoded;
    struct outcome_input input;
    char *text = NULL;

    check(asprintf(&text, "{\"id\":\"big\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"i\",\"note\":\"%070000d\"}", 0) > 0);
    event_decode(&decoded, bytes_of(text), NULL, 0);
    input = input_of_event(&decoded, bytes_of(text), &none);
    input.limit = OUTCOME_LIMIT_MIN;
    tell(input, STATUS_EXPIRED, REASON_DEADLINE);
    input.key = bytes_of(text);
    tell(input, STATUS_EXPIRED, REASON_DEADLINE);
    free(text);
}

int main(void)
{
    struct kafka_header one = {bytes_of("ce_specversion"), bytes_of("2.0")};
    struct kafka_header binary[] = {{bytes_of("ce_specversion"), bytes_of("1.0")}, {bytes_of("ce_id"), bytes_of("a")},
                                    {bytes_of("ce_type"), bytes_of("grant")}, {bytes_of("ce_source"), bytes_of("/shop")}};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        tell_event(events[i]);
    tell_truncated();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        tell_fault(bytes_of(faults[i]), NULL, 0, REASON_NONE);
    tell_fault((struct bytes){NULL, 0}, NULL, 0, REASON_NONE);
    tell_fault(bytes_of("{}"), &one, 1, REASON_NONE);
    tell_fault(bytes_of("{\"id\":\"b\"}"), binary, 4, REASON_NONE);
    tell_fault(bytes_of(events[0]), NULL, 0, REASON_TOO_MANY_HEADERS);
    tell_fault(bytes_of(events[0]), NULL, 0, REASON_QUARANTINED);
    tell_fault(bytes_of(events[0]), NULL, 0, REASON_SKIPPED);
    tell_fault(bytes_of(events[0]), NULL, 0, REASON_SKIPPED);
    return 0;
}
