/* Resolutions after which offsets may be decided again, so that a new incarnation begins: --adopt and --accept-rollback; and the first
 * start from a chosen place (PROTOCOL.md 5). */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "ledger/compare.h"
#include "ledger/opened.h"

/* Where a mark will stand, and why. */
struct stand {
    int64_t next;
    bool keep;              /* the mark stays as it is */
    const char *why;
    int64_t deleted_from;   /* from here to the log's start nothing was decided; -1: nothing is known of it */
};

static bool names_place(const struct resolve_from *from, const struct partition *p)
{
    return from->kind != FROM_OFFSET || (from->partition == p->number && strcmp(from->topic, p->topic) == 0);
}

/* What the operator said for this partition; false: nothing. */
static bool chosen(struct resolve *resolve, const struct resolve_froms *froms, const struct partition *p, const struct evidence *e, struct stand *out,
                   int *error)
{
    const struct resolve_from *from = NULL;

    for (size_t i = 0; i < froms->count; i++)
        if (names_place(&froms->items[i], p))
            from = &froms->items[i];
    if (!from || from->kind == FROM_FOUND)
        return false;
    *out = (struct stand){.why = "as --from says", .deleted_from = -1};
    if (from->kind == FROM_START)
        out->next = e->log_start;
    else if (from->kind == FROM_END)
        out->next = e->log_end;
    else if (from->kind == FROM_OFFSET)
        out->next = from->value;
    else
        *error = kafka_in_offset_at(resolve->start.evidence.in, p->topic, p->number, from->value, &out->next, resolve->start.evidence.timeout_ms);
    if (!*error && (out->next < e->log_start || out->next > e->log_end))
        *error = opened_refuse(resolve, "refused: --from: offset %lld is not in the log of %s, which holds %lld to %lld", (long long)out->next, p->at,
                               (long long)e->log_start, (long long)e->log_end);
    return true;
}

int opened_begin_at(struct resolve *resolve, const struct resolve_froms *froms, const struct partition *p, const struct evidence *e, int64_t *next)
{
    struct stand stand;
    int error = 0;

    if (!chosen(resolve, froms, p, e, &stand, &error))
        stand.next = e->log_start;
    *next = stand.next;
    return error;
}

/* Whether the mark speaks of this very log. */
static bool same_log(const struct resolve *resolve, const struct opened *opened, const struct opened_partition *item, const struct evidence *e)
{
    bool moved = opened->registry == 0 && strcmp(opened->shard.registry.cluster, resolve->start.cluster) != 0;

    if (item->mark || item->partition->mark.next > e->log_end || e->fingerprint == FINGERPRINT_DIFFERS)
        return false;
    return !moved || (item->partition->mark.fingerprint_offset >= 0 && e->fingerprint == FINGERPRINT_SAME);
}

static int64_t highest(int64_t a, int64_t b, int64_t c)
{
    int64_t most = a > b ? a : b;

    return most > c ? most : c;
}

/* The highest that anything shows as decided: commit, outcomes, the entries that wait. */
static struct stand found(struct resolve *resolve, const struct opened *opened, const struct opened_partition *item, const struct gathered *gathered,
                          const struct evidence *e)
{
    const struct mark *mark = &item->partition->mark;
    bool recreated = item->mark == 0 && !same_log(resolve, opened, item, e);
    int64_t waiting = gathered->last ? gathered->last->to : -1;
    int64_t known = highest(e->committed, e->published_any >= 0 ? e->published_any + 1 : -1, highest(waiting, item->mark == 0 ? mark->next : -1, -1));
    struct stand stand = {e->log_start, false, "the start of its log, nothing was decided from it", -1};

    if (recreated)
        return (struct stand){e->log_start, false, "the start of its log, which is not the one that was decided from", -1};
    if (item->mark == 0 && mark->next >= e->log_start && mark->next >= e->committed)
        return (struct stand){mark->next, true, "its mark is kept", -1};
    if (known >= 0 && known < e->log_start)
        stand = (struct stand){e->log_start, false, "the start of its log, what was before it is deleted", known};
    if (e->committed != KAFKA_OFFSET_NONE && e->committed >= stand.next && e->committed <= e->log_end)
        stand = (struct stand){e->committed, false, "the committed offset", -1};
    if (e->published_any + 1 > stand.next && e->published_any + 1 <= e->log_end)
        stand = (struct stand){e->published_any + 1, false, "behind the last outcome that was published", -1};
    if (waiting > stand.next && waiting <= e->log_end)
        stand = (struct stand){waiting, false, "behind the last outcome that waits in the outbox", -1};
    return stand;
}

