/* What must fit together at take-over, held side by side; each misfit is a refusal with its resolving command (DESIGN 4.5). */
#ifndef ORDERD_LEDGER_COMPARE_H
#define ORDERD_LEDGER_COMPARE_H

#include "ledger/evidence.h"
#include "ledger/partition.h"
#include "ledger/refusal.h"

/* Registry (registry_read's result), outbox key's TYPE and the partition's mark (HMGET). Reads the mark into the partition. */
void compare_first_look(struct refusal *refusal, struct partition *partition, int registry, const struct reply *outbox_type,
                        const struct reply *mark);
/* Nobody decides anything in a halted market: with `halt`'s text and the command that it names. */
void compare_halt(struct refusal *refusal, const char *halt);
/* Whether that halt stands over a market of which orderd restore has not written everything yet. */
bool compare_is_half_restored(const char *halt);
/* Kafka's evidence against the mark: gap, truncation, recreated topic, rollback. */
void compare_evidence(struct refusal *refusal, const struct partition *partition, const struct evidence *evidence);
/* The part of it that shows a rollback: outcomes and commits (evidence_of_outcomes). */
void compare_outcomes(struct refusal *refusal, const struct partition *partition, const struct evidence *evidence);
/* The entries, sorted by offset, must cover [done, next) without gap or overlap. */
void compare_outbox(struct refusal *refusal, const struct partition *partition, const struct outbox_entry *first);
/* The seen list does not cover [seen_from, next): `problem` says where. */
void compare_seen(struct refusal *refusal, const struct partition *partition, const char *problem);

/* Published: the highest offset that anybody may have seen decided; -1: none. */
int64_t compare_published(const struct partition *partition, const struct evidence *evidence);

#endif
