#include "fake/init.h"

#include <stdio.h>
#include <stdlib.h>

#include "fake/group.h"
#include "ledger/resolve.h"
#include "turn/reapply.h"

enum { STEP_MS = 200, PAUSE_MS = 20 };

/* "orders:3", "orders:3:17" */
static struct resolve_place place_of(const char *text)
{
    struct resolve_place place = {.partition = 0};
    size_t size = strcspn(text, ":");
    char *end;

    snprintf(place.topic, sizeof place.topic, "%.*s", (int)size, text);
    if (text[size]) {
        place.partition = (int32_t)strtol(text + size + 1, &end, 10);
        place.offset = *end ? strtoll(end + 1, NULL, 10) : 0;
    }
    return place;
}

static int whole(struct resolve *resolve, const char *word, const char *argument)
{
    static const struct resolve_froms nowhere = {.count = 0};

    if (strcmp(word, "--accept-rollback") == 0)
        return resolve_rollback(resolve);
    if (strcmp(word, "--adopt") == 0)
        return resolve_adopt(resolve, &nowhere);
    if (strcmp(word, "--accept-repartition") == 0)
        return resolve_repartition(resolve);
    if (strcmp(word, "--dedupe") == 0)
        return resolve_dedupe(resolve);
    if (strcmp(word, "--add-topic") == 0)
        return resolve_add_topic(resolve, argument, &nowhere);
    return -EINVAL;
}

static int of_place(struct resolve *resolve, const char *word, const char *argument)
{
    struct resolve_place place = place_of(argument);

    if (strcmp(word, "--accept-loss") == 0)
        return resolve_loss(resolve, &place);
    if (strcmp(word, "--accept-gap") == 0)
        return resolve_gap(resolve, &place);
    if (strcmp(word, "--quarantine") == 0)
        return resolve_quarantine(resolve, &place);
    return -EINVAL;
}

static int owner(void *context, const struct resolve_place *place, char who[RESOLVE_OWNER_MAX])
{
    const struct node *node = group_owner(place->topic, place->partition);

    (void)context;
    if (node)
        snprintf(who, RESOLVE_OWNER_MAX, "%s", node->name);
    return 0;
}

/* "orders:3:17": to offset 17. */
static int move(struct resolve *resolve, const char *argument)
{
    struct resolve_move move = {.place = place_of(argument), .because = "a story", .owner = owner};

    move.to = (struct resolve_from){.kind = FROM_OFFSET, .value = move.place.offset};
    return resolve_move(resolve, &move);
}

static int carry_out(struct resolve *resolve, const char *words)
{
    size_t size = strcspn(words, " ");
    const char *argument = words[size] ? words + size + 1 : "";
    char word[32];
    int r;

    snprintf(word, sizeof word, "%.*s", (int)size, words);
    if (strcmp(word, "--move") == 0)      /* of orderd offsets */
        return move(resolve, argument);
    r = of_place(resolve, word, argument);
    return r == -EINVAL ? whole(resolve, word, argument) : r;
}

/* As daemon/commands/reapply.c, of every market. */
static int reapply(const struct init *init, struct ends *ends, int32_t shard)
{
    const struct sink_limits limits = {1000000, 2000000, init->settings->dead_letter_partitions};
    struct reapply_options options = {.start = ends_start(ends), .kafka = ends_kafka(ends), .limits = &limits, .bounds = init->settings->pipeline.turn,
                                      .shard = shard, .mode = PLAYBACK_CHANGE, .settle_ms = REAPPLY_SETTLE_MS, .unhalt = "rollback", .say = init->say,
                                      .context = init->context};
    struct refusal refusal = {0};
    struct reapply *work;
    int r = 0;

    ASSERT(reapply_new(&work, &options) == 0);
    while (!r && !ends->node->dead) {
        r = reapply_step(work, STEP_MS, &refusal);
        if (!r && reapply_rests(work))
            clock_sleep_ms(ends->clock, PAUSE_MS);
    }
    if (refusal.set)
        init->say(init->context, refusal.found);
    if (r == 1)
        r = reapply_progress(work).ours ? 0 : -ENOENT;
    reapply_free(work);
    return r;
}

static int reapply_all(const struct init *init, struct ends *ends)
{
    int32_t most = 0;
    bool any = false;
    int r = 0;

    if (!init->settings->sharded)
        return reapply(init, ends, SHARD_NONE);
    for (size_t i = 0; i < init->settings->topics_count; i++)
        most = init->settings->partitions[i] > most ? init->settings->partitions[i] : most;
    for (int32_t n = 0; (!r || r == -ENOENT) && n < most; n++) {
        r = reapply(init, ends, n);
        any |= r == 0;
    }
    return any && r == -ENOENT ? 0 : r;
}

int init_run(const struct init *init, const char *words)
{
    struct node *node = world_node(init->name);
    struct resolve resolve = {.say = init->say, .context = init->context};
    struct ends ends;
    int r = -ENOTCONN;

    node->dead = false;
    node->afterlife = 0;
    ends_open(&ends, init->name, init->settings);
    if (ends_connect(&ends)) {
        resolve.start = ends_start(&ends);
        r = strcmp(words, "--reapply") == 0 ? reapply_all(init, &ends) : carry_out(&resolve, words);
    }
    ends_close(&ends);
    return r;
}
