/* How far a long job is, on standard error: a line with a bar that is rewritten where that is a terminal, else a line now and then. */
#ifndef ORDERD_COMMANDS_PROGRESS_H
#define ORDERD_COMMANDS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 16, PROGRESS_TEXT_MAX = 200 };

struct progress {
    const char *what;          /* "replaying", "reading outcomes" */
    const char *unit;          /* "events" */
    int64_t of;                /* -1: not known */
    bool terminal, shown;
    int64_t said_at;           /* monotonic ms */
    /* The rate is that of the last seconds. */
    struct {
        int64_t at, done;
    } samples[PROGRESS_SAMPLES];
    unsigned samples_count, sample_first;
};

/* `now`: monotonic ms; so below. The texts are literals. */
void progress_begin(struct progress *progress, const char *what, const char *unit, int64_t of, int64_t now);
/* So much is done. Cheap, may be called often: a terminal is drawn ten times a second at most, else a line comes every ten seconds. */
void progress_show(struct progress *progress, int64_t done, int64_t now);
/* Takes the line off a terminal. */
void progress_end(struct progress *progress);

/* The line, for tests and for other ends: "replaying 1,200 of 5,000 events, 24 %, 81,300/s, 0:46 left". `per_s` below 0: not known. */
void progress_text(char out[PROGRESS_TEXT_MAX], const struct progress *progress, int64_t done, double per_s);
/* 1234567 as "1,234,567". */
enum { PROGRESS_NUMBER_SIZE = 32 };
const char *progress_number(char out[PROGRESS_NUMBER_SIZE], int64_t value);

#endif
