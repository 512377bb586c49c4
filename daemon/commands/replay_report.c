#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "codec/members.h"
#include "codec/text.h"
#include "commands/progress.h"
#include "commands/replay.h"
#include "rules/rules.h"

enum { LINE_LIMIT = 1 << 20 };

static int wide(struct bytes text)
{
    return (int)(text.size < 4096 ? text.size : 4096);
}

/* {"price":97,"buyer_funds":[125,28]} as it stands. */
static void say_decision(FILE *out, const char *which, const struct decision *d)
{
    if (!d) {
        fprintf(out, "    %-9s cannot be read\n", which);
        return;
    }
    fprintf(out, "    %-9s %s%s%s  %.*s", which, status_name(d->status), d->reason ? " " : "", reason_name(d->reason), wide(d->facts_text),
            d->facts_text.data ? d->facts_text.data : "");
    if (d->status == STATUS_DUPLICATE)
        fprintf(out, "  first offset %" PRId64 " %s", d->first_offset, status_name(d->first_status));
    if (d->detail.data)
        fprintf(out, "  %.*s", wide(d->detail), d->detail.data);
    fputc('\n', out);
}

static void say_difference(FILE *out, const struct verify_difference *difference)
{
    const struct decision *any = difference->recorded ? difference->recorded : difference->now;

    fprintf(out, "%s:%d:%" PRId64 " %s differs", difference->topic, difference->partition, difference->offset,
            difference->kind == VERIFY_OTHER ? "something" : verify_kind_name(difference->kind));
    if (any && any->status != STATUS_MALFORMED)
        fprintf(out, ": %s %.*s %.*s", rules_kind_name(any->event.kind), wide(any->id), any->id.data ? any->id.data : "", wide(any->fields),
                any->fields.data ? any->fields.data : "");
    fputc('\n', out);
    say_decision(out, "recorded", difference->recorded);
    say_decision(out, "now", difference->now);
}

static void put_raw(struct buffer *out, const char *name, struct bytes json)
{
    members_name(out, name);
    if (json.data)
        buffer_put_bytes(out, json);
    else
        buffer_put_text(out, "null");
}

static void put_decision(struct buffer *out, const char *name, const struct decision *d)
{
    if (!d) {
        put_raw(out, name, (struct bytes){NULL, 0});
        return;
    }
    members_open(out, name, '{');
    members_text(out, "status", status_name(d->status));
    members_text_or_null(out, "reason", reason_name(d->reason));
    put_raw(out, "facts", d->facts_text);
    if (d->status == STATUS_DUPLICATE) {
        members_open(out, "first", '{');
        members_int(out, "offset", d->first_offset);
        members_text(out, "status", status_name(d->first_status));
        buffer_put_char(out, '}');
    } else {
        members_text_or_null(out, "first", "");
    }
    put_raw(out, "detail", d->detail);
    buffer_put_char(out, '}');
}

static void put_place(struct buffer *out, const char *topic, int32_t partition, int64_t offset)
{
    members_text(out, "topic", topic);
    members_int(out, "partition", partition);
    members_int(out, "offset", offset);
}

static void write_line(struct replay_show *show, struct buffer *line)
{
    buffer_put_text(line, "}\n");
    if (buffer_error(line) || fwrite(line->data, 1, line->size, show->lines) != line->size)
        show->failed = true;
    buffer_deinit(line);
}

static void put_difference(struct replay_show *show, const struct verify_difference *difference)
{
    const struct decision *any = difference->recorded ? difference->recorded : difference->now;
    bool event = any && any->status != STATUS_MALFORMED;
    struct buffer line;

    buffer_init(&line, LINE_LIMIT);
    buffer_put_char(&line, '{');
    members_text(&line, "kind", verify_kind_name(difference->kind));
    put_place(&line, difference->topic, difference->partition, difference->offset);
    if (difference->kind == VERIFY_MISSING)
        members_int(&line, "count", difference->count);
    put_raw(&line, "id", event ? any->id : (struct bytes){NULL, 0});
    members_text_or_null(&line, "type", event ? rules_kind_name(any->event.kind) : "");
    put_raw(&line, "event", event ? any->fields : (struct bytes){NULL, 0});
    put_decision(&line, "recorded", difference->recorded);
    put_decision(&line, "now", difference->now);
    write_line(show, &line);
}

void replay_show_difference(void *context, const struct verify_difference *difference)
{
    struct replay_show *show = context;

    if (show->lines)
        put_difference(show, difference);
    if (!show->people || show->shown++ >= show->max)
        return;
    if (difference->kind == VERIFY_MISSING)
        fprintf(show->people, "%s:%d:%" PRId64 " %" PRId64 " event%s no recorded outcome, while a later one has\n", difference->topic, difference->partition,
                difference->offset, difference->count, difference->count == 1 ? " has" : "s from there on have");
    else
        say_difference(show->people, difference);
}

