/* Looking at a cluster. A consumer without a group, since a producer that asks for a topic's metadata has the broker create it, and one
 * with a group looks for its coordinator, for which the broker creates a topic of its own.
 *
 * What stands against a connection is told by librdkafka's error callback alone, which its own poll calls: so questions about the
 * cluster are asked in slices, and given up early when an error was told. */
#include "seam/kafka_look.h"

#include "seam/kafka_assignment.h"
#include "seam/kafka_conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 512, SLICE_MS = 250, TOLD_MS = 1500, STATISTICS_MS = 100 };

struct kafka_look {
    rd_kafka_t *rk;
    const struct log *log;
    int error;                   /* the last one told, 0: none */
    struct error_text why;
    bool has_id;                 /* of a producer: a producer id was given */
};

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_look *look = opaque;
    char text[ERROR_SIZE];
    rd_kafka_resp_err_t fatal = code == RD_KAFKA_RESP_ERR__FATAL ? rd_kafka_fatal_error(rk, text, sizeof text) : RD_KAFKA_RESP_ERR_NO_ERROR;

    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || look->error == -EACCES)
        return;      /* says less than what was told before */
    look->error = kafka_error(fatal ? (int)fatal : code);
    error_set(&look->why, 0, "%s", fatal ? text : reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    const struct kafka_look *look = rd_kafka_opaque(rk);

    if (look)
        kafka_log_line(look->log, level, facility, line);
}

/* Of a producer the statistics alone say whether it has an id. */
static int on_statistics(rd_kafka_t *rk, char *json, size_t size, void *opaque)
{
    static const char name[] = "\"idemp_state\":", state[] = "\"Assigned\"";
    struct kafka_look *look = opaque;
    const char *at = strstr(json, name);

    (void)rk, (void)size;
    if (at && strncmp(at + sizeof name - 1 + strspn(at + sizeof name - 1, " "), state, sizeof state - 1) == 0)
        look->has_id = true;
    return 0;
}

static int open_client(struct kafka_look *look, rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error_text *error)
{
    char text[ERROR_SIZE];

    rd_kafka_conf_set_opaque(conf, look);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    look->rk = rd_kafka_new(type, conf, text, sizeof text);
    return look->rk ? 0 : error_set(error, -EINVAL, "librdkafka: %s", text);
}

int kafka_look_new(struct kafka_look **out, const struct kafka_in_options *options, struct error_text *error)
{
    struct kafka_in_options own = *options;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka_look *look = calloc(1, sizeof *look);
    int r;

    own.group = "";
    r = look ? kafka_conf_consumer(conf, &own, error) : -ENOMEM;
    if (!r)
        r = kafka_conf_set(conf, "allow.auto.create.topics", "false", false, error);
    if (!r) {
        look->log = options->log;
        r = open_client(look, RD_KAFKA_CONSUMER, conf, error);
    }
    if (r) {
        rd_kafka_conf_destroy(conf);
        free(look);
        return r;
    }
    *out = look;
    return 0;
}

struct kafka_look *kafka_look_free(struct kafka_look *look)
{
    if (look) {
        rd_kafka_destroy(look->rk);
        free(look);
    }
    return NULL;
}

static void fill_brokers(struct kafka_cluster *out, const struct rd_kafka_metadata *metadata)
{
    for (int i = 0; i < metadata->broker_cnt && out->count < KAFKA_BROKERS_MAX; i++) {
        out->brokers[out->count].id = metadata->brokers[i].id;
        snprintf(out->brokers[out->count++].address, KAFKA_ADDRESS_MAX, "%s:%d", metadata->brokers[i].host, metadata->brokers[i].port);
    }
}

/* A connection may fail at one of a name's addresses and succeed at the next: what was told counts after a while only. */
static bool is_hopeless(struct kafka_look *look, int waited_ms)
{
    rd_kafka_poll(look->rk, 0);
    return look->error == -EACCES || (look->error && waited_ms >= TOLD_MS);
}

