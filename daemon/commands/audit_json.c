#include <string.h>

#include "codec/members.h"
#include "codec/text.h"
#include "commands/audit.h"
#include "rules/rules.h"

static const char *const status_members[STATUS_COUNT] = {"applied", "rejected", "expired", "duplicate", "malformed"};

static int64_t sum_of(const struct audit_table *table, int status)
{
    int64_t sum = 0;

    for (int kind = 0; kind <= EVENT_KIND_COUNT; kind++)
        sum += table->of[kind][status];
    return sum;
}

static void put_partition(struct buffer *out, const struct audit_market *market, size_t i)
{
    const struct audit_table *table = audit_table(market->audit, i);

    members_element(out);
    members_text(out, "topic", market->said[i].topic);
    members_int(out, "partition", market->said[i].partition);
    members_int(out, "from", market->said[i].from);
    members_int(out, "to", market->said[i].to);
    members_int(out, "consumed", table->consumed);
    for (int status = 0; status < STATUS_COUNT; status++)
        members_int(out, status_members[status], sum_of(table, status));
    members_int(out, "missing", table->missing);
    members_int(out, "unread", table->unread);
    members_int(out, "former", table->former);
    members_int(out, "passed", table->passed);
    members_int(out, "gone", table->gone);
    members_int(out, "undecided", table->undecided);
    members_int(out, "compacted", table->compacted);
    members_int(out, "unproved", table->unproved);
    members_int(out, "waiting", table->waiting);
    buffer_put_char(out, '}');
}

static void put_kinds(struct buffer *out, const struct audit_market *market)
{
    members_open(out, "kinds", '{');
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        members_open(out, rules_kind_name((enum event_kind)kind), '{');
        for (int status = 0; status < STATUS_MALFORMED; status++) {
            int64_t sum = 0;

            for (size_t i = 0; i < market->count; i++)
                sum += audit_table(market->audit, i)->of[kind][status];
            members_int(out, status_members[status], sum);
        }
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, '}');
}

/* Digits without a bound, as JSON has them. */
static void put_sum(struct buffer *out, const char *name, chain_sum sum)
{
    char text[AUDIT_SUM_SIZE];

    members_name(out, name);
    for (const char *at = audit_sum_text(text, sum); *at; at++)
        if (*at != ',')
            buffer_put_char(out, *at);
}

static void put_account(struct buffer *out, const struct audit_market *market, const char *name, enum chain_kind kind, chain_sum redis)
{
    const struct chain_account *account = chain_account(audit_chain(market->audit), kind);

    members_open(out, name, '{');
    put_sum(out, "first_seen", account->first);
    put_sum(out, "decided", account->decided);
    put_sum(out, "foreign", account->foreign);
    put_sum(out, "unknown", account->unknown);
    put_sum(out, "end", account->first + account->decided + account->foreign + account->unknown);
    if (market->command->now)
        put_sum(out, "redis", redis);
    buffer_put_char(out, '}');
}

static void put_outcomes(struct buffer *out, const struct audit_market *market)
{
    const struct copies_counts copies = audit_copies(market->audit);
    const struct audit_letters letters = audit_letters(market->audit);

    members_open(out, "outcomes", '{');
    members_int(out, "records", copies.records);
    members_int(out, "copies", copies.copies);
    members_int(out, "former", copies.former);
    members_int(out, "others", copies.others);
    buffer_put_char(out, '}');
    members_open(out, "dead_letters", '{');
    members_int(out, "records", letters.records);
    members_int(out, "audited", letters.letters);
    members_int(out, "others", letters.others);
    buffer_put_char(out, '}');
}

static void put_record(struct buffer *out, const struct audit_market *market, const struct finding *finding)
{
    const struct config *config = market->command->site->config;

    if (finding->topic == FINDING_NOWHERE)
        return;
    members_open(out, "record", '{');
    members_text(out, "topic", finding->at < 0 ? "orderd:outbox" : finding->topic == FINDING_OUTCOMES ? config->kafka.outcomes : config->kafka.dead_letters);
    members_int(out, "partition", finding->partition);
    members_int_or_null(out, "offset", finding->at);
    buffer_put_char(out, '}');
}

static void put_finding(struct buffer *out, const struct audit_market *market, const struct finding *finding)
{
    members_element(out);
    members_text(out, "kind", finding_kind_name(finding->kind));
    members_text(out, "weight", finding_kind_weight(finding->kind) == FINDING_WRONG ? "wrong" : "foreign");
    if (finding->range >= 0) {
        members_text(out, "topic", market->said[finding->range].topic);
        members_int(out, "partition", market->said[finding->range].partition);
        members_int_or_null(out, "offset", finding->offset);
    }
    put_record(out, market, finding);
    if (finding->key[0])
        members_text(out, "key", finding->key);
    if (finding->amounts) {
        members_int(out, "was", finding->was);
        members_int(out, "became", finding->became);
    }
    members_text(out, "text", finding->text);
    buffer_put_char(out, '}');
}

static void put_findings(struct buffer *out, const struct audit_market *market)
{
    struct findings *findings = audit_findings(market->audit);
    const struct finding *finding;

    members_open(out, "counts", '{');
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++)
        if (findings_of_kind(findings, (enum finding_kind)kind))
            members_int(out, finding_kind_name((enum finding_kind)kind), (int64_t)findings_of_kind(findings, (enum finding_kind)kind));
    buffer_put_char(out, '}');
    members_open(out, "findings", '[');
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++)
        for (size_t i = 0; i < market->command->words->shown && (finding = findings_at(findings, (enum finding_kind)kind, i)); i++)
            put_finding(out, market, finding);
    buffer_put_char(out, ']');
}

static void put_redis(struct buffer *out, const struct audit_market *market)
{
    if (!market->command->now)
        return;
    members_open(out, "redis", '{');
    members_text(out, "taken_at", snapshot_header(market->command->now)->taken_at);
    members_int(out, "values", market->redis.values);
    members_int(out, "equal", market->redis.equal);
    members_int(out, "unnamed", market->redis.unnamed);
    buffer_put_char(out, '}');
}

void audit_put_json(const struct audit_market *market)
{
    static const char *const begins[] = {"empty", "snapshot", "first_seen"};
    struct buffer *out = &market->command->json;

    if (out->size)
        buffer_put_char(out, ',');
    buffer_put_char(out, '{');
    members_int_or_null(out, "market", market->number);
    members_text(out, "incarnation", market->incarnation);
    members_text(out, "begins", begins[market->begin]);
    if (market->registered)
        members_text_or_null(out, "halt", market->registry.halt);
    members_open(out, "partitions", '[');
    for (size_t i = 0; i < market->count; i++)
        put_partition(out, market, i);
    buffer_put_char(out, ']');
    put_kinds(out, market);
    put_outcomes(out, market);
    put_account(out, market, "money", CHAIN_MONEY, market->redis.money);
    put_account(out, market, "items", CHAIN_ITEMS, market->redis.items);
    put_account(out, market, "stock", CHAIN_STOCK, market->redis.stock);
    members_int(out, "values", chain_values(audit_chain(market->audit)));
    members_int(out, "followed", chain_followed(audit_chain(market->audit)));
    put_redis(out, market);
    members_int(out, "read_ms", market->read_at - market->began_at);
    members_int(out, "file_bytes", (int64_t)audit_file_bytes(market->audit));
    put_findings(out, market);
    buffer_put_char(out, '}');
}
