/* The producer on the fake logs: the records of a partition arrive in order, those of several in any, and each is reported some time later.
 *
 * What was handed over lies in its partition's lane until it was reported. Its arrival and its report are two moments: between them the
 * record lies in the log and its producer does not know. Where a record fails, nothing behind it arrives (enable.gapless.guarantee). A
 * producer that was closed, or whose process died, may leave something on the wire that still arrives: it stays here as an orphan. */
#include "seam/kafka_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/world.h"

enum { DELIVERY_MS = 2, RETRY_MS = 100, QUEUE_MAX = 4096, LANES_MAX = 4 * LOG_PARTITIONS_MAX };

struct flying {
    struct flying *next;
    void *opaque;
    int64_t due, report_at;           /* in the log; at its producer */
    int64_t offset;
    int error;
    size_t size;
    struct logged record;
};

struct lane {
    size_t topic;
    const char *name;                 /* of the topic, the log's own: an orphan outlives its options */
    int32_t partition;
    struct flying *head, *tail;       /* handed over and not yet reported */
    struct flying *coming;            /* the first that has not arrived; NULL: all have */
    int64_t sent_at;
    bool failed;
};

struct kafka_out {
    struct kafka_out *next;           /* of the world's producers */
    struct node *node;                /* NULL: an orphan */
    struct kafka_out_options options;
    const char *topics[LOG_TOPICS_MAX];   /* the options' own, which an orphan outlives */
    struct lane lanes[LANES_MAX];
    size_t lanes_count, count;
    struct lane *recent;
    struct flying *spare;
    bool fatal;
};

int kafka_out_new(struct kafka_out **out, const struct kafka_out_options *options, struct error_text *error)
{
    struct kafka_out *made;

    if (kafka_happens(world->weather.producer_refused))
        return error_set(error, -EINVAL, "no threads for another producer");
    made = calloc(1, sizeof *made);
    ASSERT(made);
    made->node = world_node(options->brokers);
    made->options = *options;
    ASSERT(options->topics_count <= LOG_TOPICS_MAX);
    memcpy(made->topics, options->topics, options->topics_count * sizeof *made->topics);
    made->options.topics = made->topics;
    made->next = world->brokers.producers;
    world->brokers.producers = made;
    *out = made;
    return 0;
}

static void destroy(struct kafka_out *out)
{
    struct kafka_out **link = &world->brokers.producers;

    while (*link != out)
        link = &(*link)->next;
    *link = out->next;
    for (size_t i = 0; i <= out->lanes_count; i++) {
        struct flying *flying = i < out->lanes_count ? out->lanes[i].head : out->spare;

        while (flying) {
            struct flying *next = flying->next;

            free(flying);
            flying = next;
        }
    }
    free(out);
}

void kafka_producers_deinit(void)
{
    while (world->brokers.producers)
        destroy(world->brokers.producers);
}

bool kafka_producers_are_quiet(void)
{
    for (const struct kafka_out *out = world->brokers.producers; out; out = out->next)
        if (out->count)
            return false;
    return true;
}

static struct lane *lane_of(struct kafka_out *out, size_t topic, const char *name, int32_t partition)
{
    struct lane *lane = out->recent;

    if (lane && lane->topic == topic && lane->partition == partition)
        return lane;
    for (lane = out->lanes; lane < out->lanes + out->lanes_count; lane++)
        if (lane->topic == topic && lane->partition == partition)
            return out->recent = lane;
    ASSERT(out->lanes_count < LANES_MAX);
    out->lanes_count++;
    *lane = (struct lane){.topic = topic, .name = name, .partition = partition, .sent_at = -1};
    return out->recent = lane;
}

/* Nothing arrives and nothing is reported. */
static bool held(const struct kafka_out *out, const struct lane *lane)
{
    return world->deliveries_held || lane->partition + 1 == world->held_partition || (out->node ? !kafka_reachable(out->node) : world->weather.away);
}

static void word(struct bytes value, const char *name, char *to, size_t size)
{
    const char *at = memmem(value.data, value.size, name, strlen(name));

    to[0] = '\0';
    if (at)
        snprintf(to, size, "%.*s", (int)strcspn(at + strlen(name), "\""), at + strlen(name));
}

static void trace_record(struct kafka_out *out, const struct kafka_record *record)
{
    char status[32], reason[32];
    struct bytes id = {NULL, 0};

    if (world->silent)
        return;
    if (strcmp(out->options.topics[record->topic], "dead") == 0) {
        trace(out->node, "letter", "%d", record->partition);
        return;
    }
    for (size_t i = 0; i < record->headers_count; i++)
        if (bytes_equal_text(record->headers[i].name, "ce_id"))
            id = record->headers[i].value;
    word(record->value, "\"status\":\"", status, sizeof status);
    word(record->value, "\"reason\":\"", reason, sizeof reason);
    trace(out->node, "publish", "%.*s %s", (int)id.size, id.data, strcmp(status, "rejected") == 0 ? reason : status);
}

