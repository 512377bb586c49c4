/* Status for programs. The members' names are a promise: orderd(8) lists them. A number that is not known is null. */
#include <unistd.h>

#include "codec/members.h"
#include "service/status.h"

static void put_head(struct buffer *out, const struct status_view *view)
{
    members_text(out, "state", view->state);
    members_text(out, "sentence", view->sentence);
    members_time(out, "time", view->sight->now);
    members_text(out, "version", view->version);
    members_text(out, "librdkafka", view->librdkafka);
    members_int(out, "pid", getpid());
    members_time(out, "started_at", view->started_ms);
    members_int(out, "uptime_s", view->started_ms ? (view->sight->now - view->started_ms) / 1000 : 0);
    members_name(out, "health");
    health_put_json(out, &view->health);
    if (!buffer_error(out))
        out->size--;      /* without its line's end */
}

static void put_ends(struct buffer *out, const struct status_view *view)
{
    const struct picture *picture = view->sight->picture;

    members_open(out, "redis", '{');
    members_flag(out, "up", view->sight->redis_up);
    members_text(out, "address", view->sight->options->redis);
    members_text_or_null(out, "promise", picture->redis_promise);
    buffer_put_char(out, '}');
    members_open(out, "kafka", '{');
    members_flag(out, "up", view->sight->kafka_up);
    members_text(out, "brokers", view->sight->options->brokers);
    members_int_or_null(out, "brokers_up", view->sight->phase < BOARD_RUNNING ? -1 : picture->kafka_brokers_up);
    members_text(out, "group", view->sight->options->group);
    members_flag(out, "joined", picture->joined);
    buffer_put_char(out, '}');
    members_text_or_null(out, "incarnation", picture->incarnation);
    members_int_or_null(out, "era", picture->era ? picture->era : -1);
    members_text_or_null(out, "halt", picture->halt);
}

static void put_reapply(struct buffer *out, const struct picture *picture)
{
    if (!picture->reapply.phase) {
        members_text_or_null(out, "reapply", "");
        return;
    }
    members_open(out, "reapply", '{');
    members_text(out, "phase", picture->reapply.phase);
    members_int(out, "events", picture->reapply.events);
    members_int(out, "of", picture->reapply.of);
    members_int(out, "differences", picture->reapply.differences);
    buffer_put_char(out, '}');
}

static void put_operator(struct buffer *out, const struct picture *picture)
{
    members_open(out, "operator", '{');
    members_flag(out, "quiet", picture->quiet);
    members_int_or_null(out, "rate_events_per_s", picture->rate ? picture->rate : -1);
    members_int(out, "skips_waiting", (int64_t)picture->skips);
    buffer_put_char(out, '}');
}

static double per_second(const struct tally *recent, uint64_t count)
{
    return recent->at ? 1000.0 * (double)count / (double)recent->at : -1;
}

static void put_rates(struct buffer *out, const struct status_view *view)
{
    const struct tally *recent = &view->recent, *ever = &view->ever;

    members_open(out, "events_per_s", '{');
    for (int i = 0; i < STATUS_COUNT; i++)
        members_real(out, status_name((enum status)i), per_second(recent, recent->statuses[i]));
    buffer_put_char(out, '}');
    members_open(out, "events", '{');
    for (int i = 0; i < STATUS_COUNT; i++)
        members_int(out, status_name((enum status)i), (int64_t)ever->statuses[i]);
    buffer_put_char(out, '}');
    members_real(out, "recent_s", (double)recent->at / 1000);
    members_real(out, "transactions_per_s", per_second(recent, recent->execs));
    members_real(out, "conflict_share", recent->execs ? (double)recent->conflicts / (double)recent->execs : recent->at ? 0 : -1);
    members_real(out, "events_again_per_s", per_second(recent, recent->retries));
}

static int64_t round_up(double value)
{
    int64_t whole = (int64_t)value;

    return whole + ((double)whole < value);
}

