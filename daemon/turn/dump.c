/* What is in flight, for an operator who wonders what the daemon is at: a bounded number of lines into the log, at notice, and few
 * enough of a kind that none is counted instead (base/log.h). */
#include "rules/rules.h"
#include "turn/state.h"

enum { DUMP_LANES_MAX = 32, DUMP_EVENTS_MAX = 3 };

static const char *state_text(const struct pipeline *p, const struct lane *lane)
{
    if (lane->partition->state == PARTITION_UNTAKEN)
        return "untaken";
    if (lane->partition->state == PARTITION_STOPPED)
        return "stopped";
    return park_wanted(p, lane) ? "paused" : lane->parked ? "parked" : "owned";
}

static void dump_event(struct pipeline *p, const struct lane *lane, const struct item *item, int64_t now)
{
    const struct decoded *decoded = &item->decoded;
    bool good = decoded->reason == REASON_NONE;
    size_t key = item->message.key.size < 64 ? item->message.key.size : 64;

    log_notice(p->log, "dump: event topic=%s partition=%d offset=%lld key=\"%.*s\" id=\"%.*s\" type=%s attempts=%d age_ms=%lld expiring=%s", lane->partition->topic,
               lane->partition->number, (long long)item->message.offset, (int)key, item->message.key.data ? item->message.key.data : "", decoded->id_size, decoded->id,
               good ? rules_kind_name(decoded->event.kind) : reason_name(decoded->reason), item->attempts,
               item->message.timestamp < 0 ? -1 : (long long)(now - item->message.timestamp), item->expiring ? "yes" : "no");
}

static void dump_lane(struct pipeline *p, const struct lane *lane, int64_t now)
{
    const struct partition *partition = lane->partition;
    const struct item *item = lane->head;

    log_notice(p->log, "dump: partition topic=%s partition=%d state=%s next=%lld done=%lld committed=%lld held=%zu outbox=%zu finished=%zu", partition->topic, partition->number, state_text(p, lane),
               (long long)partition->mark.next, (long long)partition->mark.done, (long long)partition->committed, lane->count, partition->outbox.entries,
               partition->outbox.finished);
    for (int i = 0; item && i < DUMP_EVENTS_MAX; i++, item = item->next)
        dump_event(p, lane, item, now);
}

static void dump_turn(struct pipeline *p)
{
    const struct turn *turn = &p->turns[p->at];

    log_notice(p->log, "dump: redis=%s gate=%s producer_in_flight=%zu turn_events=%zu turn_partitions=%zu riding=%s conflicts=%d events_limit=%zu held=%zu quiet=%s rate=%lld",
               session_is_up(p->options.session) ? "up" : "away", p->gate_open ? "open" : "closed", sink_in_flight(p->sink), turn->events, turn->runs_count,
               turn->riding ? "yes" : "no", p->conflicts, p->events_limit, p->items.used, p->quiet ? "yes" : "no", (long long)p->rate.per_s);
}

void operator_dump(struct pipeline *p)
{
    int64_t now = clock_realtime_ms(p->options.clock);

    dump_turn(p);
    for (size_t i = 0; i < p->lanes_count && i < DUMP_LANES_MAX; i++)
        dump_lane(p, p->lanes[i], now);
    if (p->lanes_count > DUMP_LANES_MAX)
        log_notice(p->log, "dump: and more partitions=%zu", p->lanes_count - DUMP_LANES_MAX);
}
