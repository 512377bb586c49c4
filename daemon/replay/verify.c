#include "replay/verify.h"

#include <stdlib.h>
#include <string.h>

/* A value put right before an event, until the event is applied: a turn that Redis refuses is decided again. */
struct correction {
    int64_t offset;
    size_t range;
    struct fold_key key;
    struct verify_write write;
    bool first_seen;
};

struct range_state {
    int64_t folded;        /* the record of every offset up to here is in the fold */
    int64_t unrecorded;    /* events without an outcome, behind the last one that has one */
    int64_t first_unrecorded;
};

struct verify {
    struct verify_options options;
    struct fold *fold;
    struct range_state *ranges;
    struct correction *corrections;
    size_t corrections_count, corrections_max;
    struct verify_counts counts;
};

const char *verify_kind_name(enum verify_kind kind)
{
    static const char *const names[] = {
#define VERIFY_NAME(constant, name) [VERIFY_##constant] = name,
        VERIFY_KINDS(VERIFY_NAME)
#undef VERIFY_NAME
    };

    return names[kind];
}

int verify_new(struct verify **out, const struct verify_options *options, struct error_text *error)
{
    struct verify *v = calloc(1, sizeof *v);
    int r;

    if (!v)
        return -ENOMEM;
    v->options = *options;
    v->ranges = calloc(options->ranges ? options->ranges : 1, sizeof *v->ranges);
    r = v->ranges ? fold_new(&v->fold, options->folder, options->memory, error) : -ENOMEM;
    if (r) {
        verify_free(v);
        return r;
    }
    for (size_t i = 0; i < options->ranges; i++)
        v->ranges[i].folded = -1;
    *out = v;
    return 0;
}

struct verify *verify_free(struct verify *v)
{
    if (v) {
        fold_free(v->fold);
        free(v->ranges);
        free(v->corrections);
        free(v);
    }
    return NULL;
}

int verify_know(struct verify *v, const struct observation *of)
{
    return fold_put(v->fold, of, -1, -1);
}

int verify_learn(struct verify *v, const struct journal_event *event)
{
    struct observation observations[OBSERVATIONS_MAX];
    struct decision decision;
    int count, r = 0;

    if (!event->recorded || decision_read(&decision, event->outcome.value, NULL))
        return 0;
    count = observe(&decision, observations, NULL);
    for (int i = 0; !r && i < count; i++)
        r = fold_put(v->fold, &observations[i], (int32_t)event->range, event->offset);
    v->ranges[event->range].folded = event->offset;
    return r;
}

static const struct name nobody;

static const struct name *name_or_nobody(const struct name *name)
{
    return name ? name : &nobody;
}

static int correction_add(struct verify *v, const struct journal_event *event, const struct decision *recorded, const struct observation *of,
                          const struct fold_value *held)
{
    struct correction *c;

    if (v->corrections_count == v->corrections_max) {
        size_t max = v->corrections_max ? 2 * v->corrections_max : 64;
        struct correction *more = realloc(v->corrections, max * sizeof *more);

        if (!more)
            return -ENOMEM;
        v->corrections = more;
        v->corrections_max = max;
    }
    c = &v->corrections[v->corrections_count++];
    *c = (struct correction){.offset = event->offset, .range = event->range, .first_seen = !held && !v->options.whole};
    c->key = (struct fold_key){of->kind, *name_or_nobody(of->owner), *name_or_nobody(of->item), *name_or_nobody(of->seller)};
    c->write = (struct verify_write){.known = held != NULL, .was = held ? held->state : VIEW_MISSING, .was_value = held ? held->value : 0,
                                     .became = of->before, .became_value = of->before_value, .member = of->kind == VIEW_INVENTORY,
                                     .partition = recorded->partition, .offset = event->offset};
    fold_key_text(c->write.key, c->key.kind, &c->key.owner, &c->key.item, &c->key.seller);
    return 0;
}

