#include "sim/owners.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "sim/forgotten.h"
#include "sim/history.h"
#include "sim/keys.h"

enum { CLAIMS = 1 << 12, TORN_MAX = 64, KEY_SIZE = 96 };

/* Who wrote an epoch, by the epoch's hash. */
struct claim {
    uint64_t epoch;
    const struct node *owner;
    bool worked;                 /* it has moved the mark since, in the same life */
};

/* A market in which a transaction of the node's was applied in part, and no operator has been since. */
struct torn_market {
    char mark[KEY_SIZE];         /* one of the marks that it was about */
    const struct node *node;
    bool heard;                  /* it has said so: the reply has reached it */
};

static struct {
    const struct node *remembered[INSTANCE_TOPICS_MAX][LOG_PARTITIONS_MAX];
    struct claim claims[CLAIMS];
    size_t claims_count, torn_count;
    struct torn_market torn[TORN_MAX];
} all;

void owners_reset(void)
{
    memset(&all, 0, sizeof all);
}

/* Its place, taken or free. */
static struct claim *claim_of(struct bytes epoch)
{
    uint64_t hash = hash64((struct hash_key){1, 1}, epoch);
    size_t at = hash % CLAIMS;

    hash = hash ? hash : 1;
    while (all.claims[at].epoch && all.claims[at].epoch != hash)
        at = (at + 1) % CLAIMS;
    if (!all.claims[at].epoch && all.claims_count < CLAIMS / 2) {
        all.claims[at].epoch = hash;
        all.claims_count++;
    }
    return &all.claims[at];
}

/* Before the topic and the number. */
static size_t market_size(const char *key)
{
    const char *mark = strstr(key, "orderd:mark:");

    return mark ? (size_t)(mark - key) : 0;
}

static bool same_market(const char *key, const char *other)
{
    return market_size(key) == market_size(other) && memcmp(key, other, market_size(key)) == 0;
}

static void judge(const struct node *node, const char *key, bool moved)
{
    struct bytes epoch = keys_hash_field(key, "epoch");
    const struct node *owner = epoch.data ? claim_of(epoch)->owner : NULL;

    if (owner == node && moved)
        claim_of(epoch)->worked = true;
    if (owner && owner != node)
        witness_fault(history->witness, "NOT_OWNER", "%s has moved %s, whose epoch was written by %s", node->name, key, owner->name);
    for (size_t i = 0; i < all.torn_count; i++)
        if (all.torn[i].heard && all.torn[i].node == node && same_market(all.torn[i].mark, key))
            witness_fault(history->witness, "TORN_FORGOTTEN", "%s goes on with %s, and no operator has looked since it saw a transaction of %s applied in part",
                          node->name, key, all.torn[i].mark);
}

static void note_torn(const struct node *node, const char *key)
{
    struct torn_market *torn = &all.torn[all.torn_count];

    if (all.torn_count == TORN_MAX)
        return;
    *torn = (struct torn_market){.node = node};
    snprintf(torn->mark, sizeof torn->mark, "%s", key);
    all.torn_count++;
}

static void claim(struct node *node, const char *key, struct bytes epoch)
{
    struct claim *claim = claim_of(epoch);

    claim->owner = node;
    claim->worked = false;
    forgotten_claimed(node, key);
}

const struct node *owners_of(const char *mark)
{
    struct bytes epoch = keys_hash_field(mark, "epoch");
    const struct claim *claim = epoch.data ? claim_of(epoch) : NULL;

    return claim && claim->worked ? claim->owner : NULL;
}

static const struct node *claimant(size_t topic, int32_t partition)
{
    struct bytes epoch = keys_mark_field(history->plan, history->plan->settings.topics[topic], partition, "epoch");

    return epoch.data ? claim_of(epoch)->owner : NULL;
}

void owners_remember(void)
{
    for (size_t t = 0; t < history->plan->settings.topics_count; t++)
        for (int32_t p = 0; p < history->plan->settings.partitions[t]; p++)
            all.remembered[t][p] = claimant(t, p);
}

bool owners_return(void)
{
    for (size_t t = 0; t < history->plan->settings.topics_count; t++)
        for (int32_t p = 0; p < history->plan->settings.partitions[t]; p++) {
            const struct node *now = claimant(t, p);

            if (now && now != all.remembered[t][p] && !now->dead)
                return true;
        }
    return false;
}

/* One command of the transaction that writes to a mark. */
static void mark_written(struct node *node, const char *key, const struct bytes *args, enum exec_answer answer)
{
    if (bytes_equal_text(args[2], "epoch"))
        claim(node, key, args[3]);
    else if (node == world_node("op") || (bytes_equal_text(args[2], "server") && answer == EXEC_ANSWER_TORN))
        return;      /* a name that stands in some of the marks only is true of these */
    else if (answer == EXEC_ANSWER_TORN)
        note_torn(node, key);
    else
        judge(node, key, !bytes_equal_text(args[2], "server"));
}

void owners_executed(struct node *node, struct redis_client *client, enum exec_answer answer)
{
    struct bytes args[4];
    char key[KEY_SIZE];

    if (answer != EXEC_ANSWER_APPLIED && answer != EXEC_ANSWER_TORN)
        return;
    if (node == world_node("op"))
        all.torn_count = 0;
    for (size_t i = 0, count; (count = redis_client_queued(client, i, args, 4)); i++) {
        if (count < 4 || args[1].size >= sizeof key || !memmem(args[1].data, args[1].size, "orderd:mark:", strlen("orderd:mark:")))
            continue;
        snprintf(key, sizeof key, "%.*s", (int)args[1].size, args[1].data);
        mark_written(node, key, args, answer);
    }
}

void owners_hear(const char *name, const char *line)
{
    static const char words[] = "a transaction was applied in part ";
    const char *said = strstr(line, words);
    char topic[KEY_SIZE], at[KEY_SIZE];
    int partition, size = 0;

    if (said && sscanf(said + sizeof words - 1, "topic=%63s partition=%d", topic, &partition) == 2)
        size = snprintf(at, sizeof at, "%s:%d", topic, partition);
    for (size_t i = 0; size && i < all.torn_count; i++) {
        const char *of = all.torn[i].mark + market_size(all.torn[i].mark) + strlen("orderd:mark:");

        if (all.torn[i].node == world_node(name) && strcmp(of, at) == 0)
            all.torn[i].heard = true;
    }
}

void owners_life_ends(const struct node *node)
{
    for (size_t i = 0; i < CLAIMS; i++)
        all.claims[i].worked &= all.claims[i].owner != node;
    forgotten_life_ends(node);
    for (size_t i = all.torn_count; i > 0; i--)
        if (all.torn[i - 1].node == node)
            all.torn[i - 1] = all.torn[--all.torn_count];
}

void owners_restored(void)
{
    all.torn_count = 0;
}
