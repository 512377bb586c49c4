/* Outcomes to Kafka, and offsets after them: the frontier is what is committed, with the evidence of 4.5 in its metadata. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

enum { TAIL_MS = 60000, FLUSH_WAIT_MS = 5, COMMIT_MAX = 128, COMMIT_MIN_MS = 500, COMPLAIN_MS = 10000 };

/* A record that no producer takes, such as one from before max.message.bytes was lowered: its partition waits, and says so. */
static void complain(struct pipeline *p, struct lane *lane, int error)
{
    int64_t now = clock_monotonic_ms(p->options.clock);

    if (lane->complained_at && now - lane->complained_at < COMPLAIN_MS)
        return;
    lane->complained_at = now;
    log_error(p->log, "an outcome cannot be handed over, the partition waits topic=%s partition=%d from=%lld to=%lld error=\"%s\"",
              lane->partition->topic, lane->partition->number, (long long)lane->partition->outbox.unpublished->from,
              (long long)lane->partition->outbox.unpublished->to, strerror(-error));
}

void commit_publish(struct pipeline *p)
{
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct partition *partition = p->lanes[i]->partition;
        int r;

        if (partition->state != PARTITION_OWNED || !partition->outbox.unpublished)
            continue;
        r = outbox_publish(&partition->outbox, p->sink, &partition->handed);
        if (r && r != -EAGAIN)
            complain(p, p->lanes[i], r);
        if (r == -EAGAIN)
            return;      /* full: poll first, never skip */
    }
}

void pipeline_reported(void *context, const struct sink_report *report)
{
    struct pipeline *p = context;
    struct outbox_entry *entry = report->opaque;

    count_report(p, entry, report->delivered);
    if (report->reason)
        tell_undelivered(p, entry, report);
    if (!report->delivered)
        outbox_abandoned(&p->pool, entry);
    else
        outbox_delivered(&p->pool, entry, report->outcome ? report->offset : -1);
}

static bool position_fill(const struct lane *lane, struct kafka_position *out)
{
    struct partition *partition = lane->partition;
    struct commit_note note = {.era = partition->shard->registry.era, .last = partition->shard->last, .handed = partition->handed};

    if (outbox_owes(&partition->outbox))
        return false;
    /* Never below what may be committed already: one on its way would be overtaken by a lower one behind it. */
    if (partition->state != PARTITION_OWNED || partition->outbox.frontier < partition->asked)
        return false;
    partition->asked = partition->outbox.frontier;
    note.reached = partition->reached;
    memcpy(note.incarnation, partition->shard->registry.incarnation, sizeof note.incarnation);
    *out = partition_position(partition);
    out->offset = partition->outbox.frontier;
    commit_note_format(out->metadata, &note);
    return true;
}

/* A failed commit is lag and never unsafe: it is said now and then. */
static void commit_failed(struct pipeline *p, const struct kafka_position *position)
{
    int64_t now = clock_monotonic_ms(p->options.clock);

    if (p->commit_said_at && now - p->commit_said_at < COMPLAIN_MS)
        return;
    p->commit_said_at = now;
    log_warning(p->log, "commits fail and are tried again, one of them topic=%s partition=%d offset=%lld error=\"%s\"", position->topic,
                position->partition, (long long)position->offset, strerror(-position->error));
}

/* The answer to a commit of a former incarnation may come late, and says nothing about this one's. */
static bool is_of_this_incarnation(const struct partition *partition, const struct kafka_position *position)
{
    struct commit_note note;

    return position->offset <= partition->asked &&
           (!commit_note_parse(position->metadata, &note) || strcmp(note.incarnation, partition->shard->registry.incarnation) == 0);
}

void commit_result(struct pipeline *p, const struct kafka_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = intake_lane(p, positions[i].topic, positions[i].partition);

        count_commit(p, &positions[i]);
        if (positions[i].error)
            commit_failed(p, &positions[i]);
        else if (lane && positions[i].offset > lane->partition->committed && is_of_this_incarnation(lane->partition, &positions[i]))
            lane->partition->committed = positions[i].offset;
    }
}

