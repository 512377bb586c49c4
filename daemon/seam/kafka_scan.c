/* One consumer that is assigned and never subscribes. Each partition's queue is cut off from the consumer's own before the assignment names it, so
 * librdkafka holds the bound of fetching ahead against each queue by itself, and whoever waits for one partition is not handed another's messages.
 *
 * Messages are taken from librdkafka in batches: its lock and its clock are paid once for many.
 *
 * A broker's thread of librdkafka before 2.2 that finds every queue of its partitions full sleeps for a second, however soon there is room again,
 * unless it is given something to send; with queues of some megabytes a reader would wait most of its time. So it is asked something small. */
#include "seam/kafka_scan.h"

#include "seam/kafka_conf.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_SIZE = 512, BATCH = 256, PART_KBYTES_MIN = 1024, PART_KBYTES_MAX = 2097151, NUDGE_MS = 20, NUDGES_BEFORE = 0x020200ff };

struct stream {
    rd_kafka_queue_t *queue;                  /* NULL: not open */
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    rd_kafka_message_t *taken[BATCH];         /* from librdkafka and not yet handed over: [at, count) */
    size_t at, count;
    bool ended;                               /* its end was the last that came */
};

struct kafka_scan {
    rd_kafka_t *rk;
    const struct log *log;
    struct clock *clock;
    int trouble;                              /* -EAGAIN, -EACCES: what the client said last, and nothing came since */
    int64_t nudged_ms;                        /* INT64_MAX: this librdkafka needs none */
    size_t streams_max;
    struct stream streams[];
};

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    const struct kafka_scan *scan = rd_kafka_opaque(rk);

    if (scan)
        kafka_log_line(scan->log, level, facility, line);
}

/* Only while the scan's owner polls. One broker of several that is away is no trouble; librdkafka finds the others. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_scan *scan = opaque;

    (void)rk, (void)reason;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        scan->trouble = -EAGAIN;
    else if (kafka_error(code) == -EACCES)
        scan->trouble = -EACCES;
}

/* librdkafka counts the bytes of messages only, and needs some hundred more for each: so no more messages than KiB. */
static int configure(rd_kafka_conf_t *conf, const struct kafka_in_options *options, size_t streams_max, size_t kbytes, struct error_text *error)
{
    size_t part = kbytes / (streams_max ? streams_max : 1);
    char text[32];
    int r = kafka_conf_consumer(conf, options, error);

    part = part < PART_KBYTES_MIN ? PART_KBYTES_MIN : part > PART_KBYTES_MAX ? PART_KBYTES_MAX : part;
    snprintf(text, sizeof text, "%zu", part);
    if (!r)
        r = kafka_conf_set(conf, "queued.max.messages.kbytes", text, false, error);
    if (!r)
        r = kafka_conf_set(conf, "queued.min.messages", text, false, error);
    if (!r)
        r = kafka_conf_set(conf, "statistics.interval.ms", "0", false, error);
    return r;
}

int kafka_scan_new(struct kafka_scan **out, const struct kafka_in_options *options, size_t streams_max, size_t kbytes, struct error_text *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka_scan *scan = calloc(1, sizeof *scan + streams_max * sizeof *scan->streams);
    char text[ERROR_SIZE];
    int r = scan ? configure(conf, options, streams_max, kbytes, error) : -ENOMEM;

    if (!r) {
        scan->log = options->log;
        scan->clock = options->clock;
        scan->nudged_ms = rd_kafka_version() < NUDGES_BEFORE ? 0 : INT64_MAX;
        scan->streams_max = streams_max;
        rd_kafka_conf_set_opaque(conf, scan);
        rd_kafka_conf_set_log_cb(conf, on_log);
        rd_kafka_conf_set_error_cb(conf, on_error);
        scan->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
        if (!scan->rk)
            r = error_set(error, -EINVAL, "librdkafka: %s", text);
    }
    if (r) {
        rd_kafka_conf_destroy(conf);
        free(scan);
        return r;
    }
    rd_kafka_poll_set_consumer(scan->rk);
    *out = scan;
    return 0;
}

