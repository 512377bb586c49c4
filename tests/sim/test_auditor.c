/* Honest histories pass, also those in which an operator accepted that something was lost; what was lost without that does not. */
#include "check.h"

#include <stdlib.h>

#include "sim/told.h"

enum { SEED = 3, EVENTS = 300 };

static const char another[] = "/orderd/00000000-0000-4000-8000-000000000000";

static void audit(const struct told *told, struct audit_report *report)
{
    struct audit *made;
    int r = auditor_new(&made);

    ASSERT(r == 0);
    audit_run(made, &told->world, report);
    auditor_free(made);
}

static void expect_honest(struct checks *c, const struct told *told)
{
    struct audit_report report;

    audit(told, &report);
    CHECK_INT(c, report.count, 0);
    for (size_t i = 0; i < report.kept; i++)
        fprintf(stderr, "%s: %s\n", audit_violation_name(report.items[i].kind), report.items[i].text);
}

static void expect_found(struct checks *c, const struct told *told, enum audit_violation_kind kind)
{
    struct audit_report report;

    audit(told, &report);
    CHECK(c, report.of_kind[kind] > 0);
}

static void what_the_daemon_made_is_honest(struct checks *c)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct told told;

        told_begin(&told, seed, EVENTS, seed % 4 == 0);
        expect_honest(c, &told);
        told_end(&told);
    }
}

static struct audit_happening *happens(struct told *told, enum audit_happening_kind kind)
{
    struct audit_happening *h = &told->happenings[told->world.happenings_count++];

    *h = (struct audit_happening){.kind = kind};
    return h;
}

/* --- offsets without an outcome */

/* The last outcome of partition 0 that changed nothing goes; returns its offset. */
static int64_t lose_one(struct told *told)
{
    struct audit_log *log = &told->outcomes[0];
    size_t index = log->count;
    const char *id;

    while (index-- > 0 && !memmem(log->messages[index].value.data, log->messages[index].value.size, "\"reason\":\"not_", 14))
        ;
    id = told_header(told_message(log, index), "ce_id")->value.data;
    told_remove(log, index);
    return atoll(strrchr(id, '/') + 1);
}

static void an_event_may_be_without_an_outcome(struct checks *c, enum audit_happening_kind kind)
{
    struct audit_happening *h;
    struct told told;
    int64_t offset;

    told_begin(&told, SEED, EVENTS, false);
    offset = lose_one(&told);
    expect_found(c, &told, AUDIT_OUTCOME_MISSING);
    h = happens(&told, kind);
    h->from = offset;
    h->end = offset + 1;
    expect_honest(c, &told);
    h->source = 1;
    expect_found(c, &told, AUDIT_OUTCOME_MISSING);
    told_end(&told);
}

static void what_retention_took_is_missed_by_nobody(struct checks *c)
{
    an_event_may_be_without_an_outcome(c, AUDIT_GAP);
}

static void what_an_operator_gave_up_is_missed_by_nobody(struct checks *c)
{
    an_event_may_be_without_an_outcome(c, AUDIT_LOST);
}

static void a_seen_list_begun_anew_knows_no_duplicates_of_before(struct checks *c)
{
    struct audit_happening *h;
    struct told told;

    told_begin(&told, SEED, EVENTS, false);
    h = happens(&told, AUDIT_SEEN_ANEW);
    h->end = told.sources[0].end + 1;
    expect_honest(c, &told);
    h->end = told.sources[0].messages[told.sources[0].count / 2].offset;
    expect_found(c, &told, AUDIT_STATUS);
    told_end(&told);
}

/* --- the market */

static void a_market_may_be_taken_as_it_is(struct checks *c)
{
    struct audit_happening *h;
    struct told told;

    told_begin(&told, SEED, EVENTS, false);
    told_field(told_key(&told, "users:u1"), "funds")->value = bytes_of("123456");
    expect_found(c, &told, AUDIT_MARKET);
    h = happens(&told, AUDIT_MARKET_IS);
    h->place.era = 2;
    h->keys = told.world.after;
    expect_honest(c, &told);
    told_end(&told);
}

static uint64_t ms_of(struct audit_message *outcome)
{
    return strtoull(told_header(outcome, "ce_sequence")->value.data + 11, NULL, 10);
}

