#include "audit/audit.h"

#include <stdlib.h>

#include "audit/inside.h"

enum { SCRATCH_MAX = 1 << 30 };

const struct audit_rule *audit_rule_at(const struct audit_options *options, size_t range, int64_t offset)
{
    for (size_t i = 0; i < options->rules_count; i++)
        if (options->rules[i].range == range && options->rules[i].until > offset)
            return &options->rules[i];
    return NULL;
}

static int make_tracks(struct audit *audit)
{
    const struct audit_options *options = &audit->options;
    struct hash_key key = {audit->options.seed, ~audit->options.seed};

    audit->tracks = calloc(options->ranges_count + 1, sizeof *audit->tracks);
    if (!audit->tracks)
        return -ENOMEM;
    for (size_t i = 0; i < options->ranges_count; i++) {
        struct track *track = &audit->tracks[i];
        const struct audit_rule *rule = audit_rule_at(options, i, options->ranges[i].from);
        int r = window_new(&track->window, key, (size_t)(rule ? rule->ids : options->ids), 1000 * (rule ? rule->window_s : options->window_s));

        if (r)
            return r;
        track->range = &options->ranges[i];
        track->index = i;
        track->rule = rule;
        track->exact = track->range->begins;
        track->time = WINDOW_TIME_NONE;
        track->first_offset = track->last_offset = track->last_message = -1;
    }
    return 0;
}

static int make_letters(struct audit *audit, struct error_text *error)
{
    const struct audit_options *options = &audit->options;
    uint64_t *slots;
    int r;

    if (!options->letters_partitions)
        return 0;
    slots = calloc(options->ranges_count + 1, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < options->ranges_count; i++)
        if (options->ranges[i].log_end > options->ranges[i].from)
            slots[i] = (uint64_t)(options->ranges[i].log_end - options->ranges[i].from);
    r = spill_new(&audit->letters, options->folder, slots, options->ranges_count, error);
    free(slots);
    return r;
}

static int make_parts(struct audit *audit, struct error_text *error)
{
    const struct audit_options *options = &audit->options;
    const struct copies_options copies = {options->ranges,   options->ranges_count, options->incarnation, options->registry,
                                          audit->findings, options->folder,       options->seed};
    const struct chain_options chain = {options->fold, audit->findings, options->ranges, options->whole, options->kept};
    int r = copies_new(&audit->copies, &copies, error);

    if (!r)
        r = make_letters(audit, error);
    if (!r)
        r = chain_new(&audit->chain, &chain);
    return r ? r : make_tracks(audit);
}

int audit_new(struct audit **out, const struct audit_options *options, struct error_text *error)
{
    struct audit *audit = calloc(1, sizeof *audit);
    int r = audit ? 0 : -ENOMEM;

    error_set(error, 0, "no memory");
    if (r)
        return r;
    audit->options = *options;
    buffer_init(&audit->scratch, SCRATCH_MAX);
    r = findings_new(&audit->findings, options->kept);
    if (!r)
        r = make_parts(audit, error);
    if (r) {
        audit_free(audit);
        return r;
    }
    *out = audit;
    return 0;
}

struct audit *audit_free(struct audit *audit)
{
    if (!audit)
        return NULL;
    waiting_free(audit);
    for (size_t i = 0; audit->tracks && i < audit->options.ranges_count; i++)
        window_free(audit->tracks[i].window);
    free(audit->tracks);
    chain_free(audit->chain);
    spill_free(audit->letters);
    copies_free(audit->copies);
    findings_free(audit->findings);
    buffer_deinit(&audit->scratch);
    free(audit);
    return NULL;
}

int audit_seen_before(struct audit *audit, size_t range, const struct window_record *record)
{
    return window_add(audit->tracks[range].window, record);
}

void audit_time_before(struct audit *audit, size_t range, int64_t time)
{
    audit->tracks[range].time = time;
    audit->tracks[range].exact = true;
}

int audit_record(struct audit *audit, const struct kafka_message *message)
{
    audit_record_of(&audit->record, message);
    return copies_take(audit->copies, &audit->record);
}

static void end_track(struct audit *audit, struct track *track)
{
    struct finding finding = {.kind = FINDING_SEQUENCE, .range = (int64_t)track->index, .topic = FINDING_OUTCOMES};
    struct order_step wrong;
    struct error_text why;

    if (!order_end(&track->order, &wrong, &why))
        return;
    finding.offset = wrong.offset;
    finding.partition = wrong.partition;
    finding.at = wrong.record;
    findings_say(audit->findings, &finding, "%s", why.text);
}

/* Where Redis was looked at, it knows every decision that was read. */
static void check_era(struct audit *audit, const struct track *track)
{
    struct finding finding = {.kind = FINDING_REGISTRY, .range = (int64_t)track->index, .offset = -1, .partition = -1, .at = -1};
    const struct registry *registry = audit->options.registry;

    if (registry && track->range->outcomes_early >= 0 && track->last.era > registry->era)
        findings_say(audit->findings, &finding, "its last outcome is of era %lld, and the registry's era is %lld", (long long)track->last.era, (long long)registry->era);
}

int audit_finish(struct audit *audit)
{
    for (size_t i = 0; i < audit->options.ranges_count; i++) {
        end_track(audit, &audit->tracks[i]);
        check_era(audit, &audit->tracks[i]);
    }
    chain_finish(audit->chain);
    return letters_finish(audit);
}

struct findings *audit_findings(struct audit *audit)
{
    return audit->findings;
}

struct chain *audit_chain(struct audit *audit)
{
    return audit->chain;
}

const struct audit_table *audit_table(const struct audit *audit, size_t range)
{
    return &audit->tracks[range].table;
}

struct copies_counts audit_copies(const struct audit *audit)
{
    return copies_counts(audit->copies);
}

int64_t audit_time(const struct audit *audit, size_t range)
{
    return audit->tracks[range].time;
}

const struct window *audit_window(const struct audit *audit, size_t range, bool *exact)
{
    *exact = audit->tracks[range].exact;
    return audit->tracks[range].window;
}

int64_t audit_last_message(const struct audit *audit, size_t range)
{
    return audit->tracks[range].last_message;
}

int64_t audit_published_early(const struct audit *audit, size_t range)
{
    return copies_early(audit->copies, range);
}

uint64_t audit_file_bytes(const struct audit *audit)
{
    return copies_file_bytes(audit->copies) + (audit->letters ? spill_bytes(audit->letters) : 0);
}

int audit_published(struct audit *audit, size_t range, int64_t offset, struct copies_seen *out)
{
    return copies_of(audit->copies, range, offset, out);
}

uint64_t audit_digest(const struct audit *audit, struct bytes key, const struct kafka_header *headers, size_t count, struct bytes value)
{
    return copies_digest(audit->copies, key, headers, count, value);
}
