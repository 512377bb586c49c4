/* The decoder: what is an event, and under which reason everything else is malformed. */
#include "check.h"

#include <stdlib.h>

#include "codec/event.h"
#include "rules/rules.h"

static struct bytes text_of(const char *text)
{
    return text ? bytes_of(text) : (struct bytes){NULL, 0};
}

/* Decodes from memory of exactly the value's size, so that the sanitizer sees a byte too far. */
static enum reason decode(struct decoded *out, struct bytes value, const struct kafka_header *headers, size_t count)
{
    char *copy = value.data ? malloc(value.size ? value.size : 1) : NULL;

    if (copy && value.size)
        memcpy(copy, value.data, value.size);
    event_decode(out, (struct bytes){copy, value.size}, headers, count);
    out->fields = out->traceparent = out->tracestate = (struct bytes){NULL, 0};
    free(copy);
    return out->reason;
}

struct row {
    const char *value;
    enum reason reason;
    const char *detail;     /* a part of it; NULL: whatever */
};

static void run_rows(struct checks *c, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct decoded decoded;
        enum reason reason = decode(&decoded, text_of(rows[i].value), NULL, 0);

        if (reason != rows[i].reason)
            fprintf(stderr, "value %s\ndetail %s\n", rows[i].value ? rows[i].value : "(absent)", decoded.detail);
        CHECK_TEXT(c, reason_name(reason), reason_name(rows[i].reason));
        CHECK(c, (reason == REASON_NONE) == (decoded.detail[0] == '\0'));
        if (rows[i].detail && !strstr(decoded.detail, rows[i].detail))
            CHECK_TEXT(c, decoded.detail, rows[i].detail);
    }
}

#define ROWS(...)                                     \
    static const struct row rows[] = {__VA_ARGS__};   \
    run_rows(c, rows, sizeof rows / sizeof *rows)

#define DEPOSIT(members) "{\"id\":\"d\",\"type\":\"deposit\",\"user\":\"u\"" members "}"
#define GRANT(item) "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":" item "}"
#define WITH_ID(id) "{\"id\":" id ",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\"}"
#define WITH(member) "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\"," member "}"

static void what_is_no_object_is_named(struct checks *c)
{
    ROWS({NULL, REASON_NO_VALUE, "no value"}, {"", REASON_NOT_JSON, NULL}, {" ", REASON_NOT_JSON, NULL}, {"{", REASON_NOT_JSON, NULL},
         {"order", REASON_NOT_JSON, NULL}, {"{\"id\":\"a\",}", REASON_NOT_JSON, NULL}, {"{'id':'a'}", REASON_NOT_JSON, NULL},
         {"{\"id\":\"a\" /* no */}", REASON_NOT_JSON, NULL}, {"{\"a\":NaN}", REASON_NOT_JSON, NULL}, {"{\"a\":01}", REASON_NOT_JSON, NULL},
         {"{\"a\":+1}", REASON_NOT_JSON, NULL}, {"{\"a\":0x10}", REASON_NOT_JSON, NULL}, {"{\"a\":.5}", REASON_NOT_JSON, NULL},
         {"{\"a\":\"\x01\"}", REASON_NOT_JSON, NULL}, {"\xef\xbb\xbf{}", REASON_NOT_JSON, NULL}, {"[]", REASON_NOT_OBJECT, NULL},
         {"5", REASON_NOT_OBJECT, NULL}, {"\"x\"", REASON_NOT_OBJECT, NULL}, {"null", REASON_NOT_OBJECT, NULL},
         {GRANT("\"a\"") " x", REASON_TRAILING_BYTES, NULL}, {GRANT("\"a\"") GRANT("\"b\""), REASON_TRAILING_BYTES, NULL},
         {GRANT("\"a\"") " \r\n\t", REASON_NONE, NULL});
}

static void a_zero_byte_behind_the_object_is_trailing(struct checks *c)
{
    struct decoded decoded;

    CHECK_INT(c, decode(&decoded, (struct bytes){GRANT("\"a\""), sizeof GRANT("\"a\"")}, NULL, 0), REASON_TRAILING_BYTES);
}

static void members_given_twice_are_refused_at_every_depth(struct checks *c)
{
    ROWS({DEPOSIT(",\"amount\":1,\"amount\":1"), REASON_DUPLICATE_FIELD, "amount"},
         {DEPOSIT(",\"amount\":1,\"amo\\u0075nt\":2"), REASON_DUPLICATE_FIELD, NULL},
         {WITH("\"note\":{\"a\":1,\"a\":1}"), REASON_DUPLICATE_FIELD, NULL},
         {WITH("\"note\":[{\"a\":{\"b\":1,\"b\":2}}]"), REASON_DUPLICATE_FIELD, NULL},
         {WITH("\"note\":[{\"a\":1},{\"a\":1}]"), REASON_NONE, NULL});
}

