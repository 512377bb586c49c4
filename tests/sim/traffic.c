/* What the upstream orders. It guesses what the market holds, so that most orders have a chance, and is often wrong, so that every refusal
 * comes up; a few messages are repeated, malformed, or CloudEvents. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/plan.h"

enum { USERS = 6, ITEMS = 10, SKUS = 4, VALUE_MAX = 512, RECENT = 60, NOBODY = -1 };

/* What the upstream believes of one market. */
struct guess {
    int holder[ITEMS];           /* who holds it, NOBODY before it was granted */
    int price[ITEMS];            /* 0: not listed */
};

struct traffic {
    struct plan *plan;
    struct dice *dice;
    struct guess guesses[PLAN_PARTITIONS_MAX];
    int64_t ids;
};

struct order {
    char kind[16], fields[VALUE_MAX];
};

static int draw(struct traffic *t, int bound)
{
    return (int)dice_between(t->dice, 0, bound - 1);
}

static void order(struct order *order, const char *kind, const char *format, ...) PRINTF_LIKE(3, 4);

static void order(struct order *order, const char *kind, const char *format, ...)
{
    va_list arguments;

    snprintf(order->kind, sizeof order->kind, "%s", kind);
    va_start(arguments, format);
    vsnprintf(order->fields, sizeof order->fields, format, arguments);
    va_end(arguments);
}

/* Now and then somebody else than the one that is meant. */
static int seller_of(struct traffic *t, const struct guess *guess, int item)
{
    return guess->holder[item] == NOBODY || dice_one_in(t->dice, 12) ? draw(t, USERS) : guess->holder[item];
}

static void grant(struct traffic *t, struct guess *guess, struct order *out)
{
    int item = draw(t, ITEMS), user = draw(t, USERS);

    if (guess->holder[item] == NOBODY)
        guess->holder[item] = user;
    order(out, "grant", "\"user\":\"u%d\",\"item\":\"i%d\"", user, item);
}

static void list(struct traffic *t, struct guess *guess, struct order *out)
{
    int item = draw(t, ITEMS), seller = seller_of(t, guess, item), price = 1 + draw(t, 40);

    if (guess->holder[item] == seller)
        guess->price[item] = price;
    order(out, "list", "\"seller\":\"u%d\",\"item\":\"i%d\",\"price\":%d", seller, item, price);
}

static void unlist(struct traffic *t, struct guess *guess, struct order *out)
{
    int item = draw(t, ITEMS);

    order(out, "unlist", "\"seller\":\"u%d\",\"item\":\"i%d\"", seller_of(t, guess, item), item);
    guess->price[item] = 0;
}

static void purchase(struct traffic *t, struct guess *guess, struct order *out)
{
    int item = draw(t, ITEMS), buyer = draw(t, USERS), seller, price;

    for (int i = 0; i < ITEMS && !guess->price[item]; i++)
        item = (item + 1) % ITEMS;
    seller = seller_of(t, guess, item);
    price = dice_one_in(t->dice, 10) || !guess->price[item] ? 1 + draw(t, 40) : guess->price[item];
    order(out, "purchase", "\"buyer\":\"u%d\",\"seller\":\"u%d\",\"item\":\"i%d\",\"price\":%d", buyer, seller, item, price);
    if (guess->price[item] == price && guess->holder[item] == seller) {
        guess->holder[item] = buyer;
        guess->price[item] = 0;
    }
}

static void deposit(struct traffic *t, struct order *out)
{
    long long amount = dice_one_in(t->dice, 40) ? (1ll << 53) - 1 : 1 + draw(t, 60);

    order(out, "deposit", "\"user\":\"u%d\",\"amount\":%lld", draw(t, USERS), amount);
}

/* One draw a statement: within a call the compiler chooses the order, and a seed would be another history with each. */
static void restock(struct traffic *t, struct order *out)
{
    int quantity = 1 + draw(t, 12);

    order(out, "restock", "\"sku\":\"k%d\",\"quantity\":%d", draw(t, SKUS), quantity);
}

static void reserve(struct traffic *t, struct order *out)
{
    int buyer = draw(t, USERS), quantity = 1 + draw(t, 4);

    order(out, "reserve", "\"sku\":\"k%d\",\"quantity\":%d,\"buyer\":\"u%d\"", draw(t, SKUS), quantity, buyer);
}

static void draw_order(struct traffic *t, struct guess *guess, struct order *out)
{
    int which = draw(t, 100);

    if (which < 12)
        grant(t, guess, out);
    else if (which < 30)
        list(t, guess, out);
    else if (which < 35)
        unlist(t, guess, out);
    else if (which < 65)
        purchase(t, guess, out);
    else if (which < 77)
        deposit(t, out);
    else if (which < 85)
        restock(t, out);
    else
        reserve(t, out);
}

static struct bytes kept(struct traffic *t, const char *text)
{
    struct bytes copy = arena_copy(t->plan->text, bytes_of(text));

    ASSERT(copy.data);
    return copy;
}

