/* Outcomes and dead letters: exact bytes, and no record larger than its topic takes. */
#include "check.h"

#include <stdlib.h>

#include "base/hash.h"
#include "codec/outcome.h"
#include "codec/sequence.h"

#define EVENT "{\"id\":\"p1\",\"type\":\"purchase\",\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97}"

static const unsigned char span[8] = {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11};

/* Everything that an outcome is made from; tests change what they are about. */
struct setting {
    struct decoded decoded;
    struct facts facts;
    struct outcome_input input;
    struct buffer out, scratch;
};

static struct setting *setting_new(struct bytes value)
{
    struct setting *s = calloc(1, sizeof *s);

    event_decode(&s->decoded, value, NULL, 0);
    buffer_init(&s->out, 64 << 20);
    buffer_init(&s->scratch, 64 << 20);
    s->input = (struct outcome_input){.decoded = &s->decoded, .topic = "orders", .partition = 0, .offset = 4, .timestamp = 1795326127590,
                                      .key = bytes_of("k"), .value = value, .status = STATUS_APPLIED, .reason = REASON_NONE, .facts = &s->facts,
                                      .decided_at = "2026-11-22T05:42:07.590Z", .attempts = 1, .incarnation = "0d0a-incarnation", .span = span,
                                      .limit = 1000000};
    return s;
}

static void setting_free(struct setting *s)
{
    buffer_deinit(&s->out);
    buffer_deinit(&s->scratch);
    free(s);
}

static int read_back(const struct setting *s, struct record *record)
{
    struct reader reader = reader_of(buffer_bytes(&s->out));
    int r = record_next(&reader, record);

    return r ? r : reader_end(&reader);
}

static void put_header_list(char *out, size_t size, const struct record *record)
{
    int n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < record->headers_count; i++)
        n += snprintf(out + n, size - (size_t)n, "%s%.*s=%.*s", i ? "|" : "", (int)record->headers[i].name.size, record->headers[i].name.data,
                      (int)record->headers[i].value.size, record->headers[i].value.data);
}

/* Encodes, reads back, and holds value and headers against what is expected; NULL: not looked at. */
static void expect(struct checks *c, struct setting *s, const char *headers, const char *value)
{
    struct record record;
    char text[4096];

    buffer_reset(&s->out);
    outcome_put(&s->out, &s->scratch, &s->input);
    CHECK_INT(c, buffer_error(&s->out), 0);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK_INT(c, record.kind, RECORD_OUTCOME);
    put_header_list(text, sizeof text, &record);
    if (headers)
        CHECK_TEXT(c, text, headers);
    snprintf(text, sizeof text, "%.*s", (int)record.value.size, record.value.data);
    if (value)
        CHECK_TEXT(c, text, value);
}

static void an_applied_purchase_reads_as_documented(struct checks *c)
{
    struct setting *s = setting_new(bytes_of(EVENT));

    facts_number(&s->facts, "price", 97);
    facts_number_change(&s->facts, "buyer_funds", 125, 28);
    facts_number_change(&s->facts, "seller_funds", 43, 140);
    expect(c, s,
           "ce_specversion=1.0|ce_id=orders/0/4|ce_source=/orderd/0d0a-incarnation|ce_type=orderd.outcome|ce_subject=ItemM|"
           "ce_time=2026-11-22T05:42:07.590Z|content-type=application/json",
           "{\"id\":\"p1\",\"type\":\"purchase\",\"status\":\"applied\",\"reason\":null,"
           "\"event\":{\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97},"
           "\"facts\":{\"price\":97,\"buyer_funds\":[125,28],\"seller_funds\":[43,140]},"
           "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":1795326127590},"
           "\"decided_at\":\"2026-11-22T05:42:07.590Z\",\"attempts\":1}");
    setting_free(s);
}

static void every_form_of_fact_is_json(struct checks *c)
{
    struct setting *s = setting_new(bytes_of(EVENT));
    struct name user = {2, "27"};

    s->input.status = STATUS_REJECTED;
    s->input.reason = REASON_STATE_INVALID;
    s->input.timestamp = -1;
    facts_null(&s->facts, "price");
    facts_null_change(&s->facts, "stock", 5);
    facts_flag(&s->facts, "held", true);
    facts_flag_change(&s->facts, "holds", true, false);
    facts_key(&s->facts, "invalid", "users:", &user);
    expect(c, s, NULL,
           "{\"id\":\"p1\",\"type\":\"purchase\",\"status\":\"rejected\",\"reason\":\"state_invalid\","
           "\"event\":{\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97},"
           "\"facts\":{\"price\":null,\"stock\":[null,5],\"held\":true,\"holds\":[true,false],\"invalid\":\"users:27\"},"
           "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":null},"
           "\"decided_at\":\"2026-11-22T05:42:07.590Z\",\"attempts\":1}");
    setting_free(s);
}

