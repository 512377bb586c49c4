/* The consumer on the fake logs: the group says what the story says, messages come in the order of the logs. */
#include "seam/kafka_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/group.h"
#include "fake/world.h"

enum { FETCHED_MAX = 16, EVENTS_MAX = 64 };

struct fetched {
    char topic[64];
    int32_t partition;
    int64_t next;
    bool ended;          /* KAFKA_END was said for this position */
};

struct kafka_in {
    struct node *node;
    const char *const *topics;
    size_t topics_count;
    struct fetched fetched[FETCHED_MAX];
    size_t fetched_count;
    struct kafka_group_event events[EVENTS_MAX];
    size_t events_count;
    struct kafka_position *handed;
};

int kafka_in_new(struct kafka_in **out, const struct kafka_in_options *options, struct error_text *error)
{
    struct kafka_in *in = calloc(1, sizeof *in);

    (void)error;
    ASSERT(in);
    in->node = world_node(options->brokers);
    in->node->in = in;
    in->topics = options->topics;
    in->topics_count = options->topics_count;
    *out = in;
    return 0;
}

struct kafka_in *kafka_in_free(struct kafka_in *in)
{
    if (in) {
        for (size_t i = 0; i < in->events_count; i++)
            free(in->events[i].positions);
        free(in->handed);
        in->node->in = NULL;
        free(in);
    }
    return NULL;
}

int kafka_in_subscribe(struct kafka_in *in, struct error_text *error)
{
    (void)in;
    (void)error;
    return 0;
}

bool kafka_in_leave(struct kafka_in *in, int timeout_ms)
{
    (void)timeout_ms;
    in->fetched_count = 0;
    return true;
}

static struct kafka_group_event *note(struct kafka_in *in, enum kafka_group_kind kind, const struct kafka_position *positions, size_t count)
{
    struct kafka_group_event *event = &in->events[in->events_count++];

    ASSERT(in->events_count <= EVENTS_MAX);
    *event = (struct kafka_group_event){.kind = kind, .count = count, .positions = calloc(count, sizeof *positions)};
    ASSERT(event->positions);
    memcpy(event->positions, positions, count * sizeof *positions);
    return event;
}

void group_gives(const char *node, const char *topic, int32_t partition)
{
    struct kafka_position position = {.partition = partition, .offset = KAFKA_OFFSET_NONE};

    snprintf(position.topic, sizeof position.topic, "%s", topic);
    note(world_node(node)->in, KAFKA_ASSIGNED, &position, 1);
    kafka_log_partition(&world->kafka, topic, partition)->owner = world_node(node);
    trace(world_node(node), "given", "%s:%d", topic, partition);
}

void group_takes(const char *node, const char *topic, int32_t partition, bool lost)
{
    struct kafka_position position = {.partition = partition, .offset = KAFKA_OFFSET_NONE};

    snprintf(position.topic, sizeof position.topic, "%s", topic);
    note(world_node(node)->in, KAFKA_REVOKED, &position, 1)->lost = lost;
    trace(world_node(node), lost ? "lost" : "taken", "%s:%d", topic, partition);
}

bool kafka_in_serve(struct kafka_in *in, int timeout_ms, struct kafka_group_event *event)
{
    free(in->handed);
    in->handed = NULL;
    world_wait(in->node, in->events_count ? 0 : timeout_ms);
    if (!world_arrow(in->node, ARROW_SERVE) || !in->events_count)
        return false;
    *event = in->events[0];
    in->handed = event->positions;
    memmove(in->events, in->events + 1, --in->events_count * sizeof *in->events);
    return true;
}

bool kafka_in_cooperative(struct kafka_in *in)
{
    (void)in;
    return false;
}

int kafka_in_assign(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    ASSERT(count <= FETCHED_MAX);
    in->fetched_count = count;
    for (size_t i = 0; i < count; i++) {
        in->fetched[i] = (struct fetched){.partition = positions[i].partition, .next = positions[i].offset};
        snprintf(in->fetched[i].topic, sizeof in->fetched[i].topic, "%.63s", positions[i].topic);
    }
    return 0;
}

/* Only the cooperative protocol answers by what changes, and this group is eager. */
int kafka_in_assign_more(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    (void)in;
    (void)positions;
    (void)count;
    return -EIO;
}

int kafka_in_assign_less(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    return kafka_in_assign_more(in, positions, count);
}

static const char *topic_of(const struct kafka_in *in, const char *name)
{
    for (size_t i = 0; i < in->topics_count; i++)
        if (strcmp(in->topics[i], name) == 0)
            return in->topics[i];
    return "";
}

