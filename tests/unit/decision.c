/* Outcomes read back: what the encoder wrote comes back as it was, by the short way and by the library, and everything else is refused with its place. */
#include "codec/decision.h"

#include <stdlib.h>

#include "check.h"
#include "codec/decision_plain.h"
#include "unit/decided.h"
#include "unit/identical.h"
#include "unit/mutated.h"

enum { TEXT_MAX = 2000, MUTATIONS = 200000, HISTORIES = 3000 };

#define HEAD "{\"id\":\"p1\",\"type\":\"purchase\",\"status\":\"applied\",\"reason\":null,"
#define EVENT "\"event\":{\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97},"
#define FACTS "\"facts\":{\"price\":97,\"buyer_funds\":[125,28],\"seller_funds\":[43,140]},"
#define SOURCE "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":1795326127590},"
#define TAIL "\"decided_at\":\"2026-11-22T05:42:07.590Z\",\"attempts\":1}"
#define PURCHASE HEAD EVENT FACTS SOURCE TAIL

static const char *const seeds[] = {
    PURCHASE,
    "{\"id\":\"\xc3\xa9\\\"\",\"type\":\"restock\",\"status\":\"rejected\",\"reason\":\"limit_exceeded\",\"event\":{\"note\":\"\\\\\",\"sku\":\"k\",\"quantity\":2,"
    "\"deadline_ms\":9,\"more\":true,\"less\":null},\"facts\":{\"stock\":-12}," SOURCE "\"decided_at\":\"x\",\"attempts\":2147483647,\"truncated\":true}",
    "{\"id\":\"\",\"type\":\"grant\",\"status\":\"duplicate\",\"reason\":\"id_reused\",\"event\":{\"user\":\"u\",\"item\":\"i\"},\"facts\":{},"
    "\"first\":{\"offset\":2,\"status\":\"expired\"},\"source\":{\"topic\":\"a.b\",\"partition\":7,\"offset\":0,\"timestamp\":null},"
    "\"decided_at\":\"x\",\"attempts\":1,\"truncated\":true,\"key_truncated\":true}",
    "{\"id\":null,\"type\":null,\"status\":\"malformed\",\"reason\":\"not_json\",\"detail\":\"byte 0: \\\"x\\\"\",\"event\":null,\"facts\":{}," SOURCE TAIL,
    "{\"id\":\"n\",\"type\":\"grant\",\"status\":\"expired\",\"reason\":\"deadline\",\"event\":{\"user\":\"u\",\"item\":\"i\",\"price\":[],"
    "\"\xc3\xa9\\\"\":{\"a b\":[1.50,-0.0,{\"c\":[[]],\"\":{}}],\"x\":\"\xe2\x82\xac\"}},\"facts\":{}," SOURCE TAIL,
    "{\"id\":\"l\",\"type\":\"list\",\"status\":\"rejected\",\"reason\":\"already_listed\",\"event\":{\"seller\":\"s\",\"item\":\"i\",\"price\":1},"
    "\"facts\":{\"seller_holds\":true,\"price\":-0,\"stock\":[null,5],\"user_holds\":[true,false],\"invalid\":\"users:27\"}," SOURCE TAIL,
};

static const char *const pieces[] = {"{", "}", "[", "]", "\"", ":", ",", " ", "0", "-", "1.5", "1e2", "00", "true", "null", "tru", "\\", "\\u0041", "\xff",
                                     "\x01", "\x7f", "\"note\":1,", "\"price\":1,", "99999999999999999999", "\"stock\":1,", "\"c\":1,", "[", "{\"a\":", ".5", "e3", "9007199254740992", "\"\"", "false"};

/* A copy of exactly its size, so that a look beyond its end is seen by the sanitizer; with a space behind the first byte the short way does not know it. */
static struct bytes copy_of(struct bytes text, bool spaced)
{
    char *copy = malloc(text.size + spaced + (text.size == 0));

