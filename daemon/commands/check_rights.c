/* What the Kafka user may do. Reading is tried; writing is not: it is asked for where librdkafka can (2.3), else it stays unproved. */
#include <stdlib.h>
#include <string.h>

#include "commands/check.h"

enum { SLICE_MS = 500 };

static void say_not_told(struct check *check, int r, const char *what)
{
    if (r == -ENOTSUP)
        check_pass_over(check, "%s: librdkafka %s cannot ask for it (2.3.0 can), only %s would show it", what, kafka_library_version_text(),
                        strcmp(what, "Write") == 0 ? "a record" : "joining");
    else
        check_pass_over(check, "%s: %s", what, r == -ETIME ? "the time is over" : strerror(-r));
}

static void check_read(struct check *check, const char *topic)
{
    int left = check_left_ms(check, CHECK_QUESTION_MS);
    int r = left ? kafka_look_read(check->look, topic, 0, left) : -ETIME;

    if (r == 0)
        check_ok(check, "Describe and Read");
    else if (r == -EACCES)
        check_fail(check, CAUSE_RIGHTS, "Read is not allowed -> allow Read on topic %s", topic);
    else
        say_not_told(check, r, "Read");
}

static void check_write(struct check *check, const char *topic)
{
    int left = check_left_ms(check, CHECK_QUESTION_MS);
    unsigned may = 0;
    int r = left ? kafka_look_may(check->look, topic, NULL, &may, left) : -ETIME;

    if (r)
        say_not_told(check, r, "Write");
    else if (may & KAFKA_MAY_WRITE)
        check_ok(check, "Write");
    else
        check_fail(check, CAUSE_RIGHTS, "Write is not allowed -> allow Write on topic %s", topic);
}

/* Consumers of one group must agree on a way to share the partitions, or the later one is sent away. */
static bool agrees(const struct check *check, const struct kafka_group *group)
{
    const struct config *c = check->site.config;
    const char *own = "range";

    for (size_t i = 0; i < c->consumer.count; i++)
        if (strcmp(c->consumer.items[i].name, "partition.assignment.strategy") == 0)
            own = c->consumer.items[i].value;
    return !group->members || !group->assignor[0] || strstr(own, group->assignor);
}

/* A coordinator that refuses us is told by an event; the question for commits would only wait. */
static bool is_refused(struct kafka_in *in)
{
    struct kafka_group_event event;

    while (kafka_in_serve(in, 0, &event))
        if (event.kind == KAFKA_TROUBLE && event.error == -EACCES)
            return true;
    return false;
}

/* Whether commits are told, which Describe on the group allows. */
static int ask_commits(struct check *check)
{
    struct kafka_in_options options = site_consumer(&check->site);
    struct kafka_position *position = calloc(1, sizeof *position);
    struct error_text error;
    int r = position ? kafka_in_new(&check->in, &options, &error) : -ENOMEM, waited = 0;

    while (!r) {
        snprintf(position->topic, sizeof position->topic, "%s", check->site.config->kafka.topics.items[0]);
        r = kafka_in_committed(check->in, position, 1, SLICE_MS);
        waited += SLICE_MS;
        if (r && is_refused(check->in))
            r = -EACCES;
        if ((r != -ETIMEDOUT && r != -EAGAIN) || waited >= CHECK_QUESTION_MS || !check_left_ms(check, 1))
            break;
        r = 0;
    }
    free(position);
    if (r && check->in)
        check->in = kafka_in_free(check->in);
    return r;
}

static void say_members(struct check *check, const struct kafka_group *group)
{
    if (!agrees(check, group))
        check_fail(check, CAUSE_MISTAKE, "its %zu member%s share partitions by %s, the file says otherwise: nobody else is let in -> the same partition.assignment.strategy everywhere",
                   group->members, check_plural((int64_t)group->members), group->assignor);
    else if (group->members)
        check_ok(check, "%s, %zu member%s", group->state, group->members, check_plural((int64_t)group->members));
    else
        check_ok(check, "nobody is in it");
}

static void check_group(struct check *check)
{
    const char *name = check->site.config->kafka.group;
    struct kafka_group group = {.members = 0};
    unsigned may = 0;
    int r = ask_commits(check);

    check_about(check, "group %s", name);
    if (!r)
        r = check_left_ms(check, 1) ? kafka_look_group(check->look, name, &group, check_left_ms(check, CHECK_QUESTION_MS)) : -ETIME;
    if (r == -EACCES)
        check_fail(check, CAUSE_RIGHTS, "Describe is not allowed -> allow Read on group %s, which includes it", name);
    else if (r)
        check_pass_over(check, "%s", r == -ETIME ? "the time is over" : strerror(-r));
    else
        say_members(check, &group);
    if (r)
        return;
    check_about(check, "rights on group %s", name);
    r = check_left_ms(check, 1) ? kafka_look_may(check->look, NULL, name, &may, check_left_ms(check, CHECK_QUESTION_MS)) : -ETIME;
    if (r)
        say_not_told(check, r, "Read (to join and to commit)");
    else if (may & KAFKA_MAY_READ)
        check_ok(check, "Read");
    else
        check_fail(check, CAUSE_RIGHTS, "Read is not allowed -> allow Read on group %s", name);
}

static void check_producer(struct check *check)
{
    const struct config *c = check->site.config;
    int left = check_left_ms(check, CHECK_QUESTION_MS);
    struct error_text error = {""};
    int r = left ? kafka_look_producer(c->kafka.brokers, (struct kafka_properties){c->producer.items, c->producer.count}, left, &error) : -ETIME;

    check_about(check, "idempotent producer");
    if (!r)
        check_ok(check, "a producer id is given");
    else if (r == -EACCES)
        check_fail(check, CAUSE_RIGHTS, "%s -> allow Write on topics %s and %s (before Kafka 3.0 also IdempotentWrite on the cluster)", error.text, c->kafka.outcomes,
                   c->kafka.dead_letters);
    else if (r == -EINVAL)
        check_fail(check, CAUSE_MISTAKE, "%s -> correct kafka.producer", error.text);
    else
        check_pass_over(check, "%s", r == -ETIME ? "the time is over" : error.text);
}

void check_rights(struct check *check)
{
    const struct config *c = check->site.config;

    if (!check->kafka_up)
        return;
    check_about(check, "rights in Kafka");
    if (!check->topics_known) {
        check_pass_over(check, "the topics must be there first");
        return;
    }
    for (size_t i = 0; i < c->kafka.topics.count; i++) {
        check_about(check, "rights on %s", c->kafka.topics.items[i]);
        check_read(check, c->kafka.topics.items[i]);
    }
    check_about(check, "rights on %s", c->kafka.outcomes);
    check_read(check, c->kafka.outcomes);
    check_write(check, c->kafka.outcomes);
    check_about(check, "rights on %s", c->kafka.dead_letters);
    check_write(check, c->kafka.dead_letters);
    check_producer(check);
    check_about(check, "group %s", c->kafka.group);
    if (check->groups_known) {
        check_group(check);
    } else {
        check_pass_over(check, "no group was ever in this cluster: asking for its coordinator would have a broker make __consumer_offsets");
    }
}
