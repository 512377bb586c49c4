/* A dead letter is read back as the message that it was, and the record of what was done with it as it was written. */
#include "check.h"

#include <stdlib.h>

#include "base/hash.h"
#include "codec/letter.h"
#include "codec/outcome.h"
#include "ledger/letters.h"

/* What the daemon makes of a malformed message, read back. */
struct made {
    struct buffer out;
    struct record record;
    struct letter letter;
    int read;
};

static struct made *make(struct bytes key, struct bytes value, const struct kafka_header *headers, size_t count, size_t limit)
{
    struct made *made = calloc(1, sizeof *made);
    struct decoded decoded = {.reason = REASON_NOT_JSON, .detail = "why"};
    struct outcome_input outcome = {.decoded = &decoded, .topic = "orders", .partition = 3, .offset = 17, .timestamp = 1795326127590, .key = key, .value = value,
                                    .status = STATUS_MALFORMED, .reason = REASON_NOT_JSON, .limit = 65536};
    struct dead_letter_input input = {&outcome, headers, count, limit, 2, 0};
    struct reader reader;

    buffer_init(&made->out, 1 << 20);
    dead_letter_put(&made->out, &input);
    reader = reader_of(buffer_bytes(&made->out));
    made->read = record_next(&reader, &made->record);
    if (!made->read)
        made->read = letter_read(&made->letter, made->record.key, made->record.value, made->record.headers, made->record.headers_count);
    return made;
}

static void drop(struct made *made)
{
    buffer_deinit(&made->out);
    free(made);
}

static void the_message_comes_back(struct checks *c)
{
    const struct kafka_header headers[] = {{bytes_of("a"), bytes_of("1")}, {bytes_of("dlq.reason"), bytes_of("of somebody else")}, {bytes_of("b"), {NULL, 0}}};
    struct made *made = make(bytes_of("k"), (struct bytes){"\x00\xff", 2}, headers, 3, 1000000);
    const struct letter *letter = &made->letter;
    char id[LETTER_ID_SIZE];

    CHECK_INT(c, made->read, 0);
    CHECK(c, bytes_equal_text(letter->key, "k") && bytes_equal(letter->value, (struct bytes){"\x00\xff", 2}));
    CHECK_INT(c, letter->headers_count, 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(c, bytes_equal(letter->headers[i].name, headers[i].name) && bytes_equal(letter->headers[i].value, headers[i].value));
    CHECK_TEXT(c, letter->reason, "not_json");
    CHECK(c, bytes_equal_text(letter->detail, "why") && !letter->cut_headers && !letter->cut_key && !letter->cut_value && !letter->of.data);
    CHECK_INT(c, letter->redrives, 0);
    letter_id(letter, id);
    CHECK_TEXT(c, id, "orders:3:17@1795326127590");
    drop(made);
}

static void what_was_cut_is_known(struct checks *c)
{
    static const struct { size_t key, value, header; bool cut_headers, cut_value, cut_key; } rows[] = {
        {10, 100, 100, false, false, false}, {10, 100, 80000, true, false, false}, {10, 80000, 0, false, true, false}, {80000, 10, 0, false, false, true},
        {80000, 80000, 10, true, true, true}};
    char *bytes = calloc(1, 80000);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kafka_header header = {bytes_of("big"), {bytes, rows[i].header}};
        struct made *made = make((struct bytes){bytes, rows[i].key}, (struct bytes){bytes, rows[i].value}, &header, rows[i].header ? 1 : 0, 70000);

        CHECK_INT(c, made->read, 0);
        CHECK(c, made->letter.cut_headers == rows[i].cut_headers && made->letter.cut_value == rows[i].cut_value && made->letter.cut_key == rows[i].cut_key);
        drop(made);
    }
    free(bytes);
}

/* Sent back and malformed again, and again. */
static void the_lineage_is_carried_and_counted(struct checks *c)
{
    const struct kafka_header own = {bytes_of("a"), bytes_of("1")};
    struct made *made = make(bytes_of("k"), bytes_of("v"), &own, 1, 1000000);

    for (int64_t n = 1; n <= 3; n++) {
        struct kafka_header headers[LETTER_HEADERS_MAX];
        struct lineage_found found;
        struct lineage_out lineage;
        char place[LETTER_PLACE_SIZE];
        struct made *again;

        letter_place(place, "dead", 0, n);
        lineage_put(&lineage, &made->letter, place);
        memcpy(headers, lineage.headers, sizeof lineage.headers);
        memcpy(headers + LETTER_LINEAGE, made->letter.headers, made->letter.headers_count * sizeof *headers);
        CHECK(c, lineage_find(&found, headers, LETTER_LINEAGE + made->letter.headers_count));
        CHECK(c, found.count == n && bytes_equal_text(found.of, place) && bytes_equal_text(found.source, "orders:3:17@1795326127590"));
        again = make(bytes_of("k"), bytes_of("v"), headers, LETTER_LINEAGE + made->letter.headers_count, 1000000);
        CHECK_INT(c, again->read, 0);
        CHECK_INT(c, again->letter.redrives, n);
        CHECK(c, bytes_equal_text(again->letter.of, place) && again->letter.headers_count == 1 && bytes_equal_text(again->letter.headers[0].name, "a"));
        drop(made);
        made = again;
    }
    drop(made);
}

