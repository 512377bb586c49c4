#include "replay/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "replay/target_load.h"
#include "store/exec.h"
#include "store/scan.h"

enum { TRIES = 5, TRY_PAUSE_MS = 50, RANGES_LIMIT = 16 << 20, SCAN_COUNT = 1000 };
static const char halt[] = "replay: this market is a replay's, no daemon works on it";

static int away(struct target *t, int r, struct error_text *error)
{
    if (r && !error->text[0])
        error_set(error, r, session_is_up(t->options.redis->session) ? "redis does not answer as it should: %s" : "the connection to redis was lost", strerror(-r));
    return r;
}

static int ask(struct target *t, struct reply ***replies, size_t count, struct error_text *error)
{
    int r = asker_ask(t->options.redis, replies);

    if (!r)
        r = store_replies_check(*replies, count, error);
    return away(t, r, error);
}

static int execute(struct target *t, size_t queued, struct error_text *error)
{
    struct exec_result result;
    int r = asker_exec(t->options.redis, queued, &result);

    if (r)
        return away(t, r, error);
    if (result.class == EXEC_APPLIED)
        return 0;
    if (result.class == EXEC_CONFLICT)
        return error_set(error, -ESTALE, "somebody else changed the registry or a mark meanwhile");
    if (result.class == EXEC_UNKNOWN)
        return error_set(error, -ECONNRESET, "the connection to redis was lost");
    return error_set(error, result.class == EXEC_REFUSED && result.trouble == TROUBLE_WAIT ? -EAGAIN : -EACCES, "redis did not execute the transaction: %s",
                     result.error.text);
}

/* Whether it is a key that a market has. */
static bool is_ours(const struct target *t, struct bytes key)
{
    static const char *const kinds[] = {"orderd:", "market:", "users:", "inventory:", "stock:"};
    size_t prefix = strlen(t->shard.prefix);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (key.size >= prefix + strlen(kinds[i]) && memcmp(key.data + prefix, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

static int look_at(struct target *t, const struct reply *keys, struct error_text *error)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct bytes key = keys->elements[i]->text;

        if (is_ours(t, key))
            return error_set(error, -EEXIST, "the namespace is not empty, it holds %.*s: another prefix or database would be right, or this one after its keys are deleted",
                             (int)(key.size < 200 ? key.size : 200), key.data);
    }
    return 0;
}

static int check_empty(struct target *t, struct error_text *error)
{
    struct scan scan;

    scan_begin(&scan, t->shard.prefix, "*");
    do {
        struct reply **replies;
        const struct reply *keys;
        int r;

        asker_begin(t->options.redis);
        scan_put(&scan, t->options.redis->commands, SCAN_COUNT);
        r = ask(t, &replies, 1, error);
        if (!r && scan_take(&scan, replies[0], &keys))
            r = error_set(error, -EIO, "SCAN was not answered as it should be");
        if (!r)
            r = look_at(t, keys, error);
        if (r)
            return r;
    } while (!scan_is_over(&scan));
    return 0;
}

static int put_ranges(const struct target_options *o, struct buffer *out)
{
    buffer_init(out, RANGES_LIMIT);
    for (size_t i = 0; i < o->ranges_count; i++) {
        const struct journal_range *range = &o->ranges[i];
        const int64_t numbers[] = {range->partition, range->from, range->to, range->outcomes_from, range->outcomes_to};

        buffer_put_text(out, range->topic);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            buffer_put_char(out, ' ');
            buffer_put_int(out, numbers[n]);
        }
        buffer_put_char(out, '\n');
    }
    return buffer_error(out);
}

static bool take_word(const char **at, const char *end, char stop, struct bytes *out)
{
    const char *found = memchr(*at, stop, (size_t)(end - *at));

    if (!found)
        return false;
    *out = (struct bytes){*at, (size_t)(found - *at)};
    *at = found + 1;
    return true;
}

