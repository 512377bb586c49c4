/* `orderd replay`: events of the past once more, into a namespace of their own, and held against what was decided then. */
#include "commands/replay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "commands/command.h"
#include "commands/folder.h"
#include "commands/progress.h"
#include "ledger/moves.h"

enum { STEP_MS = 100, FETCHED_KBYTES = 16384, FOLD_MEMORY = 256 << 20, JSON_LIMIT = 64 << 20, SINK_BACKOFF_MIN_MS = 100, SINK_BACKOFF_MAX_MS = 5000 };

/* Blocked before librdkafka makes its threads, so that they arrive here. */
static void signals_block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigprocmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static bool signal_came(const sigset_t *set)
{
    static const struct timespec now = {0, 0};

    return sigtimedwait(set, NULL, &now) > 0;
}

/* Everything of one market's replay. */
struct work {
    struct replay_job *job;
    struct target target;
    struct emit *emit;
    struct sink *sink;
    struct verify *verify;
    struct replay *replay;
    struct replay_show show;
    struct kafka_property *producer;
    char bytes[24];                /* of it */
    struct replay_counts before;   /* of former runs */
    struct verify_counts verified_before;
};

static int code_of(int r)
{
    switch (r) {
    case -EEXIST:
    case -ESTALE:
        return EX_CONFIG;
    case -EACCES:
    case -EPERM:
        return EX_NOPERM;
    case -EBADMSG:
    case -EPROTO:
    case -ENOTRECOVERABLE:
    case -ERANGE:
        return EX_DATAERR;
    case -ENOENT:
        return EX_NOINPUT;
    case -ENOSPC:
    case -EIO:
    case -EROFS:
        return EX_IOERR;
    default:
        return EX_UNAVAILABLE;
    }
}

static int fail(int r, const struct error_text *error)
{
    return complain("replay", code_of(r), "%s", error->text[0] ? error->text : strerror(-r));
}

static int open_target(struct work *w)
{
    const struct replay_job *job = w->job;
    const struct config *c = job->live.config;
    char topics[sizeof job->registry.topics];
    struct start start = site_start(&w->job->live, job->in);
    struct error_text error = {""};
    struct target_options o = {
        .redis = &w->job->into.redis, .clock = job->into.clock, .log = &job->into.log, .prefix = job->into_config.redis.prefix, .number = job->number,
        .cluster = job->live.topics.cluster, .topics = topics, .shard = c->shard,
        .window_s = job->has_registry ? job->registry.window_s : c->dedupe.window_s, .ids = job->has_registry ? job->registry.ids : c->dedupe.ids,
        .words = job->words, .ranges = job->ranges, .ranges_count = job->ranges_count, .state = job->state,
    };
    int r = start_topics_text(&start, topics, sizeof topics);

    for (size_t i = 0; job->state && i < snapshot_markets(job->state); i++)
        if (snapshot_market(job->state, i)->number == job->number)
            o.market = i;
    if (!r)
        r = target_open(&w->target, &o, &error);
    return r ? fail(r, &error) : 0;
}

/* The configuration's properties behind what was found out about the topic. */
static int make_sink(struct work *w)
{
    const struct config *c = w->job->live.config;
    struct sink_options o = {
        .brokers = c->kafka.brokers, .outcomes = w->job->request->outcomes, .dead_letters = c->kafka.dead_letters, .backoff_min_ms = SINK_BACKOFF_MIN_MS,
        .backoff_max_ms = SINK_BACKOFF_MAX_MS, .log = &w->job->live.log, .clock = w->job->live.clock, .reported = emit_reported, .context = &w->emit,
    };
    struct error_text error = {""};

    snprintf(w->bytes, sizeof w->bytes, "%" PRId64, w->job->limits.outcome_bytes);
    w->producer = calloc(c->producer.count + 1, sizeof *w->producer);
    if (!w->producer)
        return EX_OSERR;
    w->producer[0] = (struct kafka_property){"message.max.bytes", w->bytes};
    for (size_t i = 0; i < c->producer.count; i++)
        w->producer[i + 1] = c->producer.items[i];
    o.properties = (struct kafka_properties){w->producer, c->producer.count + 1};
    if (sink_new(&w->sink, &o, &error))
        return complain("replay", EX_CONFIG, "no producer: %s", error.text);
    sink_set_limits(w->sink, &w->job->limits);
    return 0;
}

static int open_emit(struct work *w)
{
    const struct replay_request *request = w->job->request;
    struct emit_options o = {.pool = &w->target.pool, .partitions = w->target.partitions, .partitions_count = w->target.count, .clock = w->job->into.clock};
    struct error_text error = {""};
    int r;

    if (!request->outcomes && !request->outcomes_file)
        return 0;
    if (request->outcomes) {
        int code = make_sink(w);

        if (code)
            return code;
        o.sink = w->sink;
    } else {
        o.path = w->job->outcomes_path;
    }
    r = emit_new(&w->emit, &o, &error);
    return r ? fail(r, &error) : 0;
}

