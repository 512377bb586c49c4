/* Looking before anything is touched: up to where decisions were published, and whether all of them are there with their source messages and
 * can be read (PROTOCOL.md 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "ledger/compare.h"
#include "turn/reapply_inside.h"

/* Clocks of Redis, of producers and of brokers may differ by so much before the whole outcome topic is read. */
enum { MARGIN_MS = 3600000 };

static int64_t monotonic(const struct reapply *r)
{
    return clock_monotonic_ms(r->options.start.clock);
}

/* --- what Redis still holds of the partition */

int reapply_load(struct reapply *r, struct refusal *refusal)
{
    struct partition *p = r->partitions[r->at];
    struct gather gather = {*r->options.start.redis, r->options.start.clock, r->log, &r->pool};
    struct gathered gathered = {0};
    int result;

    asker_begin(&gather.redis);
    result = gather_outbox(&gather, &r->shard, &p, 1, &gathered);
    if (!result)
        result = gather_seen(&gather, p, &gathered);
    if (!result) {
        compare_outbox(refusal, p, gathered.first);
        if (!gathered.seen_whole)
            compare_seen(refusal, p, gathered.seen_problem);
        result = refusal->set ? -EPROTO : 0;
    }
    /* Entries stay as they are in Redis: whoever owns the partition next publishes them. Here none is remembered, so that none is taken out. */
    gathered_free(&gather, &gathered, 1);
    outbox_reset(&p->outbox, &r->pool, p->mark.done);
    return result;
}

/* --- what Kafka says */

/* No command helps where the source messages are gone: the records alone do not say what the duplicate window needs. */
static void refuse_deleted(struct refusal *refusal, const struct partition *p, int64_t from, int64_t to)
{
    refusal_say(refusal, "the source messages of %s, %s, are deleted, so that what was decided about them cannot be applied again; restore a newer state of redis, or give the outcomes up",
                p->at, number_offsets(from, to).text);
    refusal_resolve(refusal, "--accept-rollback");
}

/* Everything that speaks against the mark but that it is older than what was published. */
static void hold_against(struct reapply *r, const struct partition *p, const struct evidence *found, struct refusal *refusal)
{
    struct evidence evidence = *found;

    if (found->log_start > p->mark.next)
        refuse_deleted(refusal, p, p->mark.next, found->log_start - 1);
    evidence.noted = false;
    evidence.published = -1;
    compare_evidence(refusal, p, &evidence);
    if (!refusal->set && r->third[0]) {
        memcpy(evidence.third, r->third, sizeof evidence.third);
        compare_evidence(refusal, p, &evidence);
    }
}

/* Where the first lost outcome may lie: not before the last message that the mark knows of was written. */
static int find_beginning(struct reapply *r, struct reapply_part *part, const struct evidence_source *source)
{
    const struct partition *p = part->partition;
    int64_t start, end, from;
    int result = kafka_in_bounds(source->in, source->outcomes, p->number, &start, &end, source->timeout_ms);

    from = part->outcomes_to >= 0 ? part->outcomes_to : start;
    if (!result && part->outcomes_to < 0 && !r->from_start && p->mark.time >= 0)
        result = kafka_in_offset_at(source->in, source->outcomes, p->number, p->mark.time - MARGIN_MS, &from, source->timeout_ms);
    if (result)
        return error_set(&r->error, result, "kafka does not tell where %s:%d begins and ends: %s", source->outcomes, p->number, strerror(-result));
    if (part->outcomes_to < 0)
        part->reaches_back = start == 0 || part->reaches_back || (!r->from_start && from > start);
    part->below = part->outcomes_to >= 0;
    part->outcomes_start = start;
    part->outcomes_from = from < start ? start : from > end ? end : from;
    part->outcomes_to = end;
    return 0;
}

int reapply_evidence(struct reapply *r, struct refusal *refusal)
{
    struct reapply_part *part = &r->parts[r->at];
    struct evidence_source source = r->options.start.evidence;
    const struct registry *registry = &r->shard.registry;
    struct partition *p = part->partition;
    struct evidence evidence;
    int result;

    source.tail_max = 1;
    source.why = &r->error;
    result = evidence_read(&evidence, &source, p->topic, p->number, registry, p->mark.fingerprint_offset >= 0 ? &p->mark : NULL);
    if (!result)
        result = find_beginning(r, part, &source);
    if (result)
        return result;
    hold_against(r, p, &evidence, refusal);
    if (refusal->set)
        return -EPROTO;
    if (evidence.noted && evidence.note.era > r->era)
        r->era = evidence.note.era;
    part->log_start = evidence.log_start;
    part->log_end = evidence.log_end;
    part->committed = evidence.noted ? evidence.committed : -1;
    part->handed = evidence.noted && evidence.note.era >= registry->reapplied ? evidence.note.handed : -1;
    part->last = -1;
    return 0;
}

