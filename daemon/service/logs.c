#include "service/logs.h"

#include <stdlib.h>
#include <string.h>

struct known {
    struct kafka_bounds bounds;
    int64_t next, since;        /* an offset that waits, and since when it was seen to, ms since 1970; next -1: none */
    bool kept;
};

struct logs {
    struct known *known;
    size_t count, capacity;
    struct kafka_bounds *asked;
    size_t asked_capacity;
    int64_t ask_at;             /* monotonic ms */
};

int logs_new(struct logs **out)
{
    struct logs *logs = calloc(1, sizeof *logs);

    if (!logs)
        return -ENOMEM;
    *out = logs;
    return 0;
}

struct logs *logs_free(struct logs *logs)
{
    if (logs) {
        free(logs->known);
        free(logs->asked);
        free(logs);
    }
    return NULL;
}

static bool is_of(const struct known *known, const struct picture_partition *partition)
{
    return known->bounds.partition == partition->number && strcmp(known->bounds.topic, partition->topic) == 0;
}

/* Pictures keep their order as long as the assignment stays, so it lies where it did. */
static struct known *find(struct logs *logs, const struct picture_partition *partition, size_t likely)
{
    if (likely < logs->count && is_of(&logs->known[likely], partition))
        return &logs->known[likely];
    for (size_t i = 0; i < logs->count; i++)
        if (is_of(&logs->known[i], partition))
            return &logs->known[i];
    return NULL;
}

static bool make_room(struct logs *logs, size_t count)
{
    struct known *known;

    if (count <= logs->capacity)
        return true;
    known = reallocarray(logs->known, 2 * count, sizeof *known);
    if (!known)
        return false;
    logs->known = known;
    logs->capacity = 2 * count;
    return true;
}

/* What was revoked is forgotten, so that it begins anew should it come back; true when there is something new. */
static bool follow(struct logs *logs, const struct picture *picture)
{
    bool fresh = false;
    size_t kept = 0;

    for (size_t i = 0; i < logs->count; i++)
        logs->known[i].kept = false;
    for (size_t i = 0; i < picture->partitions_count; i++) {
        const struct picture_partition *partition = &picture->partitions[i];
        struct known *known = find(logs, partition, i);

        if (!known && make_room(logs, logs->count + 1)) {
            known = &logs->known[logs->count++];
            *known = (struct known){.bounds = {.partition = partition->number, .start = -1, .end = -1}, .next = -1};
            memcpy(known->bounds.topic, partition->topic, sizeof known->bounds.topic);
            fresh = true;
        }
        if (known)
            known->kept = true;
    }
    for (size_t i = 0; i < logs->count; i++)
        if (logs->known[i].kept)
            logs->known[kept++] = logs->known[i];
    logs->count = kept;
    return fresh;
}

static void ask(struct logs *logs, struct kafka_in *in)
{
    if (logs->count > logs->asked_capacity) {
        free(logs->asked);
        logs->asked = calloc(logs->capacity, sizeof *logs->asked);
        logs->asked_capacity = logs->asked ? logs->capacity : 0;
    }
    if (logs->count > logs->asked_capacity)
        return;
    for (size_t i = 0; i < logs->count; i++)
        logs->asked[i] = logs->known[i].bounds;
    if (kafka_in_bounds_of_many(in, logs->asked, logs->count, LOGS_QUESTION_MS))
        return;
    for (size_t i = 0; i < logs->count; i++) {
        if (logs->asked[i].start >= 0)
            logs->known[i].bounds.start = logs->asked[i].start;
        if (logs->asked[i].end >= 0)
            logs->known[i].bounds.end = logs->asked[i].end;
    }
}

void logs_ask(struct logs *logs, struct kafka_in *in, const struct picture *picture, int64_t now)
{
    bool fresh = follow(logs, picture);

    if (!logs->count || picture->kafka_brokers_up == 0 || (now < logs->ask_at && !fresh))
        return;
    logs->ask_at = now + LOGS_INTERVAL_MS;
    ask(logs, in);
}

void logs_complete(struct logs *logs, struct picture *picture, int64_t now)
{
    for (size_t i = 0; i < picture->partitions_count; i++) {
        struct picture_partition *partition = &picture->partitions[i];
        struct known *known = find(logs, partition, i);

        if (!known)
            continue;
        picture_learn_log(partition, known->bounds.start, known->bounds.end);
        if (partition->lag <= 0 || partition->next_timestamp) {
            known->next = -1;
            continue;
        }
        if (known->next != partition->next) {
            known->next = partition->next;
            known->since = now;
        }
        partition->next_timestamp = known->since;
    }
}
