/* Where the outcomes of a replay go: to a topic of its own, as the daemon sends them, or to a file as JSON lines.
 *
 * Until they are there they lie in the outbox of the replay's market, so that whoever goes on after a kill sends or writes what is missing. Prints
 * nothing. */
#ifndef ORDERD_REPLAY_EMIT_H
#define ORDERD_REPLAY_EMIT_H

#include "ledger/partition.h"
#include "turn/playback.h"

struct emit_options {
    struct sink *sink;                   /* made with emit_reported as its `reported`; NULL: a file */
    const char *path;                    /* of the file */
    struct outbox_pool *pool;
    struct partition *const *partitions;
    size_t partitions_count;
    struct clock *clock;
};

struct emit;

/* Opens the file, and takes what it holds as written by an earlier run: a last line that is cut is taken off, and no event is written twice. Errors: those of
 * open(2) and read(2); -EBADMSG: it holds something else, or less than the marks say. With a sentence. */
int emit_new(struct emit **out, const struct emit_options *options, struct error_text *error) MUST_CHECK;
struct emit *emit_free(struct emit *emit);
/* For the sink's options; the context is a struct emit **, which may be NULL yet. */
void emit_reported(void *emit, const struct sink_report *report);

/* A file's line; nothing for a topic. Errors: -ENOMEM, -ENOBUFS. */
int emit_done(struct emit *emit, const struct playback_done *done) MUST_CHECK;
/* Hands over what was applied and takes reports; or writes, and from time to time waits until it is on the disk. Never waits long but then.
 * 0; 1: a producer failed and another is there: what Redis holds must be read back, then emit_again(). Errors: those of write(2) and fsync(2); a record's own
 * (-EMSGSIZE). */
int emit_serve(struct emit *emit, bool everything, struct error_text *error) MUST_CHECK;
/* The partitions were taken over again: their outboxes are what Redis holds. */
int emit_again(struct emit *emit) MUST_CHECK;
/* Whether the outboxes hold so much that nothing may be added. */
bool emit_is_full(const struct emit *emit);
/* Whether everything is where it shall be. */
bool emit_is_idle(const struct emit *emit);
int64_t emit_records(const struct emit *emit);

#endif