static void put_quantiles(struct buffer *out, const char *name, const struct histogram *histogram, double scale, bool whole)
{
    static const struct {
        const char *name;
        double share;
    } quantiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
    bool beyond;

    members_open(out, name, '{');
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double value = histogram_quantile(histogram, quantiles[i].share, &beyond);

        members_real(out, quantiles[i].name, value < 0 ? value : whole ? (double)round_up(value) : value * scale);
    }
    buffer_put_char(out, '}');
}

static void put_load(struct buffer *out, const struct status_view *view)
{
    const struct picture *picture = view->sight->picture;

    put_quantiles(out, "transaction_ms", &view->recent.exec_us, 0.001, false);
    put_quantiles(out, "end_to_end_ms", &view->recent.end_to_end_ms, 1, false);
    put_quantiles(out, "turn_events", &view->recent.turn_events, 1, true);
    members_int(out, "turn_events_limit", (int64_t)picture->events_limit);
    members_int(out, "events_held", (int64_t)picture->held);
    members_int(out, "events_held_limit", (int64_t)picture->held_max);
    members_int(out, "records_in_flight", (int64_t)picture->in_flight);
    members_flag(out, "durable", picture->gate_open);
}

static void put_partition(struct buffer *out, const struct picture_partition *p, int64_t now)
{
    int64_t late = picture_lag_ms(p, now);

    members_text(out, "topic", p->topic);
    members_int(out, "partition", p->number);
    members_text(out, "state", picture_state_name(picture_state(p)));
    members_int_or_null(out, "lag", p->lag);
    members_real(out, "lag_s", late < 0 ? -1 : (double)late / 1000);
    members_int_or_null(out, "next", p->next);
    members_int_or_null(out, "done", p->next < 0 ? -1 : p->done);
    members_int_or_null(out, "committed", p->committed);
    members_int_or_null(out, "end", p->end);
    members_int(out, "held", (int64_t)p->held);
    members_int(out, "outbox_entries", (int64_t)p->outbox_entries);
    members_int(out, "outbox_bytes", (int64_t)p->outbox_bytes);
    members_time(out, "oldest_unfinished", p->unfinished_timestamp);
    members_time(out, "paused_at", p->pause.set ? p->pause.since : 0);
    members_text_or_null(out, "paused_note", p->pause.set ? p->pause.note : "");
    members_text_or_null(out, "refusal", p->refusal);
}

static void put_partitions(struct buffer *out, const struct status_view *view)
{
    const struct picture *picture = view->sight->picture;

    members_int(out, "lag", picture_lag(picture));
    members_open(out, "partitions", '[');
    for (size_t i = 0; i < picture->partitions_count; i++) {
        members_element(out);
        put_partition(out, &picture->partitions[i], view->sight->now);
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, ']');
}

static void put_hot(struct buffer *out, const char *name, const struct hot_key *keys, size_t count, bool conflicts)
{
    char text[HOT_KEY_TEXT_MAX];

    members_open(out, name, '[');
    for (size_t i = 0; i < count; i++) {
        members_element(out);
        hot_key_text(text, &keys[i]);
        members_text(out, "key", text);
        members_real(out, "per_s", conflicts ? keys[i].conflicts : keys[i].writes);
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, ']');
}

static void put_errors(struct buffer *out, const struct status_view *view)
{
    members_open(out, "errors", '[');
    for (size_t i = 0; i < view->errors_count; i++) {
        members_element(out);
        members_time(out, "time", view->errors[i].time);
        members_text(out, "level", log_level_name(view->errors[i].level));
        members_text(out, "text", view->errors[i].text);
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, ']');
}

void status_put_json(struct buffer *out, const struct status_view *view)
{
    const struct picture *picture = view->sight->picture;

    put_head(out, view);
    put_ends(out, view);
    put_reapply(out, view->sight->picture);
    put_operator(out, picture);
    put_rates(out, view);
    put_load(out, view);
    put_partitions(out, view);
    put_hot(out, "hot_writes", picture->hot_writes, picture->hot_writes_count, false);
    put_hot(out, "hot_conflicts", picture->hot_conflicts, picture->hot_conflicts_count, true);
    put_errors(out, view);
}
