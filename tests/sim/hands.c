#include "sim/hands.h"

#include <string.h>

#include "fake/kafka_consumer.h"
#include "sim/heeded.h"
#include "sim/keys.h"
#include "turn/operator.h"

enum { WAITING_MAX = 8, SKIPS_MAX = 4, SKIP_TRIES = 60, AGAIN_MS = 20, AGAIN_DRAWN_MS = 180, AROUND = 12, RATE_MIN = 5, RATE_RANGE = 2000, LETS_GO_MS = 500 };

enum hand_kind { HAND_PAUSE, HAND_RESUME, HAND_QUIET, HAND_WAKE, HAND_RATE, HAND_DUMP };

struct hand {
    enum hand_kind kind;
    struct heeded_place place;
    int64_t number;
};

/* An event that is to be skipped: asked of one instance after the other until one says how it ended, and perhaps again behind that. */
struct skip {
    struct heeded_place place;
    uint64_t number;              /* chooses the offset, when it is asked for first */
    int64_t offset;               /* -1: not yet chosen */
    int whom, tries;
    int64_t again_at;
    bool stubborn;
    struct mishap *mishap;        /* the process may be killed behind it; NULL: not any more */
};

static struct {
    struct hand waiting[PLAN_NODES_MAX][WAITING_MAX];
    size_t waiting_count[PLAN_NODES_MAX];
    struct skip skips[SKIPS_MAX];
    size_t skips_count;
    int64_t lets_go_at;
    bool there;
} all;

void hands_reset(void)
{
    memset(&all, 0, sizeof all);
}

bool hands_are_there(void)
{
    return all.there;
}

/* --- what is wished for */

static void wish(int whom, enum hand_kind kind, struct heeded_place place, int64_t number)
{
    if (all.waiting_count[whom] < WAITING_MAX)
        all.waiting[whom][all.waiting_count[whom]++] = (struct hand){kind, place, number};
    all.there = true;
}

static const struct heeded_place everything = {-1, -1};

/* All, a topic, or one partition, which is the likeliest. */
static struct heeded_place place_drawn(uint64_t number)
{
    const struct instance_settings *s = &history->plan->settings;
    struct heeded_place place = everything;

    if (number % 4 == 0)
        return place;
    place.topic = (int)((number >> 4) % s->topics_count);
    if (number % 4 > 1)
        place.partition = (int32_t)((number >> 8) % (uint64_t)s->partitions[place.topic]);
    return place;
}

static bool stays(const struct mishap *m)
{
    return (m->number >> 16) % 3 == 0;
}

static void pauses(struct mishap *m, struct node *node)
{
    (void)node;
    wish(m->node, HAND_PAUSE, place_drawn(m->number), 0);
}

/* What stays is let go in the end, when nothing else happens any more. */
static void resumes(struct mishap *m)
{
    if (!stays(m))
        wish((int)((m->number >> 24) % (uint64_t)history->plan->nodes), HAND_RESUME, (m->number >> 20) % 4 ? place_drawn(m->number) : everything, 0);
}

static void quiets(struct mishap *m, struct node *node)
{
    (void)node;
    wish(m->node, HAND_QUIET, everything, 0);
}

static void wakes(struct mishap *m)
{
    if (!stays(m))
        wish(m->node, (m->number >> 20) % 4 ? HAND_WAKE : HAND_RESUME, everything, 0);
}

static void slows(struct mishap *m, struct node *node)
{
    (void)node;
    wish(m->node, HAND_RATE, everything, RATE_MIN + (int64_t)(m->number % RATE_RANGE));
}

static void speeds_up(struct mishap *m)
{
    wish(m->node, HAND_RATE, everything, 0);
}

static void skips(struct mishap *m, struct node *node)
{
    struct heeded_place place = place_drawn(m->number | 3);      /* one partition */

    (void)node;
    all.there = true;
    if (all.skips_count < SKIPS_MAX)
        all.skips[all.skips_count++] = (struct skip){place, m->number >> 24, -1, m->node, 0, world->now, (m->number >> 20) % 4 > 0, (m->number >> 16) % 3 ? NULL : m};
}

