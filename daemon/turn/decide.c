#include "turn/decide.h"

#include <string.h>

#include "codec/outcome.h"
#include "codec/text.h"
#include "rules/rules.h"

enum { ADVANCE_MAX_MS = 60000 };

/* What all events of one run share while they are decided. */
struct scene {
    struct turn *turn;
    struct decide *decide;
    struct run *run;
    struct partition *partition;
    const char *decided_at;
};

/* T moves with the largest timestamp, but by a minute at most, so that one wrong clock cannot empty the window (4.8). */
static int64_t time_advance(int64_t time, int64_t timestamp)
{
    if (timestamp < 0 || timestamp <= time)
        return time;
    if (time == SEEN_TIME_NONE || timestamp - time <= ADVANCE_MAX_MS)
        return timestamp;
    return time + ADVANCE_MAX_MS;
}

static void judge_by_rule(struct scene *scene, const struct item *item, struct outcome_input *input, struct facts *facts)
{
    if (scene->turn->expiring) {
        input->status = STATUS_EXPIRED;
        input->reason = REASON_DEADLINE;
        return;
    }
    input->reason = rules_decide(&item->decoded.event, scene->turn->view, facts);
    input->status = input->reason == REASON_NONE ? STATUS_APPLIED : STATUS_REJECTED;
}

static struct bytes item_id(const struct item *item)
{
    return (struct bytes){item->decoded.id, item->decoded.id_size};
}

static struct bytes item_source(const struct item *item)
{
    return (struct bytes){item->decoded.source, item->decoded.source_size};
}

/* Remembers the decision under the event's id, tentatively and in the element for Redis. */
static int remember(struct scene *scene, const struct item *item, struct hash128 key, enum status status)
{
    struct seen_record record = {.key = key,
                                 .offset = item->message.offset,
                                 .time = scene->run->after.time,
                                 .digest = item->decoded.digest,
                                 .status = status};

    seen_element_add(&scene->turn->elements, item_source(item), item_id(item), &record);
    return seen_add(scene->partition->seen, &record);
}

/* The record's word, for what log and state do not tell. */
static int judge_as_taken(struct scene *scene, const struct item *item, struct outcome_input *input, struct facts *facts)
{
    input->status = item->taken->status;
    input->reason = item->taken->reason;
    input->first_offset = item->taken->first_offset;
    input->first_status = item->taken->first_status;
    if (item->taken->facts)
        *facts = *item->taken->facts;
    if (input->status == STATUS_MALFORMED || input->status == STATUS_DUPLICATE)
        return 0;
    return remember(scene, item, seen_key(scene->partition->seen, item_source(item), item_id(item)), input->status);
}

static int judge(struct scene *scene, const struct item *item, struct outcome_input *input, struct facts *facts)
{
    const struct seen_record *first;
    struct hash128 key;

    if (item->taken && item->taken->how == TAKEN_WHOLLY)
        return judge_as_taken(scene, item, input, facts);
    if (item->decoded.reason != REASON_NONE) {
        input->status = STATUS_MALFORMED;
        input->reason = item->decoded.reason;
        return 0;
    }
    key = seen_key(scene->partition->seen, item_source(item), item_id(item));
    first = seen_find(scene->partition->seen, key, scene->run->after.time);
    if (first) {
        input->status = STATUS_DUPLICATE;
        input->reason = first->digest == item->decoded.digest ? REASON_DELIVERED_AGAIN : REASON_ID_REUSED;
        input->first_offset = first->offset;
        input->first_status = first->status;
        return 0;
    }
    if (item->taken && item->taken->how == TAKEN_UNLESS_DUPLICATE)
        return judge_as_taken(scene, item, input, facts);
    judge_by_rule(scene, item, input, facts);
    return remember(scene, item, key, input->status);
}

static void put_dead_letter(struct scene *scene, const struct item *item, const struct outcome_input *input)
{
    struct kafka_header headers[EVENT_HEADERS_MAX];
    size_t count = kafka_message_headers(&item->message, headers, EVENT_HEADERS_MAX);
    struct dead_letter_input letter = {
        .outcome = input,
        .headers = headers,
        .headers_count = count < EVENT_HEADERS_MAX ? count : EVENT_HEADERS_MAX,
        .limit = (size_t)scene->decide->limits->dead_letter_bytes,
        .partitions = scene->decide->limits->dead_letter_partitions,
        .headers_beyond = count > EVENT_HEADERS_MAX ? count - EVENT_HEADERS_MAX : 0,
    };

    dead_letter_put(&scene->run->entry->records, &letter);
}

