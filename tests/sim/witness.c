#include "sim/witness_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "sim/heeded.h"
#include "sim/history.h"
#include "sim/written.h"

enum { MEMORY = 512 << 20, TO_NOTICE_MS = 15000 };

/* These outlive a history, because their memory is worth keeping. */
static struct audit *auditor;
static struct audit_watch *watch;

static struct bytes copied(struct witness *w, struct bytes bytes)
{
    struct bytes copy = arena_copy(w->arena, bytes);

    ASSERT(copy.data || !bytes.data);
    return copy;
}

static void record_add(struct witness *w, struct record_log *record, const struct logged *message)
{
    struct audit_header *headers = arena_take(w->arena, message->headers_count * sizeof *headers + 1);

    if (record->log.count == record->capacity) {
        record->capacity = record->capacity ? 2 * record->capacity : 64;
        record->messages = realloc(record->messages, record->capacity * sizeof *record->messages);
        record->arrived = realloc(record->arrived, record->capacity * sizeof *record->arrived);
    }
    ASSERT(record->messages && record->arrived && headers);
    record->arrived[record->log.count] = world->now;
    for (size_t i = 0; i < message->headers_count; i++)
        headers[i] = (struct audit_header){message->headers[i].name, message->headers[i].value};
    record->messages[record->log.count++] = (struct audit_message){.offset = record->base + message->offset, .timestamp = message->timestamp, .key = message->key,
                                                                   .value = message->value, .headers = headers,
                                                                   .headers_count = message->headers_count};
    record->log.end = record->base + message->offset + 1;
}

/* "KIND: text", or NULL. */
static void take_word(struct witness *w, const char *against)
{
    const char *colon = against ? strchr(against, ':') : NULL;
    char kind[32];

    if (!against)
        return;
    snprintf(kind, sizeof kind, "%.*s", (int)(colon - against), against);
    witness_fault(w, kind, "%s", colon + 2);
}

/* What the model's log has more than the record. */
static void record_follow(struct witness *w, struct record_log *record)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, record->log.topic, record->log.partition);

    for (; partition && record->taken < partition->count; record->taken++) {
        record_add(w, record, &partition->messages[record->taken]);
        take_word(w, written_arrived(record->log.topic, record->log.partition, &partition->messages[record->taken]));
    }
}

static void records_make(struct record_log *records, size_t *count, const char *topic, int32_t partitions)
{
    for (int32_t i = 0; i < partitions; i++)
        records[(*count)++].log = (struct audit_log){.topic = topic, .partition = i, .committed = -1};
}

/* Its messages have rising offsets. */
static int64_t in_conflict_ms(void *context, size_t source, int64_t offset)
{
    const struct record_log *record = &((const struct witness *)context)->sources[source];

    for (size_t i = 0; i < record->log.count; i++)
        if (record->messages[i].offset == offset)
            return written_conflict_ms(record->log.topic, record->log.partition, offset, record->arrived[i]);
    return -1;
}

struct witness *witness_new(const struct plan *plan)
{
    struct witness *w = calloc(1, sizeof *w);
    int32_t most = 0;

    ASSERT(w && arena_new(&w->arena, MEMORY) == 0);
    if (!auditor)
        ASSERT(auditor_new(&auditor) == 0 && audit_watch_new(&watch) == 0);
    audit_watch_reset(watch);
    w->plan = plan;
    w->world = (struct audit_world){.prefix = "", .sharded = plan->settings.sharded, .window_ms = plan->settings.window_s * 1000,
                                    .ids = (size_t)plan->settings.ids, .sources = w->source_logs, .outcomes = w->outcome_logs,
                                    .letters = w->letter_logs, .before = keys_of_redis(w->arena),
                                    .in_conflict_ms = in_conflict_ms, .context = w};
    written_reset(plan);
    for (size_t i = 0; i < plan->settings.topics_count; i++) {
        records_make(w->sources, &w->world.sources_count, plan->settings.topics[i], plan->settings.partitions[i]);
        most = plan->settings.partitions[i] > most ? plan->settings.partitions[i] : most;
    }
    records_make(w->outcomes, &w->world.outcomes_count, "out", most);
    records_make(w->letters, &w->world.letters_count, "dead", plan->settings.dead_letter_partitions);
    keys_deadlines(w->world.deadline_ms, plan->settings.pipeline.deadline_ms);
    for (size_t i = 0; i < SOURCES_MAX; i++)
        w->looked[i] = KAFKA_OFFSET_NONE;
    return w;
}

