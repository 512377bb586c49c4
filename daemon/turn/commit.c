/* Outcomes to Kafka, and offsets after them: the frontier is what is committed, with the evidence of 4.5 in its metadata. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

enum { TAIL_MS = 60000, FLUSH_WAIT_MS = 5, COMMIT_MAX = 128 };

void commit_publish(struct pipeline *p)
{
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct partition *partition = p->lanes[i]->partition;
        int r;

        if (partition->state != PARTITION_OWNED || !partition->outbox.unpublished)
            continue;
        r = outbox_publish(&partition->outbox, p->sink, partition->number, &partition->handed);
        if (r && r != -EAGAIN)
            log_error(p->log, "an outcome cannot be handed over at=%s error=\"%s\"", partition->at, strerror(-r));
        if (r == -EAGAIN)
            return;      /* full: poll first, never skip */
    }
}

void pipeline_reported(void *context, const struct sink_report *report)
{
    struct pipeline *p = context;
    struct outbox_entry *entry = report->opaque;

    if (report->delivered)
        outbox_delivered(&p->pool, entry);
    else
        outbox_abandoned(&p->pool, entry);
}

static bool position_fill(const struct lane *lane, struct kafka_position *out)
{
    const struct partition *partition = lane->partition;
    struct commit_note note = {.era = partition->shard->registry.era,
                               .last = partition->shard->last,
                               .handed = partition->handed,
                               .reached = partition->reached};

    if (partition->state != PARTITION_OWNED || partition->outbox.frontier < partition->committed)
        return false;
    memcpy(note.incarnation, partition->shard->registry.incarnation, sizeof note.incarnation);
    *out = (struct kafka_position){.partition = partition->number, .offset = partition->outbox.frontier};
    memcpy(out->topic, partition->topic, sizeof partition->topic);
    commit_note_format(out->metadata, &note);
    return true;
}

void commit_result(struct pipeline *p, const struct kafka_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = intake_lane(p, positions[i].topic, positions[i].partition);

        if (positions[i].error)
            log_warning(p->log, "the commit failed, it is tried again topic=%s partition=%d offset=%lld error=\"%s\"", positions[i].topic,
                        positions[i].partition, (long long)positions[i].offset, strerror(-positions[i].error));
        else if (lane && positions[i].offset > lane->partition->committed)
            lane->partition->committed = positions[i].offset;
    }
}

void commit_now(struct pipeline *p, const struct kafka_position *positions, size_t count, int timeout_ms)
{
    struct kafka_position commits[COMMIT_MAX];
    size_t filled = 0;

    for (size_t i = 0; i < count; i++) {
        struct lane *lane = intake_lane(p, positions[i].topic, positions[i].partition);

        if (lane && filled < COMMIT_MAX)
            filled += position_fill(lane, &commits[filled]);
    }
    if (!filled)
        return;
    if (kafka_in_commit(source_kafka(p->options.source), commits, filled, timeout_ms))
        log_notice(p->log, "the last commit failed, the next owner goes on from redis partitions=%zu", filled);
    else
        commit_result(p, commits, filled);
}

void commit_due(struct pipeline *p)
{
    int64_t now = clock_monotonic_ms(p->options.clock);
    struct kafka_position commits[COMMIT_MAX];
    size_t filled = 0;
    bool all = p->commit_at == 0;      /* after a take-over every partition gets its note */

    if (now < p->commit_at)
        return;
    p->commit_at = now + p->settings.commit_interval_ms;
    for (size_t i = 0; i < p->lanes_count && filled < COMMIT_MAX; i++) {
        const struct partition *partition = p->lanes[i]->partition;

        if (all || partition->outbox.frontier > partition->committed)
            filled += position_fill(p->lanes[i], &commits[filled]);
    }
    if (filled && kafka_in_commit(source_kafka(p->options.source), commits, filled, 0))
        log_warning(p->log, "the commit could not be sent, it is tried again partitions=%zu", filled);
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

void commit_flush(struct pipeline *p, int64_t timeout_ms)
{
    int64_t until = clock_monotonic_ms(p->options.clock) + timeout_ms;

    p->draining = true;
    while (!delivered(p) && session_is_up(p->options.session) && clock_monotonic_ms(p->options.clock) < until) {
        bool worked;

        if (p->gate_open)
            commit_publish(p);
        sink_poll(p->sink, FLUSH_WAIT_MS);
        if (sink_is_down(p->sink) || execute_turn(p, &worked))
            break;
    }
    p->draining = false;
}