static int decide_item(struct scene *scene, struct item *item)
{
    struct facts facts = {0};
    unsigned char span[8] = {0};
    struct outcome_input input = {
        .decoded = &item->decoded,
        .topic = scene->partition->topic,
        .partition = scene->partition->number,
        .offset = item->message.offset,
        .timestamp = item->message.timestamp,
        .key = item->message.key,
        .value = item->message.value,
        .facts = &facts,
        .decided_at = scene->decided_at,
        .attempts = item->attempts + 1,
        .incarnation = scene->turn->shard->registry.incarnation,
        .span = span,
        .limit = (size_t)scene->decide->limits->outcome_bytes,
    };
    int r = 0;

    scene->run->after.time = time_advance(scene->run->after.time, item->message.timestamp);
    if (scene->decide->before)
        r = scene->decide->before(scene->decide->context, item, scene->turn->view);
    if (!r)
        r = judge(scene, item, &input, &facts);
    if (r)
        return r;
    item->status = input.status;
    item->why = input.reason;
    if (item->decoded.traceparent.data)
        clock_random(scene->decide->clock, span, sizeof span);
    if (scene->decide->aside)
        outcome_put(scene->decide->aside, &scene->decide->scratch, &input);
    else if (!scene->decide->no_outcomes)
        outcome_put(&scene->run->entry->records, &scene->decide->scratch, &input);
    if (input.status == STATUS_MALFORMED && !scene->decide->no_letters && !(item->taken && item->taken->told) && item->message.kind == KAFKA_MESSAGE)
        put_dead_letter(scene, item, &input);
    return 0;
}

/* Where `next` stands afterwards: behind the last event, or at the log's end when nothing lies between. */
static int64_t run_end(const struct run *run, const struct item *last)
{
    const struct lane *lane = run->lane;
    int64_t to = last ? last->message.offset + 1 : run->after.next;

    return last == lane->tail && lane->end > to ? lane->end : to;
}

/* The finished entries leave the outbox with this EXEC, and `done` rises over them. */
static void plan_removals(struct run *run)
{
    const struct outbox *outbox = &run->lane->partition->outbox;
    const struct outbox_entry *entry = outbox->head;

    run->removals = outbox->finished < TURN_REMOVALS_MAX ? outbox->finished : TURN_REMOVALS_MAX;
    for (size_t i = 0; i < run->removals; i++, entry = entry->next)
        run->after.done = entry->to;
}

static struct item *run_last(const struct run *run)
{
    struct item *item = run->first;

    for (size_t i = 1; i < run->count; i++)
        item = item->next;
    return run->count ? item : NULL;
}

/* The entry and the element belong together: every EXEC that moves `next` writes both (DESIGN 3). */
static int decide_events(struct scene *scene, int64_t to)
{
    struct run *run = scene->run;
    struct buffer *elements = &scene->turn->elements;
    int64_t from = run->after.next;
    struct item *item = run->first;

    run->entry = outbox_entry_new(scene->decide->pool);
    if (!run->entry)
        return -ENOMEM;
    run->entry->from = from;
    run->entry->to = to;
    run->entry->era = scene->turn->shard->registry.era;
    run->element_at = elements->size;
    seen_element_begin(elements, from, to);
    for (size_t i = 0; i < run->count; i++, item = item->next) {
        int r;

        scene->decide->deciding = item;
        r = decide_item(scene, item);
        if (r)
            return r;
    }
    scene->decide->deciding = NULL;
    run->seen = seen_plan(scene->partition->seen, from, run->after.time);
    if (run->seen.merge) {
        elements->size = run->element_at;
        seen_element_begin(elements, run->seen.element_from, to);
    }
    run->element_size = elements->size - run->element_at;
    run->after.seen_from = run->seen.from;
    run->after.next = to;
    return buffer_error(&run->entry->records);
}

static int decide_run(struct scene *scene)
{
    struct run *run = scene->run;
    struct item *last = run_last(run);
    int64_t to;

    run->after = scene->partition->mark;
    run->reached = scene->partition->outbox.reached;
    plan_removals(run);
    to = run_end(run, last);
    if (to > run->after.next) {
        int r = decide_events(scene, to);

        if (r)
            return r;
    }
    if (last) {
        mark_fingerprint(run->after.fingerprint, last->message.timestamp, last->message.key, last->message.value);
        run->after.fingerprint_offset = last->message.offset;
    }
    return 0;
}

int turn_decide(struct turn *turn, struct decide *decide)
{
    struct scene scene = {.turn = turn, .decide = decide};
    char decided_at[TEXT_TIME_SIZE];

    ASSERT(turn->loaded);
    text_time(decided_at, clock_realtime_ms(decide->clock));
    scene.decided_at = decided_at;
    buffer_reset(&turn->elements);
    for (size_t i = 0; i < turn->runs_count; i++) {
        int r;

        scene.run = &turn->runs[i];
        scene.partition = scene.run->lane->partition;
        r = decide_run(&scene);
        if (r)
            return r;
    }
    return buffer_error(&turn->elements);
}