static void record_free(struct record_log *record)
{
    free(record->messages);
    free(record->arrived);
}

struct witness *witness_free(struct witness *w)
{
    for (size_t i = 0; i < SOURCES_MAX; i++)
        record_free(&w->sources[i]);
    for (size_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        record_free(&w->outcomes[i]);
        record_free(&w->letters[i]);
    }
    free(w->happenings);
    free(w->positions);
    arena_free(w->arena);
    free(w);
    return NULL;
}

void witness_fault(struct witness *w, const char *kind, const char *format, ...)
{
    va_list arguments;

    if (w->finding.kind[0])
        return;
    snprintf(w->finding.kind, sizeof w->finding.kind, "%s", kind);
    va_start(arguments, format);
    vsnprintf(w->finding.text, sizeof w->finding.text, format, arguments);
    va_end(arguments);
}

const struct finding *witness_finding(const struct witness *w)
{
    return &w->finding;
}

static void take_report(struct witness *w, const struct audit_report *report)
{
    if (report->count)
        witness_fault(w, audit_violation_name(report->items[0].kind), "%s: %s", audit_violation_sentence(report->items[0].kind), report->items[0].text);
}

size_t witness_source(const struct witness *w, const char *topic, int32_t partition)
{
    size_t i = 0;

    while (i < w->world.sources_count && (strcmp(w->sources[i].log.topic, topic) != 0 || w->sources[i].log.partition != partition))
        i++;
    ASSERT(i < w->world.sources_count);
    return i;
}

void witness_ordered(struct witness *w, const char *topic, int32_t partition, const struct logged *message)
{
    struct record_log *record = &w->sources[witness_source(w, topic, partition)];

    if (message)
        record_add(w, record, message);
    else
        record->log.end++;
}

static void follow(struct witness *w)
{
    for (size_t i = 0; i < w->world.outcomes_count; i++)
        record_follow(w, &w->outcomes[i]);
    for (size_t i = 0; i < w->world.letters_count; i++)
        record_follow(w, &w->letters[i]);
}

/* The logs as they stand now. */
static void put_world(struct witness *w)
{
    follow(w);
    for (size_t i = 0; i < w->world.sources_count; i++) {
        w->source_logs[i] = w->sources[i].log;
        w->source_logs[i].messages = w->sources[i].messages;
        w->source_logs[i].committed = kafka_log_partition(&world->kafka, w->sources[i].log.topic, w->sources[i].log.partition)->committed;
    }
    for (size_t i = 0; i < w->world.outcomes_count; i++) {
        w->outcome_logs[i] = w->outcomes[i].log;
        w->outcome_logs[i].messages = w->outcomes[i].messages;
    }
    for (size_t i = 0; i < w->world.letters_count; i++) {
        w->letter_logs[i] = w->letters[i].log;
        w->letter_logs[i].messages = w->letters[i].messages;
    }
    w->world.happenings = w->happenings;
    w->world.happenings_count = w->happenings_count;
}

/* Within an incarnation a commit never goes down (DESIGN 4.5). */
static void look_at_fall(struct witness *w, const struct log_partition *partition, const struct audit_log *log)
{
    if (partition->fallen >= 0)
        witness_fault(w, "COMMIT_FELL", "%s:%d: a commit came behind one of %lld that was higher", log->topic, (int)log->partition,
                      (long long)partition->fallen);
}