static size_t size_of(const struct kafka_record *record)
{
    size_t size = record->key.size + record->value.size;

    for (size_t i = 0; i < record->headers_count; i++)
        size += record->headers[i].name.size + record->headers[i].value.size;
    return size;
}

static bool too_large(const struct log_topic *topic, size_t size)
{
    return topic->message_max && size > (size_t)topic->message_max;
}

/* What is sent in the same moment travels together. */
static int64_t due_at(const struct lane *lane)
{
    const struct kafka_range *range = &world->weather.produce_ms;
    int64_t last = lane->tail ? lane->tail->due : 0, due;

    if (lane->tail && lane->sent_at == world->now)
        return last;
    due = world->now + (range->max ? kafka_drawn_ms(range) : DELIVERY_MS);
    if (world->weather.slow && strcmp(world->weather.slow, lane->name) == 0)
        due += kafka_drawn_ms(&world->weather.slow_ms);
    return due > last ? due : last;
}

static void lane_add(struct kafka_out *out, struct lane *lane, const struct kafka_record *record, size_t size)
{
    struct logged message = {.timestamp = world->now, .key = record->key, .value = record->value, .headers = record->headers,
                             .headers_count = record->headers_count};
    struct flying *flying = out->spare;

    if (flying)
        out->spare = flying->next;
    else
        flying = malloc(sizeof *flying);
    ASSERT(flying);
    *flying = (struct flying){.opaque = record->opaque, .due = due_at(lane), .offset = -1, .size = size,
                              .record = kafka_log_keep(&world->kafka, &message)};
    if (lane->tail)
        lane->tail->next = flying;
    else
        lane->head = flying;
    lane->tail = flying;
    if (!lane->coming)
        lane->coming = flying;
    lane->sent_at = world->now;
    out->count++;
}

int kafka_out_send(struct kafka_out *out, const struct kafka_record *record)
{
    size_t bound = world->weather.queue ? world->weather.queue : QUEUE_MAX, size = size_of(record);
    const struct log_topic *topic;

    if (!world_arrow(out->node, ARROW_PRODUCE))
        return -ENOBUFS;
    if (out->fatal)
        return -EPIPE;
    if (out->count >= bound)
        return -ENOBUFS;
    topic = kafka_log_find(&world->kafka, out->options.topics[record->topic]);
    if (!topic || record->partition >= topic->count)
        return -ENOENT;
    if (too_large(topic, size))
        return -EMSGSIZE;
    lane_add(out, lane_of(out, record->topic, topic->name, record->partition), record, size);
    trace_record(out, record);
    return 0;
}

/* What the brokers say of a record: 0 or an error. */
static int judge(const struct log_topic *topic, const struct lane *lane, const struct flying *flying)
{
    if (!topic || lane->partition >= topic->count)
        return -ENOENT;
    if (world->delivery_failures) {
        world->delivery_failures--;
        return -EIO;
    }
    return too_large(topic, flying->size) || kafka_happens(world->weather.delivery_fails) ? -EIO : 0;
}

static bool meets_its_end(struct kafka_out *out)
{
    if (!world->weather.producer_failures && !kafka_happens(world->weather.producer_fails))
        return false;
    if (world->weather.producer_failures)
        world->weather.producer_failures--;
    out->fatal = true;
    trace(out->node, "fatal", " ");
    return true;
}

/* One record comes to its log, or fails there. */
static void arrive(struct kafka_out *out, struct lane *lane)
{
    struct log_topic *topic = kafka_log_find(&world->kafka, lane->name);
    struct flying *flying = lane->coming;

    if (out->node && meets_its_end(out))
        return;
    flying->error = judge(topic, lane, flying);
    if (flying->error) {
        lane->failed = true;
        if (out->node)
            trace(out->node, "fails", "%s:%d", lane->name, lane->partition);
    }
    if (!flying->error || (flying->error == -EIO && topic && kafka_happens(world->weather.failed_lands))) {
        struct log_partition *partition = &topic->partitions[lane->partition];

        kafka_log_append_kept(partition, &flying->record);
        flying->offset = flying->error ? -1 : partition->end - 1;
    }
    if (!flying->error && kafka_happens(world->weather.report_lost)) {
        flying->offset = -1;
        flying->due += RETRY_MS;
    }
    flying->report_at = flying->due + kafka_drawn_ms(&world->weather.report_ms);
    lane->coming = flying->next;
}

static bool may_arrive(const struct kafka_out *out, const struct lane *lane)
{
    return lane->coming && !lane->failed && !out->fatal && !(out->node && out->node->dead) && !held(out, lane);
}

/* The lane whose next record is due first, over all producers. */
static struct lane *first_due(struct kafka_out **whose)
{
    struct lane *found = NULL;

    for (struct kafka_out *out = world->brokers.producers; out; out = out->next)
        for (struct lane *lane = out->lanes; out->count && lane < out->lanes + out->lanes_count; lane++)
            if (may_arrive(out, lane) && lane->coming->due <= world->now && (!found || lane->coming->due < found->coming->due)) {
                found = lane;
                *whose = out;
            }
    return found;
}