static const char *value_text(char out[48], enum view_state state, int64_t value, bool member, bool known)
{
    if (!known)
        snprintf(out, 48, "not known");
    else if (state == VIEW_INVALID)
        snprintf(out, 48, "what no rule can use");
    else if (state == VIEW_MISSING)
        snprintf(out, 48, member ? "not there" : "none");
    else if (member)
        snprintf(out, 48, "there");
    else
        snprintf(out, 48, "%" PRId64, value);
    return out;
}

static void put_value(struct buffer *out, const char *name, enum view_state state, int64_t value, bool member)
{
    if (member && state != VIEW_INVALID)
        members_flag(out, name, state == VIEW_PRESENT);
    else if (state == VIEW_PRESENT)
        members_int(out, name, value);
    else
        members_text_or_null(out, name, state == VIEW_INVALID ? "invalid" : "");
}

static void put_write(struct replay_show *show, const struct verify_write *write, bool first_seen)
{
    struct buffer line;

    buffer_init(&line, LINE_LIMIT);
    buffer_put_char(&line, '{');
    members_text(&line, "kind", first_seen ? "first_seen" : "foreign");
    members_text(&line, "key", write->key);
    put_value(&line, "was", write->was, write->was_value, write->member);
    put_value(&line, "became", write->became, write->became_value, write->member);
    put_place(&line, write->topic, write->partition, write->offset);
    write_line(show, &line);
}

void replay_show_write(void *context, const struct verify_write *write, bool first_seen)
{
    struct replay_show *show = context;
    char was[48], became[48];

    if (show->lines)
        put_write(show, write, first_seen);
    if (!show->people || first_seen || show->shown++ >= show->max)
        return;
    fprintf(show->people, "%s wrote %s: it was %s and became %s, before %s:%d:%" PRId64 "\n", show->part ? "another program, or an event outside the range," : "another program", write->key,
            value_text(was, write->was, write->was_value, write->member, write->known || write->became != VIEW_INVALID),
            value_text(became, write->became, write->became_value, write->member, true), write->topic, write->partition, write->offset);
}

static double per_s(const struct replay_report *r)
{
    return r->ms > 0 ? 1000.0 * (double)r->events / (double)r->ms : -1;
}

static const char *where_to(const struct replay_report *r, char *out, size_t size)
{
    const struct config *c = &r->job->into_config;

    snprintf(out, size, "%s database %" PRId64 " prefix \"%s\"", c->redis.address, c->redis.database, r->target->shard.prefix);
    return out;
}

static void say_reasons(const struct replay_counts *counts, FILE *out, enum reason from, enum reason to)
{
    char number[PROGRESS_NUMBER_SIZE];
    bool any = false;

    for (int i = (int)from; i <= (int)to; i++)
        if (counts->reasons[i]) {
            fprintf(out, "%s%s %s", any ? ", " : "  ", reason_name((enum reason)i), progress_number(number, counts->reasons[i]));
            any = true;
        }
}

static void say_counts(const struct replay_counts *counts, FILE *out)
{
    static const struct {
        enum status status;
        enum reason from, to;
    } rows[] = {{STATUS_APPLIED, REASON_COUNT, REASON_NONE}, {STATUS_REJECTED, REASON_NOT_HELD, REASON_LIMIT_EXCEEDED},
                {STATUS_EXPIRED, REASON_COUNT, REASON_NONE}, {STATUS_DUPLICATE, REASON_DELIVERED_AGAIN, REASON_ID_REUSED},
                {STATUS_MALFORMED, REASON_NO_VALUE, REASON_SKIPPED}};
    char number[PROGRESS_NUMBER_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fprintf(out, "  %-10s %12s", status_name(rows[i].status), progress_number(number, counts->statuses[rows[i].status]));
        say_reasons(counts, out, rows[i].from, rows[i].to);
        fputc('\n', out);
    }
}

