/* What `orderd status` shows: how the daemon is, in words and numbers, for a person and for a program. A guest of the desk that remembers the
 * last seconds; answers in its thread. */
#ifndef ORDERD_SERVICE_STATUS_H
#define ORDERD_SERVICE_STATUS_H

#include "base/log.h"
#include "service/health.h"
#include "service/process.h"
#include "service/request.h"
#include "service/window.h"

enum { STATUS_ERRORS_MAX = 8, STATUS_SENTENCE_MAX = 600 };

/* All that is shown, at one moment. */
struct status_view {
    const struct sight *sight;
    struct health health;
    struct tally recent, ever;
    int64_t started_ms;                              /* since 1970; 0: not known */
    struct log_recent errors[STATUS_ERRORS_MAX];     /* the newest first */
    size_t errors_count;
    const char *state;                               /* in a word: starting, running, standby, quiet, paused, taking_over, degraded, failed, stopping */
    char sentence[STATUS_SENTENCE_MAX];
    const char *version, *librdkafka;
};

struct status_desk;

struct status_options {
    struct sights *sights;
    struct clock *clock;
    const struct log *log;
    const char *version, *librdkafka;
};

/* Errors: -ENOMEM. */
int status_new(struct status_desk **out, const struct status_options *options) MUST_CHECK;
/* Its desk must be gone before. Takes NULL, returns NULL. */
struct status_desk *status_free(struct status_desk *status);
struct desk_guest status_guest(struct status_desk *status);
/* For struct control_options: the answer to REQUEST_STATUS. Its code is 0 where all is well, also paused on purpose, and 1 where something does not go on. */
void status_answer(void *status, const struct request *request, struct buffer *out);

/* Its parts, for tests: the text for people, and the members of the JSON object without its braces. */
void status_put_text(struct buffer *out, const struct status_view *view, int width, bool colour);
void status_put_json(struct buffer *out, const struct status_view *view);

#endif