struct kafka_scan *kafka_scan_free(struct kafka_scan *scan)
{
    if (!scan)
        return NULL;
    for (size_t i = 0; i < scan->streams_max; i++)
        kafka_scan_close(scan, i);
    rd_kafka_destroy_flags(scan->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(scan);
    return NULL;
}

static size_t find(const struct kafka_scan *scan, const char *topic, int32_t partition)
{
    size_t i = 0;

    while (i < scan->streams_max && (!scan->streams[i].queue || scan->streams[i].partition != partition || strcmp(scan->streams[i].topic, topic) != 0))
        i++;
    return i;
}

static int error_of(rd_kafka_error_t *error)
{
    int code = error ? kafka_error(rd_kafka_error_code(error)) : 0;

    if (error)
        rd_kafka_error_destroy(error);
    return code;
}

/* Adds to the assignment, or takes from it. Outside of a group both are taken at any time. */
static int assign(struct kafka_scan *scan, const struct stream *s, bool more, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int r;

    rd_kafka_topic_partition_list_add(list, s->topic, s->partition)->offset = offset;
    r = error_of(more ? rd_kafka_incremental_assign(scan->rk, list) : rd_kafka_incremental_unassign(scan->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
    return r;
}

int kafka_scan_open(struct kafka_scan *scan, const char *topic, int32_t partition, int64_t offset, size_t *stream)
{
    size_t i = 0;
    int r;

    if (find(scan, topic, partition) < scan->streams_max)
        return -EEXIST;
    while (i < scan->streams_max && scan->streams[i].queue)
        i++;
    if (i == scan->streams_max)
        return -ENOBUFS;
    snprintf(scan->streams[i].topic, sizeof scan->streams[i].topic, "%s", topic);
    scan->streams[i].partition = partition;
    scan->streams[i].at = scan->streams[i].count = 0;
    scan->streams[i].ended = false;
    scan->streams[i].queue = rd_kafka_queue_get_partition(scan->rk, topic, partition);
    if (!scan->streams[i].queue)
        return -EIO;
    rd_kafka_queue_forward(scan->streams[i].queue, NULL);
    r = assign(scan, &scan->streams[i], true, offset);
    if (r)
        kafka_scan_close(scan, i);
    *stream = i;
    return r ? -EIO : 0;
}

static size_t take(struct stream *s, size_t max, int timeout_ms)
{
    ssize_t got = rd_kafka_consume_batch_queue(s->queue, timeout_ms, s->taken, max);

    s->at = 0;
    s->count = got > 0 ? (size_t)got : 0;
    return s->count;
}

/* Where a log ends, asked of the partition's leader; nobody waits for the answer. */
static void nudge(struct kafka_scan *scan, const struct stream *s)
{
    rd_kafka_topic_partition_list_t *list;
    int64_t now = clock_monotonic_ms(scan->clock);

    if (scan->nudged_ms > now - NUDGE_MS)
        return;
    scan->nudged_ms = now;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, s->topic, s->partition)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_offsets_for_times(scan->rk, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

/* The first that comes; whoever sleeps while we wait is woken meanwhile. */
static void wait_for_one(struct kafka_scan *scan, struct stream *s, int timeout_ms)
{
    bool alone = s->ended || scan->trouble || scan->nudged_ms == INT64_MAX;
    int slice = alone ? timeout_ms : NUDGE_MS;

    for (int left = timeout_ms; left > 0 && !take(s, 1, left < slice ? left : slice); left -= slice)
        if (!alone)
            nudge(scan, s);
}

/* What lies there, at once; where nothing does, the first that comes. The consumer's own queue holds what the client itself has to say. */
static int refill(struct kafka_scan *scan, struct stream *s, int timeout_ms)
{
    rd_kafka_message_t *said = NULL;

    take(s, BATCH, 0);
    if (!s->ended && !scan->trouble)
        nudge(scan, s);
    if (!s->count) {
        said = rd_kafka_consumer_poll(scan->rk, 0);
        if (said)
            rd_kafka_message_destroy(said);
        wait_for_one(scan, s, timeout_ms);
    }
    clock_pulse(scan->clock);
    if (!s->count)
        return scan->trouble;
    scan->trouble = 0;
    return 1;
}

static int hand_over(struct stream *s, struct kafka_message *message)
{
    rd_kafka_message_t *from = s->taken[s->at++];
    int r = kafka_error(from->err);

    kafka_message_fill(message, from, s->topic);
    s->ended = message->kind == KAFKA_END;
    if (message->kind != KAFKA_FAILED || message->error == -ERANGE)
        return 1;
    if (r == -EAGAIN || r == -ETIMEDOUT) {
        kafka_message_free(message);
        return -EAGAIN;
    }
    if (r == -ENOENT || r == -EACCES)
        message->error = r;
    return 1;
}

int kafka_scan_next(struct kafka_scan *scan, size_t stream, int timeout_ms, struct kafka_message *message)
{
    struct stream *s = &scan->streams[stream];
    int r = 1;

    ASSERT(stream < scan->streams_max && s->queue);
    if (s->at == s->count)
        r = refill(scan, s, timeout_ms);
    return r == 1 ? hand_over(s, message) : r;
}

/* What was fetched for it is dropped, so that its memory is there for others. */
void kafka_scan_close(struct kafka_scan *scan, size_t stream)
{
    struct stream *s = &scan->streams[stream];

    if (!s->queue)
        return;
    assign(scan, s, false, 0);
    do {
        while (s->at < s->count)
            rd_kafka_message_destroy(s->taken[s->at++]);
    } while (take(s, BATCH, 0));
    rd_kafka_queue_destroy(s->queue);
    s->queue = NULL;
}
