/* One array a kind, and a table from an event to its finding. Who gives a place up goes out of its array, and the last one of it moves there; so
 * order is made when somebody walks. */
#include "audit/finding.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MIN = 16, TABLE_MIN = 256 };

struct list {
    struct finding *items;
    size_t count, capacity;
    size_t counted;                /* all of the kind, kept or not */
};

/* Where the event's finding is. */
struct slot {
    int64_t range, offset;
    enum finding_kind kind;
    size_t index;
    bool used;
};

struct findings {
    size_t kept;
    pthread_mutex_t mutex;
    struct list lists[FINDING_KIND_COUNT];
    struct slot *slots;
    size_t mask, used;
    bool sorted;
};

static const struct {
    const char *name, *sentence;
    enum finding_weight weight;
} kinds[FINDING_KIND_COUNT] = {
#define FINDING_ROW(constant, name, weight, sentence) {name, sentence, FINDING_##weight},
    FINDING_KINDS(FINDING_ROW)
#undef FINDING_ROW
};

const char *finding_kind_name(enum finding_kind kind)
{
    ASSERT((unsigned)kind < FINDING_KIND_COUNT);
    return kinds[kind].name;
}

const char *finding_kind_sentence(enum finding_kind kind)
{
    ASSERT((unsigned)kind < FINDING_KIND_COUNT);
    return kinds[kind].sentence;
}

enum finding_weight finding_kind_weight(enum finding_kind kind)
{
    ASSERT((unsigned)kind < FINDING_KIND_COUNT);
    return kinds[kind].weight;
}

int findings_new(struct findings **out, size_t kept)
{
    struct findings *findings = calloc(1, sizeof *findings);

    ASSERT(kept >= 1 && kept <= FINDINGS_KEPT_MAX);
    if (!findings)
        return -ENOMEM;
    findings->kept = kept;
    findings->mask = TABLE_MIN - 1;
    findings->slots = calloc(TABLE_MIN, sizeof *findings->slots);
    if (!findings->slots) {
        free(findings);
        return -ENOMEM;
    }
    pthread_mutex_init(&findings->mutex, NULL);
    *out = findings;
    return 0;
}

struct findings *findings_free(struct findings *findings)
{
    if (findings) {
        for (int kind = 0; kind < FINDING_KIND_COUNT; kind++)
            free(findings->lists[kind].items);
        free(findings->slots);
        pthread_mutex_destroy(&findings->mutex);
        free(findings);
    }
    return NULL;
}

/* The slot of the event, or the empty one where it would go. */
static struct slot *slot_of(const struct findings *findings, int64_t range, int64_t offset)
{
    uint64_t hash = ((uint64_t)range * 0x9e3779b97f4a7c15u) ^ ((uint64_t)offset * 0xc2b2ae3d27d4eb4fu);
    size_t at = (size_t)(hash ^ hash >> 29) & findings->mask;

    while (findings->slots[at].used && (findings->slots[at].range != range || findings->slots[at].offset != offset))
        at = (at + 1) & findings->mask;
    return &findings->slots[at];
}

static bool table_grow(struct findings *findings)
{
    size_t size = findings->mask + 1;
    struct slot *before = findings->slots, *slots = calloc(2 * size, sizeof *slots);

    if (!slots)
        return false;
    findings->slots = slots;
    findings->mask = 2 * size - 1;
    for (size_t i = 0; i < size; i++)
        if (before[i].used)
            *slot_of(findings, before[i].range, before[i].offset) = before[i];
    free(before);
    return true;
}

/* Whether the finding speaks for its event: what another program wrote is told beside whatever else there is. */
static bool is_grouped(const struct finding *finding)
{
    return finding->range >= 0 && finding->offset >= 0 && finding_kind_weight(finding->kind) == FINDING_WRONG;
}

/* A copy at the end of its list; NULL: it is only counted. */
static struct finding *list_add(struct findings *findings, const struct finding *finding)
{
    struct list *list = &findings->lists[finding->kind];

