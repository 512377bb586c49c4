/* What the Kafka seams share and nobody else sees: settings, error codes, positions and messages of librdkafka.
 *
 * Included by seam/kafka_*.c only; librdkafka's types pass through as void, so that no header includes its header. */
#ifndef ORDERD_SEAM_KAFKA_CONF_H
#define ORDERD_SEAM_KAFKA_CONF_H

#include "seam/kafka_in.h"
#include "seam/kafka_look.h"
#include "seam/kafka_out.h"

struct kafka_setting {
    const char *name, *value;
    bool optional;      /* not known to every librdkafka: then it is left out */
};

/* rd_kafka_resp_err_t to errno: 0, -ETIMEDOUT, -EACCES, -ENOENT, -ESTALE (not ours any more), -EAGAIN, -EPIPE (fatal), -EIO. */
int kafka_error(int code);

/* Sets one property or a list that ends with a NULL name. Errors: -EINVAL with librdkafka's words. `conf`: rd_kafka_conf_t. */
int kafka_conf_set(void *conf, const char *name, const char *value, bool optional, struct error_text *error) MUST_CHECK;
int kafka_conf_settings(void *conf, const struct kafka_setting *settings, struct error_text *error) MUST_CHECK;
/* One of librdkafka's own lines, its syslog level made ours. Its threads call this at any time. */
void kafka_log_line(const struct log *log, int level, const char *facility, const char *line);
/* What every client of ours has, until the user says otherwise. */
extern const struct kafka_setting kafka_conf_defaults[];
/* Everything that a consumer of ours has: defaults, then the user's, then what the promise rests on. */
int kafka_conf_consumer(void *conf, const struct kafka_in_options *options, struct error_text *error) MUST_CHECK;

/* rd_kafka_topic_partition_list_t to positions and back (a new list; metadata copied). */
void kafka_positions_fill(struct kafka_position *out, const void *list, int all);
void *kafka_positions_list(const struct kafka_position *positions, size_t count);
/* rd_kafka_message_t to our form; takes it over. */
void kafka_message_fill(struct kafka_message *out, void *message, const char *topic);

/* rd_kafka_DescribeConfigs_result_t of one topic or broker: the texts of what was asked. Errors: as kafka_look_settings. */
int kafka_values_fill(struct kafka_value *values, size_t count, const void *result) MUST_CHECK;

/* User and password of a client (rd_kafka_t), for every connection made from now on. Errors: -EINVAL. */
int kafka_set_credentials(void *rk, const char *user, const char *password, struct error_text *error) MUST_CHECK;

/* The producer's rd_kafka_t; the consumer's, and its clock. */
void *kafka_out_handle(struct kafka_out *out);
void *kafka_in_handle(struct kafka_in *in);
struct clock *kafka_in_clock(struct kafka_in *in);

#endif
