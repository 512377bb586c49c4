#include "fake/group.h"

#include <stdio.h>
#include <string.h>

#include "fake/kafka_consumer.h"

enum { SESSION_MS = 6000, REBALANCE_MS = 60000 };

static void given_by_hand(const char *node, enum kafka_group_kind kind, const char *topic, int32_t partition, bool lost)
{
    struct kafka_group_event *event = kafka_in_note(world_node(node)->in, kind, 1);

    event->lost = lost;
    event->positions[0].partition = partition;
    event->positions[0].offset = KAFKA_OFFSET_NONE;
    snprintf(event->positions[0].topic, sizeof event->positions[0].topic, "%s", topic);
}

void group_gives(const char *node, const char *topic, int32_t partition)
{
    given_by_hand(node, KAFKA_ASSIGNED, topic, partition, false);
    kafka_log_partition(&world->kafka, topic, partition)->owner = world_node(node);
    trace(world_node(node), "given", "%s:%d", topic, partition);
}

void group_takes(const char *node, const char *topic, int32_t partition, bool lost)
{
    given_by_hand(node, KAFKA_REVOKED, topic, partition, lost);
    trace(world_node(node), lost ? "lost" : "taken", "%s:%d", topic, partition);
}

bool shares_are_empty(const struct shares *shares)
{
    uint32_t all = 0;

    for (size_t t = 0; t < LOG_TOPICS_MAX; t++)
        all |= shares->of[t];
    return !all;
}

struct shares shares_of(const struct shares *a, bool in, const struct shares *b)
{
    struct shares result;

    for (size_t t = 0; t < LOG_TOPICS_MAX; t++)
        result.of[t] = a->of[t] & (in ? b->of[t] : ~b->of[t]);
    return result;
}

struct shares shares_both(const struct shares *a, const struct shares *b)
{
    struct shares result;

    for (size_t t = 0; t < LOG_TOPICS_MAX; t++)
        result.of[t] = a->of[t] | b->of[t];
    return result;
}

struct member *group_find(int id)
{
    for (size_t i = 0; i < world->group.count; i++)
        if (world->group.members[i].id == id)
            return &world->group.members[i];
    return NULL;
}

bool group_knows(int id, int generation)
{
    return generation == world->group.generation && group_find(id) != NULL;
}

static void rebalance(bool keeps_deal)
{
    struct group *group = &world->group;

    if (group->rebalancing) {
        group->keeps_deal &= keeps_deal;
        return;
    }
    group->rebalancing = true;
    group->keeps_deal = keeps_deal;
    group->rebalancing_since = world->now;
}

void group_rebalance(void)
{
    if (world->group.count)
        rebalance(false);
}

static void member_remove(struct member *member)
{
    struct group *group = &world->group;
    size_t behind = (size_t)(group->members + group->count - (member + 1));

    memmove(member, member + 1, behind * sizeof *member);
    group->count--;
    rebalance(false);
}

static void expel(struct member *member)
{
    trace(member->node, "expelled", "%d", member->id);
    member_remove(member);
}

void group_expels(const char *node)
{
    const struct kafka_in *in = world_node(node)->in;
    struct member *member = in ? group_find(in->member.id) : NULL;

    if (member)
        expel(member);
}

int group_join(struct node *node, uint32_t topics, const struct shares *owned)
{
    struct group *group = &world->group;

    if (group->count == GROUP_MEMBERS_MAX)
        expel(&group->members[0]);
    rebalance(false);
    group->members[group->count++] = (struct member){.id = ++group->ids, .node = node, .joined = true, .silent_since = -1, .topics = topics,
                                                     .owned = *owned};
    return group->ids;
}

void group_rejoin(int id, const struct shares *owned, bool keeps_deal)
{
    struct member *member = group_find(id);

    if (!member)
        return;
    rebalance(keeps_deal);
    member->joined = true;
    member->owned = *owned;
}

void group_leave(int id)
{
    struct member *member = group_find(id);

    if (member) {
        trace(member->node, "left", "%d", id);
        member_remove(member);
    }
}

void group_forget(int id)
{
    struct member *member = group_find(id);

    if (member)
        member->gone = true;
}

/* No heartbeat of it comes. */
static bool is_silent(const struct member *member)
{
    return member->gone || member->node->dead || member->node->kafka_away || member->node->frozen_until > world->now;
}

