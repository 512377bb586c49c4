/* What happened, into meters and hot keys: a few additions an event, when its EXEC was applied and when its outcome was delivered. */
#include "turn/state.h"

static size_t type_of(const struct item *item)
{
    return item->decoded.reason == REASON_NONE ? (size_t)item->decoded.event.kind : METERS_TYPE_UNKNOWN;
}

void count_taken(struct pipeline *p, const struct item *item)
{
    p->meters.consumed[type_of(item)]++;
}

/* How old the event is, in whole milliseconds; a clock that is behind the producer's makes it new. */
static void put_age(struct outbox_entry *entry, const struct item *item, int64_t now)
{
    int64_t age = item->message.timestamp < 0 ? 0 : now - item->message.timestamp;
    uint32_t bounded = age < 0 ? 0 : age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;

    buffer_put(&entry->ages, &bounded, sizeof bounded);
}

static void count_run(struct pipeline *p, struct run *run, int64_t now)
{
    struct meters *m = &p->meters;
    const struct item *item = run->first;

    if (run->entry) {
        run->entry->applied_at = now;
        run->entry->timestamp = item && item->message.timestamp > 0 ? item->message.timestamp : 0;
    }
    for (size_t i = 0; i < run->count; i++, item = item->next) {
        m->decided[type_of(item)][item->status]++;
        m->reasons[item->why]++;
        m->dead_letters[item->why] += item->status == STATUS_MALFORMED;
        if (item->why == REASON_SKIPPED)
            skip_decided(p, run->lane, item);
        put_age(run->entry, item, now);
        if (item->status == STATUS_MALFORMED)
            tell_malformed(p, run->lane->partition, item);
        else if (item->status == STATUS_EXPIRED)
            tell_expired(p, run->lane->partition, item);
    }
}

static void count_applied(struct pipeline *p, struct turn *turn)
{
    int64_t now = clock_realtime_ms(p->options.clock);

    for (size_t i = 0; i < turn->runs_count; i++)
        count_run(p, &turn->runs[i], now);
    rate_used(&p->rate, turn->events);
    if (!turn->events)
        return;
    histogram_add(&p->meters.turn_events, (int64_t)turn->events, 1);
    if (!turn->expiring)
        hot_wrote(p->hot, turn->view, turn->shard->number, clock_monotonic_ms(p->options.clock));
}

static void count_conflict(struct pipeline *p, const struct turn *turn)
{
    p->meters.retries += turn->events;
    if (!turn->expiring)
        hot_conflicted(p->hot, turn->view, turn->shard->number);
}

void count_exec(struct pipeline *p, struct turn *turn, enum exec_class class)
{
    struct meters *m = &p->meters;

    m->execs++;
    m->refused += class == EXEC_REFUSED;
    m->torn += class == EXEC_TORN;
    m->unknown += class == EXEC_UNKNOWN;
    m->conflicts += class == EXEC_CONFLICT;
    if (class == EXEC_APPLIED || class == EXEC_CONFLICT)
        histogram_add(&m->exec_us, clock_monotonic_us(p->options.clock) - p->exec_sent_us, 1);
    if (class == EXEC_APPLIED)
        count_applied(p, turn);
    else if (class == EXEC_CONFLICT)
        count_conflict(p, turn);
}

void count_loaded(struct pipeline *p, const struct turn *turn)
{
    hot_loaded(p->hot, turn->view, turn->shard->number, clock_monotonic_ms(p->options.clock));
}

static void count_delivered(struct pipeline *p, const struct outbox_entry *entry)
{
    int64_t since = clock_realtime_ms(p->options.clock) - entry->applied_at;
    size_t count = entry->ages.size / sizeof(uint32_t);

    for (size_t i = 0; i < count; i++) {
        uint32_t age;

        memcpy(&age, entry->ages.data + i * sizeof age, sizeof age);
        histogram_add(&p->meters.end_to_end_ms, (int64_t)age + (since > 0 ? since : 0), 1);
    }
}

void count_report(struct pipeline *p, const struct outbox_entry *entry, bool delivered)
{
    if (!delivered)
        p->meters.delivery_failures++;
    else if (entry->applied_at && entry->outbox && entry->whole && entry->due == 1)
        count_delivered(p, entry);
}

void count_commit(struct pipeline *p, const struct kafka_position *position)
{
    if (position->error) {
        p->meters.commit_failures++;
        return;
    }
    p->meters.commits++;
    p->meters.committed_at = clock_realtime_ms(p->options.clock);
}
