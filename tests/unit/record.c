/* The stored form of records, the sequence, and the text forms that encoders share. */
#include "check.h"

#include <stdlib.h>

#include "codec/record.h"
#include "codec/sequence.h"
#include "codec/text.h"

static void put_sample(struct buffer *out)
{
    record_begin(out, RECORD_DEAD_LETTER, 7, bytes_of(""), 3);
    record_header(out, bytes_of("a"), bytes_of("1"));
    record_header(out, bytes_of(""), bytes_of(""));
    record_header(out, bytes_of("b"), (struct bytes){NULL, 0});
    record_end(out, (struct bytes){"\0v", 2});
    record_begin(out, RECORD_OUTCOME, INT32_MAX, (struct bytes){NULL, 0}, 0);
    record_end(out, (struct bytes){NULL, 0});
}

static void records_come_back_as_they_were(struct checks *c)
{
    struct record record;
    struct reader reader;
    struct buffer out;

    buffer_init(&out, 1000);
    put_sample(&out);
    reader = reader_of(buffer_bytes(&out));
    CHECK_INT(c, record_next(&reader, &record), 0);
    CHECK(c, record.kind == RECORD_DEAD_LETTER && record.partition == 7 && record.headers_count == 3);
    CHECK(c, record.key.data && record.key.size == 0);
    CHECK(c, bytes_equal_text(record.headers[0].name, "a") && bytes_equal_text(record.headers[0].value, "1"));
    CHECK(c, bytes_equal_text(record.headers[1].name, "") && bytes_equal_text(record.headers[1].value, ""));
    CHECK(c, !record.headers[2].value.data);
    CHECK(c, record.value.size == 2 && memcmp(record.value.data, "\0v", 2) == 0);
    CHECK_INT(c, record_next(&reader, &record), 0);
    CHECK(c, record.kind == RECORD_OUTCOME && record.partition == INT32_MAX && !record.key.data && !record.value.data);
    CHECK_INT(c, reader_end(&reader), 0);
    buffer_deinit(&out);
}

/* What Redis gives back may be damaged: every prefix is refused, and nothing is read past its end (the sanitizer looks on). */
static void damaged_records_are_refused(struct checks *c)
{
    struct record record;
    struct buffer out;

    buffer_init(&out, 1000);
    put_sample(&out);
    for (size_t size = 0; size < out.size; size++) {
        char *prefix = malloc(size ? size : 1);
        struct reader reader;
        int r = 0;

        memcpy(prefix, out.data, size);
        reader = reader_of((struct bytes){prefix, size});
        while (!r && reader.at < reader.end)
            r = record_next(&reader, &record);
        CHECK(c, r == -EBADMSG || (r == 0 && (size == 0 || prefix[size - 1] == 'v')));
        free(prefix);
    }
    for (size_t at = 0; at < out.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            char *copy = malloc(out.size);
            struct reader reader = reader_of((struct bytes){copy, out.size});

            memcpy(copy, out.data, out.size);
            copy[at] = (char)(copy[at] ^ 1 << bit);
            while (reader.at < reader.end && !record_next(&reader, &record))
                CHECK(c, record.headers_count <= RECORD_HEADERS_MAX);
            free(copy);
        }
    buffer_deinit(&out);
}

static void stream_ids_are_two_numbers(struct checks *c)
{
    static const char *const bad[] = {"", "-", "5", "5-", "-5", "5-5-5", "a-5", "5-a", " 5-5", "5- 5", "+5-5", "18446744073709551616-0",
                                      "0-18446744073709551616",
                                      "000000000000000000000-0"};
    struct stream_id id;
    char text[STREAM_ID_TEXT_SIZE];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(c, !stream_id_parse(bytes_of(bad[i]), &id));
    CHECK(c, !stream_id_parse((struct bytes){NULL, 0}, &id));
    CHECK(c, stream_id_parse(bytes_of("18446744073709551615-18446744073709551615"), &id) && id.ms == UINT64_MAX && id.seq == UINT64_MAX);
    stream_id_text(text, id);
    CHECK_TEXT(c, text, "18446744073709551615-18446744073709551615");
    CHECK(c, stream_id_parse(bytes_of("1795326127590-3"), &id) && id.ms == 1795326127590 && id.seq == 3);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

/* The order of the texts is the order of the numbers: that is what the zeros are for. */
static void sequences_order_as_text(struct checks *c)
{
    static const struct { int64_t era; struct stream_id id; uint32_t place; } rising[] = {
        {1, {0, 1}, 0}, {1, {0, 1}, 1}, {1, {0, 1}, 10}, {1, {0, 2}, 0}, {1, {9, 0}, 0}, {1, {10, 0}, 0}, {1, {UINT64_MAX, UINT64_MAX}, 999999},
        {2, {0, 1}, 0}, {10, {0, 1}, 0}};
    char text[SEQUENCE_TEXT_SIZE], before[SEQUENCE_TEXT_SIZE] = "";

    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++) {
        sequence_text(text, rising[i].era, rising[i].id, rising[i].place);
        CHECK_INT(c, strlen(text), SEQUENCE_TEXT_SIZE - 1);
        CHECK(c, strcmp(before, text) < 0);
        if (i && rising[i].era == rising[i - 1].era && rising[i].place == 0)
            CHECK_INT(c, sign(stream_id_compare(rising[i].id, rising[i - 1].id)), 1);
        memcpy(before, text, sizeof text);
    }
    sequence_text(text, 7, (struct stream_id){1795326127590, 3}, 12);
    CHECK_TEXT(c, text, "0000000007-00000001795326127590-00000000000000000003-000012");
}

