/* The read set: every key that an event of the turn reads or writes is WATCHed and read in one write (DESIGN 3). The order of
 * the reads here is the order in which their replies are taken below. */
#include <string.h>

#include "base/number.h"
#include "turn/turn.h"

static const struct bytes none = {"", 0};

static struct bytes name_bytes(const struct name *name)
{
    return (struct bytes){name->text, name->size};
}

static void put_key(struct commands *c, const struct turn *turn, const struct view_key *key)
{
    command_joined(c, bytes_of(turn->shard->prefix), bytes_of(shard_market_word(key->kind)), name_bytes(&key->owner));
}

static void put_watch(struct turn *turn)
{
    size_t keys = view_keys_count(turn->view);

    command_begin(&turn->load, 2 + turn->runs_count + keys);
    command_text(&turn->load, "WATCH");
    command_text(&turn->load, turn->shard->meta_key);
    for (size_t i = 0; i < turn->runs_count; i++)
        command_text(&turn->load, turn->runs[i].lane->partition->mark_key);
    for (size_t i = 0; i < keys; i++)
        put_key(&turn->load, turn, view_key_at(turn->view, i));
}

/* Registry, outbox type; then mark and seen type of each partition. */
static void put_ledger_reads(struct turn *turn)
{
    struct commands *c = &turn->load;

    command_texts(c, "HMGET", turn->shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    command_texts(c, "TYPE", turn->shard->outbox_key, NULL);
    for (size_t i = 0; i < turn->runs_count; i++) {
        const struct partition *p = turn->runs[i].lane->partition;

        command_texts(c, "HMGET", p->mark_key, MARK_TURN_FIELDS, NULL);
        command_texts(c, "TYPE", p->seen_key, NULL);
    }
}

static void put_key_read(struct turn *turn, const struct view_key *key)
{
    static const char *const verbs[] = {
        [VIEW_FUNDS] = "HGET", [VIEW_STOCK] = "GET", [VIEW_INVENTORY] = "SMISMEMBER", [VIEW_MARKET] = "ZMSCORE"};
    bool many = key->kind == VIEW_INVENTORY || key->kind == VIEW_MARKET;
    struct commands *c = &turn->load;

    command_begin(c, 2 + (many ? key->cells_count : key->kind == VIEW_FUNDS));
    command_text(c, verbs[key->kind]);
    put_key(c, turn, key);
    if (key->kind == VIEW_FUNDS)
        command_text(c, "funds");
    for (const struct view_cell *cell = key->cells; many && cell; cell = cell->next) {
        if (key->kind == VIEW_MARKET)
            command_joined(c, name_bytes(&cell->item), bytes_of("."), name_bytes(&cell->seller));
        else
            command_joined(c, name_bytes(&cell->item), none, none);
    }
}

int turn_put_load(struct turn *turn, bool unwatch, int64_t now)
{
    commands_reset(&turn->load);
    if (unwatch)
        command_texts(&turn->load, "UNWATCH", NULL);
    put_watch(turn);
    put_ledger_reads(turn);
    for (size_t i = 0; i < view_keys_count(turn->view); i++)
        put_key_read(turn, view_key_at(turn->view, i));
    for (size_t i = 0; i < turn->runs_count; i++) {
        struct item *item = turn->runs[i].first;

        for (size_t n = 0; n < turn->runs[i].count; n++, item = item->next)
            if (item->watched_at < 0)
                item->watched_at = now;
    }
    return commands_error(&turn->load);
}

static bool type_is(const struct reply *reply, const char *type)
{
    return reply->type == REPLY_STATUS && bytes_equal_text(reply->text, type);
}

static int take_ledger(struct turn *turn, struct reply **reply, struct lane **whose, struct error_text *error)
{
    *whose = NULL;
    if (!shard_unchanged(turn->shard, reply[0]))
        return error_set(error, -ESTALE, "the registry has changed");
    if (!type_is(reply[1], "stream"))
        return error_set(error, -ESTALE, "the outbox is gone or no stream");
    for (size_t i = 0; i < turn->runs_count; i++) {
        const struct partition *p = turn->runs[i].lane->partition;

        *whose = turn->runs[i].lane;
        if (!mark_is_ours(&p->mark, reply[2 + 2 * i]))
            return error_set(error, -ESTALE, "the mark is not as this process wrote it");
        if (!type_is(reply[3 + 2 * i], seen_elements(p->seen) ? "list" : "none"))
            return error_set(error, -ESTALE, "the seen list is gone or no list");
    }
    return 0;
}

static void load_number(struct turn *turn, const struct view_cell *cell, const struct reply *reply)
{
    int64_t value = 0;

    if (reply->type == REPLY_NIL)
        view_load(turn->view, cell, VIEW_MISSING, 0);
    else if (reply->type == REPLY_STRING && number_parse(reply->text, &value))
        view_load(turn->view, cell, VIEW_PRESENT, value);
    else
        view_load(turn->view, cell, VIEW_INVALID, 0);
}

static void load_price(struct turn *turn, const struct view_cell *cell, const struct reply *reply)
{
    int64_t value = 0;

    if (reply->type == REPLY_NIL)
        view_load(turn->view, cell, VIEW_MISSING, 0);
    else if (reply->type == REPLY_STRING && number_parse_score(reply->text, &value))
        view_load(turn->view, cell, VIEW_PRESENT, value);
    else
        view_load(turn->view, cell, VIEW_INVALID, 0);
}

static void load_key(struct turn *turn, const struct view_key *key, const struct reply *reply)
{
    size_t i = 0;

    if (key->kind == VIEW_FUNDS || key->kind == VIEW_STOCK) {
        load_number(turn, key->cells, reply);
        return;
    }
    for (const struct view_cell *cell = key->cells; cell; cell = cell->next, i++) {
        if (reply->type != REPLY_ARRAY || i >= reply->count)
            view_load(turn->view, cell, VIEW_INVALID, 0);
        else if (key->kind == VIEW_MARKET)
            load_price(turn, cell, reply->elements[i]);
        else if (reply->elements[i]->type != REPLY_INTEGER)
            view_load(turn->view, cell, VIEW_INVALID, 0);
        else
            view_load(turn->view, cell, reply->elements[i]->integer ? VIEW_PRESENT : VIEW_MISSING, 1);
    }
}

/* WATCH's own reply comes first: without its OK nothing that was read is guarded (redis.md 3). */
static int take_replies(struct turn *turn, struct reply **replies, size_t count, struct lane **whose, struct error_text *error)
{
    size_t unwatch = count - (3 + 2 * turn->runs_count + view_keys_count(turn->view)), at = unwatch;
    int r = store_replies_check(replies, count, error);

    if (r)
        return r;
    if (!type_is(replies[at++], "OK"))
        return error_set(error, -EAGAIN, "WATCH was not answered with OK");
    r = take_ledger(turn, replies + at, whose, error);
    if (r)
        return r;
    at += 2 + 2 * turn->runs_count;
    for (size_t i = 0; i < view_keys_count(turn->view); i++)
        load_key(turn, view_key_at(turn->view, i), replies[at + i]);
    turn->loaded = true;
    return 0;
}

int turn_receive_load(struct turn *turn, struct session *session, struct lane **whose, struct error_text *error)
{
    struct reply **replies;
    int r = 0;

    *whose = NULL;
    arena_reset(turn->arena);
    turn->riding = false;
    replies = arena_take(turn->arena, turn->load.count * sizeof *replies);
    if (!replies)
        return -ENOMEM;
    for (size_t i = 0; !r && i < turn->load.count; i++)
        r = session_receive(session, turn->arena, &replies[i]);
    if (r)
        return error_set(error, r, "connection lost");
    return take_replies(turn, replies, turn->load.count, whose, error);
}
