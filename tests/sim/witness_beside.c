/* The product's own audit beside the simulator's auditor: neither knows the other, and where one finds nothing the other must not either. But for one
 * thing: what another program wrote and took back between two decisions no log tells from an altered record. Here it is known who wrote. */
#include <stdio.h>

#include "fake/audited.h"
#include "sim/history.h"
#include "sim/witness_own.h"
#include "sim/written.h"

/* What has happened leaves a log that an audit must call right without being told more; what was decided again, it was under another incarnation. */
static bool is_plain(const struct witness *w)
{
    for (size_t i = 0; i < w->happenings_count; i++) {
        enum audit_happening_kind kind = w->happenings[i].kind;

        if (kind != AUDIT_FOREIGN && kind != AUDIT_QUARANTINED && kind != AUDIT_SKIPPED && kind != AUDIT_AGAIN)
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

/* The key by its whole name, and the field: "users:u0 funds". */
static const char *split(const struct witness *w, const struct audited_break *found, char *name, size_t size)
{
    char *field;

    if (w->plan->settings.sharded)
        snprintf(name, size, "{%d}%s", (int)found->partition, found->key);
    else
        snprintf(name, size, "%s", found->key);
    field = strchr(name, ' ');
    if (field)
        *field++ = '\0';
    return field;
}

static bool names(const struct audit_happening *h, const char *key)
{
    return h->kind == AUDIT_FOREIGN && h->args_count > 1 && bytes_equal_text(h->args[1], key);
}

/* Whether the key held what the record says when that was decided, and other programs alone had made it so of what was left there: each of their writes
 * begins with what the one before it had left. */
static bool was_written(void *context, const struct audited_break *found)
{
    const struct witness *w = context;
    const struct logged *record = kafka_log_at(kafka_log_partition(&world->kafka, "out", found->partition), found->at);
    int64_t position = record && record->offset == found->at ? written_position(record) - 1 : -1, wanted = found->says, held;
    char name[AUDITED_KEY_MAX];
    const char *field = split(w, found, name, sizeof name);

    if (position < 0 || !keys_number_at(position, name, field, &held) || held != wanted)
        return false;
    for (size_t i = w->happenings_count; i-- > 0 && wanted != found->was;) {
        if (w->positions[i] > position || !names(&w->happenings[i], name))
            continue;
        if (!keys_number_at(w->positions[i], name, field, &held) || held != wanted)
            return false;
        position = w->positions[i] - 1;
        if (!keys_number_at(position, name, field, &wanted))
            return false;
    }
    return wanted == found->was;
}

static bool look(struct witness *w, int32_t number, const char *node, struct finding *out)
{
    const struct instance_settings *s = &w->plan->settings;
    struct bytes found = keys_incarnation(w->plan, number == SHARD_NONE ? 0 : number);
    char incarnation[CLOCK_UUID_SIZE];
    const struct audited_market market = {.topics = s->topics, .partitions = s->partitions, .topics_count = s->topics_count, .number = number,
                                          .letters_partitions = s->dead_letter_partitions, .incarnation = incarnation, .window_s = s->window_s, .ids = s->ids,
                                          .deadline_ms = s->pipeline.deadline_ms, .node = node, .is_foreign = was_written, .context = w};
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
