#include "ledger/takeover.h"

#include <stdio.h>
#include <string.h>

#include "ledger/compare.h"
#include "store/exec.h"

enum { CLAIM_TRIES = 20, CHUNK_ENTRIES = 32, CHUNK_ELEMENTS = 64, TRY_PAUSE_MS = 20 };

/* What lies in Redis for one partition, gathered while reading. */
struct gathered {
    struct outbox_entry *first, *last;
    bool seen_whole;
    char seen_problem[96];
};

static int ask(struct takeover *t, struct reply ***replies)
{
    int r = commands_error(t->commands);

    if (!r)
        r = session_ask(t->session, t->commands, t->arena, replies);
    commands_reset(t->commands);
    return r;
}

static int error_reply(struct takeover *t, const struct reply *reply)
{
    log_error(t->log, "redis refuses to be read: %.*s", (int)(reply->text.size < 300 ? reply->text.size : 300), reply->text.data);
    return -EAGAIN;
}

static void put_mark_read(struct takeover *t, const struct partition *p)
{
    command_texts(t->commands, "HMGET", p->mark_key, MARK_FIELDS, NULL);
}

/* WATCH and the first look: only what Redis alone can show. */
static int look(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals)
{
    struct reply **replies;
    struct registry found;
    int r;

    arena_reset(t->arena);
    commands_reset(t->commands);
    command_texts(t->commands, "UNWATCH", NULL);
    command_begin(t->commands, count + 2);
    command_text(t->commands, "WATCH");
    command_text(t->commands, shard->meta_key);
    for (size_t i = 0; i < count; i++)
        command_text(t->commands, ps[i]->mark_key);
    command_texts(t->commands, "HMGET", shard->meta_key, REGISTRY_FIELDS, NULL);
    command_texts(t->commands, "TYPE", shard->outbox_key, NULL);
    for (size_t i = 0; i < count; i++)
        put_mark_read(t, ps[i]);
    r = ask(t, &replies);
    if (r)
        return r;
    for (size_t i = 1; i < count + 4; i++)
        if (replies[i]->type == REPLY_ERROR && store_trouble_of(replies[i]->text) != TROUBLE_STOP)
            return error_reply(t, replies[i]);
    r = registry_read(&found, replies[2]);
    if (!r) {
        if (shard->known && (found.era != shard->registry.era || strcmp(found.incarnation, shard->registry.incarnation) != 0))
            shard->last = (struct stream_id){0, 0};
        shard->registry = found;
        shard->known = true;
    }
    for (size_t i = 0; i < count; i++)
        compare_first_look(&refusals[i], ps[i], r, replies[3], replies[4 + i]);
    return 0;
}