static void dumps(struct mishap *m, struct node *node)
{
    (void)node;
    wish(m->node, HAND_DUMP, everything, 0);
}

const struct mishap_ways mishap_ways_of_hands[MISHAP_COUNT] = {
    [MISHAP_op_pauses] = {pauses, resumes},
    [MISHAP_op_quiets] = {quiets, wakes},
    [MISHAP_op_slows] = {slows, speeds_up},
    [MISHAP_op_skips] = {skips, NULL},
    [MISHAP_op_dumps] = {dumps, NULL},
};

/* --- how it is carried out */

void hands_life_begins(struct program *program)
{
    heeded_life_begins(program->node);
}

static void pause(struct program *program, struct instance *instance, const struct hand *hand)
{
    const char *topic = hand->place.topic < 0 ? NULL : history->plan->settings.topics[hand->place.topic];
    struct operator_place place = {topic, hand->place.partition};
    bool paused = hand->kind == HAND_PAUSE;
    struct operator_answer answer;

    heeded_pause_asked(program->node, &hand->place, paused);
    if (!paused && !topic)
        heeded_quiet_told(program->node, false);
    if (paused)
        operator_pause(instance_pipeline(instance), &place, "ann: the price feed is wrong", &answer);
    else
        operator_resume(instance_pipeline(instance), &place, &answer);
    if (!answer.error)
        heeded_pause_told(program->node, &hand->place, paused);
    coverage_note(history->coverage, answer.error ? COVERED_hand_refused : paused ? COVERED_hand_paused : COVERED_hand_resumed);
    trace(program->node, "answers", "%s", answer.text);
}

static void carry_out(struct program *program, struct instance *instance, const struct hand *hand)
{
    static const char *const words[] = {"pause", "resume", "quiet", "wake", "rate", "dump"};
    struct pipeline *pipeline = instance_pipeline(instance);
    struct operator_answer answer;

    trace(program->node, "is told", "%s topic=%d partition=%d number=%lld", words[hand->kind], hand->place.topic, (int)hand->place.partition, (long long)hand->number);
    switch (hand->kind) {
    case HAND_PAUSE:
    case HAND_RESUME:
        pause(program, instance, hand);
        break;
    case HAND_QUIET:
    case HAND_WAKE:
        operator_quiet(pipeline, hand->kind == HAND_QUIET);
        heeded_quiet_told(program->node, hand->kind == HAND_QUIET);
        break;
    case HAND_RATE:
        operator_rate(pipeline, hand->number, &answer);
        heeded_rate_told(program->node, hand->number);
        break;
    case HAND_DUMP:
        operator_dump(pipeline);
        break;
    }
}

/* The next one to be decided, one around there, or one that may come. */
static int64_t offset_drawn(const struct skip *skip)
{
    const char *topic = history->plan->settings.topics[skip->place.topic];
    int64_t next = keys_mark(history->plan, topic, skip->place.partition).next, around = (int64_t)(skip->number / 3 % AROUND);
    int64_t offset = skip->number % 2 == 0 ? next : skip->number % 3 == 1 ? next - AROUND / 4 + around
                   : kafka_log_partition(&world->kafka, topic, skip->place.partition)->end + around;

    return offset > 0 ? offset : 0;
}

static void kill(struct mishap *m, struct node *node)
{
    struct program *program = history_program(node);

    node->dead = true;
    program->down_until = world->now + (int64_t)(m->number >> 40) % 500;
}

