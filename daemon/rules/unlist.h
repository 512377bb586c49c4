/* The rule of `unlist` (DESIGN 2.2). */
#ifndef ORDERD_RULES_UNLIST_H
#define ORDERD_RULES_UNLIST_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void unlist_want(const struct event *event, struct view *view);
enum reason unlist_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