static void a_duplicate_names_the_first_decision(struct checks *c)
{
    struct setting *s = setting_new(bytes_of("{\"id\":\"\\\"q\\\\\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":1}"));

    s->input.status = STATUS_DUPLICATE;
    s->input.reason = REASON_ID_REUSED;
    s->input.first_offset = 2;
    s->input.first_status = STATUS_REJECTED;
    s->input.attempts = 3;
    expect(c, s,
           "ce_specversion=1.0|ce_id=orders/0/4|ce_source=/orderd/0d0a-incarnation|ce_type=orderd.outcome|ce_time=2026-11-22T05:42:07.590Z|"
           "content-type=application/json",
           "{\"id\":\"\\\"q\\\\\",\"type\":\"deposit\",\"status\":\"duplicate\",\"reason\":\"id_reused\",\"event\":{\"user\":\"u\",\"amount\":1},"
           "\"facts\":{},\"first\":{\"offset\":2,\"status\":\"rejected\"},"
           "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":1795326127590},"
           "\"decided_at\":\"2026-11-22T05:42:07.590Z\",\"attempts\":3}");
    setting_free(s);
}

static void a_malformed_message_has_no_event(struct checks *c)
{
    struct setting *s = setting_new(bytes_of("\"\xff"));

    s->input.status = STATUS_MALFORMED;
    s->input.reason = s->decoded.reason;
    snprintf(s->decoded.detail, sizeof s->decoded.detail, "byte 0: \xff\"\n");
    expect(c, s, NULL,
           "{\"id\":null,\"type\":null,\"status\":\"malformed\",\"reason\":\"invalid_utf8\",\"detail\":\"byte 0: \xef\xbf\xbd\\\"\\u000a\",\"event\":null,"
           "\"facts\":{},\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":1795326127590},"
           "\"decided_at\":\"2026-11-22T05:42:07.590Z\",\"attempts\":1}");
    setting_free(s);
}

static void unknown_fields_are_carried_as_they_came(struct checks *c)
{
    struct setting *s = setting_new(bytes_of(" { \"note\" : { \"a b\" : [ 1.50 , \"x\\u0041 \" ] } , \"id\":\"r\",\"quantity\": 2 , \"type\" : \"restock\",\"sku\":\"l\" } "));

    expect(c, s, NULL,
           "{\"id\":\"r\",\"type\":\"restock\",\"status\":\"applied\",\"reason\":null,\"event\":{\"note\":{\"a b\":[1.50,\"x\\u0041 \"]},\"quantity\":2,\"sku\":\"l\"},"
           "\"facts\":{},\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":1795326127590},"
           "\"decided_at\":\"2026-11-22T05:42:07.590Z\",\"attempts\":1}");
    setting_free(s);
}

static void a_trace_goes_on_under_our_own_span(struct checks *c)
{
#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    static const char *const bad[] = {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                                      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
                                      "0-04bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                                      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
                                      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", PARENT "-more"};
    struct setting *s = setting_new(bytes_of(EVENT));
    struct record record;
    char text[4096];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        s->decoded.traceparent = bytes_of(bad[i]);
        s->decoded.tracestate = bytes_of("a=b");
        buffer_reset(&s->out);
        outcome_put(&s->out, &s->scratch, &s->input);
        CHECK_INT(c, read_back(s, &record), 0);
        put_header_list(text, sizeof text, &record);
        CHECK(c, !strstr(text, "trace"));
    }
    s->decoded.traceparent = bytes_of(PARENT);
    expect(c, s,
           "ce_specversion=1.0|ce_id=orders/0/4|ce_source=/orderd/0d0a-incarnation|ce_type=orderd.outcome|ce_subject=ItemM|"
           "ce_time=2026-11-22T05:42:07.590Z|content-type=application/json|traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-aabbccddeeff0011-01|tracestate=a=b",
           NULL);
    setting_free(s);
}

static char *event_with_note(size_t note)
{
    static const char start[] = "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\",\"note\":\"";
    char *text = malloc(sizeof start + note + 3);

    memcpy(text, start, sizeof start - 1);
    memset(text + sizeof start - 1, 'n', note);
    memcpy(text + sizeof start - 1 + note, "\"}", 3);
    return text;
}

