#include "sim/audit_own.h"

enum { ADVANCE_MAX_MS = 60000 };

/* --- order */

/* Ids rise over all eras as long as Redis's clock does; an era that was lost with a state begins a second time. */
static int compare_ids(const struct audit_place *a, const struct audit_place *b)
{
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int compare_places(const struct audit_place *a, const struct audit_place *b)
{
    if (a->era != b->era)
        return a->era < b->era ? -1 : 1;
    return compare_ids(a, b);
}

/* Number of the market. */
static int32_t shard_of(const struct audit *audit, const struct audit_outcome *outcome)
{
    return audit->world->sharded ? audit->sources[outcome->source].log->partition : 0;
}

static int by_sequence(const void *left, const void *right, void *audit)
{
    const struct audit_outcome *a = *(const struct audit_outcome *const *)left, *b = *(const struct audit_outcome *const *)right;
    int32_t shard_a = shard_of(audit, a), shard_b = shard_of(audit, b);
    int order = compare_places(&a->place, &b->place);

    if (shard_a != shard_b)
        return shard_a < shard_b ? -1 : 1;
    return order ? order : a->in_entry < b->in_entry ? -1 : a->in_entry > b->in_entry;
}

static int64_t offset_of(const struct audit *audit, const struct audit_outcome *outcome)
{
    return audit->sources[outcome->source].log->messages[outcome->index].offset;
}

/* Outcomes of one partition mostly come in their order already, and a sort of what is sorted costs a comparison each. */
static void sort(struct audit *audit)
{
    bool sorted = true;

    for (size_t i = 1; i < audit->order_count && sorted; i++)
        sorted = by_sequence(&audit->order[i - 1], &audit->order[i], audit) <= 0;
    if (!sorted)
        qsort_r(audit->order, audit->order_count, sizeof *audit->order, by_sequence, audit);
}

static struct audit_incarnation *incarnation_numbered(const struct audit *audit, size_t number)
{
    struct audit_incarnation *found = audit->incarnations;

    while (found->number != number)
        found = found->next;
    return found;
}

static bool is_of(const struct audit_incarnation *incarnation, struct bytes name)
{
    return incarnation->name.size > name.size && memcmp(incarnation->name.data + incarnation->name.size - name.size, name.data, name.size) == 0;
}

/* Unique, and risen with the offsets of each partition. */
static void check_sequence(struct audit *audit, const struct audit_outcome *outcome, const struct audit_outcome *before)
{
    int64_t offset = offset_of(audit, outcome), *highest = &incarnation_numbered(audit, outcome->incarnation)->decided[outcome->source];
    const struct audit_source *source = &audit->sources[outcome->source];

    if (before && by_sequence(&before, &outcome, audit) == 0)
        audit_found(audit->report, AUDIT_SEQUENCE_TWICE, AUDIT_AT ": its outcome has the sequence %lld-%llu-%llu-%u, as that of " AUDIT_AT,
                    AUDIT_AT_ARGS(source->log, offset), (long long)outcome->place.era, (unsigned long long)outcome->place.ms,
                    (unsigned long long)outcome->place.seq, outcome->in_entry, AUDIT_AT_ARGS(audit->sources[before->source].log, offset_of(audit, before)));
    if (offset < *highest && !audit_in_range(source, AUDIT_LOST, offset))
        audit_found(audit->report, AUDIT_SEQUENCE_ORDER, AUDIT_AT ": its sequence %lld-%llu-%llu-%u is above that of offset %lld",
                    AUDIT_AT_ARGS(source->log, offset), (long long)outcome->place.era, (unsigned long long)outcome->place.ms,
                    (unsigned long long)outcome->place.seq, outcome->in_entry, (long long)*highest);
    *highest = offset > *highest ? offset : *highest;
}

/* The outcomes that a happening did again took effect, or did not after all. */
static void redo(struct audit *audit, const struct audit_happening *h, bool undone)
{
    const struct audit_source *source = &audit->sources[h->source];

    for (size_t i = 0; i < source->log->count; i++) {
        if (source->log->messages[i].offset < h->from || source->log->messages[i].offset >= h->end)
            continue;
        for (struct audit_outcome *outcome = source->slots[i].outcomes; outcome; outcome = outcome->next)
            if (is_of(incarnation_numbered(audit, outcome->incarnation), h->incarnation))
                outcome->undone = undone;
    }
}

/* What Redis forgot when it came back older, and what of it was done again. */
static void mark_undone(struct audit *audit)
{
    for (size_t i = 0; i < audit->world->happenings_count; i++) {
        const struct audit_happening *h = &audit->world->happenings[i];

        if (h->kind == AUDIT_REDONE)
            redo(audit, h, false);
        if (h->kind != AUDIT_RESTORED)
            continue;
        for (size_t n = h->since; n < i; n++)
            if (audit->world->happenings[n].kind == AUDIT_REDONE && audit->world->happenings[n].shard == h->shard)
                redo(audit, &audit->world->happenings[n], true);
        for (size_t n = 0; n < audit->order_count; n++)
            if (shard_of(audit, audit->order[n]) == h->shard && audit->order[n]->place.era <= h->place.era &&
                compare_ids(&audit->order[n]->place, &h->to) > 0 && compare_ids(&audit->order[n]->place, &h->place) <= 0)
                audit->order[n]->undone = true;
        for (size_t n = h->since; n < i; n++)
            if (audit->world->happenings[n].shard == h->shard)
                audit->undone[n] = true;
        /* An entry of what is applied again may reach back over those before it, which Redis still knew. */
        for (size_t n = 0; n < h->since; n++)
            if (audit->world->happenings[n].kind == AUDIT_REDONE && audit->world->happenings[n].shard == h->shard && !audit->undone[n])
                redo(audit, &audit->world->happenings[n], false);
    }
}

/* --- the duplicate window (4.8) */

static void advance(struct audit_source *source, int64_t timestamp)
{
    if (timestamp < 0 || timestamp <= source->time)
        return;
    source->time = source->time >= 0 && timestamp - source->time > ADVANCE_MAX_MS ? source->time + ADVANCE_MAX_MS : timestamp;
}

static bool same_seen(const void *item, const void *wanted)
{
    const struct audit_seen *a = item, *b = wanted;

    return a->partition == b->partition && bytes_equal(a->id, b->id) && a->source.size == b->source.size &&
           (!a->source.size || memcmp(a->source.data, b->source.data, a->source.size) == 0);
}

static struct audit_seen seen_of(const struct audit_source *source, const struct audit_event *event)
{
    struct audit_seen seen = {.partition = source, .source = event->source, .id = event->id};

    seen.hashed.hash = audit_hash((uint64_t)(uintptr_t)source, event->id.data, event->id.size);
    if (event->source.size)
        seen.hashed.hash = audit_hash(seen.hashed.hash, event->source.data, event->source.size);
    return seen;
}

static int64_t none_is_zero(int64_t time)
{
    return time < 0 ? 0 : time;
}

/* The last seen list that an operator let begin anew, at or below this offset; a mark that is moved back leaves nothing of what was done to it before. */
static bool forgotten(const struct audit_source *source, int64_t record, int64_t offset)
{
    for (const struct audit_range *range = source->ranges; range; range = range->next)
        if ((range->kind == AUDIT_SEEN_ANEW || range->kind == AUDIT_MARK_ANEW) && range->pass == source->pass && record < range->end && range->end <= offset)
            return true;
    return false;
}

/* The decision that makes the event at `offset` a duplicate, or NULL. */
static const struct audit_seen *find_seen(const struct audit *audit, const struct audit_source *source, const struct audit_event *event, int64_t offset)
{
    struct audit_seen wanted = seen_of(source, event);
    const struct audit_seen *seen = audit_table_find(&audit->seen, wanted.hashed.hash, same_seen, &wanted);

    if (!seen || seen->pass != source->pass || source->recorded - seen->ordinal > audit->world->ids || forgotten(source, seen->offset, offset) ||
        none_is_zero(source->time) - none_is_zero(seen->time) >= audit->world->window_ms)
        return NULL;
    return seen;
}

static void record_seen(struct audit *audit, struct audit_source *source, const struct audit_event *event, int64_t offset, const char *status)
{
    struct audit_seen wanted = seen_of(source, event), *seen = audit_table_find(&audit->seen, wanted.hashed.hash, same_seen, &wanted);

    if (!seen) {
        seen = arena_take(audit->arena, sizeof *seen);
        ASSERT(seen);
        *seen = wanted;
        audit_table_add(&audit->seen, seen);
    }
    seen->offset = offset;
    seen->time = source->time;
    seen->ordinal = source->recorded++;
    seen->pass = source->pass;
    seen->content = event->content;
    seen->status = status;
}

/* --- one event */

static void refuse(struct audit_verdict *verdict, const char *status, const char *reason)
{
    verdict->decision.status = status;
    verdict->decision.reason = reason;
}

static void check_expired(struct audit *audit, const struct audit_source *source, size_t at, const struct audit_event *event)
{
    const struct audit_world *world = audit->world;
    int64_t offset = source->log->messages[at].offset, deadline = world->deadline_ms[event->kind];

    if (event->deadline_ms && (!deadline || event->deadline_ms < deadline))
        deadline = event->deadline_ms;
    if (!deadline)
        audit_found(audit->report, AUDIT_EXPIRED, AUDIT_AT ": the event expired, but neither it nor its kind has a deadline",
                    AUDIT_AT_ARGS(source->log, offset));
    else if (world->in_conflict_ms && world->in_conflict_ms(world->context, (size_t)(source - audit->sources), offset) < deadline)
        audit_found(audit->report, AUDIT_EXPIRED, AUDIT_AT ": the event expired without having been in conflict past its deadline of %lld ms",
                    AUDIT_AT_ARGS(source->log, offset), (long long)deadline);
}

static void came_in(struct audit *audit, const struct audit_event *event)
{
    if (event->kind == AUDIT_KIND_DEPOSIT)
        audit->money += event->numbers[AUDIT_FIELD_AMOUNT];
    if (event->kind == AUDIT_KIND_GRANT)
        audit->items += audit_hash(1, event->names[AUDIT_FIELD_ITEM].data, event->names[AUDIT_FIELD_ITEM].size);
}

/* malformed, duplicate, deadline, rule. `outcome` NULL: lost, so only what the log alone says. */
static void decide(struct audit *audit, struct audit_source *source, size_t at, const struct audit_outcome *outcome, const struct audit_event *event,
                   struct audit_verdict *verdict)
{
    int64_t offset = source->log->messages[at].offset;
    const struct audit_seen *first;

    if (event->reason) {
        refuse(verdict, "malformed", event->reason);
        return;
    }
    first = find_seen(audit, source, event, offset);
    if (first) {
        refuse(verdict, "duplicate", first->content == event->content ? "delivered_again" : "id_reused");
        verdict->duplicate = true;
        verdict->first_offset = first->offset;
        verdict->first_status = first->status;
        return;
    }
    if (!outcome) {
        record_seen(audit, source, event, offset, NULL);
        return;
    }
    if (audit_claims(audit, outcome, event, "expired")) {
        check_expired(audit, source, at, event);
        refuse(verdict, "expired", "deadline");
    } else {
        audit_decide(&verdict->decision, &audit->market, shard_of(audit, outcome), event);
        if (!verdict->decision.reason)
            came_in(audit, event);
    }
    record_seen(audit, source, event, offset, verdict->decision.status);
}

/* Whether an operator's word made it malformed so. With `outcome` NULL it is lost, and may have been. */
static bool by_word(struct audit *audit, struct audit_source *source, size_t at, const struct audit_outcome *outcome, struct audit_event *event,
                    enum audit_malformed way)
{
    static const struct {
        enum audit_happening_kind wish;
        const char *reason, *claim;
    } ways[AUDIT_MALFORMED_WAYS] = {[AUDIT_BY_QUARANTINE] = {AUDIT_QUARANTINED, "quarantined", "malformed\",\"reason\":\"quarantined"},
                                    [AUDIT_BY_SKIP] = {AUDIT_SKIPPED, "skipped", "malformed\",\"reason\":\"skipped"}};
    struct audit_letter *letter = &source->slots[at].letters[way];

    if (!audit_in_range(source, ways[way].wish, source->log->messages[at].offset) || (outcome && !audit_claims(audit, outcome, event, ways[way].claim)))
        return false;
    letter->reason = ways[way].reason;
    letter->rules |= outcome && !outcome->undone;
    event->reason = outcome ? ways[way].reason : event->reason;
    return outcome != NULL;
}

/* `outcome` NULL: lost, so that nobody knows which of the ways it was. */
static void decode(struct audit *audit, struct audit_source *source, size_t at, const struct audit_outcome *outcome, struct audit_event *event)
{
    struct audit_letter *itself = &source->slots[at].letters[AUDIT_BY_ITSELF];

    audit_event_decode(event, &audit->members, audit->arena, &source->log->messages[at]);
    if (by_word(audit, source, at, outcome, event, AUDIT_BY_QUARANTINE)) {
        event->traceparent = (struct bytes){NULL, 0};      /* nothing of it is read */
        return;
    }
    if (by_word(audit, source, at, outcome, event, AUDIT_BY_SKIP))
        return;
    itself->reason = event->reason;
    itself->rules |= outcome && !outcome->undone && event->reason;
}

/* A mark that was made anew knows no time of before. */
static void begin_time_anew(struct audit_source *source, int64_t offset)
{
    for (struct audit_range *range = source->ranges; range; range = range->next)
        if (range->kind == AUDIT_MARK_ANEW && range->pass == source->pass && !range->passed && range->end <= offset) {
            range->passed = true;
            source->time = -1;
        }
}

static void replay_one(struct audit *audit, struct audit_source *source, size_t at, const struct audit_outcome *outcome)
{
    struct audit_event event;
    struct audit_verdict verdict;

    verdict.event = &event;
    verdict.duplicate = false;
    verdict.decision.facts_size = verdict.decision.invalid_count = 0;
    begin_time_anew(source, source->log->messages[at].offset);
    advance(source, source->log->messages[at].timestamp);
    decode(audit, source, at, outcome, &event);
    decide(audit, source, at, outcome, &event, &verdict);
    source->slots[at].replayed = outcome != NULL;
    if (outcome)
        audit_check_outcome(audit, outcome, &verdict);
}

/* Nobody has decided it, or nobody was to decide it again. */
static bool is_undecided(const struct audit_source *source, size_t at)
{
    int64_t offset = source->log->messages[at].offset;

    return audit_in_range(source, AUDIT_GAP, offset) || (source->slots[at].outcomes && audit_in_range(source, AUDIT_PASSED, offset));
}

/* Everything below the offset that has no outcome: lost or undecided, or missing, which is said in the end. */
static void catch_up(struct audit *audit, struct audit_source *source, size_t at)
{
    for (; source->cursor < at; source->cursor++)
        if (!is_undecided(source, source->cursor))
            replay_one(audit, source, source->cursor, NULL);
}

static void replay_outcome(struct audit *audit, const struct audit_outcome *outcome)
{
    struct audit_source *source = &audit->sources[outcome->source];
    int64_t offset = offset_of(audit, outcome);

    if (outcome->undone) {
        struct audit_event event;

        decode(audit, source, outcome->index, outcome, &event);      /* its dead letter stands, though the decision went with an older Redis */
        audit_check_headers(audit, outcome, &event);
        return;
    }
    if (source->slots[outcome->index].replayed) {
        audit_found(audit->report, AUDIT_DECIDED_TWICE, AUDIT_AT ": a second decision that took effect, outcome at offset %lld of partition %d",
                    AUDIT_AT_ARGS(source->log, offset), (long long)outcome->record->offset, (int)outcome->partition);
        return;
    }
    if (outcome->index < source->cursor) {    /* its sequence is wrong, which was said */
        source->slots[outcome->index].replayed = true;
        return;
    }
    catch_up(audit, source, outcome->index);
    replay_one(audit, source, outcome->index, outcome);
    source->cursor = outcome->index + 1;
}

/* --- what happened from outside */

static void decide_again(struct audit_source *source, const struct audit_happening *h)
{
    for (size_t i = source->log->count; i-- > 0 && source->log->messages[i].offset >= h->from;) {
        source->slots[i].replayed &= source->log->messages[i].offset >= h->end;
        source->cursor = i < source->cursor ? i : source->cursor;
    }
    source->time = -1;
    source->pass++;
}

static void happen(struct audit *audit, const struct audit_happening *h)
{
    audit_sum money = audit->market.money;
    uint64_t items = audit->market.items;

    if (h->kind == AUDIT_AGAIN)
        decide_again(&audit->sources[h->source], h);
    else if (h->kind == AUDIT_MARKET_IS)
        audit_market_load(&audit->market, h->keys, h->shard);
    else if (h->kind == AUDIT_FOREIGN && !audit_market_foreign(&audit->market, h->args, h->args_count))
        audit_found(audit->report, AUDIT_WORLD_UNREADABLE, "another program's command %.*s is not known here", h->args_count ? (int)h->args[0].size : 0,
                    h->args_count ? h->args[0].data : "");
    audit->money += audit->market.money - money;
    audit->items += audit->market.items - items;
}

/* All of the market's that took effect before an outcome of this place. */
static void happen_until(struct audit *audit, size_t *at, int32_t shard, const struct audit_place *place)
{
    for (; *at < audit->world->happenings_count; ++*at) {
        const struct audit_happening *h = &audit->world->happenings[*at];

        if ((h->kind != AUDIT_FOREIGN && h->kind != AUDIT_MARKET_IS && h->kind != AUDIT_AGAIN) || h->shard != shard || audit->undone[*at])
            continue;
        if (place && compare_places(&h->place, place) >= 0)
            return;
        happen(audit, h);
    }
}

static void report_missing(struct audit *audit, const struct audit_source *source)
{
    for (size_t i = 0; i < source->log->count; i++) {
        int64_t offset = source->log->messages[i].offset;

        if (source->slots[i].replayed || offset < source->log->start || is_undecided(source, i) || audit_in_range(source, AUDIT_LOST, offset))
            continue;
        audit_found(audit->report, AUDIT_OUTCOME_MISSING, AUDIT_AT ": no outcome%s", AUDIT_AT_ARGS(source->log, offset),
                    source->slots[i].outcomes ? " but one whose effects went with an older Redis" : "");
    }
}

/* A market that was muddled is none that could be replayed behind the last entry that Redis still knew when it came back older before that: the first
 * time, if it did several times. */
static bool is_muddled_from(const struct audit *audit, int32_t shard, struct audit_place *from)
{
    const struct audit_world *world = audit->world;
    bool older = false, muddled = false;

    for (size_t i = 0; i < world->happenings_count; i++) {
        const struct audit_happening *h = &world->happenings[i];

        if (h->shard != shard)
            continue;
        if (h->kind == AUDIT_RESTORED && (!older || compare_ids(&h->to, from) < 0))
            *from = h->to;
        older |= h->kind == AUDIT_RESTORED;
        muddled |= h->kind == AUDIT_MUDDLED;
    }
    return muddled;
}

/* Markets one after the other; what happened to those in which nothing was decided comes in the end. */
void audit_replay(struct audit *audit)
{
    size_t at = 0;
    int32_t shards = 1;
    bool any_muddled = false;

    for (size_t i = 0; i < audit->world->sources_count; i++)
        if (audit->world->sharded && audit->sources[i].log->partition >= shards)
            shards = audit->sources[i].log->partition + 1;
    sort(audit);
    mark_undone(audit);
    for (int32_t shard = 0; shard < shards; shard++) {
        struct audit_place from = {0, 0, 0};
        bool muddled = is_muddled_from(audit, shard, &from);
        size_t happened = 0;

        any_muddled |= muddled;
        for (; at < audit->order_count && shard_of(audit, audit->order[at]) == shard; at++) {
            check_sequence(audit, audit->order[at], at ? audit->order[at - 1] : NULL);
            audit->report->muddled = muddled && compare_ids(&audit->order[at]->place, &from) > 0;
            happen_until(audit, &happened, shard, &audit->order[at]->place);
            replay_outcome(audit, audit->order[at]);
        }
        happen_until(audit, &happened, shard, NULL);
    }
    audit->report->muddled = any_muddled;      /* for the market as it is in the end */
    for (size_t i = 0; i < audit->world->sources_count; i++)
        report_missing(audit, &audit->sources[i]);
}
