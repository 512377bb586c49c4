#include <string.h>

#include "base/number.h"
#include "codec/text.h"
#include "commands/audit.h"
#include "rules/rules.h"

enum { NUMBER = PROGRESS_NUMBER_SIZE, STATUS_COLUMNS = STATUS_COUNT };

const char *audit_sum_text(char out[AUDIT_SUM_SIZE], chain_sum sum)
{
    char *at = out + AUDIT_SUM_SIZE - 1;
    bool negative = sum < 0;
    int digits = 0;

    *at = '\0';
    do {
        int digit = (int)(sum % 10);

        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + (digit < 0 ? -digit : digit));
        sum /= 10;
        digits++;
    } while (sum);
    if (negative)
        *--at = '-';
    return at;
}

void audit_place_text(char *out, size_t size, const struct audit_market *market, const struct finding *finding)
{
    if (finding->range < 0)
        snprintf(out, size, "%s", "");
    else if (finding->offset < 0)
        snprintf(out, size, "%s", market->said[finding->range].at);
    else
        snprintf(out, size, "%s:%lld", market->said[finding->range].at, (long long)finding->offset);
}

void audit_record_text(char *out, size_t size, const struct audit_market *market, const struct finding *finding)
{
    const struct config *config = market->command->site->config;

    if (finding->topic == FINDING_NOWHERE)
        snprintf(out, size, "%s", "");
    else if (finding->at < 0)
        snprintf(out, size, "orderd:outbox");
    else
        snprintf(out, size, "%s:%d:%lld", finding->topic == FINDING_OUTCOMES ? config->kafka.outcomes : config->kafka.dead_letters, finding->partition, (long long)finding->at);
}

static const char *number(char out[NUMBER], int64_t value)
{
    return progress_number(out, value);
}

/* --- what was looked at */

static void print_begin(const struct audit_market *market, FILE *out)
{
    static const char *const begins[] = {"an empty market: all of its log is there", "the snapshot", "values as they are first seen: the log does not hold the market's whole history"};
    const struct audit_words *words = market->command->words;

    if (market->number != SHARD_NONE)
        fprintf(out, "market of partition number %d\n", market->number);
    fprintf(out, "outcomes of incarnation %s (%s)\n", market->incarnation, market->incarnation_by);
    if (market->begin == AUDIT_FROM_SNAPSHOT)
        fprintf(out, "began with the market of %s, taken at %s\n", words->state, snapshot_header(market->command->state)->taken_at);
    else
        fprintf(out, "began with %s\n", begins[market->begin]);
    if (market->command->look.faults_count)
        fprintf(out, "Redis was not compared with the log any further: marks or seen lists are not whole, see below\n");
    if (market->registered && market->registry.halt[0])
        fprintf(out, "the market is halted: %s\n", market->registry.halt);
}

static int64_t sum_of(const struct audit_table *table, enum status status)
{
    int64_t sum = 0;

    for (int kind = 0; kind <= EVENT_KIND_COUNT; kind++)
        sum += table->of[kind][status];
    return sum;
}

static void add_table(struct audit_table *sum, const struct audit_table *table)
{
    for (int kind = 0; kind <= EVENT_KIND_COUNT; kind++)
        for (int status = 0; status < STATUS_COUNT; status++)
            sum->of[kind][status] += table->of[kind][status];
    sum->consumed += table->consumed;
    sum->missing += table->missing;
    sum->former += table->former;
    sum->passed += table->passed;
    sum->gone += table->gone;
    sum->undecided += table->undecided;
    sum->unread += table->unread;
    sum->compacted += table->compacted;
    sum->unproved += table->unproved;
    sum->waiting += table->waiting;
}

static void print_row(FILE *out, int width, const char *name, const struct audit_table *table)
{
    char text[NUMBER];

    fprintf(out, "%-*s  %13s", width, name, number(text, table->consumed));
    for (int status = 0; status < STATUS_COLUMNS; status++)
        fprintf(out, "  %13s", number(text, sum_of(table, (enum status)status)));
    fprintf(out, "  %13s\n", number(text, table->missing + table->unread + table->former + table->passed + table->gone));
}