void commit_now(struct pipeline *p, const struct kafka_position *positions, size_t count, int64_t until)
{
    int64_t left = until - clock_monotonic_ms(p->options.clock);
    struct kafka_position commits[COMMIT_MAX];
    size_t filled = 0;

    for (size_t i = 0; i < count; i++) {
        struct lane *lane = intake_lane(p, positions[i].topic, positions[i].partition);

        if (lane && filled < COMMIT_MAX)
            filled += position_fill(lane, &commits[filled]);
    }
    if (!filled)
        return;
    if (!kafka_in_commit(source_kafka(p->options.source), commits, filled, left > COMMIT_MIN_MS ? (int)left : COMMIT_MIN_MS)) {
        commit_result(p, commits, filled);
        return;
    }
    p->meters.commit_failures += filled;
    log_notice(p->log, "the last commit failed, the next owner goes on from redis partitions=%zu topic=%s partition=%d offset=%lld error=\"%s\"", filled,
               commits[0].topic, commits[0].partition, (long long)commits[0].offset, strerror(-commits[0].error));
}

void commit_all(struct pipeline *p, int64_t until)
{
    struct kafka_position positions[COMMIT_MAX];

    for (size_t i = 0; i < p->lanes_count;) {
        size_t count = 0;

        for (; i < p->lanes_count && count < COMMIT_MAX; i++, count++)
            positions[count] = partition_position(p->lanes[i]->partition);
        commit_now(p, positions, count, until);
    }
}

/* A hundred kilobytes of positions: not for the stack of a step that commits nothing. */
static void commit_moved(struct pipeline *p, bool all)
{
    struct kafka_position commits[COMMIT_MAX];
    size_t filled = 0;

    for (size_t i = 0; i < p->lanes_count; i++) {
        const struct partition *partition = p->lanes[i]->partition;

        if (all || partition->outbox.frontier > partition->committed)
            filled += position_fill(p->lanes[i], &commits[filled]);
        if (filled && (filled == COMMIT_MAX || i + 1 == p->lanes_count)) {
            commits[0].error = kafka_in_commit(source_kafka(p->options.source), commits, filled, 0);
            if (commits[0].error)
                commit_failed(p, &commits[0]);
            filled = 0;
        }
    }
}

void commit_due(struct pipeline *p)
{
    int64_t now = clock_monotonic_ms(p->options.clock);
    bool all = p->commit_at == 0;      /* after a take-over every partition gets its note */

    if (now < p->commit_at)
        return;
    p->commit_at = now + p->settings.commit_interval_ms;
    commit_moved(p, all);
}

/* Somebody published what Redis does not know of: the take-over compares and says it (DESIGN 4.5). */
static void suspect(struct pipeline *p, struct lane *lane, const struct evidence *found)
{
    log_warning(p->log, "the outcome partition shows more than redis knows, taking over again topic=%s partition=%d next=%lld published=%lld",
                lane->partition->topic, lane->partition->number, (long long)lane->partition->mark.next, (long long)found->published_any);
    execute_forget(p);
    assignment_untake_lane(p, lane);
}

void commit_tails(struct pipeline *p)
{
    int64_t now = clock_monotonic_ms(p->options.clock);
    bool moved = false;

    if (now < p->tail_at)
        return;
    p->tail_at = now + TAIL_MS;
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct partition *partition = p->lanes[i]->partition;
        struct evidence found = {.published = -1, .published_any = -1};
        int64_t before = partition->reached;

        if (partition->state != PARTITION_OWNED || partition->outbox.entries)
            continue;
        if (evidence_tail(&p->takeover.evidence, partition->topic, partition->number, &partition->shard->registry, &partition->reached, &found))
            return;
        moved |= partition->reached != before;
        if (found.third[0] || found.published >= partition->mark.next)
            suspect(p, p->lanes[i], &found);
    }
    if (moved)
        p->commit_at = 0;
}

static bool delivered(const struct pipeline *p)
{
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->partition->state == PARTITION_OWNED && p->lanes[i]->partition->outbox.entries)
            return false;
    return true;
}

/* Without Redis the reports of what is in flight still move the frontier; only the outbox keeps what it has. So it is while a torn transaction waits
 * to be marked, which is what the time is for then. */
void commit_flush(struct pipeline *p, int64_t until)
{
    bool worked;

    p->draining = true;
    while (clock_monotonic_ms(p->options.clock) < until && !sink_is_down(p->sink)) {
        bool there = session_is_up(p->options.session), up = there && torn_write(p);

        if (up ? delivered(p) : !there && sink_in_flight(p->sink) == 0)
            break;
        if (p->gate_open)
            commit_publish(p);
        sink_poll(p->sink, FLUSH_WAIT_MS);
        clock_pulse(p->options.clock);
        if (up && p->gate_open && execute_turn(p, &worked))
            break;
        if (up && !p->gate_open)
            pipeline_gate(p);
    }
    p->draining = false;
}
