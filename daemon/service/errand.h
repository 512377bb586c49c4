/* What the desk has the pipeline's thread do between two steps, and its answer: a few places under one lock, looked at by the pipeline only
 * when its flag is up, so that nobody waits for the other. */
#ifndef ORDERD_SERVICE_ERRAND_H
#define ORDERD_SERVICE_ERRAND_H

#include "base/log.h"
#include "service/request.h"
#include "turn/operator.h"

enum { ERRANDS_MAX = 16 };

struct errand {
    struct request request;
    long uid, pid;               /* who asks */
};

struct errands;

/* Errors: -ENOMEM. */
int errands_new(struct errands **out) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct errands *errands_free(struct errands *errands);

/* The desk: asks, and is given the place of the answer. Errors: -EBUSY (every place is taken), -ESHUTDOWN (the daemon ends). */
int errands_ask(struct errands *errands, const struct errand *errand, size_t *place) MUST_CHECK;
/* Whether the answer is there; the place is free again then. */
bool errands_answered(struct errands *errands, size_t place, struct operator_answer *answer) MUST_CHECK;
/* Nobody waits for it any more. True: it was not begun and never will be; false: it is being done, or was. */
bool errands_withdraw(struct errands *errands, size_t place);

/* The pipeline's thread: does what is asked; whether anything was. `pipeline` NULL: there is none yet. */
bool errands_serve(struct errands *errands, struct pipeline *pipeline, struct log *log);
/* The same: the daemon ends; what is asked from here on is refused, and what was asked is answered so. */
void errands_end(struct errands *errands);

#endif