static void forget_orphans(void)
{
    struct kafka_out *next;

    for (struct kafka_out *out = world->brokers.producers; out; out = next) {
        bool coming = false;

        next = out->next;
        for (size_t i = 0; !out->node && i < out->lanes_count; i++)
            coming |= may_arrive(out, &out->lanes[i]);
        if (!out->node && !coming)
            destroy(out);
    }
}

void kafka_records_arrive(void)
{
    struct kafka_out *out = NULL;
    struct lane *lane;

    while ((lane = first_due(&out))) {
        int64_t due = lane->coming->due;

        while (may_arrive(out, lane) && lane->coming->due == due)
            arrive(out, lane);
    }
    forget_orphans();
}

/* A part of the lane's begin is on the wire already and arrives; what is behind it never does. */
static void lane_orphan(struct kafka_out *out, struct lane *lane)
{
    struct flying **link = &lane->coming, *flying;
    uint32_t count = 0, kept = 0;

    for (flying = lane->coming; flying; flying = flying->next)
        count++;
    if (count && !lane->failed && !out->fatal && !held(out, lane) && kafka_happens(world->weather.orphans_land))
        kept = 1 + world_draw(count);
    while ((flying = lane->head) != lane->coming) {
        lane->head = flying->next;
        free(flying);
    }
    for (; kept; kept--)
        link = &(*link)->next;
    while ((flying = *link)) {
        *link = flying->next;
        free(flying);
    }
    lane->head = lane->coming;
}

static void report(struct kafka_out *out, const struct lane *lane, const struct flying *flying, int error, const char *reason)
{
    struct kafka_report said = {flying->opaque, error, lane->topic, lane->partition, error ? -1 : flying->offset, reason};

    out->count--;
    out->options.reported(out->options.context, &said);
}

/* A dead process's reports go nowhere either; they give its memory back. */
struct kafka_out *kafka_out_free(struct kafka_out *out)
{
    if (!out)
        return NULL;
    kafka_catch_up();
    for (struct lane *lane = out->lanes; lane < out->lanes + out->lanes_count; lane++)
        for (struct flying *flying = lane->head; flying; flying = flying->next)
            report(out, lane, flying, -ECANCELED, "purged");
    for (struct lane *lane = out->lanes; lane < out->lanes + out->lanes_count; lane++) {
        lane_orphan(out, lane);
        for (const struct flying *flying = lane->coming; flying; flying = flying->next)
            out->count++;
    }
    out->node = NULL;
    if (!out->count)
        destroy(out);
    return NULL;
}

/* The lane with the earliest report that has come; else NULL, and `next` says when the next may come by itself. */
static struct lane *reportable(struct kafka_out *out, int64_t *next)
{
    struct lane *found = NULL;

    *next = INT64_MAX;
    for (struct lane *lane = out->lanes; lane < out->lanes + out->lanes_count; lane++) {
        int64_t at;

        if (!lane->head || held(out, lane))
            continue;
        at = lane->head != lane->coming ? lane->head->report_at : may_arrive(out, lane) ? lane->coming->due : INT64_MAX;
        if (at < *next) {
            *next = at;
            found = lane->head != lane->coming && at <= world->now ? lane : NULL;
        }
    }
    return found;
}

static void report_first(struct kafka_out *out, struct lane *lane)
{
    struct flying *flying = lane->head;

    lane->head = flying->next;
    if (!lane->head)
        lane->tail = NULL;
    report(out, lane, flying, flying->error, flying->error ? "the brokers refused it" : "");
    flying->next = out->spare;
    out->spare = flying;
}

int kafka_out_poll(struct kafka_out *out, int timeout_ms)
{
    int64_t until = world->now + timeout_ms, next;
    int reports = 0;

    kafka_catch_up();
    while (!reportable(out, &next) && world->now < until && !out->fatal && !out->node->dead) {
        kafka_wait(out->node, until, world->wait ? next : INT64_MAX);      /* a story's traces rest on whole waits */
        kafka_catch_up();
    }
    while (reportable(out, &next) && world_arrow(out->node, ARROW_REPORT)) {
        struct lane *lane = reportable(out, &next);

        if (!lane)
            break;
        report_first(out, lane);
        reports++;
    }
    return reports;
}

int kafka_out_hurry(struct kafka_out *out, int timeout_ms)
{
    return kafka_out_poll(out, timeout_ms);
}

int kafka_out_error(struct kafka_out *out, struct error_text *error)
{
    return out->fatal ? error_set(error, -EPIPE, "the brokers know the producer no more") : 0;
}

struct node *kafka_out_node(const struct kafka_out *out)
{
    return out->node;
}

int kafka_out_set_credentials(struct kafka_out *out, const char *user, const char *password, struct error_text *error)
{
    (void)out, (void)user, (void)password, (void)error;
    return 0;
}
