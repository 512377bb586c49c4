#include "sim/audit_own.h"

#include <stdarg.h>
#include <stdio.h>

enum { MEMORY_MAX = 1 << 28 };

#define NAME(name, sentence) #name,
#define SENTENCE(name, sentence) sentence,
static const char *const names[] = {AUDIT_VIOLATIONS(NAME)}, *const sentences[] = {AUDIT_VIOLATIONS(SENTENCE)};

const char *audit_violation_name(enum audit_violation_kind kind)
{
    return names[kind];
}

const char *audit_violation_sentence(enum audit_violation_kind kind)
{
    return sentences[kind];
}

/* What depends on the order in which decisions took effect. */
static bool is_of_replay(enum audit_violation_kind kind)
{
    return kind == AUDIT_STATUS || kind == AUDIT_REASON || kind == AUDIT_FACTS || kind == AUDIT_FIRST || kind == AUDIT_VALUE || kind == AUDIT_HEADERS ||
           kind == AUDIT_MARKET || kind == AUDIT_STOCK_NEGATIVE || kind == AUDIT_MONEY || kind == AUDIT_ITEMS;
}

void audit_found(struct audit_report *report, enum audit_violation_kind kind, const char *format, ...)
{
    va_list arguments;

    if (report->muddled && is_of_replay(kind))
        return;
    report->count++;
    report->of_kind[kind]++;
    if (report->kept == AUDIT_KEPT_MAX)
        return;
    report->items[report->kept].kind = kind;
    va_start(arguments, format);
    vsnprintf(report->items[report->kept++].text, AUDIT_TEXT_MAX, format, arguments);
    va_end(arguments);
}

int auditor_new(struct audit **out)
{
    struct audit *audit = calloc(1, sizeof *audit);
    int r;

    if (!audit)
        return -ENOMEM;
    r = arena_new(&audit->arena, MEMORY_MAX);
    if (r) {
        free(audit);
        return r;
    }
    buffer_init(&audit->expected, MEMORY_MAX);
    buffer_init(&audit->text, MEMORY_MAX);
    *out = audit;
    return 0;
}

struct audit *auditor_free(struct audit *audit)
{
    if (!audit)
        return NULL;
    audit_members_deinit(&audit->members);
    audit_members_deinit(&audit->found_members);
    audit_market_deinit(&audit->market);
    audit_table_deinit(&audit->seen);
    buffer_deinit(&audit->expected);
    buffer_deinit(&audit->text);
    arena_free(audit->arena);
    free(audit->order);
    free(audit);
    return NULL;
}

static void *take(struct audit *audit, size_t size)
{
    void *memory = arena_take(audit->arena, size ? size : 1);

    ASSERT(memory);
    return memory;
}

/* Such an event may be decided malformed; what was decided so was published, also where Redis came back from before it. */
static bool lets_be_malformed(enum audit_happening_kind kind)
{
    return kind == AUDIT_QUARANTINED || kind == AUDIT_SKIPPED;
}

/* What has happened to Kafka, or to those who know, does not go with Redis. */
static bool stays(enum audit_happening_kind kind)
{
    return lets_be_malformed(kind) || kind == AUDIT_FORGOTTEN || kind == AUDIT_UNHEARD;
}

/* Whether Redis came back from before it: an operator's resolution went too. */
static bool was_undone(const struct audit_world *world, size_t at)
{
    for (size_t i = at + 1; i < world->happenings_count; i++)
        if (world->happenings[i].kind == AUDIT_RESTORED && world->happenings[i].shard == world->happenings[at].shard && world->happenings[i].since <= at)
            return true;
    return false;
}

static void begin_source(struct audit *audit, size_t at)
{
    const struct audit_world *world = audit->world;
    struct audit_source *source = &audit->sources[at];
    unsigned pass = 0;

    source->log = &world->sources[at];
    source->slots = take(audit, source->log->count * sizeof *source->slots);
    source->time = -1;
    for (size_t i = 0; i < world->happenings_count; i++) {
        const struct audit_happening *h = &world->happenings[i];
        struct audit_range *range;

        pass += h->kind == AUDIT_AGAIN && h->source == at && !was_undone(world, i);
        if (h->kind < AUDIT_LOST || h->source != at || (!stays(h->kind) && was_undone(world, i)))
            continue;
        range = take(audit, sizeof *range);
        *range = (struct audit_range){source->ranges, h->kind, h->from, lets_be_malformed(h->kind) ? h->from + 1 : h->end, pass, false};
        source->ranges = range;
    }
    audit->report->events += source->log->count;
}

static void begin(struct audit *audit, const struct audit_world *world, struct audit_report *report)
{
    arena_reset(audit->arena);
    audit_table_reset(&audit->seen);
    report->count = report->kept = report->events = report->copies = 0;
    memset(report->of_kind, 0, sizeof report->of_kind);
    report->muddled = false;
    audit->world = world;
    audit->report = report;
    audit->order_count = audit->incarnations_count = 0;
    audit->incarnations = NULL;
    audit->undone = take(audit, world->happenings_count * sizeof *audit->undone);
    audit->sources = take(audit, world->sources_count * sizeof *audit->sources);
    for (size_t i = 0; i < world->sources_count; i++)
        begin_source(audit, i);
    audit->market.arena = audit->arena;
    audit->market.prefix = world->prefix;
    audit->market.sharded = world->sharded;
    audit_market_load(&audit->market, world->before, -1);
    audit->money = audit->market.money;
    audit->items = audit->market.items;
}

static void compare_end(struct audit *audit)
{
    audit_sum money;
    uint64_t items;

    audit_market_compare(&audit->market, audit->world->after, audit->report, &money, &items);
    if (money != audit->money)
        audit_found(audit->report, AUDIT_MONEY, "all funds together are %lld, what there was and what came in makes %lld", (long long)money,
                    (long long)audit->money);
    if (items != audit->items)
        audit_found(audit->report, AUDIT_ITEMS, "the items held and listed are not those that there were, with those that were granted");
}

void audit_run(struct audit *audit, const struct audit_world *world, struct audit_report *report)
{
    begin(audit, world, report);
    audit_index(audit);
    audit_replay(audit);
    for (size_t i = 0; i < world->sources_count; i++)
        for (size_t at = 0; at < world->sources[i].count; at++)
            audit_check_letter(audit, &audit->sources[i], at);
    compare_end(audit);
    audit_rest(audit);
}
