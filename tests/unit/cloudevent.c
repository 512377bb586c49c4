/* CloudEvents 1.0 over Kafka: binary and structured mode, and what is neither. */
#include "check.h"

#include "codec/event.h"

#define DATA "{\"user\":\"u\",\"item\":\"a\"}"
#define BINARY "ce_specversion=1.0|ce_id=g|ce_type=grant|ce_source=/shop|content-type=application/json"
#define STRUCTURED "content-type=application/cloudevents+json; charset=UTF-8"

/* "name=value|name=value" to headers; "name" alone has an absent value. */
static size_t headers_of(struct kafka_header *headers, char *text)
{
    size_t count = 0;
    char *word;

    while (text && (word = strsep(&text, "|"))) {
        char *equals = strchr(word, '=');

        if (!*word)
            continue;
        if (equals)
            *equals = '\0';
        headers[count++] = (struct kafka_header){bytes_of(word), equals ? bytes_of(equals + 1) : (struct bytes){NULL, 0}};
    }
    return count;
}

struct row {
    const char *headers, *value;
    enum reason reason;
    const char *id_source;      /* "ID SOURCE" of what is good */
};

static void run_rows(struct checks *c, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct kafka_header headers[16];
        char copy[512], found[512];
        struct decoded decoded;

        snprintf(copy, sizeof copy, "%s", rows[i].headers);
        event_decode(&decoded, bytes_of(rows[i].value), headers, headers_of(headers, copy));
        if (decoded.reason != rows[i].reason)
            fprintf(stderr, "headers %s\nvalue %s\ndetail %s\n", rows[i].headers, rows[i].value, decoded.detail);
        CHECK_TEXT(c, reason_name(decoded.reason), reason_name(rows[i].reason));
        snprintf(found, sizeof found, "%.*s %.*s", decoded.id_size, decoded.id, decoded.source_size, decoded.source);
        if (!rows[i].reason)
            CHECK_TEXT(c, found, rows[i].id_source);
    }
}

#define ROWS(...)                                     \
    static const struct row rows[] = {__VA_ARGS__};   \
    run_rows(c, rows, sizeof rows / sizeof *rows)