/* Whether what it saw is what a key shows that nobody has written. */
static bool saw_nothing(const struct observation *of)
{
    return of->before == VIEW_MISSING || (of->kind == VIEW_FUNDS && of->before_value == 0);
}

static int look_back(struct verify *v, const struct journal_event *event, const struct decision *recorded, const struct observation *of)
{
    struct fold_value held;
    int r = fold_get(v->fold, of, &held);

    if (r && r != -ENOENT)
        return r;
    if (r == 0 ? !fold_follows(&held, of) : !saw_nothing(of)) {
        r = correction_add(v, event, recorded, of, r == 0 ? &held : NULL);
        if (r)
            return r;
    }
    return fold_put(v->fold, of, (int32_t)event->range, event->offset);
}

/* Once for each event, however often its turn is made anew. */
static int fold_event(struct verify *v, const struct journal_event *event, const struct decision *recorded)
{
    struct observation observations[OBSERVATIONS_MAX];
    int count, r = 0;

    if (event->offset <= v->ranges[event->range].folded)
        return 0;
    v->ranges[event->range].folded = event->offset;
    count = observe(recorded, observations, NULL);
    for (int i = 0; !r && i < count; i++)
        r = look_back(v, event, recorded, &observations[i]);
    return r;
}

static int correct(const struct correction *c, struct view *view)
{
    struct observation of = {.kind = c->key.kind, .owner = &c->key.owner, .item = &c->key.item, .seller = &c->key.seller};

    return playback_set(view, &of, c->write.became, c->write.became_value);
}

int verify_before(struct verify *v, const struct journal_event *event, const struct decision *recorded, struct view *view)
{
    int r = recorded ? fold_event(v, event, recorded) : 0;

    for (size_t i = 0; !r && i < v->corrections_count; i++)
        if (v->corrections[i].range == event->range && v->corrections[i].offset == event->offset)
            r = correct(&v->corrections[i], view);
    return r;
}

static void report_write(struct verify *v, struct verify_write *write, const char *topic, bool first_seen)
{
    write->topic = topic;
    if (first_seen)
        v->counts.first_seen++;
    else
        v->counts.foreign++;
    v->options.foreign(v->options.context, write, first_seen);
}

static void report_corrections(struct verify *v, const struct playback_done *done)
{
    size_t kept = 0;

    for (size_t i = 0; i < v->corrections_count; i++) {
        struct correction *c = &v->corrections[i];

        if (c->range == done->event->range && c->offset == done->event->offset)
            report_write(v, &c->write, done->partition->topic, c->first_seen);
        else
            v->corrections[kept++] = *c;
    }
    v->corrections_count = kept;
}

/* A key that holds what no rule can use can only be another program's. */
static void report_invalid(struct verify *v, const struct playback_done *done)
{
    struct verify_write write = {.became = VIEW_INVALID, .partition = done->partition->number, .offset = done->event->offset};
    const struct facts *facts = &done->recorded->facts;

    for (size_t i = 0; i < facts->count; i++)
        if (facts->items[i].type == FACT_KEY) {
            memcpy(write.key, facts->items[i].key, sizeof facts->items[i].key);
            report_write(v, &write, done->partition->topic, false);
        }
}

static void report_difference(struct verify *v, const struct playback_done *done, enum verify_kind kind, const struct decision *now)
{
    struct verify_difference difference = {kind, done->partition->topic, done->partition->number, done->event->offset, 1, done->recorded, now};

    v->counts.differences[kind]++;
    v->options.differs(v->options.context, &difference);
}

static void report_missing(struct verify *v, const struct playback_done *done, struct range_state *range)
{
    struct verify_difference difference = {VERIFY_MISSING, done->partition->topic, done->partition->number, range->first_unrecorded, range->unrecorded, NULL, NULL};

    v->counts.differences[VERIFY_MISSING] += range->unrecorded;
    range->unrecorded = 0;
    v->options.differs(v->options.context, &difference);
}