static bool tiles(const struct partition *p, const struct gathered *gathered)
{
    struct refusal refusal = {0};

    compare_outbox(&refusal, p, gathered->first);
    return !refusal.set;
}

/* Outcomes that wait keep their bytes and their sequence, but belong to no range of the new mark. */
static void carry_over(struct opened *opened, const struct partition *p, const struct gathered *gathered, int64_t next)
{
    char at[24], era[24], id[STREAM_ID_TEXT_SIZE], as[STREAM_ID_TEXT_SIZE];
    size_t carried = 0;

    snprintf(at, sizeof at, "%lld", (long long)next);
    for (const struct outbox_entry *entry = gathered->first; entry; entry = entry->next, carried++) {
        snprintf(era, sizeof era, "%lld", (long long)entry->era);
        stream_id_text(id, entry->id);
        stream_id_text(as, entry->sequence);
        command_begin(&opened->writes, 15 + (entry->lost ? 2 : 0));
        command_text(&opened->writes, "XADD");
        command_text(&opened->writes, opened->shard.outbox_key);
        command_text(&opened->writes, "*");
        for (const char *const *word = (const char *const[]){"at", p->at, "from", at, "to", at, "era", era, "as", as, NULL}; *word; word++)
            command_text(&opened->writes, *word);
        if (entry->lost) {
            command_text(&opened->writes, "lost");
            command_text(&opened->writes, "1");
        }
        command_text(&opened->writes, "records");
        command_bytes(&opened->writes, buffer_bytes(&entry->records));
        command_texts(&opened->writes, "XDEL", opened->shard.outbox_key, id, NULL);
    }
    if (carried)
        opened_say(opened, "%s: %zu %s published unaltered", p->at, carried,
                   number_words((int64_t)carried, "entry of outcomes that waits is", "entries of outcomes that wait are"));
}

static void say_stand(struct opened *opened, const struct opened_partition *item, const struct evidence *e, const struct stand *stand)
{
    const struct partition *p = item->partition;
    int64_t decided = e->published_any + 1, from;

    if (item->mark == 0 && p->mark.next > decided && p->mark.next <= e->log_end)
        decided = p->mark.next;
    from = decided > e->log_start ? decided : e->log_start;
    opened_say(opened, "%s: goes on at offset %lld: %s", p->at, (long long)stand->next, stand->why);
    if (stand->next < decided && decided <= e->log_end)
        opened_say(opened, "%s: %s will be decided a second time", p->at, number_offsets(stand->next, decided - 1).text);
    if (stand->deleted_from >= 0)
        opened_say(opened, "%s: %s %s passed over", p->at, number_offsets(stand->deleted_from, e->log_start - 1).text,
                   number_words(e->log_start - stand->deleted_from, DELETED_ONE, DELETED_MANY));
    if (stand->next > from && decided >= e->log_start)
        opened_say(opened, "%s: %s %s", p->at, number_offsets(from, stand->next - 1).text,
                   number_words(stand->next - from, "is passed over if nobody decided it", "are passed over if nobody decided them"));
}

