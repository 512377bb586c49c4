/* The steps, each by itself: see model.h. */
#ifndef ORDERD_TESTS_MODEL_STEPS_H
#define ORDERD_TESTS_MODEL_STEPS_H

#include "model.h"

#define STEP(name) bool name(struct world *w, struct instance *me)

/* owner.c: an owner at work */
STEP(execute_load_event);
STEP(execute_load_flush);
STEP(execute_exec);
STEP(pipeline_gate);
STEP(commit_publish);
STEP(sink_reported);
STEP(commit_due);
STEP(commit_tails);
STEP(assignment_watch);

/* takeover.c: becoming one */
STEP(process_start);
STEP(assignment_assigned);
STEP(assignment_revoked);
STEP(session_connect);
STEP(takeover_epoch);
STEP(takeover_gather);
STEP(takeover_compare);
STEP(torn_write);

/* faults.c: what befalls them, and what the operator does */
STEP(foreign_write);
STEP(deadline_over);
STEP(exec_reply_lost);
STEP(exec_never_sent);
STEP(exec_sent_late);
STEP(claim_reply_lost);
STEP(claim_sent_late);
STEP(late_exec_runs);
STEP(crash);
STEP(crash_exec_late);
STEP(group_rebalance);
STEP(delivery_failed);
STEP(delivery_failed_unknown);
STEP(redis_replicate);
STEP(redis_rollback_restart);
STEP(redis_rollback_beneath);
STEP(exec_torn_market);
STEP(exec_torn_ledger);
STEP(exec_torn_mark);
STEP(operator_accept_rollback);
STEP(operator_accept_loss);

#endif
