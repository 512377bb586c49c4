#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/replay.h"
#include "ledger/dedupe.h"
#include "store/server.h"

enum { READ_MS = 5000, TAIL = 16, PREFIX_MAX = 64 };

static int run_id_of(struct site *site, char *out, size_t size)
{
    struct reply **replies;
    int r;

    asker_begin(&site->redis);
    command_texts(site->redis.commands, "INFO", "server", NULL);
    r = asker_ask(&site->redis, &replies);
    if (r)
        return r;
    return replies[0]->type == REPLY_STRING && server_info(replies[0]->text, "run_id", out, size) ? 0 : -EACCES;
}

/* The live market's Redis is only looked at. It may be away: it may be what was lost. */
static int visit_live(struct replay_job *job)
{
    struct error_text error;
    int r = session_visit(job->live.redis.session, &error);

    job->live_up = r == 0;
    if (r == -EACCES)
        return complain("replay", EX_NOPERM, "the live redis at %s cannot be looked at: %s", job->live.config->redis.address, error.text);
    if (r)
        complain("replay", 0, "the live redis at %s is away (%s), so its registry is not compared", job->live.config->redis.address, error.text);
    return 0;
}

/* Names say nothing: one server has many. */
static int compare_namespaces(struct replay_job *job)
{
    const struct config *live = job->live.config, *into = &job->into_config;
    char one[64] = "", other[64] = "";
    bool same = strcmp(live->redis.prefix, into->redis.prefix) == 0 && live->redis.database == into->redis.database;

    if (!same)
        return 0;
    if (job->live_up && (run_id_of(&job->live, one, sizeof one) || run_id_of(&job->into, other, sizeof other)))
        return complain("replay", EX_CONFIG, "INFO is not allowed, so it cannot be known whether the namespace is the live one: --into-prefix or --into-database would be right");
    if (job->live_up ? strcmp(one, other) == 0 : strcmp(live->redis.address, into->redis.address) == 0)
        return complain("replay", EX_CONFIG, "the namespace is the live market's (the same server, database %lld, prefix \"%s\"): --into-prefix, --into-database or --into-address "
                             "of another would be right", (long long)into->redis.database, into->redis.prefix);
    return 0;
}

static int check_prefix(const char *prefix)
{
    bool good = strlen(prefix) <= PREFIX_MAX;

    for (const char *at = prefix; good && *at; at++)
        good = *at > ' ' && *at < 0x7f && *at != '{' && *at != '}';
    return good ? 0 : complain("replay", EX_CONFIG, "--into-prefix \"%.70s\": up to %d printable characters without space and braces are right", prefix, PREFIX_MAX);
}

static int open_into(struct replay_job *job)
{
    const struct replay_request *request = job->request;
    int code;

    job->into_config = *job->live.config;
    if (request->prefix)
        job->into_config.redis.prefix = (char *)request->prefix;
    if (request->address)
        job->into_config.redis.address = (char *)request->address;
    if (request->database >= 0)
        job->into_config.redis.database = request->database;
    snprintf(job->no_durability, sizeof job->no_durability, "none");
    job->into_config.redis.durability = job->no_durability;      /* nothing rests on it: what is lost is replayed again */
    code = site_open_quietly(&job->into, &job->into_config, "replay");
    if (!code)
        code = check_prefix(job->into_config.redis.prefix);
    return code ? code : site_connect(&job->into);
}

/* Of the topic for outcomes: it is no other's, has the partitions, takes the sizes. */
static int check_outcomes(struct replay_job *job)
{
    const struct config *live = job->live.config;
    const char *topic = job->request->outcomes;
    struct refusal refusal = {0};
    struct error_text error = {""};
    struct config copy = *live;
    struct topics topics;
    int r;

    job->limits = job->live.topics.limits;
    if (!topic)
        return 0;
    for (size_t i = 0; i < live->kafka.topics.count; i++)
        if (strcmp(topic, live->kafka.topics.items[i]) == 0)
            return complain("replay", EX_CONFIG, "--outcomes %s is a source topic: a topic of its own would be right", topic);
    if (strcmp(topic, live->kafka.outcomes) == 0 || strcmp(topic, live->kafka.dead_letters) == 0)
        return complain("replay", EX_CONFIG, "--outcomes %s is the live market's: a topic of its own would be right", topic);
    copy.kafka.outcomes = (char *)topic;
    r = topics_ask(&topics, &copy, &job->live.log, &refusal, &error);
    if (r)
        return complain("replay", EX_UNAVAILABLE, "%s", error.text);
    if (refusal.set)
        return complain("replay", EX_CONFIG, "--outcomes: %s; it must be made before", refusal.found);
    job->limits = topics.limits;
    return 0;
}

