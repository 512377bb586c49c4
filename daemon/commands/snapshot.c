/* `orderd snapshot`: the market with its marks in a file, while it is worked; and what such a file holds. */
#include "archive/snapshot.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "codec/members.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/folder.h"
#include "commands/interrupt.h"
#include "commands/progress.h"
#include "commands/site.h"
#include "commands/snapshot_show.h"

static const char usage[] =
    "orderd snapshot: the market with its marks in a file, taken while it is worked\n"
    "\n"
    "    orderd snapshot -c FILE [--work DIR] [--json] OUT\n"
    "    orderd snapshot --show SNAPSHOT [--json]\n"
    "\n"
    "Reads Redis in small pieces and stops nobody; what changed meanwhile is put right by the outcomes in\n"
    "Kafka. So OUT is what Redis held at one moment, at the marks that stand in it: balances,\n"
    "inventories, listings and stock, outbox, seen lists, pauses and registry. Nothing is written to\n"
    "Redis or Kafka. orderd restore brings it back; orderd replay and orderd audit can begin from it.\n"
    "\n"
    "OUT is written as OUT.partial, which takes its place when it is whole, for its owner alone. For - it\n"
    "is standard output, and the report is on standard error. The Redis user needs +scan +hscan +sscan\n"
    "+zscan +hgetall besides what the daemon's needs.\n"
    "\n"
    "    -c, --config FILE     the configuration\n"
    "    --show SNAPSHOT       check the file whole, and say of which market and at which marks it is\n"
    "    --work DIR            the folder for a temporary file about as large as the market; that of OUT\n"
    "                          unless given, for - the variable TMPDIR, or /var/tmp\n"
    "    --json                for programs: the report as one object, described by\n"
    "                          /usr/share/orderd/schemas/reports/snapshot.json\n"
    "    -h, --help            this text\n"
    "\n"
    "For example:\n"
    "\n"
    "    orderd snapshot -c /etc/orderd/orderd.conf /var/backups/orderd.snapshot\n"
    "    orderd snapshot --show /var/backups/orderd.snapshot\n"
    "\n"
    "Exit codes: 0 done; 64 usage; 65 the file or an outcome is not as orderd writes it; 66 the file\n"
    "cannot be read; 69 Redis or Kafka is away; 73 OUT cannot be made; 74 OUT cannot be written; 75\n"
    "stopped, or the market changed faster than it could be read: run it again; 77 rights are missing; 78\n"
    "the configuration is wrong, or refused.\n";

struct words {
    const char *file, *out, *show, *work;
    bool json, help;
};

/* What a job looks at between two steps. */
struct job {
    struct site *site;
    struct interrupt interrupt;
    struct progress progress;
    const char *what;
};

static int take_option(struct words *words, int option, const char *value)
{
    switch (option) {
    case 'c':
        words->file = value;
        return 0;
    case 'h':
        return words->help = true, 0;
    case 'j':
        return words->json = true, 0;
    case 's':
        words->show = value;
        return 0;
    case 'w':
        words->work = value;
        return 0;
    default:
        return complain_usage("snapshot", "an option is not known or lacks its value", NULL);
    }
}

