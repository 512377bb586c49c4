/* /metrics: everything that is counted, for Prometheus. Names stay as they are once released: dashboards and alerts rest on them. */
#ifndef ORDERD_SERVICE_METRICS_H
#define ORDERD_SERVICE_METRICS_H

#include "service/exposition.h"
#include "service/sight.h"

/* A key counts as hot in metrics when it has this part of all writes, or conflicts, and so often in a second: else every scrape would bring
 * new series, for keys that nobody would look at. */
#define METRICS_HOT_SHARE 0.05
#define METRICS_HOT_WRITES_PER_S 1.0
#define METRICS_HOT_CONFLICTS_PER_S 0.25

/* All families in the text format; a family without a sample shows its help and type. */
void metrics_put(struct buffer *out, const struct sight *sight);

#endif
