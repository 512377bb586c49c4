#include "seam/kafka_conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 512 };

/* The two times: a broker that hangs without being dead is given up, and its successor found, in seconds, not in the library's one and five minutes. */
const struct kafka_setting kafka_conf_defaults[] = {
    {"client.id", "orderd", false},
    {"socket.nagle.disable", "true", false},
    {"socket.timeout.ms", "10000", false},
    {"topic.metadata.refresh.interval.ms", "10000", false},
    {"enable.metrics.push", "false", true},
    {NULL, NULL, false},
};

/* The fetch queue is bounded by bytes: bounded by messages, 2.0.2 pauses a whole second. */
static const struct kafka_setting consumer_defaults[] = {
    {"queued.min.messages", "1000000", false},
    {"queued.max.messages.kbytes", "65536", false},
    {"fetch.wait.max.ms", "100", false},
    {"partition.assignment.strategy", "range", false},
    {"fetch.queue.backoff.ms", "10", true},
    {NULL, NULL, false},
};

/* What the promise rests on. */
static const struct kafka_setting consumer_fixed[] = {
    {"enable.auto.offset.store", "false", false}, {"enable.auto.commit", "false", false},
    {"auto.offset.reset", "error", false},        {"enable.partition.eof", "true", false},
    {"isolation.level", "read_committed", false}, {"statistics.interval.ms", "5000", false},      /* which brokers are connected */
    {NULL, NULL, false},
};

int kafka_error(int code)
{
    switch ((rd_kafka_resp_err_t)code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR__NO_OFFSET:
        return 0;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return -ETIMEDOUT;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return -EACCES;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return -ENOENT;
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__STATE:
        return -ESTALE;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
        return -EAGAIN;
    case RD_KAFKA_RESP_ERR__FATAL:
        return -EPIPE;
    default:
        return -EIO;
    }
}

/* It warns of enable.gapless.guarantee at every start, which is ours and meant (DESIGN 4.7). */
void kafka_log_line(const struct log *log, int level, const char *facility, const char *line)
{
    enum log_level at = level <= 3 ? LOG_LEVEL_WARNING : level <= 5 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;

    if (log && !strstr(line, "enable.gapless.guarantee"))
        log_at(log, at, "librdkafka: %s facility=%s", line, facility);
}

int kafka_conf_set(void *conf, const char *name, const char *value, bool optional, struct error_text *error)
{
    char text[ERROR_SIZE];
    rd_kafka_conf_res_t r = rd_kafka_conf_set(conf, name, value, text, sizeof text);

    if (r == RD_KAFKA_CONF_OK || (optional && r == RD_KAFKA_CONF_UNKNOWN))
        return 0;
    return error_set(error, -EINVAL, "librdkafka: %s: %s", name, text);
}

int kafka_conf_settings(void *conf, const struct kafka_setting *settings, struct error_text *error)
{
    int r = 0;

    for (; !r && settings->name; settings++)
        r = kafka_conf_set(conf, settings->name, settings->value, settings->optional, error);
    return r;
}

int kafka_conf_consumer(void *conf, const struct kafka_in_options *options, struct error_text *error)
{
    int r = kafka_conf_settings(conf, kafka_conf_defaults, error);

    if (!r)
        r = kafka_conf_settings(conf, consumer_defaults, error);
    for (size_t i = 0; !r && i < options->properties.count; i++)
        r = kafka_conf_set(conf, options->properties.items[i].name, options->properties.items[i].value, false, error);
    if (!r)
        r = kafka_conf_settings(conf, consumer_fixed, error);
    if (!r)
        r = kafka_conf_set(conf, "bootstrap.servers", options->brokers, false, error);
    if (!r)
        r = kafka_conf_set(conf, "group.id", options->group, false, error);
    return r;
}

