#include "audit/copies.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "audit/digest.h"
#include "base/number.h"
#include "base/text.h"
#include "codec/decision.h"

/* A slot's place: the first copy's offset + 1, and above it whether a former incarnation decided the event. */
#define PLACE_FORMER ((uint64_t)1 << 62)
#define PLACE_MASK (PLACE_FORMER - 1)

enum { TAIL_MAX = 700, SHOWN = 64 };

struct copies {
    struct copies_options options;
    struct copies_counts counts;
    pthread_mutex_t mutex;
    struct spill *spill;                 /* guarded, as what follows */
    int64_t *highest, *early;
    uint32_t *table;                     /* ranges by topic and partition: index + 1 */
    size_t mask;
};

/* A record being looked at. */
struct look {
    const struct audit_record *record;
    struct decision_identity identity;
    int64_t range;
    uint64_t digest;
    struct finding finding;
};

static size_t table_at(const struct copies *copies, struct bytes topic, int32_t partition)
{
    uint64_t hash = digest_bytes((uint64_t)partition + 1, topic);

    return (size_t)(hash ^ hash >> 32) & copies->mask;
}

int64_t copies_range(const struct copies *copies, struct bytes topic, int32_t partition)
{
    for (size_t at = table_at(copies, topic, partition); copies->table[at]; at = (at + 1) & copies->mask) {
        const struct audit_range *range = &copies->options.ranges[copies->table[at] - 1];

        if (range->partition == partition && bytes_equal_text(topic, range->topic))
            return copies->table[at] - 1;
    }
    return -1;
}

static int make_table(struct copies *copies)
{
    size_t size = 16;

    while (size < 4 * copies->options.ranges_count)
        size *= 2;
    copies->table = calloc(size, sizeof *copies->table);
    copies->mask = size - 1;
    for (size_t i = 0; copies->table && i < copies->options.ranges_count; i++) {
        size_t at = table_at(copies, bytes_of(copies->options.ranges[i].topic), copies->options.ranges[i].partition);

        while (copies->table[at])
            at = (at + 1) & copies->mask;
        copies->table[at] = (uint32_t)i + 1;
    }
    return copies->table ? 0 : -ENOMEM;
}

static int make_spill(struct copies *copies, struct error_text *error)
{
    size_t count = copies->options.ranges_count;
    uint64_t *slots = calloc(count + 1, sizeof *slots);
    int r;

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct audit_range *range = &copies->options.ranges[i];

        slots[i] = range->log_end > range->from ? (uint64_t)(range->log_end - range->from) : 0;
    }
    r = spill_new(&copies->spill, copies->options.folder, slots, count, error);
    free(slots);
    return r;
}

int copies_new(struct copies **out, const struct copies_options *options, struct error_text *error)
{
    struct copies *copies = calloc(1, sizeof *copies);
    int r;

    if (!copies)
        return error_set(error, -ENOMEM, "no memory");
    copies->options = *options;
    pthread_mutex_init(&copies->mutex, NULL);
    copies->highest = calloc(options->ranges_count + 1, sizeof *copies->highest);
    copies->early = calloc(options->ranges_count + 1, sizeof *copies->early);
    r = copies->highest && copies->early ? make_table(copies) : -ENOMEM;
    if (r)
        error_set(error, r, "no memory");
    else
        r = make_spill(copies, error);
    if (r) {
        copies_free(copies);
        return r;
    }
    for (size_t i = 0; i < options->ranges_count; i++)
        copies->highest[i] = copies->early[i] = -1;
    *out = copies;
    return 0;
}

struct copies *copies_free(struct copies *copies)
{
    if (copies) {
        spill_free(copies->spill);
        free(copies->highest);
        free(copies->early);
        free(copies->table);
        pthread_mutex_destroy(&copies->mutex);
        free(copies);
    }
    return NULL;
}

/* The event is that of what the record's value says, when its headers cannot be believed. */
static void place_by_value(const struct copies *copies, struct look *look)
{
    struct error_text unread;
    struct decision decision;

    look->finding.range = look->finding.offset = -1;
    if (decision_read(&decision, look->record->value, &unread))
        return;
    look->finding.range = copies_range(copies, decision.topic, decision.partition);
    if (look->finding.range >= 0)
        look->finding.offset = decision.offset;
}

static int shown(struct bytes text)
{
    return text.size < SHOWN ? (int)text.size : SHOWN;
}