static void binary_mode_has_its_envelope_in_headers(struct checks *c)
{
    ROWS({BINARY, DATA, REASON_NONE, "g /shop"}, {BINARY, "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\"}", REASON_NONE, "g /shop"},
         {BINARY, "{\"id\":\"h\",\"user\":\"u\",\"item\":\"a\"}", REASON_ENVELOPE_CONFLICT, ""},
         {BINARY, "{\"type\":\"deposit\",\"user\":\"u\",\"item\":\"a\"}", REASON_ENVELOPE_CONFLICT, ""},
         {BINARY, "{\"id\":5,\"user\":\"u\",\"item\":\"a\"}", REASON_WRONG_TYPE, ""},
         {BINARY, "[]", REASON_NOT_OBJECT, ""}, {"ce_specversion=0.3|ce_id=g|ce_type=grant|ce_source=/s", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_specversion=1.0|ce_type=grant|ce_source=/s", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_specversion=1.0|ce_id=g|ce_source=/s", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_specversion=1.0|ce_id=g|ce_type=grant", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_specversion=1.0|ce_id=g|ce_type=grant|ce_source=", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_specversion=1.0|ce_id=g|ce_type=grant|ce_source", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_id=g|ce_type=grant|ce_source=/s", DATA, REASON_CLOUDEVENT_INVALID, ""}, {BINARY "|ce_id=g", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {BINARY "|ce_source=/other", DATA, REASON_CLOUDEVENT_INVALID, ""},
         {"ce_specversion=1.0|ce_id=|ce_type=grant|ce_source=/s", DATA, REASON_INVALID_ID, ""},
         {"ce_specversion=1.0|ce_id=\xff|ce_type=grant|ce_source=/s", DATA, REASON_INVALID_ID, ""},
         {"ce_specversion=1.0|ce_id=a\x01|ce_type=grant|ce_source=/s", DATA, REASON_INVALID_ID, ""},
         {"ce_specversion=1.0|ce_id=g|ce_type=grant|ce_source=\xff", DATA, REASON_INVALID_UTF8, ""},
         {"ce_specversion=1.0|ce_id=g|ce_type=order|ce_source=/s", DATA, REASON_UNKNOWN_TYPE, ""});
}

static void structured_mode_has_it_in_the_value(struct checks *c)
{
#define ENVELOPE(members) "{\"specversion\":\"1.0\",\"id\":\"g\",\"type\":\"grant\",\"source\":\"/shop\"" members "}"
    ROWS({STRUCTURED, ENVELOPE(",\"data\":" DATA), REASON_NONE, "g /shop"},
         {"Content-Type=Application/CloudEvents+JSON", ENVELOPE(",\"data\":" DATA), REASON_NONE, "g /shop"},
         {STRUCTURED, ENVELOPE(",\"datacontenttype\":\"application/json\",\"ext\":1,\"data\": " DATA " "), REASON_NONE, "g /shop"},
         {STRUCTURED "|ce_id=ignored|ce_type=ignored|ce_source=x|ce_specversion=1.0", ENVELOPE(",\"data\":" DATA), REASON_NONE, "g /shop"},
         {STRUCTURED, ENVELOPE(""), REASON_CLOUDEVENT_INVALID, ""}, {STRUCTURED, ENVELOPE(",\"data\":[]"), REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, ENVELOPE(",\"data\":\"{}\""), REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, ENVELOPE(",\"data_base64\":\"e30=\""), REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, ENVELOPE(",\"d\\u0061ta\":" DATA), REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, ENVELOPE(",\"data\":{\"id\":\"other\",\"user\":\"u\",\"item\":\"a\"}"), REASON_ENVELOPE_CONFLICT, ""},
         {STRUCTURED, "{\"specversion\":\"0.3\",\"id\":\"g\",\"type\":\"grant\",\"source\":\"/s\",\"data\":" DATA "}", REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, "{\"id\":\"g\",\"type\":\"grant\",\"source\":\"/s\",\"data\":" DATA "}", REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, "{\"specversion\":\"1.0\",\"type\":\"grant\",\"source\":\"/s\",\"data\":" DATA "}", REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, "{\"specversion\":\"1.0\",\"id\":5,\"type\":\"grant\",\"source\":\"/s\",\"data\":" DATA "}", REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, "{\"specversion\":\"1.0\",\"id\":\"g\",\"type\":\"grant\",\"source\":\"\",\"data\":" DATA "}", REASON_CLOUDEVENT_INVALID, ""},
         {STRUCTURED, "[" ENVELOPE(",\"data\":" DATA) "]", REASON_NOT_OBJECT, ""},
         {"content-type=application/cloudevents-batch+json", ENVELOPE(",\"data\":" DATA), REASON_CLOUDEVENT_INVALID, ""},
         {"content-type=application/cloudevents+avro", ENVELOPE(",\"data\":" DATA), REASON_CLOUDEVENT_INVALID, ""});
}

static void other_headers_make_no_cloudevent(struct checks *c)
{
    ROWS({"ce_id=x|content-type=application/json", "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\"}", REASON_NONE, "g "},
         {"x=y", "{\"id\":\"g\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a\",\"source\":\"kept\"}", REASON_NONE, "g "});
}

static void the_fields_of_a_structured_event_are_its_data(struct checks *c)
{
    struct kafka_header headers[] = {{bytes_of("content-type"), bytes_of("application/cloudevents+json")}, {bytes_of("traceparent"), bytes_of("tp")}};
    struct decoded decoded;
    char fields[128];

    event_decode(&decoded, bytes_of(ENVELOPE(",\"data\" : " DATA " , \"x\":1")), headers, 2);
    CHECK_INT(c, decoded.reason, REASON_NONE);
    snprintf(fields, sizeof fields, "%.*s", (int)decoded.fields.size, decoded.fields.data);
    CHECK(c, strncmp(fields, DATA, sizeof DATA - 1) == 0);
    CHECK(c, bytes_equal_text(decoded.traceparent, "tp"));
}

static void a_source_of_256_bytes_is_kept_one_more_is_not(struct checks *c)
{
    char source[258];
    struct kafka_header headers[] = {{bytes_of("ce_specversion"), bytes_of("1.0")}, {bytes_of("ce_id"), bytes_of("g")},
                                     {bytes_of("ce_type"), bytes_of("grant")}, {bytes_of("ce_source"), {source, 256}}};
    struct decoded decoded;

    memset(source, 's', sizeof source);
    event_decode(&decoded, bytes_of(DATA), headers, 4);
    CHECK_INT(c, decoded.reason, REASON_NONE);
    CHECK_INT(c, decoded.source_size, 256);
    headers[3].value.size = 257;
    event_decode(&decoded, bytes_of(DATA), headers, 4);
    CHECK_INT(c, decoded.reason, REASON_CLOUDEVENT_INVALID);
}

TESTS({"binary mode has its envelope in headers", binary_mode_has_its_envelope_in_headers},
      {"structured mode has it in the value", structured_mode_has_it_in_the_value},
      {"other headers make no CloudEvent", other_headers_make_no_cloudevent},
      {"the fields of a structured event are its data", the_fields_of_a_structured_event_are_its_data},
      {"a source of 256 bytes is kept, one more is not", a_source_of_256_bytes_is_kept_one_more_is_not})