/* Room that ce_sequence takes when the record is handed over. */
enum { SEQUENCE_ROOM = RECORD_HEADER_OVERHEAD + 11 + SEQUENCE_TEXT_SIZE - 1 };

static size_t size_when_sent(const struct record *record)
{
    return record_size(record->key, record->value, record->headers, record->headers_count) + SEQUENCE_ROOM;
}

static bool says(const struct record *record, const char *what)
{
    return memmem(record->value.data, record->value.size, what, strlen(what)) != NULL;
}

/* Around the limit, byte by byte: whole as long as it fits, then cut, and never too large. */
static void unknown_fields_go_when_they_do_not_fit(struct checks *c)
{
    bool whole_before = true;
    int changes = 0;

    for (size_t note = 64500; note < 65200; note++) {
        char *text = event_with_note(note);
        struct setting *s = setting_new(bytes_of(text));
        struct record record;
        bool whole;

        s->input.limit = OUTCOME_LIMIT_MIN;
        outcome_put(&s->out, &s->scratch, &s->input);
        CHECK_INT(c, read_back(s, &record), 0);
        whole = !says(&record, "\"truncated\":true");
        CHECK(c, size_when_sent(&record) <= OUTCOME_LIMIT_MIN);
        CHECK(c, whole == says(&record, "\"note\":"));
        CHECK(c, says(&record, "\"event\":{") && says(&record, "\"user\":\"u\",\"item\":\"a\""));
        changes += whole != whole_before;
        whole_before = whole;
        setting_free(s);
        free(text);
    }
    CHECK_INT(c, changes, 1);
    CHECK(c, !whole_before);
}

static void a_key_that_does_not_fit_goes_last(struct checks *c)
{
    struct setting *s = setting_new(bytes_of(EVENT));
    char *key = calloc(1, 70000);
    struct record record;

    s->input.limit = OUTCOME_LIMIT_MIN;
    s->input.key = (struct bytes){key, 70000};
    outcome_put(&s->out, &s->scratch, &s->input);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK(c, !record.key.data && says(&record, "\"key_truncated\":true") && size_when_sent(&record) <= OUTCOME_LIMIT_MIN);
    buffer_reset(&s->out);
    s->input.key = (struct bytes){key, 60000};
    outcome_put(&s->out, &s->scratch, &s->input);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK(c, record.key.size == 60000 && !says(&record, "truncated"));
    free(key);
    setting_free(s);
}

static void keys_absent_and_empty_stay_apart(struct checks *c)
{
    struct setting *s = setting_new(bytes_of(EVENT));
    struct record record;

    s->input.key = (struct bytes){NULL, 0};
    outcome_put(&s->out, &s->scratch, &s->input);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK(c, !record.key.data);
    buffer_reset(&s->out);
    s->input.key = bytes_of("");
    outcome_put(&s->out, &s->scratch, &s->input);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK(c, record.key.data && record.key.size == 0);
    setting_free(s);
}

/* A dead letter of a message with so many bytes in key, value and one of its headers. */
static void letter(struct setting *s, struct kafka_header *headers, size_t headers_count, size_t limit)
{
    struct dead_letter_input input = {&s->input, headers, headers_count, limit, 3, 0};

    s->input.status = STATUS_MALFORMED;
    s->input.reason = REASON_NOT_JSON;
    buffer_reset(&s->out);
    dead_letter_put(&s->out, &input);
}

static void a_dead_letter_is_the_message_byte_for_byte(struct checks *c)
{
    struct kafka_header headers[] = {{bytes_of("h"), bytes_of("1")}, {bytes_of("h"), {NULL, 0}}};
    struct setting *s = setting_new((struct bytes){"\x00\xff bad", 6});
    struct record record;
    char text[2048];

    s->input.partition = 4;
    snprintf(s->decoded.detail, sizeof s->decoded.detail, "why");
    letter(s, headers, 2, 1000000);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK_INT(c, record.kind, RECORD_DEAD_LETTER);
    CHECK_INT(c, record.partition, 1);
    CHECK(c, record.value.size == 6 && memcmp(record.value.data, "\x00\xff bad", 6) == 0 && bytes_equal_text(record.key, "k"));
    CHECK(c, record.headers[1].value.data == NULL);
    put_header_list(text, sizeof text, &record);
    CHECK_TEXT(c, text, "h=1|h=|dlq.original.topic=orders|dlq.original.partition=4|dlq.original.offset=4|dlq.original.timestamp=1795326127590|"
                        "dlq.reason=not_json|dlq.message=why");
    setting_free(s);
}

