/* Whether the daemon should be restarted (live), and whether it does its work (ready), with the reason of each part in words. */
#ifndef ORDERD_SERVICE_HEALTH_H
#define ORDERD_SERVICE_HEALTH_H

#include "base/bytes.h"
#include "service/sight.h"

enum health_level {
    HEALTH_OK,
    HEALTH_DEGRADED,     /* a part does not go on, or not as fast; the rest does */
    HEALTH_FAILED
};

enum { HEALTH_CHECKS_MAX = 12, HEALTH_REASON_MAX = 600 };

struct health_check {
    const char *name;
    enum health_level level;
    char reason[HEALTH_REASON_MAX];   /* "": nothing to say. Also of what is well: "paused on purpose …" */
};

struct health {
    const char *question;             /* "livez", "readyz" */
    struct health_check checks[HEALTH_CHECKS_MAX];
    size_t count;
};

/* Only the pipeline itself, never what it depends on: a restart mends no Redis. */
void health_live(struct health *health, const struct sight *sight);
/* All that must be so for events to be decided and outcomes to be delivered. */
void health_ready(struct health *health, const struct sight *sight);
/* The worst of its checks. */
enum health_level health_level(const struct health *health);

/* {"status":"ok","checks":[{"name":"redis","status":"failed","reason":"…"}, …]} */
void health_put_json(struct buffer *out, const struct health *health);
/* As Kubernetes has it: "[+]redis ok", "[-]kafka failed: …", "readyz check failed". */
void health_put_text(struct buffer *out, const struct health *health);

#endif
