/* The rules of the market: for each kind of event what it reads and how it is decided. Data to data, nothing else. */
#ifndef ORDERD_RULES_RULES_H
#define ORDERD_RULES_RULES_H

#include <stdbool.h>

#include "base/bytes.h"
#include "rules/event.h"
#include "rules/outcome.h"
#include "rules/view.h"

/* The name as it stands in messages, settings and metrics. */
const char *rules_kind_name(enum event_kind kind);
/* False when no kind has that name. */
bool rules_kind_parse(struct bytes name, enum event_kind *kind);
/* Whether the kind requires the field. A field that it does not require is ignored. */
bool rules_kind_requires(enum event_kind kind, enum event_field field);

/* Names everything that the event's decision reads or writes. */
void rules_want(const struct event *event, struct view *view);
/* Decides: REASON_NONE means applied, and the view holds the event's writes; anything else is a refusal and the view is
 * untouched. Adds what the decision rested on to `facts`. The view must have been loaded with all that rules_want named. */
enum reason rules_decide(const struct event *event, struct view *view, struct facts *facts);

#endif