static void keep(struct resolve *resolve, struct opened *opened, const struct partition *p, const struct gathered *gathered)
{
    char epoch[CLOCK_UUID_SIZE];

    clock_uuid(resolve->start.clock, epoch);
    command_texts(&opened->writes, "HSET", p->mark_key, "epoch", epoch, NULL);
    command_texts(&opened->writes, "HDEL", p->mark_key, "torn", NULL);
    if (p->mark.torn)
        opened_say(opened, "%s: it was torn: a transaction from offset %lld was applied in part", p->at, (long long)p->mark.next);
    if (!tiles(p, gathered)) {
        opened_say(opened, "%s: its outbox did not cover %s, outcomes may be lost", p->at, number_offsets(p->mark.done, p->mark.next - 1).text);
        carry_over(opened, p, gathered, p->mark.next);
        opened_put_field(opened, p->mark_key, "done", p->mark.next);
    }
    if (!gathered->seen_whole) {
        opened_say(opened, "%s: its seen list had a hole (%s) and is begun anew: duplicates of earlier events are not known", p->at,
                   gathered->seen_problem);
        command_texts(&opened->writes, "DEL", p->seen_key, NULL);
        opened_put_field(opened, p->mark_key, "seen_from", p->mark.next);
    }
}

static int adopt_partition(struct resolve *resolve, struct opened *opened, size_t index, const struct resolve_froms *froms, struct registry *fresh)
{
    const struct opened_partition *item = &opened->items[index];
    const struct gathered *gathered = &opened->gathered[index];
    struct evidence evidence;
    struct stand stand;
    int r = opened_evidence(resolve, opened, item, fresh, &evidence), error = 0;

    if (r)
        return r;
    if (!chosen(resolve, froms, item->partition, &evidence, &stand, &error))
        stand = found(resolve, opened, item, gathered, &evidence);
    if (error)
        return error;
    say_stand(opened, item, &evidence, &stand);
    if (stand.keep) {
        keep(resolve, opened, item->partition, gathered);
    } else {
        opened_put_mark(resolve, opened, item->partition, stand.next);
        carry_over(opened, item->partition, gathered, stand.next);
    }
    return 0;
}

/* The names that are the file's, not the market's. */
static int name_registry(const struct resolve *resolve, struct registry *fresh)
{
    snprintf(fresh->cluster, sizeof fresh->cluster, "%s", resolve->start.cluster);
    snprintf(fresh->group, sizeof fresh->group, "%s", resolve->start.group);
    snprintf(fresh->shard, sizeof fresh->shard, "%s", resolve->start.sharded ? "partition" : "none");
    return start_topics_text(&resolve->start, fresh->topics, sizeof fresh->topics);
}

static void put_registry(struct opened *opened, const struct registry *fresh)
{
    command_texts(&opened->writes, "DEL", opened->shard.meta_key, NULL);
    command_texts(&opened->writes, "HSET", opened->shard.meta_key, "schema", "1", "cluster", fresh->cluster, "group", fresh->group, "topics",
                  fresh->topics, "shard", fresh->shard, NULL);
    opened_put_field(opened, opened->shard.meta_key, "window_s", fresh->window_s);
    opened_put_field(opened, opened->shard.meta_key, "ids", fresh->ids);
    if (fresh->quarantine[0])
        command_texts(&opened->writes, "HSET", opened->shard.meta_key, "quarantine", fresh->quarantine, NULL);
}

static void begin_registry(struct resolve *resolve, struct opened *opened, struct registry *fresh)
{
    if (fresh->halt[0])
        opened_say(opened, "the market is no longer halted: %s", fresh->halt);
    put_registry(opened, fresh);
    opened_put_incarnation(resolve, opened, fresh);
    opened_raise_era(opened);
}

/* Of which a part is missing. */
static int refuse_half_restored(struct resolve *resolve, const struct opened *opened)
{
    if (opened->registry || !compare_is_half_restored(opened->shard.registry.halt))
        return 0;
    return opened_refuse(resolve, "refused: %s is half restored, so there is no market to go on with; the same orderd restore once more would be right",
                         opened->shard.meta_key);
}

static int adopt(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_froms *froms = argument;
    struct registry *known = &opened->shard.registry, fresh;
    int r = refuse_half_restored(resolve, opened);

    if (r)
        return r;
    if (opened->registry)
        *known = (struct registry){.window_s = resolve->start.window_s, .ids = resolve->start.ids};
    fresh = *known;
    r = name_registry(resolve, &fresh);
    if (!r)
        r = opened_gather(resolve, opened);
    opened_put_outbox(opened);
    for (size_t i = 0; !r && i < opened->count; i++)
        if (opened->items[i].configured)
            r = adopt_partition(resolve, opened, i, froms, &fresh);
    if (r)
        return r;
    begin_registry(resolve, opened, &fresh);
    return 0;
}

