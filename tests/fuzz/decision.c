/* Any record read as an outcome: it is one or it is refused with a sentence, the short way and the library read the same, and what points into the value
 * lies in it. Input: a mail. */
#include "codec/decision.h"

#include <stdlib.h>

#include "base/text.h"
#include "codec/decision_plain.h"
#include "fuzz/fuzz.h"
#include "history/observe.h"
#include "rules/rules.h"
#include "seam/json.h"
#include "unit/identical.h"

/* One line of text, and not an empty one. */
static void is_sentence(const struct error_text *error)
{
    char clean[ERROR_TEXT_MAX];

    memcpy(clean, error->text, sizeof clean);
    text_clean(clean);
    MUST(*clean && strcmp(clean, error->text) == 0);
}

static void lies_in(struct bytes part, struct bytes value, char first, char last)
{
    if (part.data)
        MUST(part.data >= value.data && part.data + part.size <= value.data + value.size && part.size >= 2 && part.data[0] == first &&
             part.data[part.size - 1] == last);
}

static void name_is_given(const struct event *event, enum event_field field, const struct name *name)
{
    MUST((name->size > 0) == rules_kind_requires(event->kind, field));
}

static void decision_is_right(const struct decision *decision, struct bytes value)
{
    bool malformed = decision->status == STATUS_MALFORMED;

    lies_in(decision->id, value, '"', '"');
    lies_in(decision->detail, value, '"', '"');
    lies_in(decision->decided_at, value, '"', '"');
    lies_in(decision->fields, value, '{', '}');
    lies_in(decision->facts_text, value, '{', '}');
    MUST(!decision->id.data == malformed && !decision->fields.data == malformed && !decision->detail.data == !malformed);
    MUST(reason_status(decision->reason) == decision->status && decision->facts.count <= FACTS_MAX);
    if (malformed)
        return;
    name_is_given(&decision->event, FIELD_SELLER, &decision->event.seller);
    name_is_given(&decision->event, FIELD_ITEM, &decision->event.item);
    name_is_given(&decision->event, FIELD_SKU, &decision->event.sku);
}

static void observations_are_right(const struct decision *decision)
{
    struct observation seen[OBSERVATIONS_MAX];
    struct error_text error = {""};
    int count = observe(decision, seen, &error);

    MUST(count == -EBADMSG || (count >= 0 && count <= OBSERVATIONS_MAX));
    if (count < 0)
        is_sentence(&error);
    for (int i = 0; i < count; i++) {
        MUST(seen[i].changed == (seen[i].before != seen[i].after || seen[i].before_value != seen[i].after_value));
        MUST(!seen[i].changed || decision->status == STATUS_APPLIED);
        MUST((seen[i].owner != NULL) == (seen[i].kind != VIEW_MARKET) && (seen[i].seller != NULL) == (seen[i].kind == VIEW_MARKET));
    }
}

/* With a space behind its first byte the short way does not know it. */
static void the_library_reads_the_same(const struct decision *ours, struct bytes value)
{
    char *spaced = malloc(value.size + 1);
    static struct decision theirs;
    struct error_text error;

    if (!spaced)
        abort();
    spaced[0] = value.data[0];
    spaced[1] = ' ';
    memcpy(spaced + 2, value.data + 1, value.size - 1);
    MUST(!decision_plain(&theirs, (struct bytes){spaced, value.size + 1}));
    MUST(decision_read(&theirs, (struct bytes){spaced, value.size + 1}, &error) == 0);
    MUST(decisions_identical(ours, &theirs));
    free(spaced);
}

static void value_reads(struct bytes value)
{
    static struct decision found;
    struct error_text error = {""};

    if (decision_read(&found, value, &error)) {
        is_sentence(&error);
        MUST(!decision_same(value, value));
        return;
    }
    decision_is_right(&found, value);
    observations_are_right(&found);
    MUST(decision_same(value, value));
    if (decision_plain(&found, value))
        the_library_reads_the_same(&found, value);
}

static void headers_read(const struct mail *mail)
{
    struct decision_identity found;
    struct error_text error = {""};
    int r = decision_identify(&found, mail->headers, mail->count, &error);

    MUST(r == 0 || r == -EBADMSG);
    if (r)
        is_sentence(&error);
    else
        MUST(found.topic.data && found.incarnation.data);
    MUST(!found.topic.data || (found.topic.size >= 1 && found.topic.size <= KAFKA_TOPIC_MAX && found.partition >= 0 && found.offset >= 0));
    MUST(!found.incarnation.data || found.incarnation.size >= 1);
    if (found.sequenced)
        MUST(decision_compare(&found, &found) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail mail;

    mail_read(&mail, input_of(data, size));
    headers_read(&mail);
    value_reads(mail.value);
    mail_free(&mail);
    return 0;
}