static size_t take_from(struct kafka_in *in, struct fetched *fetched, struct kafka_message *messages, size_t max)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, fetched->topic, fetched->partition);
    const char *topic = topic_of(in, fetched->topic);
    const struct logged *message;
    int64_t from = fetched->next;
    size_t count = 0;

    if (fetched->next < partition->start && count < max) {
        messages[count++] = (struct kafka_message){.kind = KAFKA_FAILED, .topic = topic, .partition = fetched->partition, .offset = fetched->next,
                                                   .error = -ERANGE, .reason = "offset out of range"};
        return count;
    }
    for (; count < max && (message = kafka_log_at(partition, fetched->next)); fetched->next = message->offset + 1) {
        kafka_log_hand_over(&messages[count++], topic, fetched->partition, message);
        fetched->ended = false;
    }
    if (count)
        trace(in->node, "poll", "%s:%d@%lld..%lld", fetched->topic, fetched->partition, (long long)from, (long long)fetched->next - 1);
    if (count < max && !fetched->ended) {
        fetched->ended = true;
        fetched->next = partition->end;
        messages[count++] = (struct kafka_message){.kind = KAFKA_END, .topic = topic, .partition = fetched->partition, .offset = partition->end};
    }
    return count;
}

size_t kafka_in_take(struct kafka_in *in, struct kafka_message *messages, size_t max, int timeout_ms)
{
    size_t count = 0;

    for (size_t i = 0; world_arrow(in->node, ARROW_TAKE) && i < in->fetched_count && count < max; i++)
        count += take_from(in, &in->fetched[i], messages + count, max - count);
    world_wait(in->node, count ? 0 : timeout_ms);
    return count;
}

int kafka_in_commit(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    int r = 0;

    if (!world_arrow(in->node, ARROW_COMMIT))
        return -EAGAIN;
    for (size_t i = 0; i < count; i++) {
        struct log_partition *partition = kafka_log_partition(&world->kafka, positions[i].topic, positions[i].partition);

        positions[i].error = partition->owner == in->node ? 0 : -ESTALE;
        if (positions[i].error) {
            r = -ESTALE;
            continue;
        }
        if (partition->committed != positions[i].offset)
            trace(in->node, "commit", "%s:%d@%lld", positions[i].topic, positions[i].partition, (long long)positions[i].offset);
        partition->committed = positions[i].offset;
        memcpy(partition->metadata, positions[i].metadata, sizeof partition->metadata);
    }
    if (timeout_ms == 0) {
        note(in, KAFKA_COMMITTED, positions, count);
        r = 0;
    }
    return r;
}

int kafka_in_committed(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    (void)timeout_ms;
    if (!world_arrow(in->node, ARROW_ASK))
        return -EAGAIN;
    for (size_t i = 0; i < count; i++) {
        const struct log_partition *partition = kafka_log_partition(&world->kafka, positions[i].topic, positions[i].partition);

        positions[i].offset = partition->committed;
        memcpy(positions[i].metadata, partition->metadata, sizeof partition->metadata);
    }
    return 0;
}

int kafka_in_bounds(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end, int timeout_ms)
{
    const struct log_partition *found = kafka_log_partition(&world->kafka, topic, partition);

    (void)timeout_ms;
    if (!found || !world_arrow(in->node, ARROW_ASK))
        return found ? -EAGAIN : -ENOENT;
    *start = found->start;
    *end = found->end;
    return 0;
}

int kafka_in_offset_at(struct kafka_in *in, const char *topic, int32_t partition, int64_t time_ms, int64_t *offset, int timeout_ms)
{
    int64_t start;

    (void)time_ms;
    return kafka_in_bounds(in, topic, partition, &start, offset, timeout_ms);
}

struct kafka_reader {
    char topic[64];
    int32_t partition;
    int64_t next;
};

int kafka_reader_new(struct kafka_reader **out, const struct kafka_in_options *options, struct error_text *error)
{
    (void)options;
    (void)error;
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
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
    return 0;
}

int kafka_reader_next(struct kafka_reader *reader, int timeout_ms, struct kafka_message *message)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, reader->topic, reader->partition);
    const struct logged *found = kafka_log_at(partition, reader->next);

    (void)timeout_ms;
    if (found) {
        kafka_log_hand_over(message, reader->topic, reader->partition, found);
        reader->next = found->offset + 1;
    } else {
        *message = (struct kafka_message){.kind = KAFKA_END, .topic = reader->topic, .partition = reader->partition, .offset = partition->end};
    }
    return 1;
}

void kafka_reader_close(struct kafka_reader *reader)
{
    reader->topic[0] = '\0';
}