static int open_state(struct replay_job *job)
{
    const struct config *live = job->live.config;
    const struct snapshot_header *header;
    struct error_text error = {""};
    int r;

    if (!job->request->state)
        return 0;
    r = snapshot_open(&job->state, job->request->state, &error);
    if (r)
        return complain("replay", r == -EBADMSG || r == -ENOTSUP ? EX_DATAERR : EX_NOINPUT, "%s", error.text[0] ? error.text : strerror(-r));
    header = snapshot_header(job->state);
    if (strcmp(header->cluster, job->live.topics.cluster) != 0)
        return complain("replay", EX_CONFIG, "--state %s: the snapshot is of Kafka cluster %s, this is %s", job->request->state, header->cluster, job->live.topics.cluster);
    if (strcmp(header->shard, live->shard) != 0)
        return complain("replay", EX_CONFIG, "--state %s: the snapshot has shard = \"%s\", the file says \"%s\"", job->request->state, header->shard, live->shard);
    return 0;
}

int replay_prepare(struct replay_job *job, struct config *config, const struct replay_request *request)
{
    struct kafka_in_options consumer;
    struct error_text error = {""};
    int code;

    *job = (struct replay_job){.request = request};
    code = site_open_quietly(&job->live, config, "replay");
    if (!code)
        code = visit_live(job);
    if (!code)
        code = open_into(job);
    if (!code)
        code = compare_namespaces(job);
    if (!code)
        code = site_ask_kafka(&job->live);
    if (!code)
        code = site_open_reader(&job->live);
    if (!code)
        code = check_outcomes(job);
    if (!code)
        code = open_state(job);
    if (code)
        return code;
    consumer = site_consumer(&job->live);
    if (kafka_in_new(&job->in, &consumer, &error))
        return complain("replay", EX_CONFIG, "no consumer: %s", error.text);
    return 0;
}

void replay_unprepare(struct replay_job *job)
{
    free(job->moved);
    free(job->rules);
    free(job->ranges);
    kafka_in_free(job->in);
    snapshot_free(job->state);
    if (job->into.config)
        site_close(&job->into);
    site_close(&job->live);
}

/* A field of the registry, or nothing where there is none. */
static int keep(char **text, size_t *size, const struct reply *reply)
{
    free(*text);
    *size = reply->type == REPLY_STRING ? reply->text.size : 0;
    *text = malloc(*size + 1);
    if (!*text)
        return EX_OSERR;
    if (*size)
        memcpy(*text, reply->text.data, *size);
    return 0;
}

static int read_registry(struct replay_job *job)
{
    struct shard shard;
    struct reply **replies;
    int r;

    job->has_registry = false;
    if (!job->live_up)
        return 0;
    shard_init(&shard, job->live.config->redis.prefix, job->number);
    asker_begin(&job->live.redis);
    command_texts(job->live.redis.commands, "HMGET", shard.meta_key, REGISTRY_FIELDS, NULL);
    command_texts(job->live.redis.commands, "HGET", shard.meta_key, "moved", NULL);
    command_texts(job->live.redis.commands, "HGET", shard.meta_key, "dedupe_until", NULL);
    r = asker_ask(&job->live.redis, &replies);
    if (r)
        return complain("replay", EX_UNAVAILABLE, "the live redis cannot be read: %s", strerror(-r));
    r = registry_read(&job->registry, replies[0]);
    if (r == -EBADMSG || r == -EIO)
        return complain("replay", EX_CONFIG, "the live registry %s cannot be read", shard.meta_key);
    job->has_registry = r == 0;
    r = keep(&job->moved, &job->moved_size, replies[1]);
    return r ? r : keep(&job->rules, &job->rules_size, replies[2]);
}

static int compare_registry(const struct replay_job *job)
{
    const struct topics *topics = &job->live.topics;

    if (!job->has_registry)
        return 0;
    if (strcmp(job->registry.cluster, topics->cluster) != 0)
        return complain("replay", EX_CONFIG, "the live registry belongs to Kafka cluster %s, this is %s", job->registry.cluster, topics->cluster);
    for (size_t i = 0; i < topics->count; i++) {
        int32_t registered = registry_partitions(&job->registry, topics->items[i].name);

        if (registered != topics->items[i].partitions)
            return complain("replay", EX_CONFIG, "topic %s has %d partitions, %d are in the live registry: resolve that first (see what orderd check --connect says)",
                                 topics->items[i].name, topics->items[i].partitions, registered < 0 ? 0 : registered);
    }
    return 0;
}

static bool is_source(const struct replay_job *job, struct bytes topic)
{
    for (size_t i = 0; i < job->live.topics.count; i++)
        if (bytes_equal_text(topic, job->live.topics.items[i].name))
            return true;
    return false;
}

