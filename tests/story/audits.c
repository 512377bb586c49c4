/* The audit over what real daemons wrote in the world of the stories: nothing is found in an honest log, and each forgery of one record is one finding. */
#include <stdio.h>

#include "fake/audited.h"
#include "story/story.h"

enum { PARTITIONS = 2, EVENTS = 120, DEADLINE_MS = 5000, TEXT_MAX = 2048, FORGED_MAX = 1, BYTES = 150 };

/* --- an honest log */

/* The kinds in turns over few names, so that nearly everything that can be refused is. */
static void put_members(int n, char *out, size_t size)
{
    int user = n / 3 % 3, item = 1 + n % 4;

    switch ((n * 5 + n / 7) % 7) {
    case 0:
        snprintf(out, size, "\"type\":\"grant\",\"user\":\"u%d\",\"item\":\"i%d\"", user, item);
        break;
    case 1:
        snprintf(out, size, "\"type\":\"deposit\",\"user\":\"u%d\",\"amount\":%d", user, item);
        break;
    case 2:
        snprintf(out, size, "\"type\":\"list\",\"seller\":\"u%d\",\"item\":\"i%d\",\"price\":2", user, item);
        break;
    case 3:
        snprintf(out, size, "\"type\":\"restock\",\"sku\":\"k%d\",\"quantity\":%d", user, item);
        break;
    case 4:
        snprintf(out, size, "\"type\":\"purchase\",\"buyer\":\"u1\",\"seller\":\"u%d\",\"item\":\"i%d\",\"price\":2", user, item);
        break;
    case 5:
        snprintf(out, size, "\"type\":\"reserve\",\"sku\":\"k%d\",\"quantity\":%d,\"buyer\":\"b\"", user, item);
        break;
    default:
        snprintf(out, size, "\"type\":\"unlist\",\"seller\":\"u%d\",\"item\":\"i%d\"", user, item);
    }
}

/* Ids come again, and some messages are no events. */
static void produce_one(int n)
{
    char members[TEXT_MAX / 4], text[TEXT_MAX / 2];

    put_members(n, members, sizeof members);
    if (n % 17 == 11)
        snprintf(text, sizeof text, "no event, number %d", n);
    else
        snprintf(text, sizeof text, "{\"id\":\"e%d\",%s}", n % 13 == 12 ? n - 4 : n, members);
    produce(n % PARTITIONS, text);
}

static struct daemon *start(const char *name)
{
    struct daemon *daemon = daemon_start(name);

    for (int32_t p = 0; p < PARTITIONS; p++)
        group_gives(name, "orders", p);
    return daemon;
}

/* Two lives, with a crash between them; `foreign`: what another program does to Redis then. */
static void tell(const char *foreign)
{
    const struct story_settings settings = {.partitions = PARTITIONS, .deadline_ms = DEADLINE_MS, .turn_events = 5};
    struct daemon *daemon;

    story_begin(&settings);
    daemon = start("A");
    for (int n = 0; n < EVENTS; n++) {
        produce_one(n);
        if (n % 6 == 5)
            daemon_run(daemon, 40);
        if (n == EVENTS / 2) {
            daemon_crash(daemon);
            daemon = start("B");
        }
        if (n == EVENTS / 2 && foreign)
            redis(foreign);
    }
    daemon_run(daemon, 3000);
    daemon_stop(daemon);
    skip();
}

/* --- an audit of it */

static struct log_partition *log_of(const char *topic, int32_t partition)
{
    return kafka_log_partition(&world->kafka, topic, partition);
}

static void look(struct audited *out)
{
    static const char *const topics[] = {"orders"};
    static const int32_t partitions[] = {PARTITIONS};
    int64_t deadline_ms[EVENT_KIND_COUNT];
    char incarnation[CLOCK_UUID_SIZE];
    struct bytes source = kafka_log_header(&log_of("out", 1)->messages[0], "ce_source");
    const struct audited_market market = {.topics = topics, .partitions = partitions, .topics_count = 1, .number = SHARD_NONE, .letters_partitions = 1,
                                          .incarnation = incarnation, .window_s = 3600, .ids = 1000, .deadline_ms = deadline_ms, .whole = true, .node = "audit"};

    snprintf(incarnation, sizeof incarnation, "%.*s", (int)source.size - 8, source.data + 8);      /* behind "/orderd/" */
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        deadline_ms[kind] = DEADLINE_MS;
    audited_look(out, &market);
    story_end();
}

