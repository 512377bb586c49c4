/* Resolutions that concern one partition: --accept-loss, --accept-gap and --quarantine (PROTOCOL.md 5). No offset is decided again by them. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "ledger/moves.h"
#include "ledger/opened.h"

static int32_t shard_number(const struct resolve *resolve, const struct resolve_place *place)
{
    return resolve->start.sharded ? place->partition : SHARD_NONE;
}

static int run_one(struct resolve *resolve, const struct resolve_place *place, resolve_plan plan)
{
    return opened_run(resolve, shard_number(resolve, place), (struct opened_scope){place->topic, place->partition, false}, plan, (void *)(uintptr_t)place);
}

/* What a loss gave up: from its first hole to its last. */
struct loss {
    int64_t from, to;       /* to 0: no hole */
};

static void put_hole(struct opened *opened, const struct partition *p, int64_t from, int64_t to, struct loss *loss)
{
    opened_put_lost(opened, p, from, to);
    loss->from = loss->to ? loss->from : from;
    loss->to = to;
    opened_say(opened, "%s: the outcomes of %s are lost; one may still appear once, late, from a paused instance's producer", p->at,
               number_offsets(from, to - 1).text);
}

/* Holes between done and next become entries without records; what lies below or twice goes. Returns how much was mended. */
static size_t mend_outbox(struct opened *opened, const struct partition *p, const struct outbox_entry *entry, struct loss *loss)
{
    char id[STREAM_ID_TEXT_SIZE];
    int64_t at = p->mark.done;
    size_t mended = !opened->outbox;

    opened_put_outbox(opened);
    for (; entry; entry = entry->next) {
        if (entry->from < at || entry->to > p->mark.next) {
            stream_id_text(id, entry->id);
            command_texts(&opened->writes, "XDEL", opened->shard.outbox_key, id, NULL);
            opened_say(opened, "%s: the entry of %s does not fit and is removed", p->at, number_offsets(entry->from, entry->to - 1).text);
            mended++;
            continue;
        }
        if (entry->from > at) {
            put_hole(opened, p, at, entry->from, loss);
            mended++;
        }
        at = entry->to;
    }
    if (at < p->mark.next) {
        put_hole(opened, p, at, p->mark.next, loss);
        mended++;
    }
    return mended;
}

static size_t mend_seen(struct opened *opened, const struct partition *p, const struct gathered *gathered)
{
    if (gathered->seen_whole)
        return 0;
    command_texts(&opened->writes, "DEL", p->seen_key, NULL);
    opened_put_field(opened, p->mark_key, "seen_from", p->mark.next);
    opened_say(opened, "%s: the seen list had a hole (%s) and is begun anew: duplicates of events before offset %lld are not known", p->at,
               gathered->seen_problem, (long long)p->mark.next);
    return 1;
}

static size_t mend_torn(struct opened *opened, const struct partition *p)
{
    char torn[PARTITION_KEY_MAX + 8];
    size_t mended = 0;

    snprintf(torn, sizeof torn, "torn %s:", p->at);
    if (p->mark.torn) {
        command_texts(&opened->writes, "HDEL", p->mark_key, "torn", NULL);
        opened_say(opened, "%s: its transaction of offset %lld was applied in part; compare the market with the outcomes before it", p->at,
                   (long long)p->mark.next);
        mended++;
    }
    if (strncmp(opened->shard.registry.halt, torn, strlen(torn)) == 0) {
        command_texts(&opened->writes, "HDEL", opened->shard.meta_key, "halt", NULL);
        opened_say(opened, "the market is no longer halted");
        mended++;
    }
    return mended;
}

static int accept_loss(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_place *place = argument;
    struct opened_partition *item;
    struct loss loss = {0, 0};
    size_t index, mended;
    int r = opened_need(resolve, opened, place, &item);

    if (!r)
        r = opened_gather(resolve, opened);
    if (r)
        return r;
    index = (size_t)(item - opened->items);
    mended = mend_outbox(opened, item->partition, opened->gathered[index].first, &loss);
    mended += mend_seen(opened, item->partition, &opened->gathered[index]);
    mended += mend_torn(opened, item->partition);
    if (!mended)
        return opened_refuse(resolve, "refused: nothing of %s is lost: its outbox and its seen list are whole, and it is not torn", item->partition->at);
    if (loss.to)
        r = opened_put_move(resolve, opened, item->partition, loss.from, loss.to, MOVE_LOST);
    opened_raise_era(opened);
    return r;
}

