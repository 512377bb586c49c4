#include "sim/forgotten.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/history.h"
#include "sim/keys.h"
#include "sim/owners.h"

enum { LOST_MAX = 1 << 13, KEY_SIZE = 96, TOPIC_SIZE = 64 };

struct lost {
    char mark[KEY_SIZE], topic[TOPIC_SIZE];
    int32_t shard, partition;
    int64_t offset;
    const struct node *owner;
    bool told;                   /* the auditor knows that it was lost */
    bool noted;                  /* a commit's note shows it */
    bool unknown;                /* to all who live */
};

static struct {
    struct lost lost[LOST_MAX];
    size_t count;
} all;

void forgotten_reset(void)
{
    all.count = 0;
}

/* "orderd1 INCARNATION ERA ID HANDED REACHED". One of an era from before decisions were applied again counts no more. */
static bool is_noted(const struct lost *lost)
{
    const struct log_partition *log = kafka_log_partition(&world->kafka, lost->topic, lost->partition);
    struct bytes known = keys_incarnation(history->plan, lost->shard);
    long long era, handed;
    char incarnation[64];

    return sscanf(log->metadata, "orderd1 %63s %lld %*s %lld", incarnation, &era, &handed) == 3 && bytes_equal_text(known, incarnation) &&
           era >= keys_reapplied(history->plan, lost->shard) && handed > lost->offset;
}

void forgotten_lost(int32_t shard, const char *at, int64_t offset)
{
    struct lost *lost = &all.lost[all.count];
    const char *colon = strrchr(at, ':');

    if (all.count == LOST_MAX)
        return;
    *lost = (struct lost){.shard = shard, .offset = offset};
    if (history->plan->settings.sharded)
        snprintf(lost->mark, sizeof lost->mark, "{%d}orderd:mark:%s", (int)shard, at);
    else
        snprintf(lost->mark, sizeof lost->mark, "orderd:mark:%s", at);
    snprintf(lost->topic, sizeof lost->topic, "%.*s", (int)(colon - at), at);
    lost->partition = (int32_t)strtol(colon + 1, NULL, 10);
    lost->owner = owners_of(lost->mark);
    lost->noted = is_noted(lost);
    lost->unknown = !lost->owner || lost->owner->dead;
    all.count++;
}

/* A market that is halted is looked at as a whole before it goes on. */
static void tell(void)
{
    for (size_t i = all.count; i-- > 0;) {
        struct lost *lost = &all.lost[i];

        if (!lost->told)
            witness_forgotten(history->witness, lost->topic, lost->partition, lost->offset, false);
        lost->told = true;
        if (lost->noted || !lost->unknown || keys_is_halted(history->plan, lost->shard))
            continue;
        witness_forgotten(history->witness, lost->topic, lost->partition, lost->offset, true);
        *lost = all.lost[--all.count];
    }
}

void forgotten_restored(void)
{
    tell();
}

/* While the market is halted, it is whoever applies again what was published. */
void forgotten_claimed(const struct node *node, const char *mark)
{
    for (size_t i = 0; i < all.count; i++)
        if (strcmp(all.lost[i].mark, mark) == 0)
            all.lost[i].unknown |= node != all.lost[i].owner && !keys_is_halted(history->plan, all.lost[i].shard);
    tell();
}

void forgotten_life_ends(const struct node *node)
{
    for (size_t i = 0; i < all.count; i++)
        all.lost[i].unknown |= all.lost[i].owner == node;
    tell();
}

void forgotten_redone(int32_t shard)
{
    for (size_t i = all.count; i-- > 0;)
        if (all.lost[i].shard == shard)
            all.lost[i] = all.lost[--all.count];
}