static void text_must_be_utf8(struct checks *c)
{
    ROWS({WITH("\"note\":\"\xff\""), REASON_INVALID_UTF8, NULL}, {WITH("\"note\":\"\xc0\xaf\""), REASON_INVALID_UTF8, NULL},
         {WITH("\"note\":\"\xed\xa0\x80\""), REASON_INVALID_UTF8, NULL}, {WITH("\"note\":\"\xf4\x90\x80\x80\""), REASON_INVALID_UTF8, NULL},
         {WITH("\"note\":\"\xe2\x82\""), REASON_INVALID_UTF8, NULL}, {WITH("\"note\":\"\\u0000\""), REASON_INVALID_UTF8, NULL},
         {WITH("\"no\\u0000te\":1"), REASON_INVALID_UTF8, NULL}, {WITH("\"note\":\"\\ud800\""), REASON_INVALID_UTF8, NULL},
         {WITH("\"note\":\"\\ud800x\""), REASON_INVALID_UTF8, NULL}, {WITH("\"note\":\"\\udc00\""), REASON_INVALID_UTF8, NULL},
         {WITH("\"note\":\"\\ud800\\u0041\""), REASON_INVALID_UTF8, NULL}, {WITH("\"note\":\"\\ud83d\\ude00\""), REASON_NONE, NULL},
         {WITH("\"note\":\"\xf0\x9f\x98\x80\""), REASON_NONE, NULL});
}

static void numbers_are_json_integers_in_range(struct checks *c)
{
    ROWS({DEPOSIT(",\"amount\":1"), REASON_NONE, NULL}, {DEPOSIT(",\"amount\":9007199254740991"), REASON_NONE, NULL},
         {DEPOSIT(",\"amount\":9007199254740992"), REASON_NUMBER_OUT_OF_RANGE, "9007199254740992"},
         {DEPOSIT(",\"amount\":0"), REASON_NUMBER_OUT_OF_RANGE, "1 to 9007199254740991"},
         {DEPOSIT(",\"amount\":-0"), REASON_NUMBER_OUT_OF_RANGE, NULL},
         {DEPOSIT(",\"amount\":-1"), REASON_NUMBER_OUT_OF_RANGE, NULL},
         {DEPOSIT(",\"amount\":9223372036854775807"), REASON_NUMBER_OUT_OF_RANGE, NULL},
         {DEPOSIT(",\"amount\":9223372036854775808"), REASON_NUMBER_OUT_OF_RANGE, NULL},
         {DEPOSIT(",\"amount\":-9223372036854775809"), REASON_NUMBER_OUT_OF_RANGE, NULL},
         {DEPOSIT(",\"amount\":1e999"), REASON_NUMBER_OUT_OF_RANGE, NULL},
         {DEPOSIT(",\"amount\":1.0"), REASON_WRONG_TYPE, "fraction"}, {DEPOSIT(",\"amount\":1e2"), REASON_WRONG_TYPE, "exponent"},
         {DEPOSIT(",\"amount\":1E2"), REASON_WRONG_TYPE, NULL}, {DEPOSIT(",\"amount\":\"5\""), REASON_WRONG_TYPE, "a string"},
         {DEPOSIT(",\"amount\":null"), REASON_WRONG_TYPE, "null"}, {DEPOSIT(",\"amount\":true"), REASON_WRONG_TYPE, "a boolean"},
         {DEPOSIT(",\"amount\":[5]"), REASON_WRONG_TYPE, "an array"}, {DEPOSIT(",\"amount\":{}"), REASON_WRONG_TYPE, "an object"});
}

static void names_are_short_and_plain(struct checks *c)
{
#define TEN "abcdefghij"
    ROWS({GRANT("\"A-Z_09\""), REASON_NONE, NULL}, {GRANT("\"" TEN TEN TEN TEN TEN TEN "abcd\""), REASON_NONE, NULL},
         {GRANT("\"" TEN TEN TEN TEN TEN TEN "abcde\""), REASON_INVALID_NAME, "65 bytes"}, {GRANT("\"\""), REASON_INVALID_NAME, "1 to 64"},
         {GRANT("\"a.b\""), REASON_INVALID_NAME, "0x2e"}, {GRANT("\"a b\""), REASON_INVALID_NAME, NULL},
         {GRANT("\"a/b\""), REASON_INVALID_NAME, NULL},
         {GRANT("\"a:b\""), REASON_INVALID_NAME, NULL}, {GRANT("\"{a}\""), REASON_INVALID_NAME, NULL},
         {GRANT("\"\xc3\xbc\""), REASON_INVALID_NAME, "0xc3"},
         {GRANT("\"a\\n\""), REASON_INVALID_NAME, NULL}, {GRANT("5"), REASON_WRONG_TYPE, "item"}, {GRANT("null"), REASON_WRONG_TYPE, NULL});
}