/* What the market holds at first: without it, what a first decision sees may be another program's or was there before. */
static int know_state(struct work *w)
{
    struct error_text error = {""};
    struct snapshot_value value;
    struct snapshot_cell cell;
    size_t market;
    int r = snapshot_rewind(w->job->state), more = 1;

    while (!r && (more = snapshot_next(w->job->state, &market, &value, &error)) > 0) {
        struct observation of = {0};

        if (market != w->target.options.market || !snapshot_cell_of(&value, &cell))
            continue;
        of = (struct observation){.kind = cell.kind, .owner = &cell.owner, .item = &cell.item, .seller = &cell.seller, .after = cell.state, .after_value = cell.value};
        r = verify_know(w->verify, &of);
    }
    if (!r && more < 0)
        r = more;
    return r ? fail(r, &error) : 0;
}

/* Why an event has no outcome, as the live market's registry tells. */
static bool is_named(const struct replay_job *job, const char *topic, int32_t partition, int64_t offset, bool lost)
{
    struct bytes rest = {job->moved, job->moved_size};
    struct move move;

    while (moves_next(&rest, &move))
        if (move.partition == partition && offset >= move.from && offset < move.to && bytes_equal_text(move.topic, topic) &&
            bytes_equal_text(move.reason, MOVE_LOST) == lost)
            return true;
    return false;
}

static bool is_given_up(void *context, const char *topic, int32_t partition, int64_t offset)
{
    const struct replay_show *show = context;

    return is_named(show->job, topic, partition, offset, true);
}

static bool is_passed_over(void *context, const char *topic, int32_t partition, int64_t offset)
{
    return is_named(context, topic, partition, offset, false);
}

static int open_verify(struct work *w)
{
    struct error_text error = {""};
    struct verify_options o = {
        .folder = folder_temporary(), .memory = FOLD_MEMORY, .ranges = w->target.count, .whole = w->job->state != NULL,
        .given_up = is_given_up, .differs = replay_show_difference, .foreign = replay_show_write, .context = &w->show,
    };
    int r;

    if (!w->job->request->verify)
        return 0;
    w->show.max = w->job->request->max_differences;
    w->show.job = w->job;
    w->show.part = w->job->request->from.count > 0;
    w->show.people = w->job->request->json ? NULL : stdout;
    if (w->job->request->differences) {
        w->show.lines = fopen(w->job->request->differences, w->target.resumed || w->job->number > 0 ? "ae" : "we");
        if (!w->show.lines)
            return complain("replay", EX_IOERR, "%s: %s", w->job->request->differences, strerror(errno));
    }
    r = verify_new(&w->verify, &o, &error);
    if (r)
        return fail(r, &error);
    return w->job->state ? know_state(w) : 0;
}

static void take_counts_of_before(struct work *w)
{
    int64_t position = 0, now = target_position(&w->target), began = 0;

    for (size_t i = 0; i < w->target.count; i++)
        began += w->target.begins[i];
    if (!w->target.counts[0] || !replay_counts_parse(w->target.counts, &w->before, &w->verified_before, &position)) {
        w->before = (struct replay_counts){0};
        w->verified_before = (struct verify_counts){0};
        position = began;
    }
    w->before.uncounted += now - position;
    replay_set_counts(w->replay, &w->before);
    if (w->verify)
        verify_set_counts(w->verify, &w->verified_before);
}

static int open_replay(struct work *w)
{
    const struct replay_job *job = w->job;
    const struct config *c = job->live.config;
    struct replay_options o = {
        .journal = {.kafka = site_consumer(&job->live), .outcomes = job->incarnation[0] ? c->kafka.outcomes : NULL,
                    .incarnation = job->incarnation[0] ? job->incarnation : NULL, .kbytes = FETCHED_KBYTES, .ahead = true},
        .target = &w->target, .emit = w->emit, .verify = w->verify, .session = job->into.redis.session, .clock = job->into.clock, .log = &job->into.log,
        .limits = &job->limits, .bounds = {(size_t)c->turn.events, (size_t)c->turn.keys, (size_t)c->turn.bytes}, .rate_per_s = job->request->rate,
        .passed_over = job->incarnation[0] ? is_passed_over : NULL, .context = w->job,
    };

    if (replay_new(&w->replay, &o))
        return EX_OSERR;
    take_counts_of_before(w);
    return 0;
}

static struct replay_report report_of(struct work *w, int64_t ms, bool finished)
{
    struct replay_report report = {.job = w->job, .target = &w->target, .counts = *replay_counts(w->replay), .read = replay_journal_counts(w->replay),
                                   .verified = w->verify ? verify_counts(w->verify) : NULL, .ms = ms, .finished = finished, .resumed = w->target.resumed};

    report.events = report.counts.events - w->before.events;
    return report;
}

