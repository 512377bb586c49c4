/* Prometheus' text format 0.0.4: families with help and type, samples with labels, numbers exact. */
#ifndef ORDERD_SERVICE_EXPOSITION_H
#define ORDERD_SERVICE_EXPOSITION_H

#include <stdint.h>

#include "base/bytes.h"
#include "turn/meters.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct label {
    const char *name;
    struct bytes value;
};

enum { LABELS_MAX = 4 };

struct labels {
    struct label items[LABELS_MAX];
    size_t count;
};

/* # HELP and # TYPE. */
void exposition_family(struct buffer *out, const char *name, const char *type, const char *help);
/* One sample: value / scale, as a decimal fraction; scale is a power of ten. `labels` may be NULL. */
void exposition_sample(struct buffer *out, const char *name, const struct labels *labels, int64_t value, int64_t scale);
/* Buckets, sum and count; bounds and sum are divided by `scale`. */
void exposition_histogram(struct buffer *out, const char *name, const struct histogram *histogram, int64_t scale);

#endif
