/* A consumer as a member of its group, in the way of librdkafka: it hears what the coordinator wants when it serves the group, passes it on as
 * events, and goes on when they were answered. An expelled one does not know it, works on, and hears of it some time later. */
#include <stdio.h>
#include <string.h>

#include "fake/kafka_consumer.h"

static uint32_t subscribed(const struct kafka_in *in)
{
    uint32_t topics = 0;

    for (size_t t = 0; t < world->kafka.count; t++)
        if (kafka_in_topic(in, world->kafka.topics[t].name)[0])
            topics |= 1u << t;
    return topics;
}

void member_subscribe(struct kafka_in *in)
{
    if (world->weather.group != GROUP_BY_HAND)
        in->member.phase = MEMBER_JOINING;
}

static void note_shares(struct kafka_in *in, enum kafka_group_kind kind, const struct shares *shares, bool lost)
{
    struct kafka_group_event *event;
    size_t count = 0;

    if (world->weather.group == GROUP_COOPERATIVE)
        fetch_pause(in);      /* until it is answered */
    for (size_t t = 0; t < LOG_TOPICS_MAX; t++)
        count += (size_t)__builtin_popcount(shares->of[t]);
    event = kafka_in_note(in, kind, count);
    event->lost = lost;
    count = 0;
    for (size_t t = 0; t < LOG_TOPICS_MAX; t++)
        for (int32_t p = 0; p < LOG_PARTITIONS_MAX; p++)
            if (shares->of[t] & 1u << p) {
                struct kafka_position *position = &event->positions[count++];

                position->partition = p;
                position->offset = KAFKA_OFFSET_NONE;
                snprintf(position->topic, sizeof position->topic, "%s", world->kafka.topics[t].name);
                trace(in->node, kind == KAFKA_ASSIGNED ? "given" : lost ? "lost" : "taken", "%s:%d", position->topic, p);
            }
    in->member.phase = kind == KAFKA_ASSIGNED ? MEMBER_ASSIGNING : MEMBER_REVOKING;
    in->member.handed = false;
}

/* Whether the news has come that is on its way, or sets out now. */
static bool hears(struct kafka_in *in, const struct kafka_range *range)
{
    struct membership *member = &in->member;

    if (member->hears_at < 0)
        member->hears_at = world->now + kafka_drawn_ms(range);
    if (world->now < member->hears_at)
        return false;
    member->hears_at = -1;
    return true;
}

/* It is no member any more, and hears so. */
static void lose(struct kafka_in *in)
{
    static const struct shares nothing;
    struct membership *member = &in->member;
    struct shares owned = member->owned;

    if (!hears(in, &world->weather.zombie_ms))
        return;
    member->id = member->generation = 0;
    member->dealt = member->again = false;
    member->owned = member->coming = nothing;
    member->phase = MEMBER_JOINING;
    if (!shares_are_empty(&owned))
        note_shares(in, KAFKA_REVOKED, &owned, !kafka_happens(world->weather.zombie_unaware));
}

/* Its share of the new generation has come. */
static void take_share(struct kafka_in *in, struct member *known)
{
    struct membership *member = &in->member;
    struct shares taken;

    known->dealt = false;
    member->generation = world->group.generation;
    member->dealt = true;
    if (world->weather.group == GROUP_EAGER) {
        member->owned = known->share;
        note_shares(in, KAFKA_ASSIGNED, &known->share, false);
        return;
    }
    taken = shares_of(&member->owned, false, &known->share);
    member->coming = shares_of(&known->given, false, &member->owned);
    member->owned = shares_of(&member->owned, true, &known->share);
    if (!shares_are_empty(&taken)) {
        note_shares(in, KAFKA_REVOKED, &taken, false);
        return;
    }
    member->owned = shares_both(&member->owned, &member->coming);
    note_shares(in, KAFKA_ASSIGNED, &member->coming, false);
}

static void join(struct kafka_in *in, struct member *known)
{
    if (!known && hears(in, &world->weather.group_ms)) {
        in->member.id = group_join(in->node, subscribed(in), &in->member.owned);
        trace(in->node, "joins", "%d", in->member.id);
    } else if (known && known->dealt && world->now >= known->hears_at) {
        take_share(in, known);
    }
}

static void rejoin(struct kafka_in *in, bool keeps_deal)
{
    in->member.phase = MEMBER_JOINING;
    group_rejoin(in->member.id, &in->member.owned, keeps_deal);
}

/* The group wants to deal anew. */
static void comply(struct kafka_in *in)
{
    static const struct shares nothing;
    struct shares owned = in->member.owned;

    if (!hears(in, &world->weather.group_ms))
        return;
    if (world->weather.group == GROUP_EAGER && in->member.dealt) {
        in->member.owned = nothing;
        note_shares(in, KAFKA_REVOKED, &owned, false);
    } else {
        rejoin(in, false);
    }
}

void member_serve(struct kafka_in *in)
{
    struct membership *member = &in->member;
    struct member *known = group_find(member->id);

    if (in->node->dead || !kafka_reachable(in->node) || (member->phase != MEMBER_JOINING && member->phase != MEMBER_STEADY))
        return;
    if (member->id && !known)
        lose(in);
    else if (member->phase == MEMBER_JOINING)
        join(in, known);
    else if (world->group.rebalancing && !known->joined)
        comply(in);
}

/* What was given back may go to others now. */
static void revocation_answered(struct kafka_in *in)
{
    static const struct shares nothing;
    struct membership *member = &in->member;
    struct shares coming = member->coming;

    if (member->id && world->weather.group == GROUP_COOPERATIVE && !shares_are_empty(&coming)) {
        member->coming = nothing;
        member->owned = shares_both(&member->owned, &coming);
        member->again = true;
        note_shares(in, KAFKA_ASSIGNED, &coming, false);
    } else {
        rejoin(in, world->weather.group == GROUP_COOPERATIVE);
    }
}

void member_answered(struct kafka_in *in, enum kafka_group_kind kind)
{
    struct membership *member = &in->member;

    if (!member->handed || member->phase != (kind == KAFKA_REVOKED ? MEMBER_REVOKING : MEMBER_ASSIGNING))
        return;
    member->handed = false;
    fetch_resume(in);
    if (kind == KAFKA_REVOKED) {
        revocation_answered(in);
        return;
    }
    member->phase = MEMBER_STEADY;
    if (member->again) {
        member->again = false;
        rejoin(in, true);
    }
}
