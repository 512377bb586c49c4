/* Resolutions that change what the registry lists: partitions, topics, dedupe settings (PROTOCOL.md 5). */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "ledger/opened.h"

enum { DEDUPE_CHANGES_MAX = 16 };      /* that are remembered */

static int need_registry(struct resolve *resolve, const struct opened *opened)
{
    if (opened->registry == 0)
        return 0;
    return opened_refuse(resolve, "refused: the registry %s is missing or cannot be read; --adopt would be right", opened->shard.meta_key);
}

/* Appends "topic=count", in order of names as start.c writes them. */
static void list_topic(char *text, size_t size, const char *topic, int32_t count)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s=%d", used ? " " : "", topic, count);
}

static void put_topics(struct opened *opened, const char *topics)
{
    command_texts(&opened->writes, "HSET", opened->shard.meta_key, "topics", topics, NULL);
    opened_say(opened, "the registry %s lists %s", opened->shard.meta_key, topics);
}

/* A mark where there is none; one that is there goes on where it stands. */
static int give_mark(struct resolve *resolve, struct opened *opened, const struct opened_partition *item, const struct resolve_froms *froms)
{
    struct evidence e;
    int64_t next;
    int r;

    if (item->mark == 0) {
        opened_say(opened, "%s: goes on at offset %lld: it has a mark already", item->partition->at, (long long)item->partition->mark.next);
        return 0;
    }
    r = opened_evidence(resolve, opened, item, NULL, &e);
    if (r)
        return r;
    r = opened_begin_at(resolve, froms, item->partition, &e, &next);
    if (r)
        return r;
    opened_put_mark(resolve, opened, item->partition, next);
    opened_say(opened, "%s: begins at offset %lld", item->partition->at, (long long)next);
    return 0;
}

static int32_t configured_partitions(const struct resolve *resolve, const char *topic, size_t size)
{
    for (size_t i = 0; i < resolve->start.topics_count; i++)
        if (strlen(resolve->start.topics[i].name) == size && memcmp(resolve->start.topics[i].name, topic, size) == 0)
            return resolve->start.topics[i].partitions;
    return -1;
}

/* The registered topics with the partition counts that they have by now; false when there is nothing new. */
static bool grown(const struct resolve *resolve, const struct registry *registry, char *text, size_t size)
{
    const char *at = registry->topics;
    char topic[KAFKA_TOPIC_MAX + 1];
    bool any = false;

    text[0] = '\0';
    while (registry_next_topic(&at, topic)) {
        int32_t before = registry_partitions(registry, topic), now = configured_partitions(resolve, topic, strlen(topic));

        any |= now > before;
        list_topic(text, size, topic, now > before ? now : before);
    }
    return any;
}

static int repartition(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_froms none = {.count = 0};
    char text[sizeof opened->shard.registry.topics];
    const struct registry *registry = &opened->shard.registry;
    int r = 0;

    (void)argument;
    if (opened->registry == -ENOENT && resolve->start.sharded)
        return 0;      /* a new number's market is made at the next start */
    r = need_registry(resolve, opened);
    if (r)
        return r;
    if (!grown(resolve, registry, text, sizeof text))
        return opened_refuse(resolve, "refused: no topic has more partitions than registered: %s", registry->topics);
    for (size_t i = 0; !r && i < opened->count; i++) {
        const struct partition *p = opened->partitions[i];

        if (registry_partitions(registry, p->topic) >= 0 && p->number >= registry_partitions(registry, p->topic))
            r = give_mark(resolve, opened, &opened->items[i], &none);
    }
    put_topics(opened, text);
    opened_say(opened, "events of one key may now come from two partitions: their order is not kept across the change");
    opened_raise_era(opened);
    return r;
}

int resolve_repartition(struct resolve *resolve)
{
    return opened_run_all(resolve, (struct opened_scope){NULL, -1, true}, repartition, NULL);
}

struct topic_change {
    const char *topic;
    const struct resolve_froms *froms;
};

static int add_topic(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct topic_change *change = argument;
    const struct registry *registry = &opened->shard.registry;
    char text[sizeof registry->topics] = "";
    int r;

    if (opened->registry == -ENOENT && resolve->start.sharded)
        return 0;
    r = need_registry(resolve, opened);
    if (r)
        return r;
    if (registry_partitions(registry, change->topic) >= 0)
        return opened_refuse(resolve, "refused: topic %s is registered already: %s", change->topic, registry->topics);
    if (configured_partitions(resolve, change->topic, strlen(change->topic)) < 0)
        return opened_refuse(resolve, "refused: topic %s is not among kafka.topics", change->topic);
    for (size_t i = 0; i < resolve->start.topics_count; i++) {      /* sorted by name */
        int32_t known = registry_partitions(registry, resolve->start.topics[i].name);

        if (strcmp(resolve->start.topics[i].name, change->topic) == 0)
            known = resolve->start.topics[i].partitions;
        if (known >= 0)
            list_topic(text, sizeof text, resolve->start.topics[i].name, known);
    }
    for (const char *at = registry->topics; *at; at += strcspn(at, " "), at += *at == ' ')
        if (configured_partitions(resolve, at, strcspn(at, "=")) < 0) {
            size_t used = strlen(text);

            snprintf(text + used, sizeof text - used, "%s%.*s", used ? " " : "", (int)strcspn(at, " "), at);
        }
    for (size_t i = 0; !r && i < opened->count; i++)
        if (strcmp(opened->partitions[i]->topic, change->topic) == 0)
            r = give_mark(resolve, opened, &opened->items[i], change->froms);
    put_topics(opened, text);
    opened_raise_era(opened);
    return r;
}

