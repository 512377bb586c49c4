/* The rule of `deposit` (DESIGN 2.2). */
#ifndef ORDERD_RULES_DEPOSIT_H
#define ORDERD_RULES_DEPOSIT_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void deposit_want(const struct event *event, struct view *view);
enum reason deposit_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
