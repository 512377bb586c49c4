/* Fetching: each partition is fetched ahead of what is taken, by requests that take their time; the partitions take turns. */
#include <stdlib.h>
#include <string.h>

#include "fake/kafka_consumer.h"

size_t fetch_find(const struct kafka_in *in, const struct kafka_position *position)
{
    size_t i = 0;

    while (i < in->fetched_count && (in->fetched[i].partition != position->partition || strcmp(in->fetched[i].topic, position->topic) != 0))
        i++;
    return i;
}

static void drop_ahead(struct fetched *fetched)
{
    for (size_t i = 0; i < fetched->count; i++)
        kafka_message_free(&fetched->messages[fetched->head + i]);
    fetched->head = fetched->count = 0;
}

static void begin_at(struct fetched *fetched, int64_t offset)
{
    fetched->next = fetched->ahead = offset;
    fetched->due = world->now + kafka_drawn_ms(&world->weather.fetch_ms);
    fetched->idle = fetched->ended = false;
}

void fetch_start(struct kafka_in *in, const struct kafka_position *position)
{
    struct fetched *fetched = &in->fetched[in->fetched_count++];

    ASSERT(in->fetched_count <= FETCHED_MAX);
    *fetched = (struct fetched){.topic = kafka_in_topic(in, position->topic), .partition = position->partition};
    begin_at(fetched, position->offset);
}

void fetch_stop(struct kafka_in *in, size_t index)
{
    drop_ahead(&in->fetched[index]);
    free(in->fetched[index].messages);
    in->fetched[index] = in->fetched[--in->fetched_count];
}

void fetch_stop_all(struct kafka_in *in)
{
    while (in->fetched_count)
        fetch_stop(in, in->fetched_count - 1);
}

void fetch_pause(struct kafka_in *in)
{
    in->paused = true;
    for (size_t i = 0; i < in->fetched_count; i++)
        drop_ahead(&in->fetched[i]);
}

void fetch_resume(struct kafka_in *in)
{
    if (!in->paused)
        return;
    in->paused = false;
    for (size_t i = 0; i < in->fetched_count; i++) {
        struct fetched *fetched = &in->fetched[i];

        begin_at(fetched, fetched->next + (world->weather.resume_skips && fetched->end_taken));
    }
}

/* Room for one more, behind those that wait. */
static struct kafka_message *push(struct fetched *fetched)
{
    if (fetched->head + fetched->count == fetched->capacity) {
        if (fetched->head) {
            memmove(fetched->messages, fetched->messages + fetched->head, fetched->count * sizeof *fetched->messages);
            fetched->head = 0;
        } else {
            fetched->capacity = fetched->capacity ? 2 * fetched->capacity : 64;
            fetched->messages = realloc(fetched->messages, fetched->capacity * sizeof *fetched->messages);
            ASSERT(fetched->messages);
        }
    }
    return &fetched->messages[fetched->head + fetched->count++];
}

static void push_failure(struct fetched *fetched, int error, const char *reason)
{
    *push(fetched) = (struct kafka_message){.kind = KAFKA_FAILED, .topic = fetched->topic, .partition = fetched->partition,
                                            .offset = fetched->ahead, .error = error, .reason = reason};
}

static void push_end(struct fetched *fetched, int64_t end)
{
    *push(fetched) = (struct kafka_message){.kind = KAFKA_END, .topic = fetched->topic, .partition = fetched->partition, .offset = end};
    fetched->ahead = end;
    fetched->ended = true;
}

/* Whether the partition can be read from where its fetching stands. */
static bool readable(struct fetched *fetched, const struct log_partition *partition)
{
    if (partition && fetched->ahead >= partition->start && fetched->ahead <= partition->end)
        return true;
    push_failure(fetched, partition ? -ERANGE : -EIO, partition ? "offset out of range" : "no such topic or partition");
    fetched->failed = true;
    return false;
}

