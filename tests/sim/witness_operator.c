/* What the operator does, taken from what its EXEC writes: so it stands where it belongs in the order of what Redis did, and a Redis that comes back
 * from before it takes back exactly that. What the resolution says of it is only waited for. */
#include "sim/witness_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "sim/changes.h"
#include "sim/forgotten.h"
#include "sim/history.h"

void witness_operator_looks(struct witness *w)
{
    for (size_t i = 0; i < w->world.sources_count; i++)
        w->marks[i] = keys_mark(w->plan, w->sources[i].log.topic, w->sources[i].log.partition);
}

static void must_say(struct witness *w, const struct change *change, const char *words, const char *format, ...) PRINTF_LIKE(4, 5);

static void must_say(struct witness *w, const struct change *change, const char *words, const char *format, ...)
{
    struct unsaid *unsaid = &w->unsaid[w->unsaid_count];
    va_list arguments;
    int used;

    if (w->unsaid_count == UNSAID_MAX)
        return;
    used = snprintf(unsaid->begin, sizeof unsaid->begin, "%s:%d: ", change->topic, (int)change->partition);
    va_start(arguments, format);
    vsnprintf(unsaid->begin + used, sizeof unsaid->begin - (size_t)used, format, arguments);
    va_end(arguments);
    unsaid->words = words;
    w->unsaid_count++;
}

/* Happened to a range of the source, in the order of what Redis did. */
static void ranged(struct witness *w, enum audit_happening_kind kind, size_t source, int64_t from, int64_t end)
{
    int32_t shard = w->plan->settings.sharded ? w->sources[source].log.partition : 0;

    if (from < end || kind == AUDIT_SEEN_ANEW || kind == AUDIT_MARK_ANEW)
        witness_happened(w, &(struct audit_happening){.kind = kind, .shard = shard, .place = keys_place(w->plan, shard), .source = source, .from = from, .end = end});
}

/* Moved back, what lies between is decided again. What lay below it is not decided again, though its effects may have gone with an older Redis; what was deleted from the log and was never decided
 * is a gap. Nothing below the commit is undecided. */
static void marked_anew(struct witness *w, size_t source, int64_t next)
{
    const struct log_partition *log = kafka_log_partition(&world->kafka, w->sources[source].log.topic, w->sources[source].log.partition);
    int64_t decided = w->marks[source].there ? w->marks[source].next : 0, from = decided > log->committed ? decided : log->committed;

    if (next < decided) {
        ranged(w, AUDIT_AGAIN, source, next, decided);
        history->moved_back = true;
        coverage_note(history->coverage, COVERED_decided_again);
        return;
    }
    ranged(w, AUDIT_PASSED, source, decided, next);
    ranged(w, AUDIT_GAP, source, from > 0 ? from : 0, log->start < next ? log->start : next);
    ranged(w, AUDIT_MARK_ANEW, source, next, next);
}

static void resolved(struct witness *w, const struct change *change, bool gap)
{
    size_t source = witness_source(w, change->topic, change->partition);

    switch (change->kind) {
    case CHANGE_LOST:
        if (change->from < change->to)
            must_say(w, change, gap ? "passed over" : "are lost", "%s%s ", gap ? "" : "the outcomes of ", number_offsets(change->from, change->to - 1).text);
        ranged(w, gap ? AUDIT_GAP : AUDIT_LOST, source, change->from, change->to);
        break;
    case CHANGE_MARK:
        must_say(w, change, "", "goes on at offset %lld:", (long long)change->to);
        marked_anew(w, source, change->to);
        break;
    case CHANGE_SEEN_FROM:
        must_say(w, change, "is begun anew", "%s", "");
        ranged(w, AUDIT_SEEN_ANEW, source, change->to, change->to);
        break;
    case CHANGE_WHOLE:
        if (w->marks[source].torn)      /* what it did to the market was seen when it was torn */
            must_say(w, change, "was applied in part", "%s", "");
        break;
    default:
        break;
    }
}

