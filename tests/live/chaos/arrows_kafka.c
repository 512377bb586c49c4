/* The calls into librdkafka, its callbacks, and two kinds of request as they go out on the wire. */
#include <librdkafka/rdkafka.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "arrows.h"

#define PASSED(step, result, call) \
    do { \
        pass(step, BEFORE); \
        result = call; \
        pass(step, AFTER); \
    } while (0)

static rd_kafka_t *group;      /* the consumer that is in the group; others read evidence */
static void (*daemon_report)(rd_kafka_t *, const rd_kafka_message_t *, void *);
static void (*daemon_rebalance)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *);
static void (*daemon_commit)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *);

rd_kafka_resp_err_t rd_kafka_subscribe(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *topics)
{
    rd_kafka_resp_err_t r;

    group = rk;
    PASSED(STEP_SUBSCRIBE, r, REAL(rd_kafka_subscribe)(rk, topics));
    return r;
}

rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_message_t *message;

    PASSED(rk == group ? STEP_SERVE : STEP_EVIDENCE, message, REAL(rd_kafka_consumer_poll)(rk, timeout_ms));
    return message;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    int step = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? STEP_ASSIGNED : STEP_REVOKED;

    pass(step, BEFORE);
    daemon_rebalance(rk, code, list, opaque);
    pass(step, AFTER);
}

void rd_kafka_conf_set_rebalance_cb(rd_kafka_conf_t *conf, void (*callback)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                                            rd_kafka_topic_partition_list_t *, void *))
{
    daemon_rebalance = callback;
    REAL(rd_kafka_conf_set_rebalance_cb)(conf, on_rebalance);
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t r;

    if (rk != group)
        return REAL(rd_kafka_assign)(rk, list);
    PASSED(list ? STEP_ASSIGN : STEP_UNASSIGN, r, REAL(rd_kafka_assign)(rk, list));
    return r;
}

rd_kafka_error_t *rd_kafka_incremental_assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_error_t *r;

    PASSED(STEP_ASSIGN_MORE, r, REAL(rd_kafka_incremental_assign)(rk, list));
    return r;
}

rd_kafka_error_t *rd_kafka_incremental_unassign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_error_t *r;

    PASSED(STEP_ASSIGN_LESS, r, REAL(rd_kafka_incremental_unassign)(rk, list));
    return r;
}

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    rd_kafka_resp_err_t r;

    PASSED(STEP_COMMITTED, r, REAL(rd_kafka_committed)(rk, list, timeout_ms));
    return r;
}

rd_kafka_resp_err_t rd_kafka_offsets_for_times(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    rd_kafka_resp_err_t r;

    PASSED(STEP_BOUNDS, r, REAL(rd_kafka_offsets_for_times)(rk, list, timeout_ms));
    return r;
}

ssize_t rd_kafka_consume_batch_queue(rd_kafka_queue_t *queue, int timeout_ms, rd_kafka_message_t **messages, size_t size)
{
    ssize_t got;

    pass(STEP_FETCH, BEFORE);
    got = REAL(rd_kafka_consume_batch_queue)(queue, timeout_ms, messages, size);
    if (got > 0)
        pass(STEP_FETCH, AFTER);
    return got;
}

rd_kafka_error_t *rd_kafka_produceva(rd_kafka_t *rk, const rd_kafka_vu_t *fields, size_t count)
{
    int step = STEP_PUBLISH;
    rd_kafka_error_t *r;

    for (size_t i = 0; i < count; i++)
        if (fields[i].vtype == RD_KAFKA_VTYPE_RKT && strstr(REAL(rd_kafka_topic_name)(fields[i].u.rkt), "dead-letters"))
            step = STEP_LETTER;
    PASSED(step, r, REAL(rd_kafka_produceva)(rk, fields, count));
    return r;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    pass(STEP_REPORT, BEFORE);
    daemon_report(rk, message, opaque);
    pass(STEP_REPORT, AFTER);
}

void rd_kafka_conf_set_dr_msg_cb(rd_kafka_conf_t *conf, void (*callback)(rd_kafka_t *, const rd_kafka_message_t *, void *))
{
    daemon_report = callback;
    REAL(rd_kafka_conf_set_dr_msg_cb)(conf, on_report);
}

rd_kafka_resp_err_t rd_kafka_commit(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets, int async)
{
    rd_kafka_resp_err_t r;

    PASSED(STEP_COMMIT, r, REAL(rd_kafka_commit)(rk, offsets, async));
    return r;
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    pass(STEP_COMMIT_DONE, BEFORE);
    daemon_commit(rk, code, list, opaque);
    pass(STEP_COMMIT_DONE, AFTER);
}

void rd_kafka_conf_set_offset_commit_cb(rd_kafka_conf_t *conf, void (*callback)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                                                rd_kafka_topic_partition_list_t *, void *))
{
    daemon_commit = callback;
    REAL(rd_kafka_conf_set_offset_commit_cb)(conf, on_commit);
}

rd_kafka_resp_err_t rd_kafka_commit_queue(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets, rd_kafka_queue_t *queue,
                                          void (*callback)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *),
                                          void *opaque)
{
    rd_kafka_resp_err_t r;

    PASSED(STEP_COMMIT_LAST, r, REAL(rd_kafka_commit_queue)(rk, offsets, queue, callback, opaque));
    return r;
}

rd_kafka_error_t *rd_kafka_consumer_close_queue(rd_kafka_t *rk, rd_kafka_queue_t *queue)
{
    rd_kafka_error_t *r;

    PASSED(STEP_LEAVE, r, REAL(rd_kafka_consumer_close_queue)(rk, queue));
    return r;
}

rd_kafka_resp_err_t rd_kafka_purge(rd_kafka_t *rk, int flags)
{
    rd_kafka_resp_err_t r;

    PASSED(STEP_PURGE, r, REAL(rd_kafka_purge)(rk, flags));
    return r;
}

/* A request's header: its size in four bytes, then the number of the API in two. */
static int request_step(const struct msghdr *message)
{
    const unsigned char *head_of = message->msg_iovlen ? message->msg_iov[0].iov_base : NULL;

    if (!head_of || message->msg_iov[0].iov_len < 14 || head_of[4])
        return STEPS_COUNT;
    return head_of[5] == 0 ? STEP_PRODUCE : head_of[5] == 8 ? STEP_COMMIT_WIRE : STEPS_COUNT;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    int step = request_step(message);
    ssize_t sent;

    PASSED(step, sent, REAL(sendmsg)(fd, message, flags));
    return sent;
}
