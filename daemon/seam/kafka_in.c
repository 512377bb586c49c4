/* The consumer of librdkafka, cut in two: group events come by its main queue, messages by one queue of our own, to which
 * every partition's queue is forwarded before it is assigned. So polling for the group goes on while no message is taken.
 *
 * An assignment that names a partition which is being fetched stops and restarts it, and librdkafka ends the forwarding when it
 * gets to the stop, some time after assign() returned. So partitions are forwarded again until their first message or end came.
 *
 * Callbacks only note what happened; kafka_in_serve hands it up, and the answer comes later from the caller. librdkafka waits
 * for it: after a rebalance it asks nothing more until assign() was called. */
#include "seam/kafka_in.h"

#include "seam/kafka_conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 512, TAKE_MAX = 1024, SLICE_MS = 1000 };

/* A group event that waits to be handed up. */
struct noted {
    struct noted *next;
    struct kafka_group_event event;
};

struct kafka_in {
    rd_kafka_t *rk;
    rd_kafka_queue_t *fetch;
    const struct log *log;
    struct clock *clock;
    char **topics;
    size_t topics_count;
    struct noted *first, *last, *handed;
    rd_kafka_message_t *taken[TAKE_MAX];   /* between librdkafka's form and ours */
    struct kafka_position *restarted;       /* assigned, and nothing has come from them since */
    size_t restarted_count, restarted_capacity;
    int brokers_up;                         /* as the statistics last told; -1: not yet */
    bool revoked;                           /* the rebalance event that was handed up last */
    bool leaving;
};

static int error_from(rd_kafka_error_t *error)
{
    int code = error ? kafka_error(rd_kafka_error_code(error)) : 0;

    if (error)
        rd_kafka_error_destroy(error);
    return code;
}

/* Notes an event for kafka_in_serve. Out of memory here would lose a rebalance: then nothing can go on. */
static struct kafka_group_event *note(struct kafka_in *in, enum kafka_group_kind kind, int count)
{
    struct noted *noted = calloc(1, sizeof *noted);

    ASSERT(noted);
    noted->event.kind = kind;
    if (count > 0) {
        noted->event.positions = calloc((size_t)count, sizeof *noted->event.positions);
        ASSERT(noted->event.positions);
        noted->event.count = (size_t)count;
    }
    if (in->last)
        in->last->next = noted;
    else
        in->first = noted;
    in->last = noted;
    return &noted->event;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_in *in = opaque;
    struct kafka_group_event *event;

