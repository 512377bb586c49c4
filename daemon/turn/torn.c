/* A transaction that was applied in part (DESIGN 4.3): every partition of it is marked torn and the market halted, before anything
 * else is done. The connection may be lost at that moment, so what is due is kept until it is written. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

enum { TRY_MS = 200, SAY_MS = 10000 };

void torn_note(struct pipeline *p, const struct turn *turn, const char *error)
{
    struct shard *shard = turn->shard;

    snprintf(shard->torn, sizeof shard->torn, "torn %s: a transaction was applied in part, from offset %lld: %.200s",
             turn->runs[0].lane->partition->at, (long long)turn->runs[0].lane->partition->mark.next, error);
    for (size_t i = 0; i < turn->runs_count; i++) {
        struct lane *lane = turn->runs[i].lane;

        log_error(p->log, "a transaction was applied in part topic=%s partition=%d from=%lld to=%lld error=\"%s\"", lane->partition->topic,
                  lane->partition->number, (long long)lane->partition->mark.next, (long long)turn->runs[i].after.next, error);
        lane->torn = true;
    }
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->torn)
            assignment_untake_lane(p, p->lanes[i]);
}

/* Redis is full or read-only, or the right to write is gone: nothing else is done before it takes what is due. */
static bool not_taken(struct pipeline *p, const char *error)
{
    int64_t now = clock_monotonic_ms(p->options.clock);

    p->torn_at = now + TRY_MS;
    if (p->torn_said_at && now - p->torn_said_at < SAY_MS)
        return false;
    p->torn_said_at = now;
    log_error(p->log, "a transaction that was applied in part cannot be marked, nothing else is done before error=\"%s\"", error);
    return false;
}

static bool mark_lanes(struct pipeline *p, const struct shard *shard)
{
    struct asker *redis = &p->takeover.gather.redis;
    struct error_text error;
    struct reply **replies;
    size_t count = 0;

    asker_begin(redis);
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->torn && p->lanes[i]->partition->shard == shard) {
            command_texts(redis->commands, "HSET", p->lanes[i]->partition->mark_key, "torn", "1", NULL);
            count++;
        }
    if (count && asker_ask(redis, &replies))
        return false;
    if (!count || !store_replies_check(replies, count, &error))
        return true;
    if (store_trouble_of(bytes_of(error.text)) == TROUBLE_SERVER)
        session_drop(p->options.session, "this server cannot be written to");
    return not_taken(p, error.text);
}

bool torn_write(struct pipeline *p)
{
    for (size_t i = 0; i < p->shards_count; i++) {
        struct shard *shard = p->shards[i];
        int r;

        if (!shard->torn[0])
            continue;
        if (clock_monotonic_ms(p->options.clock) < p->torn_at || !mark_lanes(p, shard))
            return false;
        r = takeover_halt(&p->takeover, shard, shard->torn);
        if (r && r != -ESTALE)
            return p->takeover.why.text[0] && not_taken(p, p->takeover.why.text);
        if (r)
            log_error(p->log, "the halt was not written, another era began; every partition of the transaction is marked torn");
        shard->torn[0] = '\0';
        for (size_t k = 0; k < p->lanes_count; k++)
            if (p->lanes[k]->partition->shard == shard)
                p->lanes[k]->torn = false;
    }
    return true;
}

bool torn_write_now(struct pipeline *p)
{
    p->torn_at = 0;
    return torn_write(p);
}
