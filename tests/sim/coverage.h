/* What the histories have reached: every sentence that an instance can log, what was refused and resolved, and every mishap with every other.
 * A sentence of the daemon's that has no row fails the run, so the table cannot fall behind the code. */
#ifndef ORDERD_TESTS_SIM_COVERAGE_H
#define ORDERD_TESTS_SIM_COVERAGE_H

#include <stdio.h>

#include "sim/plan.h"

/* What no history reaches, and why: "the outcome partition shows more than redis knows" (Redis would have to go back without another run_id or
 * replid, which every restore here changes), "nothing further is published" (an outbox that is deleted and made anew within one era, while the server's
 * clock goes back: a story), "an outbox entry cannot be read" (somebody else's entry stays in the outbox for good, so the history is not at rest: a
 * live test), "no room for another partition" (4,096 of them). */
/* X(name, group, text). SENTENCE: how a line of the log begins; NAMED: a refusal names this resolution; DONE: it was carried out; HAND: what
 * an instance answers to an operator. */
#define COVERED(X)           \
    X(first_start, SENTENCE, "first start: the registry is made")                     \
    X(redis_there, SENTENCE, "redis is there")                                        \
    X(redis_away, SENTENCE, "redis is away")                                          \
    X(redis_dropped, SENTENCE, "redis connection dropped")                            \
    X(redis_evicts, SENTENCE, "redis may evict keys")                                 \
    X(redis_not_ready, SENTENCE, "redis is not ready, events wait")                   \
    X(redis_refused, SENTENCE, "redis refused the transaction,")                      \
    X(redis_refused_one, SENTENCE, "redis refused the transaction of an event")       \
    X(malformed, SENTENCE, "an event is malformed")                                   \
    X(expired, SENTENCE, "an event expired")                                          \
    X(redis_unreadable, SENTENCE, "redis refuses to be read")                         \
    X(redis_refuses_take_over, SENTENCE, "redis refuses the take-over")               \
    X(redis_refuses_registry, SENTENCE, "redis refuses the registry")                 \
    X(assigned, SENTENCE, "assigned by the group")                                    \
    X(revoked, SENTENCE, "revoked by the group")                                      \
    X(assignment_unanswered, SENTENCE, "an assignment could not be answered")         \
    X(revocation_unanswered, SENTENCE, "the revocation could not be answered")        \
    X(took_over, SENTENCE, "took over")                                               \
    X(vouched, SENTENCE, "redis is another server than before")                       \
    X(taking_again, SENTENCE, "taking over again")                                    \
    X(take_over_tried_again, SENTENCE, "the take-over is tried again")                \
    X(fetching_not_begun, SENTENCE, "fetching could not begin")                       \
    X(no_note, SENTENCE, "the commit carries no note")                                \
    X(suspected, SENTENCE, "the outcome partition shows more than redis knows")       \
    X(unread, SENTENCE, "the partition cannot be read")                               \
    X(gate_closed, SENTENCE, "what was applied is not yet as durable as configured")  \
    X(parked, SENTENCE, "the outbox is at its bound")                                 \
    X(unparked, SENTENCE, "the outbox has room again")                                \
    X(window_cut, SENTENCE, "dedupe.ids ends the duplicate window")                   \
    X(not_handed, SENTENCE, "an outcome cannot be handed over")                       \
    X(delivery_failed, SENTENCE, "delivery failed, the producer is replaced")         \
    X(producer_fatal, SENTENCE, "the producer met a fatal error")                     \
    X(no_producer, SENTENCE, "no new producer")                                       \
    X(no_first_producer, SENTENCE, "no producer")                                     \
    X(commits_fail, SENTENCE, "commits fail and are tried again")                     \
    X(last_commit_failed, SENTENCE, "the last commit failed")                         \
    X(torn, SENTENCE, "a transaction was applied in part")                            \
    X(halt_not_written, SENTENCE, "the halt was not written")                         \
    X(torn_not_marked, SENTENCE, "a transaction that was applied in part cannot be marked") \
    X(halted, SENTENCE, "the market is halted:")                                      \
    X(waits_for_reapply, SENTENCE, "a partition waits until the decisions that were published") \
    X(reapply, SENTENCE, "reapply:")                                                  \
    X(reapply_goes_on, SENTENCE, "published decisions are applied again")             \
    X(reapply_stuck, SENTENCE, "published decisions cannot be applied again by this instance") \
    X(reapply_tries, SENTENCE, "published decisions cannot be applied again yet")     \
    X(reapply_rights, SENTENCE, "published decisions may not be applied again")       \
    X(reapply_torn, SENTENCE, "what was applied in part cannot be marked so")         \
    X(playback_elsewhere, SENTENCE, "somebody else works this market")                \
    X(playback_unreadable, SENTENCE, "the market cannot be read")                     \
    X(playback_refused, SENTENCE, "redis refuses to be written to")                   \
    X(playback_impossible, SENTENCE, "a recorded decision cannot be applied")         \
    X(playback_ids, SENTENCE, "this cannot go on")                                    \
    X(redone, LIFE, "a published decision was applied again")                         \
    X(came_older, LIFE, "a market came back older than an outcome in Kafka, and every connection was closed") \
    X(halted_in_time, LIFE, "it was halted before anything was decided")              \
    X(histories_redone, LIFE, "a history in which one was, judged to its end")         \
    X(decided_again, LIFE, "a mark was moved back: what was decided is decided once more") \
    X(histories_muddled, LIFE, "one that is judged up to there only, and that nothing is decided twice") \
    X(sequence_fell, SENTENCE, "nothing further is published")                        \
    X(entry_unreadable, SENTENCE, "an outbox entry cannot be read")                   \
    X(dedupe_differs, SENTENCE, "the registry's dedupe settings rule")                \
    X(lanes_full, SENTENCE, "no room for another partition")                          \
    X(kafka_trouble, SENTENCE, "kafka is in trouble")                                 \
    X(group_not_left, SENTENCE, "the group was not left in time")                     \
    X(refused, SENTENCE, "refused:")                                                  \
    X(paused, SENTENCE, "the operator has paused the partition")                      \
    X(resumed, SENTENCE, "the operator lets the partition go on")                     \
    X(quiet, SENTENCE, "quiet by the operator's word")                                \
    X(quiet_no_more, SENTENCE, "no longer quiet")                                     \
    X(skipped, SENTENCE, "the event is skipped by the operator's word")               \
    X(dumped, SENTENCE, "dump:")                                                      \
    X(audited_beside, LIFE, "orderd's own audit looked at the logs too")              \
    X(life_ended, LIFE, "an instance was killed or stopped in order")                 \
    X(refused_at_start, LIFE, "an instance was refused at its start")                 \
    X(stopped_by_error, LIFE, "an instance stopped by an error")                      \
    X(named_rollback, NAMED, "--reapply")                                             \
    X(named_loss, NAMED, "--accept-loss")                                             \
    X(named_gap, NAMED, "--accept-gap")                                               \
    X(named_adopt, NAMED, "--adopt")                                                  \
    X(did_rollback, DONE, "--accept-rollback")                                        \
    X(did_loss, DONE, "--accept-loss")                                                \
    X(did_gap, DONE, "--accept-gap")                                                  \
    X(did_adopt, DONE, "--adopt")                                                     \
    X(did_quarantine, DONE, "--quarantine")                                           \
    X(did_move, DONE, "--move")                                                       \
    X(resolution_failed, LIFE, "a resolution did not fit and was tried again")        \
    X(hand_paused, HAND, "partitions were paused")                                    \
    X(hand_resumed, HAND, "partitions were let go on")                                \
    X(hand_refused, HAND, "neither could be kept in Redis")                           \
    X(hand_skip_waits, HAND, "an event will be skipped when its turn comes")          \
    X(hand_skipped, HAND, "an event was skipped")                                     \
    X(hand_skip_late, HAND, "an event to be skipped was decided already")             \
    X(hand_skip_elsewhere, HAND, "an event to be skipped is another instance's")      \
    X(hand_skip_busy, HAND, "the partition of an event to be skipped is being taken over") \
    X(hand_skip_back, HAND, "the wish to skip an event was taken back")               \
    X(hand_skip_stays, HAND, "there was no such wish to be taken back")

enum covered {
#define X(name, group, text) COVERED_##name,
    COVERED(X)
#undef X
    COVERED_COUNT
};

struct coverage {
    uint64_t histories, events, virtual_ms;
    uint64_t points[COVERED_COUNT];
    uint64_t came[MISHAP_COUNT];                     /* histories in which it came */
    uint32_t pairs[MISHAP_COUNT][MISHAP_COUNT];      /* histories in which both came */
    char strange[256];                               /* a sentence without a row; "": none */
};

void coverage_note(struct coverage *coverage, enum covered point);
/* A line of the log, and what of it is a refusal's resolution. */
void coverage_line(struct coverage *coverage, const char *line);
/* "--accept-loss orders:3" was carried out. */
void coverage_resolved(struct coverage *coverage, const char *resolution);
/* A history is over. */
void coverage_history(struct coverage *coverage, const struct plan *plan);
void coverage_add(struct coverage *sum, const struct coverage *other);
/* The tables, for a person. */
void coverage_print(const struct coverage *coverage, FILE *out);

#endif