int resolve_adopt(struct resolve *resolve, const struct resolve_froms *froms)
{
    return opened_run_all(resolve, EVERYTHING, adopt, (void *)(uintptr_t)froms);
}

/* Every partition's range, whoever owns it: the whole market went back. */
static int say_rollback(struct resolve *resolve, struct opened *opened, struct registry *fresh, bool *any)
{
    for (size_t i = 0; i < opened->count; i++) {
        const struct opened_partition *item = &opened->items[i];
        struct refusal refusal = {0};
        struct evidence evidence;
        int64_t published;
        int r;

        if (!item->configured || item->mark)
            continue;
        r = opened_evidence(resolve, opened, item, fresh, &evidence);
        if (r)
            return r;
        compare_evidence(&refusal, item->partition, &evidence);
        *any |= refusal.market;
        published = compare_published(item->partition, &evidence);
        if (evidence.noted && evidence.committed - 1 > published)
            published = evidence.committed - 1;
        if (published >= item->partition->mark.next)
            opened_say(opened, "%s: %s %s published and will be decided a second time", item->partition->at,
                       number_offsets(item->partition->mark.next, published).text, number_words(published - item->partition->mark.next + 1, "was", "were"));
    }
    return 0;
}

static int accept_rollback(struct resolve *resolve, struct opened *opened, void *argument)
{
    struct registry fresh = opened->shard.registry;
    bool any = strncmp(fresh.halt, "rollback", 8) == 0 || strncmp(fresh.halt, "restore", 7) == 0;
    int r;

    (void)argument;
    if (opened->registry)
        return opened_refuse(resolve, "refused: the registry %s is missing or cannot be read; --adopt would be right", opened->shard.meta_key);
    r = refuse_half_restored(resolve, opened);
    if (!r)
        r = say_rollback(resolve, opened, &fresh, &any);
    if (r)
        return r;
    if (!any)
        return opened_refuse(resolve, "refused: there is no rollback to accept under %s", opened->shard.meta_key);
    opened_renew_epochs(resolve, opened);
    command_texts(&opened->writes, "HDEL", opened->shard.meta_key, "halt", "reapply", NULL);
    opened_put_incarnation(resolve, opened, &fresh);
    opened_raise_era(opened);
    return 0;
}

int resolve_rollback(struct resolve *resolve)
{
    return opened_run_all(resolve, EVERYTHING, accept_rollback, NULL);
}

static int make(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_froms *froms = argument;
    struct registry fresh = {.window_s = resolve->start.window_s, .ids = resolve->start.ids};
    int r = name_registry(resolve, &fresh);

    if (opened->registry != -ENOENT || opened->outbox)
        return opened_refuse(resolve, "refused: --from alone is for before the first start, and %s exists; --adopt --from would move its marks",
                             opened->registry != -ENOENT ? opened->shard.meta_key : opened->shard.outbox_key);
    opened_put_outbox(opened);
    for (size_t i = 0; !r && i < opened->count; i++) {
        struct evidence e;
        int64_t next;

        r = opened_evidence(resolve, opened, &opened->items[i], NULL, &e);
        if (!r && (opened->items[i].mark != -ENOENT || e.committed != KAFKA_OFFSET_NONE || e.published_any >= 0))
            r = opened_refuse(resolve, "refused: this is no first start: there is a mark, a committed offset or an outcome of %s; --adopt --from would be right",
                              opened->partitions[i]->at);
        if (!r)
            r = opened_begin_at(resolve, froms, opened->partitions[i], &e, &next);
        if (r)
            return r;
        opened_say(opened, "%s: begins at offset %lld", opened->partitions[i]->at, (long long)next);
        opened_put_mark(resolve, opened, opened->partitions[i], next);
    }
    if (r)
        return r;
    begin_registry(resolve, opened, &fresh);
    return 0;
}

int resolve_make(struct resolve *resolve, const struct resolve_froms *froms)
{
    return opened_run_all(resolve, EVERYTHING, make, (void *)(uintptr_t)froms);
}