void kafka_positions_fill(struct kafka_position *out, const void *from_list, int all)
{
    const rd_kafka_topic_partition_list_t *list = from_list;

    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *from = &list->elems[i];
        size_t size = from->metadata_size < KAFKA_METADATA_MAX ? from->metadata_size : KAFKA_METADATA_MAX;

        out[i] = (struct kafka_position){.partition = from->partition, .offset = from->offset};
        snprintf(out[i].topic, sizeof out[i].topic, "%s", from->topic);
        if (from->metadata && size)
            memcpy(out[i].metadata, from->metadata, size);
        if (out[i].offset < 0)
            out[i].offset = KAFKA_OFFSET_NONE;
        out[i].error = kafka_error(from->err ? (int)from->err : all);
    }
}

void *kafka_positions_list(const struct kafka_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition);

        to->offset = positions[i].offset;
        if (positions[i].metadata[0]) {
            to->metadata = strdup(positions[i].metadata);
            to->metadata_size = to->metadata ? strlen(to->metadata) : 0;
        }
    }
    return list;
}

void kafka_message_fill(struct kafka_message *out, void *message, const char *topic)
{
    rd_kafka_message_t *from = message;
    rd_kafka_timestamp_type_t type;

    *out = (struct kafka_message){.topic = topic, .partition = from->partition, .offset = from->offset, .handle = from};
    if (from->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        out->kind = KAFKA_END;
    } else if (from->err) {
        out->kind = KAFKA_FAILED;
        out->error = from->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || from->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ? -ERANGE : -EIO;
        out->reason = rd_kafka_message_errstr(from);
    } else {
        out->kind = KAFKA_MESSAGE;
        out->timestamp = rd_kafka_message_timestamp(from, &type);
        if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || out->timestamp < 0)
            out->timestamp = -1;
        out->key = (struct bytes){from->key, from->key ? from->key_len : 0};
        out->value = (struct bytes){from->payload, from->payload ? from->len : 0};
    }
}

size_t kafka_message_headers(const struct kafka_message *message, struct kafka_header *headers, size_t max)
{
    rd_kafka_headers_t *list;
    size_t count, size;
    const char *name;
    const void *value;

    if (message->kind != KAFKA_MESSAGE || rd_kafka_message_headers(message->handle, &list))
        return 0;
    count = rd_kafka_header_cnt(list);
    for (size_t i = 0; i < count && i < max; i++) {
        if (rd_kafka_header_get_all(list, i, &name, &value, &size))
            return i;
        headers[i] = (struct kafka_header){bytes_of(name), {value, value ? size : 0}};
    }
    return count;
}

void kafka_message_free(struct kafka_message *message)
{
    if (message->handle)
        rd_kafka_message_destroy(message->handle);
    message->handle = NULL;
}

int kafka_set_credentials(void *rk, const char *user, const char *password, struct error_text *error)
{
    rd_kafka_error_t *failed = rd_kafka_sasl_set_credentials(rk, user, password);
    int r = failed ? error_set(error, -EINVAL, "librdkafka: %s", rd_kafka_error_string(failed)) : 0;

    if (failed)
        rd_kafka_error_destroy(failed);
    return r;
}

int kafka_values_fill(struct kafka_value *values, size_t count, const void *result)
{
    size_t resources, entries;
    const rd_kafka_ConfigResource_t **all = rd_kafka_DescribeConfigs_result_resources(result, &resources);
    const rd_kafka_ConfigEntry_t **entry;

    if (resources != 1 || rd_kafka_ConfigResource_error(all[0]))
        return resources == 1 ? kafka_error(rd_kafka_ConfigResource_error(all[0])) : -EIO;
    entry = rd_kafka_ConfigResource_configs(all[0], &entries);
    for (size_t i = 0; i < entries; i++)
        for (size_t k = 0; k < count; k++)
            if (strcmp(rd_kafka_ConfigEntry_name(entry[i]), values[k].name) == 0 && rd_kafka_ConfigEntry_value(entry[i]))
                snprintf(values[k].text, sizeof values[k].text, "%s", rd_kafka_ConfigEntry_value(entry[i]));
    return 0;
}
