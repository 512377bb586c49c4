#include "seam/kafka_out.h"

#include "seam/kafka_conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 512, TOPICS_MAX = KAFKA_TOPICS_MAX, DESTROY_POLL_MS = 10, DESTROY_POLLS = 500 };

struct kafka_out {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    struct kafka_out_options options;
    int reports;
    struct error_text trouble;      /* what librdkafka last complained of */
};

static const struct kafka_setting producer_defaults[] = {
    {"linger.ms", "20", false},
    {NULL, NULL, false},
};

/* What the promise rests on (DESIGN 4.7): order per partition, no silent end of a delivery; and that a topic which is asked for, misspelt
 * perhaps, is refused and not made. */
static const struct kafka_setting producer_fixed[] = {
    {"enable.idempotence", "true", false},
    {"acks", "all", false},
    {"message.timeout.ms", "0", false},
    {"enable.gapless.guarantee", "true", false},
    {"allow.auto.create.topics", "false", false},
    {NULL, NULL, false},
};

/* The same for one that sends in transactions, each of which ends by itself: its time bounds the deliveries in it and must hold a request's.
 * The isolation is what its questions for a log's end are asked with. */
static const struct kafka_setting transaction_fixed[] = {
    {"enable.idempotence", "true", false},
    {"acks", "all", false},
    {"allow.auto.create.topics", "false", false},
    {"isolation.level", "read_uncommitted", false},
    {"socket.timeout.ms", "10000", false},
    {"message.max.bytes", "1000000000", false},      /* the brokers know what they take */
    {"transaction.timeout.ms", "15000", false},
    {NULL, NULL, false},
};

static size_t topic_index(const struct kafka_out *out, const rd_kafka_topic_t *topic)
{
    const char *name = rd_kafka_topic_name(topic);
    size_t i = 0;

    while (i + 1 < out->options.topics_count && strcmp(out->options.topics[i], name) != 0)
        i++;
    return i;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_out *out = opaque;
    struct kafka_report report = {
        .opaque = message->_private,
        .error = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ? -ECANCELED
                                                                                                                    : kafka_error(message->err),
        .topic = topic_index(out, message->rkt),
        .partition = message->partition,
        .offset = message->err ? -1 : message->offset,
        .reason = message->err ? rd_kafka_err2str(message->err) : "",
    };

    (void)rk;
    out->reports++;
    out->options.reported(out->options.context, &report);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    const struct kafka_out *out = rd_kafka_opaque(rk);

    if (out)
        kafka_log_line(out->options.log, level, facility, line);
}

