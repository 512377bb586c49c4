/* One event: what it was, what became of it, and whether the one follows from the other. */
#include <string.h>

#include "audit/bearing.h"
#include "audit/form.h"
#include "audit/inside.h"

void audit_decode(struct audit *audit, const struct kafka_message *source)
{
    struct kafka_header headers[EVENT_HEADERS_MAX];
    size_t count = kafka_message_headers(source, headers, EVENT_HEADERS_MAX);

    if (count <= EVENT_HEADERS_MAX) {
        event_decode(&audit->decoded, source->value, headers, count);
        return;
    }
    memset(&audit->decoded, 0, sizeof audit->decoded);
    event_condemn(&audit->decoded, REASON_TOO_MANY_HEADERS, "more than 64 headers are not read");
}

static bool found(struct audit *audit, struct trial *trial, enum finding_kind kind, const struct error_text *why)
{
    trial->finding.kind = kind;
    findings_say(audit->findings, &trial->finding, "%s", why->text);
    return false;
}

struct chain_place place_of(const struct track *track, int64_t offset, const struct blank_point *at, const struct audit_record *outcome)
{
    return (struct chain_place){track->index, offset, at->era, at->id, at->place, outcome->partition, outcome->offset};
}

static struct blank_point point_of(const struct trial *trial)
{
    if (trial->waiting)
        return trial->waiting->at;
    return (struct blank_point){trial->identity.era, trial->identity.id, trial->identity.place};
}

/* It is of the event that its value names, and said already of that one where it is audited. */
static void say_misnamed(struct audit *audit, struct trial *trial)
{
    const struct decision *decision = &audit->decision;
    struct finding finding = trial->finding;
    int64_t range = copies_range(audit->copies, decision->topic, decision->partition);

    if (range >= 0) {
        finding.range = range;
        finding.offset = decision->offset;
    }
    finding.kind = FINDING_OUTCOME_MISNAMED;
    findings_say(audit->findings, &finding, "ce_id names offset %lld, its value is of %.*s/%d/%lld", (long long)trial->offset, (int)decision->topic.size, decision->topic.data,
                 decision->partition, (long long)decision->offset);
}

/* Reads what the outcome says. False where it says nothing that can be used. */
static bool read_outcome(struct audit *audit, struct trial *trial)
{
    struct error_text why;

    if (decision_read(&audit->decision, trial->outcome->value, &why)) {
        trial->track->table.unread++;
        return found(audit, trial, FINDING_OUTCOME_UNREADABLE, &why);
    }
    if (decision_is_of(&audit->decision, &trial->identity))
        return true;
    trial->track->table.unread++;
    say_misnamed(audit, trial);
    return false;
}

/* Whether a dead letter followed it into the outbox: of what the message is like, or by an operator's word. */
static bool is_lettered(const struct audit *audit, const struct trial *trial)
{
    const struct decision *decision = &audit->decision;

    if (decision->status == STATUS_MALFORMED && (!trial->source || decision->reason == REASON_QUARANTINED || decision->reason == REASON_SKIPPED))
        return true;
    return trial->source ? audit->decoded.reason != REASON_NONE : false;
}

static void check_sequence(struct audit *audit, struct trial *trial)
{
    struct track *track = trial->track;
    struct finding finding = trial->finding;
    struct order_step wrong, step = {.at = point_of(trial), .sequenced = trial->waiting || trial->identity.sequenced, .joined = track->joined,
                                     .lettered = is_lettered(audit, trial), .offset = trial->offset, .partition = trial->outcome->partition,
                                     .record = trial->outcome->offset};
    struct error_text why;

    track->joined = true;
    if (!order_next(&track->order, &step, &wrong, &why))
        return;
    finding.kind = FINDING_SEQUENCE;
    finding.offset = wrong.offset;
    finding.partition = wrong.partition;
    finding.at = wrong.record;
    findings_say(audit->findings, &finding, "%s", why.text);
}

/* What the record is like; false where its names and numbers cannot be believed. */
static bool check_form(struct audit *audit, struct trial *trial)
{
    const struct form form = {trial->outcome, &trial->identity, &audit->decision, trial->source, trial->source ? &audit->decoded : NULL, &audit->scratch};
    struct error_text why;

    if (!form_event(&form, &why))
        return found(audit, trial, FINDING_EVENT, &why);
    if (!form_headers(&form, &why))
        (void)found(audit, trial, FINDING_HEADERS, &why);
    if (!form_key(&form, &why))
        (void)found(audit, trial, FINDING_KEY, &why);
    return true;
}

