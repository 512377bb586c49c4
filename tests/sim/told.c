#include "sim/told.h"

#include "story/story.h"
#include "turn/operator.h"

enum { TEXT_MAX = 512, MEMORY_MAX = 1 << 26, NAMES = 4, BEGIN = 1700000000, STEP_MS = 40, HEADERS_MAX = 80, FOREIGN_EACH = 16, EVENTS_EACH = 4 };

static const char empty[] = "";

struct teller {
    struct told *told;
    unsigned random;
    int number;             /* of the next event */
    size_t others;          /* writes of others so far */
    struct kafka_header headers[HEADERS_MAX];
};

static unsigned chance(struct teller *t, unsigned below)
{
    t->random = t->random * 1103515245u + 12345u;
    return (t->random >> 16) % below;
}

/* --- what is produced */

static const char *const malformed[] = {
    "", "{", "[]", "{\"id\":\"m\"}", "{\"id\":\"m\",\"type\":\"grant\",\"user\":\"u\"}", "{\"id\":\"m\",\"type\":\"grant\",\"user\":\"u\",\"item\":\"a.b\"}",
    "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":0}", "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":1.0}",
    "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":9007199254740992}", "{\"id\":\"\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":1}",
    "{\"id\":\"m\",\"type\":\"sell\"}", "{\"id\":\"m\",\"id\":\"n\",\"type\":\"sell\"}", "{\"id\":\"m\xff\",\"type\":\"sell\"}", "{\"id\":\"m\"} x", "not json",
    "{\"id\":5,\"type\":\"deposit\",\"user\":\"u\",\"amount\":1}", "{\"id\":\"m\\u0007\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":1}",
    "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":99999999999999999999}", "{\"a\":[1,{\"b\":1,\"b\":2}]}",
    "{\"id\":\"m\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":1,\"deadline_ms\":0}", NULL};

/* CloudEvents that are none: headers, name and value in turns, then the data. */
static const char *const bad_envelopes[][6] = {
    {"ce_specversion", "1.0", NULL, NULL, NULL, "{}"},
    {"ce_id", "c", "ce_type", "grant", NULL, "{\"user\":\"u\",\"item\":\"a\"}"},
    {"content-type", "application/cloudevents+avro", NULL, NULL, NULL, "{}"},
    {"content-type", "application/cloudevents", NULL, NULL, NULL, "{\"specversion\":\"1.0\",\"id\":\"c\",\"type\":\"grant\",\"source\":\"/s\"}"},
    {"content-type", "application/cloudevents+json", NULL, NULL, NULL,
     "{\"specversion\":\"1.0\",\"id\":\"c\",\"type\":\"grant\",\"source\":\"/s\",\"data\":{\"id\":\"d\",\"user\":\"u\",\"item\":\"a\"}}"}};

/* A kind's members, over few names and small numbers, so that every refusal comes about. */
static int put_members(struct teller *t, char *out, size_t size)
{
    unsigned user = chance(t, NAMES), other = chance(t, NAMES), item = chance(t, NAMES), price = 1 + chance(t, 3), many = 1 + chance(t, 9);

    switch (chance(t, 7)) {
    case 0:
        return snprintf(out, size, "\"type\":\"list\",\"seller\":\"u%u\",\"item\":\"i%u\",\"price\":%u", user, item, price);
    case 1:
        return snprintf(out, size, "\"type\":\"unlist\", \"seller\":\"u%u\", \"item\":\"i%u\"", user, item);
    case 2:
        return snprintf(out, size, "\"type\":\"purchase\",\"buyer\":\"u%u\",\"seller\":\"u%u\",\"item\":\"i%u\",\"price\":%u", user, other, item, price);
    case 3:
        return snprintf(out, size, "\"sku\":\"s%u\",\"type\":\"reserve\",\"quantity\":%u,\"buyer\":\"u%u\"", item, many, user);
    case 4:
        return snprintf(out, size, "\"type\":\"restock\",\"sku\":\"s%u\",\"quantity\":%u,\"note\":{\"a b\":[1.50 , \"\\u0041 \"]}", item, many);
    case 5:
        return snprintf(out, size, "\"type\":\"deposit\",\"user\":\"u%u\",\"amount\":%u,\"deadline_ms\":9000", user, many);
    default:
        return snprintf(out, size, "\"type\":\"grant\",\"user\":\"u%u\",\"item\":\"i%u\"", user, item);
    }
}

static void header(struct teller *t, struct logged *message, const char *name, const char *value)
{
    ASSERT(message->headers_count < HEADERS_MAX);
    t->headers[message->headers_count++] = (struct kafka_header){bytes_of(name), bytes_of(value)};
    message->headers = t->headers;
}