/* Served while polling. The log has the same from librdkafka's own lines. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_out *out = opaque;

    (void)rk;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        error_set(&out->trouble, 0, "%s", reason ? reason : rd_kafka_err2str((rd_kafka_resp_err_t)code));
}

static int configure(rd_kafka_conf_t *conf, const struct kafka_out_options *options, struct error_text *error)
{
    int r = kafka_conf_settings(conf, kafka_conf_defaults, error);

    if (!r)
        r = kafka_conf_settings(conf, producer_defaults, error);
    for (size_t i = 0; !r && i < options->properties.count; i++)
        r = kafka_conf_set(conf, options->properties.items[i].name, options->properties.items[i].value, false, error);
    if (!r)
        r = kafka_conf_settings(conf, options->transaction ? transaction_fixed : producer_fixed, error);
    if (!r && options->transaction)
        r = kafka_conf_set(conf, "transactional.id", options->transaction, false, error);
    if (!r)
        r = kafka_conf_set(conf, "bootstrap.servers", options->brokers, false, error);
    return r;
}

int kafka_out_new(struct kafka_out **out_, const struct kafka_out_options *options, struct error_text *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka_out *out = calloc(1, sizeof *out);
    char text[ERROR_SIZE];
    int r = out ? configure(conf, options, error) : -ENOMEM;

    ASSERT(options->topics_count <= TOPICS_MAX);
    if (!r) {
        out->options = *options;
        rd_kafka_conf_set_opaque(conf, out);
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_log_cb(conf, on_log);
        out->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
        if (!out->rk)
            r = error_set(error, -EINVAL, "librdkafka: %s", text);
    }
    if (r) {
        rd_kafka_conf_destroy(conf);
        free(out);
        return r;
    }
    for (size_t i = 0; i < options->topics_count; i++)
        out->topics[i] = rd_kafka_topic_new(out->rk, options->topics[i], NULL);
    *out_ = out;
    return 0;
}

struct kafka_out *kafka_out_free(struct kafka_out *out)
{
    if (!out)
        return NULL;
    rd_kafka_purge(out->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (int i = 0; i < DESTROY_POLLS && rd_kafka_outq_len(out->rk) > 0; i++)
        rd_kafka_poll(out->rk, DESTROY_POLL_MS);
    for (size_t i = 0; i < TOPICS_MAX; i++)
        if (out->topics[i])
            rd_kafka_topic_destroy(out->topics[i]);
    rd_kafka_destroy(out->rk);
    free(out);
    return NULL;
}

int kafka_out_set_credentials(struct kafka_out *out, const char *user, const char *password, struct error_text *error)
{
    return kafka_set_credentials(out->rk, user, password, error);
}

void *kafka_out_handle(struct kafka_out *out)
{
    return out->rk;
}

const char *kafka_out_trouble(struct kafka_out *out)
{
    rd_kafka_poll(out->rk, 0);
    return out->trouble.text;
}

static rd_kafka_headers_t *headers_of(const struct kafka_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->headers_count);

    for (size_t i = 0; i < record->headers_count; i++)
        rd_kafka_header_add(headers, record->headers[i].name.data, (ssize_t)record->headers[i].name.size, record->headers[i].value.data,
                            (ssize_t)record->headers[i].value.size);
    return headers;
}

static int send_error(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return -ENOBUFS;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return -EMSGSIZE;
    default:
        return kafka_error(code);
    }
}

static int sent(rd_kafka_error_t *error)
{
    int r = send_error(rd_kafka_error_code(error));

    rd_kafka_error_destroy(error);
    return r;
}

/* produceva copies the key always, the value by F_COPY, and takes the headers over when it succeeds. */
int kafka_out_send(struct kafka_out *out, const struct kafka_record *record)
{
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = out->topics[record->topic]},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key.data, record->key.size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)record->value.data, record->value.size}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record->opaque},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(out->rk, fields, sizeof fields / sizeof *fields);

    if (!error)
        return 0;
    rd_kafka_headers_destroy(headers);
    return sent(error);
}

int kafka_out_poll(struct kafka_out *out, int timeout_ms)
{
    out->reports = 0;
    rd_kafka_poll(out->rk, timeout_ms);
    return out->reports;
}

int kafka_out_hurry(struct kafka_out *out, int timeout_ms)
{
    out->reports = 0;
    rd_kafka_flush(out->rk, timeout_ms);
    return out->reports;
}

int kafka_out_error(struct kafka_out *out, struct error_text *error)
{
    char text[ERROR_SIZE];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(out->rk, text, sizeof text);

    return code ? error_set(error, -EPIPE, "%s: %s", rd_kafka_err2name(code), text) : 0;
}

int kafka_out_cluster_id(struct kafka_out *out, char id[KAFKA_CLUSTER_ID_MAX], int timeout_ms)
{
    char *found = rd_kafka_clusterid(out->rk, timeout_ms);

    if (!found)
        return -ETIMEDOUT;
    snprintf(id, KAFKA_CLUSTER_ID_MAX, "%s", found);
    rd_kafka_mem_free(out->rk, found);
    return 0;
}

int kafka_out_partitions(struct kafka_out *out, const char *topic, int32_t *count, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(out->rk, topic, NULL);
    rd_kafka_resp_err_t code = handle ? rd_kafka_metadata(out->rk, 0, handle, &metadata, timeout_ms) : rd_kafka_last_error();
    int r = kafka_error(code);

    if (!r) {
        r = metadata->topic_cnt == 1 ? kafka_error(metadata->topics[0].err) : -ENOENT;
        *count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        if (!r && *count == 0)
            r = -ENOENT;
        rd_kafka_metadata_destroy(metadata);
    }
    if (handle)
        rd_kafka_topic_destroy(handle);
    return r;
}

