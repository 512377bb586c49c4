/* A walk over the keys behind a prefix by SCAN: what is there from its begin to its end is given at least once, whatever comes and goes meanwhile. */
#ifndef ORDERD_STORE_SCAN_H
#define ORDERD_STORE_SCAN_H

#include <stdbool.h>

#include "store/command.h"
#include "seam/redis_link.h"

enum { SCAN_PATTERN_SIZE = 256, SCAN_CURSOR_SIZE = 24 };

struct scan {
    char pattern[SCAN_PATTERN_SIZE], cursor[SCAN_CURSOR_SIZE];
};

/* The keys that begin with the prefix, byte for byte (at most 96 of them), and go on as the glob pattern `rest` says. */
void scan_begin(struct scan *scan, const char *prefix, const char *rest);
/* Adds the next SCAN; `count`: about how many keys Redis looks at for it. */
void scan_put(const struct scan *scan, struct commands *commands, int count);
/* What it was answered: the keys, with the prefix; they may be none. Errors: -EPROTO: that is no answer to SCAN. */
int scan_take(struct scan *scan, const struct reply *reply, const struct reply **keys) MUST_CHECK;
/* Whether that was the last. */
bool scan_is_over(const struct scan *scan);

#endif
