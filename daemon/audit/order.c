/* Steps a, b, c, d: when d comes, c is judged. c is right if it follows b; else either is wrong: b, when c follows a with one between them and d
 * follows c, or c. What is judged wrong leaves, and the next step is no longer joined. */
#include "audit/order.h"

#include <string.h>

#include "codec/sequence.h"

enum { STEPS = 4 };

static bool same_entry(const struct order_step *a, const struct order_step *b)
{
    return a->at.era == b->at.era && stream_id_compare(a->at.id, b->at.id) == 0;
}

/* Whether b may stand right behind a. */
static bool follows(const struct order_step *a, const struct order_step *b)
{
    if (same_entry(a, b))
        return b->joined ? b->at.place == a->at.place + 1 + a->lettered : b->at.place > a->at.place;
    if (b->joined && b->at.place != 0)
        return false;
    return blank_compare(a->at, b->at) < 0;
}

/* Whether b may stand behind a with one event, of whatever kind, between them. */
static bool follows_after_one(const struct order_step *a, const struct order_step *b)
{
    if (same_entry(a, b))
        return b->at.place >= a->at.place + 2 && b->at.place <= a->at.place + 4;
    return blank_compare(a->at, b->at) < 0 && b->at.place <= 2;
}

/* Two of one entry, one behind the other: neither was altered alone. */
static bool is_sure(const struct order_step *a, const struct order_step *b)
{
    return same_entry(a, b) && follows(a, b);
}

static void drop(struct order *order, size_t index)
{
    memmove(&order->steps[index], &order->steps[index + 1], (order->count - index - 1) * sizeof order->steps[0]);
    order->count--;
    if (index < order->count)
        order->steps[index].joined = false;
}

static void say(const struct order_step *wrong, const struct order_step *other, struct error_text *error)
{
    char found[SEQUENCE_TEXT_SIZE], beside[SEQUENCE_TEXT_SIZE];

    sequence_text(found, wrong->at.era, wrong->at.id, wrong->at.place);
    sequence_text(beside, other->at.era, other->at.id, other->at.place);
    error_set(error, 0, "ce_sequence is %s, that of offset %lld is %s: they must rise with the offsets, and places count from 0 in each entry", found,
              (long long)other->offset, beside);
}

/* Judges steps[at] against the one before it; `at` is at least 1. */
static bool judge(struct order *order, size_t at, struct order_step *wrong, struct error_text *error)
{
    const struct order_step *b = &order->steps[at - 1], *c = &order->steps[at], *a = at >= 2 ? b - 1 : NULL, *d = at + 1 < order->count ? c + 1 : NULL;
    bool before;

    if (follows(b, c))
        return false;
    before = !(a && is_sure(a, b)) && (!a || follows_after_one(a, c)) && (d ? follows(c, d) && (is_sure(c, d) || !follows_after_one(b, d)) : a && !is_sure(a, b) && c->at.place != 0);
    *wrong = before ? *b : *c;
    say(wrong, before ? c : b, error);
    drop(order, before ? at - 1 : at);
    return true;
}

bool order_next(struct order *order, const struct order_step *step, struct order_step *wrong, struct error_text *error)
{
    if (!step->sequenced) {
        *wrong = *step;
        order->count = 0;
        return error_set(error, 1, "header ce_sequence is missing");
    }
    if (order->count == STEPS)
        drop(order, 0);
    order->steps[order->count++] = *step;
    return order->count >= 3 && judge(order, order->count - 2, wrong, error);
}

bool order_end(struct order *order, struct order_step *wrong, struct error_text *error)
{
    bool found = order->count >= 2 && judge(order, order->count - 1, wrong, error);

    order->count = 0;
    return found;
}