    if (!copy)
        abort();
    memcpy(copy, text.data, text.size ? 1 : 0);
    if (spaced)
        copy[1] = ' ';
    if (text.size)
        memcpy(copy + 1 + spaced, text.data + 1, text.size - 1);
    return (struct bytes){copy, text.size + spaced};
}

/* What the short way reads, the library reads as the same. `*plain`: it read it. */
static bool agrees(struct bytes text, bool *plain)
{
    struct bytes exact = copy_of(text, false), spaced = copy_of(text, text.size > 0);
    static struct decision ours, theirs;
    struct error_text error;
    bool good = true;

    *plain = decision_plain(&ours, exact);
    if (*plain)
        good = !decision_plain(&theirs, spaced) && decision_read(&theirs, spaced, &error) == 0 && decisions_identical(&ours, &theirs);
    free((char *)(uintptr_t)exact.data);
    free((char *)(uintptr_t)spaced.data);
    return good;
}

static void whatever_is_read_the_short_way_the_library_reads_as_the_same(struct checks *c)
{
    char text[TEXT_MAX];
    struct mutation m = {.seeds = seeds, .seeds_count = sizeof seeds / sizeof *seeds, .pieces = pieces, .pieces_count = sizeof pieces / sizeof *pieces,
                         .size_max = TEXT_MAX, .state = 20261126};
    int failed = 0, plain = 0;

    for (int i = 0; i < MUTATIONS && !failed; i++) {
        size_t size = mutate(&m, text);
        bool was_plain = false;

        failed += !agrees((struct bytes){text, size}, &was_plain);
        plain += was_plain;
        if (failed)
            fprintf(stderr, "disagreement over: %.*s\n", (int)size, text);
    }
    CHECK_INT(c, failed, 0);
    CHECK(c, plain > MUTATIONS / 20);       /* else nothing was compared */
}

static void what_the_encoder_writes_needs_no_library(struct checks *c)
{
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        bool plain = false;

        CHECK(c, agrees(bytes_of(seeds[i]), &plain));
        CHECK(c, plain);
    }
}

static void an_applied_purchase_reads_as_it_was_decided(struct checks *c)
{
    struct error_text error;
    struct decision found;

    CHECK_INT(c, decision_read(&found, bytes_of(PURCHASE), &error), 0);
    CHECK(c, found.status == STATUS_APPLIED && found.reason == REASON_NONE && found.event.kind == EVENT_PURCHASE);
    CHECK(c, found.event.price == 97 && found.event.item.size == 5 && memcmp(found.event.item.text, "ItemM", 5) == 0 && found.event.sku.size == 0);
    CHECK(c, found.facts.count == 3 && found.facts.items[1].type == FACT_NUMBER_CHANGE && found.facts.items[1].after == 28);
    CHECK(c, bytes_equal_text(found.topic, "orders") && found.partition == 0 && found.offset == 4 && found.timestamp == 1795326127590);
    CHECK(c, bytes_equal_text(found.id, "\"p1\"") && bytes_equal_text(found.decided_at, "\"2026-11-22T05:42:07.590Z\"") && !found.detail.data);
    CHECK(c, bytes_equal_text(found.fields, "{\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97}"));
    CHECK(c, found.attempts == 1 && !found.truncated && !found.key_truncated);
}

static bool comes_back(const struct decided *d, const struct record *record)
{
    struct decision found, wanted;
    struct error_text error;

    if (decision_read(&found, record->value, &error))
        return false;
    wanted = found;
    wanted.status = d->input.status;
    wanted.reason = d->input.reason;
    wanted.event = d->event.event;
    wanted.facts = d->facts;
    for (size_t i = 0; i < wanted.facts.count; i++)
        wanted.facts.items[i].name = facts_name_find(bytes_of(d->facts.items[i].name));
    wanted.offset = d->input.offset;
    wanted.timestamp = d->input.timestamp < 0 ? -1 : d->input.timestamp;
    wanted.attempts = d->input.attempts;
    wanted.first_offset = d->input.status == STATUS_DUPLICATE ? d->input.first_offset : 0;
    wanted.first_status = d->input.status == STATUS_DUPLICATE ? d->input.first_status : STATUS_APPLIED;
    return decisions_identical(&found, &wanted) && decision_same(record->value, record->value);
}

