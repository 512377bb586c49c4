/* Shared by the files of archive/restore.h, and by nobody else. */
#ifndef ORDERD_ARCHIVE_RESTORE_INSIDE_H
#define ORDERD_ARCHIVE_RESTORE_INSIDE_H

#include "archive/restore.h"
#include "ledger/partition.h"

/* How far a market is: RESTORE_NONE, nothing is there; so many of its lines; RESTORE_WRITTEN, all. */
#define RESTORE_NONE ((int64_t)-1)
#define RESTORE_WRITTEN INT64_MAX

/* How far the registry says that this restore is. Errors: -EEXIST: it is another's registry, or that of a market that lives (then `found` has its halt). */
int restore_look(const struct restore *restore, const struct shard *shard, int64_t *lines, struct registry *found, struct error_text *error) MUST_CHECK;
/* Sends the commands that the asker holds, and checks the replies. */
int restore_ask(const struct restore *restore, struct reply ***replies, struct error_text *error) MUST_CHECK;
/* A chunk: begins MULTI under WATCH of the registry, which must say that so many lines are written; the caller puts its commands behind it; EXEC, by which
 * it says how many are. Errors: -ESTALE: somebody else writes here. */
int restore_chunk_begin(const struct restore *restore, const struct shard *shard, int64_t lines, struct error_text *error) MUST_CHECK;
int restore_chunk_end(const struct restore *restore, const struct shard *shard, int64_t lines, struct error_text *error) MUST_CHECK;
void restore_say(const struct restore *restore, const char *format, ...) PRINTF_LIKE(2, 3);
/* The namespace holds none of the market's keys, or this same restore; else `refusal` names what is there. */
int restore_check_namespace(const struct restore *restore, const struct shard *shard, struct refusal *refusal, struct error_text *error) MUST_CHECK;

/* With a snapshot: restore_check.c, restore_write.c. Without: restore_log.c. */
int restore_snapshot_check(struct restore *restore, struct refusal *refusal, struct error_text *error) MUST_CHECK;
int restore_snapshot_write(struct restore *restore, struct error_text *error) MUST_CHECK;
int restore_log_check(struct restore *restore, struct refusal *refusal, struct error_text *error) MUST_CHECK;
int restore_log_write(struct restore *restore, struct error_text *error) MUST_CHECK;

#endif
