#include "ledger/gather.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK_ENTRIES = 32, CHUNK_ELEMENTS = 64 };

/* An error that says nothing about the key: what it holds is not known, and must not be taken for a hole. */
static int check(const struct gather *g, struct reply *const *replies)
{
    struct error_text error;
    int r = store_replies_check(replies, 1, &error);

    if (r)
        log_error(g->log, "redis refuses to be read error=\"%s\"", error.text);
    return r == -EACCES ? -EPERM : r;
}

static struct gathered *owner_of(struct partition *const *ps, size_t count, struct gathered *gathered, struct bytes at)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_text(at, ps[i]->at))
            return &gathered[i];
    return NULL;
}

/* Into the partition's list, by offset: an entry written by --accept-loss may stand later in the stream than in the log. */
static void insert(struct gathered *gathered, struct outbox_entry *entry)
{
    struct outbox_entry **link = &gathered->first;

    if (gathered->last && gathered->last->from <= entry->from)
        link = &gathered->last->next;
    while (*link && (*link)->from <= entry->from)
        link = &(*link)->next;
    entry->next = *link;
    *link = entry;
    if (!entry->next)
        gathered->last = entry;
}

static int take_entry(struct gather *g, struct partition *const *ps, size_t count, struct gathered *gathered, const struct reply *reply,
                      struct stream_id *last)
{
    struct outbox_stored stored;
    struct outbox_entry *entry;
    struct gathered *owner;

    if (outbox_read(&stored, reply)) {
        struct bytes id = reply->count ? reply->elements[0]->text : (struct bytes){NULL, 0};

        log_error(g->log, "an outbox entry cannot be read entry=%.*s", (int)(id.size < 64 ? id.size : 64), id.data ? id.data : "");
        return stream_id_parse(id, last) ? 0 : -EAGAIN;
    }
    *last = stored.id;
    owner = owner_of(ps, count, gathered, stored.at);
    if (!owner)
        return 0;
    entry = outbox_entry_new(g->pool);
    if (!entry)
        return -ENOMEM;
    entry->id = stored.id;
    entry->sequence = stored.sequence;
    entry->from = stored.from;
    entry->to = stored.to;
    entry->era = stored.era;
    entry->lost = stored.lost;
    buffer_put_bytes(&entry->records, stored.records);
    insert(owner, entry);
    return buffer_error(&entry->records);
}

/* XRANGE in chunks; the arena holds one chunk at a time. */
int gather_outbox(struct gather *g, struct shard *shard, struct partition *const *ps, size_t count, struct gathered *gathered)
{
    char from[STREAM_ID_TEXT_SIZE + 1] = "-";
    struct stream_id last = {0, 0};
    size_t got = CHUNK_ENTRIES;
    struct reply **replies;

    while (got == CHUNK_ENTRIES) {
        int r;

        arena_reset(g->redis.arena);
        command_texts(g->redis.commands, "XRANGE", shard->outbox_key, from, "+", "COUNT", "32", NULL);
        r = asker_ask(&g->redis, &replies);
        if (!r)
            r = check(g, replies);
        if (r)
            return r;
        if (replies[0]->type != REPLY_ARRAY)
            return -EAGAIN;      /* it was a stream at the first look */
        got = replies[0]->count;
        for (size_t i = 0; !r && i < got; i++)
            r = take_entry(g, ps, count, gathered, replies[0]->elements[i], &last);
        if (r)
            return r;
        from[0] = '(';
        stream_id_text(from + 1, last);
    }
    if (stream_id_compare(last, shard->last) > 0)
        shard->last = last;
    return 0;
}

static int seen_prepare(struct gather *g, struct partition *p)
{
    struct hash_key key;

    seen_free(p->seen);
    p->seen = NULL;
    clock_random(g->clock, &key, sizeof key);
    return seen_new(&p->seen, key, (size_t)p->shard->registry.ids, p->shard->registry.window_s * 1000);
}

/* LRANGE in chunks, each element joined to the one before. */
int gather_seen(struct gather *g, struct partition *p, struct gathered *gathered)
{
    int64_t expected = p->mark.seen_from, index = 0;
    size_t got = CHUNK_ELEMENTS;
    struct reply **replies;
    int r = seen_prepare(g, p);

    while (!r && got == CHUNK_ELEMENTS) {
        arena_reset(g->redis.arena);
        command_begin(g->redis.commands, 4);
        command_text(g->redis.commands, "LRANGE");
        command_text(g->redis.commands, p->seen_key);
        command_int(g->redis.commands, index);
        command_int(g->redis.commands, index + CHUNK_ELEMENTS - 1);
        r = asker_ask(&g->redis, &replies);
        if (!r)
            r = check(g, replies);
        if (r)
            return r;
        if (replies[0]->type != REPLY_ARRAY) {
            snprintf(gathered->seen_problem, sizeof gathered->seen_problem, "it is no list");
            return 0;
        }
        got = replies[0]->count;
        index += (int64_t)got;
        for (size_t i = 0; i < got; i++) {
            r = seen_load(p->seen, replies[0]->elements[i]->text, expected, &expected);
            if (r == -EBADMSG || r == -ERANGE) {
                snprintf(gathered->seen_problem, sizeof gathered->seen_problem, "element %lld does not continue at offset %lld",
                         (long long)(index - (int64_t)got + (int64_t)i), (long long)expected);
                return 0;
            }
            if (r)
                return r;
        }
    }
    gathered->seen_whole = !r && expected == p->mark.next;
    if (!r && !gathered->seen_whole)
        snprintf(gathered->seen_problem, sizeof gathered->seen_problem, "it ends at offset %lld", (long long)expected);
    return r;
}

void gathered_free(struct gather *g, struct gathered *gathered, size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (gathered[i].first) {
            struct outbox_entry *entry = gathered[i].first;

            gathered[i].first = entry->next;
            outbox_entry_free(g->pool, entry);
        }
}