static bool take_range(const char **at, const char *end, struct journal_range *out)
{
    int64_t partition;
    struct bytes word;

    if (!take_word(at, end, ' ', &word) || word.size > KAFKA_TOPIC_MAX)
        return false;
    memcpy(out->topic, word.data, word.size);
    out->topic[word.size] = '\0';
    if (!take_word(at, end, ' ', &word) || !number_parse(word, &partition) || partition < 0 || partition > INT32_MAX)
        return false;
    out->partition = (int32_t)partition;
    return take_word(at, end, ' ', &word) && number_parse(word, &out->from) && take_word(at, end, ' ', &word) && number_parse(word, &out->to) &&
           take_word(at, end, ' ', &word) && number_parse(word, &out->outcomes_from) && take_word(at, end, '\n', &word) &&
           number_parse(word, &out->outcomes_to);
}

static int read_ranges(struct target *t, struct bytes text, struct error_text *error)
{
    const char *at = text.data, *end = at + text.size;
    size_t count = 0;

    for (const char *line = at; line < end; line++)
        count += *line == '\n';
    t->ranges = calloc(count ? count : 1, sizeof *t->ranges);
    if (!t->ranges)
        return -ENOMEM;
    while (at < end && t->count < count && take_range(&at, end, &t->ranges[t->count]))
        t->count++;
    return at == end && t->count == count ? 0 : error_set(error, -EBADMSG, "the replay's record in %s is damaged", t->shard.meta_key);
}

static void put_number(struct commands *c, const char *name, int64_t value)
{
    command_text(c, name);
    command_int(c, value);
}

static size_t put_registry(struct target *t, struct bytes ranges)
{
    const struct target_options *o = &t->options;
    struct commands *c = o->redis->commands;
    char incarnation[CLOCK_UUID_SIZE];

    clock_uuid(o->clock, incarnation);
    command_begin(c, 2 + 2 * 12);
    command_text(c, "HSET");
    command_text(c, t->shard.meta_key);
    put_number(c, "schema", REGISTRY_SCHEMA);
    command_text(c, "cluster");
    command_text(c, o->cluster);
    command_text(c, "group");
    command_text(c, "");
    command_text(c, "topics");
    command_text(c, o->topics);
    command_text(c, "shard");
    command_text(c, o->shard);
    put_number(c, "window_s", o->window_s);
    put_number(c, "ids", o->ids);
    command_text(c, "incarnation");
    command_text(c, incarnation);
    put_number(c, "era", 1);
    command_text(c, "halt");
    command_text(c, halt);
    command_text(c, "replay");
    command_text(c, o->words);
    command_text(c, "replay_ranges");
    command_bytes(c, ranges);
    command_texts(c, "XADD", t->shard.outbox_key, "0-1", "made", "1", NULL);
    command_texts(c, "XDEL", t->shard.outbox_key, "0-1", NULL);
    return 3;
}

void target_put_mark(struct target *t, const struct journal_range *range)
{
    const struct snapshot_mark *found = t->options.state ? snapshot_mark_of(t->options.state, range->topic, range->partition) : NULL;
    struct mark mark = {.next = range->from, .done = range->from, .seen_from = range->from, .time = -1, .fingerprint_offset = -1};
    struct commands *c = t->options.redis->commands;
    char key[PARTITION_KEY_MAX];

    if (found) {
        mark = found->mark;
        mark.done = mark.next;
    }
    clock_uuid(t->options.clock, mark.epoch);
    partition_key(key, &t->shard, "mark", range->topic, range->partition);
    command_begin(c, 2 + 2 * 7);
    command_text(c, "HSET");
    command_text(c, key);
    put_number(c, "next", mark.next);
    put_number(c, "done", mark.done);
    put_number(c, "seen_from", mark.seen_from);
    put_number(c, "time", mark.time);
    command_text(c, "epoch");
    command_text(c, mark.epoch);
    command_text(c, "fp");
    command_text(c, mark.fingerprint);
    put_number(c, "fp_offset", mark.fingerprint_offset);
}