/* The epochs, in one EXEC: 0, -EAGAIN on conflict. */
static int claim(struct takeover *t, struct partition *const *ps, size_t count, const struct refusal *refusals)
{
    struct exec_result result;
    size_t queued = 0;
    int r;

    command_texts(t->commands, "MULTI", NULL);
    for (size_t i = 0; i < count; i++) {
        if (refusals[i].set)
            continue;
        clock_uuid(t->clock, ps[i]->mark.epoch);
        command_texts(t->commands, "HSET", ps[i]->mark_key, "epoch", ps[i]->mark.epoch, NULL);
        queued++;
    }
    command_texts(t->commands, "EXEC", NULL);
    r = commands_error(t->commands);
    if (!r)
        r = session_send(t->session, t->commands);
    commands_reset(t->commands);
    if (r)
        return r;
    exec_receive(t->session, queued, t->arena, &result);
    if (result.class == EXEC_APPLIED)
        return 0;
    if (result.class == EXEC_REFUSED || result.class == EXEC_TORN)
        log_error(t->log, "redis refuses the take-over: %s", result.error.text);
    return -EAGAIN;
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

static int take_entry(struct takeover *t, struct partition *const *ps, size_t count, struct gathered *gathered, const struct reply *reply,
                      struct stream_id *last)
{
    struct outbox_stored stored;
    struct outbox_entry *entry;
    struct gathered *owner;

    if (outbox_read(&stored, reply)) {
        log_error(t->log, "an outbox entry cannot be read id=%.*s", (int)(reply->count ? reply->elements[0]->text.size : 0),
                  reply->count ? reply->elements[0]->text.data : "");
        return stream_id_parse(reply->elements[0]->text, last) ? 0 : -EAGAIN;
    }
    *last = stored.id;
    owner = owner_of(ps, count, gathered, stored.at);
    if (!owner)
        return 0;
    entry = outbox_entry_new(t->pool);
    if (!entry)
        return -ENOMEM;
    entry->id = stored.id;
    entry->from = stored.from;
    entry->to = stored.to;
    entry->era = stored.era;
    entry->lost = stored.lost;
    buffer_put_bytes(&entry->records, stored.records);
    insert(owner, entry);
    return buffer_error(&entry->records);
}

/* XRANGE in chunks; the arena holds one chunk at a time. */
static int read_outbox(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct gathered *gathered)
{
    char from[STREAM_ID_TEXT_SIZE + 1] = "-";
    struct stream_id last = {0, 0};
    size_t got = CHUNK_ENTRIES;
    struct reply **replies;

    while (got == CHUNK_ENTRIES) {
        int r;

        arena_reset(t->arena);
        command_texts(t->commands, "XRANGE", shard->outbox_key, from, "+", "COUNT", "32", NULL);
        r = ask(t, &replies);
        if (r)
            return r;
        if (replies[0]->type != REPLY_ARRAY)
            return error_reply(t, replies[0]);
        got = replies[0]->count;
        for (size_t i = 0; !r && i < got; i++)
            r = take_entry(t, ps, count, gathered, replies[0]->elements[i], &last);
        if (r)
            return r;
        from[0] = '(';
        stream_id_text(from + 1, last);
    }
    if (stream_id_compare(last, shard->last) > 0)
        shard->last = last;
    return 0;
}

static int seen_prepare(struct takeover *t, struct partition *p)
{
    struct hash_key key;

    seen_free(p->seen);
    p->seen = NULL;
    clock_random(t->clock, &key, sizeof key);
    return seen_new(&p->seen, key, (size_t)p->shard->registry.ids, p->shard->registry.window_s * 1000);
}

/* LRANGE in chunks, each element joined to the one before. */
static int read_seen(struct takeover *t, struct partition *p, struct gathered *gathered)
{
    int64_t expected = p->mark.seen_from, index = 0;
    size_t got = CHUNK_ELEMENTS;
    struct reply **replies;
    int r = seen_prepare(t, p);

    while (!r && got == CHUNK_ELEMENTS) {
        arena_reset(t->arena);
        command_begin(t->commands, 4);
        command_text(t->commands, "LRANGE");
        command_text(t->commands, p->seen_key);
        command_int(t->commands, index);
        command_int(t->commands, index + CHUNK_ELEMENTS - 1);
        r = ask(t, &replies);
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

/* The marks once more: nobody may have taken them over between the epoch and here. */
static int marks_unchanged(struct takeover *t, struct partition *const *ps, size_t count, const struct refusal *refusals)
{
    struct reply **replies;
    size_t at = 0;
    int r;

    arena_reset(t->arena);
    for (size_t i = 0; i < count; i++)
        if (!refusals[i].set)
            command_texts(t->commands, "HMGET", ps[i]->mark_key, MARK_TURN_FIELDS, NULL);
    r = ask(t, &replies);
    for (size_t i = 0; !r && i < count; i++)
        if (!refusals[i].set && !mark_is_ours(&ps[i]->mark, replies[at++]))
            r = -EAGAIN;
    return r;
}

static void gathered_free(struct takeover *t, struct gathered *gathered, size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (gathered[i].first) {
            struct outbox_entry *entry = gathered[i].first;

            gathered[i].first = entry->next;
            outbox_entry_free(t->pool, entry);
        }
}

static void own(struct takeover *t, struct partition *p, const struct evidence *evidence, struct gathered *gathered)
{
    if (strcmp(p->incarnation, p->shard->registry.incarnation) != 0) {
        memcpy(p->incarnation, p->shard->registry.incarnation, sizeof p->incarnation);
        p->handed = 0;
        p->committed = -1;
    }
    outbox_reset(&p->outbox, t->pool, p->mark.done);
    while (gathered->first) {
        struct outbox_entry *entry = gathered->first;

        gathered->first = entry->next;
        outbox_append(&p->outbox, entry);
    }
    if (p->handed < p->mark.next)
        p->handed = p->mark.next;
    if (evidence->noted && evidence->committed > p->committed)
        p->committed = evidence->committed;
    p->reached = evidence->reached;
    p->state = PARTITION_OWNED;
    log_info(t->log, "took over topic=%s partition=%d next=%lld done=%lld outbox=%zu seen=%zu", p->topic, p->number,
             (long long)p->mark.next, (long long)p->mark.done, p->outbox.entries, seen_records(p->seen));
}

/* Everything after the epoch, for one partition; its refusal is set where something does not fit. */
static int examine(struct takeover *t, struct partition *p, struct gathered *gathered, struct evidence *evidence, struct refusal *refusal)
{
    int r = evidence_read(evidence, &t->evidence, p->topic, p->number, &p->shard->registry,
                          p->mark.fingerprint_offset >= 0 ? &p->mark : NULL);

    if (!r)
        r = read_seen(t, p, gathered);
    if (r)
        return r;
    compare_evidence(refusal, p, evidence);
    compare_outbox(refusal, p, gathered->first);
    if (!gathered->seen_whole)
        compare_seen(refusal, p, gathered->seen_problem);
    if (evidence->from_start && p->mark.next > 0)
        log_notice(t->log, "the commit carries no note, so the outcome partition was read from its start topic=%s partition=%d", p->topic, p->number);
    return 0;
}

static int read_and_compare(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals,
                            struct gathered *gathered, struct evidence *evidence)
{
    int r = read_outbox(t, shard, ps, count, gathered);

    for (size_t i = 0; !r && i < count; i++)
        if (!refusals[i].set)
            r = examine(t, ps[i], &gathered[i], &evidence[i], &refusals[i]);
    return r ? r : marks_unchanged(t, ps, count, refusals);
}

static int finish(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals,
                  struct gathered *gathered, const struct evidence *evidence)
{
    int r = 0;

    for (size_t i = 0; i < count; i++)
        if (refusals[i].set && refusals[i].market && !shard->registry.halt[0] && !r)
            r = takeover_halt(t, shard, refusals[i].found);
    for (size_t i = 0; !r && i < count; i++) {
        if (refusals[i].set)
            ps[i]->state = PARTITION_STOPPED;
        else if (!shard->registry.halt[0])
            own(t, ps[i], &evidence[i], &gathered[i]);
    }
    return r ? r : shard->registry.halt[0] ? -EAGAIN : 0;
}

int takeover_run(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals)
{
    struct gathered gathered[TAKEOVER_MAX] = {{0}};
    struct evidence evidence[TAKEOVER_MAX];
    bool any = false;
    int r = -EAGAIN;

    ASSERT(count > 0 && count <= TAKEOVER_MAX);
    for (int i = 0; r == -EAGAIN && i < CLAIM_TRIES && session_is_up(t->session); i++) {
        if (i)
            clock_sleep_ms(t->clock, clock_random_between(t->clock, 1, TRY_PAUSE_MS));
        memset(refusals, 0, count * sizeof *refusals);
        r = look(t, shard, ps, count, refusals);
        any = false;
        for (size_t k = 0; k < count; k++)
            any |= !refusals[k].set;
        if (!r && any)
            r = claim(t, ps, count, refusals);
    }
    if (!r && any)
        r = session_gate_wait(t->session, t->arena, t->gate_ms);
    if (!r && any)
        r = read_and_compare(t, shard, ps, count, refusals, gathered, evidence);
    if (!r)
        r = finish(t, shard, ps, count, refusals, gathered, evidence);
    gathered_free(t, gathered, count);
    return r;
}

int takeover_halt(struct takeover *t, struct shard *shard, const char *reason)
{
    struct exec_result result;
    struct reply **replies;
    int r;

    arena_reset(t->arena);
    commands_reset(t->commands);
    command_texts(t->commands, "UNWATCH", NULL);
    command_texts(t->commands, "WATCH", shard->meta_key, NULL);
    command_texts(t->commands, "HMGET", shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    r = ask(t, &replies);
    if (r)
        return r;
    if (!registry_unchanged(&shard->registry, replies[2]))
        return -EAGAIN;
    command_texts(t->commands, "MULTI", NULL);
    command_texts(t->commands, "HSET", shard->meta_key, "halt", reason, NULL);
    command_texts(t->commands, "EXEC", NULL);
    r = commands_error(t->commands);
    if (!r)
        r = session_send(t->session, t->commands);
    commands_reset(t->commands);
    if (r)
        return r;
    exec_receive(t->session, 1, t->arena, &result);
    if (result.class != EXEC_APPLIED)
        return -EAGAIN;
    snprintf(shard->registry.halt, sizeof shard->registry.halt, "%.500s", reason);
    log_error(t->log, "the market is halted: %s", reason);
    return 0;
}
