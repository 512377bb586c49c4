#include "sim/heeded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "codec/record.h"
#include "sim/history.h"
#include "sim/keys.h"

enum { PLACES = INSTANCE_TOPICS_MAX * PLAN_PARTITIONS_MAX, WISHES_MAX = 64, ARGS_MAX = 32, ASK_MS = 3000, UNASKED_MAX = 8, SECOND = 1000, BURST = 10 };

/* An instance and a source partition. */
struct owner {
    enum { UNASKED, RUNS, PAUSED } knows;
    int64_t asked_at;             /* when Redis was asked last */
    int unasked;                  /* EXECs since it should have been asked again */
    bool may_pause, may_resume;   /* an operator has wished for it at some time */
};

struct process {
    const struct node *node;
    struct owner owners[PLACES];
    bool quiet;
    int64_t rate, rate_since, rate_used;      /* events a second, 0: none; since when, and decided since then */
};

/* An event that an operator wants skipped. */
struct wish {
    const struct node *node;
    size_t place;
    int64_t offset;
    bool agreed;                  /* by this process, which has had the partition since */
    enum { NOT_SKIPPED, SKIPPED, FORGOTTEN } stands;      /* as it stands decided: so, and by this node; Redis came back older, and the node may not know */
};

/* One partition's events in a transaction. */
struct decisions {
    size_t place;
    struct reader records;
};

static struct {
    struct process processes[PLAN_NODES_MAX];
    struct wish wishes[WISHES_MAX];
    size_t wishes_count;
} all;

void heeded_reset(void)
{
    memset(&all, 0, sizeof all);
}

static struct process *process_of(const struct node *node)
{
    const struct program *program = node ? history_program(node) : NULL;

    return program ? &all.processes[program - history->programs] : NULL;
}

static size_t place_number(int topic, int32_t partition)
{
    return (size_t)topic * PLAN_PARTITIONS_MAX + (size_t)partition;
}

/* "orders:3"; PLACES when it is none of the plan's. */
static size_t place_of(struct bytes at)
{
    const struct instance_settings *s = &history->plan->settings;
    char text[96];

    for (size_t t = 0; t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++) {
            snprintf(text, sizeof text, "%s:%d", s->topics[t], (int)p);
            if (bytes_equal_text(at, text))
                return place_number((int)t, p);
        }
    return PLACES;
}

static bool is_meant(const struct heeded_place *place, size_t number)
{
    return place->topic < 0 || (place->topic == (int)(number / PLAN_PARTITIONS_MAX) &&
                                (place->partition < 0 || place->partition == (int32_t)(number % PLAN_PARTITIONS_MAX)));
}

static const char *topic_of(size_t place)
{
    return history->plan->settings.topics[place / PLAN_PARTITIONS_MAX];
}

static int partition_of(size_t place)
{
    return (int)(place % PLAN_PARTITIONS_MAX);
}

/* --- what it is told */

void heeded_life_begins(const struct node *node)
{
    struct process *process = process_of(node);

    process->node = node;
    process->quiet = false;
    process->rate = 0;
    for (size_t i = 0; i < PLACES; i++)
        process->owners[i].knows = UNASKED;
    for (size_t i = 0; i < all.wishes_count; i++)
        all.wishes[i].agreed &= all.wishes[i].node != node;
}

void heeded_pause_asked(const struct node *node, const struct heeded_place *place, bool paused)
{
    struct process *process = process_of(node);

    for (size_t i = 0; i < PLACES; i++)
        if (is_meant(place, i))
            *(paused ? &process->owners[i].may_pause : &process->owners[i].may_resume) = true;
}

void heeded_pause_told(const struct node *node, const struct heeded_place *place, bool paused)
{
    struct process *process = process_of(node);

    for (size_t i = 0; i < PLACES; i++)
        if (is_meant(place, i))
            process->owners[i].knows = paused ? PAUSED : RUNS;
}

void heeded_quiet_told(const struct node *node, bool quiet)
{
    process_of(node)->quiet = quiet;
}

bool heeded_is_quiet(const struct node *node)
{
    return process_of(node)->quiet;
}

void heeded_rate_told(const struct node *node, int64_t events_per_s)
{
    struct process *process = process_of(node);

    process->rate = events_per_s;
    process->rate_since = world->now;
    process->rate_used = 0;
}

static struct wish *find_wish(const struct node *node, size_t place, int64_t offset)
{
    for (size_t i = 0; i < all.wishes_count; i++)
        if (all.wishes[i].node == node && all.wishes[i].place == place && all.wishes[i].offset == offset)
            return &all.wishes[i];
    return NULL;
}

