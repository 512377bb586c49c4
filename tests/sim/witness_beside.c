/* The product's own audit beside the simulator's auditor: neither knows the other, and where one finds nothing the other must not either. */
#include <stdio.h>

#include "fake/audited.h"
#include "sim/history.h"
#include "sim/witness_own.h"

/* What has happened leaves a log that an audit must call right without being told more. */
static bool is_plain(const struct witness *w)
{
    for (size_t i = 0; i < w->happenings_count; i++) {
        enum audit_happening_kind kind = w->happenings[i].kind;

        if (kind != AUDIT_FOREIGN && kind != AUDIT_QUARANTINED && kind != AUDIT_SKIPPED)
            return false;
    }
    return !history->older_before && !history->redone;
}

/* A log of which something is gone proves less. */
static bool are_whole(const struct record_log *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct log_partition *log = kafka_log_partition(&world->kafka, records[i].log.topic, records[i].log.partition);

        if (!log || log->start > 0 || records[i].base || log->count != records[i].log.count || log->end != records[i].log.end)
            return false;
    }
    return true;
}

/* Time just passes, and all of Kafka is well. */
static const char *calm(void)
{
    struct node *node = world_node("op");

    world->wait = NULL;
    world->wake = NULL;
    world->passes = NULL;
    world->weather = (struct kafka_weather){.prefetch = 1000, .batch = 1000};
    node->dead = node->kafka_away = false;
    return node->name;
}

static bool look(const struct witness *w, int32_t number, const char *node, struct finding *out)
{
    const struct instance_settings *s = &w->plan->settings;
    struct bytes found = keys_incarnation(w->plan, number == SHARD_NONE ? 0 : number);
    char incarnation[CLOCK_UUID_SIZE];
    const struct audited_market market = {.topics = s->topics, .partitions = s->partitions, .topics_count = s->topics_count, .number = number,
                                          .letters_partitions = s->dead_letter_partitions, .incarnation = incarnation, .window_s = s->window_s, .ids = s->ids,
                                          .deadline_ms = s->pipeline.deadline_ms, .node = node};
    struct audited audited;

    snprintf(incarnation, sizeof incarnation, "%.*s", (int)found.size, found.data);
    audited_look(&audited, &market);
    if (audited.wrong) {
        snprintf(out->kind, sizeof out->kind, "BESIDE");
        snprintf(out->text, sizeof out->text, "orderd's own audit finds what the auditor does not: %s", audited.text);
    }
    return audited.wrong == 0;
}

bool witness_look_beside(struct witness *w, struct finding *out)
{
    int32_t markets = w->plan->settings.sharded ? history_outcome_partitions() : 1;
    const char *node;

    if (!is_plain(w) || !are_whole(w->sources, w->world.sources_count) || !are_whole(w->outcomes, w->world.outcomes_count) ||
        !are_whole(w->letters, w->world.letters_count))
        return false;
    node = calm();
    for (int32_t number = 0; number < markets; number++)
        if (!look(w, w->plan->settings.sharded ? number : SHARD_NONE, node, out))
            break;
    return true;
}
