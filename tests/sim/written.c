#include "sim/written.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "codec/record.h"
#include "codec/sequence.h"
#include "sim/forgotten.h"
#include "sim/history.h"
#include "sim/keys.h"

enum { ROOM = 1 << 14, PENDING_MAX = 1 << 12, ARGS_MAX = 32, AT_SIZE = 64, SPARE_ENTRIES = 4 };

/* A record that an EXEC wrote, by the hash of its bytes. */
struct written {
    uint64_t hash;
    struct audit_place place;
    unsigned in_entry;
    int64_t position;            /* of Redis's journal; INT64_MAX: Redis lost it before anybody else had it */
    bool durable;                /* whatever becomes of Redis: it was on a replica */
};

/* An event that was in conflict alone, last at `at`. */
struct conflict {
    uint64_t hash;
    int64_t at;
};

/* A record that is not yet in Kafka. */
struct pending {
    uint64_t hash;
    char at[AT_SIZE];            /* "orders:3" */
    int64_t to;                  /* of its entry: what may not be committed before */
    int64_t offset;              /* that it is the outcome of; -1: it is a dead letter */
    int64_t position;
    int32_t shard;
    struct audit_place place;
};

static struct {
    const struct plan *plan;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    struct written records[ROOM];
    struct conflict conflicts[ROOM];
    struct bytes args[ARGS_MAX];
    char text[512];
} all;

void written_reset(const struct plan *plan)
{
    memset(all.records, 0, sizeof all.records);
    memset(all.conflicts, 0, sizeof all.conflicts);
    all.pending_count = 0;
    all.plan = plan;
}

/* Its place, taken or free. */
static struct written *record_at(uint64_t hash)
{
    size_t at = hash % ROOM;

    while (all.records[at].hash && all.records[at].hash != hash)
        at = (at + 1) % ROOM;
    return &all.records[at];
}

static struct conflict *conflict_at(uint64_t hash)
{
    size_t at = hash % ROOM;

    while (all.conflicts[at].hash && all.conflicts[at].hash != hash)
        at = (at + 1) % ROOM;
    return &all.conflicts[at];
}