/* Waits for an admin request's result on a queue of its own; NULL when it did not come. */
static rd_kafka_event_t *admin_result(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);

    rd_kafka_queue_destroy(queue);
    return event;
}

static rd_kafka_AdminOptions_t *admin_options(struct kafka_out *out, rd_kafka_admin_op_t op, int timeout_ms)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(out->rk, op);
    char text[ERROR_SIZE];

    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    return options;
}

int kafka_out_topic_config(struct kafka_out *out, const char *topic, const char *name, char *value, size_t size, int timeout_ms)
{
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options = admin_options(out, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(out->rk);
    struct kafka_value asked = {.name = name};
    rd_kafka_event_t *event;
    int r = -ETIMEDOUT;

    rd_kafka_DescribeConfigs(out->rk, &resource, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    event = admin_result(queue, timeout_ms + 500);
    if (event) {
        r = kafka_error(rd_kafka_event_error(event));
        if (!r)
            r = kafka_values_fill(&asked, 1, rd_kafka_event_DescribeConfigs_result(event));
        rd_kafka_event_destroy(event);
    }
    if (!r)
        snprintf(value, size, "%s", asked.text);
    return r || value[0] ? r : -ENOENT;
}

static int topic_create(struct kafka_out *out, const char *topic, int32_t partitions, struct kafka_properties settings, int timeout_ms,
                        struct error_text *error)
{
    char text[ERROR_SIZE];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, -1, text, sizeof text);
    rd_kafka_AdminOptions_t *options = admin_options(out, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(out->rk);
    rd_kafka_event_t *event;
    const rd_kafka_topic_result_t **results = NULL;
    size_t count = 0;
    int r = -ETIMEDOUT;

    for (size_t i = 0; i < settings.count; i++)
        rd_kafka_NewTopic_set_config(wanted, settings.items[i].name, settings.items[i].value);
    rd_kafka_CreateTopics(out->rk, &wanted, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(wanted);
    event = admin_result(queue, timeout_ms + 500);
    if (!event)
        return error_set(error, r, "create topic %s: no answer", topic);
    r = kafka_error(rd_kafka_event_error(event));
    if (!r) {
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        r = count == 1 ? kafka_error(rd_kafka_topic_result_error(results[0])) : -EIO;
    }
    if (r)
        error_set(error, r, "create topic %s: %s", topic,
                  results ? rd_kafka_topic_result_error_string(results[0]) : rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    return r;
}

static int topic_grow(struct kafka_out *out, const char *topic, int32_t partitions, int timeout_ms, struct error_text *error)
{
    char text[ERROR_SIZE];
    rd_kafka_NewPartitions_t *wanted = rd_kafka_NewPartitions_new(topic, (size_t)partitions, text, sizeof text);
    rd_kafka_AdminOptions_t *options = admin_options(out, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, timeout_ms);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(out->rk);
    rd_kafka_event_t *event;
    int r = -ETIMEDOUT;

    rd_kafka_CreatePartitions(out->rk, &wanted, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewPartitions_destroy(wanted);
    event = admin_result(queue, timeout_ms + 500);
    if (event) {
        r = kafka_error(rd_kafka_event_error(event));
        rd_kafka_event_destroy(event);
    }
    return r ? error_set(error, r, "more partitions for %s: %s", topic, strerror(-r)) : 0;
}

int kafka_out_create_topic(struct kafka_out *out, const char *topic, int32_t partitions, struct kafka_properties settings, int timeout_ms,
                           struct error_text *error)
{
    int32_t have = 0;
    int r = kafka_out_partitions(out, topic, &have, timeout_ms);

    if (r && r != -ENOENT)
        return error_set(error, r, "topic %s: %s", topic, strerror(-r));
    if (r == -ENOENT)
        return topic_create(out, topic, partitions, settings, timeout_ms, error);
    return have < partitions ? topic_grow(out, topic, partitions, timeout_ms, error) : 0;
}