static void an_honest_log_is_clean(struct checks *c)
{
    struct audited found;

    tell(NULL);
    look(&found);
    CHECK_TEXT(c, found.text, "");
    CHECK_INT(c, found.wrong + found.foreign, 0);
    CHECK_INT(c, found.consumed, EVENTS);
    CHECK(c, found.of[STATUS_APPLIED] > 20 && found.of[STATUS_REJECTED] > 20 && found.of[STATUS_DUPLICATE] > 2 && found.of[STATUS_MALFORMED] > 2);
    CHECK_INT(c, found.of[STATUS_APPLIED] + found.of[STATUS_REJECTED] + found.of[STATUS_EXPIRED] + found.of[STATUS_DUPLICATE] + found.of[STATUS_MALFORMED], EVENTS);
}

static void another_programs_write_is_named_and_is_not_wrong(struct checks *c)
{
    struct audited found;

    tell("HINCRBY users:u0 funds 1000");
    look(&found);
    CHECK(c, strncmp(found.text, "foreign_write orders:", 21) == 0 && strstr(found.text, " users:u0 funds"));
    CHECK_INT(c, found.wrong, 0);
    CHECK_INT(c, found.foreign, 1);
}

/* --- forgeries */

static char forged[FORGED_MAX][TEXT_MAX];

/* The first record of the topic, of whichever partition, whose value holds the text. */
static struct logged *record_saying(const char *topic, int32_t partitions, const char *text)
{
    struct logged *found = NULL;

    for (int32_t p = 0; p < partitions; p++) {
        struct log_partition *log = log_of(topic, p);

        for (size_t i = 2; i < log->count && !found; i++)
            if (memmem(log->messages[i].value.data, log->messages[i].value.size, text, strlen(text)))
                found = &log->messages[i];
    }
    ASSERT(found);
    return found;
}

/* `from` replaced by `to` in its first place. */
static struct bytes replaced(struct bytes bytes, const char *from, const char *to, char out[TEXT_MAX])
{
    const char *at = memmem(bytes.data, bytes.size, from, strlen(from));
    size_t before = (size_t)(at - bytes.data), behind = bytes.size - before - strlen(from);

    ASSERT(at && bytes.size + strlen(to) < TEXT_MAX);
    memcpy(out, bytes.data, before);
    memcpy(out + before, to, strlen(to));
    memcpy(out + before + strlen(to), at + strlen(from), behind);
    return (struct bytes){out, before + strlen(to) + behind};
}

static struct bytes *header_of(struct logged *record, const char *name)
{
    size_t i = 0;

    while (i < record->headers_count && !bytes_equal_text(record->headers[i].name, name))
        i++;
    ASSERT(i < record->headers_count);
    return (struct bytes *)(uintptr_t)&record->headers[i].value;
}

static void remove_record(const char *topic, int32_t partition, const struct logged *record)
{
    struct log_partition *log = log_of(topic, partition);
    size_t at = (size_t)(record - log->messages);

    memmove(&log->messages[at], &log->messages[at + 1], (log->count - at - 1) * sizeof *log->messages);
    log->count--;
}

static int32_t partition_of(const struct logged *record)
{
    return record >= log_of("out", 1)->messages && record < log_of("out", 1)->messages + log_of("out", 1)->count;
}

/* What is done to the outcome that says `saying`, and what the audit calls it; the place of the event is looked up. */
enum way { REPLACE, REMOVE, COPY, KEY, HEADER, NO_HEADER, VALUE, LETTER, NO_LETTER };

static const struct forgery {
    enum way way;
    const char *saying, *from, *to, *finding;
} forgeries[] = {
    {REMOVE, "\"status\":\"applied\"", NULL, NULL, "outcome_missing"},
    {REMOVE, "\"status\":\"rejected\"", NULL, NULL, "outcome_missing"},
    {COPY, "\"status\":\"applied\"", "\"attempts\":1", "\"attempts\":2", "copy_differs"},
    {KEY, "\"type\":\"deposit\"", NULL, "another", "key"},
    {HEADER, "\"type\":\"deposit\"", "ce_id", "orders/0", "outcome_unreadable"},
    {HEADER, "\"type\":\"deposit\"", "ce_sequence", "0000000000-00000000000000000000-00000000000000000000-000000", "sequence"},
    {HEADER, "\"type\":\"deposit\"", "ce_sequence", "1-2-3-4", "outcome_unreadable"},
    {NO_HEADER, "\"type\":\"deposit\"", "ce_time", NULL, "headers"},
    {HEADER, "\"type\":\"deposit\"", "content-type", "text/plain", "headers"},
    {VALUE, "\"type\":\"deposit\"", NULL, "{}", "outcome_unreadable"},
    {REPLACE, "\"type\":\"deposit\",\"status\":\"applied\"", "\"id\":\"e", "\"id\":\"f", "event"},
    {REPLACE, "\"type\":\"deposit\",\"status\":\"applied\"", "\"user\":\"u", "\"user\":\"v", "event"},
    {REPLACE, "\"type\":\"deposit\",\"status\":\"applied\"", "\"timestamp\":1", "\"timestamp\":2", "event"},
    {REPLACE, "\"reason\":\"not_held\"", "\"seller_holds\":false", "\"seller_holds\":true", "facts"},
    {REPLACE, "\"reason\":\"not_held\"", "\"not_held\"", "\"not_listed\"", "facts"},
    {REPLACE, "\"status\":\"duplicate\"", "\"first\":{\"offset\":", "\"first\":{\"offset\":1", "duplicate"},
    {REPLACE, "\"status\":\"malformed\"", "not_json", "not_object", "malformed"},
    {LETTER, "no event", "no event", "no evens", "letter_differs"},
    {NO_LETTER, "no event", NULL, NULL, "letter_missing"},
};