static void header(struct traffic *t, struct plan_event *event, const char *name, const char *value)
{
    event->headers[event->headers_count++] = (struct kafka_header){bytes_of(name), kept(t, value)};
}

/* CloudEvents in binary mode: kind and id stand in the headers. */
static void put_binary(struct traffic *t, struct plan_event *event, const struct order *order, const char *id)
{
    char value[VALUE_MAX + 8];

    header(t, event, "ce_specversion", "1.0");
    header(t, event, "ce_type", order->kind);
    header(t, event, "ce_source", "/shop");
    header(t, event, "ce_id", id);
    header(t, event, "content-type", "application/json");
    if (dice_one_in(t->dice, 2))
        header(t, event, "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    snprintf(value, sizeof value, "{%s}", order->fields);
    event->value = kept(t, value);
}

static void put_plain(struct traffic *t, struct plan_event *event, const struct order *order, const char *id)
{
    char value[2 * VALUE_MAX];
    int size = snprintf(value, sizeof value, "{\"id\":\"%s\",\"type\":\"%s\",%s", id, order->kind, order->fields);

    if (dice_one_in(t->dice, 12))
        size += snprintf(value + size, sizeof value - (size_t)size, ",\"deadline_ms\":%d", 1 + draw(t, 300));
    if (dice_one_in(t->dice, 10))
        size += snprintf(value + size, sizeof value - (size_t)size, ",\"note\":\"\\u00e4 %d\",\"tags\":[1,{\"a\":null}]", draw(t, 1000));
    snprintf(value + size, sizeof value - (size_t)size, "}");
    event->value = kept(t, value);
}

static void put_structured(struct traffic *t, struct plan_event *event, const struct order *order, const char *id)
{
    char value[2 * VALUE_MAX];

    snprintf(value, sizeof value, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/shop\",\"type\":\"%s\",\"data\":{%s}}", id, order->kind,
             order->fields);
    header(t, event, "content-type", "application/cloudevents+json; charset=UTF-8");
    event->value = kept(t, value);
}

static void put_malformed(struct traffic *t, struct plan_event *event)
{
    static const char *const values[] = {"", "no event", "{\"id\":\"x\"}", "[1,2]", "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u1\",\"amount\":1.0}",
                                         "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u1\",\"amount\":0}", "{\"id\":\"m\",\"type\":\"refund\"}",
                                         "{\"id\":\"m\",\"type\":\"grant\",\"user\":\"u.1\",\"item\":\"i1\"}", "{\"id\":\"m\",\"id\":\"m\"}",
                                         "{\"id\":\"\",\"type\":\"grant\",\"user\":\"u1\",\"item\":\"i1\"}"};
    int which = draw(t, 11);

    if (which < 10)
        event->value = kept(t, values[which]);
}

/* One of the last messages of the same partition once more, as it was or with another content under the same id. */
static bool put_again(struct traffic *t, struct plan_event *event, size_t index)
{
    size_t back = (size_t)dice_between(t->dice, 1, RECENT);
    const struct plan_event *former;

    if (back > index)
        return false;
    former = &t->plan->events[index - back];
    event->topic = former->topic;
    event->partition = former->partition;
    event->value = former->value;
    event->headers_count = former->headers_count;
    for (size_t i = 0; i < former->headers_count; i++)
        event->headers[i] = former->headers[i];
    return true;
}

static void draw_event(struct traffic *t, struct plan_event *event)
{
    struct order order;
    char id[24];
    int form = draw(t, 20);

    if (dice_one_in(t->dice, 30)) {
        put_malformed(t, event);
        return;
    }
    draw_order(t, &t->guesses[t->plan->settings.sharded ? event->partition : 0], &order);
    snprintf(id, sizeof id, "e%lld", (long long)(dice_one_in(t->dice, 40) && t->ids > 3 ? t->ids - 3 : t->ids++));
    if (form < 2)
        put_binary(t, event, &order, id);
    else if (form == 2)
        put_structured(t, event, &order, id);
    else
        put_plain(t, event, &order, id);
}

void traffic_draw(struct plan *plan, struct dice *dice)
{
    struct traffic t = {.plan = plan, .dice = dice};
    int64_t at = 0, pace = 10 * plan->busy_ms / (int64_t)plan->events_count;      /* tenths of a ms */

    for (int i = 0; i < PLAN_PARTITIONS_MAX; i++)
        for (int item = 0; item < ITEMS; item++)
            t.guesses[i].holder[item] = NOBODY;
    for (size_t i = 0; i < plan->events_count; i++) {
        struct plan_event *event = &plan->events[i];

        event->topic = draw(&t, (int)plan->settings.topics_count);
        event->partition = draw(&t, plan->settings.partitions[event->topic]);
        event->at = at / 10;
        event->timestamp_shift = dice_one_in(dice, 100) ? dice_between(dice, -90000, 90000) : 0;
        if (!(dice_one_in(dice, 18) && put_again(&t, event, i)))
            draw_event(&t, event);
        at += dice_one_in(dice, 50) ? dice_between(dice, 0, 40 * pace) : dice_between(dice, 0, pace + pace / 5);
    }
}
