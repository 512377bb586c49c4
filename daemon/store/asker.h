/* Questions to Redis beside the turns: take-over, start and `orderd init` put commands together, send them, and look at the replies. */
#ifndef ORDERD_STORE_ASKER_H
#define ORDERD_STORE_ASKER_H

#include "store/exec.h"

/* Borrowed: the connection, and working memory that is reset here. */
struct asker {
    struct session *session;
    struct commands *commands;
    struct arena *arena;
};

/* Empties commands and arena. */
void asker_begin(struct asker *asker);
/* Sends what was put into `commands` and receives its replies into the arena; `commands` is empty afterwards. */
int asker_ask(struct asker *asker, struct reply ***replies) MUST_CHECK;
/* The same for MULTI … EXEC with `queued` commands between the two. Errors: only those of building and sending; what became of it is
 * in `result`. */
int asker_exec(struct asker *asker, size_t queued, struct exec_result *result) MUST_CHECK;

#endif
