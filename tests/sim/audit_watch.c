/* Commits while a history runs: a frontier of what has an outcome, kept for each source. */
#include "sim/audit_own.h"

struct watched {
    bool *delivered;          /* of each message */
    size_t capacity, known;   /* known: messages that were there when it was looked at */
    size_t frontier;          /* the first message without an outcome */
};

struct audit_watch {
    struct watched *sources;
    size_t sources_count;
    size_t *read;             /* of each outcome partition: records looked at */
    size_t read_count;
};

int audit_watch_new(struct audit_watch **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
}

void audit_watch_reset(struct audit_watch *watch)
{
    for (size_t i = 0; i < watch->sources_count; i++)
        watch->sources[i].known = watch->sources[i].frontier = 0;
    for (size_t i = 0; i < watch->read_count; i++)
        watch->read[i] = 0;
}

struct audit_watch *audit_watch_free(struct audit_watch *watch)
{
    if (!watch)
        return NULL;
    for (size_t i = 0; i < watch->sources_count; i++)
        free(watch->sources[i].delivered);
    free(watch->sources);
    free(watch->read);
    free(watch);
    return NULL;
}

static void grow(struct audit_watch *watch, const struct audit_world *world)
{
    if (watch->sources_count < world->sources_count) {
        watch->sources = realloc(watch->sources, world->sources_count * sizeof *watch->sources);
        ASSERT(watch->sources);
        memset(watch->sources + watch->sources_count, 0, (world->sources_count - watch->sources_count) * sizeof *watch->sources);
        watch->sources_count = world->sources_count;
    }
    if (watch->read_count < world->outcomes_count) {
        watch->read = realloc(watch->read, world->outcomes_count * sizeof *watch->read);
        ASSERT(watch->read);
        memset(watch->read + watch->read_count, 0, (world->outcomes_count - watch->read_count) * sizeof *watch->read);
        watch->read_count = world->outcomes_count;
    }
}

static void grow_source(struct watched *w, const struct audit_log *log)
{
    if (w->capacity < log->count) {
        w->capacity = 2 * log->count;
        w->delivered = realloc(w->delivered, w->capacity);
        ASSERT(w->delivered);
    }
    if (log->count > w->known)
        memset(w->delivered + w->known, 0, log->count - w->known);
    w->known = log->count;
}

static void read_outcomes(struct audit_watch *watch, const struct audit_world *world)
{
    for (size_t p = 0; p < world->outcomes_count; p++)
        for (; watch->read[p] < world->outcomes[p].count; watch->read[p]++) {
            size_t source, index;
            int64_t offset;

            if (audit_parse_id(world, audit_header_of(&world->outcomes[p].messages[watch->read[p]], "ce_id"), &source, &offset) &&
                audit_message_at(&world->sources[source], offset, &index))
                watch->sources[source].delivered[index] = true;
        }
}

static bool forgiven(const struct audit_world *world, size_t source, int64_t offset)
{
    if (offset < world->sources[source].start)
        return true;
    for (size_t i = 0; i < world->happenings_count; i++) {
        const struct audit_happening *h = &world->happenings[i];

        if ((h->kind == AUDIT_GAP || h->kind == AUDIT_LOST) && h->source == source && offset >= h->from && offset < h->end)
            return true;
    }
    return false;
}

bool audit_commit_is_honest(struct audit_watch *watch, const struct audit_world *world, size_t source, int64_t committed, struct audit_report *report)
{
    const struct audit_log *log = &world->sources[source];
    struct watched *w;

    grow(watch, world);
    for (size_t i = 0; i < world->sources_count; i++)
        grow_source(&watch->sources[i], &world->sources[i]);
    read_outcomes(watch, world);
    w = &watch->sources[source];
    while (w->frontier < log->count && (w->delivered[w->frontier] || forgiven(world, source, log->messages[w->frontier].offset)))
        w->frontier++;
    if (w->frontier == log->count ? committed <= log->end : committed <= log->messages[w->frontier].offset)
        return true;
    audit_found(report, AUDIT_COMMIT_TOO_FAR, "%s/%d: %lld is committed, and offset %lld has no outcome", log->topic, (int)log->partition,
                (long long)committed, w->frontier < log->count ? (long long)log->messages[w->frontier].offset : (long long)log->end);
    return false;
}