static void a_dead_letter_without_value_and_key_has_none(struct checks *c)
{
    struct setting *s = setting_new((struct bytes){NULL, 0});
    struct record record;

    s->input.key = (struct bytes){NULL, 0};
    letter(s, NULL, 0, 1000000);
    CHECK_INT(c, read_back(s, &record), 0);
    CHECK(c, !record.value.data && !record.key.data);
    setting_free(s);
}

static struct bytes header_of(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->headers_count; i++)
        if (bytes_equal_text(record->headers[i].name, name))
            return record->headers[i].value;
    return (struct bytes){NULL, 0};
}

static size_t letter_size(const struct record *record)
{
    return record_size(record->key, record->value, record->headers, record->headers_count);
}

static void what_does_not_fit_a_dead_letter_is_cut_and_named(struct checks *c)
{
    static const struct { size_t key, value, header; const char *cut; } rows[] = {
        {10, 100, 100, NULL}, {10, 100, 80000, "headers"}, {10, 80000, 0, "value"}, {10, 80000, 10, "headers value"},
        {80000, 10, 0, "key"}, {80000, 80000, 10, "headers value key"}, {60000, 60000, 0, "value"}};
    char *bytes = malloc(80000), digest[33];

    memset(bytes, 'x', 80000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kafka_header headers[] = {{bytes_of("big"), {bytes, rows[i].header}}};
        struct setting *s = setting_new((struct bytes){bytes, rows[i].value});
        struct record record;

        s->input.key = (struct bytes){bytes, rows[i].key};
        letter(s, headers, rows[i].header ? 1 : 0, 70000);
        CHECK_INT(c, read_back(s, &record), 0);
        CHECK(c, letter_size(&record) <= 70000);
        hash128_text(hash128((struct hash_key){0, 0}, s->input.value), digest);
        CHECK_INT(c, header_of(&record, "dlq.truncated").data != NULL, rows[i].cut != NULL);
        if (rows[i].cut && !bytes_equal_text(header_of(&record, "dlq.truncated"), rows[i].cut))
            CHECK_TEXT(c, header_of(&record, "dlq.truncated").data, rows[i].cut);
        CHECK(c, !rows[i].cut || bytes_equal_text(header_of(&record, "dlq.digest"), digest));
        CHECK(c, header_of(&record, "dlq.original.offset").data != NULL);
        setting_free(s);
    }
    free(bytes);
}

static size_t headers_named(const struct record *record, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < record->headers_count; i++)
        count += bytes_equal_text(record->headers[i].name, name);
    return count;
}

static void no_dead_letter_is_larger_than_its_limit(struct checks *c)
{
    char *bytes = calloc(1, 3000);
    struct kafka_header headers[40];
    struct record record;

    for (size_t i = 0; i < 40; i++)
        headers[i] = (struct kafka_header){bytes_of("a-header"), {bytes, 20}};
    for (size_t limit = 1200; limit < 6000; limit += 7) {
        struct setting *s = setting_new((struct bytes){bytes, 3000});

        letter(s, headers, 40, limit);
        CHECK_INT(c, read_back(s, &record), 0);
        CHECK(c, letter_size(&record) <= limit);
        CHECK(c, (record.value.size < 3000 || headers_named(&record, "a-header") < 40) == (header_of(&record, "dlq.truncated").data != NULL));
        setting_free(s);
    }
    free(bytes);
}

TESTS({"an applied purchase reads as documented", an_applied_purchase_reads_as_documented},
      {"every form of fact is JSON", every_form_of_fact_is_json},
      {"a duplicate names the first decision", a_duplicate_names_the_first_decision},
      {"a malformed message has no event", a_malformed_message_has_no_event},
      {"unknown fields are carried as they came", unknown_fields_are_carried_as_they_came},
      {"a trace goes on under our own span", a_trace_goes_on_under_our_own_span},
      {"unknown fields go when they do not fit", unknown_fields_go_when_they_do_not_fit},
      {"a key that does not fit goes last", a_key_that_does_not_fit_goes_last},
      {"keys absent and empty stay apart", keys_absent_and_empty_stay_apart},
      {"a dead letter is the message byte for byte", a_dead_letter_is_the_message_byte_for_byte},
      {"a dead letter without value and key has none", a_dead_letter_without_value_and_key_has_none},
      {"what does not fit a dead letter is cut and named", what_does_not_fit_a_dead_letter_is_cut_and_named},
      {"no dead letter is larger than its limit", no_dead_letter_is_larger_than_its_limit})