/* `part`: there were events before the first one that was replayed. */
static void say_verified(const struct verify_counts *v, bool part, FILE *out)
{
    char a[PROGRESS_NUMBER_SIZE], b[PROGRESS_NUMBER_SIZE];

    fprintf(out, "compared with what was recorded: %s %s, %s the same, %s differ", progress_number(a, v->compared),
            number_words(v->compared, "decision", "decisions"), progress_number(b, v->same),
            verify_differences(v) ? "" : "none");
    if (verify_differences(v)) {
        bool any = false;

        fprintf(out, "%s:", progress_number(a, verify_differences(v)));
        for (int i = 0; i < VERIFY_KIND_COUNT; i++)
            if (v->differences[i]) {
                fprintf(out, "%s %s %s", any ? "," : "", verify_kind_name((enum verify_kind)i), progress_number(a, v->differences[i]));
                any = true;
            }
    }
    fputc('\n', out);
    if (v->foreign)
        fprintf(out, "  %s %s written by other programs%s in between\n", progress_number(a, v->foreign), number_words(v->foreign, "value was", "values were"), part ? ", or by events outside the range," : "");
    if (v->first_seen)
        fprintf(out, "  %s %s there before the first decision that named %s\n", progress_number(a, v->first_seen), number_words(v->first_seen, "value was", "values were"),
                number_words(v->first_seen, "it", "them"));
    if (v->given_up)
        fprintf(out, "  %s %s by an operator (init --accept-loss)\n", progress_number(a, v->given_up),
                number_words(v->given_up, "event has no outcome to compare: it was given up", "events have no outcomes to compare: they were given up"));
    if (v->undecided)
        fprintf(out, "  %s %s no outcome yet\n", progress_number(a, v->undecided),
                number_words(v->undecided, "event at the end of a range has", "events at the ends of the ranges have"));
}

/* Events of this run whose outcome is not there to follow. */
static int64_t unrecorded_of(const struct replay_report *r)
{
    return r->read.events - r->read.recorded;
}

/* What it was, not what was meant: where no outcome was found, nothing told an order between partitions. */
static const char *order_of(const struct replay_report *r)
{
    bool followed = r->job->incarnation[0] && (r->read.recorded || !r->read.events);

    return followed ? "recorded" : "offsets";
}

static void say_order(const struct replay_report *r, FILE *out)
{
    char number[PROGRESS_NUMBER_SIZE];
    int64_t unrecorded = unrecorded_of(r);

    if (strcmp(order_of(r), "offsets") == 0)
        fputs("  order: each partition's own; between partitions it is not what it was, so decisions that rested on it may differ\n", out);
    else
        fputs("  order: as recorded\n", out);
    if (unrecorded && r->job->incarnation[0])
        fprintf(out, "  %s %s no outcome of incarnation %s: their partitions' order was kept\n", progress_number(number, unrecorded),
                number_words(unrecorded, "event of this run has", "events of this run have"), r->job->incarnation);
}

/* What lies between the last event and the end, as control records do, is no event. */
static void say_place(const struct replay_report *r, size_t i, FILE *out)
{
    char next[PROGRESS_NUMBER_SIZE], to[PROGRESS_NUMBER_SIZE];

    if (r->finished)
        fprintf(out, "  %s is replayed to its end, %s\n", r->target->partitions[i]->at, progress_number(to, r->target->ranges[i].to));
    else
        fprintf(out, "  %s stands at %s of %s\n", r->target->partitions[i]->at, progress_number(next, r->target->partitions[i]->mark.next),
                progress_number(to, r->target->ranges[i].to));
}

void replay_report_text(const struct replay_report *r, FILE *out)
{
    char a[PROGRESS_NUMBER_SIZE], where[600];

    fprintf(out, "%s %s %s into %s\n", r->finished ? "replayed" : "stopped after", progress_number(a, r->counts.events),
            number_words(r->counts.events, "event", "events"), where_to(r, where, sizeof where));
    say_counts(&r->counts, out);
    if (r->counts.taken)
        fprintf(out, "  %s of them as they were recorded\n", progress_number(a, r->counts.taken));
    if (r->counts.uncounted)
        fprintf(out, "  %s more %s applied by a run that ended before it had counted %s\n", progress_number(a, r->counts.uncounted),
                number_words(r->counts.uncounted, "offset was", "offsets were"), number_words(r->counts.uncounted, "it", "them"));
    if (r->counts.passed_over)
        fprintf(out, "  %s more %s passed over, as an operator had %s passed over (orderd offsets shows it)\n", progress_number(a, r->counts.passed_over),
                number_words(r->counts.passed_over, "was", "were"), number_words(r->counts.passed_over, "it", "them"));
    for (size_t i = 0; i < r->target->count; i++)
        say_place(r, i, out);
    say_order(r, out);
    fprintf(out, "  this run: %s %s in %" PRId64 ".%01d s", progress_number(a, r->events), number_words(r->events, "event", "events"), r->ms / 1000, (int)(r->ms % 1000 / 100));
    if (per_s(r) >= 0)
        fprintf(out, ", %s/s", progress_number(a, (int64_t)per_s(r)));
    fputc('\n', out);
    if (r->verified)
        say_verified(r->verified, r->job->request->from.count > 0, out);
}

static void put_partitions(const struct replay_report *r, struct buffer *out)
{
    members_open(out, "partitions", '[');
    for (size_t i = 0; i < r->target->count; i++) {
        members_element(out);
        members_text(out, "topic", r->target->ranges[i].topic);
        members_int(out, "partition", r->target->ranges[i].partition);
        members_int(out, "from", r->target->begins[i]);
        members_int(out, "next", r->target->partitions[i]->mark.next);
        members_int(out, "to", r->target->ranges[i].to);
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, ']');
}