int kafka_look_cluster(struct kafka_look *look, struct kafka_cluster *out, int timeout_ms, struct error_text *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code;
    int waited = 0;
    char *id;

    *out = (struct kafka_cluster){.count = 0};
    do {
        code = rd_kafka_metadata(look->rk, 0, NULL, &metadata, SLICE_MS);
        waited += SLICE_MS;
    } while (code && !is_hopeless(look, waited) && waited < timeout_ms);
    if (code)
        return error_set(error, look->error ? look->error : kafka_error(code), "%s", look->error ? look->why.text : rd_kafka_err2str(code));
    fill_brokers(out, metadata);
    rd_kafka_metadata_destroy(metadata);
    id = rd_kafka_clusterid(look->rk, timeout_ms);
    if (!id)
        return error_set(error, -ETIMEDOUT, "it does not tell the cluster's id");
    snprintf(out->id, sizeof out->id, "%s", id);
    rd_kafka_mem_free(look->rk, id);
    return 0;
}

static void fill_topic(struct kafka_topic *out, const struct rd_kafka_metadata_topic *topic)
{
    *out = (struct kafka_topic){.partitions = topic->partition_cnt, .leaderless = -1};
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *p = &topic->partitions[i];

        if (p->leader < 0)
            out->leaderless = p->id;
        if (i == 0 || p->replica_cnt - p->isr_cnt > out->replicas - out->in_sync) {
            out->replicas = p->replica_cnt;
            out->in_sync = p->isr_cnt;
            out->in_sync_of = p->id;
        }
    }
}

int kafka_look_topic(struct kafka_look *look, const char *topic, struct kafka_topic *out, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(look->rk, topic, NULL);
    rd_kafka_resp_err_t code = handle ? rd_kafka_metadata(look->rk, 0, handle, &metadata, timeout_ms) : rd_kafka_last_error();
    int r = kafka_error(code);

    if (!r) {
        r = metadata->topic_cnt == 1 ? kafka_error(metadata->topics[0].err) : -ENOENT;
        if (r == -EAGAIN)      /* a partition that nobody leads is told of by the caller */
            r = 0;
        if (!r)
            fill_topic(out, &metadata->topics[0]);
        if (!r && out->partitions == 0)
            r = -ENOENT;
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle)
        rd_kafka_topic_destroy(handle);
    return r;
}

/* An admin request's options and the queue of its answer; `answer` waits for it and frees both. */
struct question {
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    int timeout_ms;
};

static struct question ask(struct kafka_look *look, rd_kafka_admin_op_t op, int timeout_ms)
{
    struct question question = {rd_kafka_AdminOptions_new(look->rk, op), rd_kafka_queue_new(look->rk), timeout_ms};
    char text[ERROR_SIZE];

    rd_kafka_AdminOptions_set_request_timeout(question.options, timeout_ms, text, sizeof text);
    return question;
}

/* The event, NULL with an error. */
static rd_kafka_event_t *answer(const struct question *question, int *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(question->queue, question->timeout_ms + SLICE_MS);

    rd_kafka_AdminOptions_destroy(question->options);
    rd_kafka_queue_destroy(question->queue);
    *error = event ? kafka_error(rd_kafka_event_error(event)) : -ETIMEDOUT;
    if (event && *error) {
        rd_kafka_event_destroy(event);
        event = NULL;
    }
    return event;
}

int kafka_look_settings(struct kafka_look *look, const char *topic, int32_t id, struct kafka_value *values, size_t count, int timeout_ms)
{
    struct question question = ask(look, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_ConfigResource_t *resource;
    rd_kafka_event_t *event;
    char broker[16];
    int r;

    for (size_t i = 0; i < count; i++)
        values[i].text[0] = '\0';
    snprintf(broker, sizeof broker, "%d", id);
    resource = rd_kafka_ConfigResource_new(topic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER, topic ? topic : broker);
    rd_kafka_DescribeConfigs(look->rk, &resource, 1, question.options, question.queue);
    rd_kafka_ConfigResource_destroy(resource);
    event = answer(&question, &r);
    if (event) {
        r = kafka_values_fill(values, count, rd_kafka_event_DescribeConfigs_result(event));
        rd_kafka_event_destroy(event);
    }
    return r;
}

/* A fetch that finds nothing answers with the partition's end, and is allowed all the same. */
int kafka_look_read(struct kafka_look *look, const char *topic, int32_t partition, int timeout_ms)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(look->rk, topic, NULL);
    rd_kafka_message_t *message;
    int r = handle && rd_kafka_consume_start(handle, partition, RD_KAFKA_OFFSET_END) == 0 ? -ETIMEDOUT : -EIO;

    if (r == -ETIMEDOUT) {
        message = rd_kafka_consume(handle, partition, timeout_ms);
        if (message) {
            r = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? 0 : kafka_error(message->err);
            rd_kafka_message_destroy(message);
        }
        rd_kafka_consume_stop(handle, partition);
    }
    if (handle)
        rd_kafka_topic_destroy(handle);
    return r;
}

