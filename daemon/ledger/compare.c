#include "ledger/compare.h"

#include <string.h>

#include "base/number.h"

bool compare_is_half_restored(const char *halt)
{
    static const char whole[] = "restore: written";

    return strncmp(halt, "restore", 7) == 0 && strncmp(halt, whole, sizeof whole - 1) != 0;
}

void compare_halt(struct refusal *refusal, const char *halt)
{
    refusal->market = true;
    if (strncmp(halt, "restore", 7) == 0) {
        refusal_say(refusal, "the market is halted: %s; where orderd restore is not at work, run the same command again", halt);
        return;
    }
    refusal_say(refusal, "the market is halted: %s", halt);
    if (strncmp(halt, "torn ", 5) == 0)      /* "torn orders:3: …" */
        refusal_resolve(refusal, "--accept-loss %.*s", (int)(strcspn(halt + 5, " ") - 1), halt + 5);
    else
        refusal_resolve(refusal, "--reapply");
}

static void look_at_registry(struct refusal *refusal, const struct partition *p, int registry, const struct reply *outbox_type)
{
    const struct registry *found = &p->shard->registry;

    if (registry == -ENOENT) {
        refusal_say(refusal, "the registry %s is missing", p->shard->meta_key);
        refusal_resolve(refusal, "--adopt");
    } else if (registry) {
        refusal_say(refusal, "the registry %s cannot be read: a field is missing, or it is of another release", p->shard->meta_key);
        refusal_resolve(refusal, "--adopt");
    } else if (found->halt[0]) {
        compare_halt(refusal, found->halt);
    } else if (registry_partitions(found, p->topic) < 0) {
        refusal_say(refusal, "topic %s is not in the registry", p->topic);
        refusal_resolve(refusal, "--add-topic %s", p->topic);
    } else if (registry_partitions(found, p->topic) <= p->number) {
        refusal_say(refusal, "topic %s has more partitions than the %d registered", p->topic, registry_partitions(found, p->topic));
        refusal_resolve(refusal, "--accept-repartition");
    } else if (!bytes_equal_text(outbox_type->text, "stream")) {
        refusal_say(refusal, "the outbox %s is missing or no stream: undelivered outcomes are lost", p->shard->outbox_key);
        refusal_resolve(refusal, "--accept-loss %s", p->at);
    }
}

void compare_first_look(struct refusal *refusal, struct partition *p, int registry, const struct reply *outbox_type, const struct reply *mark)
{
    int r = mark_read(&p->mark, mark);

    look_at_registry(refusal, p, registry, outbox_type);
    if (refusal->set)
        return;
    if (r == -ENOENT) {
        refusal_say(refusal, "the mark %s is missing", p->mark_key);
        refusal_resolve(refusal, "--adopt");
    } else if (r) {
        refusal_say(refusal, "the mark %s cannot be read: a field is missing or no number", p->mark_key);
        refusal_resolve(refusal, "--adopt");
    } else if (p->mark.torn) {
        refusal_say(refusal, "the mark %s is torn: a transaction was applied in part", p->mark_key);
        refusal_resolve(refusal, "--accept-loss %s", p->at);
    }
}

int64_t compare_published(const struct partition *p, const struct evidence *evidence)
{
    const struct registry *registry = &p->shard->registry;
    int64_t published = evidence->published;

    /* What was published before decisions were applied again is below the marks since; what was handed over then and never arrived is decided anew. */
    if (evidence->noted && evidence->note.era >= registry->reapplied && evidence->note.handed - 1 > published)
        published = evidence->note.handed - 1;
    if (strcmp(p->incarnation, registry->incarnation) == 0 && p->reapplied == registry->reapplied && p->handed - 1 > published)
        published = p->handed - 1;
    return published;
}

static void older(struct refusal *refusal, const struct partition *p, int64_t up_to, const char *evidence)
{
    refusal->market |= !refusal->set;
    refusal_say(refusal, "rollback: redis came back older, the next offset of %s is %lld there, but %s up to offset %lld: %s would be decided twice",
                p->at, (long long)p->mark.next, evidence, (long long)up_to, number_offsets(p->mark.next, up_to).text);
    refusal_resolve(refusal, "--reapply");
}

static void before_a_resolution(struct refusal *refusal, const struct partition *p, const struct evidence *evidence)
{
    if (!evidence->third[0])
        return;
    refusal->market |= !refusal->set;
    refusal_say(refusal, "rollback: kafka shows incarnation %s, which this registry (%s) does not know, at %s: redis came back from before a resolution",
                evidence->third, p->shard->registry.incarnation, p->at);
    refusal_resolve(refusal, "--accept-rollback");
}

static void before_a_decision(struct refusal *refusal, const struct partition *p, const struct evidence *evidence)
{
    int64_t published = compare_published(p, evidence);

    if (published >= p->mark.next)
        older(refusal, p, published, "outcomes were published");
    else if (evidence->noted && evidence->committed > p->mark.next)
        older(refusal, p, evidence->committed - 1, "offsets were committed");
}

void compare_outcomes(struct refusal *refusal, const struct partition *p, const struct evidence *evidence)
{
    before_a_resolution(refusal, p, evidence);
    before_a_decision(refusal, p, evidence);
}

void compare_evidence(struct refusal *refusal, const struct partition *p, const struct evidence *evidence)
{
    before_a_resolution(refusal, p, evidence);
    if (p->mark.next > evidence->log_end) {
        refusal_say(refusal, "the log ends at offset %lld, below the next offset %lld: the topic was recreated or truncated",
                    (long long)evidence->log_end, (long long)p->mark.next);
        refusal_resolve(refusal, "--adopt");
    } else if (p->mark.fingerprint_offset >= 0 && evidence->fingerprint == FINGERPRINT_DIFFERS) {
        refusal_say(refusal, "the message at offset %lld is not the one that was decided: the topic was recreated",
                    (long long)p->mark.fingerprint_offset);
        refusal_resolve(refusal, "--adopt");
    }
    before_a_decision(refusal, p, evidence);
    if (evidence->log_start > p->mark.next) {
        refusal_say(refusal, "the log starts at offset %lld, above the next offset %lld: %s %s",
                    (long long)evidence->log_start, (long long)p->mark.next, number_offsets(p->mark.next, evidence->log_start - 1).text,
                    number_words(evidence->log_start - p->mark.next, "was deleted before it was decided", "were deleted before they were decided"));
        refusal_resolve(refusal, "--accept-gap %s", p->at);
    }
}

void compare_outbox(struct refusal *refusal, const struct partition *p, const struct outbox_entry *first)
{
    int64_t at = p->mark.done;

    for (; first && first->from == at; first = first->next)
        at = first->to;
    if (!first && at == p->mark.next)
        return;
    if (first && first->from < at)
        refusal_say(refusal, "the outbox holds offset %lld twice", (long long)first->from);
    else
        refusal_say(refusal, "the outbox lacks the outcomes of %s", number_offsets(at, (first ? first->from : p->mark.next) - 1).text);
    refusal_resolve(refusal, "--accept-loss %s", p->at);
}

void compare_seen(struct refusal *refusal, const struct partition *p, const char *problem)
{
    refusal_say(refusal, "the seen list %s does not cover %s: %s", p->seen_key, number_offsets(p->mark.seen_from, p->mark.next - 1).text, problem);
    refusal_resolve(refusal, "--accept-loss %s", p->at);
}