static void ids_have_1_to_128_bytes_without_controls(struct checks *c)
{
#define THIRTY TEN TEN TEN
    ROWS({WITH_ID("\"" THIRTY THIRTY THIRTY THIRTY "12345678\""), REASON_NONE, NULL},
         {WITH_ID("\"" THIRTY THIRTY THIRTY THIRTY "123456789\""), REASON_INVALID_ID, "129 bytes"}, {WITH_ID("\"\""), REASON_INVALID_ID, "0 bytes"},
         {WITH_ID("\"" THIRTY THIRTY THIRTY THIRTY "123456\xc3\xbc\""), REASON_NONE, NULL},
         {WITH_ID("\"" THIRTY THIRTY THIRTY THIRTY "1234567\xc3\xbc\""), REASON_INVALID_ID, NULL},
         {WITH_ID("\"a b/c:\xe2\x82\xac\""), REASON_NONE, NULL},
         {WITH_ID("\"a\\u0007\""), REASON_INVALID_ID, "U+0007"}, {WITH_ID("\"a\\n\""), REASON_INVALID_ID, NULL},
         {WITH_ID("\"a\x7f\""), REASON_INVALID_ID, "U+007F"},
         {WITH_ID("\"a\\u0085\""), REASON_INVALID_ID, "U+0085"}, {WITH_ID("\"a\\u00a0\""), REASON_NONE, NULL},
         {WITH_ID("5"), REASON_WRONG_TYPE, "id"},
         {WITH_ID("null"), REASON_WRONG_TYPE, "id"}, {"{\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\"}", REASON_MISSING_FIELD, "id"});
}

static void types_are_known_by_name(struct checks *c)
{
    ROWS({"{\"id\":\"a\",\"user\":\"u\",\"item\":\"a\"}", REASON_MISSING_FIELD, "type"}, {"{\"id\":\"a\",\"type\":5}", REASON_WRONG_TYPE, "type"},
         {"{\"id\":\"a\",\"type\":\"Grant\"}", REASON_UNKNOWN_TYPE, "Grant"}, {"{\"id\":\"a\",\"type\":\"\"}", REASON_UNKNOWN_TYPE, NULL},
         {"{\"id\":\"a\",\"type\":\"grant \"}", REASON_UNKNOWN_TYPE, NULL}, {"{}", REASON_MISSING_FIELD, NULL});
}

static void a_deadline_of_its_own_is_a_number(struct checks *c)
{
    struct decoded decoded;

    ROWS({WITH("\"deadline_ms\":0"), REASON_NUMBER_OUT_OF_RANGE, "deadline_ms"}, {WITH("\"deadline_ms\":1.5"), REASON_WRONG_TYPE, NULL},
         {WITH("\"deadline_ms\":\"5\""), REASON_WRONG_TYPE, NULL}, {WITH("\"deadline_ms\":-1"), REASON_NUMBER_OUT_OF_RANGE, NULL});
    CHECK_INT(c, decode(&decoded, bytes_of(WITH("\"deadline_ms\":250")), NULL, 0), REASON_NONE);
    CHECK_INT(c, decoded.event.deadline_ms, 250);
}

static const char *const field_names[] = {
#define NAME(constant, member, type) #member,
    EVENT_FIELDS(NAME)
#undef NAME
};

/* An event of the kind with all its fields but `left_out`, and, for `broken`, an array in place of the value. */
static void event_text(char *out, size_t size, enum event_kind kind, int left_out, int broken)
{
    int n = snprintf(out, size, "{\"id\":\"x\",\"type\":\"%s\"", rules_kind_name(kind));

    for (int field = 0; field < EVENT_FIELD_COUNT; field++) {
        const char *value = field == broken ? "[]" : field >= FIELD_PRICE ? "7" : "\"n\"";

        if (field != left_out && (rules_kind_requires(kind, (enum event_field)field) || field == broken))
            n += snprintf(out + n, size - (size_t)n, ",\"%s\":%s", field_names[field], value);
    }
    snprintf(out + n, size - (size_t)n, "}");
}

static void every_kind_needs_each_of_its_fields_and_no_other(struct checks *c)
{
    struct decoded decoded;
    char text[512];

    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        event_text(text, sizeof text, (enum event_kind)kind, -1, -1);
        CHECK_INT(c, decode(&decoded, bytes_of(text), NULL, 0), REASON_NONE);
        CHECK_INT(c, decoded.event.kind, kind);
        for (int field = 0; field < EVENT_FIELD_COUNT; field++) {
            bool needed = rules_kind_requires((enum event_kind)kind, (enum event_field)field);

            event_text(text, sizeof text, (enum event_kind)kind, field, -1);
            CHECK_INT(c, decode(&decoded, bytes_of(text), NULL, 0), needed ? REASON_MISSING_FIELD : REASON_NONE);
            if (needed)
                CHECK(c, strncmp(decoded.detail, field_names[field], strlen(field_names[field])) == 0);
            event_text(text, sizeof text, (enum event_kind)kind, -1, field);
            CHECK_INT(c, decode(&decoded, bytes_of(text), NULL, 0), needed ? REASON_WRONG_TYPE : REASON_NONE);
        }
    }
}

