/* One market's audit from its first event to its end: the journal, the dead letters, Redis. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "commands/audit.h"
#include "commands/complain.h"

enum { SLICE_MS = 200, LOOK_EVERY = 4096, LETTERS_KB = 16 << 10, KEPT_MIN = 1000 };

static int failed(const struct error_text *error, int r)
{
    int code = r == -ECANCELED ? EX_TEMPFAIL : r == -EACCES ? EX_NOPERM : r == -ENOMEM ? EX_OSERR : r == -ENOSPC || r == -EIO || r == -EDQUOT ? EX_IOERR : r == -ERANGE ? EX_TEMPFAIL : EX_UNAVAILABLE;

    return complain("audit", code, "%s", error->text);
}

static int64_t now_of(const struct audit_market *market)
{
    return clock_monotonic_ms(market->command->site->clock);
}

/* --- from Kafka once more */

/* A source message by its place. */
static int fetch(void *context, size_t range, int64_t offset, struct kafka_message *out)
{
    struct audit_market *market = context;
    struct kafka_reader *reader = market->command->site->reader;
    int r = kafka_reader_open(reader, market->said[range].topic, market->said[range].partition, offset);

    if (r)
        return r;
    r = kafka_reader_next(reader, SITE_QUESTION_MS, out);
    if (r == 1 && (out->kind != KAFKA_MESSAGE || out->offset != offset)) {
        kafka_message_free(out);
        r = 0;
    } else if (r == 0) {
        r = -ETIMEDOUT;
    }
    kafka_reader_close(reader);
    return r;
}

/* --- the journal */

static void take_record(void *context, const struct kafka_message *outcome, int64_t range)
{
    struct audit_market *market = context;
    int r = market->failed ? 0 : audit_record(market->audit, outcome);

    (void)range;
    if (r)
        market->failed = r;
}

static int open_journal(struct audit_market *market, struct error_text *error)
{
    const struct site *site = market->command->site;
    const struct journal_options options = {.kafka = site_consumer(site), .outcomes = site->config->kafka.outcomes, .incarnation = market->incarnation, .sources = true,
                                            .ranges = market->ranges, .ranges_count = market->count, .kbytes = AUDIT_READ_AHEAD_KB, .ahead = true,
                                            .record = take_record, .context = market};

    return journal_new(&market->journal, &options, error);
}

static int64_t done_of(const struct audit_market *market, bool all)
{
    int64_t done = 0;

    for (size_t i = 0; i < market->count; i++)
        done += (all ? market->said[i].to : journal_position(market->journal, i)) - market->said[i].from;
    return done;
}

/* 0: go on. */
static int look_around(struct audit_market *market, struct error_text *error)
{
    struct audit_command *command = market->command;

    progress_show(&command->progress, done_of(market, false), now_of(market));
    log_tend(&command->site->log);
    return interrupt_seen(&command->interrupt) ? error_set(error, -ECANCELED, "stopped; an audit begins anew when it is run again, --from leaves out what was audited") : 0;
}

static int take_events(struct audit_market *market, struct error_text *error)
{
    struct journal_event event;
    unsigned taken = 0;
    int r = 0;

    while (!r) {
        int got = journal_next(market->journal, SLICE_MS, &event, error);

        if (got == 0)
            return market->failed ? error_set(error, market->failed, "a file in %s cannot be written: %s", market->command->work, strerror(-market->failed)) : 0;
        if (got < 0 && got != -EAGAIN)
            return got;
        if (got == 1) {
            r = market->failed ? market->failed : audit_event(market->audit, &event);
            journal_event_free(&event);
            if (r)
                error_set(error, r, "what is kept of each event cannot be kept in %s: %s", market->command->work, strerror(-r));
        }
        if (!r && (got != 1 || ++taken % LOOK_EVERY == 0))
            r = look_around(market, error);
    }
    return r;
}

/* --- dead letters */

/* One partition, up to its end as it is now: all letters of the events that were read are there by now. */
static int read_letters(struct audit_market *market, struct kafka_scan *scan, int32_t partition, int64_t start, int64_t end, struct error_text *error)
{
    const char *topic = market->command->site->config->kafka.dead_letters;
    struct kafka_message message;
    size_t stream;
    int r = kafka_scan_open(scan, topic, partition, start, &stream);
    int64_t at = start;

    if (r)
        return error_set(error, r, "%s:%d cannot be read", topic, partition);
    while (!r && at < end) {
        int got = kafka_scan_next(scan, stream, SLICE_MS, &message);

        if (got < 0 && got != -EAGAIN)
            r = error_set(error, got, "%s:%d cannot be read: %s", topic, partition, strerror(-got));
        if (!r && interrupt_seen(&market->command->interrupt))
            r = error_set(error, -ECANCELED, "stopped; an audit begins anew when it is run again");
        if (got != 1)
            continue;
        at = message.kind == KAFKA_MESSAGE ? message.offset + 1 : end;
        if (!r && message.kind == KAFKA_FAILED)
            r = error_set(error, message.error, "%s:%d cannot be read from offset %lld on: %s", topic, partition, (long long)message.offset, message.reason);
        if (!r && message.kind == KAFKA_MESSAGE)
            r = audit_letter(market->audit, &message);
        kafka_message_free(&message);
    }
    kafka_scan_close(scan, stream);
    return r;
}

