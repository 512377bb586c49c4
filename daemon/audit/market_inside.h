/* The parts of market.h that look at marks, outbox and seen lists. Inside of audit/. */
#ifndef ORDERD_AUDIT_MARKET_INSIDE_H
#define ORDERD_AUDIT_MARKET_INSIDE_H

#include "audit/market.h"

int market_check_marks(const struct market_options *options, struct error_text *error) MUST_CHECK;
/* A seen list's element, where the audit begins. */
int market_begin_seen(struct audit *audit, const struct survey *survey, const struct snapshot_value *value) MUST_CHECK;

#endif
