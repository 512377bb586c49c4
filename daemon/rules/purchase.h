/* The rule of `purchase` (DESIGN 2.2). */
#ifndef ORDERD_RULES_PURCHASE_H
#define ORDERD_RULES_PURCHASE_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void purchase_want(const struct event *event, struct view *view);
enum reason purchase_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
