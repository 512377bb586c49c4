/* A history in a process of its own, so that one which crashes or hangs is a finding like any other. */
#ifndef ORDERD_TESTS_SIM_TRIAL_H
#define ORDERD_TESTS_SIM_TRIAL_H

#include "sim/history.h"

enum { JOBS_MAX = 16, FINDINGS_MAX = 64 };

struct trials {
    uint64_t first, count;            /* seeds */
    int jobs;
    int64_t seconds;                  /* at most; 0: until all seeds are done */
    size_t findings_wanted;           /* ends behind so many */
    bool beside;                      /* orderd's own audit looks at all of them */
};

struct trial_finding {
    uint64_t seed;
    struct finding finding;
};

struct trials_result {
    struct coverage coverage;
    struct trial_finding findings[FINDINGS_MAX];
    size_t findings_count;            /* of which FINDINGS_MAX are kept */
};

/* Runs the seeds, `jobs` at a time. */
void trials_run(const struct trials *trials, struct trials_result *result);
/* Runs this plan once more; fills the finding, and the trace when it is wanted. */
void trial_run(struct plan *plan, struct finding *finding, struct buffer *trace);

/* shrink.c: leaves out of the plan whatever can be left out with the same kind of finding. Says how many trials it took. */
unsigned shrink(struct plan *plan, struct finding *finding);

#endif
