/* A transaction that was applied in part (DESIGN 4.3): every partition of it is marked torn and the market halted, before anything
 * else is done. The connection may be lost at that moment, so what is due is kept until it is written. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

void torn_note(struct pipeline *p, const struct turn *turn, const char *error)
{
    struct shard *shard = turn->shard;

    snprintf(shard->torn, sizeof shard->torn, "torn %s: a transaction was applied in part, from offset %lld: %.200s",
             turn->runs[0].lane->partition->at, (long long)turn->runs[0].lane->partition->mark.next, error);
    for (size_t i = 0; i < turn->runs_count; i++) {
        struct lane *lane = turn->runs[i].lane;

        log_error(p->log, "a transaction was applied in part at=%s from=%lld to=%lld error=\"%s\"", lane->partition->at,
                  (long long)lane->partition->mark.next, (long long)turn->runs[i].after.next, error);
        lane->torn = true;
    }
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->torn)
            assignment_untake_lane(p, p->lanes[i]);
}

static int mark_lanes(struct pipeline *p, const struct shard *shard)
{
    struct asker *redis = &p->takeover.gather.redis;
    struct reply **replies;

    asker_begin(redis);
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->torn && p->lanes[i]->partition->shard == shard)
            command_texts(redis->commands, "HSET", p->lanes[i]->partition->mark_key, "torn", "1", NULL);
    return asker_ask(redis, &replies);
}

bool torn_write(struct pipeline *p)
{
    for (size_t i = 0; i < p->shards_count; i++) {
        struct shard *shard = p->shards[i];

        if (!shard->torn[0])
            continue;
        if (mark_lanes(p, shard))
            return false;
        if (takeover_halt(&p->takeover, shard, shard->torn)) {
            if (!session_is_up(p->options.session))
                return false;
            log_error(p->log, "the halt was not written, another era began; every partition of the transaction is marked torn");
        }
        shard->torn[0] = '\0';
        for (size_t k = 0; k < p->lanes_count; k++)
            if (p->lanes[k]->partition->shard == shard)
                p->lanes[k]->torn = false;
    }
    return true;
}