static void other_records_are_no_letters(struct checks *c)
{
    struct made *made = make(bytes_of("k"), bytes_of("v"), NULL, 0, 1000000);
    struct kafka_header *headers = made->record.headers;
    size_t count = made->record.headers_count;
    struct letter letter;

    CHECK_INT(c, letter_read(&letter, made->record.key, made->record.value, headers, count), 0);
    CHECK_INT(c, letter_read(&letter, made->record.key, made->record.value, headers, 0), -EBADMSG);
    for (size_t less = 1; less < count; less++)
        CHECK_INT(c, letter_read(&letter, made->record.key, made->record.value, headers, count - less), -EBADMSG);
    for (size_t i = 0; i < 4; i++) {
        struct bytes good = headers[i].value;

        headers[i].value = bytes_of("");
        CHECK_INT(c, letter_read(&letter, made->record.key, made->record.value, headers, count), -EBADMSG);
        headers[i].value = good;
    }
    headers[2].value = bytes_of("-1");
    CHECK_INT(c, letter_read(&letter, made->record.key, made->record.value, headers, count), -EBADMSG);
    drop(made);
}

static void a_message_without_its_lineage_has_none(struct checks *c)
{
    const struct kafka_header headers[] = {{bytes_of("dlq.redrive.of"), bytes_of("dead/0/1")}, {bytes_of("dlq.redrive.source"), bytes_of("orders:0:1@5")},
                                           {bytes_of("dlq.redrive.count"), bytes_of("0")}, {bytes_of("dlq.redrive.count"), bytes_of("1")}};
    struct lineage_found found;

    CHECK(c, !lineage_find(&found, headers, 0) && !lineage_find(&found, headers, 2) && !lineage_find(&found, headers, 3));
    CHECK(c, !lineage_find(&found, headers + 1, 3));
}

static void an_id_tells_whose_message_it_is(struct checks *c)
{
    static const char *const wrong[] = {"", "orders:3:17", "orders:3@5", ":3:17@5", "orders:3:x@5", "orders:3:17@", "orders:-1:17@5", "orders:3:-17@5",
                                        "orders:3000000000:17@5", "looked:orders:3"};
    struct bytes topic;
    int32_t partition;
    int64_t offset;

    CHECK(c, letter_id_read(bytes_of("or:ders@x:3:17@-1"), &topic, &partition, &offset));
    CHECK(c, bytes_equal_text(topic, "or:ders@x") && partition == 3 && offset == 17);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(c, !letter_id_read(bytes_of(wrong[i]), &topic, &partition, &offset));
}

static void a_record_is_read_as_it_was_written(struct checks *c)
{
    static const struct letters_record rows[] = {
        {LETTERS_SENDING, 1795326127590, "dead/0/5", 120, 1, "mara", "0b5c"},
        {LETTERS_REDRIVEN, 1, "dead/11/50000000000", 121, 3, "uid-5", ""},
        {LETTERS_DISCARDED, 0, "d/0/0", -1, 0, "mara", "rubbish, ticket 7  with \"signs\" and \xc3\xbc"},
    };
    char text[LETTERS_VALUE_SIZE];
    struct letters_record again;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        letters_format(text, &rows[i]);
        letters_read(&again, bytes_of(text));
        CHECK(c, again.state == rows[i].state && again.time == rows[i].time && again.at == rows[i].at && again.count == rows[i].count);
        CHECK_TEXT(c, again.place, rows[i].place);
        CHECK_TEXT(c, again.who, rows[i].who);
        CHECK_TEXT(c, again.note, rows[i].note);
    }
    letters_read(&again, (struct bytes){NULL, 0});
    CHECK_INT(c, again.state, LETTERS_OPEN);
}

static void what_is_no_record_is_not_taken_for_open(struct checks *c)
{
    static const char *const rows[] = {"", " ", "open 5 d/0/1 -1 0 me ", "redriven", "redriven 5", "redriven x d/0/1 5 1 me", "redriven 5 d/0/1 05 1 me",
                                       "redriven 5  5 1 me", "sending 5 d/0/1 5 1 "};
    struct letters_record record;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        letters_read(&record, bytes_of(rows[i]));
        CHECK_INT(c, record.state, LETTERS_UNREADABLE);
    }
}

static void how_far_a_partition_was_looked_through_is_read_back(struct checks *c)
{
    static const char *const wrong[] = {"", "5", "5 6", "5 4 run", "-1 4 run", "x 4 run"};
    struct letters_looked looked = {true, 5, 17, "run/history"}, again;
    char text[LETTERS_VALUE_SIZE];

    letters_looked_format(text, &looked);
    letters_looked_read(&again, bytes_of(text));
    CHECK(c, again.known && again.floor == 5 && again.upto == 17);
    CHECK_TEXT(c, again.run, "run/history");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        letters_looked_read(&again, bytes_of(wrong[i]));
        CHECK(c, !again.known);
    }
}

TESTS({"the message comes back", the_message_comes_back},
      {"what was cut is known", what_was_cut_is_known},
      {"the lineage is carried and counted", the_lineage_is_carried_and_counted},
      {"other records are no letters", other_records_are_no_letters},
      {"a message without its lineage has none", a_message_without_its_lineage_has_none},
      {"an id tells whose message it is", an_id_tells_whose_message_it_is},
      {"a record is read as it was written", a_record_is_read_as_it_was_written},
      {"what is no record is not taken for open", what_is_no_record_is_not_taken_for_open},
      {"how far a partition was looked through is read back", how_far_a_partition_was_looked_through_is_read_back})