static int keep(struct work *w, const struct replay_report *report)
{
    char text[sizeof w->target.counts];
    struct error_text error = {""};

    if (!session_is_up(w->job->into.redis.session))
        return 0;
    replay_counts_text(report, target_position(&w->target), text, sizeof text);
    return target_keep(&w->target, text, &error) ? fail(-EAGAIN, &error) : 0;
}

static int tell(struct work *w, const struct replay_report *report)
{
    struct buffer out;
    bool written;

    if (!w->job->request->json) {
        replay_report_text(report, stdout);
        return fflush(stdout) || ferror(stdout) ? EX_IOERR : 0;
    }
    buffer_init(&out, JSON_LIMIT);
    replay_report_json(report, &out);
    buffer_put_char(&out, '\n');
    written = !buffer_error(&out) && fwrite(out.data, 1, out.size, stdout) == out.size && fflush(stdout) == 0;
    buffer_deinit(&out);
    return written ? 0 : EX_IOERR;
}

static int verdict(const struct work *w, const struct replay_report *report)
{
    if (w->show.failed)
        return complain("replay", EX_IOERR, "%s could not be written", w->job->request->differences);
    if (!report->finished)
        return complain("replay", EX_TEMPFAIL, "stopped; the same command goes on from here");
    if (!report->verified)
        return 0;
    if (verify_differences(report->verified))
        return EX_DATAERR;
    if (report->counts.events && !report->verified->compared)
        return complain("replay", EX_DATAERR, "nothing was compared: %s holds no outcome of incarnation %s for these events", w->job->live.config->kafka.outcomes, w->job->incarnation);
    if (report->counts.uncounted)
        return complain("replay", EX_TEMPFAIL, "a run was killed, and %" PRId64 " %s not compared; the same command changes nothing about it: with another "
                        "--into-prefix, or when this namespace is deleted, --verify compares all", report->counts.uncounted,
                        number_words(report->counts.uncounted, "offset that it had replayed was", "offsets that it had replayed were"));
    return 0;
}

/* Steps until the end, or until a signal and what was begun is done. */
static int play(struct work *w, const sigset_t *signals)
{
    struct clock *clock = w->job->into.clock;
    int64_t begin = clock_monotonic_ms(clock);
    struct error_text error = {""};
    struct progress progress;
    struct replay_report report;
    bool stop = false, learning = replay_is_learning(w->replay);
    int r = 0, code, kept;

    progress_begin(&progress, learning ? "reading again" : "replaying", "offsets", replay_of(w->replay), begin);
    while (r == 0) {
        stop |= signal_came(signals);
        r = replay_step(w->replay, STEP_MS, stop, &error);
        if (learning && !replay_is_learning(w->replay)) {
            learning = false;
            progress_begin(&progress, "replaying", "offsets", replay_of(w->replay), clock_monotonic_ms(clock));
        }
        progress_show(&progress, replay_done(w->replay), clock_monotonic_ms(clock));
        log_tend(&w->job->live.log);
    }
    progress_end(&progress);
    if (r < 0)
        return fail(r, &error);
    report = report_of(w, clock_monotonic_ms(clock) - begin, !stop || replay_is_over(w->replay));
    kept = keep(w, &report);
    code = tell(w, &report);
    return code ? code : kept ? kept : verdict(w, &report);
}

static int one_market(struct replay_job *job, int32_t number, const sigset_t *signals)
{
    struct work w = {.job = job};
    int code = replay_prepare_market(job, number);

    if (!code)
        code = open_target(&w);
    if (!code)
        code = open_emit(&w);
    if (!code)
        code = open_verify(&w);
    if (!code)
        code = open_replay(&w);
    if (!code)
        code = play(&w, signals);
    replay_free(w.replay);
    sink_free(w.sink);
    emit_free(w.emit);
    verify_free(w.verify);
    if (w.show.lines && fclose(w.show.lines)) {
        code = complain("replay", EX_IOERR, "%s: %s", job->request->differences, strerror(errno));
    }
    target_close(&w.target);
    free(w.producer);
    return code;
}

/* With shard = "partition" one market after the other; the worst that was found is the verdict. */
static int all_markets(struct replay_job *job, const sigset_t *signals)
{
    bool sharded = strcmp(job->live.config->shard, "partition") == 0;
    int32_t count = start_markets(job->live.topics.items, job->live.topics.count, sharded);
    int verdict = 0;

    for (int32_t n = 0; n < count; n++) {
        int code = one_market(job, start_market(sharded, n), signals);

        if (code && code != EX_DATAERR)
            return code;
        verdict = code ? code : verdict;
    }
    return verdict;
}

int command_replay(int argc, char **argv)
{
    struct replay_request request;
    struct config *config;
    struct replay_job job;
    sigset_t signals;
    int code = replay_parse(argc, argv, &request);

    if (code || request.help)
        return code;
    code = site_config(&config, request.file);
    if (code)
        return code;
    signals_block(&signals);
    code = replay_prepare(&job, config, &request);
    if (!code)
        code = all_markets(&job, &signals);
    replay_unprepare(&job);
    config_free(config);
    return code;
}
