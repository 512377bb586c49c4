#include "turn/write.h"

#include <string.h>

static struct bytes name_bytes(const struct name *name)
{
    return (struct bytes){name->text, name->size};
}

static void put_field(struct commands *c, const char *name, int64_t value)
{
    command_text(c, name);
    command_int(c, value);
}

/* Nothing, when all that changes is that outcomes which an adoption carried over leave the outbox: they belong to no range of the mark. */
static void put_mark(struct commands *c, const struct run *run)
{
    const struct mark *before = &run->lane->partition->mark, *after = &run->after;
    bool moved = run->entry != NULL, done = after->done != before->done, seen = after->seen_from != before->seen_from;

    if (!moved && !done && !seen)
        return;
    command_begin(c, 2 + 2 * (size_t)((moved ? 4 : 0) + done + seen));
    command_text(c, "HSET");
    command_text(c, run->lane->partition->mark_key);
    if (moved) {
        put_field(c, "next", after->next);
        put_field(c, "time", after->time);
        command_text(c, "fp");
        command_text(c, after->fingerprint);
        put_field(c, "fp_offset", after->fingerprint_offset);
    }
    if (done)
        put_field(c, "done", after->done);
    if (seen)
        put_field(c, "seen_from", after->seen_from);
}

static void put_entry(struct commands *c, const struct turn *turn, const struct run *run)
{
    command_begin(c, 3 + 2 * OUTBOX_FIELDS_COUNT);
    command_text(c, "XADD");
    command_text(c, turn->shard->outbox_key);
    command_text(c, "*");
    command_text(c, "at");
    command_text(c, run->lane->partition->at);
    put_field(c, "from", run->entry->from);
    put_field(c, "to", run->entry->to);
    put_field(c, "era", run->entry->era);
    command_text(c, "records");
    command_bytes(c, buffer_bytes(&run->entry->records));
}

/* One entry for both: an outbox that nobody delivers meanwhile does not grow with every turn. */
static void put_joined(struct commands *c, const struct turn *turn, const struct run *run)
{
    char id[STREAM_ID_TEXT_SIZE];

    if (!run->joins)
        return;
    stream_id_text(id, run->joined);
    command_texts(c, "XDEL", turn->shard->outbox_key, id, NULL);
}

static void put_seen(struct commands *c, const struct turn *turn, const struct run *run)
{
    const char *key = run->lane->partition->seen_key;

    if (run->seen.drop) {
        command_begin(c, 3);
        command_text(c, "LPOP");
        command_text(c, key);
        command_int(c, (int64_t)run->seen.drop);
    }
    command_begin(c, run->seen.merge ? 4 : 3);
    command_text(c, run->seen.merge ? "LSET" : "RPUSH");
    command_text(c, key);
    if (run->seen.merge)
        command_text(c, "-1");
    command_bytes(c, (struct bytes){turn->elements.data + run->element_at, run->element_size});
}

static void put_removals(struct commands *c, const struct turn *turn)
{
    size_t count = 0;

    for (size_t i = 0; i < turn->runs_count; i++)
        count += turn->runs[i].removals;
    if (!count)
        return;
    command_begin(c, 2 + count);
    command_text(c, "XDEL");
    command_text(c, turn->shard->outbox_key);
    for (size_t i = 0; i < turn->runs_count; i++) {
        const struct outbox_entry *entry = turn->runs[i].lane->partition->outbox.head;

        for (size_t n = 0; n < turn->runs[i].removals; n++, entry = entry->next) {
            char id[STREAM_ID_TEXT_SIZE];

            stream_id_text(id, entry->id);
            command_text(c, id);
        }
    }
}

static void put_key(struct commands *c, const struct turn *turn, const char *kind, const struct view_key *key)
{
    command_joined(c, bytes_of(turn->shard->prefix), bytes_of(kind), name_bytes(&key->owner));
}

static void put_increment(struct commands *c, const struct turn *turn, const struct view_key *key, int64_t by)
{
    command_begin(c, key->kind == VIEW_FUNDS ? 4 : 3);
    command_text(c, key->kind == VIEW_FUNDS ? "HINCRBY" : "INCRBY");
    put_key(c, turn, key->kind == VIEW_FUNDS ? "users:" : "stock:", key);
    if (key->kind == VIEW_FUNDS)
        command_text(c, "funds");
    command_int(c, by);
}

/* What was missing counts as 0. No turn of the rules changes a number by more than an int64 holds, which Redis would refuse inside EXEC; a playback that
 * follows what another program wrote may, and goes there in steps. */
static void put_number(struct commands *c, const struct turn *turn, const struct view_key *key)
{
    const struct view_cell *cell = key->cells;
    int64_t now = cell->loaded == VIEW_PRESENT ? cell->loaded_value : 0, by;

    if (!view_cell_changed(cell))
        return;
    do {
        if (__builtin_sub_overflow(cell->value, now, &by))
            by = now < 0 ? INT64_MAX : INT64_MIN;
        put_increment(c, turn, key, by);
        now += by;
    } while (now != cell->value);
}

