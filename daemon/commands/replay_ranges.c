#include <string.h>
#include <sysexits.h>

#include "commands/replay.h"
#include "history/ranges.h"

/* From the snapshot's marks on, whatever the log holds before. */
static int begin_at_state(struct replay_job *job)
{
    for (size_t i = 0; i < job->ranges_count; i++) {
        struct journal_range *range = &job->ranges[i];
        const struct snapshot_mark *found = snapshot_mark_of(job->state, range->topic, range->partition);

        if (!found)
            return complain("replay", EX_CONFIG, "--state %s: the snapshot knows no %s:%d: one of this market would be right", job->request->state, range->topic, range->partition);
        if (found->mark.next < range->from)
            return complain("replay", EX_CONFIG, "--state %s: %s:%d goes on at offset %lld, and retention has deleted what lies below %lld: a later snapshot would be right",
                                 job->request->state, range->topic, range->partition, (long long)found->mark.next, (long long)range->from);
        if (found->mark.next > range->to)
            return complain("replay", EX_CONFIG, "--state %s: %s:%d goes on at offset %lld, above %lld where the replay ends: a later --to, or an earlier snapshot, would be right",
                                 job->request->state, range->topic, range->partition, (long long)found->mark.next, (long long)range->to);
        range->from = found->mark.next;
        if (found->outcomes_from > range->outcomes_from && found->outcomes_from <= range->outcomes_to)
            range->outcomes_from = found->outcomes_from;
    }
    return 0;
}

int replay_ranges(struct replay_job *job)
{
    struct error_text error = {""};
    struct ranges_options options = {
        .in = job->in, .kafka = site_consumer(&job->live), .topics = job->live.topics.items, .topics_count = job->live.topics.count,
        .registry = job->has_registry ? &job->registry : NULL, .number = job->number,
        .outcomes = job->incarnation[0] ? job->live.config->kafka.outcomes : NULL, .incarnation = job->incarnation[0] ? job->incarnation : NULL,
        .from = &job->request->from, .to = &job->request->to, .timeout_ms = SITE_QUESTION_MS,
    };
    int r = ranges_make(&job->ranges, &job->ranges_count, &options, &error);

    if (r == -EPROTO)
        return complain("replay", EX_CONFIG, "%s", error.text);
    if (r)
        return complain("replay", r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, "kafka: %s", error.text[0] ? error.text : strerror(-r));
    return job->state ? begin_at_state(job) : 0;
}
