/* The seen lists: read from their beginning, and on as they grow. They grow at their end and lose elements at their beginning meanwhile, so an element is
 * known by the offsets that it covers and not by its index; each joins the one before. A last element without records may have grown by the next look.
 *
 * Where to go on is an index all the same, and what the list loses while it is asked for is known only with the answer: so some that are held are asked
 * for again, twice as many as were lost of late. */
#include <stdlib.h>

#include "archive/take.h"
#include "base/number.h"

enum { CHUNK_ELEMENTS = 16, OVERLAP_MIN = 4, OVERLAP_MAX = 1024, TRIES = 50, ROUNDS_MAX = 1000000 };

/* How many elements that are held lie before what the list begins with. */
static size_t dropped(const struct take_seen *seen)
{
    size_t low = 0, high = seen->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (seen->froms[middle] < seen->seen_from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int hold(struct take *take, size_t index, int64_t from, int64_t to, struct bytes element)
{
    struct take_partition *p = &take->partitions[index];
    struct take_seen *seen = &p->seen;

    if (seen->count == seen->capacity) {
        size_t capacity = seen->capacity ? 2 * seen->capacity : 64;
        int64_t *froms = reallocarray(seen->froms, capacity, sizeof *froms);

        if (!froms)
            return -ENOMEM;
        seen->froms = froms;
        seen->capacity = capacity;
    }
    seen->froms[seen->count++] = from;
    seen->to = to;
    return take_seen_put(take, index, bytes_of(p->seen_key + strlen(take->shard.prefix)), from, element);
}

/* The last one is read once more, since it may have grown; where the list has lost all that is held, it goes on where it begins now. */
static int step_back(struct take *take, size_t index)
{
    struct take_seen *seen = &take->partitions[index].seen;

    if (dropped(seen) == seen->count) {
        seen->to = seen->seen_from;
        return 0;
    }
    seen->to = seen->froms[--seen->count];
    return take_seen_remove(take, index, seen->to);
}

/* 1: they do not join what is held, because the list lost elements since its beginning was known. */
static int take_elements(struct take *take, size_t index, const struct reply *elements)
{
    struct take_seen *seen = &take->partitions[index].seen;
    int r = 0;

    for (size_t i = 0; !r && i < elements->count; i++) {
        struct bytes element = elements->elements[i]->text;
        int64_t from, to;
        bool holds;

        if (seen_element_read(element, &from, &to, &holds))
            return error_set(take->error, -EPROTO, "the seen list %s holds an element that cannot be read", take->partitions[index].seen_key);
        if (from < seen->to)
            continue;
        if (from != seen->to)
            return 1;
        r = hold(take, index, from, to, element);
    }
    return r;
}

/* It falls slowly: a machine that was busy once will be again. */
static void set_overlap(struct take_seen *seen, size_t lost)
{
    size_t overlap = seen->overlap - seen->overlap / 8;

    overlap = 2 * lost > overlap ? 2 * lost : overlap;
    seen->overlap = overlap < OVERLAP_MIN ? OVERLAP_MIN : overlap < OVERLAP_MAX ? overlap : OVERLAP_MAX;
}

/* Beginning and a chunk of the list, in one; `*all`: how many it is if the list goes on. */
static int read_chunk(struct take *take, size_t index, struct reply **elements, size_t *all)
{
    struct take_partition *p = &take->partitions[index];
    struct commands *c = take->options->start.redis->commands;
    size_t before = dropped(&p->seen), held = p->seen.count - before, again = held < p->seen.overlap ? held : p->seen.overlap, at = held - again;
    struct reply **replies;
    int r = take_go_on(take);

    if (r)
        return r;
    take_chunk_begin(take);
    command_texts(c, "HGET", p->mark_key, "seen_from", NULL);
    command_begin(c, 4);
    command_text(c, "LRANGE");
    command_text(c, p->seen_key);
    command_int(c, (int64_t)at);
    command_int(c, (int64_t)(held + CHUNK_ELEMENTS) - 1);
    r = take_chunk_end(take, 2, &replies);
    if (r)
        return r;
    if (replies[0]->type != REPLY_STRING || !number_parse(replies[0]->text, &p->seen.seen_from) || replies[1]->type != REPLY_ARRAY)
        return error_set(take->error, -EPROTO, "the seen list %s cannot be read", p->seen_key);
    set_overlap(&p->seen, dropped(&p->seen) - before);
    *elements = replies[1];
    *all = again + CHUNK_ELEMENTS;
    return 0;
}

/* 1: there may be more; 2: the list had lost elements, ask again. */
static int read_on(struct take *take, size_t index)
{
    struct take_seen *seen = &take->partitions[index].seen;
    struct reply *elements = NULL;
    size_t all = 0;
    int r = read_chunk(take, index, &elements, &all);

    if (r)
        return r;
    if (dropped(seen) == seen->count && seen->to < seen->seen_from)
        seen->to = seen->seen_from;
    r = take_elements(take, index, elements);
    return r == 1 ? 2 : r ? r : elements->count == all;
}

static int read_list(struct take *take, size_t index)
{
    int r = step_back(take, index), tries = 0;

    if (!r)
        r = 1;
    for (int round = 0; r > 0 && tries < TRIES && round < ROUNDS_MAX; round++) {
        r = read_on(take, index);
        tries = r == 2 ? tries + 1 : 0;
        if (r == 2) {
            r = step_back(take, index);
            r = r ? r : 1;
        }
    }
    return r > 0 ? error_set(take->error, -ESTALE, "the seen list %s changed faster than it could be read", take->partitions[index].seen_key) : r;
}

int take_seen_lists(struct take *take)
{
    int r = 0;

    for (size_t i = 0; !r && i < take->count; i++)
        r = read_list(take, i);
    return r;
}

/* The element that covers the moment's `next` ends there: it has no records, or it would end with the turn that wrote them. */
static int cut(struct take *take, size_t index, int64_t from)
{
    const struct take_partition *p = &take->partitions[index];

    buffer_reset(&take->text);
    seen_element_begin(&take->text, from, p->end.next);
    return take_seen_put(take, index, bytes_of(p->seen_key + strlen(take->shard.prefix)), from, buffer_bytes(&take->text));
}

static int finish_list(struct take *take, size_t index)
{
    struct take_partition *p = &take->partitions[index];
    struct take_seen *seen = &p->seen;
    int64_t to = seen->to;
    size_t kept = seen->count;
    int r = 0;

    for (; !r && kept && seen->froms[kept - 1] >= p->end.next; to = seen->froms[--kept])
        r = take_seen_remove(take, index, seen->froms[kept - 1]);
    if (!r && kept && to > p->end.next)
        r = cut(take, index, seen->froms[kept - 1]);
    for (size_t i = 0; !r && i < kept && seen->froms[i] < p->end.seen_from; i++)
        r = take_seen_remove(take, index, seen->froms[i]);
    if (!r && p->end.seen_from < p->end.next && (to < p->end.next || !kept || seen->froms[0] > p->end.seen_from))
        r = error_set(take->error, -ESTALE, "the seen list %s does not cover %s", p->seen_key, number_offsets(p->end.seen_from, p->end.next - 1).text);
    return r;
}

int take_seen_finish(struct take *take)
{
    int r = take_seen_lists(take);

    for (size_t i = 0; !r && i < take->count; i++)
        r = finish_list(take, i);
    return r;
}
