/* Whether an outcome is, header by header and member by member, what an outcome of this message looks like (README "Outcomes").
 *
 * What it decided is not its business: bearing.h, chain.h and window.h have that. */
#ifndef ORDERD_AUDIT_FORM_H
#define ORDERD_AUDIT_FORM_H

#include "audit/record.h"
#include "codec/decision.h"
#include "codec/event.h"

struct form {
    const struct audit_record *outcome;
    const struct decision_identity *identity;
    const struct decision *decision;
    const struct kafka_message *source;   /* NULL: it is gone, and what can only be told from it is not looked at */
    const struct decoded *decoded;        /* of the source; NULL with it */
    struct buffer *scratch;               /* working memory */
};

/* Each: false, and a sentence in `error`: what is there and what would be right. */
bool form_headers(const struct form *form, struct error_text *error) MUST_CHECK;
bool form_key(const struct form *form, struct error_text *error) MUST_CHECK;
/* Id, kind, fields and timestamp; of a malformed event, that it carries none of them. */
bool form_event(const struct form *form, struct error_text *error) MUST_CHECK;

#endif