/* An event in one of its three forms; some ids come again, some with other content. */
static void produce_event(struct teller *t, struct logged *message, char *text)
{
    char members[TEXT_MAX / 2], id[32];
    bool again = chance(t, 8) == 0 && t->number > 4;
    int n = again ? t->number - 1 - (int)chance(t, 4) : t->number;

    put_members(t, members, sizeof members);
    snprintf(id, sizeof id, "e-%d", n);
    switch (chance(t, 4)) {
    case 0:
        header(t, message, "ce_specversion", "1.0");
        header(t, message, "ce_id", "ce-1");
        header(t, message, "ce_type", "deposit");
        header(t, message, "ce_source", t->number % 3 ? "/shop" : "/other");
        snprintf(text, TEXT_MAX, "{\"user\":\"u1\",\"amount\":%d}", 1 + t->number % 2);
        break;
    case 1:
        header(t, message, "Content-Type", "application/cloudevents+json; charset=utf-8");
        snprintf(text, TEXT_MAX, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"type\":\"grant\",\"source\":\"/shop\",\"data\": {\"user\":\"u2\",\"item\":\"x%d\"} }", id,
                 n);
        break;
    default:
        snprintf(text, TEXT_MAX, "{\"id\":\"%s\", %s}", id, members);
    }
    if (chance(t, 4) == 0) {
        header(t, message, "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        header(t, message, "tracestate", "a=b");
    }
    message->value = bytes_of(text);
}

/* What is no event: bad text, a bad envelope, or too many headers. */
static void produce_malformed(struct teller *t, struct logged *message)
{
    const char *bad = malformed[chance(t, sizeof malformed / sizeof *malformed)];
    const char *const *envelope = bad_envelopes[chance(t, sizeof bad_envelopes / sizeof *bad_envelopes)];

    message->value = bad ? bytes_of(bad) : (struct bytes){NULL, 0};
    header(t, message, "h", "1");
    header(t, message, "h", empty);
    if (chance(t, 4) == 0) {
        message->value = bytes_of(envelope[5]);
        for (size_t i = 0; i < 4 && envelope[i]; i += 2)
            header(t, message, envelope[i], envelope[i + 1]);
    }
    for (int i = 0; i < 70 && t->number % 50 == 0; i++)
        header(t, message, "many", "1");
}

static void produce_one(struct teller *t)
{
    struct logged message = {.timestamp = chance(t, 20) ? (int64_t)BEGIN * 1000 + world->now + 1000 * (int64_t)chance(t, 90) : -1};
    char text[TEXT_MAX], key[16];

    snprintf(key, sizeof key, "k%d", t->number);
    message.key = chance(t, 5) ? bytes_of(key) : (struct bytes){NULL, 0};
    if (chance(t, 8) == 0)
        produce_malformed(t, &message);
    else
        produce_event(t, &message, text);
    t->number++;
    kafka_log_append(kafka_log_partition(&world->kafka, "orders", (int32_t)chance(t, TOLD_SOURCES)), &message);
}

/* --- what others do to the market */

/* The hash tag of a market, where there are several. */
static const char *tag_of(const struct told *told, int32_t shard)
{
    static const char *const tags[] = {"{0}", "{1}"};

    return told->world.sharded ? tags[shard] : "";
}

/* "HSET %susers:u funds 1": the mark is where the market's tag belongs. */
static const char *command_to(const struct told *told, int32_t shard, const char *command, char out[TEXT_MAX])
{
    const char *mark = strstr(command, "%s");

    snprintf(out, TEXT_MAX, "%.*s%s%s", (int)(mark - command), command, tag_of(told, shard), mark + 2);
    return out;
}

static void foreign(struct teller *t, int32_t shard, const char *command)
{
    struct told *told = t->told;
    struct audit_happening *h = &told->happenings[told->world.happenings_count++];
    struct bytes *args = arena_take(told->arena, TOLD_ARGS_MAX * sizeof *args);
    char outbox_name[64], text[TEXT_MAX];
    const char *at = command_to(told, shard, command, text);
    const struct key *outbox;

    snprintf(outbox_name, sizeof outbox_name, "%sorderd:outbox", tag_of(told, shard));
    outbox = keyspace_key(&world->redis.data, bytes_of(outbox_name));
    ASSERT(told->world.happenings_count <= TOLD_HAPPENINGS_MAX && args);
    *h = (struct audit_happening){.kind = AUDIT_FOREIGN, .place = {1, outbox->last_ms, outbox->last_seq}, .args = args};
    h->shard = told->world.sharded ? shard : 0;
    for (size_t size; *at; at += size, at += *at == ' ') {
        size = strcspn(at, " ");
        args[h->args_count++] = arena_copy(told->arena, (struct bytes){at, size});
    }
    redis(text);
}

static void others_write(struct teller *t)
{
    static const char *const commands[][2] = {
        {"HINCRBY %susers:u1 funds 7", NULL}, {"SET %sstock:s1 017", NULL},      {"SET %sstock:s1 4", NULL},
        {"ZADD %smarket: 2 i1.u1", NULL},     {"SADD %sinventory:u3 i0", NULL},  {"ZADD %smarket: 1.5 i2.u2", NULL},
        {"ZREM %smarket: i2.u2", NULL},       {"DEL %sinventory:u3", NULL},      {"DEL %sinventory:u0", "SET %sinventory:u0 x"},
        {"HSET %susers:u2 funds +5", NULL},   {"DEL %sinventory:u0", NULL},      {"HSET %susers:u2 funds 50", "HSET %susers:u1 funds 1"}};
    size_t at = t->others++ % (sizeof commands / sizeof *commands);

    for (size_t i = 0; i < 2 && commands[at][i]; i++)
        foreign(t, (int32_t)(at % 2), commands[at][i]);
}

/* The operator has the next event but one of partition 0 skipped. */
static void skip_one(struct told *told, struct daemon *daemon)
{
    struct audit_happening *h = &told->happenings[told->world.happenings_count++];
    int64_t offset = kafka_log_partition(&world->kafka, "orders", 0)->end + 1;
    struct operator_place place = {"orders", 0};
    struct operator_answer answer;

    operator_skip(daemon_pipeline(daemon), &place, offset, "ticket 7", &answer);
    ASSERT(answer.error == -EINPROGRESS);
    *h = (struct audit_happening){.kind = AUDIT_SKIPPED, .source = 0, .from = offset, .end = offset + 1};
}

/* --- the copy */

static struct bytes copy(struct told *told, struct bytes bytes)
{
    struct bytes made = arena_copy(told->arena, bytes);

    ASSERT(!bytes.data || made.data);
    return made;
}

static void copy_message(struct told *told, struct audit_message *to, const struct logged *from)
{
    struct audit_header *headers = arena_take(told->arena, (from->headers_count + 1) * sizeof *headers);

    ASSERT(headers);
    for (size_t i = 0; i < from->headers_count; i++)
        headers[i] = (struct audit_header){copy(told, from->headers[i].name), copy(told, from->headers[i].value)};
    *to = (struct audit_message){from->offset, from->timestamp, copy(told, from->key), copy(told, from->value), headers, from->headers_count};
}

static void copy_log(struct told *told, struct audit_log *to, const char *topic, int32_t partition)
{
    const struct log_partition *from = kafka_log_partition(&world->kafka, topic, partition);
    struct audit_message *messages = arena_take(told->arena, (2 * from->count + 8) * sizeof *messages);   /* room for forgeries */

    ASSERT(messages);
    for (size_t i = 0; i < from->count; i++)
        copy_message(told, &messages[i], &from->messages[i]);
    *to = (struct audit_log){topic, partition, messages, from->count, from->start, from->end, from->committed};
}

struct copied {
    struct told *told;
    struct audit_pair *pairs;
    size_t count;
};

static void copy_pair(void *context, struct bytes name, struct bytes value)
{
    struct copied *copied = context;

    copied->pairs[copied->count++] = (struct audit_pair){copy(copied->told, name), copy(copied->told, value)};
}

static struct audit_keys copy_keys(struct told *told)
{
    const struct table *database = &world->redis.data.databases[0];
    struct audit_key *keys = arena_take(told->arena, (database->count + 1) * sizeof *keys);
    size_t count = 0;

    ASSERT(keys);
    TABLE_EACH (database, entry) {
        const struct key *from = (const struct key *)entry;
        struct copied copied = {told, arena_take(told->arena, (key_count(from) + 2) * sizeof *copied.pairs), 0};

        ASSERT(copied.pairs);
        key_each(from, copy_pair, &copied);
        keys[count++] = (struct audit_key){copy(told, (struct bytes){entry->name, entry->size}), (enum audit_type)from->type, copied.pairs, copied.count};
    }
    return (struct audit_keys){keys, count};
}

static void describe(struct told *told, int64_t deadline_ms)
{
    struct audit_world *w = &told->world;

    w->prefix = "";
    for (int kind = 0; kind < AUDIT_KINDS; kind++)
        w->deadline_ms[kind] = deadline_ms;
    w->window_ms = 3600 * 1000;
    w->ids = 1000;
    w->sources = told->sources;
    w->outcomes = told->outcomes;
    w->letters = told->letters;
    w->sources_count = w->outcomes_count = TOLD_SOURCES;
    w->letters_count = 1;
    w->letter_max = 2000000;
    w->happenings = told->happenings;
}

static struct daemon *start(const char *name)
{
    struct daemon *daemon = daemon_start(name);

    for (int32_t p = 0; p < TOLD_SOURCES; p++)
        group_gives(name, "orders", p);
    return daemon;
}

static void begin_market(const struct told *told, int32_t shard)
{
    static const char *const commands[] = {"HSET %susers:u0 funds 20", "SADD %sinventory:u1 i1 i2", "SET %sstock:s0 5",
                                           "SET %sstock:s3 9223372036854775800", "HSET %susers:u3 funds 9223372036854775800"};
    char text[TEXT_MAX];

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        redis(command_to(told, shard, commands[i], text));
}

void told_begin(struct told *told, unsigned seed, int events, bool sharded)
{
    struct story_settings settings = {.partitions = TOLD_SOURCES, .deadline_ms = 5000, .turn_events = 7, .sharded = sharded};
    struct teller t = {.told = told, .random = seed};
    struct daemon *daemon;

    memset(told, 0, sizeof *told);
    ASSERT(arena_new(&told->arena, MEMORY_MAX) == 0);
    describe(told, settings.deadline_ms);
    told->world.sharded = sharded;
    story_begin(&settings);
    for (int32_t shard = 0; shard < (told->world.sharded ? TOLD_SOURCES : 1); shard++)
        begin_market(told, shard);
    told->world.before = copy_keys(told);
    daemon = start("A");
    while (t.number < events) {
        produce_one(&t);
        if (t.number % EVENTS_EACH == 0)
            daemon_run(daemon, STEP_MS);
        if (t.number % FOREIGN_EACH == 0)
            others_write(&t);
        if (t.number == events / 4)
            skip_one(told, daemon);
        if (t.number == events / 2) {
            daemon_crash(daemon);
            daemon = start("B");
        }
    }
    daemon_run(daemon, 10000);
    told->world.after = copy_keys(told);
    for (int32_t p = 0; p < TOLD_SOURCES; p++) {
        copy_log(told, &told->sources[p], "orders", p);
        copy_log(told, &told->outcomes[p], "out", p);
    }
    copy_log(told, &told->letters[0], "dead", 0);
    daemon_stop(daemon);
    story_end();
}

void told_end(struct told *told)
{
    arena_free(told->arena);
}

/* --- for forgers */

struct audit_message *told_message(const struct audit_log *log, size_t index)
{
    return (struct audit_message *)(uintptr_t)&log->messages[index];
}

struct audit_header *told_header(struct audit_message *message, const char *name)
{
    for (size_t i = 0; i < message->headers_count; i++)
        if (bytes_equal_text(message->headers[i].name, name))
            return (struct audit_header *)(uintptr_t)&message->headers[i];
    return NULL;
}

struct audit_key *told_key(struct told *told, const char *name)
{
    for (size_t i = 0; i < told->world.after.count; i++)
        if (bytes_equal_text(told->world.after.items[i].name, name))
            return (struct audit_key *)(uintptr_t)&told->world.after.items[i];
    return NULL;
}

struct audit_pair *told_field(struct audit_key *key, const char *name)
{
    for (size_t i = 0; i < key->count; i++)
        if (bytes_equal_text(key->pairs[i].field, name))
            return (struct audit_pair *)(uintptr_t)&key->pairs[i];
    return NULL;
}

struct audit_message *told_outcome(struct told *told, size_t partition, const char *text, int nth)
{
    const struct audit_log *log = &told->outcomes[partition];

    for (size_t i = 0; i < log->count; i++)
        if (memmem(log->messages[i].value.data, log->messages[i].value.size, text, strlen(text)) && nth-- == 0)
            return told_message(log, i);
    return NULL;
}

void told_replace(struct told *told, struct bytes *bytes, const char *from, const char *to)
{
    const char *at = memmem(bytes->data, bytes->size, from, strlen(from));
    size_t before = (size_t)(at - bytes->data), rest = bytes->size - before - strlen(from);
    char *made = arena_take(told->arena, bytes->size + strlen(to) + 1);

    ASSERT(at && made);
    memcpy(made, bytes->data, before);
    memcpy(made + before, to, strlen(to));
    memcpy(made + before + strlen(to), at + strlen(from), rest);
    *bytes = (struct bytes){made, before + strlen(to) + rest};
}

void told_append(struct told *told, struct audit_log *log, const struct audit_message *message)
{
    struct audit_message *to = told_message(log, log->count++);
    struct audit_header *headers = arena_take(told->arena, (message->headers_count + 1) * sizeof *headers);

    ASSERT(headers);
    memcpy(headers, message->headers, message->headers_count * sizeof *headers);
    *to = *message;
    to->headers = headers;
    to->offset = log->end++;
}

void told_remove(struct audit_log *log, size_t index)
{
    memmove(told_message(log, index), told_message(log, index + 1), (log->count - index - 1) * sizeof *log->messages);
    log->count--;
}
