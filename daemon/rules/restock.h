/* The rule of `restock` (DESIGN 2.2). */
#ifndef ORDERD_RULES_RESTOCK_H
#define ORDERD_RULES_RESTOCK_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void restock_want(const struct event *event, struct view *view);
enum reason restock_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