struct teller {
    void (*each)(void *context, const struct kafka_owner *owner);
    void *context;
    struct kafka_owner owner;
};

static void tell_owner(void *context, struct bytes topic, int32_t partition)
{
    struct teller *teller = context;

    teller->owner.topic = topic;
    teller->owner.partition = partition;
    teller->each(teller->context, &teller->owner);
}

/* -EBADMSG of one member is no reason to know nothing of the others. */
static void tell_owners(struct teller *teller, const struct rd_kafka_group_info *group)
{
    for (int i = 0; i < group->member_cnt; i++) {
        const struct rd_kafka_group_member_info *member = &group->members[i];
        struct bytes assignment = {member->member_assignment, (size_t)(member->member_assignment_size > 0 ? member->member_assignment_size : 0)};

        teller->owner = (struct kafka_owner){.member = member->member_id, .client = member->client_id, .host = member->client_host};
        (void)!kafka_assignment_read(assignment, tell_owner, teller);
    }
}

/* The old question: the admin API's own can end in a deadlock of librdkafka 2.0.2 when a broker cannot answer it. */
int kafka_look_owners(struct kafka_look *look, const char *group, struct kafka_group *out, void (*each)(void *context, const struct kafka_owner *owner),
                      void *context, int timeout_ms)
{
    const struct rd_kafka_group_list *list;
    rd_kafka_resp_err_t code = rd_kafka_list_groups(look->rk, group, &list, timeout_ms);
    int r = kafka_error(code);

    *out = (struct kafka_group){.state = "Dead"};
    if (code)
        return r ? r : -EIO;
    if (list->group_cnt > 0) {
        r = kafka_error(list->groups[0].err);
        snprintf(out->state, sizeof out->state, "%s", list->groups[0].state);
        snprintf(out->assignor, sizeof out->assignor, "%s", list->groups[0].protocol ? list->groups[0].protocol : "");
        out->members = (size_t)list->groups[0].member_cnt;
        if (!r && each)
            tell_owners(&(struct teller){.each = each, .context = context}, &list->groups[0]);
    }
    rd_kafka_group_list_destroy(list);
    return r;
}

int kafka_look_group(struct kafka_look *look, const char *group, struct kafka_group *out, int timeout_ms)
{
    return kafka_look_owners(look, group, out, NULL, NULL, timeout_ms);
}

#if RD_KAFKA_VERSION >= 0x020300ff
static unsigned operations(const rd_kafka_AclOperation_t *list, size_t count)
{
    unsigned may = 0;

    for (size_t i = 0; i < count; i++)
        may |= list[i] == RD_KAFKA_ACL_OPERATION_READ ? KAFKA_MAY_READ : list[i] == RD_KAFKA_ACL_OPERATION_WRITE ? KAFKA_MAY_WRITE
             : list[i] == RD_KAFKA_ACL_OPERATION_DESCRIBE ? KAFKA_MAY_DESCRIBE : 0U;
    return may;
}

static int topic_operations(const rd_kafka_DescribeTopics_result_t *result, unsigned *may)
{
    size_t count, listed;
    const rd_kafka_TopicDescription_t **topics = rd_kafka_DescribeTopics_result_topics(result, &count);
    const rd_kafka_error_t *error = count == 1 ? rd_kafka_TopicDescription_error(topics[0]) : NULL;
    const rd_kafka_AclOperation_t *list;

    if (count != 1 || rd_kafka_error_code(error))
        return count == 1 ? kafka_error(rd_kafka_error_code(error)) : -EIO;
    list = rd_kafka_TopicDescription_authorized_operations(topics[0], &listed);
    if (!list)
        return -ENOTSUP;
    *may = operations(list, listed);
    return 0;
}

