/* The rule of `reserve` (DESIGN 2.2). */
#ifndef ORDERD_RULES_RESERVE_H
#define ORDERD_RULES_RESERVE_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void reserve_want(const struct event *event, struct view *view);
enum reason reserve_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
