#include "seam/kafka_transaction.h"

#include <librdkafka/rdkafka.h>

#include "seam/kafka_conf.h"

/* The error's class, and its words; ends the library's object. */
static int ended(rd_kafka_error_t *failed, struct error_text *error)
{
    rd_kafka_resp_err_t code;
    int r;

    if (!failed)
        return 0;
    code = rd_kafka_error_code(failed);
    if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH)
        r = -ESTALE;
    else if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        r = -EACCES;
    else if (rd_kafka_error_txn_requires_abort(failed))
        r = -ECANCELED;
    else if (rd_kafka_error_is_retriable(failed) || code == RD_KAFKA_RESP_ERR__TIMED_OUT)
        r = -EAGAIN;
    else
        r = kafka_error(code);
    r = error_set(error, r ? r : -EIO, "%s", rd_kafka_error_string(failed));
    rd_kafka_error_destroy(failed);
    return r;
}

/* A fatal error is told by its own name, or later only as that there was one. */
static int fenced_or(struct kafka_out *out, int r)
{
    rd_kafka_resp_err_t code = r ? rd_kafka_fatal_error(kafka_out_handle(out), NULL, 0) : RD_KAFKA_RESP_ERR_NO_ERROR;

    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ? -ESTALE : r;
}

int kafka_transaction_open(struct kafka_out *out, int timeout_ms, struct error_text *error)
{
    return fenced_or(out, ended(rd_kafka_init_transactions(kafka_out_handle(out), timeout_ms), error));
}

int kafka_transaction_begin(struct kafka_out *out, struct error_text *error)
{
    return fenced_or(out, ended(rd_kafka_begin_transaction(kafka_out_handle(out)), error));
}

/* -1 is the rest of the transaction's time, which the library wants. */
int kafka_transaction_commit(struct kafka_out *out, struct error_text *error)
{
    return fenced_or(out, ended(rd_kafka_commit_transaction(kafka_out_handle(out), -1), error));
}

int kafka_transaction_abort(struct kafka_out *out, struct error_text *error)
{
    return fenced_or(out, ended(rd_kafka_abort_transaction(kafka_out_handle(out), -1), error));
}

int kafka_transaction_log_end(struct kafka_out *out, const char *topic, int32_t partition, int64_t *end, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;
    int r;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_END;
    code = rd_kafka_offsets_for_times(kafka_out_handle(out), list, timeout_ms);
    r = kafka_error(code ? code : list->elems[0].err);
    *end = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return r ? r : *end < 0 ? -EIO : 0;
}
