/* The producer on the fake logs: what is sent arrives in order after a moment, or fails when the story says so. */
#include "seam/kafka_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/world.h"

enum { LATENCY_MS = 2, QUEUE_MAX = 4096 };

struct flying {
    struct flying *next;
    size_t topic;
    int32_t partition;
    void *opaque;
    int64_t due;
    struct kafka_message record;      /* a copy of it, held as a message */
};

struct kafka_out {
    struct node *node;
    struct kafka_out_options options;
    struct flying *head, *tail;
    size_t count;
    bool failed;         /* one delivery failed: without a gap, nothing behind it can be delivered any more */
};

int kafka_out_new(struct kafka_out **out, const struct kafka_out_options *options, struct error_text *error)
{
    struct kafka_out *made = calloc(1, sizeof *made);

    (void)error;
    ASSERT(made);
    made->node = world_node(options->brokers);
    made->options = *options;
    *out = made;
    return 0;
}

static void report(struct kafka_out *out, struct flying *flying, int error, int64_t offset)
{
    struct kafka_report said = {flying->opaque, error, flying->topic, flying->partition, offset, error ? "the story says so" : ""};

    kafka_message_free(&flying->record);
    free(flying);
    out->count--;
    out->options.reported(out->options.context, &said);
}

static struct flying *take(struct kafka_out *out, struct flying **link)
{
    struct flying *flying = *link;

    *link = flying->next;
    if (out->tail == flying) {
        out->tail = out->head;
        while (out->tail && out->tail->next)
            out->tail = out->tail->next;
    }
    return flying;
}

/* The first that may arrive by now; NULL: none. */
static struct flying **deliverable(struct kafka_out *out)
{
    for (struct flying **link = &out->head; !world->deliveries_held && *link && (*link)->due <= world->now; link = &(*link)->next)
        if ((*link)->partition + 1 != world->held_partition)
            return link;
    return NULL;
}

struct kafka_out *kafka_out_free(struct kafka_out *out)
{
    while (out && out->head)
        report(out, take(out, &out->head), -ECANCELED, -1);
    free(out);
    return NULL;
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

int kafka_out_send(struct kafka_out *out, const struct kafka_record *record)
{
    struct logged copy = {.key = record->key, .value = record->value, .headers_count = record->headers_count};
    struct flying *flying;

    ASSERT(record->headers_count <= LOG_HEADERS_MAX);
    if (!world_arrow(out->node, ARROW_PRODUCE) || out->count == QUEUE_MAX)
        return -ENOBUFS;
    memcpy(copy.headers, record->headers, record->headers_count * sizeof *copy.headers);
    flying = calloc(1, sizeof *flying);
    ASSERT(flying);
    *flying = (struct flying){.topic = record->topic, .partition = record->partition, .opaque = record->opaque, .due = world->now + LATENCY_MS};
    kafka_log_hand_over(&flying->record, "", 0, &copy);
    if (out->tail)
        out->tail->next = flying;
    else
        out->head = flying;
    out->tail = flying;
    out->count++;
    trace_record(out, record);
    return 0;
}

static void deliver(struct kafka_out *out, struct flying **link)
{
    struct flying *flying = take(out, link);
    struct log_partition *partition = kafka_log_partition(&world->kafka, out->options.topics[flying->topic], flying->partition);

    if (world->delivery_failures) {
        world->delivery_failures--;
        out->failed = true;
        trace(out->node, "fails", "%s:%d", out->options.topics[flying->topic], flying->partition);
        report(out, flying, -EIO, -1);
        return;
    }
    kafka_log_append(partition, flying->record.handle);
    report(out, flying, 0, partition->end - 1);
}

int kafka_out_poll(struct kafka_out *out, int timeout_ms)
{
    struct flying **link = deliverable(out);
    int reports = 0;

    if (!link) {
        world_wait(out->node, timeout_ms);
        link = deliverable(out);
    }
    for (; link && !out->failed && world_arrow(out->node, ARROW_REPORT); link = deliverable(out), reports++)
        deliver(out, link);
    return reports;
}

int kafka_out_hurry(struct kafka_out *out, int timeout_ms)
{
    return kafka_out_poll(out, timeout_ms);
}

int kafka_out_error(struct kafka_out *out, struct error_text *error)
{
    (void)out;
    (void)error;
    return 0;
}

int kafka_out_cluster_id(struct kafka_out *out, char id[KAFKA_CLUSTER_ID_MAX], int timeout_ms)
{
    (void)out;
    (void)timeout_ms;
    snprintf(id, KAFKA_CLUSTER_ID_MAX, "cluster");
    return 0;
}

int kafka_out_partitions(struct kafka_out *out, const char *topic, int32_t *count, int timeout_ms)
{
    (void)out;
    (void)timeout_ms;
    for (*count = 0; kafka_log_partition(&world->kafka, topic, *count);)
        ++*count;
    return *count ? 0 : -ENOENT;
}

int kafka_out_topic_config(struct kafka_out *out, const char *topic, const char *name, char *value, size_t size, int timeout_ms)
{
    (void)out;
    (void)topic;
    (void)name;
    (void)value;
    (void)size;
    (void)timeout_ms;
    return -ENOENT;
}

int kafka_out_create_topic(struct kafka_out *out, const char *topic, int32_t partitions, struct kafka_properties settings, int timeout_ms,
                           struct error_text *error)
{
    (void)out;
    (void)settings;
    (void)timeout_ms;
    (void)error;
    kafka_log_topic(&world->kafka, topic, partitions);
    return 0;
}