static bool is_ruled(enum status status)
{
    return status == STATUS_APPLIED || status == STATUS_REJECTED;
}

/* Its values, in their place in the order. What waits in the outbox may have had its turn already. */
static int take_values(struct audit *audit, struct trial *trial)
{
    const struct blank_point at = point_of(trial);
    const struct chain_place place = place_of(trial->track, trial->offset, &at, trial->outcome);
    struct error_text why;
    int r;

    if (trial->waiting && trial->waiting->chained)
        return 0;
    r = chain_take(audit->chain, &place, &audit->decision, &why);
    if (r != -EBADMSG)
        return r;
    (void)found(audit, trial, FINDING_FACTS, &why);
    chain_doubt(audit->chain, &audit->decision.event);
    return 0;
}

static int check_facts(struct audit *audit, struct trial *trial)
{
    struct error_text why;

    if (trial->believed && !bearing_check(&audit->decision, &why))
        trial->believed = found(audit, trial, FINDING_FACTS, &why);
    if (trial->believed)
        return is_ruled(audit->decision.status) ? take_values(audit, trial) : 0;
    if (trial->source && audit->decoded.reason == REASON_NONE)
        chain_doubt(audit->chain, &audit->decoded.event);
    return 0;
}

static void count(struct audit *audit, struct trial *trial)
{
    const struct decision *decision = &audit->decision;
    struct audit_table *table = &trial->track->table;
    int kind = decision->status == STATUS_MALFORMED ? EVENT_KIND_COUNT : (int)decision->event.kind;

    table->of[kind][decision->status]++;
    table->consumed++;
    table->waiting += trial->waiting != NULL;
    table->compacted += !trial->source;
}

/* An outcome of an event that is not there: compaction may have taken it, and nothing else. */
static void check_source(struct audit *audit, struct trial *trial)
{
    struct error_text why;

    if (trial->source)
        return;
    trial->track->exact = false;
    if (trial->track->range->compacted)
        return;
    error_set(&why, 0, "there is no message at offset %lld of %s, and its topic is not compacted", (long long)trial->offset, trial->track->range->at);
    (void)found(audit, trial, FINDING_OUTCOME_STRAY, &why);
}

/* The event has an outcome, published or waiting. */
static int try_recorded(struct audit *audit, struct trial *trial)
{
    struct track *track = trial->track;
    int r = 0;

    trial->readable = trial->believed = read_outcome(audit, trial);
    if (trial->readable) {
        check_source(audit, trial);
        check_sequence(audit, trial);
        trial->believed = check_form(audit, trial);
        r = repeat_check(audit, trial);
        if (!r)
            r = check_facts(audit, trial);
        count(audit, trial);
    } else {
        bool ruled = false;

        track->joined = false;
        if (trial->source)
            r = repeat_guess(audit, trial, &ruled);
        if (ruled)
            chain_doubt(audit->chain, &audit->decoded.event);
        track->table.consumed++;
    }
    if (track->first_offset < 0)
        track->first_offset = trial->offset;
    track->last = point_of(trial);
    track->last_offset = trial->offset;
    if (!r && trial->lettered)
        r = letters_expect(audit, trial);
    return r;
}

static const struct audit_gap *gap_of(const struct audit *audit, size_t range, int64_t offset)
{
    for (size_t i = 0; i < audit->options.gaps_count; i++) {
        const struct audit_gap *gap = &audit->options.gaps[i];

        if (gap->range == range && offset >= gap->from && offset < gap->to)
            return gap;
    }
    return NULL;
}

/* Why an event has no outcome. */
enum absence { ABSENT_UNDECIDED, ABSENT_PASSED, ABSENT_ELSEWHERE, ABSENT_TOLD, ABSENT_WRONG };

static enum absence absence_of(const struct audit *audit, const struct trial *trial, const struct copies_seen *seen)
{
    struct track *track = trial->track;
    struct audit_table *table = &track->table;
    const struct audit_gap *gap = gap_of(audit, track->index, trial->offset);

