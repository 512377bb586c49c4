/* Commits on their way to the coordinator and back: in the order of their member, late, refused to whoever is no member of the present
 * generation, and sometimes made without the member ever hearing of it. */
#include <stdlib.h>
#include <string.h>

#include "fake/kafka_consumer.h"

enum { INCARNATION_END = 44 };      /* of "orderd1 UUID" */

struct kafka_commit {
    struct kafka_commit *next;
    struct node *node;
    struct kafka_in *in;              /* NULL: nobody waits for its result */
    int member, generation;
    int64_t due, answered_at;
    bool waited, arrived, answered;   /* waited for: its caller frees it */
    size_t count;
    struct kafka_position positions[];
};

static void unlink_commit(struct kafka_commit *commit)
{
    struct kafka_commit **link = &world->brokers.commits;

    while (*link != commit)
        link = &(*link)->next;
    *link = commit->next;
}

void kafka_commits_deinit(void)
{
    while (world->brokers.commits) {
        struct kafka_commit *commit = world->brokers.commits;

        world->brokers.commits = commit->next;
        free(commit);
    }
}

/* A group by hand knows whom it gave the partition to; a coordinator knows its members, and looks no further. */
static int fence(const struct kafka_commit *commit, const struct log_partition *partition)
{
    if (!partition)
        return -ENOENT;
    if (world->weather.group == GROUP_BY_HAND)
        return partition->owner == commit->node ? 0 : -ESTALE;
    return group_knows(commit->member, commit->generation) ? 0 : -ESTALE;
}

static void write_down(const struct kafka_commit *commit, const struct kafka_position *position, struct log_partition *partition)
{
    if (partition->committed != position->offset)
        trace(commit->node, "commit", "%s:%d@%lld", position->topic, position->partition, (long long)position->offset);
    if (position->offset < partition->committed && strncmp(partition->metadata, position->metadata, INCARNATION_END) == 0)
        partition->fallen = partition->committed;
    partition->committed = position->offset;
    partition->log->changes++;
    memcpy(partition->metadata, position->metadata, sizeof partition->metadata);
}

static void arrive(struct kafka_commit *commit)
{
    bool fails = kafka_happens(world->weather.commit_fails), unheard = !fails && kafka_happens(world->weather.commit_unheard);

    for (size_t i = 0; i < commit->count; i++) {
        struct kafka_position *position = &commit->positions[i];
        struct log_partition *partition = kafka_log_partition(&world->kafka, position->topic, position->partition);

        position->error = fails ? -EAGAIN : fence(commit, partition);
        if (!position->error)
            write_down(commit, position, partition);
        if (!position->error && unheard)
            position->error = -ETIMEDOUT;
    }
    commit->arrived = true;
    commit->answered_at = commit->due + kafka_drawn_ms(&world->weather.commit_ms);
}

static void answer(struct kafka_commit *commit)
{
    commit->answered = true;
    if (commit->waited)
        return;
    if (commit->in)
        memcpy(kafka_in_note(commit->in, KAFKA_COMMITTED, commit->count)->positions, commit->positions,
               commit->count * sizeof *commit->positions);
    unlink_commit(commit);
    free(commit);
}

/* One connection keeps the order, also of what nobody waits for any more. */
static bool is_behind_another(const struct kafka_commit *commit)
{
    for (const struct kafka_commit *earlier = world->brokers.commits; earlier != commit; earlier = earlier->next)
        if (earlier->member == commit->member && !earlier->arrived)
            return true;
    return false;
}

void kafka_commits_arrive(void)
{
    struct kafka_commit *next;

    for (struct kafka_commit *commit = world->brokers.commits; commit; commit = next) {
        next = commit->next;
        if (commit->in ? commit->node->dead || !kafka_reachable(commit->node) : world->weather.away)
            continue;
        if (!commit->arrived && commit->due <= world->now && !is_behind_another(commit))
            arrive(commit);
        if (commit->arrived && !commit->answered && (!commit->in || commit->answered_at <= world->now))
            answer(commit);
    }
}

static struct kafka_commit *send(struct kafka_in *in, const struct kafka_position *positions, size_t count, bool waited)
{
    struct kafka_commit *commit = malloc(sizeof *commit + count * sizeof *positions), **link = &world->brokers.commits;
    int64_t due = world->now + kafka_drawn_ms(&world->weather.commit_ms);

    ASSERT(commit);
    if (due < in->commit_due)
        due = in->commit_due;
    in->commit_due = due;
    *commit = (struct kafka_commit){.node = in->node, .in = in, .member = in->member.id, .generation = in->member.generation, .due = due,
                                    .waited = waited, .count = count};
    memcpy(commit->positions, positions, count * sizeof *positions);
    while (*link)
        link = &(*link)->next;
    *link = commit;
    return commit;
}

/* The result, or -ETIMEDOUT while the commit stays on its way; a dead process's is an orphan once its consumer is gone. */
static int take_result(struct kafka_commit *commit, struct kafka_position *positions)
{
    int r = 0;

    if (!commit->answered) {
        commit->waited = false;
        if (!commit->node->dead)
            commit->in = NULL;
        for (size_t i = 0; i < commit->count; i++)
            positions[i].error = -ETIMEDOUT;
        return -ETIMEDOUT;
    }
    for (size_t i = commit->count; i-- > 0;) {
        positions[i].error = commit->positions[i].error;
        r = positions[i].error ? positions[i].error : r;
    }
    unlink_commit(commit);
    free(commit);
    return r;
}

int kafka_in_commit(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    int64_t until = world->now + timeout_ms;
    struct kafka_commit *commit;

    if (!world_arrow(in->node, ARROW_COMMIT))
        return -EAGAIN;
    commit = send(in, positions, count, timeout_ms > 0);
    kafka_catch_up();
    if (timeout_ms == 0)
        return 0;
    while (!commit->answered && world->now < until && !in->node->dead) {
        kafka_wait(in->node, until, commit->arrived ? commit->answered_at : commit->due);
        kafka_catch_up();
    }
    return take_result(commit, positions);
}

void kafka_commits_orphan(struct kafka_in *in)
{
    struct kafka_commit *next;

    for (struct kafka_commit *commit = world->brokers.commits; commit; commit = next) {
        next = commit->next;
        if (commit->in != in)
            continue;
        commit->in = NULL;
        if (!commit->arrived && kafka_happens(world->weather.orphans_land))
            continue;
        unlink_commit(commit);
        free(commit);
    }
}