static int parse(int argc, char **argv, struct words *words)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},       {"json", no_argument, NULL, 'j'},
                                            {"show", required_argument, NULL, 's'},   {"work", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    int option, code = 0;

    while (!code && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        code = take_option(words, option, optarg);
    if (code || words->help)
        return code;
    if (words->show)
        return words->file || words->work || optind < argc ? complain_usage("snapshot", "--show goes with --json alone", NULL) : 0;
    if (!words->file)
        return complain_usage("snapshot", "-c FILE is missing", NULL);
    if (optind == argc)
        return complain_usage("snapshot", "OUT is missing: where the snapshot is written to", NULL);
    words->out = argv[optind++];
    return optind < argc ? complain_usage("snapshot", "an argument is too many:", argv[optind]) : 0;
}

static bool stopped(void *context)
{
    struct job *job = context;

    return interrupt_seen(&job->interrupt);
}

static void show_progress(void *context, const char *what, int64_t done)
{
    struct job *job = context;
    int64_t now = clock_monotonic_ms(job->site->clock);

    if (job->what != what) {
        if (job->what)
            progress_end(&job->progress);
        progress_begin(&job->progress, what, strcmp(what, "reading") == 0 ? "values" : "outcomes", -1, now);
        job->what = what;
    }
    progress_show(&job->progress, done, now);
}

/* Where the temporary file lies: beside OUT, which must have room for as much. The caller frees it. */
static char *work_folder(const struct words *words)
{
    const char *slash = strrchr(words->out, '/');

    if (words->work)
        return strdup(words->work);
    if (strcmp(words->out, "-") == 0)
        return strdup(folder_temporary());
    return slash ? strndup(words->out, slash == words->out ? 1 : (size_t)(slash - words->out)) : strdup(".");
}

static int code_of(int r, const struct snapshot_taken *taken)
{
    if (taken->in_file)
        return taken->made ? EX_IOERR : EX_CANTCREAT;
    return r == -EPROTO ? EX_CONFIG : r == -EBADMSG ? EX_DATAERR : r == -EACCES ? EX_NOPERM : r == -ECANCELED || r == -ESTALE ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

static void print_text(const struct snapshot_taken *taken, const struct words *words, double seconds, FILE *out)
{
    char values[PROGRESS_NUMBER_SIZE], decisions[PROGRESS_NUMBER_SIZE];

    fprintf(out, "%s: %s %s, whole and consistent, in %.1f s\n", words->out, progress_number(values, taken->values), number_words(taken->values, "value", "values"), seconds);
    fprintf(out, "outcomes that put it right: %s; longest question to Redis: %.1f ms\n", progress_number(decisions, taken->decisions), (double)taken->longest_us / 1000);
    fprintf(out, "digest %s\n", taken->digest);
    if (taken->halt[0])
        fprintf(out, "the market stands still: %s\n", taken->halt);
    if (taken->left_out)
        fprintf(out, "left out: %lld %s of a type that no snapshot holds, the first is %s\n", (long long)taken->left_out,
                number_words(taken->left_out, "key", "keys"), taken->first_left_out);
}

static int print_json(const struct snapshot_taken *taken, const struct words *words, double seconds, FILE *out)
{
    struct buffer text;
    int r;

    buffer_init(&text, 1 << 20);
    buffer_put_char(&text, '{');
    members_text(&text, "snapshot", words->out);
    members_text(&text, "digest", taken->digest);
    members_int(&text, "values", taken->values);
    members_int(&text, "decisions", taken->decisions);
    members_int(&text, "attempts", taken->attempts);
    members_real(&text, "seconds", seconds);
    members_real(&text, "longest_question_ms", (double)taken->longest_us / 1000);
    members_text_or_null(&text, "halt", taken->halt);
    members_int(&text, "left_out", taken->left_out);
    members_text_or_null(&text, "first_left_out", taken->first_left_out);
    buffer_put_text(&text, "}\n");
    r = buffer_error(&text);
    if (!r && fwrite(text.data, 1, text.size, out) != text.size)
        r = -EIO;
    buffer_deinit(&text);
    return r ? EX_IOERR : 0;
}

static int take(struct job *job, const struct words *words, struct kafka_in *in)
{
    char *folder = work_folder(words);
    struct snapshot_options options = {.start = site_start(job->site, in), .out = words->out, .work = folder, .release = ORDERD_VERSION,
                                       .stopped = stopped, .progress = show_progress, .context = job};
    FILE *out = strcmp(words->out, "-") == 0 ? stderr : stdout;
    int64_t began = clock_monotonic_ms(job->site->clock);
    struct snapshot_taken taken = {.values = 0};
    struct error_text error = {""};
    double seconds;
    int r;

    options.start.evidence.why = &error;
    r = folder ? snapshot_take(&options, &taken, &error) : -ENOMEM;
    seconds = (double)(clock_monotonic_ms(job->site->clock) - began) / 1000;
    if (job->what)
        progress_end(&job->progress);
    free(folder);
    if (r)
        return complain("snapshot", code_of(r, &taken), "no snapshot is taken: %s", error.text);
    if (words->json)
        return print_json(&taken, words, seconds, out);
    print_text(&taken, words, seconds, out);
    return fflush(out) ? EX_IOERR : 0;
}

static int connect_redis(struct site *site)
{
    struct error_text error;
    int r = session_visit(site->redis.session, &error);

    return r ? complain("snapshot", r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, "redis cannot be asked at %s: %s", site->config->redis.address, error.text) : 0;
}

static int with_kafka(struct job *job, const struct words *words)
{
    struct error_text error = {""};
    struct kafka_in_options consumer;
    struct kafka_in *in;
    int code = site_ask_kafka(job->site);

    if (!code)
        code = connect_redis(job->site);
    if (!code)
        code = site_open_reader(job->site);
    if (code)
        return code;
    consumer = site_consumer(job->site);
    if (kafka_in_new(&in, &consumer, &error))
        return complain("snapshot", EX_CONFIG, "no consumer: %s", error.text);
    code = take(job, words, in);
    kafka_in_free(in);
    return code;
}

static int work(struct site *site, void *context)
{
    struct job job = {.site = site};
    int code = interrupt_open(&job.interrupt) ? EX_OSERR : 0;

    if (!code)
        code = with_kafka(&job, context);
    interrupt_close(&job.interrupt);
    return code;
}

int command_snapshot(int argc, char **argv)
{
    struct words words = {.file = NULL};
    int code = parse(argc, argv, &words);

    if (code)
        return code;
    if (words.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    if (words.show)
        return snapshot_show(words.show, words.json);
    return site_command(words.file, "snapshot", work, &words);
}
