/* What stands against bringing a snapshot back, looked at before anything is written. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/restore_inside.h"
#include "base/number.h"
#include "store/scan.h"

enum { SCAN_COUNT = 1000 };

/* --- the namespace */

/* Whether a key behind the prefix is the market's or orderd's own. */
static bool is_ours(struct bytes key)
{
    struct snapshot_value named = {.type = SNAPSHOT_STRING, .key = key};
    struct snapshot_cell cell;

    return (bytes_begin(key, "orderd:") && !bytes_begin(key, "orderd:selftest:")) || snapshot_cell_of(&named, &cell);
}

static int check_keys(const struct restore *restore, const struct shard *shard, struct refusal *refusal, struct error_text *error)
{
    size_t prefix = strlen(shard->prefix);
    struct scan scan;

    scan_begin(&scan, shard->prefix, "[uisom][sntra][eovdr]*");
    do {
        struct reply **replies;
        const struct reply *keys;
        int r;

        asker_begin(restore->start.redis);
        scan_put(&scan, restore->start.redis->commands, SCAN_COUNT);
        r = restore_ask(restore, &replies, error);
        if (r)
            return r;
        if (scan_take(&scan, replies[0], &keys))
            return error_set(error, -EPROTO, "redis does not answer SCAN as it should");
        for (size_t i = 0; i < keys->count; i++) {
            struct bytes key = keys->elements[i]->text;

            if (key.size > prefix && is_ours((struct bytes){key.data + prefix, key.size - prefix}))
                refusal_say(refusal, "the namespace is not empty, %.*s is there; an empty one would be right: another redis.prefix or redis.database, or remove what is left of it",
                            (int)key.size, key.data);
        }
    } while (!refusal->set && !scan_is_over(&scan));
    return 0;
}

int restore_check_namespace(const struct restore *restore, const struct shard *shard, struct refusal *refusal, struct error_text *error)
{
    struct registry *found = calloc(1, sizeof *found);
    int64_t lines;
    int r = found ? restore_look(restore, shard, &lines, found, error) : -ENOMEM;

    if (r == -EEXIST) {
        refusal_say(refusal, "the namespace is not empty, the registry %s is there%s%s; an empty one would be right: another redis.prefix or redis.database", shard->meta_key,
                    found->halt[0] ? " and halted: " : "", found->halt);
        r = 0;
    } else if (!r && lines == RESTORE_NONE) {
        r = check_keys(restore, shard, refusal, error);
    } else if (!r) {
        restore_say(restore, "%s: this restore was begun already and goes on", shard->meta_key);
    }
    free(found);
    return r;
}

/* --- the configuration */

static void compare_text(struct refusal *refusal, const char *what, const char *snapshot, const char *here)
{
    if (strcmp(snapshot, here) != 0)
        refusal_say(refusal, "the snapshot is of %s \"%s\", and this is \"%s\"; a snapshot of this market would be right", what, snapshot, here);
}

static int check_header(const struct restore *restore, struct refusal *refusal)
{
    const struct snapshot_header *header = snapshot_header(restore->snapshot);
    const struct start *start = &restore->start;
    struct snapshot_header *here = calloc(1, sizeof *here);
    int r = here ? start_topics_text(start, here->topics, sizeof here->topics) : -ENOMEM;

    if (!r) {
        compare_text(refusal, "cluster", header->cluster, start->cluster);
        compare_text(refusal, "group", header->group, start->group);
        compare_text(refusal, "shard", header->shard, start->sharded ? "partition" : "none");
        compare_text(refusal, "topics", header->topics, here->topics);
        compare_text(refusal, "the outcome topic", header->outcomes, start->evidence.outcomes);
    }
    free(here);
    return r;
}

/* --- Kafka */

static void compare_log(struct refusal *refusal, const struct snapshot_mark *mark, const struct evidence *evidence)
{
    long long next = (long long)mark->mark.next;

    if (evidence->third[0])
        refusal_say(refusal, "kafka shows incarnation %s at %s:%d, which the snapshot does not know: it is from before a resolution (orderd init, orderd offsets --move), or the outcome topic is another market's; a snapshot taken after it would be right",
                    evidence->third, mark->topic, mark->partition);
    if (evidence->log_start > mark->mark.next)
        refusal_say(refusal, "retention has eaten %s of %s:%d, which came after the snapshot; a newer snapshot would be right",
                    number_offsets(mark->mark.next, evidence->log_start - 1).text, mark->topic, mark->partition);
    if (evidence->log_end < mark->mark.next)
        refusal_say(refusal, "the log of %s:%d ends at offset %lld, below the snapshot's %lld: the topic was recreated or truncated; orderd init --adopt begins anew with it",
                    mark->topic, mark->partition, (long long)evidence->log_end, next);
    if (mark->mark.fingerprint_offset >= 0 && evidence->fingerprint == FINGERPRINT_DIFFERS)
        refusal_say(refusal, "the message at offset %lld of %s:%d is not the one that was decided: the topic was recreated; orderd init --adopt begins anew with it",
                    (long long)mark->mark.fingerprint_offset, mark->topic, mark->partition);
}