static int group_operations(const rd_kafka_DescribeConsumerGroups_result_t *result, unsigned *may)
{
    size_t count, listed;
    const rd_kafka_ConsumerGroupDescription_t **groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
    const rd_kafka_error_t *error = count == 1 ? rd_kafka_ConsumerGroupDescription_error(groups[0]) : NULL;
    const rd_kafka_AclOperation_t *list;

    if (count != 1 || rd_kafka_error_code(error))
        return count == 1 ? kafka_error(rd_kafka_error_code(error)) : -EIO;
    list = rd_kafka_ConsumerGroupDescription_authorized_operations(groups[0], &listed);
    if (!list)
        return -ENOTSUP;
    *may = operations(list, listed);
    return 0;
}

static void ask_operations(struct kafka_look *look, const struct question *question, const char *topic, const char *group)
{
    rd_kafka_error_t *error = rd_kafka_AdminOptions_set_include_authorized_operations(question->options, 1);

    if (error)
        rd_kafka_error_destroy(error);
    if (topic) {
        rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&topic, 1);

        rd_kafka_DescribeTopics(look->rk, topics, question->options, question->queue);
        rd_kafka_TopicCollection_destroy(topics);
    } else {
        rd_kafka_DescribeConsumerGroups(look->rk, &group, 1, question->options, question->queue);
    }
}

int kafka_look_may(struct kafka_look *look, const char *topic, const char *group, unsigned *may, int timeout_ms)
{
    struct question question = ask(look, topic ? RD_KAFKA_ADMIN_OP_DESCRIBETOPICS : RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms);
    rd_kafka_event_t *event;
    int r;

    ask_operations(look, &question, topic, group);
    event = answer(&question, &r);
    if (event) {
        r = topic ? topic_operations(rd_kafka_event_DescribeTopics_result(event), may)
                  : group_operations(rd_kafka_event_DescribeConsumerGroups_result(event), may);
        rd_kafka_event_destroy(event);
    }
    return r;
}
#else
int kafka_look_may(struct kafka_look *look, const char *topic, const char *group, unsigned *may, int timeout_ms)
{
    (void)look, (void)topic, (void)group, (void)may, (void)timeout_ms;
    return -ENOTSUP;
}
#endif

static int configure_producer(rd_kafka_conf_t *conf, const char *brokers, struct kafka_properties properties, struct error_text *error)
{
    char statistics[16];
    int r = kafka_conf_settings(conf, kafka_conf_defaults, error);

    snprintf(statistics, sizeof statistics, "%d", STATISTICS_MS);
    for (size_t i = 0; !r && i < properties.count; i++)
        r = kafka_conf_set(conf, properties.items[i].name, properties.items[i].value, false, error);
    if (!r)
        r = kafka_conf_set(conf, "enable.idempotence", "true", false, error);
    if (!r)
        r = kafka_conf_set(conf, "bootstrap.servers", brokers, false, error);
    if (!r)
        r = kafka_conf_set(conf, "statistics.interval.ms", statistics, false, error);
    return r;
}

int kafka_look_producer(const char *brokers, struct kafka_properties properties, int timeout_ms, struct error_text *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka_look look = {0};
    int r = configure_producer(conf, brokers, properties, error);

    if (!r) {
        rd_kafka_conf_set_stats_cb(conf, on_statistics);
        r = open_client(&look, RD_KAFKA_PRODUCER, conf, error);
    }
    if (r) {
        rd_kafka_conf_destroy(conf);
        return r;
    }
    for (int waited = 0; !look.has_id && look.error != -EACCES && waited < timeout_ms; waited += STATISTICS_MS)
        rd_kafka_poll(look.rk, STATISTICS_MS);
    r = look.has_id ? 0 : look.error ? look.error : -ETIMEDOUT;
    if (r)
        error_set(error, r, "%s", look.error ? look.why.text : "no answer in time");
    rd_kafka_destroy(look.rk);
    return r;
}
