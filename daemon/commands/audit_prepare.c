/* What is known before the log is read: which market, whose outcomes, which part of the logs, and from what it begins. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "commands/audit.h"
#include "commands/complain.h"
#include "ledger/dedupe.h"
#include "ledger/moves.h"

static int failed(const struct error_text *error, int r)
{
    int code = r == -EPROTO ? EX_CONFIG : r == -EACCES ? EX_NOPERM : r == -ENOMEM ? EX_OSERR : r == -EBADMSG ? EX_DATAERR : r == -ENOENT || r == -EIO ? EX_IOERR : EX_UNAVAILABLE;

    return complain("audit", code, "%s", error->text);
}

static const struct config *config_of(const struct audit_market *market)
{
    return market->command->site->config;
}

/* --- the registry */

static void use_registry(struct audit_market *market, const struct registry *registry)
{
    market->registry = *registry;
    market->registered = true;
}

static bool find_market(const struct snapshot *snapshot, int32_t number, size_t *index)
{
    for (size_t i = 0; i < snapshot_markets(snapshot); i++)
        if (snapshot_market(snapshot, i)->number == number) {
            *index = i;
            return true;
        }
    return false;
}

/* The registry as Redis has it now, with two fields of it that only an audit reads. */
static int ask_registry(struct audit_market *market, struct buffer *moved, struct buffer *rules)
{
    struct asker *redis = &market->command->site->redis;
    struct reply **replies;
    struct shard shard;
    struct registry registry;
    int r;

    if (!session_is_up(redis->session))
        return 0;
    shard_init(&shard, config_of(market)->redis.prefix, market->number);
    arena_reset(redis->arena);
    command_texts(redis->commands, "HMGET", shard.meta_key, REGISTRY_FIELDS, NULL);
    command_texts(redis->commands, "HMGET", shard.meta_key, "moved", "dedupe_until", NULL);
    r = asker_ask(redis, &replies);
    if (r || registry_read(&registry, replies[0]) || replies[1]->type != REPLY_ARRAY || replies[1]->count != 2)
        return 0;
    use_registry(market, &registry);
    if (replies[1]->elements[0]->type == REPLY_STRING)
        buffer_put_bytes(moved, replies[1]->elements[0]->text);
    if (replies[1]->elements[1]->type == REPLY_STRING)
        buffer_put_bytes(rules, replies[1]->elements[1]->text);
    return 0;
}

/* The same from the snapshot that was taken. */
static int read_registry(struct audit_market *market, struct buffer *moved, struct buffer *rules, struct error_text *error)
{
    struct snapshot *snapshot = market->command->now;
    struct snapshot_value value;
    size_t of;
    int r;

    if (!find_market(snapshot, market->number, &market->now_index))
        return error_set(error, -EPROTO, "there is no registry of partition number %d", market->number);
    use_registry(market, &snapshot_market(snapshot, market->now_index)->registry);
    r = snapshot_rewind(snapshot);
    while (!r && (r = snapshot_next(snapshot, &of, &value, error)) == 1) {
        r = 0;
        if (of != market->now_index || value.type != SNAPSHOT_HASH || !bytes_equal_text(value.key, "orderd:meta"))
            continue;
        if (bytes_equal_text(value.member, "moved"))
            buffer_put_bytes(moved, value.value);
        else if (bytes_equal_text(value.member, "dedupe_until"))
            buffer_put_bytes(rules, value.value);
    }
    return r;
}

/* --- the incarnation */

static bool take_incarnation(struct audit_market *market, const struct kafka_message *message)
{
    struct kafka_header headers[AUDIT_HEADERS_MAX];
    size_t count = kafka_message_headers(message, headers, AUDIT_HEADERS_MAX);
    struct decision_identity identity;

    if (decision_identify(&identity, headers, count < AUDIT_HEADERS_MAX ? count : AUDIT_HEADERS_MAX, NULL))
        return false;
    memcpy(market->incarnation, identity.incarnation.data, identity.incarnation.size);
    market->incarnation[identity.incarnation.size] = '\0';
    return true;
}

