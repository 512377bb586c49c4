#include "stream/source.h"

#include <stdlib.h>
#include <string.h>

struct source {
    const struct log *log;
    struct kafka_in *in;
    struct kafka_position *fetched;     /* what is fetched, `offset` is the next one to come */
    size_t count, capacity;
};

int source_new(struct source **out, const struct source_options *options, struct error_text *error)
{
    struct source *source = calloc(1, sizeof *source);
    int r;

    if (!source)
        return -ENOMEM;
    source->log = options->log;
    r = kafka_in_new(&source->in, &options->kafka, error);
    if (r) {
        free(source);
        return r;
    }
    *out = source;
    return 0;
}

struct source *source_free(struct source *source)
{
    if (source) {
        kafka_in_free(source->in);
        free(source->fetched);
        free(source);
    }
    return NULL;
}

int source_subscribe(struct source *source, struct error_text *error)
{
    return kafka_in_subscribe(source->in, error);
}

bool source_leave(struct source *source, int timeout_ms)
{
    source->count = 0;
    return kafka_in_leave(source->in, timeout_ms);
}

static struct kafka_position *fetched_find(struct source *source, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < source->count; i++)
        if (source->fetched[i].partition == partition && strcmp(source->fetched[i].topic, topic) == 0)
            return &source->fetched[i];
    return NULL;
}

size_t source_take(struct source *source, struct kafka_message *messages, size_t max, int timeout_ms)
{
    size_t count = kafka_in_take(source->in, messages, max, timeout_ms);
    struct kafka_position *position = NULL;

    for (size_t i = 0; i < count; i++) {
        if (messages[i].kind != KAFKA_MESSAGE)
            continue;
        if (!position || position->partition != messages[i].partition || strcmp(position->topic, messages[i].topic) != 0)
            position = fetched_find(source, messages[i].topic, messages[i].partition);
        if (position)
            position->offset = messages[i].offset + 1;
    }
    return count;
}

/* During a cooperative rebalance librdkafka pauses what stays, and goes on from where it believes that we are. Versions 2.2 to 2.13 count
 * the end of a partition as a message there, and so skip one event; what stays is therefore begun anew from where we are. */
static int begin_anew(struct source *source)
{
    int r;

    if (!kafka_in_cooperative(source->in) || !source->count)
        return 0;
    r = kafka_in_assign_less(source->in, source->fetched, source->count);
    return r ? r : kafka_in_assign_more(source->in, source->fetched, source->count);
}

bool source_serve(struct source *source, struct kafka_group_event *event)
{
    int r = 0;

    if (!kafka_in_serve(source->in, 0, event))
        return false;
    if (event->kind == KAFKA_ASSIGNED && kafka_in_cooperative(source->in))
        r = kafka_in_assign_more(source->in, NULL, 0);
    else if (event->kind == KAFKA_ASSIGNED)
        r = kafka_in_assign(source->in, source->fetched, source->count);
    if (!r && event->kind == KAFKA_ASSIGNED)
        r = begin_anew(source);
    if (r)
        log_warning(source->log, "an assignment could not be answered error=\"%s\"", strerror(-r));
    return true;
}

static void fetched_remove(struct source *source, const struct kafka_position *gone)
{
    struct kafka_position *position = fetched_find(source, gone->topic, gone->partition);

    if (position) {
        *position = source->fetched[source->count - 1];
        source->count--;
    }
}

/* Cooperative: only what is fetched may be named, but the revocation must be answered even when that is nothing. */
int source_end(struct source *source, const struct kafka_position *positions, size_t count)
{
    struct kafka_position *gone = calloc(count + 1, sizeof *gone);
    size_t gone_count = 0;
    int r;

    if (!gone)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (fetched_find(source, positions[i].topic, positions[i].partition)) {
            gone[gone_count++] = positions[i];
            fetched_remove(source, &positions[i]);
        }
    if (kafka_in_cooperative(source->in))
        r = kafka_in_assign_less(source->in, gone, gone_count);
    else
        r = kafka_in_assign(source->in, source->fetched, source->count);
    free(gone);
    return r ? r : begin_anew(source);
}

static int fetched_add(struct source *source, const struct kafka_position *position)
{
    struct kafka_position *old = fetched_find(source, position->topic, position->partition);

    if (old) {
        old->offset = position->offset;
        return 0;
    }
    if (source->count == source->capacity) {
        size_t capacity = source->capacity ? 2 * source->capacity : 16;
        struct kafka_position *fetched = reallocarray(source->fetched, capacity, sizeof *fetched);

        if (!fetched)
            return -ENOMEM;
        source->fetched = fetched;
        source->capacity = capacity;
    }
    source->fetched[source->count++] = *position;
    return 0;
}

/* A partition that is fetched already must be taken out before it can be put in again at another offset. */
static int begin_cooperative(struct source *source, const struct kafka_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool again = fetched_find(source, positions[i].topic, positions[i].partition) != NULL;
        int r = again ? kafka_in_assign_less(source->in, &positions[i], 1) : 0;

        if (!r)
            r = fetched_add(source, &positions[i]);
        if (r)
            return r;
    }
    return kafka_in_assign_more(source->in, positions, count);
}

int source_begin(struct source *source, const struct kafka_position *positions, size_t count)
{
    if (kafka_in_cooperative(source->in))
        return begin_cooperative(source, positions, count);
    for (size_t i = 0; i < count; i++) {
        int r = fetched_add(source, &positions[i]);

        if (r)
            return r;
    }
    return kafka_in_assign(source->in, source->fetched, source->count);
}

struct kafka_in *source_kafka(struct source *source)
{
    return source->in;
}