/* Whether the value's source is the event that ce_id names. Nearly always it is, and stands near the value's end as orderd writes it. */
static bool is_named_right(const struct look *look)
{
    const struct decision_identity *identity = &look->identity;
    struct bytes value = look->record->value;
    char wanted[KAFKA_TOPIC_MAX + 128], *end = wanted;
    size_t tail = value.size < TAIL_MAX ? value.size : TAIL_MAX;
    struct error_text unread;
    struct decision decision;

    if (!value.data)
        return true;
    memcpy(end, "\"source\":{\"topic\":\"", 19);
    end += 19;
    memcpy(end, identity->topic.data, identity->topic.size);
    end += identity->topic.size;
    memcpy(end, "\",\"partition\":", 14);
    end += 14;
    end += number_format(end, identity->partition);
    memcpy(end, ",\"offset\":", 10);
    end += 10;
    end += number_format(end, identity->offset);
    *end++ = ',';
    if (memmem(value.data + value.size - tail, tail, wanted, (size_t)(end - wanted)))
        return true;
    return decision_read(&decision, value, &unread) != 0 || decision_is_of(&decision, identity);
}

static void say_misnamed(struct copies *copies, struct look *look)
{
    const struct decision_identity *identity = &look->identity;
    struct error_text unread;
    struct decision decision;

    look->finding.kind = FINDING_OUTCOME_MISNAMED;
    place_by_value(copies, look);
    if (look->finding.range < 0 && look->range >= 0) {
        look->finding.range = look->range;
        look->finding.offset = identity->offset;
    }
    if (decision_read(&decision, look->record->value, &unread))
        return;
    findings_say(copies->options.findings, &look->finding, "ce_id names %.*s/%d/%lld, its value is of %.*s/%d/%lld", shown(identity->topic), identity->topic.data,
                 identity->partition, (long long)identity->offset, shown(decision.topic), decision.topic.data, decision.partition, (long long)decision.offset);
}

/* What is no outcome may still say whose it was. */
static void say_unreadable(struct copies *copies, struct look *look, const char *why)
{
    const struct decision_identity *identity = &look->identity;

    look->finding.kind = FINDING_OUTCOME_UNREADABLE;
    place_by_value(copies, look);
    if (look->finding.range < 0 && identity->topic.data) {
        look->finding.range = copies_range(copies, identity->topic, identity->partition);
        look->finding.offset = look->finding.range >= 0 ? identity->offset : -1;
    }
    findings_say(copies->options.findings, &look->finding, "%s", why);
}

static bool is_known(const struct copies *copies, struct bytes incarnation)
{
    const struct registry *registry = copies->options.registry;

    return !registry || bytes_equal_text(incarnation, registry->incarnation) || registry_is_former(registry, incarnation);
}

static void say_unknown(struct copies *copies, struct look *look)
{
    struct bytes incarnation = look->identity.incarnation;

    look->finding.kind = FINDING_OUTCOME_INCARNATION;
    findings_say(copies->options.findings, &look->finding, "ce_source is /orderd/%.*s, /orderd/%s would be right; the registry knows no other of that name",
                 shown(incarnation), incarnation.data, copies->options.incarnation);
}

static int take_former(struct copies *copies, const struct look *look)
{
    const struct audit_range *range = look->range >= 0 ? &copies->options.ranges[look->range] : NULL;
    struct spill_slot *slot;
    int r;

    copies->counts.former++;
    if (!range || look->identity.offset < range->from || look->identity.offset >= range->log_end)
        return 0;
    r = spill_at(copies->spill, (size_t)look->range, (uint64_t)(look->identity.offset - range->from), &slot);
    if (!r)
        slot->place |= PLACE_FORMER;
    return r;
}

static void say_late(struct copies *copies, struct look *look)
{
    look->finding.kind = FINDING_OUTCOME_ORDER;
    findings_say(copies->options.findings, &look->finding, "its first copy stands behind that of offset %lld: offsets must rise", (long long)copies->highest[look->range]);
}

static void say_differs(struct copies *copies, struct look *look, const struct spill_slot *slot)
{
    look->finding.kind = FINDING_COPY_DIFFERS;
    findings_say(copies->options.findings, &look->finding, "it is not the same bytes as the first copy, which lies at offset %llu there",
                 (unsigned long long)(slot->place & PLACE_MASK) - 1);
}