static void whatever_the_rules_decide_comes_back_as_it_was(struct checks *c)
{
    struct decided *d = decided_new(c);
    struct record record;
    int failed = 0;

    for (int i = 0; i < HISTORIES && !failed; i++) {
        decided_next(d, &record);
        failed += !comes_back(d, &record);
        if (failed)
            fprintf(stderr, "not as it was: %.*s\n", (int)record.value.size, record.value.data);
    }
    CHECK_INT(c, failed, 0);
    decided_free(d);
}

static void what_is_wrong_is_said_with_its_place(struct checks *c)
{
    static const struct { const char *value, *error; } rows[] = {
        {"", "byte 0: "},
        {"[]", "byte 0: the value is no JSON object"},
        {HEAD EVENT FACTS SOURCE "\"decided_at\":\"x\",\"attempts\":1", "byte "},
        {"{}", "byte 0: status is missing"},
        {"{\"status\":1}", "byte 10: status is an integer, it must be a string"},
        {"{\"status\":\"gone\"}", "byte 10: status \"gone\" is none that this release knows"},
        {"{\"status\":\"applied\",\"reason\":\"not_held\"}", "byte 29: reason \"not_held\" does not go with status \"applied\""},
        {"{\"status\":\"rejected\",\"reason\":\"late\"}", "byte 30: reason \"late\" is none that this release knows"},
        {"{\"status\":\"rejected\",\"reason\":null}", "byte 30: reason null does not go with status \"rejected\""},
        {"{\"status\":\"applied\",\"reason\":null,\"id\":null}", "byte 39: id is null, it must be a string"},
        {"{\"status\":\"applied\",\"reason\":null,\"id\":\"a\",\"type\":\"swap\"}", "byte 50: type \"swap\" is no kind of event that this release knows"},
        {HEAD FACTS SOURCE TAIL, "byte 0: event is missing"},
        {HEAD "\"event\":{\"buyer\":\"27\",\"seller\":\"17\",\"price\":97}," FACTS SOURCE TAIL, "byte 70: event.item is missing"},
        {HEAD "\"event\":{\"buyer\":\"a b\",\"seller\":\"17\",\"item\":\"i\",\"price\":97}," FACTS SOURCE TAIL,
         "byte 79: event.buyer is \"a b\", it must be 1 to 64 of A-Z a-z 0-9 _ -"},
        {HEAD "\"event\":{\"buyer\":\"a\",\"seller\":\"17\",\"item\":\"i\",\"price\":0}," FACTS SOURCE TAIL,
         "byte 116: event.price is 0, it must be 1 to 9007199254740991"},
        {HEAD EVENT "\"facts\":{\"price\":97,\"mood\":1}," SOURCE TAIL, "byte 133: fact \"mood\" is none that this release knows"},
        {HEAD EVENT "\"facts\":{\"price\":[1,2,3]}," SOURCE TAIL, "byte 142: facts.price is neither a value nor a value before and after"},
        {HEAD EVENT "\"facts\":{\"price\":1.5}," SOURCE TAIL, "byte 142: facts.price is neither a value nor a value before and after"},
        {HEAD EVENT "\"facts\":{\"price\":97,\"price\":97}," SOURCE TAIL, "byte "},
        {HEAD EVENT "\"facts\":{\"price\":9223372036854775808}," SOURCE TAIL, "byte "},
        {HEAD EVENT FACTS "\"source\":{\"topic\":\"a/b\",\"partition\":0,\"offset\":4,\"timestamp\":1}," TAIL, "byte 202: source.topic is not the name of a topic"},
        {HEAD EVENT FACTS "\"source\":{\"topic\":\"a\",\"partition\":0,\"timestamp\":1}," TAIL, "byte 202: source.offset is missing"},
        {HEAD EVENT FACTS "\"first\":{}," SOURCE TAIL, "byte 201: first is there, but the status is \"applied\""},
        {HEAD EVENT FACTS SOURCE "\"decided_at\":\"x\",\"attempts\":0}", "byte 300: attempts is 0, it must be 1 to 2147483647"},
        {HEAD EVENT FACTS SOURCE "\"decided_at\":\"x\",\"attempts\":1,\"truncated\":1}", "byte 314: truncated is an integer, it must be a boolean"},
    };
    struct error_text error;
    struct decision found;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_INT(c, decision_read(&found, bytes_of(rows[i].value), &error), -EBADMSG);
        if (strlen(rows[i].error) > 8)
            CHECK_TEXT(c, error.text, rows[i].error);
        else
            CHECK(c, strncmp(error.text, rows[i].error, strlen(rows[i].error)) == 0);
    }
    CHECK_INT(c, decision_read(&found, (struct bytes){NULL, 0}, &error), -EBADMSG);
    CHECK_TEXT(c, error.text, "there is no value");
}