/* With the entry over a gap the mark goes on behind it; a hole in the outbox lies below the mark. */
static bool goes_on_behind(const struct redis_client *client, const struct change *lost)
{
    struct change change;

    for (size_t at = 0; changes_next(client, &at, &change);)
        if (change.kind == CHANGE_NEXT && change.to == lost->to && change.partition == lost->partition && strcmp(change.topic, lost->topic) == 0)
            return true;
    return false;
}

/* What compaction took out of the log cannot be decided again, when Redis came back from before it, or a mark was moved back. What retention took needs an operator. */
static void passed_over(struct witness *w, const struct change *entry)
{
    size_t source = witness_source(w, entry->topic, entry->partition);
    const struct audit_log *ordered = &w->sources[source].log;
    const struct log_partition *log = kafka_log_partition(&world->kafka, entry->topic, entry->partition);

    for (size_t i = 0; i < ordered->count && (history->older_before || history->moved_back); i++) {
        int64_t offset = w->sources[source].messages[i].offset;
        const struct logged *there;

        if (offset < log->start || offset < entry->from || offset >= entry->to)
            continue;
        there = kafka_log_at(log, offset);
        if (!there || there->offset != offset)
            ranged(w, AUDIT_PASSED, source, offset, offset + 1);
    }
}

/* What was applied of a torn transaction went with the older Redis, and is applied again as its record says: whole. */
static bool was_torn(const struct witness *w, int32_t shard)
{
    for (size_t i = 0; i < w->happenings_count; i++)
        if (w->happenings[i].kind == AUDIT_MARKET_IS && w->happenings[i].shard == shard)
            return true;
    return false;
}

/* An entry that an instance writes while the market is halted: what was published of these offsets, once more. */
static void redone(struct witness *w, const struct change *entry)
{
    size_t source = witness_source(w, entry->topic, entry->partition);
    int32_t shard = w->plan->settings.sharded ? entry->partition : 0;
    struct audit_happening happening = {.kind = AUDIT_REDONE, .shard = shard, .place = keys_place(w->plan, shard), .source = source, .from = entry->from, .end = entry->to};

    if (!keys_is_halted(w->plan, shard)) {
        w->went_on[shard] |= w->restored[shard];
        witness_older_decided(w, shard, entry->topic, entry->partition);
        return;
    }
    if (w->went_on[shard] || was_torn(w, shard))
        witness_muddled(w, shard);
    happening.incarnation = arena_copy(w->arena, keys_incarnation(w->plan, shard));
    witness_happened(w, &happening);
    history->redone = true;
    coverage_note(history->coverage, COVERED_redone);
}

/* The last EXEC of those that apply again what was lost. */
static void look_at_end(struct witness *w, const struct redis_client *client)
{
    struct bytes args[6];

    for (size_t i = 0, count; (count = redis_client_queued(client, i, args, 6)); i++)
        if (count == 6 && bytes_equal_text(args[4], "reapplied")) {
            int32_t shard = args[1].data[0] == '{' ? (int32_t)strtol(args[1].data + 1, NULL, 10) : 0;

            w->restored[shard] = w->went_on[shard] = false;
            forgotten_redone(shard);
        }
}

void witness_executed(struct witness *w, const struct redis_client *client, bool by_operator)
{
    struct change change;

    look_at_end(w, client);
    for (size_t at = 0; changes_next(client, &at, &change);)
        if (by_operator)
            resolved(w, &change, change.kind == CHANGE_LOST && goes_on_behind(client, &change));
        else if (change.kind == CHANGE_ENTRY) {
            passed_over(w, &change);
            redone(w, &change);
        }
    witness_older_executed(w, foreign_shard(client), by_operator);
}

void witness_operator_begins(struct witness *w)
{
    w->unsaid_count = 0;
}

void witness_hears(struct witness *w, const char *line)
{
    for (size_t i = w->unsaid_count; i-- > 0;)
        if (strncmp(line, w->unsaid[i].begin, strlen(w->unsaid[i].begin)) == 0 && strstr(line, w->unsaid[i].words))
            w->unsaid[i] = w->unsaid[--w->unsaid_count];
}

void witness_operator_ends(struct witness *w)
{
    if (w->unsaid_count)
        witness_fault(w, "UNSAID", "a resolution was carried out and did not say: %s… %s", w->unsaid[0].begin, w->unsaid[0].words);
}
