/* Questions to the fake brokers beside the group: offsets, logs, topics, and readings of single partitions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/kafka_consumer.h"
#include "seam/kafka_out.h"

int kafka_in_committed(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    int r = kafka_question(in->node, timeout_ms);

    for (size_t i = 0; !r && i < count; i++) {
        const struct log_partition *partition = kafka_log_partition(&world->kafka, positions[i].topic, positions[i].partition);

        positions[i].offset = partition ? partition->committed : KAFKA_OFFSET_NONE;
        positions[i].metadata[0] = '\0';
        if (partition)
            memcpy(positions[i].metadata, partition->metadata, sizeof partition->metadata);
        positions[i].error = 0;
    }
    return r;
}

int kafka_in_bounds(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end, int timeout_ms)
{
    int r = kafka_question(in->node, timeout_ms);
    const struct log_partition *found = kafka_log_partition(&world->kafka, topic, partition);

    if (r || !found)
        return r ? r : -ENOENT;
    *start = found->start;
    *end = found->end;
    return 0;
}

int kafka_in_bounds_of_many(struct kafka_in *in, struct kafka_bounds *bounds, size_t count, int timeout_ms)
{
    int r = kafka_question(in->node, timeout_ms);

    for (size_t i = 0; i < count; i++) {
        const struct log_partition *found = r ? NULL : kafka_log_partition(&world->kafka, bounds[i].topic, bounds[i].partition);

        bounds[i].start = found ? found->start : -1;
        bounds[i].end = found ? found->end : -1;
    }
    return r;
}

int kafka_in_watermarks(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end)
{
    const struct log_partition *found = kafka_log_partition(&world->kafka, topic, partition);

    (void)in;
    if (!found)
        return -ENOENT;
    *start = found->start;
    *end = found->end;
    return 0;
}

int kafka_in_brokers_up(const struct kafka_in *in)
{
    (void)in;
    return -1;
}

int kafka_in_offset_at(struct kafka_in *in, const char *topic, int32_t partition, int64_t time_ms, int64_t *offset, int timeout_ms)
{
    int r = kafka_question(in->node, timeout_ms);
    const struct log_partition *found = kafka_log_partition(&world->kafka, topic, partition);

    if (r || !found)
        return r ? r : -ENOENT;
    *offset = kafka_log_offset_at(found, time_ms);
    return 0;
}

struct kafka_reader {
    struct node *node;
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t next;
    bool asked;                       /* the first answer has come */
    bool ended;                       /* its end was said, or that it cannot be read */
};

int kafka_reader_new(struct kafka_reader **out, const struct kafka_in_options *options, struct error_text *error)
{
    struct kafka_reader *made = calloc(1, sizeof *made);

    (void)error;
    if (!made)
        return -ENOMEM;
    made->node = world_node(options->brokers);
    *out = made;
    return 0;
}

struct kafka_reader *kafka_reader_free(struct kafka_reader *reader)
{
    free(reader);
    return NULL;
}

int kafka_reader_open(struct kafka_reader *reader, const char *topic, int32_t partition, int64_t offset)
{
    snprintf(reader->topic, sizeof reader->topic, "%s", topic);
    reader->partition = partition;
    reader->next = offset;
    reader->asked = reader->ended = false;
    return 0;
}

/* What there is to say at this place; false: nothing. */
static bool read_next(struct kafka_reader *reader, struct kafka_message *message)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, reader->topic, reader->partition);
    const struct logged *found = partition ? kafka_log_at(partition, reader->next) : NULL;
    bool lost = !partition || reader->next < partition->start || reader->next > partition->end;

    *message = (struct kafka_message){.kind = lost ? KAFKA_FAILED : KAFKA_END, .topic = reader->topic, .partition = reader->partition,
                                      .offset = lost ? reader->next : partition->end};
    if (found && !lost) {
        kafka_log_hand_over(message, &world->kafka, reader->topic, reader->partition, found);
        reader->next = found->offset + 1;
        reader->ended = false;
        return true;
    }
    if (lost) {
        message->error = partition ? -ERANGE : -EIO;
        message->reason = partition ? "offset out of range" : "no such topic";
    }
    if (reader->ended)
        return false;
    reader->ended = true;
    return true;
}

int kafka_reader_next(struct kafka_reader *reader, int timeout_ms, struct kafka_message *message)
{
    int64_t until = world->now + timeout_ms;
    int r = 0;

    if (reader->asked && !world_arrow(reader->node, ARROW_ASK))
        return -EAGAIN;
    if (!reader->asked || kafka_happens(world->weather.ask_fails))
        r = kafka_question(reader->node, timeout_ms);
    if (r)
        return r == -ETIMEDOUT ? 0 : r;
    reader->asked = true;
    while (!reader->node->dead) {
        if (kafka_reachable(reader->node) && read_next(reader, message))
            return 1;
        if (world->now >= until)
            return 0;
        kafka_wait(reader->node, until, INT64_MAX);
        kafka_catch_up();
    }
    return -EAGAIN;
}

void kafka_reader_close(struct kafka_reader *reader)
{
    reader->topic[0] = '\0';
}

int kafka_out_cluster_id(struct kafka_out *out, char id[KAFKA_CLUSTER_ID_MAX], int timeout_ms)
{
    int r = kafka_question(kafka_out_node(out), timeout_ms);

    if (r)
        return -ETIMEDOUT;
    snprintf(id, KAFKA_CLUSTER_ID_MAX, "cluster");
    return 0;
}

int kafka_out_partitions(struct kafka_out *out, const char *topic, int32_t *count, int timeout_ms)
{
    int r = kafka_question(kafka_out_node(out), timeout_ms);
    const struct log_topic *found = kafka_log_find(&world->kafka, topic);

    *count = r || !found ? 0 : found->count;
    return r ? r : *count ? 0 : -ENOENT;
}

int kafka_out_topic_config(struct kafka_out *out, const char *topic, const char *name, char *value, size_t size, int timeout_ms)
{
    int r = kafka_question(kafka_out_node(out), timeout_ms);
    const struct log_topic *found = kafka_log_find(&world->kafka, topic);

    if (r)
        return r;
    if (!found || !found->message_max || strcmp(name, "max.message.bytes") != 0)
        return -ENOENT;
    snprintf(value, size, "%lld", (long long)found->message_max);
    return 0;
}

int kafka_out_create_topic(struct kafka_out *out, const char *topic, int32_t partitions, struct kafka_properties settings, int timeout_ms,
                           struct error_text *error)
{
    int r = kafka_question(kafka_out_node(out), timeout_ms);

    (void)settings;
    if (r)
        return error_set(error, r, "topic %s: %s", topic, strerror(-r));
    kafka_log_topic(&world->kafka, topic, partitions < 1 ? 1 : partitions);
    return 0;
}

int kafka_reader_set_credentials(struct kafka_reader *reader, const char *user, const char *password, struct error_text *error)
{
    (void)reader, (void)user, (void)password, (void)error;
    return 0;
}
