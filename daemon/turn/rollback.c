/* on_rollback = "reapply": a market that Redis brought back older is brought forward again by what was published (turn/reapply.h), a little
 * with every step, so that the group is answered, and other markets go on. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

enum { STEP_MS = 200 };

static const char halted_by[] = "rollback";

bool rollback_has_hope(const struct pipeline *p, const struct shard *shard)
{
    return p->settings.reapply && p->options.reapply && shard->known && strncmp(shard->registry.halt, halted_by, sizeof halted_by - 1) == 0 &&
           shard->hopeless_era != shard->registry.era;
}

/* A market of which a partition is assigned here and stands still. */
static struct shard *halted(const struct pipeline *p)
{
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->partition->state == PARTITION_STOPPED && rollback_has_hope(p, p->lanes[i]->partition->shard))
            return p->lanes[i]->partition->shard;
    return NULL;
}

static int begin(struct pipeline *p, struct shard *shard)
{
    struct reapply_options options = p->reapply_options;
    int r;

    options.start.redis = &p->takeover.gather.redis;
    options.start.evidence = p->takeover.evidence;
    options.limits = sink_limits(p->sink);
    options.bounds = p->settings.turn;
    options.shard = shard->number;
    options.mode = PLAYBACK_CHANGE;
    options.settle_ms = REAPPLY_SETTLE_MS;
    options.unhalt = halted_by;
    r = reapply_new(&p->reapply, &options);
    if (!r)
        p->reapply_shard = shard;
    return r;
}

void rollback_end(struct pipeline *p)
{
    p->reapply = reapply_free(p->reapply);
    p->reapply_shard = NULL;
}

/* It stays halted, and waits for the operator. */
static int give_up(struct pipeline *p, int error, const struct refusal *refusal)
{
    struct shard *shard = p->reapply_shard;

    shard->hopeless_era = shard->registry.era;
    if (refusal->set)
        refusal_log(refusal, p->log, p->options.file, NULL, 0);
    for (size_t i = 0; refusal->set && i < p->lanes_count; i++)
        if (p->lanes[i]->partition->shard == shard && p->lanes[i]->partition->state == PARTITION_STOPPED)
            snprintf(p->lanes[i]->refusal, sizeof p->lanes[i]->refusal, refusal->resolve[0] ? "%s; orderd init -c %s %s" : "%s", refusal->found, p->options.file,
                     refusal->resolve);
    rollback_end(p);
    return p->settled ? 0 : error;
}

int rollback_serve(struct pipeline *p)
{
    struct shard *shard = p->reapply ? NULL : halted(p);
    struct refusal refusal = {0};
    int64_t before;
    int r = shard ? begin(p, shard) : 0;

    if (r || !p->reapply || reapply_rests(p->reapply))
        return r;
    execute_forget(p);
    before = reapply_progress(p->reapply).events;
    r = reapply_step(p->reapply, STEP_MS, &refusal);
    p->meters.reapplied += (uint64_t)(reapply_progress(p->reapply).events - before);
    p->unwatch = true;
    if (r == -EPROTO || r == -EACCES)
        return give_up(p, r, &refusal);
    if (r == 1) {
        shard = p->reapply_shard;
        rollback_end(p);
        assignment_retry_stopped(p, shard, -1);
    }
    return 0;
}

void rollback_hope_anew(struct pipeline *p)
{
    for (size_t i = 0; i < p->shards_count; i++)
        p->shards[i]->hopeless_era = 0;
}