/* The last outcome of a partition of `topic`; 0: none there, 1: `*last` is whose and in which place. */
static int last_outcome(struct replay_job *job, const char *topic, int32_t partition, struct decision_identity *last, char incarnation[CLOCK_UUID_SIZE],
                        struct bytes *foreign, char name[KAFKA_TOPIC_MAX + 1])
{
    struct kafka_reader *reader = job->live.reader;
    struct kafka_message message;
    int64_t start, end;
    int r = kafka_in_bounds(job->in, topic, partition, &start, &end, SITE_QUESTION_MS), found = 0;

    if (r || start == end)
        return r;
    r = kafka_reader_open(reader, topic, partition, end - TAIL > start ? end - TAIL : start);
    while (!r) {
        struct kafka_header headers[EVENT_HEADERS_MAX];
        struct decision_identity identity;
        bool over;
        int got = kafka_reader_next(reader, READ_MS, &message);

        if (got <= 0) {
            r = got ? got : -ETIMEDOUT;
            break;
        }
        over = message.kind != KAFKA_MESSAGE || message.offset + 1 >= end;
        if (message.kind == KAFKA_FAILED)
            r = message.error;
        if (message.kind == KAFKA_MESSAGE) {
            size_t count = kafka_message_headers(&message, headers, EVENT_HEADERS_MAX);

            if (decision_identify(&identity, headers, count < EVENT_HEADERS_MAX ? count : EVENT_HEADERS_MAX, NULL)) {
                *foreign = bytes_of("something that is no outcome");
            } else if (!is_source(job, identity.topic)) {
                snprintf(name, KAFKA_TOPIC_MAX + 1, "%.*s", (int)identity.topic.size, identity.topic.data);
                *foreign = bytes_of(name);
            } else if (identity.sequenced && identity.incarnation.size < CLOCK_UUID_SIZE && (!found || decision_compare(&identity, last) > 0)) {
                snprintf(incarnation, CLOCK_UUID_SIZE, "%.*s", (int)identity.incarnation.size, identity.incarnation.data);
                *last = identity;
                found = 1;
            }
        }
        kafka_message_free(&message);
        if (over)
            break;
    }
    kafka_reader_close(reader);
    return r ? r : found;
}

static int32_t partitions_of(const struct replay_job *job)
{
    int32_t most = 0;

    for (size_t i = 0; i < job->live.topics.count; i++)
        most = job->live.topics.items[i].partitions > most ? job->live.topics.items[i].partitions : most;
    return most;
}

/* The incarnation of the latest outcome that `topic` holds, "": none; refused where it holds another source's. */
static int latest(struct replay_job *job, const char *topic, char incarnation[CLOCK_UUID_SIZE])
{
    struct decision_identity best = {0}, last = {0};
    char other[KAFKA_TOPIC_MAX + 1], whose[CLOCK_UUID_SIZE] = "";
    bool any = false;

    incarnation[0] = '\0';
    for (int32_t n = 0; n < partitions_of(job); n++) {
        struct bytes foreign = {NULL, 0};
        int r;

        if (job->number != SHARD_NONE && n != job->number)
            continue;
        r = last_outcome(job, topic, n, &last, whose, &foreign, other);
        if (r < 0)
            return complain("replay", EX_UNAVAILABLE, "the outcome topic %s cannot be read: %s", topic, strerror(-r));
        if (foreign.data)
            return complain("replay", EX_CONFIG, "the outcome topic %s belongs to another source: partition %d holds %s%.*s", topic, n,
                                 foreign.data == other ? "outcomes of topic " : "", (int)foreign.size, foreign.data);
        if (r && (!any || decision_compare(&last, &best) > 0)) {
            memcpy(incarnation, whose, CLOCK_UUID_SIZE);
            best = last;
            any = true;
        }
    }
    return 0;
}

static int choose_order(struct replay_job *job)
{
    char found[CLOCK_UUID_SIZE];
    const char *chosen = job->request->incarnation;
    int code;

    job->incarnation[0] = '\0';
    if (job->request->without_recorded)
        return 0;
    code = latest(job, job->live.config->kafka.outcomes, found);
    if (code)
        return code;
    if (!chosen)
        chosen = job->has_registry ? job->registry.incarnation : found;
    if (!chosen[0])
        return complain("replay", EX_CONFIG, "the outcome topic %s holds no outcome that tells the order: --without-recorded (each partition's own order) would be right",
                             job->live.config->kafka.outcomes);
    snprintf(job->incarnation, sizeof job->incarnation, "%s", chosen);
    return 0;
}