static void put_member(struct commands *c, const struct view_key *key, const struct view_cell *cell)
{
    static const struct bytes none = {"", 0};

    if (key->kind == VIEW_MARKET)
        command_joined(c, name_bytes(&cell->item), bytes_of("."), name_bytes(&cell->seller));
    else
        command_joined(c, name_bytes(&cell->item), none, none);
}

/* All members of one key that came (or went), in one command. */
static void put_members(struct commands *c, const struct turn *turn, const struct view_key *key, enum view_state state)
{
    bool market = key->kind == VIEW_MARKET, came = state == VIEW_PRESENT;
    size_t count = 0;

    for (const struct view_cell *cell = key->cells; cell; cell = cell->next)
        count += view_cell_changed(cell) && cell->state == state;
    if (!count)
        return;
    command_begin(c, 2 + count * (market && came ? 2 : 1));
    command_text(c, market ? (came ? "ZADD" : "ZREM") : came ? "SADD" : "SREM");
    put_key(c, turn, market ? "market:" : "inventory:", key);
    for (const struct view_cell *cell = key->cells; cell; cell = cell->next) {
        if (!view_cell_changed(cell) || cell->state != state)
            continue;
        if (market && came)
            command_int(c, cell->value);
        put_member(c, key, cell);
    }
}

static void put_market(struct commands *c, const struct turn *turn)
{
    for (size_t i = 0; i < view_keys_count(turn->view); i++) {
        const struct view_key *key = view_key_at(turn->view, i);

        if (key->kind == VIEW_FUNDS || key->kind == VIEW_STOCK) {
            put_number(c, turn, key);
        } else {
            put_members(c, turn, key, VIEW_MISSING);
            put_members(c, turn, key, VIEW_PRESENT);
        }
    }
}

int turn_put_exec(struct turn *turn, struct commands *c, size_t *queued)
{
    size_t before = c->count;

    command_texts(c, "MULTI", NULL);
    for (size_t i = 0; i < turn->runs_count; i++) {
        struct run *run = &turn->runs[i];

        if (!run->entry && !run->removals)
            continue;
        put_mark(c, run);
        if (!run->entry)
            continue;
        run->id_at = c->count - before - 1;
        put_entry(c, turn, run);
        put_joined(c, turn, run);
        put_seen(c, turn, run);
    }
    put_removals(c, turn);
    if (!turn->expiring)
        put_market(c, turn);
    *queued = c->count - before - 1;
    command_texts(c, "EXEC", NULL);
    return commands_error(c);
}

/* The id that Redis gave the run's entry: the sequence. It must rise for ever within an era. */
static int take_id(struct turn *turn, struct run *run, const struct reply *array, struct error_text *error)
{
    const struct reply *id = run->id_at < array->count ? array->elements[run->id_at] : NULL;

    if (!id || id->type != REPLY_STRING || !stream_id_parse(id->text, &run->entry->id))
        return error_set(error, -EBADMSG, "XADD was not answered with an id");
    if (stream_id_compare(run->entry->id, turn->shard->last) <= 0)
        return error_set(error, -EBADMSG, "the outbox gave id %llu-%llu, not above the last one %llu-%llu: the stream was deleted or a clock went back",
                         (unsigned long long)run->entry->id.ms, (unsigned long long)run->entry->id.seq,
                         (unsigned long long)turn->shard->last.ms, (unsigned long long)turn->shard->last.seq);
    run->entry->sequence = turn->shard->last = run->entry->id;
    return 0;
}

static int run_applied(struct run *run, struct item_pool *items, struct outbox_pool *pool)
{
    struct partition *p = run->lane->partition;
    int r = 0;

    p->mark = run->after;
    partition_confirm(p, run->reached);
    outbox_removed(&p->outbox, pool, run->removals);
    if (run->entry) {
        r = seen_confirm(p->seen, &run->seen, run->after.next);
        outbox_append(&p->outbox, run->entry);
        run->entry = NULL;
        lane_pop(run->lane, items, run->count);
        run->lane->base = run->after.next;
        if (run->lane->position < run->after.next)
            run->lane->position = run->after.next;
    }
    return r;
}

int turn_identify(struct turn *turn, const struct reply *array, struct error_text *error)
{
    int r = 0;

    for (size_t i = 0; !r && i < turn->runs_count; i++)
        if (turn->runs[i].entry)
            r = take_id(turn, &turn->runs[i], array, error);
    return r;
}

int turn_confirm(struct turn *turn, struct item_pool *items, struct outbox_pool *pool, int64_t now)
{
    int r = 0;

    for (size_t i = 0; !r && i < turn->runs_count; i++) {
        r = run_applied(&turn->runs[i], items, pool);
        turn->runs[i].lane->turned_at = now;
    }
    return r;
}

int turn_applied(struct turn *turn, const struct reply *array, struct item_pool *items, struct outbox_pool *pool, int64_t now,
                 struct error_text *error)
{
    int r = turn_identify(turn, array, error);

    return r ? r : turn_confirm(turn, items, pool, now);
}