/* As a later release might write it, or a proxy that parses and prints. */
static void other_layouts_and_unknown_members_are_read_too(struct checks *c)
{
    static const char other[] = " { \"attempts\" : 1, \"decided_at\":\"2027\", \"new\":[{\"a\":1}], \"source\" : {\"timestamp\":1795326127590, \"offset\":4,"
                                "\"topic\":\"orders\", \"partition\":0, \"new\":1}, \"facts\": {\"seller_funds\": [43, 140], \"price\" :97, \"buyer_funds\":[125,28]} ,"
                                "\"event\":{\"seller\":\"17\",\"buyer\":\"2\\u0037\",\"item\":\"ItemM\",\"price\":97}, \"id\": \"\\u0070\\u0031\" , \"reason\" :null,\"status\":\"applied\","
                                "\"type\":\"purchase\"} ";
    struct error_text error;
    struct decision found;

    CHECK_INT(c, decision_read(&found, bytes_of(other), &error), 0);
    CHECK(c, bytes_equal_text(found.id, "\"\\u0070\\u0031\"") && bytes_equal_text(found.topic, "orders"));
    CHECK(c, found.event.buyer.size == 2 && memcmp(found.event.buyer.text, "27", 2) == 0);
    CHECK(c, decision_same(bytes_of(other), bytes_of(PURCHASE)));
}

static void a_decision_is_the_same_but_for_when_and_how_often_it_was_tried(struct checks *c)
{
    static const char *const others[] = {
        HEAD "\"event\":{\"buyer\":\"28\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97}," FACTS SOURCE TAIL,
        HEAD "\"event\":{\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97,\"note\":1}," FACTS SOURCE TAIL,
        HEAD EVENT "\"facts\":{\"price\":97,\"buyer_funds\":[125,28],\"seller_funds\":[43,141]}," SOURCE TAIL,
        HEAD EVENT "\"facts\":{\"price\":97,\"buyer_funds\":[125,28]}," SOURCE TAIL,
        HEAD EVENT FACTS "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":5,\"timestamp\":1795326127590}," TAIL,
        HEAD EVENT FACTS "\"source\":{\"topic\":\"orders\",\"partition\":0,\"offset\":4,\"timestamp\":null}," TAIL,
        "{\"id\":\"p2\",\"type\":\"purchase\",\"status\":\"applied\",\"reason\":null," EVENT FACTS SOURCE TAIL,
        "{\"id\":\"p1\",\"type\":\"purchase\",\"status\":\"rejected\",\"reason\":\"not_listed\"," EVENT FACTS SOURCE TAIL,
        "nothing", "",
    };

    CHECK(c, decision_same(bytes_of(PURCHASE), bytes_of(HEAD EVENT FACTS SOURCE "\"decided_at\":\"2027\",\"attempts\":3}")));
    CHECK(c, decision_same(bytes_of(HEAD "\"event\":{\"buyer\":\"27\",\"seller\":\"17\",\"item\":\"ItemM\",\"price\":97,\"note\":1}," FACTS SOURCE TAIL),
                           bytes_of(HEAD EVENT FACTS SOURCE "\"decided_at\":\"2027\",\"attempts\":3,\"truncated\":true}")));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(c, !decision_same(bytes_of(PURCHASE), bytes_of(others[i])));
    CHECK(c, !decision_same(bytes_of(""), bytes_of("")));
}

