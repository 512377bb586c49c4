/* All steps, and which of them is due when nothing goes wrong. */
#include "steps.h"

const struct step steps[] = {
    {"execute_load", "1, 4", execute_load_event, false, false},
    {"execute_load (flush)", "7", execute_load_flush, false, false},
    {"execute_exec", "3", execute_exec, false, false},
    {"pipeline_gate", "6", pipeline_gate, false, false},
    {"commit_publish", "7", commit_publish, false, false},
    {"sink_reported", "7", sink_reported, false, false},
    {"commit_due", "5, 7", commit_due, false, false},
    {"commit_tails", "5", commit_tails, false, false},
    {"assignment_watch", "1, 5", assignment_watch, false, false},
    {"process_start", "", process_start, false, false},
    {"assignment_assigned", "2", assignment_assigned, false, false},
    {"assignment_revoked", "2", assignment_revoked, false, false},
    {"session_connect", "2.1", session_connect, false, false},
    {"takeover_epoch", "2.2", takeover_epoch, false, false},
    {"takeover_gather", "2.3, 2.4", takeover_gather, false, false},
    {"takeover_compare", "2.4, 2.5, 5", takeover_compare, false, false},
    {"torn_write", "3", torn_write, false, false},
    {"late EXEC runs", "", late_exec_runs, false, true},
    {"redis replicates", "", redis_replicate, false, true},
    {"orderd init --accept-rollback", "5", operator_accept_rollback, false, true},
    {"orderd init --accept-loss", "5", operator_accept_loss, false, true},
    {"a foreign writer changes the market", "", foreign_write, true, true},
    {"nil, past the deadline", "4", deadline_over, true, false},
    {"EXEC runs, its reply is lost", "3", exec_reply_lost, true, false},
    {"the connection is lost", "3", exec_never_sent, true, false},
    {"the connection is lost, EXEC still to come", "3", exec_sent_late, true, false},
    {"the claim runs, its reply is lost", "2", claim_reply_lost, true, false},
    {"the connection is lost, the claim still to come", "2", claim_sent_late, true, false},
    {"kill -9", "", crash, true, false},
    {"kill -9, EXEC still to come", "", crash_exec_late, true, false},
    {"the group names another owner", "", group_rebalance, true, true},
    {"delivery fails", "7", delivery_failed, true, false},
    {"delivery is said to have failed", "7", delivery_failed_unknown, true, false},
    {"redis restarts older", "5", redis_rollback_restart, true, true},
    {"redis goes back beneath its connections", "5", redis_rollback_beneath, true, true},
    {"EXEC is torn: only the market", "3", exec_torn_market, true, false},
    {"EXEC is torn: only mark and outbox", "3", exec_torn_ledger, true, false},
    {"EXEC is torn: only the mark", "3", exec_torn_mark, true, false},
};
const size_t steps_count = sizeof steps / sizeof *steps;

/* The pipeline writes down what was torn before it does anything else, and we assume that it lives to do so and nobody comes between. */
static bool torn_first(const struct world *w, const struct step *step, const struct instance *me)
{
    if (ABLATED(w, TORN_AT_ONCE))
        return me->torn && step->take != torn_write && step->take != session_connect && step->take != crash && step->take != sink_reported && !step->once;
    for (size_t i = 0; i < INSTANCES; i++)
        if (w->s.instances[i].torn)
            return me != &w->s.instances[i] || (step->take != torn_write && step->take != session_connect && step->take != exec_never_sent);
    return false;
}

bool steps_take(struct world *w, size_t step, size_t instance)
{
    struct instance *me = &w->s.instances[instance];

    if ((steps[step].once && instance) || torn_first(w, &steps[step], me) || !steps[step].take(w, me))
        return false;
    world_normalise(w);
    return true;
}

/* In this order; first what is left over from before. */
static bool settle_rest(struct world *w, struct instance *me)
{
    return torn_write(w, me) || operator_accept_loss(w, me) || operator_accept_rollback(w, me) || late_exec_runs(w, me) || redis_replicate(w, me);
}

static bool settle_other(struct world *w, struct instance *other)
{
    return sink_reported(w, other) || (other->turn.kind && execute_exec(w, other)) || (other->torn && session_connect(w, other)) ||
           torn_write(w, other) || (other->turn.kind && session_connect(w, other)) || assignment_revoked(w, other);
}

static bool settle_owner(struct world *w, struct instance *me)
{
    return process_start(w, me) || assignment_assigned(w, me) || session_connect(w, me) || torn_write(w, me) || assignment_watch(w, me) ||
           takeover_epoch(w, me) || takeover_gather(w, me) || takeover_compare(w, me) || execute_exec(w, me) || pipeline_gate(w, me) ||
           commit_publish(w, me) || sink_reported(w, me) || execute_load_event(w, me) || execute_load_flush(w, me);
}

bool steps_settle(struct world *w)
{
    struct instance *me = &w->s.instances[w->s.kafka.owner], *other = &w->s.instances[!w->s.kafka.owner];

    if (!settle_other(w, other) && !settle_rest(w, me) && !settle_owner(w, me) && !commit_due(w, me))
        return false;
    world_normalise(w);
    return true;
}
