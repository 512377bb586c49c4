/* `orderd init` over the fake seams: carries out a resolution by the words that a refusal names it with. */
#ifndef ORDERD_TESTS_FAKE_INIT_H
#define ORDERD_TESTS_FAKE_INIT_H

#include "fake/instance.h"

struct init {
    const char *name;                                 /* of its node */
    const struct instance_settings *settings;
    void (*say)(void *context, const char *line);     /* what the resolution says */
    void *context;
};

/* "--accept-loss orders:3": what ledger/resolve.h says, -ENOTCONN when Redis could not be reached, -EINVAL for words that are no resolution. */
int init_run(const struct init *init, const char *words);

#endif