    if (in->leaving || (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)) {
        if (kafka_in_cooperative(in) && code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
            rd_kafka_error_destroy(rd_kafka_incremental_unassign(rk, list));
        else
            rd_kafka_assign(rk, NULL);
        return;
    }
    event = note(in, code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? KAFKA_ASSIGNED : KAFKA_REVOKED, list->cnt);
    kafka_positions_fill(event->positions, list, RD_KAFKA_RESP_ERR_NO_ERROR);
    event->lost = event->kind == KAFKA_REVOKED && rd_kafka_assignment_lost(rk);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_in *in = opaque;
    struct kafka_group_event *event;

    (void)rk;
    if (!list || list->cnt == 0)
        return;
    event = note(in, KAFKA_COMMITTED, list->cnt);
    event->error = kafka_error(code);
    kafka_positions_fill(event->positions, list, code);
}

static void note_trouble(struct kafka_in *in, rd_kafka_resp_err_t code, const char *reason)
{
    struct kafka_group_event *event = note(in, KAFKA_TROUBLE, 0);

    event->error = kafka_error(code);
    error_set(&event->text, 0, "%s: %s", rd_kafka_err2name(code), reason ? reason : "");
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_in *in = opaque;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        in->brokers_up = 0;
    note_trouble(in, (rd_kafka_resp_err_t)code, reason);
}

/* librdkafka's statistics (STATISTICS.md) are a large object; of it only the brokers' states are wanted, which nothing else in it looks like. */
static int on_statistics(rd_kafka_t *rk, char *json, size_t size, void *opaque)
{
    static const char up[] = "\"state\":\"UP\"";
    struct kafka_in *in = opaque;
    const char *at = json, *end = json + size;

    (void)rk;
    in->brokers_up = 0;
    while ((at = memmem(at, (size_t)(end - at), up, sizeof up - 1))) {
        at += sizeof up - 1;
        in->brokers_up++;
    }
    return 0;
}

/* librdkafka's own lines. Its threads call this while the owner may be inside any call, so it touches nothing but the log. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    const struct kafka_in *in = rd_kafka_opaque(rk);

    if (in)
        kafka_log_line(in->log, level, facility, line);
}

static int topics_copy(struct kafka_in *in, const struct kafka_in_options *options)
{
    in->topics = calloc(options->topics_count, sizeof *in->topics);
    for (size_t i = 0; in->topics && i < options->topics_count; i++) {
        in->topics[i] = strdup(options->topics[i]);
        if (!in->topics[i])
            return -ENOMEM;
        in->topics_count++;
    }
    return in->topics ? 0 : -ENOMEM;
}

static int consumer_start(struct kafka_in *in, rd_kafka_conf_t *conf, struct error_text *error)
{
    char text[ERROR_SIZE];

    rd_kafka_conf_set_opaque(conf, in);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    rd_kafka_conf_set_log_cb(conf, on_log);
    in->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!in->rk) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, -EINVAL, "librdkafka: %s", text);
    }
    in->brokers_up = -1;
    rd_kafka_poll_set_consumer(in->rk);
    in->fetch = rd_kafka_queue_new(in->rk);
    return 0;
}

int kafka_in_new(struct kafka_in **out, const struct kafka_in_options *options, struct error_text *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka_in *in = calloc(1, sizeof *in);
    int r = in ? topics_copy(in, options) : -ENOMEM;

    if (!r) {
        in->log = options->log;
        in->clock = options->clock;
        r = kafka_conf_consumer(conf, options, error);
    }
    if (r)
        rd_kafka_conf_destroy(conf);
    else
        r = consumer_start(in, conf, error);
    if (r) {
        kafka_in_free(in);
        return r;
    }
    *out = in;
    return 0;
}

static void noted_free(struct noted *noted)
{
    if (noted) {
        free(noted->event.positions);
        free(noted);
    }
}

struct kafka_in *kafka_in_free(struct kafka_in *in)
{
    if (!in)
        return NULL;
    in->leaving = true;
    if (in->fetch)
        rd_kafka_queue_destroy(in->fetch);
    if (in->rk)
        rd_kafka_destroy_flags(in->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    while (in->first) {
        struct noted *noted = in->first;

        in->first = noted->next;
        noted_free(noted);
    }
    noted_free(in->handed);
    for (size_t i = 0; i < in->topics_count; i++)
        free(in->topics[i]);
    free(in->topics);
    free(in->restarted);
    free(in);
    return NULL;
}

int kafka_in_set_credentials(struct kafka_in *in, const char *user, const char *password, struct error_text *error)
{
    return kafka_set_credentials(in->rk, user, password, error);
}

int kafka_in_subscribe(struct kafka_in *in, struct error_text *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)in->topics_count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < in->topics_count; i++)
        rd_kafka_topic_partition_list_add(list, in->topics[i], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(in->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code ? error_set(error, kafka_error(code), "subscribe: %s", rd_kafka_err2str(code)) : 0;
}

bool kafka_in_leave(struct kafka_in *in, int timeout_ms)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in->rk);

    in->leaving = true;
    rd_kafka_assign(in->rk, NULL);
    rd_kafka_error_destroy(rd_kafka_consumer_close_queue(in->rk, queue));
    for (int waited = 0; waited < timeout_ms && !rd_kafka_consumer_closed(in->rk); waited += 10) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(in->rk, 10);

        if (message)
            rd_kafka_message_destroy(message);
        clock_pulse(in->clock);
    }
    rd_kafka_queue_destroy(queue);
    return rd_kafka_consumer_closed(in->rk);
}

static const char *topic_intern(const struct kafka_in *in, const char *topic)
{
    for (size_t i = 0; i < in->topics_count; i++)
        if (strcmp(in->topics[i], topic) == 0)
            return in->topics[i];
    return "";
}

int kafka_in_brokers_up(const struct kafka_in *in)
{
    return in->brokers_up;
}

/* What is fetched for them goes to our queue, not to the group's. */
static void forward(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(in->rk, positions[i].topic, positions[i].partition);

        if (queue) {
            rd_kafka_queue_forward(queue, in->fetch);
            rd_kafka_queue_destroy(queue);
        }
    }
}

static void restarted_remove(struct kafka_in *in, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < in->restarted_count; i++)
        if (in->restarted[i].partition == partition && strcmp(in->restarted[i].topic, topic) == 0) {
            in->restarted[i] = in->restarted[--in->restarted_count];
            return;
        }
}

/* Before assign. Out of memory here would leave a partition unheard: then nothing can go on. */
static void restarted_add(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        restarted_remove(in, positions[i].topic, positions[i].partition);
    if (in->restarted_count + count > in->restarted_capacity) {
        in->restarted_capacity = 2 * (in->restarted_count + count);
        in->restarted = reallocarray(in->restarted, in->restarted_capacity, sizeof *in->restarted);
        ASSERT(in->restarted);
    }
    if (count)
        memcpy(in->restarted + in->restarted_count, positions, count * sizeof *positions);
    in->restarted_count += count;
    forward(in, positions, count);
}

