/* The consumer on the fake logs: it passes on what the group says, and answers it; fetching, commits and questions stand in files of their own. */
#include "seam/kafka_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/kafka_consumer.h"

int kafka_in_new(struct kafka_in **out, const struct kafka_in_options *options, struct error_text *error)
{
    struct kafka_in *in = calloc(1, sizeof *in);

    (void)error;
    ASSERT(in);
    in->node = world_node(options->brokers);
    in->node->in = in;
    in->topics = options->topics;
    in->topics_count = options->topics_count;
    in->member.hears_at = -1;
    *out = in;
    return 0;
}

static void note_free(struct group_note *note)
{
    if (note) {
        free(note->event.positions);
        free(note);
    }
}

struct kafka_in *kafka_in_free(struct kafka_in *in)
{
    if (!in)
        return NULL;
    kafka_commits_orphan(in);
    group_forget(in->member.id);
    fetch_stop_all(in);
    while (in->first) {
        struct group_note *note = in->first;

        in->first = note->next;
        note_free(note);
    }
    note_free(in->handed);
    if (in->node->in == in)
        in->node->in = NULL;
    free(in);
    return NULL;
}

int kafka_in_subscribe(struct kafka_in *in, struct error_text *error)
{
    (void)error;
    member_subscribe(in);
    return 0;
}

bool kafka_in_leave(struct kafka_in *in, int timeout_ms)
{
    int64_t until = world->now + timeout_ms, heard = world->now;

    fetch_stop_all(in);
    if (in->member.phase == MEMBER_OUT)
        return true;
    in->member.phase = MEMBER_OUT;
    heard = kafka_happens(world->weather.leave_fails) ? INT64_MAX : heard + kafka_drawn_ms(&world->weather.group_ms);
    while (!in->node->dead && world->now < until && (world->now < heard || !kafka_reachable(in->node)))
        kafka_wait(in->node, until, heard);
    if (in->node->dead || world->now < heard || !kafka_reachable(in->node))
        return false;
    kafka_catch_up();
    group_leave(in->member.id);
    return true;
}

const char *kafka_in_topic(const struct kafka_in *in, const char *name)
{
    for (size_t i = 0; i < in->topics_count; i++)
        if (strcmp(in->topics[i], name) == 0)
            return in->topics[i];
    return "";
}

struct kafka_group_event *kafka_in_note(struct kafka_in *in, enum kafka_group_kind kind, size_t count)
{
    struct group_note *note = calloc(1, sizeof *note);

    ASSERT(note);
    note->event = (struct kafka_group_event){.kind = kind, .count = count, .positions = count ? calloc(count, sizeof *note->event.positions) : NULL};
    ASSERT(!count || note->event.positions);
    if (in->first)
        in->last->next = note;
    else
        in->first = note;
    in->last = note;
    return &note->event;
}

/* As librdkafka: once when the brokers go away. */
static void say_trouble(struct kafka_in *in)
{
    bool away = !kafka_reachable(in->node);

    if (away && !in->said_away) {
        struct kafka_group_event *event = kafka_in_note(in, KAFKA_TROUBLE, 0);

        event->error = -EAGAIN;
        error_set(&event->text, 0, "all brokers are down");
    }
    in->said_away = away;
}

static void serve(struct kafka_in *in)
{
    kafka_catch_up();
    say_trouble(in);
    member_serve(in);
}

bool kafka_in_serve(struct kafka_in *in, int timeout_ms, struct kafka_group_event *event)
{
    int64_t until = world->now + timeout_ms;

    note_free(in->handed);
    in->handed = NULL;
    serve(in);
    while (!in->first && world->now < until && !in->node->dead) {
        kafka_wait(in->node, until, INT64_MAX);
        serve(in);
    }
    if (!world_arrow(in->node, ARROW_SERVE) || !in->first)
        return false;
    in->handed = in->first;
    in->first = in->handed->next;
    *event = in->handed->event;
    if (event->kind == KAFKA_ASSIGNED || event->kind == KAFKA_REVOKED)
        in->member.handed = true;
    return true;
}

bool kafka_in_cooperative(struct kafka_in *in)
{
    (void)in;
    return world->weather.group == GROUP_COOPERATIVE;
}

/* Both kinds of event are answered by the whole list. */
int kafka_in_assign(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    if (!world_arrow(in->node, ARROW_ASSIGN) || world->weather.group == GROUP_COOPERATIVE)
        return -EIO;
    fetch_stop_all(in);
    for (size_t i = 0; i < count; i++)
        fetch_start(in, &positions[i]);
    member_answered(in, in->member.phase == MEMBER_REVOKING ? KAFKA_REVOKED : KAFKA_ASSIGNED);
    return 0;
}

int kafka_in_assign_more(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    if (!world_arrow(in->node, ARROW_ASSIGN) || world->weather.group == GROUP_EAGER)
        return -EIO;
    for (size_t i = 0; i < count; i++)
        if (fetch_find(in, &positions[i]) < in->fetched_count)
            return -EIO;
    for (size_t i = 0; i < count; i++)
        fetch_start(in, &positions[i]);
    member_answered(in, KAFKA_ASSIGNED);
    return 0;
}

int kafka_in_assign_less(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    if (!world_arrow(in->node, ARROW_ASSIGN) || world->weather.group == GROUP_EAGER)
        return -EIO;
    for (size_t i = 0; i < count; i++)
        if (fetch_find(in, &positions[i]) == in->fetched_count)
            return -EIO;
    for (size_t i = 0; i < count; i++)
        fetch_stop(in, fetch_find(in, &positions[i]));
    member_answered(in, KAFKA_REVOKED);
    return 0;
}

int kafka_in_set_credentials(struct kafka_in *in, const char *user, const char *password, struct error_text *error)
{
    (void)in, (void)user, (void)password, (void)error;
    return 0;
}
