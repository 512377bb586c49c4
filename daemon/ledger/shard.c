#include "ledger/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

const char *shard_market_word(enum view_key_kind kind)
{
    static const char *const words[] = {[VIEW_FUNDS] = "users:", [VIEW_STOCK] = "stock:", [VIEW_INVENTORY] = "inventory:", [VIEW_MARKET] = "market:"};

    return words[kind];
}

void shard_init(struct shard *shard, const char *prefix, int32_t number)
{
    *shard = (struct shard){.number = number};
    if (number == SHARD_NONE)
        snprintf(shard->prefix, sizeof shard->prefix, "%s", prefix);
    else
        snprintf(shard->prefix, sizeof shard->prefix, "%s{%d}", prefix, number);
    snprintf(shard->meta_key, sizeof shard->meta_key, "%sorderd:meta", shard->prefix);
    snprintf(shard->outbox_key, sizeof shard->outbox_key, "%sorderd:outbox", shard->prefix);
    shard_paused_key(shard->paused_key, prefix, number);
}

void shard_paused_key(char out[SHARD_KEY_MAX], const char *prefix, int32_t number)
{
    if (number == SHARD_NONE)
        snprintf(out, SHARD_KEY_MAX, "%sorderd:paused", prefix);
    else
        snprintf(out, SHARD_KEY_MAX, "%s{%d}orderd:paused", prefix, number);
}

static bool take_text(const struct reply *value, char *out, size_t size)
{
    out[0] = '\0';
    if (value->type == REPLY_NIL)
        return true;
    if (value->type != REPLY_STRING || value->text.size >= size || memchr(value->text.data, 0, value->text.size))
        return false;
    memcpy(out, value->text.data, value->text.size);
    out[value->text.size] = '\0';
    return true;
}

static bool take_number(const struct reply *value, int64_t *out)
{
    return value->type == REPLY_STRING && number_parse(value->text, out);
}

/* A field that may be missing: 0. */
static bool take_number_or_none(const struct reply *value, int64_t *out)
{
    *out = 0;
    return value->type == REPLY_NIL || take_number(value, out);
}

static bool take_former(struct registry *out, const struct reply *value)
{
    char text[SHARD_FORMER_MAX * CLOCK_UUID_SIZE + 1];
    char *rest = text, *word;

    if (!take_text(value, text, sizeof text))
        return false;
    while ((word = strsep(&rest, " ")) && out->former_count < SHARD_FORMER_MAX)
        if (*word && strlen(word) < CLOCK_UUID_SIZE)
            memcpy(out->former[out->former_count++], word, strlen(word) + 1);
    return true;
}

int registry_read(struct registry *out, const struct reply *reply)
{
    int64_t schema;
    struct reply **field = reply->elements;

    if (reply->type != REPLY_ARRAY || reply->count != REGISTRY_FIELDS_COUNT)
        return -EIO;
    memset(out, 0, sizeof *out);
    if (field[0]->type == REPLY_NIL && field[7]->type == REPLY_NIL && field[9]->type == REPLY_NIL)
        return -ENOENT;
    if (!take_number(field[0], &schema) || schema != REGISTRY_SCHEMA ||
        !take_text(field[1], out->cluster, sizeof out->cluster) || !take_text(field[2], out->group, sizeof out->group) ||
        !take_text(field[3], out->topics, sizeof out->topics) || !take_text(field[4], out->shard, sizeof out->shard) ||
        !take_number(field[5], &out->window_s) || !take_number(field[6], &out->ids) ||
        !take_text(field[7], out->incarnation, sizeof out->incarnation) || !out->incarnation[0] ||
        !take_former(out, field[8]) || !take_number(field[9], &out->era) ||
        !take_text(field[10], out->halt, sizeof out->halt) ||
        !take_text(field[11], out->quarantine, sizeof out->quarantine) || !take_number_or_none(field[12], &out->reapplied))
        return -EBADMSG;
    return out->window_s < 1 || out->ids < 1 || out->era < 1 ? -EBADMSG : 0;
}

bool registry_unchanged(const struct registry *registry, const struct reply *reply)
{
    int64_t era;

    return reply->type == REPLY_ARRAY && reply->count == REGISTRY_TURN_FIELDS_COUNT &&
           take_number(reply->elements[0], &era) && era == registry->era && reply->elements[1]->type == REPLY_NIL;
}

bool shard_unchanged(const struct shard *shard, const struct reply *reply)
{
    const struct registry *registry = &shard->registry;
    int64_t era;

    if (!shard->under_halt || !registry->halt[0])
        return registry_unchanged(registry, reply);
    return reply->type == REPLY_ARRAY && reply->count == REGISTRY_TURN_FIELDS_COUNT && take_number(reply->elements[0], &era) &&
           era == registry->era && reply->elements[1]->type == REPLY_STRING && bytes_equal_text(reply->elements[1]->text, registry->halt);
}

bool registry_next_topic(const char **at, char topic[KAFKA_TOPIC_MAX + 1])
{
    if (!**at)
        return false;
    snprintf(topic, KAFKA_TOPIC_MAX + 1, "%.*s", (int)strcspn(*at, "="), *at);
    *at += strcspn(*at, " ");
    *at += **at == ' ';
    return true;
}

bool shard_has(const struct shard *shard, int32_t partition)
{
    return shard->number == SHARD_NONE || shard->number == partition;
}

int32_t registry_partitions(const struct registry *registry, const char *topic)
{
    size_t size = strlen(topic);

    int64_t count;

    for (const char *at = registry->topics; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strncmp(at, topic, size) == 0 && at[size] == '=')
            return number_parse((struct bytes){at + size + 1, strcspn(at + size + 1, " ")}, &count) && count >= 0 && count <= INT32_MAX
                       ? (int32_t)count
                       : -1;
    return -1;
}

bool registry_is_former(const struct registry *registry, struct bytes incarnation)
{
    for (size_t i = 0; i < registry->former_count; i++)
        if (bytes_equal_text(incarnation, registry->former[i]))
            return true;
    return false;
}

void registry_add_former(struct registry *registry, const char *incarnation)
{
    if (!incarnation[0] || registry_is_former(registry, bytes_of(incarnation)))
        return;
    if (registry->former_count == SHARD_FORMER_MAX)
        memmove(registry->former, registry->former + 1, --registry->former_count * sizeof *registry->former);
    snprintf(registry->former[registry->former_count++], CLOCK_UUID_SIZE, "%s", incarnation);
}

bool registry_quarantined(const struct registry *registry, const char *topic, int32_t partition, int64_t offset)
{
    char word[KAFKA_TOPIC_MAX + 48];
    int size;

    if (!registry->quarantine[0])
        return false;
    size = snprintf(word, sizeof word, "%s:%d:%lld", topic, partition, (long long)offset);
    for (const char *at = registry->quarantine; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strncmp(at, word, (size_t)size) == 0 && (at[size] == ' ' || at[size] == '\0'))
            return true;
    return false;
}
