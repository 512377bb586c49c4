/* Any event, decided by the rules in any market of a few values, and its outcome: for whoever reads outcomes back. */
#ifndef ORDERD_TESTS_UNIT_DECIDED_H
#define ORDERD_TESTS_UNIT_DECIDED_H

#include <stdlib.h>

#include "check.h"
#include "codec/outcome.h"
#include "rules/rules.h"
#include "unit/mutated.h"

struct decided {
    struct view *view;                    /* as the decision left it */
    struct decoded event;
    struct facts facts;
    struct outcome_input input;
    struct buffer out, scratch;
    uint32_t state;
    char text[600];
};

static inline struct decided *decided_new(struct checks *c)
{
    struct decided *d = calloc(1, sizeof *d);

    CHECK_INT(c, view_new(&d->view, 8, 8), 0);
    buffer_init(&d->out, 1 << 20);
    buffer_init(&d->scratch, 1 << 20);
    d->state = 5;
    return d;
}

static inline void decided_free(struct decided *d)
{
    buffer_deinit(&d->out);
    buffer_deinit(&d->scratch);
    view_free(d->view);
    free(d);
}

static inline void decided_load(struct decided *d)
{
    static const int64_t values[] = {INT64_MIN, -1, 0, 1, 5, 97, 9007199254740991, INT64_MAX};

    for (size_t k = 0; k < view_keys_count(d->view); k++)
        for (const struct view_cell *cell = view_key_at(d->view, k)->cells; cell; cell = cell->next) {
            uint32_t drawn = next(&d->state);

            view_load(d->view, cell, drawn % 16 == 0 ? VIEW_INVALID : drawn % 3 ? VIEW_PRESENT : VIEW_MISSING, values[next(&d->state) % 8]);
        }
}

static inline void decided_put_event(struct decided *d)
{
    static const char *const kinds[] = {"list", "unlist", "purchase", "reserve", "restock", "deposit", "grant"};
    static const char *const more[] = {"", ",\"note\":\"n\"", ",\"note\":{\"a b\":[1.5, \"\\u00e9\"]}", ",\"deadline_ms\":7", ",\"\xc3\xa9\":1"};
    uint32_t *s = &d->state;

    snprintf(d->text, sizeof d->text,
             "{\"type\":\"%s\",\"id\":\"e%u\",\"buyer\":\"u%u\",\"seller\":\"u%u\",\"user\":\"u\",\"item\":\"i\",\"sku\":\"k\",\"price\":%u,\"quantity\":5,\"amount\":1%s}",
             kinds[next(s) % 7], next(s), next(s) % 2, next(s) % 2, next(s) % 2 ? 97 : 5, more[next(s) % 5]);
}

/* One in five is not decided by the rules: expired, or a duplicate. */
static inline void decided_decide(struct decided *d)
{
    memset(&d->facts, 0, sizeof d->facts);
    event_decode(&d->event, bytes_of(d->text), NULL, 0);
    d->input = (struct outcome_input){.decoded = &d->event, .topic = "orders", .partition = 3, .offset = next(&d->state),
                                      .timestamp = (int64_t)next(&d->state) - 1000, .facts = &d->facts, .first_offset = next(&d->state),
                                      .first_status = STATUS_REJECTED, .decided_at = "2026-11-22T05:42:07.590Z", .attempts = 2, .incarnation = "0-1",
                                      .limit = 1000000};
    view_reset(d->view);
    rules_want(&d->event.event, d->view);
    decided_load(d);
    if (next(&d->state) % 5)
        d->input.reason = rules_decide(&d->event.event, d->view, &d->facts);
    else
        d->input.reason = next(&d->state) % 2 ? REASON_DEADLINE : REASON_ID_REUSED;
    d->input.status = reason_status(d->input.reason);
}

/* The next one; its outcome lives until the one after it. */
static inline void decided_next(struct decided *d, struct record *outcome)
{
    struct reader reader;

    decided_put_event(d);
    decided_decide(d);
    buffer_reset(&d->out);
    outcome_put(&d->out, &d->scratch, &d->input);
    reader = reader_of(buffer_bytes(&d->out));
    ASSERT(record_next(&reader, outcome) == 0 && reader_end(&reader) == 0);
}

#endif