static void put_events(const struct replay_counts *counts, struct buffer *out)
{
    members_open(out, "events", '{');
    members_int(out, "all", counts->events);
    for (int i = 0; i < STATUS_COUNT; i++)
        members_int(out, status_name((enum status)i), counts->statuses[i]);
    buffer_put_char(out, '}');
    members_open(out, "reasons", '{');
    for (int i = 1; i < REASON_COUNT; i++)
        if (counts->reasons[i])
            members_int(out, reason_name((enum reason)i), counts->reasons[i]);
    buffer_put_char(out, '}');
    members_int(out, "as_recorded", counts->taken);
    members_int(out, "passed_over", counts->passed_over);
    members_int(out, "uncounted", counts->uncounted);
}

static void put_verified(const struct verify_counts *v, struct buffer *out)
{
    members_open(out, "verified", '{');
    members_int(out, "compared", v->compared);
    members_int(out, "same", v->same);
    members_open(out, "differences", '{');
    for (int i = 0; i < VERIFY_KIND_COUNT; i++)
        members_int(out, verify_kind_name((enum verify_kind)i), v->differences[i]);
    buffer_put_char(out, '}');
    members_int(out, "foreign_writes", v->foreign);
    members_int(out, "first_seen", v->first_seen);
    members_int(out, "given_up", v->given_up);
    members_int(out, "undecided", v->undecided);
    buffer_put_char(out, '}');
}

void replay_report_json(const struct replay_report *r, struct buffer *out)
{
    members_element(out);
    members_int(out, "v", 1);
    members_int_or_null(out, "shard", r->job->number);
    members_text(out, "address", r->job->into_config.redis.address);
    members_int(out, "database", r->job->into_config.redis.database);
    members_text(out, "prefix", r->target->shard.prefix);
    members_text(out, "incarnation", r->target->shard.registry.incarnation);
    members_text(out, "order", order_of(r));
    members_flag(out, "finished", r->finished);
    members_flag(out, "resumed", r->resumed);
    put_events(&r->counts, out);
    put_partitions(r, out);
    members_int(out, "run_events", r->events);
    members_int(out, "run_unrecorded", unrecorded_of(r));
    members_int(out, "run_ms", r->ms);
    members_real(out, "events_per_s", per_s(r));
    if (r->verified)
        put_verified(r->verified, out);
    else
        members_text_or_null(out, "verified", "");
    buffer_put_char(out, '}');
}

/* Numbers with blanks between, in the order of the structs. */
void replay_counts_text(const struct replay_report *r, int64_t position, char *out, size_t size)
{
    const struct replay_counts *c = &r->counts;
    static const struct verify_counts none;
    const struct verify_counts *v = r->verified ? r->verified : &none;
    size_t at = (size_t)snprintf(out, size, "1 %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, position, c->events,
                                 c->taken, c->conflicts, c->uncounted, v->compared, v->same, v->foreign, v->first_seen);

    for (int i = 0; i < STATUS_COUNT; i++)
        at += (size_t)snprintf(out + at, size - at, " %" PRId64, c->statuses[i]);
    for (int i = 0; i < REASON_COUNT; i++)
        at += (size_t)snprintf(out + at, size - at, " %" PRId64, c->reasons[i]);
    for (int i = 0; i < VERIFY_KIND_COUNT; i++)
        at += (size_t)snprintf(out + at, size - at, " %" PRId64, v->differences[i]);
    ASSERT(at < size);
}

/* The next number, which nobody has let grow beyond all events that there can be. */
static bool take_count(const char **at, int64_t *count)
{
    size_t size = strcspn(*at, " ");

    if (!number_parse((struct bytes){*at, size}, count) || *count < 0 || *count > NUMBER_SAFE_MAX)
        return false;
    *at += size;
    *at += **at == ' ';
    return true;
}

bool replay_counts_parse(const char *text, struct replay_counts *c, struct verify_counts *v, int64_t *position)
{
    int64_t version = 0, *const heads[] = {&version, position, &c->events, &c->taken, &c->conflicts, &c->uncounted, &v->compared, &v->same, &v->foreign, &v->first_seen};
    const struct {
        int64_t *first;
        int count;
    } tails[] = {{c->statuses, STATUS_COUNT}, {c->reasons, REASON_COUNT}, {v->differences, VERIFY_KIND_COUNT}};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (!take_count(&text, heads[i]))
            return false;
    for (size_t t = 0; t < sizeof tails / sizeof *tails; t++)
        for (int i = 0; i < tails[t].count; i++)
            if (!take_count(&text, &tails[t].first[i]))
                return false;
    return version == 1 && *text == '\0' && text[-1] != ' ';
}