/* What stands behind the number of attempts; absent: there is none. */
static struct bytes behind_attempts(struct bytes value, size_t from)
{
    static const char name[] = "\"attempts\":";
    const char *end = value.data + value.size, *at = memmem(value.data + from, value.size - from, name, sizeof name - 1);

    if (!at)
        return (struct bytes){NULL, 0};
    for (at += sizeof name - 1; at < end && *at >= '0' && *at <= '9';)
        at++;
    return (struct bytes){at, (size_t)(end - at)};
}

/* Up to the time of the decision, and behind the number of attempts: as this release and its predecessors write them. */
static bool same_bytes(struct bytes a, struct bytes b)
{
    static const char name[] = ",\"decided_at\":\"";
    const char *at = memmem(a.data, a.size, name, sizeof name - 1);
    size_t head = at ? (size_t)(at - a.data) + sizeof name - 1 : 0;
    struct bytes rest;

    if (!head || b.size < head || memcmp(a.data, b.data, head) != 0)
        return false;
    rest = behind_attempts(a, head);
    return rest.data && bytes_equal(rest, behind_attempts(b, head));
}

static bool same_facts(const struct facts *a, const struct facts *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct fact *one = &a->items[i], *two = &b->items[i];

        if (strcmp(one->name, two->name) != 0 || one->type != two->type || one->before != two->before || one->after != two->after)
            return false;
    }
    return true;
}

static enum verify_kind kind_of(const struct decision *recorded, const struct decision *now)
{
    if (recorded->status != now->status)
        return VERIFY_STATUS;
    if (recorded->reason != now->reason)
        return VERIFY_REASON;
    if (recorded->first_offset != now->first_offset || recorded->first_status != now->first_status)
        return VERIFY_FIRST;
    return same_facts(&recorded->facts, &now->facts) ? VERIFY_OTHER : VERIFY_FACTS;
}

static void compare(struct verify *v, const struct playback_done *done)
{
    struct bytes was = done->event->outcome.value, is = done->outcome ? done->outcome->value : (struct bytes){NULL, 0};
    struct decision now;

    v->counts.compared++;
    if (done->recorded && is.data && (same_bytes(was, is) || decision_same(was, is))) {
        v->counts.same++;
        return;
    }
    if (!is.data || decision_read(&now, is, NULL))
        report_difference(v, done, VERIFY_OTHER, NULL);
    else
        report_difference(v, done, done->recorded ? kind_of(done->recorded, &now) : VERIFY_UNREADABLE, &now);
}

int verify_done(struct verify *v, const struct playback_done *done)
{
    struct range_state *range = &v->ranges[done->event->range];

    if (!done->event->recorded && v->options.given_up(v->options.context, done->partition->topic, done->partition->number, done->event->offset)) {
        v->counts.given_up++;
        return 0;
    }
    if (!done->event->recorded) {
        if (!range->unrecorded++)
            range->first_unrecorded = done->event->offset;
        return 0;
    }
    if (range->unrecorded)
        report_missing(v, done, range);
    report_corrections(v, done);
    if (done->recorded && done->recorded->reason == REASON_STATE_INVALID)
        report_invalid(v, done);
    compare(v, done);
    return 0;
}

void verify_set_counts(struct verify *v, const struct verify_counts *counts)
{
    v->counts = *counts;
}

const struct verify_counts *verify_counts(struct verify *v)
{
    v->counts.undecided = 0;
    for (size_t i = 0; i < v->options.ranges; i++)
        v->counts.undecided += v->ranges[i].unrecorded;
    return &v->counts;
}

int64_t verify_differences(const struct verify_counts *counts)
{
    int64_t sum = 0;

    for (int i = 0; i < VERIFY_KIND_COUNT; i++)
        sum += counts->differences[i];
    return sum;
}