int resolve_loss(struct resolve *resolve, const struct resolve_place *place)
{
    return run_one(resolve, place, accept_loss);
}

static int accept_gap(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_place *place = argument;
    struct opened_partition *item;
    struct evidence evidence;
    int r = opened_need(resolve, opened, place, &item);
    const struct partition *p;

    if (!r)
        r = opened_evidence(resolve, opened, item, NULL, &evidence);
    if (!r)
        r = opened_gather(resolve, opened);
    if (r)
        return r;
    p = item->partition;
    if (evidence.log_start <= p->mark.next)
        return opened_refuse(resolve, "refused: there is no gap: the log of %s starts at offset %lld, not above the next offset %lld", p->at,
                             (long long)evidence.log_start, (long long)p->mark.next);
    if (!opened->outbox || !opened->gathered[item - opened->items].seen_whole)
        return opened_refuse(resolve, "refused: the outbox or the seen list of %s is not whole; --accept-loss %s comes first", p->at, p->at);
    opened_put_lost(opened, p, p->mark.next, evidence.log_start);
    opened_put_field(opened, p->mark_key, "next", evidence.log_start);
    opened_say(opened, "%s: %s %s passed over", p->at, number_offsets(p->mark.next, evidence.log_start - 1).text,
               number_words(evidence.log_start - p->mark.next, DELETED_ONE, DELETED_MANY));
    r = opened_put_seen_gap(opened, p, evidence.log_start);
    if (!r)
        r = opened_put_move(resolve, opened, p, p->mark.next, evidence.log_start, "--accept-gap: deleted before they were decided");
    opened_raise_era(opened);
    return r;
}

int resolve_gap(struct resolve *resolve, const struct resolve_place *place)
{
    return run_one(resolve, place, accept_gap);
}

/* Whether the word "orders:3:17" still lies ahead of its partition's mark; one of another partition than the opened one may. */
static bool lies_ahead(const struct opened *opened, struct bytes word)
{
    int64_t offset;

    for (size_t i = 0; i < opened->count; i++) {
        const struct partition *p = opened->partitions[i];
        size_t size = strlen(p->at);

        if (word.size > size + 1 && memcmp(word.data, p->at, size) == 0 && word.data[size] == ':' &&
            number_parse((struct bytes){word.data + size + 1, word.size - size - 1}, &offset))
            return opened->items[i].mark == 0 && offset >= p->mark.next;
    }
    return true;
}

static int quarantine(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_place *place = argument;
    char text[sizeof opened->shard.registry.quarantine], word[KAFKA_TOPIC_MAX + 48];
    const char *at = opened->shard.registry.quarantine;
    struct opened_partition *item;
    size_t used = 0;
    int r = opened_need(resolve, opened, place, &item);

    if (r)
        return r;
    if (place->offset < item->partition->mark.next)
        return opened_refuse(resolve, "refused: offset %lld of %s is decided already, the next one is %lld", (long long)place->offset, item->partition->at,
                             (long long)item->partition->mark.next);
    snprintf(word, sizeof word, "%s:%d:%lld", place->topic, place->partition, (long long)place->offset);
    for (; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t size = strcspn(at, " ");

        if (lies_ahead(opened, (struct bytes){at, size}) && used + size + 1 < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s ", (int)size, at);
    }
    if (used + strlen(word) >= sizeof text)
        return opened_refuse(resolve, "refused: no more than %zu bytes of quarantined offsets are kept", sizeof text);
    memcpy(text + used, word, strlen(word) + 1);
    command_texts(&opened->writes, "HSET", opened->shard.meta_key, "quarantine", text, NULL);
    opened_say(opened, "%s: offset %lld will be decided malformed, reason quarantined", item->partition->at, (long long)place->offset);
    opened_raise_era(opened);
    return 0;
}

int resolve_quarantine(struct resolve *resolve, const struct resolve_place *place)
{
    return run_one(resolve, place, quarantine);
}
