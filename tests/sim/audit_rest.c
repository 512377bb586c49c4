/* What must be at rest in the end: commits, marks, outbox, seen lists, registry. */
#include <stdio.h>

#include "base/number.h"
#include "sim/audit_own.h"

enum { NAME_SIZE = 512 };

/* Redis's keys by name. */
struct named {
    struct audit_hashed hashed;
    const struct audit_key *key;
};

static bool same_name(const void *item, const void *wanted)
{
    return bytes_equal(((const struct named *)item)->key->name, *(const struct bytes *)wanted);
}

static const struct audit_key *find_key(const struct audit_table *keys, const char *name)
{
    struct bytes wanted = bytes_of(name);
    const struct named *found = audit_table_find(keys, audit_hash(0, wanted.data, wanted.size), same_name, &wanted);

    return found && found->key->type != AUDIT_NONE ? found->key : NULL;
}

static struct bytes field_of(const struct audit_key *key, const char *name)
{
    for (size_t i = 0; key && i < key->count; i++)
        if (bytes_equal_text(key->pairs[i].field, name))
            return key->pairs[i].value;
    return (struct bytes){NULL, 0};
}

static int64_t number_of(const struct audit_key *key, const char *name)
{
    struct bytes text = field_of(key, name);
    int64_t value;

    return text.data && number_parse(text, &value) ? value : -1;
}

/* The name of one of orderd's own keys for a source partition. */
static void name_of(char out[NAME_SIZE], const struct audit *audit, int32_t shard, const char *rest, const struct audit_log *log)
{
    int n = snprintf(out, NAME_SIZE, "%s", audit->world->prefix);

    if (audit->world->sharded)
        n += snprintf(out + n, NAME_SIZE - (size_t)n, "{%d}", (int)shard);
    n += snprintf(out + n, NAME_SIZE - (size_t)n, "orderd:%s", rest);
    if (log)
        snprintf(out + n, NAME_SIZE - (size_t)n, ":%s:%d", log->topic, (int)log->partition);
}

static void check_commit(struct audit *audit, const struct audit_source *source)
{
    const struct audit_log *log = source->log;
    int64_t last = log->count ? log->messages[log->count - 1].offset : -1;

    for (size_t i = 0; i < log->count && log->messages[i].offset < log->committed; i++)
        if (!source->slots[i].outcomes && log->messages[i].offset >= log->start && !audit_in_range(source, AUDIT_GAP, log->messages[i].offset) &&
            !audit_in_range(source, AUDIT_LOST, log->messages[i].offset)) {
            audit_found(audit->report, AUDIT_COMMIT_TOO_FAR, "%s/%d: %lld is committed, and offset %lld has no outcome", log->topic, (int)log->partition,
                        (long long)log->committed, (long long)log->messages[i].offset);
            break;
        }
    if (log->committed > log->end)
        audit_found(audit->report, AUDIT_COMMIT_TOO_FAR, "%s/%d: %lld is committed, the log ends at %lld", log->topic, (int)log->partition,
                    (long long)log->committed, (long long)log->end);
    if (log->committed <= last)
        audit_found(audit->report, AUDIT_COMMIT_BEHIND, "%s/%d: %lld is committed, the log ends at %lld", log->topic, (int)log->partition,
                    (long long)log->committed, (long long)log->end);
}

static void check_mark(struct audit *audit, const struct audit_log *log, const struct audit_key *mark)
{
    int64_t next = number_of(mark, "next"), done = number_of(mark, "done");
    struct bytes torn = field_of(mark, "torn");

    if (!mark || mark->type != AUDIT_HASH || next != log->end || done != log->end)
        audit_found(audit->report, AUDIT_MARK, "%s/%d: the mark says next %lld, done %lld, the log ends at %lld", log->topic, (int)log->partition,
                    (long long)next, (long long)done, (long long)log->end);
    if (torn.data && !bytes_equal_text(torn, "0"))
        audit_found(audit->report, AUDIT_TORN, "%s/%d: the mark is torn", log->topic, (int)log->partition);
}

/* Elements, each with its version, where it begins and where it ends, cover everything from seen_from to next. */
static void check_seen(struct audit *audit, const struct audit_log *log, const struct audit_key *mark, const struct audit_key *list)
{
    int64_t at = number_of(mark, "seen_from"), next = number_of(mark, "next");

    for (size_t i = 0; list && i < list->count; i++) {
        struct reader reader = reader_of(list->pairs[i].value);
        int64_t from, to;

        reader_varint(&reader);
        from = (int64_t)reader_varint(&reader);
        to = (int64_t)reader_varint(&reader);
        if (reader_error(&reader) || from != at || to < from) {
            audit_found(audit->report, AUDIT_SEEN, "%s/%d: element %zu of the seen list covers %lld to %lld, the one before ended at %lld", log->topic,
                        (int)log->partition, i, (long long)from, (long long)to, (long long)at);
            return;
        }
        at = to;
    }
    if (mark && at != next)
        audit_found(audit->report, AUDIT_SEEN, "%s/%d: the seen list ends at %lld, next is %lld", log->topic, (int)log->partition, (long long)at,
                    (long long)next);
}