/* Everything behind the place is decided a second time, under another incarnation and in the next era; also what others did. */
static void decide_again(struct told *told, struct audit_place to)
{
    struct audit_happening *restored;
    size_t before = told->world.happenings_count, since = 0;

    for (size_t p = 0; p < TOLD_SOURCES; p++)
        for (size_t i = 0, count = told->outcomes[p].count; i < count; i++) {
            struct audit_message *first = told_message(&told->outcomes[p], i), *again;

            if (ms_of(first) <= to.ms)
                continue;
            told_append(told, &told->outcomes[p], first);
            again = told_message(&told->outcomes[p], told->outcomes[p].count - 1);
            told_header(again, "ce_source")->value = bytes_of(another);
            told_replace(told, &told_header(again, "ce_sequence")->value, "0000000001-", "0000000002-");
        }
    while (since < before && told->happenings[since].place.ms <= to.ms)
        since++;
    restored = happens(told, AUDIT_RESTORED);
    restored->place = (struct audit_place){1, UINT64_MAX, 0};
    restored->to = to;
    restored->since = since;
    for (size_t i = since; i < before; i++) {
        *happens(told, AUDIT_FOREIGN) = told->happenings[i];
        told->happenings[told->world.happenings_count - 1].place.era = 2;
    }
    told_field(told_key(told, "orderd:meta"), "incarnation")->value = bytes_of(another + strlen("/orderd/"));
    told_field(told_key(told, "orderd:meta"), "era")->value = bytes_of("2");
}

static void what_an_older_redis_forgot_is_decided_again(struct checks *c)
{
    struct told told;

    told_begin(&told, SEED, EVENTS, false);
    decide_again(&told, (struct audit_place){1, ms_of(told_message(&told.outcomes[0], told.outcomes[0].count / 2)), UINT64_MAX});
    expect_honest(c, &told);
    for (size_t i = 0; i < told.world.happenings_count; i++)
        if (told.happenings[i].kind == AUDIT_RESTORED)
            told.happenings[i].to = told.happenings[i].place;
    expect_found(c, &told, AUDIT_DECIDED_TWICE);
    told_end(&told);
}

static void lose_all_of(struct told *told, int64_t offset)
{
    for (size_t i = told->outcomes[0].count; i-- > 0;)
        if (atoll(strrchr(told_header(told_message(&told->outcomes[0], i), "ce_id")->value.data, '/') + 1) == offset)
            told_remove(&told->outcomes[0], i);
}

/* An operator has put the mark above it, or it is in the log no more. */
static void what_the_mark_stands_above_is_not_decided_again(struct checks *c)
{
    struct audit_happening *h;
    struct told told;
    int64_t offset;

    told_begin(&told, SEED, EVENTS, false);
    decide_again(&told, (struct audit_place){1, ms_of(told_message(&told.outcomes[0], told.outcomes[0].count / 2)), UINT64_MAX});
    offset = lose_one(&told);
    expect_found(c, &told, AUDIT_OUTCOME_MISSING);
    h = happens(&told, AUDIT_PASSED);
    h->from = offset;
    h->end = offset + 1;
    expect_honest(c, &told);
    lose_all_of(&told, offset);      /* it was never decided at all */
    expect_found(c, &told, AUDIT_OUTCOME_MISSING);
    told_end(&told);
}

/* The dead letter of partition 0's offset, once more and with another reason. */
static void put_letter(struct told *told, const char *offset, const char *reason)
{
    struct audit_log *log = &told->letters[0];

    for (size_t i = 0; i < log->count; i++)
        if (bytes_equal_text(told_header(told_message(log, i), "dlq.original.partition")->value, "0") &&
            bytes_equal_text(told_header(told_message(log, i), "dlq.original.offset")->value, offset)) {
            told_append(told, log, told_message(log, i));
            told_header(told_message(log, log->count - 1), "dlq.reason")->value = bytes_of(reason);
            return;
        }
}

static const char *offset_in(struct audit_message *outcome)
{
    return strrchr(told_header(outcome, "ce_id")->value.data, '/') + 1;
}

/* Decided a second time without the quarantine, which went with an older Redis too: each decision has its dead letter. */
static void a_malformed_event_may_have_been_quarantined_before(struct checks *c)
{
    struct audit_message *first;
    struct audit_happening *h;
    struct told told;
    const char *offset;

    told_begin(&told, SEED, EVENTS, false);
    decide_again(&told, (struct audit_place){1, 0, 0});
    first = told_outcome(&told, 0, "\"reason\":\"not_json\"", 0);
    told_replace(&told, &first->value, "not_json", "quarantined");
    offset = offset_in(first);
    put_letter(&told, offset, "quarantined");
    expect_found(c, &told, AUDIT_LETTER);
    h = happens(&told, AUDIT_QUARANTINED);
    h->from = atoll(offset);
    expect_honest(c, &told);
    put_letter(&told, offset, "not_object");
    expect_found(c, &told, AUDIT_LETTER_COPY);
    told_end(&told);
}