/* Nobody chooses these bytes to meet others: eight at a time, by multiplying and folding. */
static uint64_t mixed(uint64_t hash, struct bytes bytes)
{
    uint64_t word;

    hash ^= bytes.data ? bytes.size + 1 : 0;
    for (size_t i = 0; i < bytes.size; i += sizeof word) {
        word = 0;
        memcpy(&word, bytes.data + i, bytes.size - i < sizeof word ? bytes.size - i : sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return (hash + 1) * 0xbf58476d1ce4e5b9u;
}

/* Of everything but the sequence, which is only known behind EXEC. */
static uint64_t hash_of(struct bytes key, struct bytes value, const struct kafka_header *headers, size_t count)
{
    static const struct bytes sequence = {"ce_sequence", sizeof "ce_sequence" - 1};
    uint64_t hash = mixed(mixed(1, key), value);

    for (size_t i = 0; i < count; i++)
        if (!bytes_equal(headers[i].name, sequence))
            hash = mixed(mixed(hash, headers[i].name), headers[i].value);
    return hash ? hash : 1;
}

static int64_t durable_position(void)
{
    int64_t most = -1;

    for (size_t i = 0; i < world->redis.replicas_count; i++) {
        int64_t position = redis_server_replica_position(&world->redis, i);

        most = position > most ? position : most;
    }
    return most;
}

/* Room for all that a history writes, and then some; beyond it nothing is looked at. */
static void note_record(uint64_t hash, const struct audit_place *place, unsigned in_entry, bool carried)
{
    struct written *written = record_at(hash);

    if (written->hash && carried) {
        written->position = redis_server_position(&world->redis);
        return;
    }
    *written = (struct written){hash, *place, in_entry, redis_server_position(&world->redis), false};
}

static void note_pending(uint64_t hash, struct bytes at, struct bytes to, int64_t offset, int32_t shard, const struct audit_place *place)
{
    struct pending *pending = &all.pending[all.pending_count];

    if (all.pending_count == PENDING_MAX || at.size >= AT_SIZE || !number_parse(to, &pending->to))
        return;
    pending->hash = hash;
    pending->offset = offset;
    pending->position = redis_server_position(&world->redis);
    pending->shard = shard;
    pending->place = *place;
    snprintf(pending->at, sizeof pending->at, "%.*s", (int)at.size, at.data);
    all.pending_count++;
}

static void drop_pending(size_t i)
{
    all.pending[i] = all.pending[--all.pending_count];
}

/* What an operator let go, or what was not written because the transaction was torn, is not waited for. */
static void drop_what_is_gone(void)
{
    for (size_t i = all.pending_count; i-- > 0;)
        if (!keys_outbox_holds(all.plan, all.pending[i].shard, &all.pending[i].place))
            drop_pending(i);
}

static struct bytes field_of(const struct bytes *args, size_t count, const char *name)
{
    for (size_t i = 3; i + 1 < count; i += 2)
        if (bytes_equal_text(args[i], name))
            return args[i + 1];
    return (struct bytes){NULL, 0};
}

/* "{3}orderd:outbox" */
static int32_t shard_of(struct bytes key)
{
    return key.size && key.data[0] == '{' ? (int32_t)strtol(key.data + 1, NULL, 10) : 0;
}

static struct bytes id_of(const struct kafka_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_text(headers[i].name, "ce_id"))
            return headers[i].value;
    return (struct bytes){NULL, 0};
}

/* At the end of "orders/3/17"; -1: there is none. */
static int64_t offset_of(const struct record *record)
{
    struct bytes id = id_of(record->headers, record->headers_count);
    const char *slash = record->kind == RECORD_OUTCOME && id.data ? memrchr(id.data, '/', id.size) : NULL;
    int64_t offset;

    return slash && number_parse((struct bytes){slash + 1, id.size - (size_t)(slash + 1 - id.data)}, &offset) ? offset : -1;
}

static void note_entry(const struct bytes *args, size_t count, const struct audit_place *place, bool by_operator)
{
    struct reader reader = reader_of(field_of(args, count, "records"));
    struct record record;

    for (unsigned i = 0; reader.at < reader.end && record_next(&reader, &record) == 0; i++) {
        uint64_t hash = hash_of(record.key, record.value, record.headers, record.headers_count);

        note_record(hash, place, i, by_operator);
        if (!by_operator)
            note_pending(hash, field_of(args, count, "at"), field_of(args, count, "to"), offset_of(&record), shard_of(args[1]), place);
    }
}

static void note_conflict(const struct bytes *args, size_t count)
{
    struct reader reader = reader_of(field_of(args, count, "records"));
    struct record record, second;
    struct bytes id;

    if (record_next(&reader, &record) || record.kind != RECORD_OUTCOME || (reader.at < reader.end && record_next(&reader, &second) == 0))
        return;
    id = id_of(record.headers, record.headers_count);
    *conflict_at(mixed(1, id)) = (struct conflict){mixed(1, id), world->now};
}

/* The arguments of a queued XADD, in all.args; 0: it is another command. */
static size_t entry_at(const struct redis_client *client, size_t i)
{
    size_t count = redis_client_queued_size(client, i) <= ARGS_MAX ? redis_client_queued(client, i, all.args, ARGS_MAX) : 0;

    return count && bytes_equal_text(all.args[0], "XADD") ? count : 0;
}

void written_executed(struct redis_client *client, enum exec_answer answer, bool by_operator)
{
    size_t entries = 0, last = 0;

    if (answer == EXEC_ANSWER_REFUSED)
        return;
    for (size_t i = 0; redis_client_queued_size(client, i); i++)
        if (entry_at(client, i)) {
            entries++;
            last = i;
        }
    if (answer == EXEC_ANSWER_NIL && entries == 1)
        note_conflict(all.args, entry_at(client, last));
    for (size_t i = 0, at = 0; answer != EXEC_ANSWER_NIL && at < entries; i++) {
        size_t count = entry_at(client, i);

        if (count) {
            struct audit_place place = keys_place(all.plan, shard_of(all.args[1]));      /* entries of one EXEC follow each other */

            place.seq -= entries - ++at;
            note_entry(all.args, count, &place, by_operator);
        }
    }
    if (answer == EXEC_ANSWER_TORN || (by_operator && answer == EXEC_ANSWER_APPLIED))
        drop_what_is_gone();
}

void written_restoring(void)
{
    int64_t durable = durable_position();

    for (size_t i = 0; i < ROOM; i++)
        all.records[i].durable |= all.records[i].hash && all.records[i].position <= durable;
}

void written_restored(void)
{
    int64_t position = redis_server_position(&world->redis);

    for (size_t i = 0; i < ROOM; i++)
        if (all.records[i].position > position)
            all.records[i].position = INT64_MAX;
    for (size_t i = all.pending_count; i-- > 0;)
        if (all.pending[i].position > position)
            drop_pending(i);
}

static const char *against_sequence(const struct written *written, const struct logged *message)
{
    char expected[SEQUENCE_TEXT_SIZE];

    sequence_text(expected, written->place.era, (struct stream_id){written->place.ms, written->place.seq}, written->in_entry);
    for (size_t i = 0; i < message->headers_count; i++)
        if (bytes_equal_text(message->headers[i].name, "ce_sequence") && !bytes_equal_text(message->headers[i].value, expected)) {
            snprintf(all.text, sizeof all.text, "SEQUENCE: it has the sequence %.*s, and Redis gave it %s", (int)message->headers[i].value.size,
                     message->headers[i].value.data, expected);
            return all.text;
        }
    return NULL;
}

const char *written_arrived(const char *topic, int32_t partition, const struct logged *message)
{
    struct written *written = record_at(hash_of(message->key, message->value, message->headers, message->headers_count));

    for (size_t i = all.pending_count; i-- > 0;)
        if (all.pending[i].hash == written->hash)
            drop_pending(i);
    if (!written->hash) {
        snprintf(all.text, sizeof all.text, "UNWRITTEN: the record at %s/%d@%lld was published, and no EXEC ever wrote it", topic, (int)partition,
                 (long long)message->offset);
        return all.text;
    }
    if (all.plan->settings.durability == DURABILITY_REPLICAS && !written->durable && written->position > durable_position()) {
        snprintf(all.text, sizeof all.text, "NOT_DURABLE: the record at %s/%d@%lld was published before a replica had it", topic, (int)partition,
                 (long long)message->offset);
        return all.text;
    }
    return against_sequence(written, message);
}

int64_t written_position(const struct logged *message)
{
    const struct written *written = record_at(hash_of(message->key, message->value, message->headers, message->headers_count));

    return written->hash ? written->position : -1;
}

int64_t written_last(void)
{
    int64_t last = -1;

    for (size_t i = 0; i < ROOM; i++)
        if (all.records[i].hash && all.records[i].position != INT64_MAX && all.records[i].position > last)
            last = all.records[i].position;
    return last;
}

int64_t written_conflict_ms(const char *topic, int32_t partition, int64_t offset, int64_t since)
{
    const struct conflict *conflict;
    char id[128];

    snprintf(id, sizeof id, "%s/%d/%lld", topic, (int)partition, (long long)offset);
    conflict = conflict_at(mixed(1, bytes_of(id)));
    return conflict->hash ? conflict->at - since : -1;
}

const char *written_committed(const char *topic, int32_t partition, int64_t offset)
{
    char at[AT_SIZE];

    snprintf(at, sizeof at, "%s:%d", topic, (int)partition);
    for (size_t i = 0; i < all.pending_count; i++)
        if (all.pending[i].to <= offset && strcmp(all.pending[i].at, at) == 0) {
            snprintf(all.text, sizeof all.text, "COMMIT_TOO_FAR: %lld is committed of %s, and a record of the entry that ends at %lld is not delivered",
                     (long long)offset, at, (long long)all.pending[i].to);
            return all.text;
        }
    return NULL;
}

bool written_would_lose(int64_t position)
{
    for (size_t i = 0; i < all.pending_count; i++)
        if (all.pending[i].position > position)
            return true;
    return false;
}

void written_forget(int64_t position)
{
    for (size_t i = 0; i < all.pending_count; i++)
        if (all.pending[i].position > position && all.pending[i].offset >= 0)
            forgotten_lost(all.pending[i].shard, all.pending[i].at, all.pending[i].offset);
}

bool written_all_arrived(void)
{
    return all.pending_count == 0;
}

const char *written_too_much(int32_t shard)
{
    const struct instance_settings *s = &all.plan->settings;
    size_t most = 0, entries = keys_outbox_entries(all.plan, shard);

    for (size_t i = 0; i < s->topics_count; i++)
        most += (s->pipeline.outbox_entries + SPARE_ENTRIES) * (size_t)(s->sharded ? 1 : s->partitions[i]);
    if (entries <= most || history->redone)      /* what is applied again makes as many entries as it was once */
        return NULL;
    snprintf(all.text, sizeof all.text, "OUTBOX_BOUND: the outbox of market %d holds %zu entries, at %zu a partition", (int)shard, entries,
             s->pipeline.outbox_entries);
    return all.text;
}