/* Registry and marks in one EXEC, so that a replay is there or is not; with a snapshot to be loaded first, the marks come last. */
static int make(struct target *t, bool marks, struct error_text *error)
{
    struct commands *c = t->options.redis->commands;
    struct buffer ranges;
    size_t queued;
    int r = put_ranges(&t->options, &ranges);

    asker_begin(t->options.redis);
    command_texts(c, "UNWATCH", NULL);
    command_texts(c, "WATCH", t->shard.meta_key, NULL);
    command_texts(c, "EXISTS", t->shard.meta_key, NULL);
    if (!r) {
        struct reply **replies;

        r = ask(t, &replies, 3, error);
        if (!r && replies[2]->integer)
            r = error_set(error, -ESTALE, "another replay has just begun here");
    }
    command_texts(c, "MULTI", NULL);
    queued = put_registry(t, buffer_bytes(&ranges));
    for (size_t i = 0; marks && i < t->options.ranges_count; i++, queued++)
        target_put_mark(t, &t->options.ranges[i]);
    command_texts(c, "EXEC", NULL);
    if (!r)
        r = execute(t, queued, error);
    buffer_deinit(&ranges);
    return r;
}

/* The record: 0, -ENOENT (no registry), -EEXIST (of something else), -EBADMSG. */
static int find(struct target *t, struct error_text *error)
{
    struct reply **replies;
    struct bytes words;
    int r;

    asker_begin(t->options.redis);
    command_texts(t->options.redis->commands, "EXISTS", t->shard.meta_key, NULL);
    command_texts(t->options.redis->commands, "HMGET", t->shard.meta_key, "replay", "replay_ranges", "replay_counts", NULL);
    r = ask(t, &replies, 2, error);
    if (r)
        return r;
    if (replies[0]->type == REPLY_INTEGER && !replies[0]->integer)
        return -ENOENT;
    if (replies[1]->type != REPLY_ARRAY || replies[1]->elements[0]->type != REPLY_STRING || replies[1]->elements[1]->type != REPLY_STRING)
        return error_set(error, -EEXIST, "the namespace holds a market that is no replay's (%s): another prefix or database would be right", t->shard.meta_key);
    words = replies[1]->elements[0]->text;
    if (!bytes_equal_text(words, t->options.words))
        return error_set(error, -EEXIST, "the namespace holds another replay: %.*s; this one is: %s; the same options, or another namespace, would be right",
                         (int)(words.size < 150 ? words.size : 150), words.data, t->options.words);
    if (replies[1]->elements[2]->type == REPLY_STRING && replies[1]->elements[2]->text.size < sizeof t->counts)
        memcpy(t->counts, replies[1]->elements[2]->text.data, replies[1]->elements[2]->text.size);
    return read_ranges(t, replies[1]->elements[1]->text, error);
}

static int partitions_new(struct target *t)
{
    int r = 0;

    t->partitions = calloc(t->count ? t->count : 1, sizeof *t->partitions);
    t->begins = calloc(t->count ? t->count : 1, sizeof *t->begins);
    if (!t->partitions || !t->begins)
        return -ENOMEM;
    for (size_t i = 0; !r && i < t->count; i++) {
        t->begins[i] = t->ranges[i].from;
        r = partition_new(&t->partitions[i], t->ranges[i].topic, t->ranges[i].partition, &t->shard);
    }
    return r;
}

/* Marks there and not: a kill came between registry and marks, while a snapshot was loaded. */
static int has_marks(struct target *t, bool *has, struct error_text *error)
{
    struct reply **replies;
    int r;

    *has = true;
    if (!t->count)
        return 0;
    asker_begin(t->options.redis);
    command_texts(t->options.redis->commands, "EXISTS", t->partitions[0]->mark_key, NULL);
    r = ask(t, &replies, 1, error);
    *has = r || replies[0]->integer;
    return r;
}

int target_open(struct target *t, const struct target_options *options, struct error_text *error)
{
    bool has = true;
    int r = -ESTALE;

    *t = (struct target){.options = *options};
    error->text[0] = '\0';
    shard_init(&t->shard, options->prefix, options->number);
    r = find(t, error);
    t->resumed = r == 0;
    if (r == -ENOENT) {
        r = check_empty(t, error);
        if (!r)
            r = make(t, !options->state, error);
        if (!r)
            r = find(t, error);
    }
    if (!r)
        r = partitions_new(t);
    if (!r)
        r = has_marks(t, &has, error);
    if (!r && !has) {
        r = options->state ? target_load(t, error) : error_set(error, -EBADMSG, "the replay's marks are missing: another namespace would be right");
        t->resumed = false;
    }
    return r ? r : target_take_over(t, error);
}