static int name_width(const struct audit_market *market)
{
    int width = (int)strlen("all partitions");

    for (size_t i = 0; i < market->count; i++)
        width = (int)strlen(market->said[i].at) > width ? (int)strlen(market->said[i].at) : width;
    return width;
}

static void print_partitions(const struct audit_market *market, struct audit_table *sum, FILE *out)
{
    int width = name_width(market);

    fprintf(out, "%-*s  %13s  %13s  %13s  %13s  %13s  %13s  %13s\n", width, "PARTITION", "CONSUMED", "= APPLIED", "+ REJECTED", "+ EXPIRED", "+ DUPLICATE", "+ MALFORMED", "+ OTHERS");
    for (size_t i = 0; i < market->count; i++) {
        print_row(out, width, market->said[i].at, audit_table(market->audit, i));
        add_table(sum, audit_table(market->audit, i));
    }
    print_row(out, width, "all partitions", sum);
}

static void print_kinds(const struct audit_table *sum, FILE *out)
{
    char text[NUMBER];

    fprintf(out, "%-14s  %13s  %13s  %13s  %13s\n", "KIND", "APPLIED", "REJECTED", "EXPIRED", "DUPLICATE");
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        fprintf(out, "%-14s", rules_kind_name((enum event_kind)kind));
        for (int status = 0; status < STATUS_MALFORMED; status++)
            fprintf(out, "  %13s", number(text, sum->of[kind][status]));
        fputc('\n', out);
    }
}

static void print_if(FILE *out, int64_t count, const char *what)
{
    char text[NUMBER];

    if (count)
        fprintf(out, "  %s %s\n", number(text, count), what);
}

static void print_others(const struct audit_market *market, const struct audit_table *sum, FILE *out)
{
    const struct copies_counts copies = audit_copies(market->audit);
    char records[NUMBER], repeated[NUMBER];

    fprintf(out, "outcome records: %s, of which %s are copies\n", number(records, copies.records), number(repeated, copies.copies));
    print_if(out, copies.former, "of former incarnations, passed over");
    print_if(out, copies.others, "of events that are not audited, passed over");
    print_if(out, sum->missing, "events without an outcome in its place");
    print_if(out, sum->unread, "events whose outcome cannot be read");
    print_if(out, sum->former, "events that a former incarnation decided, and this one did not");
    print_if(out, sum->passed, "events that an operator had passed over");
    print_if(out, sum->gone, "events whose outcomes lay before the outcome topic's beginning");
    print_if(out, sum->undecided, "events at the end that are not decided yet");
    print_if(out, sum->compacted, "outcomes whose message is not there any more");
    print_if(out, sum->unproved, "duplicates of what lies before the range, taken as recorded");
    print_if(out, sum->waiting, "decisions that wait in the outbox");
}

/* --- what things come to */

static void print_account(const struct audit_market *market, enum chain_kind kind, const char *name, const char *by, chain_sum redis, FILE *out)
{
    const struct chain_account *account = chain_account(audit_chain(market->audit), kind);
    char text[AUDIT_SUM_SIZE];

    fprintf(out, "%-5s  first seen %s", name, audit_sum_text(text, account->first));
    fprintf(out, ", %s %s", by, audit_sum_text(text, account->decided));
    fprintf(out, ", other programs %s", audit_sum_text(text, account->foreign));
    if (account->unknown)
        fprintf(out, ", by what is missing %s", audit_sum_text(text, account->unknown));
    fprintf(out, "; in the end %s", audit_sum_text(text, account->first + account->decided + account->foreign + account->unknown));
    if (market->command->now)
        fprintf(out, "; in Redis %s", audit_sum_text(text, redis));
    fputc('\n', out);
}