size_t kafka_in_take(struct kafka_in *in, struct kafka_message *messages, size_t max, int timeout_ms)
{
    rd_kafka_message_t **taken = in->taken;
    ssize_t got = 0, more;

    if (max > TAKE_MAX)
        max = TAKE_MAX;
    if (max && timeout_ms > 0)
        got = rd_kafka_consume_batch_queue(in->fetch, timeout_ms, taken, 1);
    if (got < 0)
        got = 0;
    if ((size_t)got < max && (got > 0 || timeout_ms == 0)) {
        more = rd_kafka_consume_batch_queue(in->fetch, 0, taken + got, max - (size_t)got);
        got += more > 0 ? more : 0;
    }
    for (ssize_t i = 0; i < got; i++) {
        kafka_message_fill(&messages[i], taken[i], topic_intern(in, rd_kafka_topic_name(taken[i]->rkt)));
        if (in->restarted_count)
            restarted_remove(in, messages[i].topic, messages[i].partition);
    }
    return (size_t)got;
}

bool kafka_in_serve(struct kafka_in *in, int timeout_ms, struct kafka_group_event *event)
{
    noted_free(in->handed);
    in->handed = NULL;
    forward(in, in->restarted, in->restarted_count);
    if (!in->first) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(in->rk, timeout_ms);

        if (message) {
            if (message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
                note_trouble(in, message->err, rd_kafka_message_errstr(message));
            rd_kafka_message_destroy(message);
        }
    }
    if (!in->first)
        return false;
    in->handed = in->first;
    in->first = in->first->next;
    if (!in->first)
        in->last = NULL;
    *event = in->handed->event;
    if (event->kind == KAFKA_ASSIGNED || event->kind == KAFKA_REVOKED)
        in->revoked = event->kind == KAFKA_REVOKED;
    return true;
}

bool kafka_in_cooperative(struct kafka_in *in)
{
    const char *protocol = rd_kafka_rebalance_protocol(in->rk);

    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

/* librdkafka takes a list for the answer to an assignment, even to one of nothing, and none at all for the answer to a revocation. With
 * the wrong one it waits on, and the whole group with it. */
int kafka_in_assign(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = kafka_positions_list(positions, count);
    rd_kafka_resp_err_t code;

    in->restarted_count = 0;
    restarted_add(in, positions, count);
    code = rd_kafka_assign(in->rk, count || !in->revoked ? list : NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return kafka_error(code);
}

int kafka_in_assign_more(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = kafka_positions_list(positions, count);
    int r;

    restarted_add(in, positions, count);
    r = error_from(rd_kafka_incremental_assign(in->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
    return r;
}

int kafka_in_assign_less(struct kafka_in *in, const struct kafka_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = kafka_positions_list(positions, count);
    int r = error_from(rd_kafka_incremental_unassign(in->rk, list));

    for (size_t i = 0; i < count; i++)
        restarted_remove(in, positions[i].topic, positions[i].partition);
    rd_kafka_topic_partition_list_destroy(list);
    return r;
}

/* A revocation may be long; nobody shall take it for a hang. */
static rd_kafka_event_t *wait_in_slices(struct kafka_in *in, rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = NULL;

    for (int left = timeout_ms; !event && left > 0; left -= SLICE_MS) {
        event = rd_kafka_queue_poll(queue, left < SLICE_MS ? left : SLICE_MS);
        clock_pulse(in->clock);
    }
    return event;
}

int kafka_in_commit(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = kafka_positions_list(positions, count);
    rd_kafka_queue_t *queue;
    rd_kafka_resp_err_t code;
    rd_kafka_event_t *event;
    int r;

    if (timeout_ms == 0) {
        code = rd_kafka_commit(in->rk, list, 1);
        rd_kafka_topic_partition_list_destroy(list);
        return kafka_error(code);
    }
    queue = rd_kafka_queue_new(in->rk);
    code = rd_kafka_commit_queue(in->rk, list, queue, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    event = code ? NULL : wait_in_slices(in, queue, timeout_ms);
    r = code ? kafka_error(code) : event ? kafka_error(rd_kafka_event_error(event)) : -ETIMEDOUT;
    for (size_t i = 0; i < count; i++)
        positions[i].error = r;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return r;
}

void *kafka_in_handle(struct kafka_in *in)
{
    return in->rk;
}

struct clock *kafka_in_clock(struct kafka_in *in)
{
    return in->clock;
}