/* That of the last outcome of any partition: of all the one that was written last. */
static int last_incarnation(struct audit_market *market, struct error_text *error)
{
    enum { TAIL = 64 };
    struct kafka_reader *reader = market->command->site->reader;
    int64_t latest = -1, start, end;
    int r = 0;

    for (int32_t p = 0; !r && p < audit_partitions(market->command); p++) {
        struct kafka_message message;
        int64_t at;

        if (market->number != SHARD_NONE && p != market->number)
            continue;
        r = kafka_in_bounds(market->command->in, config_of(market)->kafka.outcomes, p, &start, &end, SITE_QUESTION_MS);
        at = end - TAIL > start ? end - TAIL : start;
        if (r || start >= end)
            continue;
        r = kafka_reader_open(market->command->site->reader, config_of(market)->kafka.outcomes, p, at);
        while (!r && at < end && (r = kafka_reader_next(reader, SITE_QUESTION_MS, &message)) == 1) {
            bool over = message.kind != KAFKA_MESSAGE;

            r = 0;
            at = message.offset + 1;
            if (!over && message.timestamp >= latest && take_incarnation(market, &message))
                latest = message.timestamp;
            kafka_message_free(&message);
            if (over)
                break;
        }
        kafka_reader_close(reader);
    }
    return r < 0 ? error_set(error, r, "the last outcomes cannot be read: %s", strerror(-r)) : 0;
}

static int choose_incarnation(struct audit_market *market, struct error_text *error)
{
    const char *wanted = market->command->words->incarnation;
    int r = 0;

    if (wanted || market->registered) {
        snprintf(market->incarnation, sizeof market->incarnation, "%s", wanted ? wanted : market->registry.incarnation);
        market->incarnation_by = wanted ? "as asked for" : "the registry's";
        return 0;
    }
    r = last_incarnation(market, error);
    market->incarnation_by = "that of the last outcome, for there is no registry";
    if (!r && !market->incarnation[0])
        return error_set(error, -EPROTO, "%s holds no outcome, and there is no registry: nothing can be audited", config_of(market)->kafka.outcomes);
    return r;
}

/* --- the ranges */

static struct ranges_options ranges_options(const struct audit_market *market)
{
    const struct audit_command *command = market->command;
    bool usual = !command->state;

    return (struct ranges_options){.in = command->in, .kafka = site_consumer(command->site), .topics = command->site->topics.items,
                                   .topics_count = command->site->topics.count, .registry = market->registered ? &market->registry : NULL, .number = market->number,
                                   .outcomes = config_of(market)->kafka.outcomes, .incarnation = market->incarnation,
                                   .from = usual ? &command->words->from : NULL, .to = &command->words->to, .timeout_ms = SITE_QUESTION_MS};
}

static int64_t committed_of(const struct audit_market *market, const struct journal_range *range, struct error_text *error)
{
    struct kafka_position position = {.partition = range->partition};
    int r;

    snprintf(position.topic, sizeof position.topic, "%s", range->topic);
    r = kafka_in_committed(market->command->in, &position, 1, SITE_QUESTION_MS);
    if (r)
        return error_set(error, r, "kafka does not tell the commit of %s:%d: %s", range->topic, range->partition, strerror(-r));
    return position.offset == KAFKA_OFFSET_NONE ? 0 : position.offset;
}

static bool is_compacted(const struct audit_command *command, const char *topic)
{
    for (size_t i = 0; i < command->site->topics.count; i++)
        if (strcmp(command->site->topics.items[i].name, topic) == 0)
            return command->compacted[i];
    return true;
}

/* The commit is read before the ends are fixed: what lies below it has its outcome in the topic by then. */
static int say_ranges(struct audit_market *market, struct error_text *error)
{
    int r = 0;

    market->said = calloc(market->count + 1, sizeof *market->said);
    if (!market->said)
        return error_set(error, -ENOMEM, "no memory");
    for (size_t i = 0; r >= 0 && i < market->count; i++) {
        struct audit_range *said = &market->said[i];
        int64_t committed;

        snprintf(said->topic, sizeof said->topic, "%s", market->ranges[i].topic);
        said->partition = market->ranges[i].partition;
        snprintf(said->at, sizeof said->at, "%s:%d", said->topic, said->partition);
        said->compacted = is_compacted(market->command, said->topic);
        said->outcomes_early = -1;
        committed = committed_of(market, &market->ranges[i], error);
        said->must = committed;
        r = committed < 0 ? (int)committed : 0;
    }
    return r;
}

