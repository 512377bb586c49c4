/* Pausing and resuming: the fields of orderd:paused written for every partition that is meant, and at once believed for those here.
 *
 * The key is no part of the compare-and-set, so a busy partition can be paused by an instance that does not own it, and pausing never
 * makes a turn meet a conflict. A market without a registry has no partitions, so that nothing is ever written beside one that is not there. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

/* One request on its way through the partitions. */
struct pausing {
    struct pipeline *p;
    const struct operator_place *place;
    const char *topics;                   /* as the registry lists them: "orders=3 refunds=2" */
    const char *value;                    /* NULL: resume */
};

static int refused(struct operator_answer *answer, int error)
{
    operator_say(answer, error == -ENOMEM ? error : -EAGAIN, "redis is away, so nothing is decided now, and nothing can be kept there: try again when it is back");
    return answer->error;
}

/* The registry's list, as it is now. */
static int read_topics(struct pipeline *p, char topics[sizeof((struct registry *)0)->topics], struct operator_answer *answer)
{
    struct asker *redis = &p->takeover.gather.redis;
    struct shard *shard = assignment_shard(p, 0);
    struct error_text error;
    struct reply **replies;
    int r;

    if (!shard)
        return refused(answer, -ENOMEM);
    asker_begin(redis);
    command_texts(redis->commands, "HGET", shard->meta_key, "topics", NULL);
    r = asker_ask(redis, &replies);
    if (r)
        return refused(answer, r);
    if (store_replies_check(replies, 1, &error)) {
        operator_say(answer, -EIO, "redis refuses: %s", error.text);
        return -EIO;
    }
    if (replies[0]->type != REPLY_STRING || replies[0]->text.size >= sizeof((struct registry *)0)->topics) {
        operator_say(answer, -ENOENT, "there is no market: its registry %s has no topics", shard->meta_key);
        return -ENOENT;
    }
    memcpy(topics, replies[0]->text.data, replies[0]->text.size);
    topics[replies[0]->text.size] = '\0';
    return 0;
}

static bool is_meant(const struct operator_place *place, const char *topic, int32_t partition)
{
    return !place->topic || (strcmp(place->topic, topic) == 0 && (place->partition < 0 || place->partition == partition));
}

/* The next "name=count" of the list; false at its end. */
static bool next_topic(const char **at, char name[KAFKA_TOPIC_MAX + 1], int32_t *partitions)
{
    size_t word = strcspn(*at, " "), size = strcspn(*at, "= ");
    int64_t count = 0;

    if (!word || size >= word || size > KAFKA_TOPIC_MAX || !number_parse((struct bytes){*at + size + 1, word - size - 1}, &count))
        return false;
    memcpy(name, *at, size);
    name[size] = '\0';
    *partitions = (int32_t)(count < LANES_MAX ? count : LANES_MAX);
    *at += word + ((*at)[word] == ' ');
    return true;
}

/* The fields of one shard: counted, or put where `commands` are given. */
static size_t put_fields(const struct pausing *pausing, int32_t shard, struct commands *commands)
{
    char name[KAFKA_TOPIC_MAX + 1], at[PARTITION_KEY_MAX];
    int32_t partitions;
    size_t count = 0;

    for (const char *word = pausing->topics; next_topic(&word, name, &partitions);)
        for (int32_t i = shard == SHARD_NONE ? 0 : shard; i < partitions && (shard == SHARD_NONE || i == shard); i++) {
            if (!is_meant(pausing->place, name, i))
                continue;
            count++;
            if (!commands)
                continue;
            snprintf(at, sizeof at, "%s:%d", name, i);
            command_text(commands, at);
            if (pausing->value)
                command_text(commands, pausing->value);
        }
    return count;
}

static size_t put_command(const struct pausing *pausing, int32_t shard)
{
    struct commands *commands = pausing->p->takeover.gather.redis.commands;
    size_t count = put_fields(pausing, shard, NULL);
    char key[SHARD_KEY_MAX];

    if (!count)
        return 0;
    shard_paused_key(key, pausing->p->options.prefix, shard);
    command_begin(commands, 2 + (pausing->value ? 2 : 1) * count);
    command_text(commands, pausing->value ? "HSET" : "HDEL");
    command_text(commands, key);
    put_fields(pausing, shard, commands);
    return count;
}

static void unknown_place(const struct pausing *pausing, struct operator_answer *answer)
{
    const struct operator_place *place = pausing->place;
    char number[16] = "";

    if (place->partition >= 0)
        snprintf(number, sizeof number, ":%d", place->partition);
    operator_say(answer, -ENOENT, "%s%s is no %s of this market; its topics and their partition counts are %.300s", place->topic, number,
                 number[0] ? "partition" : "topic", pausing->topics);
}

/* Returns how many partitions are meant; 0 with an answer. */
static size_t write_fields(const struct pausing *pausing, struct operator_answer *answer)
{
    struct asker *redis = &pausing->p->takeover.gather.redis;
    size_t count = 0, commands;
    struct error_text error;
    struct reply **replies;

    asker_begin(redis);
    for (int32_t shard = 0; pausing->p->options.sharded && shard < LANES_MAX; shard++)
        count += put_command(pausing, shard);
    if (!pausing->p->options.sharded)
        count = put_command(pausing, SHARD_NONE);
    commands = redis->commands->count;
    if (!count)
        unknown_place(pausing, answer);
    else if (asker_ask(redis, &replies))
        count = 0, refused(answer, -EAGAIN);
    else if (store_replies_check(replies, commands, &error))
        count = 0, operator_say(answer, -EIO, "redis refuses to keep it: %s", error.text);
    return count;
}

static size_t believe(const struct pausing *pausing, const struct pause *pause)
{
    struct pipeline *p = pausing->p;
    size_t count = 0;

    for (size_t i = 0; i < p->lanes_count; i++) {
        struct partition *partition = p->lanes[i]->partition;

        if (!is_meant(pausing->place, partition->topic, partition->number))
            continue;
        partition->pause = *pause;
        count++;
    }
    park_lanes(p);
    return count;
}

static void change(struct pipeline *p, const struct operator_place *place, const struct pause *pause, struct operator_answer *answer)
{
    char topics[sizeof((struct registry *)0)->topics], value[PAUSE_VALUE_SIZE] = "";
    struct pausing pausing = {p, place, topics, pause->set ? value : NULL};
    size_t count, here;

    pause_format(value, pause);
    if (!session_is_up(p->options.session)) {
        (void)refused(answer, -EAGAIN);
        return;
    }
    execute_forget(p);
    if (read_topics(p, topics, answer))
        return;
    count = write_fields(&pausing, answer);
    if (!count)
        return;
    here = believe(&pausing, pause);
    operator_say(answer, 0, "%s: %zu %s, %zu of them here%s", pause->set ? "paused" : "resumed", count, count == 1 ? "partition" : "partitions", here,
                 here < count ? "; their owners see it within seconds" : "");
}

void operator_pause(struct pipeline *p, const struct operator_place *place, const char *note, struct operator_answer *answer)
{
    struct pause pause = {.set = true, .since = clock_realtime_ms(p->options.clock)};

    snprintf(pause.note, sizeof pause.note, "%s", note);
    change(p, place, &pause, answer);
}

void operator_resume(struct pipeline *p, const struct operator_place *place, struct operator_answer *answer)
{
    static const struct pause none = {.set = false};

    if (!place->topic)
        operator_quiet(p, false);
    change(p, place, &none, answer);
}