/* The answer to a fetch, of `room` messages at most. */
static void answer(struct fetched *fetched, const struct log_partition *partition, size_t room)
{
    size_t index = kafka_log_index(partition, fetched->ahead), before = room;

    for (; room && index < partition->count; index++, room--) {
        kafka_log_hand_over(push(fetched), &world->kafka, fetched->topic, fetched->partition, &partition->messages[index]);
        fetched->ahead = partition->messages[index].offset + 1;
    }
    if (room < before)
        fetched->ended = false;
    if (room && (!fetched->ended || (world->weather.prefetch && fetched->ahead < partition->end)))
        push_end(fetched, partition->end);
    fetched->idle = index == partition->count;
    fetched->due = world->now + (fetched->idle ? 0 : kafka_drawn_ms(&world->weather.fetch_ms));
}

/* Whether a fetch is answered now. One that waits at the end is answered some time after more has come. */
static bool is_due(struct fetched *fetched, const struct log_partition *partition)
{
    if (fetched->idle && partition && partition->end > fetched->ahead) {
        fetched->idle = false;
        fetched->due = world->now + kafka_drawn_ms(&world->weather.fetch_ms);
    }
    return fetched->due <= world->now && !fetched->failed;
}

static void fetch(struct kafka_in *in, struct fetched *fetched, size_t wanted)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, fetched->topic, fetched->partition);
    size_t bound = world->weather.prefetch ? world->weather.prefetch : wanted;

    if (fetched->count >= bound || !kafka_reachable(in->node) || !is_due(fetched, partition) || !readable(fetched, partition))
        return;
    if (kafka_happens(world->weather.fetch_fails)) {
        push_failure(fetched, -EIO, "a fetch failed");
        fetched->due = world->now + 1 + kafka_drawn_ms(&world->weather.fetch_ms);
        return;
    }
    answer(fetched, partition, bound - fetched->count);
}

static size_t take_from(struct kafka_in *in, struct fetched *fetched, struct kafka_message *messages, size_t max)
{
    int64_t from = fetched->next, to = -1;
    size_t count = fetched->count < max ? fetched->count : max;

    for (size_t i = 0; i < count; i++) {
        const struct kafka_message *message = &fetched->messages[fetched->head + i];

        messages[i] = *message;
        fetched->end_taken = message->kind == KAFKA_END;
        if (message->kind == KAFKA_MESSAGE)
            to = message->offset;
        if (message->kind != KAFKA_FAILED)
            fetched->next = message->offset + (message->kind == KAFKA_MESSAGE);
    }
    fetched->count -= count;
    fetched->head = fetched->count ? fetched->head + count : 0;
    if (to >= 0)
        trace(in->node, "poll", "%s:%d@%lld..%lld", fetched->topic, fetched->partition, (long long)from, (long long)to);
    return count;
}

static size_t gather(struct kafka_in *in, struct kafka_message *messages, size_t max)
{
    size_t count = 0, empty = 0;

    if (!world->weather.batch)
        in->turn = 0;
    while (!in->paused && count < max && empty < in->fetched_count) {
        struct fetched *fetched = &in->fetched[in->turn++ % in->fetched_count];
        size_t most = world->weather.batch && world->weather.batch < max - count ? world->weather.batch : max - count, taken;

        fetch(in, fetched, most);
        taken = take_from(in, fetched, messages + count, most);
        empty = taken ? 0 : empty + 1;
        count += taken;
    }
    return count;
}

/* When the next fetch is answered that is under way. */
static int64_t next_answer(const struct kafka_in *in)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; !in->paused && i < in->fetched_count; i++)
        if (!in->fetched[i].failed && in->fetched[i].due > world->now && in->fetched[i].due < next)
            next = in->fetched[i].due;
    return next;
}

size_t kafka_in_take(struct kafka_in *in, struct kafka_message *messages, size_t max, int timeout_ms)
{
    int64_t until = world->now + timeout_ms;
    size_t count;

    kafka_catch_up();
    if (!world_arrow(in->node, ARROW_TAKE))
        return 0;
    for (;;) {
        count = gather(in, messages, max);
        if (count || world->now >= until || in->node->dead)
            return count;
        kafka_wait(in->node, until, next_answer(in));
        kafka_catch_up();
    }
}