void target_close(struct target *t)
{
    for (size_t i = 0; t->partitions && i < t->count; i++)
        partition_free(t->partitions[i], &t->pool);
    outbox_pool_deinit(&t->pool);
    free(t->partitions);
    free(t->ranges);
    free(t->begins);
    *t = (struct target){0};
}

/* Fresh epochs under WATCH of the marks as read. */
static int claim(struct target *t, struct error_text *error)
{
    struct commands *c = t->options.redis->commands;
    struct reply **replies;
    int r;

    asker_begin(t->options.redis);
    command_texts(c, "UNWATCH", NULL);
    command_begin(c, 2 + t->count);
    command_text(c, "WATCH");
    command_text(c, t->shard.meta_key);
    for (size_t i = 0; i < t->count; i++)
        command_text(c, t->partitions[i]->mark_key);
    command_texts(c, "HMGET", t->shard.meta_key, REGISTRY_FIELDS, NULL);
    for (size_t i = 0; i < t->count; i++)
        command_texts(c, "HMGET", t->partitions[i]->mark_key, MARK_FIELDS, NULL);
    r = ask(t, &replies, 3 + t->count, error);
    if (!r && registry_read(&t->shard.registry, replies[2]))
        r = error_set(error, -EBADMSG, "the registry %s cannot be read", t->shard.meta_key);
    for (size_t i = 0; !r && i < t->count; i++)
        if (mark_read(&t->partitions[i]->mark, replies[3 + i]) || t->partitions[i]->mark.torn)
            r = error_set(error, -EBADMSG, "the mark %s is missing, damaged or torn: another namespace would be right", t->partitions[i]->mark_key);
    if (r)
        return r;
    t->shard.known = t->shard.under_halt = true;
    command_texts(c, "MULTI", NULL);
    for (size_t i = 0; i < t->count; i++) {
        clock_uuid(t->options.clock, t->partitions[i]->mark.epoch);
        command_texts(c, "HSET", t->partitions[i]->mark_key, "epoch", t->partitions[i]->mark.epoch, NULL);
    }
    command_texts(c, "EXEC", NULL);
    return execute(t, t->count, error);
}

static int gather(struct target *t, struct error_text *error)
{
    struct gather work = {*t->options.redis, t->options.clock, t->options.log, &t->pool};
    struct gathered *gathered = calloc(t->count ? t->count : 1, sizeof *gathered);
    int r = gathered ? gather_outbox(&work, &t->shard, t->partitions, t->count, gathered) : -ENOMEM;

    for (size_t i = 0; !r && i < t->count; i++) {
        struct partition *p = t->partitions[i];

        r = gather_seen(&work, p, &gathered[i]);
        if (!r && !gathered[i].seen_whole)
            r = error_set(error, -EBADMSG, "the seen list %s is not whole: %s", p->seen_key, gathered[i].seen_problem);
        outbox_reset(&p->outbox, &t->pool, p->mark.done);
        while (!r && gathered[i].first) {
            struct outbox_entry *entry = gathered[i].first;

            gathered[i].first = entry->next;
            outbox_append(&p->outbox, entry);
        }
        p->state = PARTITION_OWNED;
        t->ranges[i].from = p->mark.next;
    }
    if (gathered)
        gathered_free(&work, gathered, t->count);
    free(gathered);
    return away(t, r, error);
}

int target_take_over(struct target *t, struct error_text *error)
{
    int r = -ESTALE;

    for (int i = 0; r == -ESTALE && i < TRIES; i++) {
        if (i)
            clock_sleep_ms(t->options.clock, TRY_PAUSE_MS);
        error->text[0] = '\0';
        r = claim(t, error);
    }
    return r ? r : gather(t, error);
}

int target_keep(struct target *t, const char *counts, struct error_text *error)
{
    struct commands *c = t->options.redis->commands;
    struct reply **replies;

    asker_begin(t->options.redis);
    command_texts(c, "HSET", t->shard.meta_key, "replay_counts", counts, NULL);
    return ask(t, &replies, 1, error);
}

int64_t target_position(const struct target *t)
{
    int64_t sum = 0;

    for (size_t i = 0; i < t->count; i++)
        sum += t->partitions[i]->mark.next;
    return sum;
}
