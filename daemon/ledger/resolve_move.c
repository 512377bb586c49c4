/* A mark that an operator moves: `orderd offsets --move` (PROTOCOL.md 5). Forward, offsets are passed over; backward, they are decided again, so that
 * a new incarnation begins. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "ledger/compare.h"
#include "ledger/moves.h"
#include "ledger/opened.h"

/* What stands against moving anything of this market, whatever the partition. */
static int need_sound_registry(struct resolve *resolve, const struct opened *opened)
{
    const struct registry *registry = &opened->shard.registry;
    struct refusal refusal = {0};

    if (registry->halt[0])
        compare_halt(&refusal, registry->halt);
    else
        start_compare_owner(&resolve->start, registry, &refusal);
    return refusal.set ? opened_refuse_found(resolve, &refusal) : 0;
}

static int need_no_owner(struct resolve *resolve, const struct resolve_move *move, const struct partition *p)
{
    char who[RESOLVE_OWNER_MAX] = "";
    int r = move->owner(move->context, &move->place, who);

    if (!r && who[0])
        return opened_refuse(resolve, "refused: %s is owned by %s; stop the daemons that have it first (systemctl stop orderd), and wait until the group has let them go",
                             p->at, who);
    return r;
}

/* What Kafka shows against the mark as it stands, and what is still on its way. */
static int need_sound_partition(struct resolve *resolve, struct opened *opened, struct opened_partition *item, struct evidence *evidence)
{
    const struct gathered *gathered = &opened->gathered[item - opened->items];
    const struct partition *p = item->partition;
    struct refusal refusal = {0};
    int r = opened_evidence(resolve, opened, item, NULL, evidence);

    if (!r)
        r = opened_gather_one(resolve, opened, item);
    if (r)
        return r;
    compare_evidence(&refusal, p, evidence);
    if (!refusal.set && p->mark.torn) {
        refusal_say(&refusal, "the mark %s is torn: a transaction was applied in part", p->mark_key);
        refusal_resolve(&refusal, "--accept-loss %s", p->at);
    }
    if (!refusal.set && opened->outbox && (p->mark.done < p->mark.next || gathered->first))
        return opened_refuse(resolve, "refused: outcomes of %s that wait in the outbox are not known to be delivered (%s); run orderd until they are: "
                             "pause the partition first if nothing new is to be decided", p->at, number_offsets(p->mark.done, p->mark.next - 1).text);
    if (!refusal.set)
        compare_outbox(&refusal, p, gathered->first);
    if (!refusal.set && (!opened->outbox || !gathered->seen_whole))
        compare_seen(&refusal, p, opened->outbox ? gathered->seen_problem : "the outbox is missing");
    return refusal.set ? opened_refuse_found(resolve, &refusal) : 0;
}

static int destination(struct resolve *resolve, const struct resolve_move *move, const struct partition *p, const struct evidence *e, int64_t *to)
{
    int r = 0;

    if (move->to.kind == FROM_START)
        *to = e->log_start;
    else if (move->to.kind == FROM_END)
        *to = e->log_end;
    else if (move->to.kind == FROM_OFFSET)
        *to = move->to.value;
    else
        r = kafka_in_offset_at(resolve->start.evidence.in, p->topic, p->number, move->to.value, to, resolve->start.evidence.timeout_ms);
    if (r)
        return r;
    if (*to < e->log_start || *to > e->log_end)
        return opened_refuse(resolve, "refused: offset %lld is not in the log of %s, which holds %lld to %lld; --to takes one of these, start, end or a time", (long long)*to,
                             p->at, (long long)e->log_start, (long long)e->log_end);
    if (*to == p->mark.next)
        return opened_refuse(resolve, "refused: the mark of %s stands at offset %lld already", p->at, (long long)*to);
    return 0;
}

static int pass_over(struct opened *opened, const struct partition *p, int64_t to)
{
    opened_put_lost(opened, p, p->mark.next, to);
    opened_put_field(opened, p->mark_key, "next", to);
    opened_say(opened, "%s: %s %s no effect and no outcome", p->at, number_offsets(p->mark.next, to - 1).text,
               number_words(to - p->mark.next, "is passed over and never decided: it has", "are passed over and never decided: they have"));
    return opened_put_seen_gap(opened, p, to);
}

/* The other partitions stay where they are; only what wrote their marks does no more. */
static void decide_again(struct resolve *resolve, struct opened *opened, const struct partition *p, int64_t to)
{
    struct registry fresh = opened->shard.registry;

    opened_renew_epochs(resolve, opened);
    opened_put_mark(resolve, opened, p, to);
    opened_say(opened, "%s: %s will be decided a second time, against the market as it is then: what was applied is applied once more", p->at,
               number_offsets(to, p->mark.next - 1).text);
    opened_say(opened, "%s: goes on at offset %lld: its seen list is begun anew, duplicates of events before it are not known", p->at, (long long)to);
    for (size_t i = 0; i < opened->count; i++)
        if (opened->partitions[i] != p && opened->items[i].mark == 0)
            opened_say(opened, "%s: goes on where it stands", opened->partitions[i]->at);
    opened_put_incarnation(resolve, opened, &fresh);
}

static int plan_move(struct resolve *resolve, struct opened *opened, void *argument)
{
    const struct resolve_move *move = argument;
    struct opened_partition *item = NULL;
    const struct partition *p;
    struct evidence evidence;
    int64_t to = 0;
    int r = opened_need(resolve, opened, &move->place, &item);

    if (!r)
        r = need_sound_registry(resolve, opened);
    if (!r)
        r = opened_watch(resolve, item);
    if (!r)
        r = need_no_owner(resolve, move, item->partition);
    if (!r)
        r = need_sound_partition(resolve, opened, item, &evidence);
    if (!r)
        r = destination(resolve, move, item->partition, &evidence, &to);
    if (r)
        return r;
    p = item->partition;
    if (to > p->mark.next)
        r = pass_over(opened, p, to);
    else
        decide_again(resolve, opened, p, to);
    if (!r)
        r = opened_put_move(resolve, opened, p, p->mark.next, to, move->because);
    opened_say(opened, "%s: the mark moves from offset %lld to %lld: %s", p->at, (long long)p->mark.next, (long long)to, move->because);
    opened_raise_era(opened);
    return r;
}

int resolve_move(struct resolve *resolve, const struct resolve_move *move)
{
    return opened_run(resolve, resolve->start.sharded ? move->place.partition : SHARD_NONE, (struct opened_scope){NULL, -1, true}, plan_move,
                      (void *)(uintptr_t)move);
}