int resolve_add_topic(struct resolve *resolve, const char *topic, const struct resolve_froms *froms)
{
    struct topic_change change = {topic, froms};

    return opened_run_all(resolve, (struct opened_scope){topic, -1, true}, add_topic, &change);
}

static int drop_topic(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct registry *registry = &opened->shard.registry;
    const char *topic = argument;
    char text[sizeof registry->topics] = "";
    int r = need_registry(resolve, opened);

    if (r)
        return r;
    if (registry_partitions(registry, topic) < 0)
        return opened_refuse(resolve, "refused: topic %s is not registered: %s", topic, registry->topics);
    if (configured_partitions(resolve, topic, strlen(topic)) >= 0)
        return opened_refuse(resolve, "refused: topic %s is still among kafka.topics", topic);
    for (size_t i = 0; i < opened->count; i++) {
        const struct partition *p = opened->partitions[i];

        if (strcmp(p->topic, topic) == 0 && opened->items[i].mark == 0 && p->mark.done < p->mark.next)
            return opened_refuse(resolve, "refused: outcomes of %s, %s, are not known to be delivered; run orderd with the topic until its outbox is empty",
                                 p->at, number_offsets(p->mark.done, p->mark.next - 1).text);
    }
    for (const char *at = registry->topics; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t used = strlen(text);

        if (strlen(topic) != strcspn(at, "=") || memcmp(at, topic, strlen(topic)) != 0)
            snprintf(text + used, sizeof text - used, "%s%.*s", used ? " " : "", (int)strcspn(at, " "), at);
    }
    put_topics(opened, text);
    opened_say(opened, "the marks of %s stay: added again, it goes on where it stood", topic);
    opened_raise_era(opened);
    return 0;
}

int resolve_drop_topic(struct resolve *resolve, const char *topic)
{
    return opened_run_all(resolve, (struct opened_scope){topic, -1, false}, drop_topic, (void *)(uintptr_t)topic);
}

/* As many of the changes as are kept beside another one: the newest. */
static struct bytes newest(struct bytes history)
{
    static const char begin[] = "window_s=";
    size_t count = 0;

    for (size_t at = history.size; at-- > 0;) {
        struct bytes rest = {history.data + at, history.size - at};

        if (bytes_begin(rest, begin) && (at == 0 || history.data[at - 1] == ' ') && ++count == DEDUPE_CHANGES_MAX - 1)
            return rest;
    }
    return history;
}

/* "window_s=3600 ids=100000 orders:0=17 orders:1=4": what ruled up to there, a change behind the other, the oldest first. */
static int put_history(struct resolve *resolve, struct opened *opened)
{
    const struct registry *registry = &opened->shard.registry;
    struct buffer line;
    struct bytes before;
    int r = opened_read_field(resolve, opened, "dedupe_until", &before);

    if (r)
        return r;
    buffer_init(&line, 1 << 20);
    buffer_put_bytes(&line, newest(before));
    buffer_put_format(&line, "%swindow_s=%lld ids=%lld", before.size ? " " : "", (long long)registry->window_s, (long long)registry->ids);
    for (size_t i = 0; i < opened->count; i++)
        if (opened->items[i].mark == 0)
            buffer_put_format(&line, " %s=%lld", opened->partitions[i]->at, (long long)opened->partitions[i]->mark.next);
    r = buffer_error(&line);
    if (!r)
        command_texts(&opened->writes, "HSET", opened->shard.meta_key, "dedupe_until", buffer_text(&line), NULL);
    buffer_deinit(&line);
    return r;
}

static int dedupe(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct registry *registry = &opened->shard.registry;
    int r = need_registry(resolve, opened);

    (void)argument;
    if (r)
        return r;
    if (registry->window_s == resolve->start.window_s && registry->ids == resolve->start.ids)
        return opened_refuse(resolve, "refused: the registry has these settings already: window_s=%lld ids=%lld", (long long)registry->window_s,
                             (long long)registry->ids);
    r = put_history(resolve, opened);
    opened_put_field(opened, opened->shard.meta_key, "window_s", resolve->start.window_s);
    opened_put_field(opened, opened->shard.meta_key, "ids", resolve->start.ids);
    opened_say(opened, "dedupe: window_s=%lld ids=%lld instead of window_s=%lld ids=%lld; a larger window fills from here on", (long long)resolve->start.window_s,
               (long long)resolve->start.ids, (long long)registry->window_s, (long long)registry->ids);
    opened_raise_era(opened);
    return r;
}

int resolve_dedupe(struct resolve *resolve)
{
    return opened_run_all(resolve, EVERYTHING, dedupe, NULL);
}
