/* What is looked at before any rule: malformed, duplicate, deadline, in that order (PROTOCOL.md 4). */
#include "audit/inside.h"

static bool found(struct audit *audit, struct trial *trial, enum finding_kind kind, const struct error_text *why)
{
    trial->finding.kind = kind;
    findings_say(audit->findings, &trial->finding, "%s", why->text);
    trial->believed = false;
    return false;
}

/* By an operator's word, whatever the message is like. */
static bool is_set_aside(const struct decision *decision)
{
    return decision->status == STATUS_MALFORMED && (decision->reason == REASON_QUARANTINED || decision->reason == REASON_SKIPPED);
}

static bool check_malformed(struct audit *audit, struct trial *trial)
{
    const struct decision *decision = &audit->decision;
    const struct decoded *decoded = &audit->decoded;
    struct error_text why;

    if (is_set_aside(decision) || (decision->status != STATUS_MALFORMED && decoded->reason == REASON_NONE))
        return true;
    if (decision->status == STATUS_MALFORMED && decision->reason == decoded->reason)
        return true;
    if (decoded->reason == REASON_NONE)
        error_set(&why, 0, "it is called malformed, %s, and can be read", reason_name(decision->reason));
    else if (decision->status != STATUS_MALFORMED)
        error_set(&why, 0, "its status is %s, malformed with reason %s would be right: %s", status_name(decision->status), reason_name(decoded->reason), decoded->detail);
    else
        error_set(&why, 0, "its reason is %s, %s would be right: %s", reason_name(decision->reason), reason_name(decoded->reason), decoded->detail);
    return found(audit, trial, FINDING_MALFORMED, &why);
}

/* A record that makes it a duplicate, against what the outcome says of the first decision. */
static bool check_first(struct audit *audit, struct trial *trial, const struct window_record *first)
{
    const struct decision *decision = &audit->decision;
    enum reason reason = first->digest == audit->decoded.digest ? REASON_DELIVERED_AGAIN : REASON_ID_REUSED;
    struct error_text why;

    if (decision->first_offset != first->offset)
        error_set(&why, 0, "its first decision is said to be of offset %lld, %lld would be right", (long long)decision->first_offset, (long long)first->offset);
    else if (first->status != STATUS_COUNT && decision->first_status != first->status)
        error_set(&why, 0, "its first decision is said to be %s, %s would be right", status_name(decision->first_status), status_name(first->status));
    else if (decision->reason != reason)
        error_set(&why, 0, "its reason is %s, %s would be right", reason_name(decision->reason), reason_name(reason));
    else
        return true;
    return found(audit, trial, FINDING_DUPLICATE, &why);
}

/* What lies before the range is not known, nor how far T was. */
static bool check_duplicate_roughly(struct audit *audit, struct trial *trial, struct hash128 key)
{
    const struct window_record *latest = window_latest(trial->track->window, key);

    if (audit->decision.status != STATUS_DUPLICATE)
        return true;
    if (latest && audit->decision.first_offset == latest->offset)
        return check_first(audit, trial, latest);
    trial->track->table.unproved++;
    return true;
}

static bool check_duplicate(struct audit *audit, struct trial *trial, struct hash128 key)
{
    const struct decision *decision = &audit->decision;
    const struct window_record *first = window_find(trial->track->window, key, trial->track->time);
    struct error_text why;

    if (!trial->track->exact)
        return check_duplicate_roughly(audit, trial, key);
    if (first && decision->status == STATUS_DUPLICATE)
        return check_first(audit, trial, first);
    if (!first && decision->status != STATUS_DUPLICATE)
        return true;
    if (first)
        error_set(&why, 0, "its status is %s, duplicate would be right: its id was decided at offset %lld", status_name(decision->status), (long long)first->offset);
    else
        error_set(&why, 0, "it is called a duplicate of offset %lld, which is not so: its id is not in the window", (long long)decision->first_offset);
    return found(audit, trial, FINDING_DUPLICATE, &why);
}

static bool check_deadline(struct audit *audit, struct trial *trial)
{
    const struct event *event = &audit->decoded.event;
    struct error_text why;

    if (audit->decision.status != STATUS_EXPIRED || event->deadline_ms > 0 || audit->options.deadline_ms[event->kind] > 0)
        return true;
    error_set(&why, 0, "it expired, and neither deadline_ms of its kind nor its own says when it could");
    return found(audit, trial, FINDING_EXPIRED, &why);
}

/* A former rule ends where the next event lies at or behind its offset. */
static void choose_rule(struct audit *audit, struct trial *trial)
{
    struct track *track = trial->track;

    if (!track->rule || trial->offset < track->rule->until)
        return;
    track->rule = audit_rule_at(&audit->options, track->index, trial->offset);
    track->exact = false;      /* what a larger window lacks lies before it was one */
    if (track->rule)
        window_set(track->window, (size_t)track->rule->ids, track->rule->window_s * 1000);
    else
        window_set(track->window, (size_t)audit->options.ids, audit->options.window_s * 1000);
}

static struct hash128 key_of(const struct audit *audit, const struct trial *trial)
{
    const struct decoded *decoded = &audit->decoded;

    return window_key(trial->track->window, (struct bytes){decoded->source, decoded->source_size}, (struct bytes){decoded->id, decoded->id_size});
}

static int remember(struct audit *audit, struct trial *trial, struct hash128 key, enum status status)
{
    struct window_record record = {.key = key, .offset = trial->offset, .time = trial->track->time, .digest = audit->decoded.digest, .status = status};

    return window_add(trial->track->window, &record);
}

int repeat_check(struct audit *audit, struct trial *trial)
{
    const struct decision *decision = &audit->decision;
    struct hash128 key;
    bool again;

    choose_rule(audit, trial);
    trial->lettered = decision->status == STATUS_MALFORMED && (is_set_aside(decision) || !trial->source || audit->decoded.reason);
    if (!trial->source)
        return 0;
    if (!check_malformed(audit, trial))
        return repeat_guess(audit, trial, &again);
    if (is_set_aside(decision) || audit->decoded.reason)
        return 0;
    key = key_of(audit, trial);
    if (trial->track->exact)
        again = window_find(trial->track->window, key, trial->track->time) != NULL;
    else
        again = decision->status == STATUS_DUPLICATE;
    if (check_duplicate(audit, trial, key) && !again)
        (void)check_deadline(audit, trial);
    return again ? 0 : remember(audit, trial, key, trial->believed ? decision->status : STATUS_COUNT);
}

int repeat_guess(struct audit *audit, struct trial *trial, bool *ruled)
{
    struct hash128 key;

    choose_rule(audit, trial);
    *ruled = false;
    if (!trial->source || audit->decoded.reason)
        return 0;
    key = key_of(audit, trial);
    if (window_find(trial->track->window, key, trial->track->time))
        return 0;
    *ruled = true;
    return remember(audit, trial, key, STATUS_COUNT);
}