static void print_values(const struct audit_market *market, FILE *out)
{
    const struct chain *chain = audit_chain(market->audit);
    char values[NUMBER], followed[NUMBER], equal[NUMBER];

    print_account(market, CHAIN_MONEY, "money", "deposited", market->redis.money, out);
    print_account(market, CHAIN_ITEMS, "items", "granted", market->redis.items, out);
    print_account(market, CHAIN_STOCK, "stock", "restocked less reserved", market->redis.stock, out);
    fprintf(out, "values that decisions rested on: %s, of which %s were held against a decision before\n", number(values, chain_values(chain)),
            number(followed, chain_followed(chain)));
    if (market->command->now)
        fprintf(out, "values in Redis: %s, of which %s are what the log says\n", number(values, market->redis.values), number(equal, market->redis.equal));
    if (market->command->now)
        print_if(out, market->redis.unnamed, "that no decision ever named");
}

static void print_time(const struct audit_market *market, const struct audit_table *sum, FILE *out)
{
    double seconds = (double)(market->read_at - market->began_at) / 1000;
    char events[NUMBER], rate[NUMBER], bytes[NUMBER];

    fprintf(out, "read %s %s in %.1f s, %s/s; files of %s bytes\n", number(events, sum->consumed + sum->undecided),
            number_words(sum->consumed + sum->undecided, "event", "events"), seconds,
            number(rate, seconds > 0 ? (int64_t)((double)sum->consumed / seconds) : 0), number(bytes, (int64_t)audit_file_bytes(market->audit)));
}

/* --- findings */

static void print_finding(const struct audit_market *market, const struct finding *finding, FILE *out)
{
    char place[KAFKA_TOPIC_MAX + 48], record[KAFKA_TOPIC_MAX + 48], text[FINDING_TEXT_MAX];

    audit_place_text(place, sizeof place, market, finding);
    audit_record_text(record, sizeof record, market, finding);
    snprintf(text, sizeof text, "%s", finding->text);
    text_clean(text);
    fprintf(out, "  %s%s%s%s%s%s%s: %s\n", place, place[0] && record[0] ? " at " : "", record, finding->key[0] && (place[0] || record[0]) ? " " : "", finding->key,
            finding->amounts ? "" : "", place[0] || record[0] || finding->key[0] ? "" : "market", text);
}

static void print_kind(const struct audit_market *market, enum finding_kind kind, FILE *out)
{
    struct findings *findings = audit_findings(market->audit);
    size_t count = findings_of_kind(findings, kind), shown = market->command->words->shown;
    const struct finding *finding;
    char text[NUMBER];

    if (!count)
        return;
    fprintf(out, "%s: %s, %s\n", finding_kind_name(kind), number(text, (int64_t)count), finding_kind_sentence(kind));
    if (kind == FINDING_FOREIGN_WRITE && market->command->words->from.count)
        fprintf(out, "  (or an event outside the range)\n");
    for (size_t i = 0; i < shown && (finding = findings_at(findings, kind, i)); i++)
        print_finding(market, finding, out);
    if (count > shown)
        fprintf(out, "  and %s more\n", number(text, (int64_t)(count - shown)));
}

void audit_print(const struct audit_market *market, FILE *out)
{
    struct audit_table sum = {0};

    if (market->command->told)
        fputc('\n', out);
    print_begin(market, out);
    print_partitions(market, &sum, out);
    print_kinds(&sum, out);
    print_others(market, &sum, out);
    print_values(market, out);
    print_time(market, &sum, out);
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++)
        print_kind(market, (enum finding_kind)kind, out);
}

void audit_print_end(const struct audit_command *command, FILE *out)
{
    char wrong[NUMBER], foreign[NUMBER];

    if (audit_of_nothing(command))
        fprintf(out, "nothing is proved: there is no outcome of incarnation %s\n", command->words->incarnation);
    else if (!command->wrong)
        fprintf(out, "clean: no finding%s", command->foreign ? "" : "\n");
    else
        fprintf(out, "%s finding%s%s", number(wrong, (int64_t)command->wrong), command->wrong == 1 ? "" : "s", command->foreign ? "" : "\n");
    if (command->foreign)
        fprintf(out, "; %s value%s by other programs\n", number(foreign, (int64_t)command->foreign), command->foreign == 1 ? "" : "s");
}