/* What is committed was delivered, so it had been handed over: "orderd1 INCARNATION ERA ID HANDED REACHED" (PROTOCOL 5). */
static void look_at_note(struct witness *w, const struct log_partition *partition, const struct audit_log *log)
{
    long long handed;

    if (sscanf(partition->metadata, "orderd1 %*s %*s %*s %lld", &handed) == 1 && handed < partition->committed)
        witness_fault(w, "NOTE_LOW", "%s:%d: %lld is committed, and its note says that nothing above %lld was handed over", log->topic, (int)log->partition,
                      (long long)partition->committed, handed - 1);
}

void witness_happened(struct witness *w, const struct audit_happening *happening)
{
    if (w->happenings_count == w->happenings_capacity) {
        w->happenings_capacity = w->happenings_capacity ? 2 * w->happenings_capacity : 64;
        w->happenings = realloc(w->happenings, w->happenings_capacity * sizeof *w->happenings);
        w->positions = realloc(w->positions, w->happenings_capacity * sizeof *w->positions);
    }
    ASSERT(w->happenings && w->positions);
    w->positions[w->happenings_count] = keys_journal_position();
    w->happenings[w->happenings_count++] = *happening;
}

void witness_outcomes_go(struct witness *w)
{
    put_world(w);
    witness_older_unknown(w);
    for (size_t i = 0; i < w->world.outcomes_count; i++) {
        w->outcomes[i].taken = 0;
        w->outcomes[i].base = w->outcomes[i].log.end;
    }
}

void witness_quarantined(struct witness *w, const char *topic, int32_t partition, int64_t offset)
{
    witness_happened(w, &(struct audit_happening){.kind = AUDIT_QUARANTINED, .source = witness_source(w, topic, partition), .from = offset, .end = offset + 1});
}

void witness_skipped(struct witness *w, const char *topic, int32_t partition, int64_t offset)
{
    witness_happened(w, &(struct audit_happening){.kind = AUDIT_SKIPPED, .source = witness_source(w, topic, partition), .from = offset, .end = offset + 1});
}

void witness_forgotten(struct witness *w, const char *topic, int32_t partition, int64_t offset, bool unheard)
{
    witness_happened(w, &(struct audit_happening){.kind = unheard ? AUDIT_UNHEARD : AUDIT_FORGOTTEN, .source = witness_source(w, topic, partition), .from = offset,
                                                  .end = offset + 1});
}

static void look_at_commit(struct witness *w, size_t source, int64_t committed)
{
    struct audit_report report = {0};

    put_world(w);
    if (!audit_commit_is_honest(watch, &w->world, source, committed, &report))
        take_report(w, &report);
    take_word(w, written_committed(w->sources[source].log.topic, w->sources[source].log.partition, committed));
}

static void look_at_outboxes(struct witness *w)
{
    if (world->execs == w->execs_looked)
        return;
    w->execs_looked = world->execs;
    for (size_t i = 0; i < (w->plan->settings.sharded ? w->world.sources_count : 1); i++)
        take_word(w, written_too_much(w->plan->settings.sharded ? w->sources[i].log.partition : 0));
}

void witness_look(struct witness *w)
{
    look_at_outboxes(w);
    if (w->changes_looked == world->kafka.changes)
        return;
    w->changes_looked = world->kafka.changes;
    follow(w);
    for (size_t i = 0; i < w->world.sources_count; i++) {
        const struct audit_log *log = &w->sources[i].log;
        const struct log_partition *partition = kafka_log_partition(&world->kafka, log->topic, log->partition);
        int64_t committed = partition->committed;

        look_at_fall(w, partition, log);
        if (committed == w->looked[i])
            continue;
        w->looked[i] = committed;
        look_at_note(w, partition, log);
        look_at_commit(w, i, committed);
    }
}

void witness_foreign(struct witness *w, int32_t shard, const struct bytes *args, size_t count)
{
    struct audit_happening happening = {.kind = AUDIT_FOREIGN, .shard = shard, .place = keys_place(w->plan, shard), .args_count = count};
    struct bytes *kept = arena_take(w->arena, count * sizeof *kept);

    ASSERT(kept);
    for (size_t i = 0; i < count; i++)
        kept[i] = copied(w, args[i]);
    happening.args = kept;
    witness_happened(w, &happening);
}

