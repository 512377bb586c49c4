#include "turn/turn.h"

#include <string.h>

#include "rules/rules.h"

enum { LOAD_LIMIT = 64 << 20, REPLIES_LIMIT = 256 << 20 };

int turn_init(struct turn *turn, size_t keys_max, size_t events_max)
{
    int r;

    memset(turn, 0, sizeof *turn);
    commands_init(&turn->load, LOAD_LIMIT);
    buffer_init(&turn->elements, LOAD_LIMIT);
    r = arena_new(&turn->arena, REPLIES_LIMIT);
    if (!r)
        r = view_new(&turn->view, keys_max + VIEW_KEYS_PER_EVENT_MAX, (events_max + 1) * VIEW_KEYS_PER_EVENT_MAX);
    return r;
}

void turn_deinit(struct turn *turn)
{
    commands_deinit(&turn->load);
    buffer_deinit(&turn->elements);
    turn->arena = arena_free(turn->arena);
    turn->view = view_free(turn->view);
}

void turn_reset(struct turn *turn, struct outbox_pool *pool)
{
    for (size_t i = 0; i < turn->runs_count; i++) {
        outbox_entry_free(pool, turn->runs[i].entry);
        if (turn->runs[i].lane->partition->seen)
            seen_rollback(turn->runs[i].lane->partition->seen);
    }
    if (turn->events || turn->runs_count)
        view_reset(turn->view);
    turn->shard = NULL;
    turn->runs_count = turn->events = turn->bytes = 0;
    turn->expiring = turn->loaded = turn->riding = false;
}

void turn_forget(struct turn *turn, struct session *session, struct outbox_pool *pool)
{
    if (turn->riding && session_is_up(session)) {
        struct error_text error;
        struct lane *whose;

        /* Its replies are due: they are taken and thrown away. */
        if (turn_receive_load(turn, session, &whose, &error) && session_is_up(session))
            turn->riding = false;
    }
    turn_reset(turn, pool);
}

struct run *turn_run_of(struct turn *turn, const struct lane *lane)
{
    for (size_t i = 0; i < turn->runs_count; i++)
        if (turn->runs[i].lane == lane)
            return &turn->runs[i];
    return NULL;
}

/* Keys that the turn watches if one event more joins: registry, marks, and the view's. */
static bool fits(const struct turn *turn, const struct turn_bounds *bounds, const struct item *item)
{
    return turn->events < bounds->events && (turn->events == 0 || turn->bytes + item_bytes(item) <= bounds->bytes) &&
           (turn->events == 0 || 1 + turn->runs_count + view_keys_count(turn->view) + VIEW_KEYS_PER_EVENT_MAX <= bounds->keys) &&
           view_has_room(turn->view) && item->expiring == turn->expiring;
}

static void take(struct turn *turn, struct run *run, struct item *item)
{
    if (!run->first)
        run->first = item;
    run->count++;
    turn->events++;
    turn->bytes += item_bytes(item);
    if (!turn->expiring && item->decoded.reason == REASON_NONE)
        rules_want(&item->decoded.event, turn->view);
}

bool turn_add(struct turn *turn, struct lane *lane, size_t skip, const struct turn_bounds *bounds, bool due)
{
    struct item *item = lane->head;
    struct run *run = &turn->runs[turn->runs_count];

    if (turn->runs_count == TURN_RUNS_MAX || (turn->shard && turn->shard != lane->partition->shard))
        return false;
    if (turn->runs_count && 2 + turn->runs_count + view_keys_count(turn->view) > bounds->keys)
        return false;
    for (; item && skip; skip--)
        item = item->next;
    if (item && turn->events == 0)
        turn->expiring = item->expiring;
    *run = (struct run){.lane = lane};
    turn->runs_count++;      /* its mark counts as a key already */
    for (; item && fits(turn, bounds, item); item = item->next)
        take(turn, run, item);
    if (run->count == 0 && !due) {
        turn->runs_count--;
        return false;
    }
    turn->shard = lane->partition->shard;
    return true;
}