/* --- the journal */

static struct reapply_part *part_of(struct reapply *r, const struct decision_identity *identity)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->partitions[i]->number == identity->partition && bytes_equal_text(identity->topic, r->partitions[i]->topic))
            return &r->parts[i];
    return NULL;
}

/* Every record of the outcome partitions: what it proves of eras, incarnations and of how far was published. */
static void weigh(void *context, const struct kafka_message *outcome, int64_t range)
{
    struct reapply *r = context;
    const struct registry *registry = &r->shard.registry;
    struct kafka_header headers[32];
    struct decision_identity identity;
    struct reapply_part *part;
    size_t count = kafka_message_headers(outcome, headers, 32);

    if (count > 32 || decision_identify(&identity, headers, count, NULL))
        return;
    part = range >= 0 ? &r->parts[range] : part_of(r, &identity);
    if (!part)
        return;
    if (!bytes_equal_text(identity.incarnation, registry->incarnation)) {
        if (!registry_is_former(registry, identity.incarnation) && identity.incarnation.size < sizeof r->third)
            snprintf(r->third, sizeof r->third, "%.*s", (int)identity.incarnation.size, identity.incarnation.data);
        return;
    }
    if (identity.era > r->era)
        r->era = identity.era;
    part->below |= identity.offset < part->partition->mark.next;
    if (identity.offset >= part->partition->mark.next && identity.offset > part->last)
        part->last = identity.offset;
}

int reapply_journal(struct reapply *r, bool sources)
{
    struct journal_options options = {.kafka = r->options.kafka, .outcomes = r->options.start.evidence.outcomes, .incarnation = r->shard.registry.incarnation,
                                      .sources = sources, .ranges_count = r->count, .kbytes = REAPPLY_KBYTES};

    if (!sources) {
        options.record = weigh;
        options.context = r;
    }
    free(r->ranges);
    free(r->letters_from);
    r->ranges = calloc(r->count, sizeof *r->ranges);
    r->letters_from = calloc(r->count, sizeof *r->letters_from);
    if (!r->ranges || !r->letters_from)
        return -ENOMEM;
    for (size_t i = 0; i < r->count; i++) {
        const struct reapply_part *part = &r->parts[i];
        struct journal_range *range = &r->ranges[i];

        *range = (struct journal_range){.partition = part->partition->number, .from = part->partition->mark.next,
                                        .to = sources ? part->to : part->log_end, .outcomes_from = part->outcomes_from, .outcomes_to = part->outcomes_to};
        memcpy(range->topic, part->partition->topic, sizeof range->topic);
        if (range->to < range->from)
            range->to = range->from;
    }
    options.ranges = r->ranges;
    return journal_new(&r->journal, &options, &r->error);
}

int reapply_next(struct reapply *r, int64_t until, struct journal_event *event, struct refusal *refusal)
{
    int64_t left = until - monotonic(r), read = journal_counts(r->journal).read;
    int result;

    if (left < 0)
        return 0;
    r->idle = true;
    result = journal_next(r->journal, left < REAPPLY_SLICE_MS ? (int)left : REAPPLY_SLICE_MS, event, &r->error);
    if (result == 1 || journal_counts(r->journal).read > read)      /* much may have to be passed over before the first that was lost */
        r->stirred_at = monotonic(r);
    if (result == 1) {
        r->idle = false;
        return 1;
    }
    if (result == 0) {
        r->idle = false;
        return -ENODATA;
    }
    if (result == -ERANGE) {
        refusal_say(refusal, "events or outcomes are deleted while they are read: %s; restore a newer state of redis, or give the outcomes up", r->error.text);
        refusal_resolve(refusal, "--accept-rollback");
        return -EPROTO;
    }
    return result == -EAGAIN ? 0 : result;
}

/* --- the passes */

/* Before the place found by time a lost outcome may lie, unless an outcome from below the mark was seen. */
static bool began_too_late(const struct reapply *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->parts[i].below && r->parts[i].outcomes_from > r->parts[i].outcomes_start)
            return true;
    return false;
}