void heeded_skip_told(const struct node *node, const struct heeded_place *place, int64_t offset, int answer)
{
    size_t number = place_number(place->topic, place->partition);
    struct wish *wish = find_wish(node, number, offset);

    if (!wish && answer == -EINPROGRESS && all.wishes_count < WISHES_MAX) {
        wish = &all.wishes[all.wishes_count++];
        *wish = (struct wish){node, number, offset, false, NOT_SKIPPED};
    }
    if (wish)
        wish->agreed = answer == -EINPROGRESS;
    if (answer == 0 && !(wish && wish->stands))
        witness_fault(history->witness, "SKIP_UNTRUE", "%s says that it has skipped %s/%d@%lld, and that is not how it stands decided", node->name, topic_of(number),
                      partition_of(number), (long long)offset);
}

/* Only what was not skipped before can be taken back. */
void heeded_skip_taken_back(const struct node *node, const struct heeded_place *place, int64_t offset)
{
    struct wish *wish = find_wish(node, place_number(place->topic, place->partition), offset);

    if (wish)
        *wish = all.wishes[--all.wishes_count];
}

void heeded_restored(void)
{
    for (size_t i = 0; i < all.wishes_count; i++) {
        struct wish *wish = &all.wishes[i];
        struct keys_mark mark = keys_mark(history->plan, topic_of(wish->place), (int32_t)partition_of(wish->place));

        if (wish->stands == SKIPPED && !(mark.there && mark.next > wish->offset))
            wish->stands = FORGOTTEN;
    }
}

/* --- what it reads and writes */

/* "{3}orderd:paused" */
static bool is_paused_key(struct bytes key)
{
    static const char name[] = "orderd:paused";

    return key.size >= sizeof name - 1 && memcmp(key.data + key.size - (sizeof name - 1), name, sizeof name - 1) == 0;
}

static void wrote(const struct node *node, const struct process *process, const struct bytes *args, size_t count)
{
    bool pauses = bytes_equal_text(args[0], "HSET"), resumes = bytes_equal_text(args[0], "HDEL");

    for (size_t i = 2; i < count; i += pauses ? 2 : 1) {
        size_t place = place_of(args[i]);

        if (place == PLACES || !process || !(pauses ? process->owners[place].may_pause : resumes && process->owners[place].may_resume))
            witness_fault(history->witness, "PAUSE_UNASKED", "%s: %.*s %.*s %.*s, and no operator has told it to", node ? node->name : "nobody", (int)args[0].size,
                          args[0].data, (int)args[1].size, args[1].data, (int)args[i].size, args[i].data);
    }
}

static void asked(struct process *process, const struct bytes *args, size_t count)
{
    char key[96];

    snprintf(key, sizeof key, "%.*s", (int)args[1].size, args[1].data);
    for (size_t i = 2; i < count; i++) {
        size_t place = place_of(args[i]);
        char field[96];

        if (place == PLACES)
            continue;
        snprintf(field, sizeof field, "%.*s", (int)args[i].size, args[i].data);
        process->owners[place].knows = keys_hash_field(key, field).data ? PAUSED : RUNS;
        process->owners[place].asked_at = world->now;
        process->owners[place].unasked = 0;
    }
}

void heeded_ran(const struct node *node, const struct bytes *args, size_t count)
{
    struct process *process = process_of(node);

    if (count < 2 || !is_paused_key(args[1]))
        return;
    if (!bytes_equal_text(args[0], "HGET") && !bytes_equal_text(args[0], "HMGET"))
        wrote(node, process, args, count);
    else if (process)
        asked(process, args, count);
}

/* --- what it decides */

static struct bytes field_of(const struct bytes *args, size_t count, const char *name)
{
    for (size_t i = 3; i + 1 < count; i += 2)
        if (bytes_equal_text(args[i], name))
            return args[i + 1];
    return (struct bytes){NULL, 0};
}

/* Every partition's epoch is another one: whoever takes it over asks anew, and what it agreed to may have gone with the partition meanwhile. */
static void claimed(struct process *process, struct bytes mark)
{
    static const char name[] = "orderd:mark:";
    const char *at = memmem(mark.data, mark.size, name, sizeof name - 1);
    size_t place = at ? place_of((struct bytes){at + sizeof name - 1, mark.size - (size_t)(at + sizeof name - 1 - mark.data)}) : PLACES;

    if (place == PLACES)
        return;
    process->owners[place].knows = UNASKED;
    process->rate_since = world->now;      /* it may have lost a reply, and not count what was decided */
    process->rate_used = 0;
    for (size_t i = 0; i < all.wishes_count; i++) {
        struct wish *wish = &all.wishes[i];

        wish->agreed &= wish->place != place;
        if (wish->place == place && wish->node == process->node && wish->stands == FORGOTTEN)
            wish->stands = NOT_SKIPPED;
    }
}