static bool is_of(const struct audit_incarnation *incarnation, struct bytes name)
{
    return name.data && incarnation->name.size > name.size &&
           memcmp(incarnation->name.data + incarnation->name.size - name.size, name.data, name.size) == 0;
}

/* Where Redis came back from before a resolution, the next one begins the same era once more, and knows whose it was. */
static bool is_told_again(const struct audit_incarnation *newest, const struct audit_key *meta)
{
    struct bytes former = field_of(meta, "former");
    const char *slash = memrchr(newest->name.data, '/', newest->name.size);
    size_t size = slash ? (size_t)(newest->name.data + newest->name.size - slash) - 1 : 0;

    return number_of(meta, "era") == newest->era && size && former.data && memmem(former.data, former.size, slash + 1, size);
}

static void check_registry(struct audit *audit, int32_t shard, const struct audit_key *meta)
{
    struct bytes incarnation = field_of(meta, "incarnation");
    const struct audit_incarnation *newest = NULL;

    if (field_of(meta, "halt").size)
        audit_found(audit->report, AUDIT_HALTED, "market %d is halted: %.*s", (int)shard, (int)field_of(meta, "halt").size, field_of(meta, "halt").data);
    for (const struct audit_incarnation *i = audit->incarnations; i; i = i->next)
        if (i->shard == shard && (!newest || i->era > newest->era || (i->era == newest->era && is_of(i, incarnation))))
            newest = i;
    if (!newest)
        return;
    if (number_of(meta, "era") > newest->era)
        return;      /* a resolution, and nothing decided since */
    if (!is_of(newest, incarnation) && !is_told_again(newest, meta))
        audit_found(audit->report, AUDIT_REGISTRY, "market %d: the newest outcomes come from %.*s, the registry's incarnation is %.*s", (int)shard,
                    (int)newest->name.size, newest->name.data, (int)incarnation.size, incarnation.data ? incarnation.data : "");
    if (number_of(meta, "era") < newest->era)
        audit_found(audit->report, AUDIT_REGISTRY, "market %d: an outcome has the era %lld, the registry %lld", (int)shard, (long long)newest->era,
                    (long long)number_of(meta, "era"));
}

static void check_shard(struct audit *audit, const struct audit_table *keys, int32_t shard)
{
    const struct audit_key *outbox;
    char name[NAME_SIZE];

    name_of(name, audit, shard, "outbox", NULL);
    outbox = find_key(keys, name);
    if (outbox && outbox->count)
        audit_found(audit->report, AUDIT_OUTBOX, "%s holds %zu entries", name, outbox->count);
    name_of(name, audit, shard, "meta", NULL);
    check_registry(audit, shard, find_key(keys, name));
}

static void check_source(struct audit *audit, const struct audit_table *keys, const struct audit_source *source)
{
    const struct audit_key *mark;
    char name[NAME_SIZE];

    check_commit(audit, source);
    name_of(name, audit, source->log->partition, "mark", source->log);
    mark = find_key(keys, name);
    check_mark(audit, source->log, mark);
    name_of(name, audit, source->log->partition, "seen", source->log);
    check_seen(audit, source->log, mark, find_key(keys, name));
}

void audit_rest(struct audit *audit)
{
    struct audit_keys after = audit->world->after;
    struct audit_table *keys = &audit->seen;      /* of no more use to the replay */
    struct named *named = arena_take(audit->arena, (after.count + 1) * sizeof *named);

    ASSERT(named);
    audit_table_reset(keys);
    for (size_t i = 0; i < after.count; i++) {
        named[i].hashed.hash = audit_hash(0, after.items[i].name.data, after.items[i].name.size);
        named[i].key = &after.items[i];
        audit_table_add(keys, &named[i]);
    }
    for (size_t i = 0; i < audit->world->sources_count; i++) {
        bool again = i > 0 && !audit->world->sharded;

        for (size_t before = 0; before < i && !again; before++)
            again = audit->sources[before].log->partition == audit->sources[i].log->partition;
        check_source(audit, keys, &audit->sources[i]);
        if (!again)
            check_shard(audit, keys, audit->world->sharded ? audit->sources[i].log->partition : 0);
    }
}
