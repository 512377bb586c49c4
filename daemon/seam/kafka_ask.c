/* Questions to Kafka beside the group: what was committed, where logs begin and end, and readings of single partitions. */
#include "seam/kafka_conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 512 };

struct kafka_reader {
    rd_kafka_t *rk;
    struct clock *clock;
    char topic[KAFKA_TOPIC_MAX + 1];
};

int kafka_in_committed(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = kafka_positions_list(positions, count);
    rd_kafka_resp_err_t code = rd_kafka_committed(kafka_in_handle(in), list, timeout_ms);
    int r = kafka_error(code);

    clock_pulse(kafka_in_clock(in));
    if (!r)
        kafka_positions_fill(positions, list, 0);
    for (size_t i = 0; !r && i < count; i++)
        r = positions[i].error;
    rd_kafka_topic_partition_list_destroy(list);
    return r;
}

/* The offset of a time, or of one end of the log. */
static int offset_of(struct kafka_in *in, const char *topic, int32_t partition, int64_t time_ms, int64_t *offset, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;
    int r;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time_ms;
    code = rd_kafka_offsets_for_times(kafka_in_handle(in), list, timeout_ms);
    clock_pulse(kafka_in_clock(in));
    r = kafka_error(code ? code : list->elems[0].err);
    *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return r;
}

/* librdkafka's one question for both ends takes no notice of its timeout while a leader is silent: the daemon would answer no rebalance
 * meanwhile, and the whole group would wait for it. */
int kafka_in_bounds(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end, int timeout_ms)
{
    int r = offset_of(in, topic, partition, RD_KAFKA_OFFSET_BEGINNING, start, timeout_ms);

    return r ? r : offset_of(in, topic, partition, RD_KAFKA_OFFSET_END, end, timeout_ms);
}

static int ends_of_many(struct kafka_in *in, struct kafka_bounds *bounds, size_t count, int64_t which, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, bounds[i].topic, bounds[i].partition)->offset = which;
    code = rd_kafka_offsets_for_times(kafka_in_handle(in), list, timeout_ms);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *found = &list->elems[i];
        int64_t *out = which == RD_KAFKA_OFFSET_END ? &bounds[i].end : &bounds[i].start;

        *out = !code && !found->err && found->offset >= 0 ? found->offset : -1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return kafka_error(code);
}

int kafka_in_bounds_of_many(struct kafka_in *in, struct kafka_bounds *bounds, size_t count, int timeout_ms)
{
    int r = ends_of_many(in, bounds, count, RD_KAFKA_OFFSET_BEGINNING, timeout_ms);

    return r ? r : ends_of_many(in, bounds, count, RD_KAFKA_OFFSET_END, timeout_ms);
}

int kafka_in_watermarks(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end)
{
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(kafka_in_handle(in), topic, partition, start, end);

    return code || *start < 0 || *end < 0 ? -ENOENT : 0;
}

int kafka_in_offset_at(struct kafka_in *in, const char *topic, int32_t partition, int64_t time_ms, int64_t *offset, int timeout_ms)
{
    int r = offset_of(in, topic, partition, time_ms < 0 ? 0 : time_ms, offset, timeout_ms);      /* to a broker negative ones name places */

    return r || *offset >= 0 ? r : offset_of(in, topic, partition, RD_KAFKA_OFFSET_END, offset, timeout_ms);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    kafka_log_line(rd_kafka_opaque(rk), level, facility, line);
}

int kafka_reader_new(struct kafka_reader **out, const struct kafka_in_options *options, struct error_text *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka_reader *reader = calloc(1, sizeof *reader);
    char text[ERROR_SIZE];
    int r = reader ? kafka_conf_consumer(conf, options, error) : -ENOMEM;

    if (!r)
        r = kafka_conf_set(conf, "fetch.wait.max.ms", "20", false, error);
    if (!r) {
        rd_kafka_conf_set_opaque(conf, (void *)(uintptr_t)options->log);
        rd_kafka_conf_set_log_cb(conf, on_log);
        reader->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
        if (!reader->rk)
            r = error_set(error, -EINVAL, "librdkafka: %s", text);
    }
    if (r) {
        rd_kafka_conf_destroy(conf);
        free(reader);
        return r;
    }
    rd_kafka_poll_set_consumer(reader->rk);
    reader->clock = options->clock;
    *out = reader;
    return 0;
}

struct kafka_reader *kafka_reader_free(struct kafka_reader *reader)
{
    if (reader) {
        rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        free(reader);
    }
    return NULL;
}

int kafka_reader_set_credentials(struct kafka_reader *reader, const char *user, const char *password, struct error_text *error)
{
    return kafka_set_credentials(reader->rk, user, password, error);
}

int kafka_reader_open(struct kafka_reader *reader, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;

    snprintf(reader->topic, sizeof reader->topic, "%s", topic);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    code = rd_kafka_assign(reader->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return kafka_error(code);
}

int kafka_reader_next(struct kafka_reader *reader, int timeout_ms, struct kafka_message *message)
{
    rd_kafka_message_t *got = rd_kafka_consumer_poll(reader->rk, timeout_ms);

    clock_pulse(reader->clock);
    if (!got)
        return 0;
    if (got->err && got->err != RD_KAFKA_RESP_ERR__PARTITION_EOF && got->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        int r = kafka_error(got->err);

        rd_kafka_message_destroy(got);
        return r ? r : -EIO;
    }
    kafka_message_fill(message, got, reader->topic);
    return 1;
}

void kafka_reader_close(struct kafka_reader *reader)
{
    rd_kafka_assign(reader->rk, NULL);
}

int kafka_in_property_check(const char *name, const char *value, struct error_text *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int r = kafka_conf_set(conf, name, value, false, error);

    rd_kafka_conf_destroy(conf);
    return r;
}

uint32_t kafka_library_version(void)
{
    return (uint32_t)rd_kafka_version();
}

const char *kafka_library_version_text(void)
{
    return rd_kafka_version_str();
}