    if (trial->offset >= track->range->must && trial->offset >= copies_highest(audit->copies, track->index))
        return table->undecided++, ABSENT_UNDECIDED;
    table->consumed++;
    if (seen->former && !seen->here)
        return table->former++, ABSENT_ELSEWHERE;
    if (gap)
        return gap->decided ? (table->missing++, ABSENT_TOLD) : (table->passed++, ABSENT_PASSED);
    if (track->range->outcomes_start > 0 && track->first_offset < 0 && !seen->here)
        return table->gone++, ABSENT_ELSEWHERE;
    return table->missing++, ABSENT_WRONG;
}

static void say_missing(struct audit *audit, struct trial *trial, const struct copies_seen *seen)
{
    const char *why = trial->offset < trial->track->range->must ? "the mark or the commit is above it" : "later events are decided";

    if (!seen->here) {
        trial->finding.kind = FINDING_OUTCOME_MISSING;
        findings_say(audit->findings, &trial->finding, "it has no outcome, and must have one: %s", why);
        return;
    }
    trial->finding.kind = FINDING_OUTCOME_ORDER;
    trial->finding.topic = FINDING_OUTCOMES;
    trial->finding.partition = trial->track->range->partition;
    trial->finding.at = seen->at;
    findings_say(audit->findings, &trial->finding, "its outcome does not stand between those of its neighbours");
}

/* It has no outcome, or none in its place. */
static int try_unrecorded(struct audit *audit, struct trial *trial)
{
    const struct blank_point start = {0, {0, 0}, 0};
    struct track *track = trial->track;
    const struct chain_place after = {.range = track->index, .era = track->last.era, .id = track->last.id, .place = track->last.place};
    struct copies_seen seen;
    enum absence absence;
    bool ruled;
    int r = copies_of(audit->copies, track->index, trial->offset, &seen);

    if (r)
        return r;
    absence = absence_of(audit, trial, &seen);
    if (absence == ABSENT_WRONG)
        say_missing(audit, trial, &seen);
    if (absence == ABSENT_UNDECIDED || absence == ABSENT_PASSED)
        return 0;
    track->joined = false;
    r = repeat_guess(audit, trial, &ruled);
    if (absence == ABSENT_ELSEWHERE)
        track->exact = false;
    else if (!r && ruled)
        chain_miss(audit->chain, blank_compare(track->last, start) ? &after : NULL, track->index, &audit->decoded.event);
    return r;
}

/* Published: it has a place in the order, and what waits in the outbox and comes before is due. */
static int try_published(struct audit *audit, struct trial *trial, const struct journal_event *event)
{
    struct chain_place here;
    struct blank_point at;
    int r;

    audit_record_of(&audit->outcome, &event->outcome);
    trial->outcome = &audit->outcome;
    trial->identity = event->identity;
    trial->finding.topic = FINDING_OUTCOMES;
    trial->finding.partition = event->outcome.partition;
    trial->finding.at = event->outcome.offset;
    at = point_of(trial);
    here = place_of(trial->track, trial->offset, &at, trial->outcome);
    r = waiting_before(audit, &at);
    chain_reached(audit->chain, &here);
    return r ? r : try_recorded(audit, trial);
}

static int try_waiting(struct audit *audit, struct trial *trial)
{
    int r = waiting_before(audit, &trial->waiting->at);

    trial->outcome = &trial->waiting->record;
    trial->identity = trial->waiting->identity;
    return r ? r : try_recorded(audit, trial);
}

int audit_event(struct audit *audit, const struct journal_event *event)
{
    struct track *track = &audit->tracks[event->range];
    struct trial trial = {.track = track, .offset = event->offset, .source = event->sourced ? &event->source : NULL};

    trial.finding = (struct finding){.range = (int64_t)event->range, .offset = event->offset, .partition = -1, .at = -1};
    if (trial.source) {
        audit_decode(audit, trial.source);
        track->time = window_advance(track->time, trial.source->timestamp);
        track->last_message = event->offset;
    }
    if (event->recorded)
        return try_published(audit, &trial, event);
    trial.waiting = waiting_of(track, event->offset);
    return trial.waiting ? try_waiting(audit, &trial) : try_unrecorded(audit, &trial);
}