#define SEQUENCE "0000000001-00000001795326127590-00000000000000000002-000003"

static void the_headers_say_which_event_it_is_of_and_when_it_took_effect(struct checks *c)
{
    const struct kafka_header headers[] = {
        {bytes_of("ce_specversion"), bytes_of("1.0")}, {bytes_of("ce_id"), bytes_of("my-orders.eu_1/3/9223372036854775807")},
        {bytes_of("ce_source"), bytes_of("/orderd/01234567-89ab-4cde-8f01-23456789abcd")}, {bytes_of("ce_type"), bytes_of("orderd.outcome")},
        {bytes_of("shop"), {NULL, 0}}, {bytes_of("ce_sequence"), bytes_of(SEQUENCE)}};
    struct decision_identity found, later;
    struct error_text error;

    CHECK_INT(c, decision_identify(&found, headers, 6, &error), 0);
    CHECK(c, bytes_equal_text(found.topic, "my-orders.eu_1") && found.partition == 3 && found.offset == INT64_MAX);
    CHECK(c, bytes_equal_text(found.incarnation, "01234567-89ab-4cde-8f01-23456789abcd"));
    CHECK(c, found.sequenced && found.era == 1 && found.id.ms == 1795326127590 && found.id.seq == 2 && found.place == 3);
    for (int i = 0; i < 4; i++) {
        later = found;
        later.era += i == 0;
        later.id.ms += i == 1;
        later.id.seq += i == 2;
        later.place += i == 3;
        CHECK(c, decision_compare(&found, &later) < 0 && decision_compare(&later, &found) > 0);
    }
    CHECK_INT(c, decision_compare(&found, &found), 0);
    CHECK_INT(c, decision_identify(&found, headers, 5, &error), 0);
    CHECK(c, !found.sequenced);
}

static void a_header_that_is_wrong_is_named(struct checks *c)
{
    static const struct { const char *id, *source, *type, *sequence, *error; } rows[] = {
        {NULL, "/orderd/a", "orderd.outcome", SEQUENCE, "header ce_id is missing"},
        {"orders/0/1", NULL, "orderd.outcome", SEQUENCE, "header ce_source is missing"},
        {"orders/0/1", "/orderd/a", NULL, SEQUENCE, "header ce_type is missing"},
        {"orders/0", "/orderd/a", "orderd.outcome", NULL, "header ce_id is \"orders/0\", it must be TOPIC/PARTITION/OFFSET"},
        {"/0/1", "/orderd/a", "orderd.outcome", NULL, "header ce_id is \"/0/1\", it must be TOPIC/PARTITION/OFFSET"},
        {"orders/-1/1", "/orderd/a", "orderd.outcome", NULL, "header ce_id is \"orders/-1/1\", it must be TOPIC/PARTITION/OFFSET"},
        {"orders/00/1", "/orderd/a", "orderd.outcome", NULL, "header ce_id is \"orders/00/1\", it must be TOPIC/PARTITION/OFFSET"},
        {"orders/0/\x1b", "/orderd/a", "orderd.outcome", NULL, "header ce_id is \"orders/0/?\", it must be TOPIC/PARTITION/OFFSET"},
        {"orders/0/1", "/orderd/", "orderd.outcome", NULL, "header ce_source is \"/orderd/\", it must be /orderd/INCARNATION"},
        {"orders/0/1", "/shop/a", "orderd.outcome", NULL, "header ce_source is \"/shop/a\", it must be /orderd/INCARNATION"},
        {"orders/0/1", "/orderd/a", "outcome", NULL, "header ce_type is \"outcome\", it must be \"orderd.outcome\""},
        {"orders/0/1", "/orderd/a", "orderd.outcome", "1-2-3-4", "header ce_sequence is \"1-2-3-4\", it must be ERA-MS-SEQ-PLACE with 10, 20, 20 and 6 digits"},
    };
    const struct kafka_header twice[] = {{bytes_of("ce_id"), bytes_of("a/0/1")}, {bytes_of("ce_id"), bytes_of("a/0/1")}};
    const struct kafka_header empty = {bytes_of("ce_id"), {NULL, 0}};
    struct decision_identity found;
    struct error_text error;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const names[] = {"ce_id", "ce_source", "ce_type", "ce_sequence"};
        const char *const texts[] = {rows[i].id, rows[i].source, rows[i].type, rows[i].sequence};
        struct kafka_header headers[4];
        size_t count = 0;

        for (size_t h = 0; h < 4; h++)
            if (texts[h])
                headers[count++] = (struct kafka_header){bytes_of(names[h]), bytes_of(texts[h])};
        CHECK_INT(c, decision_identify(&found, headers, count, &error), -EBADMSG);
        CHECK_TEXT(c, error.text, rows[i].error);
    }
    CHECK_INT(c, decision_identify(&found, twice, 2, &error), -EBADMSG);
    CHECK_TEXT(c, error.text, "header ce_id is given twice");
    CHECK_INT(c, decision_identify(&found, &empty, 1, &error), -EBADMSG);
    CHECK_TEXT(c, error.text, "header ce_id has no value, it must be TOPIC/PARTITION/OFFSET");
}

