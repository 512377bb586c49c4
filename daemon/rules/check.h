/* What several rules check in the same way: keys that hold what they cannot. */
#ifndef ORDERD_RULES_CHECK_H
#define ORDERD_RULES_CHECK_H

#include "rules/outcome.h"
#include "rules/view.h"

/* Each gives the value and REASON_NONE, or names the key in the facts and gives REASON_STATE_INVALID. */
enum reason check_funds(const struct view *view, const struct name *user, struct facts *facts, int64_t *funds); /* missing: 0 */
enum reason check_stock(const struct view *view, const struct name *sku, struct facts *facts, bool *known, int64_t *stock);
enum reason check_listing(const struct view *view, const struct name *item, const struct name *seller, struct facts *facts,
                          bool *listed, int64_t *price);
enum reason check_holding(const struct view *view, const struct name *user, const struct name *item, struct facts *facts,
                          bool *held);

#endif