/* One of ours, of an event of a range. */
static int take_own(struct copies *copies, struct look *look)
{
    const struct audit_range *range = &copies->options.ranges[look->range];
    int64_t offset = look->identity.offset;
    struct spill_slot *slot;
    int r = spill_at(copies->spill, (size_t)look->range, (uint64_t)(offset - range->from), &slot);

    if (r)
        return r;
    if (slot->digest) {
        copies->counts.copies++;
        if (slot->digest != look->digest)
            say_differs(copies, look, slot);
        return 0;
    }
    copies->counts.firsts++;
    slot->digest = look->digest;
    slot->place |= (uint64_t)look->record->offset + 1;
    if (look->record->offset < range->outcomes_early && offset > copies->early[look->range])
        copies->early[look->range] = offset;
    if (offset < copies->highest[look->range])
        say_late(copies, look);
    else
        copies->highest[look->range] = offset;
    return 0;
}

static int take_identified(struct copies *copies, struct look *look)
{
    const struct decision_identity *identity = &look->identity;
    const struct audit_range *range = look->range >= 0 ? &copies->options.ranges[look->range] : NULL;

    if (!is_named_right(look)) {
        say_misnamed(copies, look);
        return 0;
    }
    if (!range || identity->offset < range->from) {
        copies->counts.others++;
        return 0;
    }
    if (look->record->partition != identity->partition) {
        look->finding.kind = FINDING_OUTCOME_PARTITION;
        findings_say(copies->options.findings, &look->finding, "it lies in partition %d, %d would be right", look->record->partition, identity->partition);
        return 0;
    }
    if (identity->offset >= range->log_end) {
        look->finding.kind = FINDING_OUTCOME_STRAY;
        findings_say(copies->options.findings, &look->finding, "the log ends at offset %lld", (long long)range->log_end);
        return 0;
    }
    return take_own(copies, look);
}

/* The part that looks at the record alone is done by now. */
static int remember(struct copies *copies, struct look *look, bool ours)
{
    int r;

    pthread_mutex_lock(&copies->mutex);
    r = ours ? take_identified(copies, look) : take_former(copies, look);
    pthread_mutex_unlock(&copies->mutex);
    return r;
}

int copies_take(struct copies *copies, const struct audit_record *record)
{
    struct look look = {.record = record};
    struct error_text why;

    copies->counts.records++;
    copies->counts.bytes += (int64_t)(record->key.size + record->value.size);
    look.finding = (struct finding){.range = -1, .offset = -1, .topic = FINDING_OUTCOMES, .partition = record->partition, .at = record->offset};
    if (decision_identify(&look.identity, record->headers, record->headers_count, &why)) {
        say_unreadable(copies, &look, why.text);
        return 0;
    }
    look.range = copies_range(copies, look.identity.topic, look.identity.partition);
    if (look.range >= 0) {
        look.finding.range = look.range;
        look.finding.offset = look.identity.offset;
    }
    if (!bytes_equal_text(look.identity.incarnation, copies->options.incarnation)) {
        if (is_known(copies, look.identity.incarnation))
            return remember(copies, &look, false);
        say_unknown(copies, &look);
        return 0;
    }
    look.digest = copies_digest(copies, record->key, record->headers, record->headers_count, record->value);
    return remember(copies, &look, true);
}

uint64_t copies_digest(const struct copies *copies, struct bytes key, const struct kafka_header *headers, size_t count, struct bytes value)
{
    return digest_record(copies->options.seed, key, headers, count, value);
}

struct copies_counts copies_counts(const struct copies *copies)
{
    return copies->counts;
}

int64_t copies_highest(struct copies *copies, size_t range)
{
    int64_t highest;

    pthread_mutex_lock(&copies->mutex);
    highest = copies->highest[range];
    pthread_mutex_unlock(&copies->mutex);
    return highest;
}

int64_t copies_early(const struct copies *copies, size_t range)
{
    return copies->early[range];
}

int copies_of(struct copies *copies, size_t range, int64_t offset, struct copies_seen *out)
{
    struct spill_slot *slot;
    int r;

    pthread_mutex_lock(&copies->mutex);
    r = spill_at(copies->spill, range, (uint64_t)(offset - copies->options.ranges[range].from), &slot);
    if (!r)
        *out = (struct copies_seen){slot->digest != 0, (slot->place & PLACE_FORMER) != 0, slot->digest, (int64_t)(slot->place & PLACE_MASK) - 1};
    pthread_mutex_unlock(&copies->mutex);
    return r;
}

uint64_t copies_file_bytes(const struct copies *copies)
{
    return spill_bytes(copies->spill);
}