static void judge_owner(const struct process *process, struct owner *owner, size_t place, int64_t offset)
{
    const char *kind = owner->knows == PAUSED ? "PAUSE_BROKEN" : owner->knows == UNASKED ? "PAUSE_NOT_READ" : process->quiet ? "QUIET_BROKEN" : NULL;

    owner->unasked += world->now > owner->asked_at + ASK_MS;
    kind = !kind && owner->unasked > UNASKED_MAX ? "PAUSE_NOT_READ_AGAIN" : kind;
    if (kind)
        witness_fault(history->witness, kind, "%s decides %s/%d@%lld; whether that is paused it has asked last at %lld ms", process->node->name, topic_of(place),
                      partition_of(place), (long long)offset, (long long)owner->asked_at);
}

static void judge_rate(struct process *process)
{
    int64_t most = process->rate * (world->now - process->rate_since) / SECOND + (process->rate > BURST ? process->rate / BURST : 1) + 1;

    process->rate_used++;
    if (process->rate && process->rate_used > most)
        witness_fault(history->witness, "RATE_BROKEN", "%s has decided %lld events within %lld ms, its rate is %lld a second", process->node->name,
                      (long long)process->rate_used, (long long)(world->now - process->rate_since), (long long)process->rate);
}

static void judge_skip(const struct process *process, size_t place, int64_t offset, bool skipped, bool late)
{
    const struct wish *own = find_wish(process->node, place, offset);

    if (skipped && !own)
        witness_fault(history->witness, "SKIP_UNASKED", "%s skips %s/%d@%lld, and no operator has told it to", process->node->name, topic_of(place),
                      partition_of(place), (long long)offset);
    if (!skipped && own && own->agreed && !late)
        witness_fault(history->witness, "SKIP_FORGOTTEN", "%s decides %s/%d@%lld by its rule, and has agreed to skip it", process->node->name, topic_of(place),
                      partition_of(place), (long long)offset);
    for (size_t i = 0; i < all.wishes_count; i++) {
        struct wish *wish = &all.wishes[i];

        if (wish->place != place || wish->offset != offset)
            continue;
        if (wish->node == process->node)
            wish->stands = skipped ? SKIPPED : NOT_SKIPPED;
        else if (wish->stands)      /* decided a second time, while the node that had skipped it stood still */
            wish->stands = FORGOTTEN;
    }
}

/* The offset at the end of "orders/3/17". */
static int64_t offset_of(const struct record *record)
{
    for (size_t i = 0; i < record->headers_count; i++) {
        struct bytes id = record->headers[i].value;
        const char *slash = bytes_equal_text(record->headers[i].name, "ce_id") ? memrchr(id.data, '/', id.size) : NULL;
        int64_t offset;

        if (slash && number_parse((struct bytes){slash + 1, id.size - (size_t)(slash + 1 - id.data)}, &offset))
            return offset;
    }
    return -1;
}

static void decided(struct process *process, struct decisions *entry, bool late)
{
    static const char says[] = "{\"id\":null,\"type\":null,\"status\":\"malformed\",\"reason\":\"skipped\"";
    struct record record;
    bool first = true;
    int64_t offset;

    while (entry->records.at < entry->records.end && record_next(&entry->records, &record) == 0) {
        if (record.kind != RECORD_OUTCOME)
            continue;
        offset = offset_of(&record);
        if (first && !late)
            judge_owner(process, &process->owners[entry->place], entry->place, offset);
        first = false;
        if (!late)
            judge_rate(process);
        judge_skip(process, entry->place, offset, record.value.size > sizeof says && memcmp(record.value.data, says, sizeof says - 1) == 0, late);
    }
}

void heeded_executed(const struct node *node, const struct redis_client *client, enum exec_answer answer, bool late)
{
    struct process *process = process_of(node);
    struct bytes args[ARGS_MAX];

    if (!process || !process->node || (answer != EXEC_ANSWER_APPLIED && answer != EXEC_ANSWER_TORN))
        return;
    for (size_t i = 0, size; (size = redis_client_queued_size(client, i)); i++) {
        size_t count = size <= ARGS_MAX ? redis_client_queued(client, i, args, ARGS_MAX) : 0;

        if (count > 1 && is_paused_key(args[1]))
            wrote(node, NULL, args, count);
        if (count > 2 && bytes_equal_text(args[0], "HSET") && bytes_equal_text(args[2], "epoch"))
            claimed(process, args[1]);
        if (count && bytes_equal_text(args[0], "XADD")) {
            struct decisions entry = {place_of(field_of(args, count, "at")), reader_of(field_of(args, count, "records"))};

            if (entry.place != PLACES)
                decided(process, &entry, late);
        }
    }
}
