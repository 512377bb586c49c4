/* orderd's own audit over the forgeries of records that the auditor catches: it must see them too, and nothing in the honest history. */
#include "check.h"

#include "fake/audited.h"
#include "fake/world.h"
#include "sim/forge.h"

enum { SEED = 3, EVENTS = 400, DEADLINE_MS = 5000, HEADERS_MAX = 100 };

/* The told log as Kafka has it; offsets that nobody has are a gap. */
static void put_log(const struct audit_log *from)
{
    struct log_partition *to;

    kafka_log_topic(&world->kafka, from->topic, TOLD_SOURCES);
    to = kafka_log_partition(&world->kafka, from->topic, from->partition);
    for (size_t i = 0; i < from->count; i++) {
        const struct audit_message *m = &from->messages[i];
        struct kafka_header headers[HEADERS_MAX];
        struct logged message = {.timestamp = m->timestamp, .key = m->key, .value = m->value, .headers = headers, .headers_count = m->headers_count};

        ASSERT(m->headers_count <= HEADERS_MAX);
        for (size_t h = 0; h < m->headers_count; h++)
            headers[h] = (struct kafka_header){m->headers[h].name, m->headers[h].value};
        if (m->offset > to->end)
            kafka_log_skip(to, m->offset - to->end);
        kafka_log_append(to, &message);
    }
    to->committed = from->committed;
}

static void look(const struct told *told, const char *incarnation, struct audited *out)
{
    static const char *const topics[] = {"orders"};
    static const int32_t partitions[] = {TOLD_SOURCES};
    static struct world made;
    int64_t deadline_ms[EVENT_KIND_COUNT];
    const struct audited_market market = {.topics = topics, .partitions = partitions, .topics_count = 1, .number = SHARD_NONE, .letters_partitions = 1,
                                          .incarnation = incarnation, .window_s = 3600, .ids = 1000, .deadline_ms = deadline_ms, .node = "audit"};

    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        deadline_ms[kind] = DEADLINE_MS;
    memset(&made, 0, sizeof made);
    world_begin(&made);
    for (size_t i = 0; i < TOLD_SOURCES; i++) {
        put_log(&told->sources[i]);
        put_log(&told->outcomes[i]);
    }
    put_log(&told->letters[0]);
    audited_look(out, &market);
    world_end();
}

/* Before anything is forged. */
static void incarnation_of(struct told *told, char out[CLOCK_UUID_SIZE])
{
    struct bytes source = told_header(told_message(&told->outcomes[0], 0), "ce_source")->value;

    snprintf(out, CLOCK_UUID_SIZE, "%.*s", (int)source.size - 8, source.data + 8);      /* behind "/orderd/" */
}

static void look_at(void (*forge)(struct told *), struct audited *out)
{
    char incarnation[CLOCK_UUID_SIZE];
    struct told told;

    told_begin(&told, SEED, EVENTS, false);
    incarnation_of(&told, incarnation);
    if (forge)
        forge(&told);
    look(&told, incarnation, out);
    told_end(&told);
}

static void the_honest_history_is_clean(struct checks *c)
{
    struct audited found;

    look_at(NULL, &found);
    if (found.wrong)
        fprintf(stderr, "%s\n", found.text);
    CHECK_INT(c, found.wrong, 0);
    CHECK_INT(c, found.consumed, EVENTS);
    CHECK(c, found.foreign > 0);
}

/* What shows in the logs alone to nobody, and why. */
static const char *unseen(const char *forgery)
{
    static const struct { const char *name, *why; } rows[] = {
        {"an_event_is_decided_twice", "another incarnation did, and only a registry knows which ones there were"},
        {"an_incarnation_is_none", "the same"},
        {"the_window_is_too_short", "it is the setting that is forged"},
        {"the_window_holds_too_little", "it is the setting that is forged"},
        {"a_value_has_white_space", "a later release may lay a value out otherwise"},
        {"a_trace_keeps_its_span", "any span is taken for a random one"},
        {"an_event_is_skipped_unasked", "what an operator asked for is in no log"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, forgery) == 0)
            return rows[i].why;
    return NULL;
}

static void every_forgery_is_seen(struct checks *c)
{
#define ROW(forgery, kind) {#forgery, forgery},
    static const struct { const char *name; void (*forge)(struct told *); } rows[] = {FORGERIES_OF_RECORDS(ROW)};
#undef ROW

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct audited found;

        look_at(rows[i].forge, &found);
        if ((found.wrong > 0) == (unseen(rows[i].name) != NULL))
            fprintf(stderr, "%s: %s\n", rows[i].name, found.wrong ? found.text : "not seen");
        CHECK_INT(c, found.wrong > 0, unseen(rows[i].name) == NULL);
    }
}

TESTS({"the honest history is clean", the_honest_history_is_clean}, {"every forgery is seen that shows in the logs", every_forgery_is_seen})
