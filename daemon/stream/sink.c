#include "stream/sink.h"

#include <stdlib.h>
#include <string.h>

enum { TOPIC_OUTCOMES, TOPIC_DEAD_LETTERS, TOPICS };

struct sink {
    struct sink_options options;
    struct sink_limits limits;
    const char *topics[TOPICS];
    struct kafka_out *out;        /* NULL: ended, the next one is due at retry_at */
    size_t in_flight;
    bool failed, renewed;
    int64_t retry_at;
    int backoff_ms;
};

static void on_report(void *context, const struct kafka_report *report)
{
    struct sink *sink = context;
    struct sink_report up = {report->opaque, report->error == 0 && !sink->failed, report->topic == TOPIC_OUTCOMES, report->partition,
                             report->offset, sink->topics[report->topic], NULL};

    ASSERT(sink->in_flight > 0);
    sink->in_flight--;
    if (report->error && !sink->failed) {
        sink->failed = true;
        up.reason = report->reason;
    }
    sink->options.reported(sink->options.context, &up);
}

static int producer_new(struct sink *sink, struct error_text *error)
{
    struct kafka_out_options options = {
        .brokers = sink->options.brokers,
        .topics = sink->topics,
        .topics_count = TOPICS,
        .properties = sink->options.properties,
        .log = sink->options.log,
        .reported = on_report,
        .context = sink,
    };

    return kafka_out_new(&sink->out, &options, error);
}

int sink_new(struct sink **out, const struct sink_options *options, struct error_text *error)
{
    struct sink *sink = calloc(1, sizeof *sink);
    int r;

    if (!sink)
        return -ENOMEM;
    sink->options = *options;
    sink->topics[TOPIC_OUTCOMES] = options->outcomes;
    sink->topics[TOPIC_DEAD_LETTERS] = options->dead_letters;
    sink->backoff_ms = options->backoff_min_ms;
    r = producer_new(sink, error);
    if (r) {
        sink_free(sink);
        return r;
    }
    *out = sink;
    return 0;
}

static void producer_end(struct sink *sink)
{
    sink->failed = true;               /* what is reported from here on was not delivered */
    sink->out = kafka_out_free(sink->out);
    sink->in_flight = 0;               /* nothing more can be reported, should any report not have come */
    sink->retry_at = clock_monotonic_ms(sink->options.clock) + clock_random_between(sink->options.clock, sink->backoff_ms / 2, sink->backoff_ms);
    if (sink->backoff_ms < sink->options.backoff_max_ms)
        sink->backoff_ms = 2 * sink->backoff_ms < sink->options.backoff_max_ms ? 2 * sink->backoff_ms : sink->options.backoff_max_ms;
}

struct sink *sink_free(struct sink *sink)
{
    if (sink) {
        if (sink->out)
            producer_end(sink);
        free(sink);
    }
    return NULL;
}

void sink_purge(struct sink *sink)
{
    if (sink->out)
        producer_end(sink);
}

int sink_set_credentials(struct sink *sink, const char *user, const char *password, struct error_text *error)
{
    return sink->out ? kafka_out_set_credentials(sink->out, user, password, error) : 0;
}

static void producer_renew(struct sink *sink)
{
    struct error_text error;

    if (clock_monotonic_ms(sink->options.clock) < sink->retry_at)
        return;
    if (producer_new(sink, &error)) {
        log_error(sink->options.log, "no new producer error=\"%s\"", error.text);
        sink->retry_at = clock_monotonic_ms(sink->options.clock) + sink->options.backoff_max_ms;
        return;
    }
    sink->failed = false;
    sink->renewed = true;
}

static void serve(struct sink *sink, int timeout_ms, int (*reports)(struct kafka_out *out, int timeout_ms))
{
    struct error_text error;

    if (sink->out) {
        if (reports(sink->out, timeout_ms) > 0 && !sink->failed)
            sink->backoff_ms = sink->options.backoff_min_ms;
        if (!sink->failed && kafka_out_error(sink->out, &error)) {
            log_warning(sink->options.log, "the producer met a fatal error and is replaced error=\"%s\"", error.text);
            sink->failed = true;
        }
        if (sink->failed)
            producer_end(sink);
    } else {
        producer_renew(sink);
    }
}

void sink_poll(struct sink *sink, int timeout_ms)
{
    serve(sink, timeout_ms, kafka_out_poll);
}

void sink_hurry(struct sink *sink, int timeout_ms)
{
    serve(sink, timeout_ms, kafka_out_hurry);
}

bool sink_renewed(struct sink *sink)
{
    bool renewed = sink->renewed;

    sink->renewed = false;
    return renewed;
}

bool sink_is_down(const struct sink *sink)
{
    return !sink->out || sink->failed;
}

int sink_send(struct sink *sink, struct record *record, struct bytes sequence, void *opaque)
{
    struct kafka_record out = {
        .topic = record->kind == RECORD_OUTCOME ? TOPIC_OUTCOMES : TOPIC_DEAD_LETTERS,
        .partition = record->partition,
        .key = record->key,
        .value = record->value,
        .headers = record->headers,
        .headers_count = record->headers_count,
        .opaque = opaque,
    };
    int r;

    if (sink_is_down(sink) || sink->renewed)
        return -EAGAIN;
    if (record->kind == RECORD_OUTCOME && sequence.data)
        record->headers[out.headers_count++] = (struct kafka_header){bytes_of("ce_sequence"), sequence};
    r = kafka_out_send(sink->out, &out);
    if (r == -ENOBUFS)
        return -EAGAIN;
    if (r == -EPIPE) {
        sink->failed = true;
        return -EAGAIN;
    }
    if (r == 0)
        sink->in_flight++;
    return r;
}

size_t sink_in_flight(const struct sink *sink)
{
    return sink->in_flight;
}

void sink_set_limits(struct sink *sink, const struct sink_limits *limits)
{
    sink->limits = *limits;
}

const struct sink_limits *sink_limits(const struct sink *sink)
{
    return &sink->limits;
}