static int take_letters(struct audit_market *market, struct error_text *error)
{
    const struct kafka_in_options options = site_consumer(market->command->site);
    struct kafka_scan *scan;
    int64_t start, end;
    int r = kafka_scan_new(&scan, &options, 1, LETTERS_KB, error);

    for (int32_t p = 0; !r && p < market->letters_partitions; p++) {
        r = kafka_in_bounds(market->command->in, market->command->site->config->kafka.dead_letters, p, &start, &end, SITE_QUESTION_MS);
        if (r)
            error_set(error, r, "kafka does not say where %s:%d ends: %s", market->command->site->config->kafka.dead_letters, p, strerror(-r));
        else
            r = read_letters(market, scan, p, start, end, error);
    }
    kafka_scan_free(scan);
    return r;
}

/* --- all of it */

static int make_audit(struct audit_market *market, struct error_text *error)
{
    const struct audit_command *command = market->command;
    struct audit_options options = {.ranges = market->said, .ranges_count = market->count, .incarnation = market->incarnation,
                                    .registry = market->registered ? &market->registry : NULL, .window_s = market->window_s, .ids = market->ids,
                                    .rules = market->rules, .rules_count = market->rules_count, .gaps = market->gaps, .gaps_count = market->gaps_count,
                                    .whole = market->begin != AUDIT_FROM_FIRST_SEEN, .letters_partitions = market->letters_partitions,
                                    .letters_start = market->letters_start, .letters_early = market->letters_early, .folder = command->work,
                                    .kept = command->words->shown > KEPT_MIN ? command->words->shown : KEPT_MIN, .fetch = fetch, .context = market};
    int r = fold_new(&market->fold, command->work, AUDIT_MEMORY, error);

    if (r)
        return r;
    options.fold = market->fold;
    memcpy(options.deadline_ms, command->site->config->deadline_ms, sizeof options.deadline_ms);
    clock_random(command->site->clock, &options.seed, sizeof options.seed);
    r = audit_new(&market->audit, &options, error);
    if (!r && market->stated)
        r = market_begin(market->audit, market->fold, command->state, market->state_index, &market->state, error);
    if (!r && command->now)
        r = market_waiting(market->audit, command->now, market->now_index, &market->now, error);
    return r;
}

static int check_redis(struct audit_market *market, struct error_text *error)
{
    const struct market_options options = {market->audit, market->command->now, market->now_index, &market->now, market->fold, market->begin != AUDIT_FROM_FIRST_SEEN,
                                           fetch, market};
    int r = market_letters(&options, error);

    return r ? r : market_check(&options, &market->redis, error);
}

/* What a first look at Redis found. */
static void tell_faults(struct audit_market *market)
{
    const struct look *look = &market->command->look;

    for (size_t i = 0; i < look->faults_count; i++)
        for (size_t range = 0; range < market->count; range++) {
            struct finding finding = {.kind = look->faults[i].kind, .range = (int64_t)range, .offset = -1, .partition = -1, .at = -1};

            if (market->said[range].partition == look->faults[i].partition && strcmp(market->said[range].topic, look->faults[i].topic) == 0)
                findings_say(audit_findings(market->audit), &finding, "%s", look->faults[i].text);
        }
}

static int run(struct audit_market *market, struct error_text *error)
{
    struct audit_command *command = market->command;
    int r = make_audit(market, error);

    if (!r)
        r = open_journal(market, error);
    if (r)
        return r;
    tell_faults(market);
    market->began_at = now_of(market);
    progress_begin(&command->progress, "reading the log", "events", done_of(market, true), market->began_at);
    r = take_events(market, error);
    progress_end(&command->progress);
    market->read_at = now_of(market);
    if (!r)
        r = take_letters(market, error);
    if (!r && command->now)
        r = check_redis(market, error);
    if (!r)
        r = audit_finish(market->audit);
    market->ended_at = now_of(market);
    return r;
}

int audit_run(struct audit_market *market)
{
    struct error_text error = {"it cannot be done"};
    int r = run(market, &error);

    return r ? failed(&error, r) : 0;
}

void audit_market_deinit(struct audit_market *market)
{
    journal_free(market->journal);
    audit_free(market->audit);
    fold_free(market->fold);
    survey_deinit(&market->now);
    survey_deinit(&market->state);
    free(market->ranges);
    free(market->said);
    free(market->gaps);
    free(market->rules);
}
