/* When each mishap comes: at its arrow or at its time, until the busy time is over and all of them pass. */
#include "sim/fiber.h"
#include "sim/history.h"

enum { FOREVER_MS = 1000000, LOOK_MS = 20 };

static bool is_instance(const struct node *node)
{
    return node->name[0] >= 'A' && node->name[0] < 'A' + history->plan->nodes && !node->name[1];
}

void mishap_soon(struct mishap *m, struct node *node, int writes, void (*comes)(struct mishap *mishap, struct node *node))
{
    history->soon.mishap = m;
    history->soon.comes = comes;
    history->soon.node = node;
    history->soon.writes = writes;
}

static void soon(struct node *node)
{
    struct mishap *m = history->soon.mishap;

    if (!m || history->quiet || history->soon.node != node || --history->soon.writes > 0)
        return;
    history->soon.mishap = NULL;
    if (!m->passed)
        history->soon.comes(m, node);
}

void mishap_arrow_passed(struct node *node, enum arrow arrow)
{
    if (arrow == ARROW_SEND)
        soon(node);
    for (size_t i = 0; !history->quiet && i < history->plan->mishaps_count; i++) {
        struct mishap *m = &history->plan->mishaps[i];

        if (mishap_arrow(m->kind) == arrow && m->at == history->passings[arrow] && !m->off && is_instance(node))
            mishap_come(m, node);
    }
}

/* Those that have their time, in its order: which come next, and which pass next. */
static struct mishap *next_of(int64_t *at, bool *passes)
{
    struct mishap *next = NULL;

    *at = INT64_MAX;
    for (size_t i = 0; i < history->plan->mishaps_count; i++) {
        struct mishap *m = &history->plan->mishaps[i];
        int64_t ends = m->came_at + m->ms;

        if (m->off || (mishap_arrow(m->kind) != ARROW_COUNT && !m->came))
            continue;
        if (!m->came && m->at < *at) {
            next = m;
            *at = m->at;
            *passes = false;
        } else if (m->came && !m->passed && ends < *at) {
            next = m;
            *at = ends;
            *passes = true;
        }
    }
    return next;
}

/* Those of an arrow that came meanwhile may pass before. */
static bool sleep_until(int64_t at)
{
    if (at <= world->now)
        return true;
    fiber_sleep(at - world->now < LOOK_MS ? at - world->now : LOOK_MS);
    return at <= world->now;
}

/* All that lasts is over, whoever stood still goes on, whoever was down comes up. */
static void fall_quiet(void)
{
    history->quiet = true;
    history->quiet_at = world->now;
    history->ill = NULL;
    world->delivery_failures = world->weather.producer_failures = 0;
    history->foreign.touch_until = history->foreign.loop_until = history->foreign.types_until = 0;
    for (int i = 0; i < history->plan->nodes; i++) {
        history->programs[i].node->frozen_until = 0;
        if (history->programs[i].down_until > world->now)
            history->programs[i].down_until = world->now;
    }
    for (size_t i = 0; i < history->plan->mishaps_count; i++)
        if (history->plan->mishaps[i].came && !history->plan->mishaps[i].passed)
            mishap_pass(&history->plan->mishaps[i], world_node("fate"));
    trace(world_node("fate"), "quiet", "no mishap comes any more");
}

void calamity_run(void *unused)
{
    struct mishap *m;
    int64_t at;
    bool passes;

    (void)unused;
    while ((m = next_of(&at, &passes)) && !fibers_are_over()) {
        struct node *node = history->programs[m->node].node;

        if (!sleep_until(at))
            continue;
        if (fibers_are_over())
            return;
        if (passes) {
            m->passed = true;
            mishap_pass(m, world_node("fate"));
        } else {
            mishap_come(m, node);
        }
    }
    while (history->plan->busy_ms > world->now && !fibers_are_over())
        fiber_sleep(history->plan->busy_ms - world->now);
    if (!fibers_are_over())
        fall_quiet();
    while (!fibers_are_over())
        fiber_sleep(FOREVER_MS);
}