static void what_is_wrong_in_one_header_hides_no_other(struct checks *c)
{
    const struct kafka_header headers[] = {
        {bytes_of("ce_sequence"), bytes_of("1-2")}, {bytes_of("ce_id"), bytes_of("orders/3/4")}, {bytes_of("ce_source"), bytes_of("/orderd/a")}};
    struct decision_identity found;
    struct error_text error;

    CHECK_INT(c, decision_identify(&found, headers, 3, &error), -EBADMSG);
    CHECK_TEXT(c, error.text, "header ce_sequence is \"1-2\", it must be ERA-MS-SEQ-PLACE with 10, 20, 20 and 6 digits");
    CHECK(c, bytes_equal_text(found.topic, "orders") && found.partition == 3 && found.offset == 4 && bytes_equal_text(found.incarnation, "a"));
    CHECK(c, !found.sequenced);
    CHECK_INT(c, decision_identify(&found, headers, 1, &error), -EBADMSG);
    CHECK(c, !found.topic.data && !found.incarnation.data);
}

static void a_value_belongs_to_the_event_that_its_headers_name(struct checks *c)
{
    struct decision_identity identity = {.topic = bytes_of("orders"), .partition = 0, .offset = 4};
    struct error_text error;
    struct decision found;

    CHECK_INT(c, decision_read(&found, bytes_of(PURCHASE), &error), 0);
    CHECK(c, decision_is_of(&found, &identity));
    identity.offset = 5;
    CHECK(c, !decision_is_of(&found, &identity));
    identity.offset = 4;
    identity.topic = bytes_of("order");
    CHECK(c, !decision_is_of(&found, &identity));
}

TESTS({"whatever is read the short way the library reads as the same", whatever_is_read_the_short_way_the_library_reads_as_the_same},
      {"what the encoder writes needs no library", what_the_encoder_writes_needs_no_library},
      {"an applied purchase reads as it was decided", an_applied_purchase_reads_as_it_was_decided},
      {"whatever the rules decide comes back as it was", whatever_the_rules_decide_comes_back_as_it_was},
      {"what is wrong is said with its place", what_is_wrong_is_said_with_its_place},
      {"other layouts and unknown members are read too", other_layouts_and_unknown_members_are_read_too},
      {"a decision is the same but for when and how often it was tried", a_decision_is_the_same_but_for_when_and_how_often_it_was_tried},
      {"the headers say which event it is of and when it took effect", the_headers_say_which_event_it_is_of_and_when_it_took_effect},
      {"a header that is wrong is named", a_header_that_is_wrong_is_named},
      {"what is wrong in one header hides no other", what_is_wrong_in_one_header_hides_no_other},
      {"a value belongs to the event that its headers name", a_value_belongs_to_the_event_that_its_headers_name})