static void append_copy(struct logged *record, const struct forgery *f)
{
    struct logged copy = *record;

    copy.value = replaced(record->value, f->from, f->to, forged[0]);
    kafka_log_append(log_of("out", partition_of(record)), &copy);
}

static void forge(const struct forgery *f, struct logged *record)
{
    switch (f->way) {
    case REPLACE:
    case LETTER:
        record->value = replaced(record->value, f->from, f->to, forged[0]);
        break;
    case REMOVE:
        remove_record("out", partition_of(record), record);
        break;
    case NO_LETTER:
        remove_record("dead", 0, record);
        break;
    case COPY:
        append_copy(record, f);
        break;
    case KEY:
        record->key = bytes_of(f->to);
        break;
    case VALUE:
        record->value = bytes_of(f->to);
        break;
    case HEADER:
        *header_of(record, f->from) = bytes_of(f->to);
        break;
    case NO_HEADER:
        *header_of(record, f->from) = (struct bytes){NULL, 0};
        break;
    }
}

/* "TOPIC:P OFFSET" of the event that the record is of. */
static void place_of(const struct forgery *f, const struct logged *record, char out[100])
{
    bool letter = f->way == LETTER || f->way == NO_LETTER;
    struct bytes id = kafka_log_header(record, "ce_id"), partition = kafka_log_header(record, "dlq.original.partition"),
                 offset = kafka_log_header(record, "dlq.original.offset");

    if (letter)
        snprintf(out, 100, "orders:%.*s %.*s", (int)partition.size, partition.data, (int)offset.size, offset.data);
    else
        snprintf(out, 100, "orders:%.1s %.*s", id.data + 7, (int)id.size - 9, id.data + 9);
}

static void each_forgery_is_one_finding(struct checks *c)
{
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        const struct forgery *f = &forgeries[i];
        bool letter = f->way == LETTER || f->way == NO_LETTER;
        char place[100], wanted[200];
        struct audited found;
        struct logged *record;

        tell(NULL);
        record = record_saying(letter ? "dead" : "out", letter ? 1 : PARTITIONS, f->saying);
        place_of(f, record, place);
        snprintf(wanted, sizeof wanted, "%s %s", f->finding, place);
        forge(f, record);
        look(&found);
        CHECK_TEXT(c, found.text, wanted);
    }
}

/* Whether nobody can know what stood there: how often it was tried is told nowhere else. */
static bool is_free(struct bytes value, size_t at)
{
    const char *attempts = memmem(value.data, value.size, "\"attempts\":", strlen("\"attempts\":"));

    return attempts && value.data + at >= attempts;
}

static void a_byte_that_is_changed_anywhere_is_found_where_it_is(struct checks *c)
{
    uint32_t random = 20261126;

    for (int i = 0; i < BYTES; i++) {
        const struct forgery any = {.way = REPLACE};
        char place[100];
        struct audited found;
        struct log_partition *log;
        struct logged *record;
        size_t at;

        tell(NULL);
        random = random * 1664525u + 1013904223u;
        log = log_of("out", (int32_t)(random >> 30 & 1));
        record = &log->messages[2 + (random >> 8) % (log->count - 2)];
        random = random * 1664525u + 1013904223u;
        at = (random >> 8) % record->value.size;
        place_of(&any, record, place);
        if (!is_free(record->value, at)) {
            record->value = replaced(record->value, "", "", forged[0]);
            forged[0][at] ^= forged[0][at] == '0' ? 3 : 1;
            look(&found);
            CHECK_INT(c, found.wrong, 1);
            if (strncmp(found.text, "outcome_misnamed ", 17) != 0)      /* of two events, it is the value's that is named */
                CHECK(c, strstr(found.text, place) != NULL);
        } else {
            story_end();
        }
    }
}

TESTS({"a byte that is changed anywhere is found where it is", a_byte_that_is_changed_anywhere_is_found_where_it_is}, {"an honest log is clean", an_honest_log_is_clean},
      {"another program's write is named and is not wrong", another_programs_write_is_named_and_is_not_wrong},
      {"each forgery is one finding", each_forgery_is_one_finding})
