/* The rule of `list` (DESIGN 2.2). */
#ifndef ORDERD_RULES_LIST_H
#define ORDERD_RULES_LIST_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void list_want(const struct event *event, struct view *view);
enum reason list_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
