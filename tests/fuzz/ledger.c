/* What Redis holds of a partition, read at take-over: mark, registry, outbox and seen list, whatever they hold.
 *
 * Input: the replies to HMGET of the mark, HMGET of the registry, XRANGE (again while 32 entries come), LRANGE (while 64 come). */
#include "ledger/gather.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/script.h"
#include "fuzz/tree.h"

enum { MEMORY = 4 << 20, IDS = 1000, WINDOW_S = 3600 };

static struct store {
    struct arena *arena;
    struct clock *clock;
    struct commands commands;
} store;

/* A sink that takes everything; its reports come at once. */
struct sink {
    size_t taken;
};

int sink_send(struct sink *sink, struct record *record, struct bytes sequence, void *opaque)
{
    struct outbox_entry *entry = opaque;

    MUST(record->partition >= 0 && record->headers_count <= RECORD_HEADERS_MAX);
    MUST(entry->lost ? !sequence.data : sequence.size == SEQUENCE_TEXT_SIZE - 1);
    sink->taken++;
    return 0;
}

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static void mark_is_right(const struct mark *mark)
{
    MUST(mark->done >= 0 && mark->done <= mark->next && mark->seen_from >= 0 && mark->seen_from <= mark->next);
    MUST(mark->time >= -1 && mark->fingerprint_offset >= -1);
    MUST(ends(mark->epoch, sizeof mark->epoch) && ends(mark->fingerprint, sizeof mark->fingerprint));
}

static void registry_is_right(const struct registry *registry)
{
    MUST(registry->era >= 1 && registry->ids >= 1 && registry->window_s >= 1 && registry->incarnation[0]);
    MUST(ends(registry->topics, sizeof registry->topics) && ends(registry->quarantine, sizeof registry->quarantine));
    MUST(registry->former_count <= SHARD_FORMER_MAX);
    for (size_t i = 0; i < registry->former_count; i++)
        MUST(ends(registry->former[i], CLOCK_UUID_SIZE) && registry_is_former(registry, bytes_of(registry->former[i])));
}

/* What is asked of a registry while it rules. */
static void registry_ask(struct registry *registry)
{
    int32_t partitions = registry_partitions(registry, "orders");

    MUST(partitions >= -1 && (partitions < 0 || strstr(registry->topics, "orders=")));
    MUST(!registry_quarantined(registry, "orders", 0, 17) || strstr(registry->quarantine, "orders:0:17"));
    registry_add_former(registry, "11111111-2222-4333-8444-555555555555");
    MUST(registry_is_former(registry, bytes_of("11111111-2222-4333-8444-555555555555")));
    registry_is_right(registry);
}

static struct reply *next_reply(struct bytes *left)
{
    struct reply *reply = tree_some(left, store.arena);

    MUST(reply);
    return reply;
}

static void read_mark(struct partition *p, struct bytes *left)
{
    struct reply *reply = next_reply(left);
    struct mark mark;

    if (mark_read(&mark, reply) == 0) {
        mark_is_right(&mark);
        p->mark = mark;
    }
    MUST(!mark_is_ours(&p->mark, reply) || reply->count == MARK_TURN_FIELDS_COUNT);
}

static void read_registry(struct shard *shard, struct bytes *left)
{
    static struct registry registry;
    struct reply *reply = next_reply(left);

    shard->registry = (struct registry){.ids = IDS, .window_s = WINDOW_S, .era = 1, .incarnation = "i"};
    if (registry_read(&registry, reply) == 0) {
        registry_is_right(&registry);
        registry_ask(&registry);
    }
    MUST(!registry_unchanged(&shard->registry, reply) || reply->count == REGISTRY_TURN_FIELDS_COUNT);
}

/* In order, and handed to the sink until one record cannot be read. */
static void publish(struct partition *p, struct gathered *gathered, struct outbox_pool *pool)
{
    struct sink sink = {0};
    int64_t handed = 0, last = 0;

    outbox_reset(&p->outbox, pool, 0);
    while (gathered->first) {
        struct outbox_entry *entry = gathered->first;

        MUST(entry->from >= last && entry->to >= entry->from && entry->era >= 1);
        last = entry->from;
        gathered->first = entry->next;
        outbox_append(&p->outbox, entry);
    }
    if (outbox_publish(&p->outbox, &sink, &handed))
        MUST(p->outbox.unpublished);
    for (struct outbox_entry *entry = p->outbox.head, *next; entry; entry = next) {
        next = entry->next;
        while (entry->due)
            outbox_delivered(pool, entry, -1);
    }
    outbox_removed(&p->outbox, pool, p->outbox.finished);
}

static void take_over(struct partition *p, struct shard *shard, struct session *session)
{
    struct outbox_pool pool = {0};
    struct gather gather = {{session, &store.commands, store.arena}, store.clock, fuzz_log(), &pool};
    struct gathered gathered = {0};
    struct partition *const partitions[] = {p};

    commands_reset(&store.commands);
    if (gather_outbox(&gather, shard, partitions, 1, &gathered) == 0)
        publish(p, &gathered, &pool);
    else
        gathered_free(&gather, &gathered, 1);
    if (session_is_up(session) && gather_seen(&gather, p, &gathered) == 0) {
        MUST(gathered.seen_whole == !gathered.seen_problem[0]);
        MUST(seen_records(p->seen) <= (size_t)shard->registry.ids);
    }
    partition_free(p, &pool);
    outbox_pool_deinit(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct shard shard;
    struct bytes left = input_of(data, size);
    struct session *session;
    struct partition *p;

    if (!store.arena) {
        MUST(arena_new(&store.arena, MEMORY) == 0 && clock_new(&store.clock) == 0);
        commands_init(&store.commands, MEMORY);
    }
    shard_init(&shard, "", SHARD_NONE);
    MUST(partition_new(&p, "orders", 0, &shard) == 0);
    arena_reset(store.arena);
    read_mark(p, &left);
    read_registry(&shard, &left);
    session = script_session(store.clock);
    script_begin(left);
    take_over(p, &shard, session);
    session_free(session);
    return 0;
}
