/* The rule of `grant` (DESIGN 2.2). */
#ifndef ORDERD_RULES_GRANT_H
#define ORDERD_RULES_GRANT_H

#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

void grant_want(const struct event *event, struct view *view);
enum reason grant_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