/* From the start of the outcome topic: it takes longer, and nothing can lie before it. */
static void begin_at_start(struct reapply *r)
{
    r->from_start = true;
    r->at = 0;
    r->work = WORK_EVIDENCE;
    for (size_t i = 0; i < r->count; i++)
        r->parts[i].outcomes_to = -1;
}

/* A note says that outcomes were handed over, and none is there: had they been deleted, they must not be decided anew. */
static void refuse_unknown(const struct reapply_part *part, struct refusal *refusal)
{
    const struct partition *p = part->partition;

    if (part->last >= 0 || part->handed <= p->mark.next || part->reaches_back)
        return;
    refusal_say(refusal, "outcomes of %s, %s, were handed to a producer, and the outcome topic does not go back far enough to tell whether they arrived and were deleted",
                p->at, number_offsets(p->mark.next, part->handed - 1).text);
    refusal_resolve(refusal, "--accept-rollback");
}

/* How far it goes; false: nowhere. */
static bool set_ends(struct reapply *r, struct refusal *refusal)
{
    bool any = false;

    for (size_t i = 0; i < r->count; i++) {
        struct reapply_part *part = &r->parts[i];

        part->to = part->last + 1 > part->committed ? part->last + 1 : part->committed;
        if (part->to > part->log_end) {
            refusal_say(refusal, "%s of %s up to offset %lld, but its log ends at %lld: the topic was recreated or truncated",
                        part->last + 1 == part->to ? "outcomes were published" : "offsets were committed", part->partition->at, (long long)part->to - 1,
                        (long long)part->log_end);
            refusal_resolve(refusal, "--adopt");
        }
        if (!r->progress.events)
            refuse_unknown(part, refusal);
        any |= part->to > part->partition->mark.next;
    }
    return any;
}

int reapply_outcomes(struct reapply *r, int64_t until, struct refusal *refusal)
{
    struct journal_event event;
    int result;
    bool any;

    while ((result = reapply_next(r, until, &event, refusal)) == 1)
        journal_event_free(&event);
    if (result != -ENODATA)
        return result;
    r->journal = journal_free(r->journal);
    if (began_too_late(r)) {
        begin_at_start(r);
        return 0;
    }
    if (r->third[0]) {
        r->at = 0;
        r->work = WORK_EVIDENCE;      /* which refuses it */
        return 0;
    }
    any = set_ends(r, refusal);
    r->found = 0;
    r->work = any ? WORK_SOURCES : WORK_FINISH;
    return refusal->set ? -EPROTO : 1;
}

static void refuse_record(struct refusal *refusal, const struct partition *p, int64_t offset, const char *what)
{
    refusal_say(refusal, "the outcome of %s, offset %lld, %s, so the decisions that were published cannot all be applied again; restore a newer state of redis, or give them up",
                p->at, (long long)offset, what);
    refusal_resolve(refusal, "--accept-rollback");
}

/* Whether the event can be applied again; -ENODATA: its outcome is not where it was looked for. */
static int examine(const struct journal_event *event, const struct partition *p, struct refusal *refusal)
{
    struct observation seen[OBSERVATIONS_MAX];
    struct error_text error = {""};
    struct decision decision;
    char what[ERROR_TEXT_MAX + 32];

    if (!event->recorded)
        return -ENODATA;
    if (!event->sourced) {
        refuse_deleted(refusal, p, event->offset, event->offset);
        return -EPROTO;
    }
    if (decision_read(&decision, event->outcome.value, &error) || observe(&decision, seen, &error) < 0) {
        snprintf(what, sizeof what, "cannot be read (%s)", error.text);
        refuse_record(refusal, p, event->offset, what);
        return -EPROTO;
    }
    return 0;
}

int reapply_sources(struct reapply *r, int64_t until, struct refusal *refusal)
{
    struct journal_event event;
    int result;

    while ((result = reapply_next(r, until, &event, refusal)) == 1) {
        const struct partition *p = r->partitions[event.range];
        int64_t offset = event.offset;

        result = examine(&event, p, refusal);
        journal_event_free(&event);
        if (result == -ENODATA && !r->from_start) {
            r->journal = journal_free(r->journal);
            begin_at_start(r);
            return 0;
        }
        if (result == -ENODATA)
            refuse_record(refusal, p, offset, "is not in the outcome topic, although later ones or its commit are");
        if (result)
            return -EPROTO;
        r->found++;
    }
    if (result != -ENODATA)
        return result;
    r->journal = journal_free(r->journal);
    return 1;
}
