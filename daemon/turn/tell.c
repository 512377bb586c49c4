/* What is said of single events: where each lies, how it names itself, and the trace that it is part of. Keys and ids are foreign text, so they are
 * shown to their beginning only. */
#include <string.h>

#include "codec/trace.h"
#include "rules/rules.h"
#include "turn/state.h"

enum { SHOWN_MAX = 64 };

struct shown {
    char text[SHOWN_MAX + sizeof "..."];
};

static struct shown shown(struct bytes foreign)
{
    size_t size = foreign.size < SHOWN_MAX ? foreign.size : SHOWN_MAX;
    struct shown out = {""};

    for (size_t i = 0; i < size; i++)
        out.text[i] = foreign.data[i] ? foreign.data[i] : '?';
    memcpy(out.text + size, size < foreign.size ? "..." : "", size < foreign.size ? sizeof "..." : 1);
    return out;
}

static struct shown id_of(const struct item *item)
{
    return shown((struct bytes){item->decoded.id, item->decoded.id_size});
}

static struct shown trace_of(const struct item *item)
{
    return shown(trace_id(item->decoded.traceparent));
}

void tell_malformed(const struct pipeline *p, const struct partition *partition, const struct item *item)
{
    log_warning(p->log, "an event is malformed and goes to the dead letters topic=%s partition=%d offset=%lld reason=%s detail=\"%s\" key=\"%s\" "
                "id=\"%s\" trace=\"%s\"", partition->topic, partition->number, (long long)item->message.offset, reason_name(item->why),
                item->decoded.detail, shown(item->message.key).text, id_of(item).text, trace_of(item).text);
}

void tell_expired(const struct pipeline *p, const struct partition *partition, const struct item *item)
{
    log_notice(p->log, "an event expired, others changed its keys up to its deadline topic=%s partition=%d offset=%lld type=%s attempts=%d key=\"%s\" "
               "id=\"%s\" trace=\"%s\"", partition->topic, partition->number, (long long)item->message.offset,
               rules_kind_name(item->decoded.event.kind), item->attempts, shown(item->message.key).text, id_of(item).text, trace_of(item).text);
}

/* A turn of one event names it; of a larger one its first partition's place, since nobody knows which event it was. */
void tell_refused(const struct pipeline *p, const struct turn *turn, const char *error)
{
    const struct run *run = &turn->runs[0];
    const struct partition *partition = run->lane->partition;
    const struct item *item = turn->events == 1 ? run->first : NULL;

    if (item)
        log_error(p->log, "redis refused the transaction of an event, nothing was applied topic=%s partition=%d offset=%lld key=\"%s\" id=\"%s\" trace=\"%s\" "
                  "error=\"%s\"", partition->topic, partition->number, (long long)item->message.offset, shown(item->message.key).text, id_of(item).text,
                  trace_of(item).text, error);
    else
        log_error(p->log, "redis refused the transaction, nothing was applied events=%zu partitions=%zu topic=%s partition=%d offset=%lld error=\"%s\"",
                  turn->events, turn->runs_count, partition->topic, partition->number, (long long)partition->mark.next, error);
}

/* The entry's partition may be lost by now: then only the record's own place is known. */
void tell_undelivered(const struct pipeline *p, const struct outbox_entry *entry, const struct sink_report *report)
{
    const struct partition *partition = entry->outbox ? partition_of_outbox(entry->outbox) : NULL;

    if (partition)
        log_warning(p->log, "delivery failed, the producer is replaced and everything republished topic=%s partition=%d from=%lld to=%lld into=%s "
                    "into_partition=%d error=\"%s\"", partition->topic, partition->number, (long long)entry->from, (long long)entry->to, report->topic,
                    report->partition, report->reason);
    else
        log_warning(p->log, "delivery failed, the producer is replaced and everything republished into=%s into_partition=%d error=\"%s\"", report->topic,
                    report->partition, report->reason);
}