/* The incarnation that the namespace holds, "": it is not begun. */
static int read_own(struct replay_job *job, char own[CLOCK_UUID_SIZE])
{
    struct reply **replies;
    struct shard shard;
    int r;

    own[0] = '\0';
    shard_init(&shard, job->into_config.redis.prefix, job->number);
    asker_begin(&job->into.redis);
    command_texts(job->into.redis.commands, "HGET", shard.meta_key, "incarnation", NULL);
    r = asker_ask(&job->into.redis, &replies);
    if (r)
        return complain("replay", EX_UNAVAILABLE, "redis cannot be read: %s", strerror(-r));
    if (replies[0]->type == REPLY_STRING)
        snprintf(own, CLOCK_UUID_SIZE, "%.*s", (int)replies[0]->text.size, replies[0]->text.data);
    return 0;
}

/* The file of a replay that has not begun must be one that can be written and holds nothing; else the namespace would be begun for nothing. */
static int check_file_own(struct replay_job *job)
{
    char own[CLOCK_UUID_SIZE];
    struct stat is;
    bool there;
    int fd, code;

    job->outcomes_path[0] = '\0';
    if (!job->request->outcomes_file)
        return 0;
    snprintf(job->outcomes_path, sizeof job->outcomes_path, job->number == SHARD_NONE ? "%s" : "%s.%d", job->request->outcomes_file, job->number);
    code = read_own(job, own);
    if (code || own[0])
        return code;
    there = stat(job->outcomes_path, &is) == 0;
    fd = open(job->outcomes_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &is) || (!S_ISREG(is.st_mode) && (errno = EINVAL))) {
        code = complain("replay", EX_IOERR, "%s: %s", job->outcomes_path, errno == EINVAL ? "a regular file would be right" : strerror(errno));
    } else if (is.st_size) {
        code = complain("replay", EX_DATAERR, "%s holds something already: another file, or an empty one, would be right", job->outcomes_path);
    }
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !there)
        unlink(job->outcomes_path);
    return code;
}

/* What lies in the topic of --outcomes may only be of this replay, by which its namespace is known. */
static int check_outcomes_own(struct replay_job *job)
{
    const char *topic = job->request->outcomes;
    char found[CLOCK_UUID_SIZE], own[CLOCK_UUID_SIZE];
    int code;

    if (!topic)
        return 0;
    code = latest(job, topic, found);
    if (code || !found[0])
        return code;
    code = read_own(job, own);
    if (code)
        return code;
    if (strcmp(own, found) != 0)
        return complain("replay", EX_CONFIG, "--outcomes %s holds outcomes of incarnation %s already, which are not this replay's: an empty topic would be right", topic, found);
    return 0;
}

static void make_words(struct replay_job *job)
{
    const struct replay_request *request = job->request;

    snprintf(job->words, sizeof job->words, "from=%s to=%s order=%s outcomes=%s%s verify=%s state=%s", request->words_from[0] ? request->words_from : "start",
             request->words_to[0] ? request->words_to : "end", job->incarnation[0] ? job->incarnation : "offsets",
             request->outcomes ? "topic:" : request->outcomes_file ? "file" : "nowhere", request->outcomes ? request->outcomes : "", request->verify ? "yes" : "no",
             job->state ? snapshot_digest(job->state) : "none");
}

/* Where in the range's partition the settings of now begin to rule. */
static int64_t ruled_until(const struct replay_job *job, const struct journal_range *range)
{
    struct dedupe_walk walk = {.rest = {job->rules, job->rules_size}};
    char at[KAFKA_TOPIC_MAX + 16];
    struct dedupe_ruled ruled;
    int64_t until = 0;

    snprintf(at, sizeof at, "%s:%d", range->topic, range->partition);
    while (dedupe_next(&walk, &ruled))
        if (bytes_equal_text(ruled.at, at) && ruled.until > until)
            until = ruled.until;
    return until;
}

/* A namespace has one window from its begin to its end. */
static void tell_rules(const struct replay_job *job)
{
    for (size_t i = 0; i < job->ranges_count; i++) {
        int64_t until = ruled_until(job, &job->ranges[i]);

        if (until <= job->ranges[i].from)
            continue;
        fprintf(stderr, "orderd replay: other dedupe settings ruled up to offset %lld of %s:%d; window_s=%lld ids=%lld, which rule now, are taken for all of it, so what was a duplicate may not be one\n",
                (long long)until, job->ranges[i].topic, job->ranges[i].partition, (long long)job->registry.window_s, (long long)job->registry.ids);
        return;
    }
}

int replay_prepare_market(struct replay_job *job, int32_t number)
{
    int code;

    job->number = number;
    free(job->ranges);
    job->ranges = NULL;
    job->ranges_count = 0;
    code = read_registry(job);
    if (!code)
        code = compare_registry(job);
    if (!code)
        code = choose_order(job);
    if (!code)
        code = check_outcomes_own(job);
    if (!code)
        code = replay_ranges(job);
    if (!code)
        code = check_file_own(job);
    if (!code) {
        make_words(job);
        tell_rules(job);
    }
    return code;
}
