/* `orderd init --reapply`: what on_rollback = "reapply" does, by hand (turn/reapply.h). */
#ifndef ORDERD_COMMANDS_REAPPLY_H
#define ORDERD_COMMANDS_REAPPLY_H

#include "commands/site.h"
#include "turn/playback.h"

/* Before the first client of Kafka is made: SIGINT and SIGTERM are looked for from here on, and end it cleanly. */
void reapply_by_hand_prepare(void);
/* Every market of the configuration whose halt begins so. `*ours`: there was something to be done. Lines for a person go to stdout, how far it is to stderr.
 * Exit code. */
int reapply_run(struct site *site, struct kafka_in *in, enum playback_mode mode, const char *unhalt, int64_t settle_ms, bool dry, bool *ours) MUST_CHECK;
/* Of every market of the configuration that a rollback halts. Lines for a person go to stdout, how far it is to stderr. Exit code. */
int reapply_by_hand(struct site *site, struct kafka_in *in, bool dry) MUST_CHECK;

#endif
