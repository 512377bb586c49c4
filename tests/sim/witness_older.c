/* Redis came back older: what it lost of one partition is lacking in balances that events of another one rest on. So where the outcome topic shows the
 * loss, PROTOCOL 5 has nobody decide anything before the market is halted, whichever partition is taken over first. Judged where every connection was
 * closed: beneath one that outlives it, an owner may go on until its next look. */
#include "sim/witness_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/history.h"

/* "orders/3/17" of that partition; -1: of another. */
static int64_t offset_of(const struct logged *outcome, const struct audit_log *source)
{
    struct bytes id = kafka_log_header(outcome, "ce_id");
    char begin[96];
    size_t size = (size_t)snprintf(begin, sizeof begin, "%s/%d/", source->topic, (int)source->partition);

    return id.size > size && memcmp(id.data, begin, size) == 0 ? strtoll(id.data + size, NULL, 10) : -1;
}

static bool is_of(const struct logged *outcome, struct bytes incarnation)
{
    struct bytes source = kafka_log_header(outcome, "ce_source");
    size_t begin = strlen("/orderd/");

    return source.size > begin && bytes_equal((struct bytes){source.data + begin, source.size - begin}, incarnation);
}

/* Decided under this registry's name, and the mark does not know of it. */
static void look(struct witness *w, size_t source, int32_t shard)
{
    const struct audit_log *log = &w->sources[source].log;
    const struct log_partition *out = kafka_log_partition(&world->kafka, "out", log->partition);
    struct bytes incarnation = keys_incarnation(w->plan, shard);
    struct keys_mark mark = keys_mark(w->plan, log->topic, log->partition);

    for (size_t i = 0; out && mark.there && incarnation.size && i < out->count; i++) {
        const struct logged *outcome = &out->messages[i];
        int64_t of = outcome->offset >= out->start && is_of(outcome, incarnation) ? offset_of(outcome, log) : -1;

        if (of >= mark.next)
            w->older[shard] = (struct older){true, source, outcome->offset, of, mark.next};
    }
}

void witness_older_look(struct witness *w, bool closed)
{
    witness_older_unknown(w);
    for (size_t i = 0; closed && i < w->world.sources_count; i++) {
        int32_t shard = w->plan->settings.sharded ? w->sources[i].log.partition : 0;

        if (!keys_is_halted(w->plan, shard))
            look(w, i, shard);
    }
    for (int32_t i = 0; i < witness_shards(w); i++)
        if (w->older[i].due)
            coverage_note(history->coverage, COVERED_came_older);
}

void witness_older_executed(struct witness *w, int32_t shard, bool by_operator)
{
    if (!w->older[shard].due || (!by_operator && !keys_is_halted(w->plan, shard)))
        return;
    if (!by_operator)
        coverage_note(history->coverage, COVERED_halted_in_time);
    w->older[shard].due = false;
}

/* Retention may have taken the outcome meanwhile: then nobody can know. */
void witness_older_decided(struct witness *w, int32_t shard, const char *topic, int32_t partition)
{
    const struct older *older = &w->older[shard];
    const struct audit_log *lost = &w->sources[older->source].log;
    const struct log_partition *out = kafka_log_partition(&world->kafka, "out", lost->partition);

    if (older->due && out && out->start <= older->at)
        witness_fault(w, "DECIDED_BEFORE_HALT", "%s:%d was decided while no halt was written, though redis had come back older: %s:%d went back to offset %lld, and the "
                      "outcome of its offset %lld lay at out/%d@%lld", topic, (int)partition, lost->topic, (int)lost->partition, (long long)older->next,
                      (long long)older->of, (int)lost->partition, (long long)older->at);
}

void witness_older_unknown(struct witness *w)
{
    memset(w->older, 0, sizeof w->older);
}
