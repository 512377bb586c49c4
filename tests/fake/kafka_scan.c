/* Reading many partitions of the fake logs at once: each stream is a reader of its own, and the brokers' weather is that of questions. */
#include "seam/kafka_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/kafka_consumer.h"

struct stream {
    bool open;
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t next;
    bool ended;                       /* its end was said, or that it cannot be read */
};

struct kafka_scan {
    struct node *node;
    bool asked;                       /* the first answer has come */
    size_t streams_max;
    struct stream streams[];
};

int kafka_scan_new(struct kafka_scan **out, const struct kafka_in_options *options, size_t streams_max, size_t kbytes, struct error_text *error)
{
    struct kafka_scan *scan = calloc(1, sizeof *scan + streams_max * sizeof *scan->streams);

    (void)kbytes, (void)error;
    if (!scan)
        return -ENOMEM;
    scan->node = world_node(options->brokers);
    scan->streams_max = streams_max;
    *out = scan;
    return 0;
}

struct kafka_scan *kafka_scan_free(struct kafka_scan *scan)
{
    free(scan);
    return NULL;
}

int kafka_scan_open(struct kafka_scan *scan, const char *topic, int32_t partition, int64_t offset, size_t *stream)
{
    *stream = scan->streams_max;
    for (size_t i = scan->streams_max; i-- > 0;) {
        const struct stream *s = &scan->streams[i];

        if (!s->open)
            *stream = i;
        else if (s->partition == partition && strcmp(s->topic, topic) == 0)
            return -EEXIST;
    }
    if (*stream == scan->streams_max)
        return -ENOBUFS;
    scan->streams[*stream] = (struct stream){.open = true, .partition = partition, .next = offset};
    snprintf(scan->streams[*stream].topic, sizeof scan->streams[*stream].topic, "%s", topic);
    return 0;
}

/* What there is to say at this place; false: nothing. */
static bool read_next(struct stream *s, struct kafka_message *message)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, s->topic, s->partition);
    bool lost = !partition || s->next < partition->start || s->next > partition->end;
    const struct logged *found = lost ? NULL : kafka_log_at(partition, s->next);

    *message = (struct kafka_message){.kind = lost ? KAFKA_FAILED : KAFKA_END, .topic = s->topic, .partition = s->partition,
                                      .offset = lost ? s->next : partition->end};
    if (found) {
        kafka_log_hand_over(message, &world->kafka, s->topic, s->partition, found);
        s->next = found->offset + 1;
        s->ended = false;
        return true;
    }
    if (lost) {
        message->error = partition ? -ERANGE : -ENOENT;
        message->reason = partition ? "offset out of range" : "no such topic";
    }
    if (s->ended)
        return false;
    s->ended = true;
    return true;
}

int kafka_scan_next(struct kafka_scan *scan, size_t stream, int timeout_ms, struct kafka_message *message)
{
    int64_t until = world->now + timeout_ms;
    int r = 0;

    ASSERT(stream < scan->streams_max && scan->streams[stream].open);
    if (scan->asked && !world_arrow(scan->node, ARROW_ASK))
        return -EAGAIN;
    if (!scan->asked || kafka_happens(world->weather.ask_fails))
        r = kafka_question(scan->node, timeout_ms);
    if (r)
        return r == -ETIMEDOUT ? 0 : r;
    scan->asked = true;
    while (!scan->node->dead) {
        if (kafka_reachable(scan->node) && read_next(&scan->streams[stream], message))
            return 1;
        if (world->now >= until)
            return 0;
        kafka_wait(scan->node, until, INT64_MAX);
        kafka_catch_up();
    }
    return -EAGAIN;
}

void kafka_scan_close(struct kafka_scan *scan, size_t stream)
{
    scan->streams[stream].open = false;
}