/* Only where Redis forgot it before its outcome was in Kafka. */
static void what_was_forgotten_may_have_a_dead_letter(struct checks *c)
{
    struct audit_header *names;
    struct audit_happening *h;
    struct told told;
    const char *offset;

    told_begin(&told, SEED, EVENTS, false);
    put_letter(&told, offset_in(told_outcome(&told, 0, "\"reason\":\"not_json\"", 0)), "skipped");
    names = told_header(told_message(&told.letters[0], told.letters[0].count - 1), "dlq.original.offset");
    offset = offset_in(told_outcome(&told, 0, "\"status\":\"applied\"", 0));
    names->value = bytes_of(offset);
    expect_found(c, &told, AUDIT_LETTER_STRANGER);
    h = happens(&told, AUDIT_FORGOTTEN);
    h->from = atoll(offset);
    h->end = h->from + 1;
    expect_honest(c, &told);
    told_end(&told);
}

/* Its outcome was on its way when Redis forgot it, and whoever had handed it over lives no more. */
static void what_nobody_heard_of_may_come_beside_the_second_decision(struct checks *c)
{
    struct audit_message *first;
    struct audit_happening *h;
    struct told told;

    told_begin(&told, SEED, EVENTS, false);
    first = told_outcome(&told, 0, "\"status\":\"applied\"", 0);
    told_append(&told, &told.outcomes[0], first);
    first = told_message(&told.outcomes[0], told.outcomes[0].count - 1);
    told_header(first, "ce_time")->value = bytes_of("2020-01-01T00:00:00.000Z");
    expect_found(c, &told, AUDIT_COPY_DIFFERS);
    h = happens(&told, AUDIT_FORGOTTEN);
    h->from = atoll(offset_in(first));
    h->end = h->from + 1;
    expect_found(c, &told, AUDIT_COPY_DIFFERS);
    h->kind = AUDIT_UNHEARD;
    expect_honest(c, &told);
    told_end(&told);
}

/* --- commits on the way */

static bool is_honest(struct audit_watch *watch, struct told *told, int64_t committed)
{
    struct audit_report report = {0};
    bool honest = audit_commit_is_honest(watch, &told->world, 0, committed, &report);

    ASSERT(honest == (report.of_kind[AUDIT_COMMIT_TOO_FAR] == 0));
    return honest;
}

static void a_commit_may_not_pass_what_was_delivered(struct checks *c)
{
    struct audit_watch *watch;
    struct told told;
    size_t all;
    int64_t fifth;

    CHECK_INT(c, audit_watch_new(&watch), 0);
    told_begin(&told, SEED, EVENTS, false);
    all = told.outcomes[0].count;
    fifth = told.sources[0].messages[5].offset;
    told.outcomes[0].count = 0;
    CHECK(c, is_honest(watch, &told, told.sources[0].start));
    CHECK(c, is_honest(watch, &told, -1001));
    told.outcomes[0].count = 5;
    CHECK(c, is_honest(watch, &told, fifth));
    CHECK(c, !is_honest(watch, &told, fifth + 1));
    told.outcomes[0].count = all;
    CHECK(c, is_honest(watch, &told, told.sources[0].end));
    CHECK(c, !is_honest(watch, &told, told.sources[0].end + 1));
    audit_watch_reset(watch);
    told.outcomes[0].count = 5;
    CHECK(c, !is_honest(watch, &told, fifth + 1));
    told_end(&told);
    audit_watch_free(watch);
}

TESTS({"what the daemon made is honest", what_the_daemon_made_is_honest},
      {"what retention took is missed by nobody", what_retention_took_is_missed_by_nobody},
      {"what an operator gave up is missed by nobody", what_an_operator_gave_up_is_missed_by_nobody},
      {"a seen list begun anew knows no duplicates of before", a_seen_list_begun_anew_knows_no_duplicates_of_before},
      {"a market may be taken as it is", a_market_may_be_taken_as_it_is},
      {"what an older Redis forgot is decided again", what_an_older_redis_forgot_is_decided_again},
      {"what the mark stands above is not decided again", what_the_mark_stands_above_is_not_decided_again},
      {"a malformed event may have been quarantined before", a_malformed_event_may_have_been_quarantined_before},
      {"what was forgotten may have a dead letter", what_was_forgotten_may_have_a_dead_letter},
      {"what nobody heard of may come beside the second decision", what_nobody_heard_of_may_come_beside_the_second_decision},
      {"a commit may not pass what was delivered", a_commit_may_not_pass_what_was_delivered})