/* Where logs begin and end, asked last: no outcome that is read is of an event beyond. */
static int ask_ends(struct audit_market *market, struct error_text *error)
{
    int r = 0;

    for (size_t i = 0; !r && i < market->count; i++) {
        struct audit_range *said = &market->said[i];
        int64_t end;

        r = kafka_in_bounds(market->command->in, said->topic, said->partition, &said->log_start, &said->log_end, SITE_QUESTION_MS);
        if (!r)
            r = kafka_in_bounds(market->command->in, config_of(market)->kafka.outcomes, said->partition, &said->outcomes_start, &end, SITE_QUESTION_MS);
        if (r)
            error_set(error, r, "kafka does not say where %s or its outcomes begin and end: %s", said->at, strerror(-r));
    }
    return r;
}

/* To the marks in Redis; from those of the snapshot that it begins with. A partition number that came after the snapshot has no market in it, and began empty. */
static int place_by_snapshots(struct audit_market *market, struct error_text *error)
{
    struct audit_command *command = market->command;
    int r = 0;

    if (command->state) {
        market->stated = find_market(command->state, market->number, &market->state_index);
        if (!market->stated && market->number == SHARD_NONE)
            return error_set(error, -EPROTO, "%s holds no market", command->words->state);
    }
    if (market->stated) {
        r = survey_read(&market->state, command->state, market->state_index, market->said, market->count, error);
        for (size_t i = 0; !r && i < market->count; i++)
            if (market->state.partitions[i].mark)
                market->ranges[i].from = market->state.partitions[i].mark->mark.next;
    }
    if (!r && command->now) {
        r = survey_read(&market->now, command->now, market->now_index, market->said, market->count, error);
        for (size_t i = 0; !r && i < market->count; i++) {
            if (market->now.partitions[i].mark)
                market->ranges[i].to = market->said[i].must = market->now.partitions[i].next;
            market->said[i].outcomes_early = market->said[i].partition < command->outcomes_partitions ? command->outcomes_early[market->said[i].partition] : -1;
        }
    }
    return r;
}

static int finish_ranges(struct audit_market *market, struct error_text *error)
{
    for (size_t i = 0; i < market->count; i++) {
        struct audit_range *said = &market->said[i];
        struct journal_range *range = &market->ranges[i];

        if (market->stated && range->from < said->log_start)
            return error_set(error, -EPROTO, "%s:%d: the snapshot's mark is at offset %lld, and retention has deleted the log up to %lld; a later snapshot would be right", range->topic,
                             range->partition, (long long)range->from, (long long)said->log_start);
        if (range->to > said->log_end)
            range->to = said->log_end;
        if (range->from > range->to)
            range->from = range->to;
        said->from = range->from;
        said->to = range->to;
        if (said->must > said->to)
            said->must = said->to;
        said->begins = said->from == 0 && said->log_start == 0;
    }
    return 0;
}

static int make_ranges(struct audit_market *market, struct error_text *error)
{
    struct ranges_options options = ranges_options(market);
    int r = ranges_make(&market->ranges, &market->count, &options, error);

    if (!r)
        r = say_ranges(market, error);
    if (!r)
        r = place_by_snapshots(market, error);
    /* Once more, for other beginnings; and the commits were read only now. */
    if (!r)
        r = ranges_find_outcomes(market->ranges, market->count, &options, error);
    if (!r)
        r = ask_ends(market, error);
    return r ? r : finish_ranges(market, error);
}

/* --- gaps and former rules */

static int add_gap(struct audit_market *market, size_t range, int64_t from, int64_t to, bool decided)
{
    struct audit_gap *gaps = realloc(market->gaps, (market->gaps_count + 1) * sizeof *gaps);

    if (!gaps)
        return -ENOMEM;
    market->gaps = gaps;
    gaps[market->gaps_count++] = (struct audit_gap){range, from, to, decided};
    return 0;
}

