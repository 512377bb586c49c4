/* Breadth first through every state, each kept once; the way to a violation is one of the shortest. */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SETTLE_MAX = 500 };
#define NO_STATE UINT32_MAX

struct checker {
    struct state *states;
    uint32_t *parents;
    uint16_t *by;                 /* the step from the parent */
    size_t count, capacity;
    uint32_t *table;              /* place of a state, plus one */
    size_t table_size;            /* a power of two */
    struct world world;           /* scope and ablation */
};

static void *grow(void *memory, size_t count, size_t size)
{
    void *more = reallocarray(memory, count, size);

    if (!more)
        abort();
    return more;
}

static uint64_t hash_of(const struct state *state)
{
    const unsigned char *at = (const unsigned char *)state;
    uint64_t hash = 0x9e3779b97f4a7c15, word = 0;
    size_t left = sizeof *state;

    for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccd;
        hash = hash << 29 | hash >> 35;
    }
    word = 0;
    memcpy(&word, at, left);
    hash = (hash ^ word) * 0xc4ceb9fe1a85ec53;
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccd;
    return hash ^ hash >> 33;
}

/* Where the state stands in the table, or would. */
static size_t slot_of(const struct checker *c, const struct state *state)
{
    size_t slot = hash_of(state) & (c->table_size - 1);

    while (c->table[slot] && memcmp(&c->states[c->table[slot] - 1], state, sizeof *state) != 0)
        slot = (slot + 1) & (c->table_size - 1);
    return slot;
}

static void table_double(struct checker *c)
{
    free(c->table);
    c->table_size = c->table_size ? 2 * c->table_size : 1 << 16;
    c->table = calloc(c->table_size, sizeof *c->table);
    if (!c->table)
        abort();
    for (size_t i = 0; i < c->count; i++)
        c->table[slot_of(c, &c->states[i])] = (uint32_t)i + 1;
}

static void states_double(struct checker *c)
{
    c->capacity = c->capacity ? 2 * c->capacity : 1 << 14;
    c->states = grow(c->states, c->capacity, sizeof *c->states);
    c->parents = grow(c->parents, c->capacity, sizeof *c->parents);
    c->by = grow(c->by, c->capacity, sizeof *c->by);
}

/* Keeps a state that is new. */
static void add(struct checker *c, const struct state *state, uint32_t parent, size_t by)
{
    size_t slot;

    if (2 * c->count >= c->table_size)
        table_double(c);
    slot = slot_of(c, state);
    if (c->table[slot])
        return;
    if (c->count == c->capacity)
        states_double(c);
    c->states[c->count] = *state;
    c->parents[c->count] = parent;
    c->by[c->count] = (uint16_t)by;
    c->table[slot] = (uint32_t)++c->count;
}

static size_t depth_of(const struct checker *c, uint32_t at)
{
    size_t depth = 0;

    for (; c->parents[at] != NO_STATE; at = c->parents[at])
        depth++;
    return depth;
}

/* The steps to state `at`, and one more unless it is SIZE_MAX. */
static void keep_trace(const struct checker *c, struct verdict *verdict, uint32_t at, size_t last)
{
    size_t length = depth_of(c, at), end = length;

    verdict->trace_length = length + (last != SIZE_MAX);
    verdict->trace = grow(NULL, verdict->trace_length + 1, sizeof *verdict->trace);
    for (; c->parents[at] != NO_STATE; at = c->parents[at])
        verdict->trace[--end] = c->by[at];
    if (last != SIZE_MAX)
        verdict->trace[length] = (uint16_t)last;
}

/* Every step that can be taken in state `at`. */
static bool expand(struct checker *c, struct verdict *verdict, uint32_t at)
{
    c->world.s = c->states[at];
    for (size_t by = 0; by < steps_count * INSTANCES; by++) {
        if (!steps_take(&c->world, by / INSTANCES, by % INSTANCES))
            continue;
        verdict->transitions++;
        if (c->world.broken != HOLDS) {
            verdict->broken = c->world.broken;
            keep_trace(c, verdict, at, by);
            return false;
        }
        add(c, &c->world.s, at, by);
        c->world.s = c->states[at];
    }
    return true;
}

/* Goes on without faults until all is done, or a state is met from which that is known. */
static bool settles(const struct checker *c, unsigned char *known, size_t from)
{
    uint32_t way[SETTLE_MAX];
    struct world w = c->world;
    size_t length = 0;
    bool good = false;

    w.s = c->states[from];
    for (size_t i = 0; i < SETTLE_MAX && !good; i++) {
        uint32_t place = c->table[slot_of(c, &w.s)];

        if (place)
            way[length++] = place - 1;
        good = (place && known[place - 1]) || world_settled(&w) || (!steps_settle(&w) && world_settled(&w));
    }
    while (good && length)
        known[way[--length]] = 1;
    return good;
}

static void check_live(struct checker *c, struct verdict *verdict)
{
    unsigned char *known = calloc(c->count, 1);

    if (!known)
        abort();
    for (size_t i = 0; i < c->count; i++)
        if (!settles(c, known, i)) {
            verdict->broken = LIVE;
            keep_trace(c, verdict, (uint32_t)i, SIZE_MAX);
            break;
        }
    free(known);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void checker_run(struct verdict *verdict, const struct scope *scope, enum mechanism without, enum property only)
{
    struct checker c = {0};
    double began = now();
    bool whole = true;

    *verdict = (struct verdict){.broken = HOLDS};
    world_start(&c.world, scope, without);
    c.world.only = only;
    add(&c, &c.world.s, NO_STATE, 0);
    for (size_t at = 0; at < c.count && whole; at++)
        whole = expand(&c, verdict, (uint32_t)at);
    verdict->states = c.count;
    verdict->depth = depth_of(&c, (uint32_t)(c.count - 1));
    if (whole && (only == HOLDS || only == LIVE))
        check_live(&c, verdict);
    verdict->seconds = now() - began;
    free(c.states);
    free(c.parents);
    free(c.by);
    free(c.table);
}