static bool is_overdue(struct member *member)
{
    const struct kafka_weather *weather = &world->weather;
    int64_t session = weather->session_timeout_ms ? weather->session_timeout_ms : SESSION_MS;
    int64_t patience = weather->rebalance_timeout_ms ? weather->rebalance_timeout_ms : REBALANCE_MS;

    if (!is_silent(member))
        member->silent_since = -1;
    else if (member->silent_since < 0)
        member->silent_since = world->now;
    return (member->silent_since >= 0 && world->now - member->silent_since >= session) ||
           (world->group.rebalancing && !member->joined && world->now - world->group.rebalancing_since >= patience);
}

/* Coordinators that come back give everybody their time anew. */
static void be_patient(void)
{
    for (size_t i = 0; i < world->group.count; i++)
        world->group.members[i].silent_since = -1;
    world->group.rebalancing_since = world->now;
}

static size_t subscribers(size_t topic, struct member *out[GROUP_MEMBERS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < world->group.count; i++)
        if (world->group.members[i].topics & 1u << topic)
            out[count++] = &world->group.members[i];
    return count;
}

/* Consecutive partitions to each, the first members get one more. */
static size_t by_range(size_t partition, size_t partitions, size_t members)
{
    size_t each = partitions / members, more = partitions % members;

    return partition < more * (each + 1) ? partition / (each + 1) : more + (partition - more * (each + 1)) / each;
}

static void deal_topic(size_t topic)
{
    struct member *members[GROUP_MEMBERS_MAX];
    size_t count = subscribers(topic, members), partitions = (size_t)world->kafka.topics[topic].count;
    int *deal = world->group.deal[topic];

    for (size_t p = 0; p < partitions && count; p++) {
        bool stays = group_find(deal[p]) != NULL;

        if (world->group.keeps_deal ? stays : stays && world->weather.deal_drawn && world_draw(2))
            continue;
        deal[p] = members[world->weather.deal_drawn ? world_draw((uint32_t)count) : by_range(p, partitions, count)]->id;
    }
}

static struct shares share_of(const struct member *member)
{
    struct shares share = {{0}};

    for (size_t t = 0; t < world->kafka.count; t++)
        for (int32_t p = 0; p < world->kafka.topics[t].count; p++)
            if (member->topics & 1u << t && world->group.deal[t][p] == member->id)
                share.of[t] |= 1u << p;
    return share;
}

static struct shares owned_by_others(const struct member *member)
{
    struct shares owned = {{0}};

    for (size_t i = 0; i < world->group.count; i++)
        if (&world->group.members[i] != member)
            owned = shares_both(&owned, &world->group.members[i].owned);
    return owned;
}

/* All have joined: another generation begins. */
static void next_generation(void)
{
    struct group *group = &world->group;

    for (size_t t = 0; t < world->kafka.count; t++)
        deal_topic(t);
    group->generation++;
    group->rebalancing = false;
    for (size_t i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];
        struct shares others = owned_by_others(member);

        member->share = share_of(member);
        member->given = shares_of(&member->share, false, &others);
        member->joined = false;
        member->dealt = true;
        member->hears_at = world->now + kafka_drawn_ms(&world->weather.group_ms);
    }
}

static bool all_have_joined(void)
{
    for (size_t i = 0; i < world->group.count; i++)
        if (!world->group.members[i].joined)
            return false;
    return world->group.count > 0;
}

void group_catch_up(void)
{
    struct group *group = &world->group;

    if (world->weather.away)
        be_patient();
    for (size_t i = 0; i < group->count && !world->weather.away;)
        if (is_overdue(&group->members[i]))
            expel(&group->members[i]);
        else
            i++;
    if (group->rebalancing && all_have_joined())
        next_generation();
}

bool group_is_settled(void)
{
    if (world->group.rebalancing || !world->group.count)
        return false;
    for (size_t i = 0; i < world->group.count; i++) {
        const struct member *member = &world->group.members[i];
        const struct kafka_in *in = member->gone ? NULL : member->node->in;

        if (!in || in->member.id != member->id || in->member.phase != MEMBER_STEADY || member->dealt)
            return false;
    }
    return true;
}

const struct node *group_owner(const char *topic, int32_t partition)
{
    for (size_t t = 0; t < world->kafka.count; t++)
        if (strcmp(world->kafka.topics[t].name, topic) == 0) {
            const struct member *member = group_find(world->group.deal[t][partition]);

            return member ? member->node : NULL;
        }
    return NULL;
}