static int read_moves(struct audit_market *market, struct bytes moved)
{
    struct move move;
    int r = 0;

    while (!r && moves_next(&moved, &move))
        for (size_t i = 0; !r && i < market->count; i++)
            if (move.from < move.to && move.partition == market->said[i].partition && bytes_equal_text(move.topic, market->said[i].topic))
                r = add_gap(market, i, move.from, move.to, bytes_equal_text(move.reason, MOVE_LOST));
    for (size_t i = 0; !r && i < market->now.holes_count; i++)
        r = add_gap(market, market->now.holes[i].range, market->now.holes[i].from, market->now.holes[i].to, true);
    return r;
}

static int read_rules(struct audit_market *market, struct bytes text)
{
    struct dedupe_walk walk = {.rest = text};
    struct dedupe_ruled ruled;
    size_t max = 1;

    for (size_t i = 0; i < text.size; i++)
        max += text.data[i] == '=';
    market->rules = calloc(max, sizeof *market->rules);
    if (!market->rules)
        return -ENOMEM;
    while (dedupe_next(&walk, &ruled)) {
        int64_t range = survey_range(market->said, market->count, ruled.at);

        if (range >= 0)
            market->rules[market->rules_count++] = (struct audit_rule){(size_t)range, ruled.until, ruled.window_s, ruled.ids};
    }
    return 0;
}

/* --- all of it */

/* The log holds the whole of the market's history when all of it is there, and nobody began anew in its middle. */
static enum audit_begin begin_of(const struct audit_market *market)
{
    if (market->stated)
        return AUDIT_FROM_SNAPSHOT;
    if (market->registered && market->registry.former_count)
        return AUDIT_FROM_FIRST_SEEN;
    for (size_t i = 0; i < market->count; i++)
        if (!market->said[i].begins || market->said[i].outcomes_start > 0)
            return AUDIT_FROM_FIRST_SEEN;
    return AUDIT_FROM_EMPTY;
}

/* Asked before the sources' ends: so far no dead letter is of an event beyond. */
static int ask_letters(struct audit_market *market, struct error_text *error)
{
    int32_t count = market->command->site->topics.limits.dead_letter_partitions;
    int r = 0;

    if (count > (int32_t)(sizeof market->letters_start / sizeof market->letters_start[0]))
        return error_set(error, -EPROTO, "%s has %d partitions, more than an audit takes", config_of(market)->kafka.dead_letters, count);
    market->letters_partitions = count;
    for (int32_t p = 0; !r && p < count; p++)
        r = kafka_in_bounds(market->command->in, config_of(market)->kafka.dead_letters, p, &market->letters_start[p], &market->letters_early[p], SITE_QUESTION_MS);
    return r ? error_set(error, r, "kafka does not say where %s begins and ends: %s", config_of(market)->kafka.dead_letters, strerror(-r)) : 0;
}

static int prepare(struct audit_market *market, struct buffer *moved, struct buffer *rules, struct error_text *error)
{
    int r = market->command->now ? read_registry(market, moved, rules, error) : ask_registry(market, moved, rules);

    if (!r)
        r = choose_incarnation(market, error);
    if (!r)
        r = ask_letters(market, error);
    if (!r)
        r = make_ranges(market, error);
    if (r)
        return r;
    market->window_s = market->registered ? market->registry.window_s : config_of(market)->dedupe.window_s;
    market->ids = market->registered ? market->registry.ids : config_of(market)->dedupe.ids;
    market->begin = begin_of(market);
    error_set(error, 0, "no memory");
    r = read_moves(market, buffer_bytes(moved));
    return r ? r : read_rules(market, buffer_bytes(rules));
}

int audit_prepare(struct audit_market *market)
{
    enum { FIELD_MAX = 1 << 20 };
    struct error_text error = {""};
    struct buffer moved, rules;
    int r;

    buffer_init(&moved, FIELD_MAX);
    buffer_init(&rules, FIELD_MAX);
    r = prepare(market, &moved, &rules, &error);
    buffer_deinit(&moved);
    buffer_deinit(&rules);
    return r ? failed(&error, r) : 0;
}
