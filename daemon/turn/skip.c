/* Passing over one event: it is decided malformed, `skipped`, by its partition's next turn, or by the one that it comes for (PROTOCOL.md 10).
 *
 * What is wished for lies in memory only: should the daemon end before it is decided, the event is decided as any other, and the operator, who
 * was not told that it was skipped, asks again. */
#include <string.h>

#include "turn/state.h"

static struct skip *find(struct pipeline *p, const char *topic, int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < p->skips_count; i++)
        if (p->skips[i].offset == offset && p->skips[i].partition == partition && strcmp(p->skips[i].topic, topic) == 0)
            return &p->skips[i];
    return NULL;
}

size_t skip_waiting(const struct pipeline *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->skips_count; i++)
        count += p->skips[i].state == SKIP_WAITS;
    return count;
}

void skip_taken(struct pipeline *p, struct lane *lane, struct item *item)
{
    struct skip *skip = find(p, lane->partition->topic, lane->partition->number, item->message.offset);

    if (!skip)
        return;
    if (skip->state == SKIP_DECIDED || skip->state == SKIP_BEFORE)      /* and Redis has come back from before that */
        skip->state = SKIP_WAITS;
    if (skip->state == SKIP_WAITS)
        item_skip(item, skip->why);
    else
        skip->state = SKIP_LOST;
}

void skip_decided(struct pipeline *p, const struct lane *lane, const struct item *item)
{
    struct skip *skip = find(p, lane->partition->topic, lane->partition->number, item->message.offset);

    log_notice(p->log, "the event is skipped by the operator's word topic=%s partition=%d offset=%lld why=\"%s\"", lane->partition->topic,
               lane->partition->number, (long long)item->message.offset, item->decoded.detail);
    if (skip)
        skip->state = SKIP_DECIDED;
}

void skip_untaken(struct pipeline *p, const struct lane *lane)
{
    for (size_t i = 0; i < p->skips_count; i++)
        if (p->skips[i].state == SKIP_DECIDED && p->skips[i].partition == lane->partition->number && strcmp(p->skips[i].topic, lane->partition->topic) == 0)
            p->skips[i].state = SKIP_BEFORE;
}

/* While its market is halted, what an owned partition was may be forgotten: it is looked at when the halt is over. */
static bool is_worked(const struct lane *lane)
{
    return lane->partition->state == PARTITION_OWNED && !lane->partition->shard->registry.halt[0];
}

/* What became of those whose event did not come, or whose partition went away, or that Redis has forgotten by coming back older: what was decided
 * so is waited for once more. */
static void settle(struct pipeline *p)
{
    for (size_t i = 0; i < p->skips_count; i++) {
        struct skip *skip = &p->skips[i];
        const struct lane *lane = intake_lane(p, skip->topic, skip->partition);
        bool owned = lane && is_worked(lane), passed = owned && lane->partition->mark.next > skip->offset;

        if (skip->state == SKIP_WAITS && !lane)
            skip->state = SKIP_LOST;
        else if (skip->state == SKIP_WAITS && passed)
            skip->state = SKIP_PASSED;
        else if ((skip->state == SKIP_DECIDED || skip->state == SKIP_BEFORE) && owned && !passed)
            skip->state = SKIP_WAITS;
        else if (skip->state == SKIP_PASSED && owned && !passed)
            skip->state = SKIP_LOST;
    }
}

/* The oldest that is over gives up its place. */
static struct skip *place_for(struct pipeline *p)
{
    for (size_t i = 0; p->skips_count == SKIPS_MAX && i < SKIPS_MAX; i++)
        if (p->skips[i].state != SKIP_WAITS) {
            memmove(&p->skips[i], &p->skips[i + 1], (SKIPS_MAX - 1 - i) * sizeof *p->skips);
            p->skips_count--;
        }
    return p->skips_count < SKIPS_MAX ? &p->skips[p->skips_count] : NULL;
}

static void say_state(const struct lane *lane, const struct skip *skip, struct operator_answer *answer)
{
    const char *at = lane ? lane->partition->at : skip->topic;
    long long offset = (long long)skip->offset, next = lane ? (long long)lane->partition->mark.next : -1;

    if (skip->state == SKIP_DECIDED)
        operator_say(answer, 0, "%s: offset %lld is decided malformed, reason skipped, and goes to the dead letters", at, offset);
    else if (skip->state == SKIP_BEFORE)
        operator_say(answer, -EALREADY, "%s: this instance decided offset %lld so, malformed and skipped, and has let go of the partition since: its outcome says what stands", at,
                     offset);
    else if (skip->state == SKIP_PASSED)
        operator_say(answer, -EALREADY, "%s: the partition is past offset %lld, and this instance has not seen it skipped: its outcome, if it has one, says what became of it", at,
                     offset);
    else if (skip->state == SKIP_LOST)
        operator_say(answer, -EREMOTE, "%s: the partition went to another instance before offset %lld was decided: ask that one", at, offset);
    else
        operator_say(answer, -EINPROGRESS, "%s: offset %lld will be decided malformed, reason skipped, when its turn comes; the next offset is %lld%s", at, offset,
                     next, lane && lane->held ? ", and the partition is paused" : "");
}