static void what_was_decoded_is_what_was_said(struct checks *c)
{
    struct decoded decoded;

    CHECK_INT(c, decode(&decoded,
              bytes_of("{\"price\":97,\"item\":\"ItemM\",\"buyer\":\"27\",\"seller\":\"17\",\"type\":\"purchase\",\"id\":\"p1\"}"), NULL, 0),
              REASON_NONE);
    CHECK_INT(c, decoded.event.kind, EVENT_PURCHASE);
    CHECK_INT(c, decoded.event.price, 97);
    CHECK(c, decoded.event.buyer.size == 2 && memcmp(decoded.event.buyer.text, "27", 2) == 0);
    CHECK(c, decoded.event.seller.size == 2 && memcmp(decoded.event.seller.text, "17", 2) == 0);
    CHECK(c, decoded.event.item.size == 5 && memcmp(decoded.event.item.text, "ItemM", 5) == 0);
    CHECK(c, decoded.id_size == 2 && memcmp(decoded.id, "p1", 2) == 0);
    CHECK_INT(c, decoded.event.deadline_ms, 0);
    CHECK_INT(c, decoded.source_size, 0);
}

static uint64_t digest_of(struct checks *c, const char *text)
{
    struct decoded decoded;

    CHECK_INT(c, decode(&decoded, bytes_of(text), NULL, 0), REASON_NONE);
    return decoded.digest;
}

static void the_digest_is_of_kind_and_required_fields(struct checks *c)
{
    uint64_t digest = digest_of(c, "{\"id\":\"a\",\"type\":\"list\",\"seller\":\"s\",\"item\":\"i\",\"price\":5}");

    CHECK(c, digest == digest_of(c,
          " {\"price\" : 5, \"item\":\"\\u0069\",\"seller\":\"s\",\"type\":\"list\",\"id\":\"b\",\"note\":1,\"deadline_ms\":9}"));
    CHECK(c, digest != digest_of(c, "{\"id\":\"a\",\"type\":\"list\",\"seller\":\"s\",\"item\":\"i\",\"price\":6}"));
    CHECK(c, digest != digest_of(c, "{\"id\":\"a\",\"type\":\"unlist\",\"seller\":\"s\",\"item\":\"i\",\"price\":5}"));
    CHECK(c, digest_of(c, "{\"id\":\"a\",\"type\":\"grant\",\"user\":\"ab\",\"item\":\"c\"}") !=
                 digest_of(c, "{\"id\":\"a\",\"type\":\"grant\",\"user\":\"a\",\"item\":\"bc\"}"));
}

static char *nested(size_t depth)
{
    static const char start[] = "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\",\"note\":";
    char *text = malloc(sizeof start + 2 * depth + 2);

    memcpy(text, start, sizeof start - 1);
    memset(text + sizeof start - 1, '[', depth);
    memset(text + sizeof start - 1 + depth, ']', depth);
    memcpy(text + sizeof start - 1 + 2 * depth, "}", 2);
    return text;
}

static void depth_is_bounded_without_a_crash(struct checks *c)
{
    char *shallow = nested(1000), *deep = nested(1000000);
    struct decoded decoded;

    CHECK_INT(c, decode(&decoded, bytes_of(shallow), NULL, 0), REASON_NONE);
    CHECK_INT(c, decode(&decoded, bytes_of(deep), NULL, 0), REASON_NOT_JSON);
    free(shallow);
    free(deep);
}

TESTS({"what is no object is named", what_is_no_object_is_named},
      {"a zero byte behind the object is trailing", a_zero_byte_behind_the_object_is_trailing},
      {"members given twice are refused at every depth", members_given_twice_are_refused_at_every_depth}, {"text must be UTF-8", text_must_be_utf8},
      {"numbers are JSON integers in range", numbers_are_json_integers_in_range}, {"names are short and plain", names_are_short_and_plain},
      {"ids have 1 to 128 bytes without controls", ids_have_1_to_128_bytes_without_controls}, {"types are known by name", types_are_known_by_name},
      {"a deadline of its own is a number", a_deadline_of_its_own_is_a_number},
      {"every kind needs each of its fields and no other", every_kind_needs_each_of_its_fields_and_no_other},
      {"what was decoded is what was said", what_was_decoded_is_what_was_said},
      {"the digest is of kind and required fields", the_digest_is_of_kind_and_required_fields},
      {"depth is bounded without a crash", depth_is_bounded_without_a_crash})