/* Whether anything shows that more was decided than the snapshot knows; its outcomes may be deleted. */
static bool is_behind(const struct snapshot_mark *mark, const struct evidence *evidence)
{
    return evidence->published_any >= mark->mark.next || (evidence->committed != KAFKA_OFFSET_NONE && evidence->committed > mark->mark.next);
}

static int check_outcomes(const struct restore *restore, const struct snapshot_mark *mark, const struct evidence *evidence, struct refusal *refusal,
                          struct error_text *error)
{
    const struct evidence_source *kafka = &restore->start.evidence;
    int64_t start, end;
    int r = kafka_in_bounds(kafka->in, kafka->outcomes, mark->partition, &start, &end, kafka->timeout_ms);

    if (r)
        return error_set(error, r, "kafka does not tell where %s:%d begins: %s", kafka->outcomes, mark->partition, strerror(-r));
    if (start > mark->outcomes_from && is_behind(mark, evidence))
        refusal_say(refusal, "retention has eaten %s:%d up to offset %lld, where outcomes that came after the snapshot may have been, from %lld on; a newer snapshot would be right",
                    kafka->outcomes, mark->partition, (long long)start - 1, (long long)mark->outcomes_from);
    return 0;
}

static void say_partition(const struct restore *restore, const struct snapshot_mark *mark, const struct evidence *evidence)
{
    int64_t published = evidence->published + 1, to, apply, wait;

    if (evidence->noted && evidence->note.handed > published)
        published = evidence->note.handed;
    to = published > mark->mark.next ? published : mark->mark.next;
    apply = to - mark->mark.next;
    wait = evidence->log_end > to ? evidence->log_end - to : 0;
    restore_say(restore, "%s:%d: restored at offset %lld; %s%lld published %s will be applied, up to offset %lld; %lld %s to be decided", mark->topic, mark->partition,
                (long long)mark->mark.next, apply ? "up to " : "", (long long)apply, number_words(apply, "decision", "decisions"), (long long)to, (long long)wait,
                number_words(wait, "event waits", "events wait"));
}

static int check_mark(struct restore *restore, const struct snapshot_market *market, const struct snapshot_mark *mark, struct refusal *refusal,
                      struct error_text *error)
{
    struct evidence_source source = restore->start.evidence;
    struct evidence evidence;
    int r;

    source.why = error;
    r = evidence_read(&evidence, &source, mark->topic, mark->partition, &market->registry, mark->mark.fingerprint_offset >= 0 ? &mark->mark : NULL);
    if (r)
        return r;
    compare_log(refusal, mark, &evidence);
    r = check_outcomes(restore, mark, &evidence, refusal, error);
    if (!r && !refusal->set)
        say_partition(restore, mark, &evidence);
    return r;
}

static const struct snapshot_market *market_of(const struct snapshot *snapshot, int32_t number)
{
    for (size_t i = 0; i < snapshot_markets(snapshot); i++)
        if (snapshot_market(snapshot, i)->number == number)
            return snapshot_market(snapshot, i);
    return NULL;
}

static int check_market(struct restore *restore, int32_t number, struct refusal *refusal, struct error_text *error)
{
    const struct snapshot_market *market = market_of(restore->snapshot, number);
    struct shard shard;
    int r;

    shard_init(&shard, restore->start.prefix, number);
    if (!market) {
        refusal_say(refusal, "the snapshot has no market of number %d", number);
        return 0;
    }
    r = restore_check_namespace(restore, &shard, refusal, error);
    for (size_t i = 0; !r && !refusal->set && i < market->marks_count; i++)
        if (registry_partitions(&market->registry, market->marks[i].topic) > market->marks[i].partition)
            r = check_mark(restore, market, &market->marks[i], refusal, error);
    return r;
}

int restore_snapshot_check(struct restore *restore, struct refusal *refusal, struct error_text *error)
{
    int r = check_header(restore, refusal);

    for (int32_t i = 0; !r && !refusal->set && i < start_markets(restore->start.topics, restore->start.topics_count, restore->start.sharded); i++)
        r = check_market(restore, start_market(restore->start.sharded, i), refusal, error);
    return r;
}