static bool is_sentence(const char *why)
{
    size_t size = strlen(why);

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)why[i] < 0x20 || why[i] == 0x7f)
            return false;
    return size > 0 && size <= OPERATOR_TEXT_MAX;
}

/* Whether it can be wished for; else the answer is filled. */
static bool is_ahead(struct lane *lane, const struct operator_place *place, int64_t offset, const char *why, struct operator_answer *answer)
{
    if (!is_sentence(why))
        operator_say(answer, -EINVAL, "a reason has 1 to %d bytes and no control characters", OPERATOR_TEXT_MAX);
    else if (!lane)
        operator_say(answer, -EREMOTE, "%s:%d is not owned by this instance: ask the one that owns it", place->topic, place->partition);
    else if (!is_worked(lane))
        operator_say(answer, -EBUSY, "%s is %s: try again when it is worked", lane->partition->at,
                     lane->partition->state == PARTITION_UNTAKEN ? "being taken over" : "stopped");
    else if (offset < lane->partition->mark.next)
        operator_say(answer, -EALREADY, "offset %lld of %s is decided already, the next one is %lld", (long long)offset, lane->partition->at,
                     (long long)lane->partition->mark.next);
    else
        return true;
    return false;
}

/* A turn that holds the event is thrown away, also one that is in conflict. */
static void condemn_held(struct pipeline *p, struct lane *lane, const struct skip *skip)
{
    struct item *item = lane->head;

    while (item && item->message.offset != skip->offset)
        item = item->next;
    if (!item)
        return;
    execute_forget(p);
    item_skip(item, skip->why);
}

void operator_skip(struct pipeline *p, const struct operator_place *place, int64_t offset, const char *why, struct operator_answer *answer)
{
    struct lane *lane = intake_lane(p, place->topic, place->partition);
    struct skip *skip;

    settle(p);
    skip = find(p, place->topic, place->partition, offset);
    if (skip && (!lane || skip->state == SKIP_WAITS || (skip->state != SKIP_LOST && is_worked(lane)))) {
        say_state(lane, skip, answer);
        return;
    }
    if (!is_ahead(lane, place, offset, why, answer))
        return;
    if (!skip)
        skip = place_for(p);
    if (!skip) {
        operator_say(answer, -ENOSPC, "%d events are waited for to be skipped already: no more are kept", SKIPS_MAX);
        return;
    }
    p->skips_count += skip == &p->skips[p->skips_count];
    *skip = (struct skip){.partition = place->partition, .offset = offset};
    memcpy(skip->topic, lane->partition->topic, sizeof skip->topic);
    memcpy(skip->why, why, strlen(why));
    condemn_held(p, lane, skip);
    say_state(lane, skip, answer);
}

/* An event that is held is decoded anew, by fetching its partition anew from its mark. While the partition is being taken over a transaction may be on
 * its way that has skipped it: then nobody can promise the opposite. */
void operator_skip_not(struct pipeline *p, const struct operator_place *place, int64_t offset, struct operator_answer *answer)
{
    struct lane *lane = intake_lane(p, place->topic, place->partition);
    struct skip *skip = find(p, place->topic, place->partition, offset);

    settle(p);
    if (!skip || skip->state != SKIP_WAITS) {
        operator_say(answer, -ENOENT, "offset %lld of %s:%d is not waited for to be skipped", (long long)offset, place->topic, place->partition);
        return;
    }
    if (lane && (!is_worked(lane) || !session_is_up(p->options.session))) {
        operator_say(answer, -EBUSY, "%s is being taken over, and offset %lld may be skipped already: try again when it is worked", lane->partition->at, (long long)offset);
        return;
    }
    memmove(skip, skip + 1, (size_t)(&p->skips[p->skips_count] - (skip + 1)) * sizeof *skip);
    p->skips_count--;
    if (lane && lane->count) {
        execute_forget(p);
        lane_clear(lane, &p->items);
        assignment_untake_lane(p, lane);
    }
    operator_say(answer, 0, "%s:%d: offset %lld will be decided by its rule", place->topic, place->partition, (long long)offset);
}
