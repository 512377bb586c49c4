/* What does not fit, in words, with the exact command that resolves it (DESIGN 4.5). */
#ifndef ORDERD_LEDGER_REFUSAL_H
#define ORDERD_LEDGER_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

enum { REFUSAL_TEXT_MAX = 768, REFUSAL_RESOLVE_MAX = 384 };

struct refusal {
    bool set;
    bool market;                          /* concerns the whole market: `halt` is written, or was found (rollback, torn) */
    char found[REFUSAL_TEXT_MAX];         /* what was found, with offsets, and what would be right where no command helps */
    char resolve[REFUSAL_RESOLVE_MAX];    /* what `orderd init` must be told: "--accept-loss orders:3"; "": no command helps */
};

/* Writes the sentence; the first refusal stays when there is one already. */
void refusal_say(struct refusal *refusal, const char *format, ...) PRINTF_LIKE(2, 3);
/* The resolving options; the first stay. */
void refusal_resolve(struct refusal *refusal, const char *format, ...) PRINTF_LIKE(2, 3);
/* One error line: what, where (topic NULL: the market as a whole), and the command with the configuration's file. */
void refusal_log(const struct refusal *refusal, const struct log *log, const char *file, const char *topic, int32_t partition);

#endif