static void times_are_rfc_3339(struct checks *c)
{
    static const struct { int64_t ms; const char *text; } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"}, {1795326127590, "2026-11-22T05:42:07.590Z"}, {951782400001, "2000-02-29T00:00:00.001Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"}, {253402300800000, "1970-01-01T00:00:00.000Z"}, {-1, "1970-01-01T00:00:00.000Z"}};
    char text[TEXT_TIME_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text_time(text, rows[i].ms);
        CHECK_TEXT(c, text, rows[i].text);
    }
}

static void strings_are_escaped_and_always_utf8(struct checks *c)
{
    static const struct { const char *from, *to; } rows[] = {
        {"", "\"\""}, {"a\"b\\c", "\"a\\\"b\\\\c\""}, {"\n\x01\x7f", "\"\\u000a\\u0001\\u007f\""},
        {"\xc3\xbc\xf0\x9f\x98\x80", "\"\xc3\xbc\xf0\x9f\x98\x80\""},
        {"\xff", "\"\xef\xbf\xbd\""}, {"\xc3", "\"\xef\xbf\xbd\""}, {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}};
    struct buffer out;

    buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buffer_reset(&out);
        text_put_json(&out, bytes_of(rows[i].from));
        CHECK_TEXT(c, buffer_text(&out), rows[i].to);
    }
    buffer_deinit(&out);
}

static void members_are_carried_without_white_space(struct checks *c)
{
    static const struct { const char *from, *to; } rows[] = {
        {"{}", ""}, {" { } ", ""}, {"{\"type\":\"x\",\"id\":5}", ""}, {"{\"a\":1}", "\"a\":1"}, {"{\"id\":1,\"a\":1}", "\"a\":1"},
        {"{\"a\":1,\"type\":{\"b\":[1,2]}}", "\"a\":1"}, {"{\"a\" : { \"id\" : 1 } , \"b\" : [ ] }", "\"a\":{\"id\":1},\"b\":[]"},
        {"{\"s\":\" }],\\\" \",\"id\":1,\"t\":\"\\\\\"}", "\"s\":\" }],\\\" \",\"t\":\"\\\\\""}, {"{\"ty\\u0070e\":1}", "\"ty\\u0070e\":1"},
        {"{\"a\":[[],[{}]],\"b\":{\"c\":{}}}", "\"a\":[[],[{}]],\"b\":{\"c\":{}}"}, {"{\"a\":\ttrue\n,\"b\":null\r}", "\"a\":true,\"b\":null"}};
    struct buffer out;

    buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buffer_reset(&out);
        text_put_members(&out, bytes_of(rows[i].from));
        CHECK_TEXT(c, buffer_text(&out), rows[i].to);
    }
    buffer_deinit(&out);
}

static void a_member_is_found_at_the_top_only(struct checks *c)
{
    struct bytes object = bytes_of(" { \"a\":{\"data\":1}, \"s\":\"\\\"data\\\":2\", \"data\" : [ 3 , {\"x\":\"]\"} ] , \"z\":4}");

    CHECK(c, bytes_equal_text(text_member(object, "z"), "4"));
    CHECK(c, text_member(object, "data").data && strncmp(text_member(object, "data").data, "[ 3 , {\"x\":\"]\"} ]", 17) == 0);
    CHECK(c, !text_member(object, "x").data);
}

TESTS({"records come back as they were", records_come_back_as_they_were}, {"damaged records are refused", damaged_records_are_refused},
      {"stream ids are two numbers", stream_ids_are_two_numbers}, {"sequences order as text", sequences_order_as_text},
      {"times are RFC 3339", times_are_rfc_3339}, {"strings are escaped and always UTF-8", strings_are_escaped_and_always_utf8},
      {"members are carried without white space", members_are_carried_without_white_space},
      {"a member is found at the top only", a_member_is_found_at_the_top_only})