int32_t witness_shards(const struct witness *w)
{
    int32_t most = 1;

    for (size_t i = 0; w->plan->settings.sharded && i < w->plan->settings.topics_count; i++)
        most = w->plan->settings.partitions[i] > most ? w->plan->settings.partitions[i] : most;
    return most;
}

void witness_restoring(struct witness *w)
{
    follow(w);
    written_restoring();
    for (int32_t i = 0; i < witness_shards(w); i++)
        w->before_restore[i] = keys_place(w->plan, i);
}

void witness_restored(struct witness *w, bool closed)
{
    int64_t position = keys_journal_position();
    size_t since = w->happenings_count;

    history->registry_at = world->now;
    history->changed = ++history->moment;
    if (history->moved_back)
        history->rests_from = world->now + TO_NOTICE_MS;
    written_restored();
    heeded_restored();
    while (since && w->positions[since - 1] > position)
        since--;
    for (int32_t i = 0; i < witness_shards(w); i++)
        w->restored[i] = true;
    for (int32_t i = 0; i < witness_shards(w); i++)
        witness_happened(w, &(struct audit_happening){.kind = AUDIT_RESTORED, .shard = i, .place = w->before_restore[i], .to = keys_place(w->plan, i), .since = since});
    witness_older_look(w, closed);
}

void witness_muddled(struct witness *w, int32_t shard)
{
    history->muddled = true;
    for (int32_t i = shard < 0 ? 0 : shard; i < (shard < 0 ? witness_shards(w) : shard + 1); i++)
        witness_happened(w, &(struct audit_happening){.kind = AUDIT_MUDDLED, .shard = i, .place = keys_place(w->plan, i)});
}

/* Which part of it was applied nobody can derive: the market is what it is. */
void witness_torn(struct witness *w, int32_t shard)
{
    witness_happened(w, &(struct audit_happening){.kind = AUDIT_MARKET_IS, .shard = shard, .place = keys_place(w->plan, shard), .keys = keys_of_redis(w->arena)});
}

bool witness_is_at_rest(const struct witness *w, const char *topic, int32_t partition)
{
    const struct audit_log *log = &w->sources[witness_source(w, topic, partition)].log;
    const struct log_partition *source = kafka_log_partition(&world->kafka, topic, partition);

    return source->committed == log->end && keys_mark_is_at(w->plan, topic, partition, log->end) && !keys_outbox_entries(w->plan, partition);
}

bool witness_is_delivered(const struct witness *w, const char *topic, int32_t partition)
{
    struct keys_mark mark = keys_mark(w->plan, topic, partition);

    return mark.there && kafka_log_partition(&world->kafka, topic, partition)->committed == mark.next &&
           keys_mark_is_at(w->plan, topic, partition, mark.next);
}

void witness_unrest(const struct witness *w, struct finding *out)
{
    snprintf(out->kind, sizeof out->kind, "unrest");
    for (size_t i = 0; i < w->world.sources_count; i++) {
        const struct audit_log *log = &w->sources[i].log;
        struct buffer text;

        if (witness_is_at_rest(w, log->topic, log->partition))
            continue;
        buffer_init(&text, sizeof out->text);
        keys_mark_text(w->plan, log->topic, log->partition, &text);
        snprintf(out->text, sizeof out->text, "%s:%d did not come to rest: its log ends at %lld, committed is %lld, the outbox of its market holds %zu entries, "
                 "its mark says %s%s", log->topic, (int)log->partition, (long long)log->end,
                 (long long)kafka_log_partition(&world->kafka, log->topic, log->partition)->committed, keys_outbox_entries(w->plan, log->partition),
                 buffer_text(&text), keys_is_paused(w->plan, log->topic, log->partition) ? ", it is paused" : "");
        buffer_deinit(&text);
        return;
    }
}

void witness_audit(struct witness *w, struct finding *out)
{
    struct audit_report report;

    put_world(w);
    w->world.after = keys_of_redis(w->arena);
    audit_run(auditor, &w->world, &report);
    take_report(w, &report);
    *out = w->finding;
}