    list->counted++;
    findings->sorted = false;
    if (list->count == findings->kept)
        return NULL;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : LIST_MIN;
        struct finding *items = realloc(list->items, capacity * sizeof *items);

        if (!items)
            return NULL;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count] = *finding;
    return &list->items[list->count++];
}

/* The last one takes the place of the one that goes. */
static void list_remove(struct findings *findings, enum finding_kind kind, size_t index)
{
    struct list *list = &findings->lists[kind];
    const struct finding *last = &list->items[list->count - 1];

    list->counted--;
    if (is_grouped(last)) {
        struct slot *slot = slot_of(findings, last->range, last->offset);

        if (slot->used && slot->kind == kind)
            slot->index = index;
    }
    list->items[index] = *last;
    list->count--;
}

static void add(struct findings *findings, const struct finding *finding)
{
    struct slot *slot = NULL;
    const struct finding *kept;

    if (is_grouped(finding)) {
        if (4 * findings->used >= 3 * findings->mask && !table_grow(findings))
            return;
        slot = slot_of(findings, finding->range, finding->offset);
        if (slot->used && slot->kind <= finding->kind)
            return;
        if (slot->used)
            list_remove(findings, slot->kind, slot->index);
    }
    kept = list_add(findings, finding);
    if (!slot)
        return;
    if (!kept && slot->used) {      /* the earlier one is gone, and the better word for it only counted */
        slot->kind = 0;
        return;
    }
    if (!kept)
        return;
    findings->used += !slot->used;
    *slot = (struct slot){finding->range, finding->offset, finding->kind, findings->lists[finding->kind].count - 1, true};
}

void findings_add(struct findings *findings, const struct finding *finding)
{
    pthread_mutex_lock(&findings->mutex);
    add(findings, finding);
    pthread_mutex_unlock(&findings->mutex);
}

void findings_say(struct findings *findings, struct finding *finding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    findings_add(findings, finding);
}

bool findings_has(struct findings *findings, int64_t range, int64_t offset)
{
    bool has;

    pthread_mutex_lock(&findings->mutex);
    has = slot_of(findings, range, offset)->used;
    pthread_mutex_unlock(&findings->mutex);
    return has;
}

size_t findings_of_kind(const struct findings *findings, enum finding_kind kind)
{
    ASSERT((unsigned)kind < FINDING_KIND_COUNT);
    return findings->lists[kind].counted;
}

size_t findings_of_weight(const struct findings *findings, enum finding_weight weight)
{
    size_t count = 0;

    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++)
        if (kinds[kind].weight == weight)
            count += findings->lists[kind].counted;
    return count;
}

static int order_of(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare(const void *left, const void *right)
{
    const struct finding *a = left, *b = right;
    int order = order_of(a->range, b->range);

    order = order ? order : order_of(a->offset, b->offset);
    order = order ? order : order_of(a->partition, b->partition);
    order = order ? order : order_of(a->at, b->at);
    return order ? order : strcmp(a->key, b->key);
}

/* The table's places of them are right again afterwards. */
static void sort(struct findings *findings)
{
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++) {
        struct list *list = &findings->lists[kind];

        if (list->count)
            qsort(list->items, list->count, sizeof *list->items, compare);
        for (size_t i = 0; i < list->count; i++) {
            struct slot *slot = slot_of(findings, list->items[i].range, list->items[i].offset);

            if (is_grouped(&list->items[i]) && slot->used && slot->kind == (enum finding_kind)kind)
                slot->index = i;
        }
    }
    findings->sorted = true;
}

const struct finding *findings_at(struct findings *findings, enum finding_kind kind, size_t index)
{
    ASSERT((unsigned)kind < FINDING_KIND_COUNT);
    if (!findings->sorted)
        sort(findings);
    return index < findings->lists[kind].count ? &findings->lists[kind].items[index] : NULL;
}