/* What was agreed to is taken back, before it is known how it ends. */
static bool takes_back(struct program *program, struct instance *instance, const struct skip *skip)
{
    struct operator_place place = {history->plan->settings.topics[skip->place.topic], skip->place.partition};
    struct operator_answer answer;

    if (!skip->tries || skip->number / 16 % 4)
        return false;
    operator_skip_not(instance_pipeline(instance), &place, skip->offset, &answer);
    trace(program->node, "is told", "not to skip %s:%d@%lld, answers %s", place.topic, (int)place.partition, (long long)skip->offset, answer.text);
    if (!answer.error)
        heeded_skip_taken_back(program->node, &skip->place, skip->offset);
    coverage_note(history->coverage, answer.error ? COVERED_hand_skip_stays : COVERED_hand_skip_back);
    return !answer.error;
}

/* True when it is over. */
static bool ask_to_skip(struct program *program, struct instance *instance, struct skip *skip)
{
    struct operator_place place = {history->plan->settings.topics[skip->place.topic], skip->place.partition};
    struct operator_answer answer;

    skip->offset = skip->offset < 0 ? offset_drawn(skip) : skip->offset;
    operator_skip(instance_pipeline(instance), &place, skip->offset, "ticket 7", &answer);
    trace(program->node, "is told", "skip %s:%d@%lld, answers %s", place.topic, (int)place.partition, (long long)skip->offset, answer.text);
    heeded_skip_told(program->node, &skip->place, skip->offset, answer.error);
    if (answer.error == -EINPROGRESS) {
        witness_skipped(history->witness, place.topic, place.partition, skip->offset);
        if (skip->mishap && !history->quiet)
            mishap_soon(skip->mishap, program->node, 1 + (int)((skip->mishap->number >> 36) % 4), kill);
        skip->mishap = NULL;
    } else if (answer.error == -EREMOTE || answer.error == -EBUSY) {
        skip->whom = (skip->whom + 1) % history->plan->nodes;
    }
    coverage_note(history->coverage, answer.error == -EINPROGRESS ? COVERED_hand_skip_waits : answer.error == -EREMOTE ? COVERED_hand_skip_elsewhere
                                   : answer.error == -EBUSY ? COVERED_hand_skip_busy : answer.error ? COVERED_hand_skip_late : COVERED_hand_skipped);
    return ++skip->tries > SKIP_TRIES || (!skip->stubborn && answer.error != -EINPROGRESS && answer.error != -EREMOTE && answer.error != -EBUSY);
}

void hands_serve(struct program *program, struct instance *instance)
{
    int whom = (int)(program - history->programs);

    while (all.waiting_count[whom] && !program->node->dead) {
        struct hand hand = all.waiting[whom][0];

        memmove(&all.waiting[whom][0], &all.waiting[whom][1], --all.waiting_count[whom] * sizeof hand);
        carry_out(program, instance, &hand);
    }
    for (size_t i = all.skips_count; i-- > 0 && !program->node->dead;) {
        struct skip *skip = &all.skips[i];

        if (skip->whom != whom || world->now < skip->again_at)
            continue;
        skip->again_at = world->now + AGAIN_MS + world_draw(AGAIN_DRAWN_MS);
        if (takes_back(program, instance, skip) || ask_to_skip(program, instance, skip))
            *skip = all.skips[--all.skips_count];
    }
    if (all.there && heeded_is_quiet(program->node) && program->node->in && program->node->in->member.phase == MEMBER_OUT)
        witness_fault(history->witness, "QUIET_LEFT", "%s is quiet, and has left the group", program->node->name);
}

/* --- in the end */

bool hands_hold(void)
{
    const struct instance_settings *s = &history->plan->settings;

    for (int i = 0; all.there && i < history->plan->nodes; i++)
        if (!history->programs[i].node->dead && heeded_is_quiet(history->programs[i].node))
            return true;
    for (size_t t = 0; all.there && t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++)
            if (keys_is_paused(history->plan, s->topics[t], p))
                return true;
    return false;
}

void hands_let_go(void)
{
    if (world->now < all.lets_go_at)
        return;
    all.lets_go_at = world->now + LETS_GO_MS;
    for (int i = 0; i < history->plan->nodes; i++)
        wish(i, HAND_RESUME, everything, 0);
}
